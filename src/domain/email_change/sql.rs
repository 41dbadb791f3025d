use super::EmailChange;
use crate::clock::Timestamp;
use crate::domain::users::User;
use crate::domain::values::Email;
use crate::ids::UserId;
use crate::secrets::TokenHash;
use crate::storage::{Lends, execute, fetch_all, fetch_optional};

pub(super) async fn insert(
    on: &mut impl Lends,
    token: &TokenHash,
    user: &User,
    email: &Email,
    now: Timestamp,
    expires_at: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into email_changes (token_hash, user_id, old_email, new_email, new_canonical, created_at, \
         expires_at) values ($1, $2, $3, $4, $5, $6, $7)",
        token,
        user.id,
        &user.email,
        email.as_str(),
        email.canonical(),
        now,
        expires_at
    )?;
    Ok(())
}

/// Ends whatever waits for a confirmation.
pub(super) async fn close_open(on: &mut impl Lends, user: UserId, now: Timestamp) -> sqlx::Result<()> {
    execute!(
        on,
        "update email_changes set closed_at = $2 \
         where user_id = $1 and closed_at is null and confirmed_at is null",
        user,
        now
    )?;
    Ok(())
}

pub(super) async fn find(on: &mut impl Lends, token: &TokenHash) -> sqlx::Result<Option<EmailChange>> {
    fetch_optional!(
        on,
        EmailChange,
        "select user_id, old_email, new_email, new_canonical, expires_at, closed_at, confirmed_at, undo_until, \
         undone_at from email_changes where token_hash = $1",
        token
    )
}

pub(super) async fn find_by_undo(on: &mut impl Lends, undo: &TokenHash) -> sqlx::Result<Option<EmailChange>> {
    fetch_optional!(
        on,
        EmailChange,
        "select user_id, old_email, new_email, new_canonical, expires_at, closed_at, confirmed_at, undo_until, \
         undone_at from email_changes where undo_hash = $1",
        undo
    )
}

/// Marks a change as done, whatever ended beside it.
pub(super) async fn confirmed(
    on: &mut impl Lends,
    token: &TokenHash,
    now: Timestamp,
    undo: Option<&TokenHash>,
    undo_until: Option<Timestamp>,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update email_changes set closed_at = null, confirmed_at = $2, undo_hash = $3, undo_until = $4 \
         where token_hash = $1",
        token,
        now,
        undo,
        undo_until
    )?;
    Ok(())
}

/// The addresses that a user can still go back to by a link, and since when they had another.
pub(super) async fn undoable(
    on: &mut impl Lends,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<Vec<(String, Timestamp)>> {
    fetch_all!(
        on,
        (String, Timestamp),
        "select old_email, confirmed_at from email_changes \
         where user_id = $1 and confirmed_at is not null and undone_at is null and undo_until > $2 \
         order by confirmed_at",
        user,
        now
    )
}

/// No undo link of this change or of a later one works from now on.
pub(super) async fn end_undos_since(
    on: &mut impl Lends,
    user: UserId,
    since: Timestamp,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update email_changes set undo_until = $3 \
         where user_id = $1 and confirmed_at >= $2 and undone_at is null and undo_until > $3",
        user,
        since,
        now
    )?;
    Ok(())
}

pub(super) async fn undone(on: &mut impl Lends, undo: &TokenHash, now: Timestamp) -> sqlx::Result<()> {
    execute!(on, "update email_changes set undone_at = $2 where undo_hash = $1", undo, now)?;
    Ok(())
}

pub(super) async fn drop_old(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(
        on,
        "delete from email_changes where expires_at < $1 and (undo_until is null or undo_until < $1)",
        before
    )?;
    Ok(())
}
