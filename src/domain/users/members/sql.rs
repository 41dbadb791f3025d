use super::{Member, MemberState};
use crate::clock::Timestamp;
use crate::domain::access::Role;
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

/// The same, in an organization that is not deleted.
pub(super) async fn member(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Option<Member>> {
    fetch_optional!(
        on,
        Member,
        "select user_id, name, email, role, state, ends_at, proofs_after, joined_at, last_active_at, \
         has_authenticator, has_passkey, remembered_until, break_glass from memberships where organization = $1 and user_id = $2",
        organization,
        user
    )
}

pub(super) async fn member_of_open(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Option<Member>> {
    fetch_optional!(
        on,
        Member,
        "select m.user_id, m.name, m.email, m.role, m.state, m.ends_at, m.proofs_after, m.joined_at, \
         m.last_active_at, m.has_authenticator, m.has_passkey, m.remembered_until, m.break_glass \
         from memberships m join organizations o on o.id = m.organization \
         where m.organization = $1 and m.user_id = $2 and o.closed_at is null",
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

/// Those who could come in though single sign-on is required.
pub(super) async fn other_break_glass_owners(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from memberships m join users u on u.id = m.user_id \
         where m.organization = $1 and m.break_glass and m.role = 'owner' and m.state = 'active' \
         and m.user_id <> $2 and u.password_hash is not null and (u.has_authenticator or u.has_passkey)",
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

pub(super) async fn mail_of_admins(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<String>> {
    let rows = fetch_all!(
        on,
        (String,),
        "select email from memberships where organization = $1 and role in ('owner', 'admin') and state = 'active' \
         order by case role when 'owner' then 0 else 1 end, name_key, user_id limit 20",
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

/// Ends what a person maintains, and names the teams.
pub(super) async fn end_maintaining(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Vec<String>> {
    let teams = fetch_all!(
        on,
        (String,),
        "select t.name from team_members m join teams t on t.id = m.team \
         where m.organization = $1 and m.user_id = $2 and m.maintainer order by t.name_key, t.id",
        organization,
        user
    )?;
    if !teams.is_empty() {
        execute!(
            on,
            "update team_members set maintainer = false where organization = $1 and user_id = $2",
            organization,
            user
        )?;
    }
    Ok(teams.into_iter().map(|(name,)| name).collect())
}

/// The active Owner who has been one for the longest, beside one person.
pub(super) async fn longest_owner(
    on: &mut impl Lends,
    organization: OrganizationId,
    beside: UserId,
) -> sqlx::Result<Option<UserId>> {
    let found = fetch_optional!(
        on,
        (UserId,),
        "select user_id from memberships where organization = $1 and role = 'owner' and state = 'active' \
         and user_id <> $2 order by role_since, joined_at, user_id limit 1",
        organization,
        beside
    )?;
    Ok(found.map(|(user,)| user))
}

/// The active Owners beside one person, by name.
pub(super) async fn owners_beside(
    on: &mut impl Lends,
    organization: OrganizationId,
    beside: UserId,
) -> sqlx::Result<Vec<(UserId, String)>> {
    fetch_all!(
        on,
        (UserId, String),
        "select user_id, name from memberships where organization = $1 and role = 'owner' and state = 'active' \
         and user_id <> $2 order by name_key, user_id",
        organization,
        beside
    )
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
         last_active_at, name, name_key, email, search, invited_by, role_since, role_by, state_since, state_by, \
         has_authenticator, has_passkey, remembered_until) \
         select $1, u.id, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, $7, $12, $7, $12, \
         u.has_authenticator, u.has_passkey, u.remembered_until from users u where u.id = $2 \
         on conflict (organization, user_id) do update set role = excluded.role, state = excluded.state, \
         ends_at = excluded.ends_at, joined_at = excluded.joined_at, invited_by = excluded.invited_by, \
         role_since = excluded.role_since, role_by = excluded.role_by, state_since = excluded.state_since, \
         state_by = excluded.state_by, end_notice = 0, \
         last_active_at = excluded.last_active_at, name = excluded.name, name_key = excluded.name_key, \
         email = excluded.email, search = excluded.search, has_authenticator = excluded.has_authenticator, \
         has_passkey = excluded.has_passkey, remembered_until = excluded.remembered_until, mfa_mail_due = null, \
         break_glass = false",
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
