use super::User;
use super::profile::Profile;
use crate::clock::Timestamp;
use crate::domain::access::Factors;
use crate::domain::values::{Theme, TimeZone};
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Lends, execute, fetch_one, fetch_optional};

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

pub(super) async fn time_zone(on: &mut impl Lends, user: UserId) -> sqlx::Result<TimeZone> {
    let (zone,) = fetch_one!(on, (TimeZone,), "select time_zone from users where id = $1", user)?;
    Ok(zone)
}

pub(super) async fn created_at(on: &mut impl Lends, user: UserId) -> sqlx::Result<Timestamp> {
    let (at,) = fetch_one!(on, (Timestamp,), "select created_at from users where id = $1", user)?;
    Ok(at)
}
