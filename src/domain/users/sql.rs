use super::User;
use super::ending::Ending;
use super::members::{Member, MemberState};
use super::mfa::{MfaMail, Unmarked};
use super::profile::Profile;
use crate::clock::Timestamp;
use crate::domain::access::{Factors, Role};
use crate::domain::organizations::MfaRule;
use crate::domain::values::{Theme, TimeZone};
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

pub(super) async fn by_email(on: &mut impl Lends, canonical: &str) -> sqlx::Result<Option<User>> {
    fetch_optional!(
        on,
        User,
        "select id, email, email_canonical, name, password_hash, password_changed_at, password_length, \
         has_authenticator, has_passkey from users where email_canonical = $1",
        canonical
    )
}

pub(super) async fn by_id(on: &mut impl Lends, id: UserId) -> sqlx::Result<Option<User>> {
    fetch_optional!(
        on,
        User,
        "select id, email, email_canonical, name, password_hash, password_changed_at, password_length, \
         has_authenticator, has_passkey from users where id = $1",
        id
    )
}

/// Locks the user's row till the transaction ends, on either database: an update that changes nothing.
pub(super) async fn hold(on: &mut impl Lends, id: UserId) -> sqlx::Result<Option<User>> {
    fetch_optional!(
        on,
        User,
        "update users set name = name where id = $1 \
         returning id, email, email_canonical, name, password_hash, password_changed_at, password_length, \
         has_authenticator, has_passkey",
        id
    )
}

pub(super) async fn any_user(on: &mut impl Lends) -> sqlx::Result<bool> {
    Ok(fetch_optional!(on, (UserId,), "select id from users limit 1")?.is_some())
}

pub(super) async fn insert_user(on: &mut impl Lends, user: &User) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into users (id, email, email_canonical, name, password_hash, password_changed_at, created_at, \
         password_length) values ($1, $2, $3, $4, $5, $6, $6, $7)",
        user.id,
        &user.email,
        &user.email_canonical,
        &user.name,
        &user.password_hash,
        user.password_changed_at,
        user.password_length
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
    length: i64,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update users set password_hash = $2, password_changed_at = $3, password_length = $4 where id = $1",
        user,
        hash,
        now,
        length
    )?;
    Ok(())
}

pub(super) async fn note_password_length(
    on: &mut impl Lends,
    user: UserId,
    hash: &str,
    length: i64,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update users set password_length = $3 where id = $1 and password_hash = $2",
        user,
        hash,
        length
    )?;
    Ok(())
}

pub(super) async fn set_factors(
    on: &mut impl Lends,
    user: UserId,
    factors: Factors,
    remembered_until: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update users set has_authenticator = $2, has_passkey = $3, remembered_until = $4 where id = $1",
        user,
        factors.authenticator,
        factors.passkey,
        remembered_until
    )?;
    execute!(
        on,
        "update memberships set has_authenticator = $2, has_passkey = $3, remembered_until = $4 \
         where user_id = $1 and state <> 'removed'",
        user,
        factors.authenticator,
        factors.passkey,
        remembered_until
    )?;
    Ok(())
}

pub(super) async fn set_remembered_until(
    on: &mut impl Lends,
    user: UserId,
    until: Timestamp,
) -> sqlx::Result<()> {
    execute!(on, "update users set remembered_until = $2 where id = $1", user, until)?;
    execute!(
        on,
        "update memberships set remembered_until = $2 where user_id = $1 and state <> 'removed'",
        user,
        until
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
        "select user_id, name, email, role, state, ends_at, proofs_after, joined_at, last_active_at, \
         has_authenticator, has_passkey, remembered_until, break_glass from memberships where organization = $1 and user_id = $2",
        organization,
        user
    )
}

/// The same, in an organization that is not deleted.
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

pub(super) async fn profile(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Option<Profile>> {
    fetch_optional!(
        on,
        Profile,
        "select m.user_id, m.name, m.email, m.role, m.state, m.ends_at, m.proofs_after, m.joined_at, \
         m.last_active_at, m.has_authenticator, m.has_passkey, m.remembered_until, m.break_glass, m.role_since, m.role_by, r.name as role_by_name, m.state_since, m.state_by, \
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

pub(super) async fn set_break_glass(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    named: bool,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update memberships set break_glass = $3 where organization = $1 and user_id = $2",
        organization,
        user,
        named
    )?;
    Ok(())
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

pub(super) async fn time_zone(on: &mut impl Lends, user: UserId) -> sqlx::Result<TimeZone> {
    let (zone,) = fetch_one!(on, (TimeZone,), "select time_zone from users where id = $1", user)?;
    Ok(zone)
}

pub(super) async fn set_end_date(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    ends_at: Option<Timestamp>,
    notice: i64,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update memberships set ends_at = $3, end_notice = $4 where organization = $1 and user_id = $2",
        organization,
        user,
        ends_at,
        notice
    )?;
    Ok(())
}

/// Memberships whose end has come.
pub(super) async fn ended(
    on: &mut impl Lends,
    now: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<(OrganizationId, UserId)>> {
    fetch_all!(
        on,
        (OrganizationId, UserId),
        "select organization, user_id from memberships \
         where ends_at is not null and ends_at <= $1 and state <> 'removed' and role <> 'owner' \
         order by ends_at, organization, user_id limit $2",
        now,
        limit
    )
}

/// Active memberships that end by `until`, of which so many days before nobody was told. Whoever
/// came later than `joined_by` before their end knows it from their invitation.
pub(super) async fn to_be_told(
    on: &mut impl Lends,
    days: i64,
    now: Timestamp,
    until: Timestamp,
    longer_than: i64,
    limit: i64,
) -> sqlx::Result<Vec<Ending>> {
    fetch_all!(
        on,
        Ending,
        "select m.organization, m.user_id, m.name, m.email, m.ends_at, u.time_zone, o.name as organization_name, \
         o.slug, i.user_id as inviter, i.email as inviter_email, iu.time_zone as inviter_time_zone \
         from memberships m join organizations o on o.id = m.organization join users u on u.id = m.user_id \
         left join memberships i on i.organization = m.organization and i.user_id = m.invited_by \
           and i.state = 'active' and i.role in ('owner', 'admin') and (i.ends_at is null or i.ends_at > $2) \
         left join users iu on iu.id = i.user_id \
         where m.ends_at > $2 and m.ends_at <= $3 and m.state = 'active' and m.role <> 'owner' \
         and (m.end_notice = 0 or m.end_notice > $1) and m.ends_at - m.joined_at > $4 and o.closed_at is null \
         order by m.ends_at, m.organization, m.user_id limit $5",
        days,
        now,
        until,
        longer_than,
        limit
    )
}

/// Notes that a person was told, unless somebody has by now, or the end has moved.
pub(super) async fn note_told(on: &mut impl Lends, ending: &Ending, days: i64) -> sqlx::Result<bool> {
    let noted = execute!(
        on,
        "update memberships set end_notice = $4 where organization = $1 and user_id = $2 and ends_at = $3 \
         and state = 'active' and (end_notice = 0 or end_notice > $4)",
        ending.organization,
        ending.user_id,
        ending.ends_at,
        days
    )?;
    Ok(noted == 1)
}

/// Active members who lack what a rule asks for: no passkey and, unless only those count, no
/// authenticator. `$1` is the organization, `$2` the rule, `$3` now.
macro_rules! lacking {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " where organization = $1 and state = 'active' and (ends_at is null or ends_at > $3) \
             and not has_passkey and ($2 = 'passkey' or not has_authenticator)",
            $after
        )
    };
}

pub(super) async fn lacking(
    on: &mut impl Lends,
    organization: OrganizationId,
    rule: MfaRule,
    now: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<(UserId, String)>> {
    fetch_all!(
        on,
        (UserId, String),
        lacking!("select user_id, name from memberships", " order by name_key, user_id limit $4"),
        organization,
        rule,
        now,
        limit
    )
}

/// How many lack it, and how many active members there are.
pub(super) async fn count_lacking(
    on: &mut impl Lends,
    organization: OrganizationId,
    rule: MfaRule,
    now: Timestamp,
) -> sqlx::Result<(i64, i64)> {
    fetch_one!(
        on,
        (i64, i64),
        lacking!(
            "select (select count(*) from memberships",
            "), (select count(*) from memberships \
             where organization = $1 and state = 'active' and (ends_at is null or ends_at > $3))"
        ),
        organization,
        rule,
        now
    )
}

pub(super) async fn mark_for_mfa_mail(
    on: &mut impl Lends,
    organization: OrganizationId,
    rule: MfaRule,
    now: Timestamp,
) -> sqlx::Result<u64> {
    execute!(on, lacking!("update memberships set mfa_mail_due = $2", ""), organization, rule, now)
}

pub(super) async fn unmark_for_mfa_mail(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update memberships set mfa_mail_due = null where organization = $1 and mfa_mail_due is not null",
        organization
    )?;
    Ok(())
}

pub(super) async fn mfa_mails_due(on: &mut impl Lends, limit: i64) -> sqlx::Result<Vec<MfaMail>> {
    fetch_all!(
        on,
        MfaMail,
        "select m.organization, m.user_id, m.mfa_mail_due from memberships m \
         join organizations o on o.id = m.organization \
         where m.mfa_mail_due is not null and o.closed_at is null order by m.organization, m.user_id limit $1",
        limit
    )
}

/// Of several at once one takes it.
pub(super) async fn take_mfa_mail(on: &mut impl Lends, mail: &MfaMail) -> sqlx::Result<Option<Unmarked>> {
    fetch_optional!(
        on,
        Unmarked,
        "update memberships set mfa_mail_due = null \
         where organization = $1 and user_id = $2 and mfa_mail_due = $3 \
         returning email, state, ends_at, has_authenticator, has_passkey",
        mail.organization,
        mail.user_id,
        mail.rule
    )
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

pub(super) async fn created_at(on: &mut impl Lends, user: UserId) -> sqlx::Result<Timestamp> {
    let (at,) = fetch_one!(on, (Timestamp,), "select created_at from users where id = $1", user)?;
    Ok(at)
}
