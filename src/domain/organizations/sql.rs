use super::{MfaRule, Organization, Own, Policy, SessionLimits};
use crate::clock::Timestamp;
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

pub(super) async fn by_slug(on: &mut impl Lends, slug: &str) -> sqlx::Result<Option<Organization>> {
    fetch_optional!(
        on,
        Organization,
        "select id, slug, name, people, pending, closed_at, mfa, mfa_from, mfa_before, session_idle, session_absolute, remembers_devices, shortest_password, sso_required \
         from organizations where slug = $1 and erased_at is null",
        slug
    )
}

pub(super) async fn by_old_slug(on: &mut impl Lends, slug: &str) -> sqlx::Result<Option<Organization>> {
    fetch_optional!(
        on,
        Organization,
        "select o.id, o.slug, o.name, o.people, o.pending, o.closed_at, o.mfa, o.mfa_from, o.mfa_before, o.session_idle, o.session_absolute, o.remembers_devices, o.shortest_password, o.sso_required \
         from organization_slugs s join organizations o on o.id = s.organization \
         where s.slug = $1 and o.slug <> $1 and o.erased_at is null",
        slug
    )
}

pub(super) async fn by_id(on: &mut impl Lends, id: OrganizationId) -> sqlx::Result<Organization> {
    fetch_one!(
        on,
        Organization,
        "select id, slug, name, people, pending, closed_at, mfa, mfa_from, mfa_before, session_idle, session_absolute, remembers_devices, shortest_password, sso_required \
         from organizations where id = $1",
        id
    )
}

pub(super) async fn of_user(on: &mut impl Lends, user: UserId, now: Timestamp) -> sqlx::Result<Vec<Own>> {
    fetch_all!(
        on,
        Own,
        "select o.id, o.slug, o.name, m.role, m.joined_at, o.closed_at, o.shortest_password \
         from memberships m join organizations o on o.id = m.organization \
         where m.user_id = $1 and m.state = 'active' and (m.ends_at is null or m.ends_at > $2) \
         and o.closed_at is null order by o.name, o.id",
        user,
        now
    )
}

pub(super) async fn closed_of_owner(
    on: &mut impl Lends,
    user: UserId,
    now: Timestamp,
    closed_after: Timestamp,
) -> sqlx::Result<Vec<Own>> {
    fetch_all!(
        on,
        Own,
        "select o.id, o.slug, o.name, m.role, m.joined_at, o.closed_at, o.shortest_password \
         from memberships m join organizations o on o.id = m.organization \
         where m.user_id = $1 and m.state = 'active' and m.role = 'owner' \
         and (m.ends_at is null or m.ends_at > $2) and o.closed_at > $3 and o.erased_at is null \
         order by o.name, o.id",
        user,
        now,
        closed_after
    )
}

/// Whether it was free. Whoever else is claiming it at this moment is waited for.
pub(super) async fn claim_slug(
    on: &mut impl Lends,
    slug: &str,
    organization: OrganizationId,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let claimed = execute!(
        on,
        "insert into organization_slugs (slug, organization, taken_at) values ($1, $2, $3) \
         on conflict (slug) do nothing",
        slug,
        organization,
        now
    )?;
    Ok(claimed == 1)
}

pub(super) async fn holder_of_slug(on: &mut impl Lends, slug: &str) -> sqlx::Result<Option<OrganizationId>> {
    let row = fetch_optional!(
        on,
        (OrganizationId,),
        "select organization from organization_slugs where slug = $1",
        slug
    )?;
    Ok(row.map(|(organization,)| organization))
}

pub(super) async fn insert(
    on: &mut impl Lends,
    organization: &Organization,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into organizations (id, slug, name, created_at) values ($1, $2, $3, $4)",
        organization.id,
        &organization.slug,
        &organization.name,
        now
    )?;
    Ok(())
}

pub(super) async fn set_name_and_slug(
    on: &mut impl Lends,
    id: OrganizationId,
    name: &str,
    slug: &str,
) -> sqlx::Result<()> {
    execute!(on, "update organizations set name = $2, slug = $3 where id = $1", id, name, slug)?;
    Ok(())
}

pub(super) async fn set_mfa(
    on: &mut impl Lends,
    id: OrganizationId,
    policy: &Policy,
    since: Option<Timestamp>,
    notice: i64,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update organizations set mfa = $2, mfa_from = $3, mfa_before = $4, mfa_notice = $5, \
         mfa_since = coalesce($6, mfa_since) where id = $1",
        id,
        policy.mfa,
        policy.mfa_from,
        policy.mfa_before,
        notice,
        since
    )?;
    Ok(())
}

pub(super) async fn set_sessions(
    on: &mut impl Lends,
    id: OrganizationId,
    policy: &Policy,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update organizations set session_idle = $2, session_absolute = $3, remembers_devices = $4, \
         shortest_password = $5 where id = $1",
        id,
        policy.session_idle,
        policy.session_absolute,
        policy.remembers_devices,
        policy.shortest_password
    )?;
    Ok(())
}

pub(super) async fn near_mfa(
    on: &mut impl Lends,
    days: i64,
    now: Timestamp,
    until: Timestamp,
) -> sqlx::Result<Vec<OrganizationId>> {
    let rows = fetch_all!(
        on,
        (OrganizationId,),
        "select id from organizations where mfa_from > $2 and mfa_from <= $3 and mfa <> 'optional' \
         and (mfa_notice = 0 or mfa_notice > $1) and closed_at is null order by mfa_from, id",
        days,
        now,
        until
    )?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub(super) async fn note_mfa_notice(
    on: &mut impl Lends,
    id: OrganizationId,
    days: i64,
    now: Timestamp,
    until: Timestamp,
) -> sqlx::Result<Option<MfaRule>> {
    let row = fetch_optional!(
        on,
        (MfaRule,),
        "update organizations set mfa_notice = $2 where id = $1 and mfa_from > $3 and mfa_from <= $4 \
         and mfa <> 'optional' and (mfa_notice = 0 or mfa_notice > $2) and closed_at is null returning mfa",
        id,
        days,
        now,
        until
    )?;
    Ok(row.map(|(mfa,)| mfa))
}

pub(super) async fn session_limits(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<SessionLimits>> {
    fetch_all!(
        on,
        SessionLimits,
        "select o.id, o.name, o.session_idle, o.session_absolute from memberships m \
         join organizations o on o.id = m.organization where m.user_id = $1 and m.state = 'active' \
         order by o.name, o.id",
        user
    )
}

/// Whether it was there to be deleted or reopened, and not erased.
pub(super) async fn set_closed_at(
    on: &mut impl Lends,
    id: OrganizationId,
    at: Option<Timestamp>,
) -> sqlx::Result<bool> {
    let set =
        execute!(on, "update organizations set closed_at = $2 where id = $1 and erased_at is null", id, at)?;
    Ok(set == 1)
}

pub(super) async fn to_erase(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<Vec<OrganizationId>> {
    let rows = fetch_all!(
        on,
        (OrganizationId,),
        "select id from organizations where closed_at is not null and closed_at <= $1 and erased_at is null \
         order by closed_at, id",
        before
    )?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub(super) async fn set_erased(
    on: &mut impl Lends,
    id: OrganizationId,
    before: Timestamp,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let erased = execute!(
        on,
        "update organizations set erased_at = $3, people = 0, pending = 0 \
         where id = $1 and closed_at is not null and closed_at <= $2 and erased_at is null",
        id,
        before,
        now
    )?;
    Ok(erased == 1)
}

pub(super) async fn count_people(on: &mut impl Lends, id: OrganizationId, more: i64) -> sqlx::Result<()> {
    execute!(on, "update organizations set people = people + $2 where id = $1", id, more)?;
    Ok(())
}

pub(super) async fn count_pending(
    on: &mut impl Lends,
    id: OrganizationId,
    more: i64,
) -> sqlx::Result<Organization> {
    fetch_one!(
        on,
        Organization,
        "update organizations set pending = pending + $2 where id = $1 \
         returning id, slug, name, people, pending, closed_at, mfa, mfa_from, mfa_before, session_idle, session_absolute, remembers_devices, shortest_password, sso_required",
        id,
        more
    )
}

/// The most characters that any of a person's organizations asks of a password.
pub(super) async fn shortest_password(on: &mut impl Lends, user: UserId) -> sqlx::Result<i64> {
    let (most,) = fetch_one!(
        on,
        (Option<i64>,),
        "select max(o.shortest_password) from memberships m join organizations o on o.id = m.organization \
         where m.user_id = $1 and m.state = 'active' and o.erased_at is null",
        user
    )?;
    Ok(most.unwrap_or(0))
}
