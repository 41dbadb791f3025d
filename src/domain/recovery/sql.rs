use crate::clock::Timestamp;
use crate::ids::UserId;
use crate::secrets::TokenHash;
use crate::storage::{Lends, execute, fetch_all, fetch_optional};

pub(super) struct NewReset<'a> {
    pub token: &'a TokenHash,
    pub email_canonical: &'a str,
    pub user: Option<UserId>,
    pub password_changed_at: Timestamp,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
pub(super) struct Reset {
    pub email_canonical: String,
    pub user_id: Option<UserId>,
    pub password_changed_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

/// Whatever was asked for before stops working.
pub(super) async fn replace(on: &mut impl Lends, email_canonical: &str, now: Timestamp) -> sqlx::Result<()> {
    execute!(
        on,
        "update password_resets set used_at = $2 where email_canonical = $1 and used_at is null",
        email_canonical,
        now
    )?;
    Ok(())
}

pub(super) async fn insert(on: &mut impl Lends, reset: &NewReset<'_>) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into password_resets (token_hash, email_canonical, user_id, password_changed_at, created_at, \
         expires_at) values ($1, $2, $3, $4, $5, $6)",
        reset.token,
        reset.email_canonical,
        reset.user,
        reset.password_changed_at,
        reset.now,
        reset.expires_at
    )?;
    Ok(())
}

pub(super) async fn find(on: &mut impl Lends, token: &TokenHash) -> sqlx::Result<Option<Reset>> {
    fetch_optional!(
        on,
        Reset,
        "select email_canonical, user_id, password_changed_at, expires_at, used_at \
         from password_resets where token_hash = $1",
        token
    )
}

pub(super) async fn mark_used(on: &mut impl Lends, token: &TokenHash, now: Timestamp) -> sqlx::Result<()> {
    execute!(on, "update password_resets set used_at = $2 where token_hash = $1", token, now)?;
    Ok(())
}

pub(super) async fn drop_old(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(on, "delete from password_resets where expires_at < $1", before)?;
    Ok(())
}

/// For each organization that a person is in, whether it requires single sign-on.
pub(super) async fn sso_required(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<bool>> {
    let rows = fetch_all!(
        on,
        (bool,),
        "select o.sso_required from memberships m join organizations o on o.id = m.organization \
         where m.user_id = $1 and m.state <> 'removed'",
        user
    )?;
    Ok(rows.into_iter().map(|(required,)| required).collect())
}

/// Whether an invite to an organization that the person is not in awaits them, or an entry of a resource there.
pub(super) async fn is_awaited(
    on: &mut impl Lends,
    user: UserId,
    email_canonical: &str,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let row = fetch_optional!(
        on,
        (String,),
        "select i.organization from invitations i join organizations o on o.id = i.organization \
         where i.email_canonical = $2 and i.state = 'pending' and i.expires_at > $3 and o.closed_at is null \
         and not exists (select 1 from memberships m where m.organization = i.organization and m.user_id = $1 \
         and m.state <> 'removed') \
         union \
         select p.organization from resource_people p join organizations o on o.id = p.organization \
         where p.user_id = $1 and o.closed_at is null \
         and not exists (select 1 from memberships m where m.organization = p.organization and m.user_id = $1 \
         and m.state <> 'removed') limit 1",
        user,
        email_canonical,
        now
    )?;
    Ok(row.is_some())
}
