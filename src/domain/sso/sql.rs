use super::attempts::Landing;
use super::{Connection, Domain, Purpose};
use crate::clock::Timestamp;
use crate::ids::{ConnectionId, OrganizationId, SessionId};
use crate::secrets::TokenHash;
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

pub(super) async fn connections(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<Connection>> {
    fetch_all!(
        on,
        Connection,
        "select id, organization, kind, name, issuer, tenant, hosted_domain, client_id, scopes, enabled, \
         admits_newcomers, newcomer_role, enforces_mfa, created_at, changed_at, last_used_at, problem, problem_at \
         from connections where organization = $1 order by created_at, id",
        organization
    )
}

/// Of whatever organization: who may use it is judged by what comes of it.
pub(super) async fn connection(on: &mut impl Lends, id: ConnectionId) -> sqlx::Result<Option<Connection>> {
    fetch_optional!(
        on,
        Connection,
        "select c.id, c.organization, c.kind, c.name, c.issuer, c.tenant, c.hosted_domain, c.client_id, c.scopes, \
         c.enabled, c.admits_newcomers, c.newcomer_role, c.enforces_mfa, c.created_at, c.changed_at, \
         c.last_used_at, c.problem, c.problem_at \
         from connections c join organizations o on o.id = c.organization \
         where c.id = $1 and o.erased_at is null",
        id
    )
}

pub(super) async fn connection_of_proven(
    on: &mut impl Lends,
    domain: &str,
) -> sqlx::Result<Option<Connection>> {
    fetch_optional!(
        on,
        Connection,
        "select c.id, c.organization, c.kind, c.name, c.issuer, c.tenant, c.hosted_domain, c.client_id, c.scopes, \
         c.enabled, c.admits_newcomers, c.newcomer_role, c.enforces_mfa, c.created_at, c.changed_at, \
         c.last_used_at, c.problem, c.problem_at \
         from domains d join connections c on c.id = d.connection join organizations o on o.id = c.organization \
         where d.domain = $1 and d.verified_at is not null and c.enabled and o.closed_at is null",
        domain
    )
}

pub(super) async fn client_secret(on: &mut impl Lends, id: ConnectionId) -> sqlx::Result<String> {
    let (secret,) = fetch_one!(on, (String,), "select client_secret from connections where id = $1", id)?;
    Ok(secret)
}

pub(super) async fn domains(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Vec<Domain>> {
    fetch_all!(
        on,
        Domain,
        "select id, organization, connection, domain, record, created_at, verified_at, checked_at, failing_since \
         from domains where organization = $1 order by domain",
        organization
    )
}

pub(super) async fn covered_domains(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<String>> {
    let rows = fetch_all!(
        on,
        (String,),
        "select d.domain from domains d join connections c on c.id = d.connection \
         where d.organization = $1 and c.enabled order by d.domain",
        organization
    )?;
    Ok(rows.into_iter().map(|(domain,)| domain).collect())
}

pub(super) async fn insert_attempt(
    on: &mut impl Lends,
    state: &TokenHash,
    browser: &TokenHash,
    connection: Option<ConnectionId>,
    landing: Landing<'_>,
    sealed: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into sso_attempts (state_hash, browser_hash, connection, purpose, session, sealed, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        state,
        browser,
        connection,
        landing.purpose,
        landing.session,
        sealed,
        now
    )?;
    Ok(())
}

pub(super) async fn keep_code(
    on: &mut impl Lends,
    session: SessionId,
    sealed: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into mailed_codes (session, code, created_at) values ($1, $2, $3) \
         on conflict (session) do update set code = excluded.code, created_at = excluded.created_at",
        session,
        sealed,
        now
    )?;
    Ok(())
}

pub(super) async fn kept_code(
    on: &mut impl Lends,
    session: SessionId,
    mailed_after: Timestamp,
) -> sqlx::Result<Option<String>> {
    let row = fetch_optional!(
        on,
        (String,),
        "select code from mailed_codes where session = $1 and created_at > $2",
        session,
        mailed_after
    )?;
    Ok(row.map(|(code,)| code))
}

pub(super) async fn drop_code(on: &mut impl Lends, session: SessionId) -> sqlx::Result<bool> {
    Ok(execute!(on, "delete from mailed_codes where session = $1", session)? == 1)
}

pub(super) async fn drop_codes(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(on, "delete from mailed_codes where created_at < $1", before)?;
    Ok(())
}

#[derive(sqlx::FromRow)]
pub(super) struct Taken {
    pub connection: Option<ConnectionId>,
    pub purpose: Purpose,
    pub session: Option<SessionId>,
    pub sealed: String,
    pub created_at: Timestamp,
}

/// Whoever comes at the same moment finds none. Another browser uses up nothing: it could be anybody.
pub(super) async fn take_attempt(
    on: &mut impl Lends,
    state: &TokenHash,
    browser: &TokenHash,
    now: Timestamp,
    begun_after: Timestamp,
) -> sqlx::Result<Option<Taken>> {
    fetch_optional!(
        on,
        Taken,
        "update sso_attempts set used_at = $3 where state_hash = $1 and browser_hash = $2 and used_at is null \
         and created_at > $4 returning connection, purpose, session, sealed, created_at",
        state,
        browser,
        now,
        begun_after
    )
}

pub(super) async fn drop_attempts(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(on, "delete from sso_attempts where created_at < $1", before)?;
    Ok(())
}
