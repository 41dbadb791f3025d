use super::passkeys::Purpose;
use super::removal::Factor;
use super::{Authenticator, Passkey, RememberedDevice};
use crate::clock::Timestamp;
use crate::domain::access::Factors;
use crate::domain::organizations::MfaRule;
use crate::ids::{AuthenticatorId, ChallengeId, DeviceId, PasskeyId, UserId};
use crate::secrets::TokenHash;
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

/// An authenticator that may be asked for a code.
#[derive(sqlx::FromRow)]
pub(super) struct Enrolled {
    pub id: AuthenticatorId,
    pub secret: String,
}

pub(super) async fn authenticators(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<Authenticator>> {
    fetch_all!(
        on,
        Authenticator,
        "select id, name, confirmed_at, last_used_at from authenticators \
         where user_id = $1 and confirmed_at is not null order by created_at, id",
        user
    )
}

pub(super) async fn confirmed(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<Enrolled>> {
    fetch_all!(
        on,
        Enrolled,
        "select id, secret from authenticators \
         where user_id = $1 and confirmed_at is not null order by created_at, id",
        user
    )
}

pub(super) async fn count_authenticators(on: &mut impl Lends, user: UserId) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from authenticators where user_id = $1 and confirmed_at is not null",
        user
    )?;
    Ok(count)
}

pub(super) async fn insert_authenticator(
    on: &mut impl Lends,
    id: AuthenticatorId,
    user: UserId,
    secret: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into authenticators (id, user_id, name, secret, created_at) values ($1, $2, '', $3, $4)",
        id,
        user,
        secret,
        now
    )?;
    Ok(())
}

/// The sealed secret of an enrolment in progress.
pub(super) async fn unconfirmed(
    on: &mut impl Lends,
    id: AuthenticatorId,
    user: UserId,
    since: Timestamp,
) -> sqlx::Result<Option<String>> {
    let row = fetch_optional!(
        on,
        (String,),
        "select secret from authenticators \
         where id = $1 and user_id = $2 and confirmed_at is null and created_at > $3",
        id,
        user,
        since
    )?;
    Ok(row.map(|(secret,)| secret))
}

pub(super) async fn confirm(
    on: &mut impl Lends,
    id: AuthenticatorId,
    name: &str,
    step: i64,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update authenticators set name = $2, last_step = $3, confirmed_at = $4, last_used_at = $4 \
         where id = $1 and confirmed_at is null",
        id,
        name,
        step,
        now
    )?;
    Ok(())
}

pub(super) async fn rename_authenticator(
    on: &mut impl Lends,
    id: AuthenticatorId,
    user: UserId,
    name: &str,
) -> sqlx::Result<bool> {
    let renamed = execute!(
        on,
        "update authenticators set name = $3 where id = $1 and user_id = $2 and confirmed_at is not null",
        id,
        user,
        name
    )?;
    Ok(renamed == 1)
}

/// Uses a step up, unless it or a later one was used: of twenty at once one succeeds.
pub(super) async fn accept(
    on: &mut impl Lends,
    id: AuthenticatorId,
    step: i64,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let accepted = execute!(
        on,
        "update authenticators set last_step = $2, last_used_at = $3 \
         where id = $1 and last_step < $2 and confirmed_at is not null",
        id,
        step,
        now
    )?;
    Ok(accepted == 1)
}

/// Enrolments begun before a moment that nobody confirmed: one person's, or everybody's.
pub(super) async fn drop_unconfirmed(
    on: &mut impl Lends,
    user: Option<UserId>,
    before: Timestamp,
) -> sqlx::Result<()> {
    match user {
        Some(user) => execute!(
            on,
            "delete from authenticators where user_id = $1 and confirmed_at is null and created_at <= $2",
            user,
            before
        )?,
        None => execute!(
            on,
            "delete from authenticators where confirmed_at is null and created_at <= $1",
            before
        )?,
    };
    Ok(())
}

pub(super) async fn passkeys(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<Passkey>> {
    fetch_all!(
        on,
        Passkey,
        "select id, name, created_at, last_used_at from passkeys where user_id = $1 order by created_at, id",
        user
    )
}

/// A passkey with its sealed credential.
#[derive(sqlx::FromRow)]
pub(super) struct Registered {
    pub id: PasskeyId,
    pub user_id: UserId,
    pub credential: String,
}

pub(super) async fn credentials(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<Registered>> {
    fetch_all!(
        on,
        Registered,
        "select id, user_id, credential from passkeys where user_id = $1 order by created_at, id",
        user
    )
}

pub(super) async fn passkey(on: &mut impl Lends, credential_id: &str) -> sqlx::Result<Option<Registered>> {
    fetch_optional!(
        on,
        Registered,
        "select id, user_id, credential from passkeys where credential_id = $1",
        credential_id
    )
}

pub(super) async fn count_passkeys(on: &mut impl Lends, user: UserId) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(on, (i64,), "select count(*) from passkeys where user_id = $1", user)?;
    Ok(count)
}

/// Says whether it was added: it may be somebody's already.
pub(super) async fn insert_passkey(
    on: &mut impl Lends,
    id: PasskeyId,
    user: UserId,
    credential_id: &str,
    name: &str,
    credential: &str,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let inserted = execute!(
        on,
        "insert into passkeys (id, user_id, credential_id, name, credential, created_at) \
         values ($1, $2, $3, $4, $5, $6) on conflict (credential_id) do nothing",
        id,
        user,
        credential_id,
        name,
        credential,
        now
    )?;
    Ok(inserted == 1)
}

pub(super) async fn rename_passkey(
    on: &mut impl Lends,
    id: PasskeyId,
    user: UserId,
    name: &str,
) -> sqlx::Result<bool> {
    let renamed =
        execute!(on, "update passkeys set name = $3 where id = $1 and user_id = $2", id, user, name)?;
    Ok(renamed == 1)
}

/// Notes a use, unless its counter or a later one was used: of a device and its copy one is found out.
pub(super) async fn use_passkey(
    on: &mut impl Lends,
    id: PasskeyId,
    credential: &str,
    counter: i64,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let used = execute!(
        on,
        "update passkeys set credential = $2, counter = $3, last_used_at = $4 \
         where id = $1 and (counter < $3 or (counter = 0 and $3 = 0))",
        id,
        credential,
        counter,
        now
    )?;
    Ok(used == 1)
}

pub(super) async fn insert_challenge(
    on: &mut impl Lends,
    id: ChallengeId,
    user: Option<UserId>,
    purpose: Purpose,
    state: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into passkey_challenges (id, user_id, purpose, state, created_at) values ($1, $2, $3, $4, $5)",
        id,
        user,
        purpose,
        state,
        now
    )?;
    Ok(())
}

/// Takes a challenge away and gives its state: whoever answers it again finds none.
pub(super) async fn answer_challenge(
    on: &mut impl Lends,
    id: ChallengeId,
    purpose: Purpose,
    user: Option<UserId>,
    since: Timestamp,
) -> sqlx::Result<Option<String>> {
    let row = fetch_optional!(
        on,
        (String,),
        "delete from passkey_challenges where id = $1 and purpose = $2 and user_id is not distinct from $3 \
         and created_at > $4 returning state",
        id,
        purpose,
        user,
        since
    )?;
    Ok(row.map(|(state,)| state))
}

pub(super) async fn drop_old_challenges(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(on, "delete from passkey_challenges where created_at <= $1", before)?;
    Ok(())
}

/// What a person's row says that they have.
pub(super) async fn flags(on: &mut impl Lends, user: UserId) -> sqlx::Result<Factors> {
    fetch_one!(on, Factors, "select has_authenticator, has_passkey from users where id = $1", user)
}

/// What a person has, by the factors themselves.
pub(super) async fn present(on: &mut impl Lends, user: UserId) -> sqlx::Result<Factors> {
    fetch_one!(
        on,
        Factors,
        "select exists (select 1 from authenticators where user_id = $1 and confirmed_at is not null) \
         as has_authenticator, exists (select 1 from passkeys where user_id = $1) as has_passkey",
        user
    )
}

/// Takes a factor away and gives its name; nothing, if it is not the person's.
pub(super) async fn remove(
    on: &mut impl Lends,
    user: UserId,
    factor: Factor,
) -> sqlx::Result<Option<String>> {
    let row = match factor {
        Factor::Authenticator(id) => fetch_optional!(
            on,
            (String,),
            "delete from authenticators where id = $1 and user_id = $2 and confirmed_at is not null \
             returning name",
            id,
            user
        )?,
        Factor::Passkey(id) => fetch_optional!(
            on,
            (String,),
            "delete from passkeys where id = $1 and user_id = $2 returning name",
            id,
            user
        )?,
    };
    Ok(row.map(|(name,)| name))
}

/// Takes all of a person's factors and recovery codes away. Says whether there was a factor.
pub(super) async fn remove_all(on: &mut impl Lends, user: UserId) -> sqlx::Result<bool> {
    // Enrolments in progress go too, and count for nothing.
    execute!(on, "delete from authenticators where user_id = $1 and confirmed_at is null", user)?;
    let apps = execute!(on, "delete from authenticators where user_id = $1", user)?;
    let passkeys = execute!(on, "delete from passkeys where user_id = $1", user)?;
    drop_codes(on, user).await?;
    Ok(apps + passkeys > 0)
}

/// The organizations of a person, and which factors each asks for now.
pub(super) async fn enforcing(
    on: &mut impl Lends,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<Vec<(String, MfaRule)>> {
    fetch_all!(
        on,
        (String, MfaRule),
        "select o.name, case when o.mfa_from > $2 then o.mfa_before else o.mfa end as mfa \
         from memberships m join organizations o on o.id = m.organization \
         where m.user_id = $1 and m.state = 'active' and o.closed_at is null order by o.name, o.id",
        user,
        now
    )
}

pub(super) async fn insert_code(
    on: &mut impl Lends,
    user: UserId,
    hash: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into recovery_codes (user_id, code_hash, created_at) values ($1, $2, $3)",
        user,
        hash,
        now
    )?;
    Ok(())
}

pub(super) async fn drop_codes(on: &mut impl Lends, user: UserId) -> sqlx::Result<()> {
    execute!(on, "delete from recovery_codes where user_id = $1", user)?;
    Ok(())
}

pub(super) async fn use_code(
    on: &mut impl Lends,
    user: UserId,
    hash: &str,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let used = execute!(
        on,
        "update recovery_codes set used_at = $3 where user_id = $1 and code_hash = $2 and used_at is null",
        user,
        hash,
        now
    )?;
    Ok(used == 1)
}

pub(super) async fn codes_left(on: &mut impl Lends, user: UserId) -> sqlx::Result<i64> {
    let (left,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from recovery_codes where user_id = $1 and used_at is null",
        user
    )?;
    Ok(left)
}

pub(super) async fn devices(
    on: &mut impl Lends,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<Vec<RememberedDevice>> {
    fetch_all!(
        on,
        RememberedDevice,
        "select id, agent, address, created_at, expires_at from remembered_devices \
         where user_id = $1 and expires_at > $2 order by last_used_at desc, id limit 100",
        user,
        now
    )
}

/// Whether no organization of the person forbids it.
pub(super) async fn may_be_remembered(on: &mut impl Lends, user: UserId) -> sqlx::Result<bool> {
    let (forbidden,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from memberships m join organizations o on o.id = m.organization \
         where m.user_id = $1 and m.state = 'active' and o.closed_at is null and not o.remembers_devices",
        user
    )?;
    Ok(forbidden == 0)
}

pub(super) async fn insert_device(
    on: &mut impl Lends,
    user: UserId,
    token: &TokenHash,
    agent: &str,
    address: Option<String>,
    now: Timestamp,
    until: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into remembered_devices (id, token_hash, user_id, agent, address, created_at, expires_at, \
         last_used_at) values ($1, $2, $3, $4, $5, $6, $7, $6)",
        DeviceId::generate(),
        token,
        user,
        agent,
        address,
        now,
        until
    )?;
    Ok(())
}

/// Notes a use. One from before the person was signed out everywhere is none any more (R10): the factor
/// that it stands for was proven before that.
pub(super) async fn use_device(
    on: &mut impl Lends,
    user: UserId,
    token: &TokenHash,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let used = execute!(
        on,
        "update remembered_devices set last_used_at = $3 \
         where token_hash = $1 and user_id = $2 and expires_at > $3 \
         and created_at > coalesce((select max(m.proofs_after) from memberships m \
           where m.user_id = $2 and m.state = 'active'), 0)",
        token,
        user,
        now
    )?;
    Ok(used == 1)
}

pub(super) async fn drop_device(
    on: &mut impl Lends,
    user: UserId,
    device: Option<DeviceId>,
) -> sqlx::Result<()> {
    match device {
        Some(device) => {
            execute!(on, "delete from remembered_devices where user_id = $1 and id = $2", user, device)?
        }
        None => execute!(on, "delete from remembered_devices where user_id = $1", user)?,
    };
    Ok(())
}

/// When the last of a person's remembered devices ends.
pub(super) async fn remembered_until(
    on: &mut impl Lends,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<Option<Timestamp>> {
    let (until,) = fetch_one!(
        on,
        (Option<Timestamp>,),
        "select max(expires_at) from remembered_devices where user_id = $1 and expires_at > $2",
        user,
        now
    )?;
    Ok(until)
}

pub(super) async fn drop_expired_devices(on: &mut impl Lends, now: Timestamp) -> sqlx::Result<()> {
    execute!(on, "delete from remembered_devices where expires_at <= $1", now)?;
    Ok(())
}

/// How many organizations a person is in, active or suspended.
pub(super) async fn memberships(on: &mut impl Lends, user: UserId) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from memberships where user_id = $1 and state <> 'removed'",
        user
    )?;
    Ok(count)
}
