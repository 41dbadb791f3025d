use super::BreakGlassPerson;
use crate::clock::Timestamp;
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_one};

/// How many proven domains of enabled connections there are but for these; an empty text names none.
pub(super) async fn count_usable(
    on: &mut impl Lends,
    organization: OrganizationId,
    connection: &str,
    domain: &str,
) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from domains d join connections c on c.id = d.connection \
         where d.organization = $1 and d.verified_at is not null and c.enabled and c.id <> $2 and d.id <> $3",
        organization,
        connection,
        domain
    )?;
    Ok(count)
}

/// A domain holds neither `%` nor `_`.
pub(super) async fn members_on(
    on: &mut impl Lends,
    organization: OrganizationId,
    domain: &str,
) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from memberships where organization = $1 and state <> 'removed' \
         and lower(email) like '%@' || $2",
        organization,
        domain
    )?;
    Ok(count)
}

pub(super) async fn set_required(
    on: &mut impl Lends,
    organization: OrganizationId,
    required: bool,
) -> sqlx::Result<()> {
    execute!(on, "update organizations set sso_required = $2 where id = $1", organization, required)?;
    Ok(())
}

pub(super) async fn people(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<BreakGlassPerson>> {
    fetch_all!(
        on,
        BreakGlassPerson,
        "select m.user_id, m.name, m.email, m.role, m.state, \
         case when u.password_hash is null then false else true end as has_password, \
         u.has_authenticator, u.has_passkey \
         from memberships m join users u on u.id = m.user_id \
         where m.organization = $1 and m.break_glass and m.state <> 'removed' order by m.name_key, m.user_id",
        organization
    )
}

/// Active members: all of them, those without an identity at an enabled connection, and of these the ones whose
/// address is on no proven domain, whom nobody's word links. An address has its domain in whatever case, a domain
/// neither `%` nor `_`.
pub(super) async fn interrupted(
    on: &mut impl Lends,
    organization: OrganizationId,
    now: Timestamp,
) -> sqlx::Result<(i64, i64, i64)> {
    fetch_one!(
        on,
        (i64, i64, i64),
        "select count(*), count(case when linked then null else 1 end), \
         count(case when linked or routed then null else 1 end) from ( \
         select exists (select 1 from identities i join connections c on c.id = i.connection \
         where i.user_id = m.user_id and c.organization = m.organization and c.enabled) as linked, \
         exists (select 1 from domains d join connections c on c.id = d.connection \
         where d.organization = m.organization and d.verified_at is not null and c.enabled \
         and lower(m.email) like '%@' || d.domain) as routed \
         from memberships m where m.organization = $1 and m.state = 'active' \
         and (m.ends_at is null or m.ends_at > $2)) as members",
        organization,
        now
    )
}

/// The last of these, by name.
pub(super) async fn stranded(
    on: &mut impl Lends,
    organization: OrganizationId,
    now: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<(UserId, String)>> {
    fetch_all!(
        on,
        (UserId, String),
        "select m.user_id, m.name from memberships m where m.organization = $1 and m.state = 'active' \
         and (m.ends_at is null or m.ends_at > $2) \
         and not exists (select 1 from identities i join connections c on c.id = i.connection \
         where i.user_id = m.user_id and c.organization = m.organization and c.enabled) \
         and not exists (select 1 from domains d join connections c on c.id = d.connection \
         where d.organization = m.organization and d.verified_at is not null and c.enabled \
         and lower(m.email) like '%@' || d.domain) order by m.name_key, m.user_id limit $3",
        organization,
        now,
        limit
    )
}
