use crate::clock::Timestamp;
use crate::domain::sso::Connection;
use crate::ids::{ConnectionId, OrganizationId};
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

pub(super) async fn find(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: ConnectionId,
) -> sqlx::Result<Option<Connection>> {
    fetch_optional!(
        on,
        Connection,
        "select id, organization, kind, name, issuer, tenant, hosted_domain, client_id, scopes, enabled, \
         admits_newcomers, newcomer_role, enforces_mfa, created_at, changed_at, last_used_at, problem, problem_at \
         from connections where organization = $1 and id = $2",
        organization,
        id
    )
}

pub(super) async fn count(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<i64> {
    let (count,) =
        fetch_one!(on, (i64,), "select count(*) from connections where organization = $1", organization)?;
    Ok(count)
}

pub(super) async fn insert(
    on: &mut impl Lends,
    connection: &Connection,
    sealed_secret: &str,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into connections (id, organization, kind, name, issuer, tenant, hosted_domain, client_id, \
         client_secret, scopes, enabled, admits_newcomers, newcomer_role, enforces_mfa, created_at, changed_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        connection.id,
        connection.organization,
        connection.kind,
        &connection.name,
        &connection.issuer,
        &connection.tenant,
        &connection.hosted_domain,
        &connection.client_id,
        sealed_secret,
        &connection.scopes,
        connection.enabled,
        connection.admits_newcomers,
        connection.newcomer_role,
        connection.enforces_mfa,
        connection.created_at,
        connection.changed_at
    )?;
    Ok(())
}

pub(super) async fn update(on: &mut impl Lends, connection: &Connection) -> sqlx::Result<()> {
    execute!(
        on,
        "update connections set name = $2, issuer = $3, tenant = $4, hosted_domain = $5, client_id = $6, \
         scopes = $7, enabled = $8, admits_newcomers = $9, newcomer_role = $10, enforces_mfa = $11, \
         changed_at = $12 where id = $1",
        connection.id,
        &connection.name,
        &connection.issuer,
        &connection.tenant,
        &connection.hosted_domain,
        &connection.client_id,
        &connection.scopes,
        connection.enabled,
        connection.admits_newcomers,
        connection.newcomer_role,
        connection.enforces_mfa,
        connection.changed_at
    )?;
    Ok(())
}

pub(super) async fn set_secret(on: &mut impl Lends, id: ConnectionId, sealed: &str) -> sqlx::Result<()> {
    execute!(on, "update connections set client_secret = $2 where id = $1", id, sealed)?;
    Ok(())
}

/// What the provider has said of itself, just now: whatever was wrong before is to be seen anew.
pub(super) async fn set_found(
    on: &mut impl Lends,
    id: ConnectionId,
    found: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update connections set found = $2, found_at = $3, problem = null, problem_at = null where id = $1",
        id,
        found,
        now
    )?;
    Ok(())
}

pub(super) async fn clear_problem(on: &mut impl Lends, id: ConnectionId) -> sqlx::Result<()> {
    execute!(on, "update connections set problem = null, problem_at = null where id = $1", id)?;
    Ok(())
}

pub(super) async fn found(
    on: &mut impl Lends,
    id: ConnectionId,
) -> sqlx::Result<Option<(String, Timestamp)>> {
    fetch_optional!(
        on,
        (String, Timestamp),
        "select found, found_at from connections where id = $1 and found is not null and found_at is not null",
        id
    )
}

pub(super) async fn count_linked_at_each(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<(ConnectionId, i64)>> {
    fetch_all!(
        on,
        (ConnectionId, i64),
        "select c.id, count(*) from connections c join identities i on i.connection = c.id \
         where c.organization = $1 group by c.id",
        organization
    )
}

pub(super) async fn count_linked(on: &mut impl Lends, id: ConnectionId) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(on, (i64,), "select count(*) from identities where connection = $1", id)?;
    Ok(count)
}

pub(super) async fn delete(on: &mut impl Lends, id: ConnectionId) -> sqlx::Result<()> {
    execute!(on, "delete from sso_attempts where connection = $1", id)?;
    execute!(on, "delete from identities where connection = $1", id)?;
    execute!(on, "delete from domains where connection = $1", id)?;
    execute!(on, "delete from connections where id = $1", id)?;
    Ok(())
}
