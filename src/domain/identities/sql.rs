use super::Identity;
use crate::clock::Timestamp;
use crate::ids::{ConnectionId, IdentityId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_optional};

pub(super) async fn at_google(
    on: &mut impl Lends,
    issuer: &str,
    subject: &str,
) -> sqlx::Result<Option<Identity>> {
    fetch_optional!(
        on,
        Identity,
        "select id, user_id, connection, issuer, subject, email, linked_at, last_used_at from identities \
         where connection is null and issuer = $1 and subject = $2",
        issuer,
        subject
    )
}

pub(super) async fn at_connection(
    on: &mut impl Lends,
    connection: ConnectionId,
    issuer: &str,
    subject: &str,
) -> sqlx::Result<Option<Identity>> {
    fetch_optional!(
        on,
        Identity,
        "select id, user_id, connection, issuer, subject, email, linked_at, last_used_at from identities \
         where connection = $1 and issuer = $2 and subject = $3",
        connection,
        issuer,
        subject
    )
}

pub(super) async fn of_user(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<Identity>> {
    fetch_all!(
        on,
        Identity,
        "select id, user_id, connection, issuer, subject, email, linked_at, last_used_at from identities \
         where user_id = $1 order by case when connection is null then 0 else 1 end, linked_at, id",
        user
    )
}

pub(super) async fn insert(on: &mut impl Lends, identity: &Identity) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into identities (id, user_id, connection, issuer, subject, email, linked_at, \
         last_used_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        identity.id,
        identity.user,
        identity.connection,
        &identity.issuer,
        &identity.subject,
        &identity.email,
        identity.linked_at,
        identity.last_used_at
    )?;
    Ok(())
}

pub(super) async fn delete(
    on: &mut impl Lends,
    user: UserId,
    id: IdentityId,
) -> sqlx::Result<Option<Identity>> {
    fetch_optional!(
        on,
        Identity,
        "delete from identities where id = $1 and user_id = $2 \
         returning id, user_id, connection, issuer, subject, email, linked_at, last_used_at",
        id,
        user
    )
}

pub(super) async fn touch(
    on: &mut impl Lends,
    id: IdentityId,
    email: Option<&str>,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let touched = execute!(
        on,
        "update identities set last_used_at = $2, email = coalesce($3, email) where id = $1",
        id,
        now,
        email
    )?;
    Ok(touched == 1)
}

/// For each organization that a person is an active member of, whether one of its connections knows them, by
/// another identity than one.
pub(super) async fn covered(
    on: &mut impl Lends,
    user: UserId,
    without: Option<IdentityId>,
    now: Timestamp,
) -> sqlx::Result<Vec<bool>> {
    let rows = fetch_all!(
        on,
        (bool,),
        "select exists (select 1 from identities i join connections c on c.id = i.connection \
         where i.user_id = m.user_id and c.organization = m.organization and c.enabled and i.id <> $3) \
         from memberships m join organizations o on o.id = m.organization \
         where m.user_id = $1 and m.state = 'active' and (m.ends_at is null or m.ends_at > $2) \
         and o.closed_at is null",
        user,
        now,
        without.map(|id| id.to_string()).unwrap_or_default()
    )?;
    Ok(rows.into_iter().map(|(covered,)| covered).collect())
}
