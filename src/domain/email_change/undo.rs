//! The old address's way back: a link that needs no session, since whoever took the account may have
//! ended them all.

use super::{EmailChange, LinkError, UNDO_LIFE, mails, move_to, sql};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Operator, Origin};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::factors;
use crate::domain::sessions;
use crate::domain::users::{self, User};
use crate::domain::values::Email;
use crate::mail;
use crate::secrets::{Token, TokenHash};
use crate::storage::{Change, Lends};

/// Marks a change as confirmed and makes its undo link. Whoever returns to an address that they had
/// a moment ago needs none, and the addresses in between lose theirs: they may be a thief's.
pub(super) async fn prepare(
    change: &mut Change,
    token: &TokenHash,
    user: &User,
    email: &Email,
) -> sqlx::Result<Option<Token>> {
    let now = change.now();
    let before = sql::undoable(change, user.id, now).await?;
    let returned = before.iter().find(|(old, _)| old.eq_ignore_ascii_case(email.as_str()));
    if let Some((_, since)) = returned {
        sql::end_undos_since(change, user.id, *since, now).await?;
        sql::confirmed(change, token, now, None, None).await?;
        return Ok(None);
    }
    let undo = Token::generate();
    let until = now.plus(UNDO_LIFE);
    sql::confirmed(change, token, now, Some(&undo.hash()), Some(until)).await?;
    Ok(Some(undo))
}

/// What an undo link would take back. Changes nothing.
pub async fn look_at_undo(app: &App, token: &str) -> Result<EmailChange, LinkError> {
    let now = app.db.now();
    let mut reader = app.db.read().await?;
    let (_, _, found) = usable(&mut reader, token, now).await?;
    free_for(&mut reader, &found).await?;
    Ok(found)
}

async fn usable(
    on: &mut impl Lends,
    token: &str,
    now: Timestamp,
) -> Result<(TokenHash, Timestamp, EmailChange), LinkError> {
    let hash = Token::parse(token).ok_or(LinkError::Unknown)?.hash();
    let found = sql::find_by_undo(on, &hash).await?.ok_or(LinkError::Unknown)?;
    match (found.confirmed_at, found.undo_until) {
        (Some(confirmed), Some(until)) if found.undone_at.is_none() && now < until => {
            Ok((hash, confirmed, found))
        }
        _ => Err(LinkError::Spent),
    }
}

/// The old address, unless somebody else has made an account with it since.
async fn free_for(on: &mut impl Lends, found: &EmailChange) -> Result<(), LinkError> {
    match users::by_email(on, &found.old_email.to_ascii_lowercase()).await? {
        Some(other) if other.id != found.user_id => Err(LinkError::Taken(found.old_email.clone())),
        _ => Ok(()),
    }
}

/// Gives the account its old address back, ends all of its sessions, and with them whatever came after:
/// the undo links of later changes, changes that wait, resets. Whoever changed it twice does not win.
pub async fn undo(app: &App, token: &str, origin: &Origin) -> Result<EmailChange, LinkError> {
    let user = look_at_undo(app, token).await?.user_id;
    let mut change = app.db.account(Some(user), &[]).await?;
    let now = change.now();
    let (hash, confirmed, found) = usable(&mut change, token, now).await?;
    free_for(&mut change, &found).await?;
    let user = users::by_id(&mut change, user).await?.ok_or(LinkError::Spent)?;
    let email = move_to(&mut change, &user, &found.old_email).await?;
    sql::undone(&mut change, &hash, now).await?;
    sql::end_undos_since(&mut change, user.id, confirmed, now).await?;
    factors::forget_devices(&mut change, user.id).await?;
    sessions::end_all(&mut change, user.id, None, now).await?;
    let entry =
        Entry::new(Kind::EmailChangeUndone, user.id, &user.name).changed("email", &user.email, &email);
    audit::record_account(&mut change, &Operator::of(&user, origin.clone()), entry).await?;
    for message in mails::undone(app, &user, &email) {
        mail::queue(&mut change, app, None, &message).await?;
    }
    change.commit().await?;
    Ok(found)
}
