use super::User;
use super::members::{Member, MemberState};
use super::profile::Profile;
use crate::clock::Timestamp;
use crate::domain::access::Role;
use crate::domain::values::{Theme, TimeZone};
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

pub(super) async fn by_email(on: &mut impl Lends, canonical: &str) -> sqlx::Result<Option<User>> {
    fetch_optional!(
        on,
        User,
        "select id, email, email_canonical, name, password_hash, password_changed_at \
         from users where email_canonical = $1",
        canonical
    )
}

pub(super) async fn by_id(on: &mut impl Lends, id: UserId) -> sqlx::Result<Option<User>> {
    fetch_optional!(
        on,
        User,
        "select id, email, email_canonical, name, password_hash, password_changed_at from users where id = $1",
        id
    )
}

/// Locks the user's row till the transaction ends, on either database: an update that changes nothing.
pub(super) async fn hold(on: &mut impl Lends, id: UserId) -> sqlx::Result<Option<User>> {
    fetch_optional!(
        on,
        User,
        "update users set name = name where id = $1 \
         returning id, email, email_canonical, name, password_hash, password_changed_at",
        id
    )
}

pub(super) async fn any_user(on: &mut impl Lends) -> sqlx::Result<bool> {
    Ok(fetch_optional!(on, (UserId,), "select id from users limit 1")?.is_some())
}

pub(super) async fn insert_user(on: &mut impl Lends, user: &User) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into users (id, email, email_canonical, name, password_hash, password_changed_at, created_at) \
         values ($1, $2, $3, $4, $5, $6, $6)",
        user.id,
        &user.email,
        &user.email_canonical,
        &user.name,
        &user.password_hash,
        user.password_changed_at
    )?;
    Ok(())
}

pub(super) async fn set_name(
    on: &mut impl Lends,
    user: UserId,
    name: &str,
    name_key: &str,
    search: &str,
) -> sqlx::Result<()> {
    execute!(on, "update users set name = $2 where id = $1", user, name)?;
    execute!(
        on,
        "update memberships set name = $2, name_key = $3, search = $4 where user_id = $1 and state <> 'removed'",
        user,
        name,
        name_key,
        search
    )?;
    Ok(())
}

pub(super) async fn set_email(
    on: &mut impl Lends,
    user: UserId,
    email: &str,
    canonical: &str,
    search: &str,
) -> sqlx::Result<()> {
    execute!(on, "update users set email = $2, email_canonical = $3 where id = $1", user, email, canonical)?;
    execute!(
        on,
        "update memberships set email = $2, search = $3 where user_id = $1 and state <> 'removed'",
        user,
        email,
        search
    )?;
    Ok(())
}

pub(super) async fn set_preferences(
    on: &mut impl Lends,
    user: UserId,
    time_zone: &TimeZone,
    theme: Theme,
) -> sqlx::Result<()> {
    execute!(on, "update users set time_zone = $2, theme = $3 where id = $1", user, time_zone, theme)?;
    Ok(())
}

pub(super) async fn set_password(
    on: &mut impl Lends,
    user: UserId,
    hash: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update users set password_hash = $2, password_changed_at = $3 where id = $1",
        user,
        hash,
        now
    )?;
    Ok(())
}

pub(super) async fn rehash_password(
    on: &mut impl Lends,
    user: UserId,
    old: &str,
    new: &str,
) -> sqlx::Result<()> {
    execute!(on, "update users set password_hash = $3 where id = $1 and password_hash = $2", user, old, new)?;
    Ok(())
}

pub(super) async fn member(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Option<Member>> {
    fetch_optional!(
        on,
        Member,
        "select user_id, name, email, role, state, ends_at, proofs_after, joined_at, last_active_at \
         from memberships where organization = $1 and user_id = $2",
        organization,
        user
    )
}

pub(super) async fn profile(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Option<Profile>> {
    fetch_optional!(
        on,
        Profile,
        "select m.user_id, m.name, m.email, m.role, m.state, m.ends_at, m.proofs_after, m.joined_at, \
         m.last_active_at, m.role_since, m.role_by, r.name as role_by_name, m.state_since, m.state_by, \
         s.name as state_by_name, m.invited_by, i.name as invited_by_name from memberships m \
         left join memberships r on r.organization = m.organization and r.user_id = m.role_by \
         left join memberships s on s.organization = m.organization and s.user_id = m.state_by \
         left join memberships i on i.organization = m.organization and i.user_id = m.invited_by \
         where m.organization = $1 and m.user_id = $2",
        organization,
        user
    )
}

pub(super) async fn other_active_owners(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from memberships \
         where organization = $1 and role = 'owner' and state = 'active' and user_id <> $2",
        organization,
        user
    )?;
    Ok(count)
}

pub(super) async fn mail_of_owners(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<String>> {
    let rows = fetch_all!(
        on,
        (String,),
        "select email from memberships where organization = $1 and role = 'owner' and state = 'active' \
         order by name_key, user_id limit 20",
        organization
    )?;
    Ok(rows.into_iter().map(|(email,)| email).collect())
}

pub(super) async fn owners(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<(UserId, String)>> {
    fetch_all!(
        on,
        (UserId, String),
        "select user_id, email from memberships where organization = $1 and role = 'owner' and state = 'active' \
         order by name_key, user_id",
        organization
    )
}

/// Every membership, whatever its state: the organization is erased (R12).
pub(super) async fn erase_members(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    execute!(on, "delete from memberships where organization = $1", organization)?;
    Ok(())
}

pub(super) async fn set_role(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    role: Role,
    ends_at: Option<Timestamp>,
    by: Option<UserId>,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update memberships set role = $3, ends_at = $4, role_by = $5, role_since = $6 \
         where organization = $1 and user_id = $2",
        organization,
        user,
        role,
        ends_at,
        by,
        now
    )?;
    Ok(())
}

pub(super) async fn set_state(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    state: MemberState,
    by: Option<UserId>,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update memberships set state = $3, state_by = $4, state_since = $5 \
         where organization = $1 and user_id = $2",
        organization,
        user,
        state,
        by,
        now
    )?;
    Ok(())
}

pub(super) async fn set_proofs_after(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    at: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update memberships set proofs_after = $3 where organization = $1 and user_id = $2",
        organization,
        user,
        at
    )?;
    Ok(())
}

pub(super) async fn set_last_active(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    at: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update memberships set last_active_at = $3 \
         where organization = $1 and user_id = $2 and last_active_at < $3",
        organization,
        user,
        at
    )?;
    Ok(())
}

/// `proofs_after` stays as it was: who was signed out everywhere and then removed comes back signed out (R10).
pub(super) async fn upsert_member(
    on: &mut impl Lends,
    organization: OrganizationId,
    member: &Member,
    invited_by: Option<UserId>,
    name_key: &str,
    search: &str,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into memberships (organization, user_id, role, state, ends_at, proofs_after, joined_at, \
         last_active_at, name, name_key, email, search, invited_by, role_since, role_by, state_since, state_by) \
         values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, $7, $12, $7, $12) \
         on conflict (organization, user_id) do update set role = excluded.role, state = excluded.state, \
         ends_at = excluded.ends_at, joined_at = excluded.joined_at, invited_by = excluded.invited_by, \
         role_since = excluded.role_since, role_by = excluded.role_by, state_since = excluded.state_since, \
         state_by = excluded.state_by, end_notice = 0, \
         last_active_at = excluded.last_active_at, name = excluded.name, name_key = excluded.name_key, \
         email = excluded.email, search = excluded.search",
        organization,
        member.user_id,
        member.role,
        member.state,
        member.ends_at,
        member.proofs_after,
        member.joined_at,
        &member.name,
        name_key,
        &member.email,
        search,
        invited_by
    )?;
    Ok(())
}
