use sqlx::QueryBuilder;

use super::Key;
use crate::clock::Timestamp;
use crate::ids::{AgentId, ApiKeyId, OrganizationId, UserId};
use crate::secrets::TokenHash;
use crate::storage::{Lends, execute, fetch_one, fetch_optional, on_either};

#[derive(sqlx::FromRow)]
pub(super) struct Found {
    pub id: ApiKeyId,
    pub organization: OrganizationId,
    pub agent: AgentId,
    pub environment: String,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    /// The agent's.
    pub archived_at: Option<Timestamp>,
    /// The organization's.
    pub closed_at: Option<Timestamp>,
}

pub(super) async fn by_hash(on: &mut impl Lends, hash: &TokenHash) -> sqlx::Result<Option<Found>> {
    fetch_optional!(
        on,
        Found,
        "select k.id, k.organization, k.agent, k.environment, k.expires_at, k.revoked_at, k.last_used_at, \
         a.archived_at, o.closed_at from api_keys k join agents a on a.id = k.agent \
         join organizations o on o.id = k.organization where k.token_hash = $1 and k.kind = 'live'",
        hash
    )
}

pub(super) async fn note_use(
    on: &mut impl Lends,
    id: ApiKeyId,
    now: Timestamp,
    from: Option<String>,
) -> sqlx::Result<()> {
    execute!(on, "update api_keys set last_used_at = $2, last_used_from = $3 where id = $1", id, now, from)?;
    Ok(())
}

pub(super) struct New<'a> {
    pub id: ApiKeyId,
    pub organization: OrganizationId,
    pub name: &'a str,
    pub agent: AgentId,
    pub environment: &'a str,
    pub shown: &'a str,
}

pub(super) async fn insert(
    on: &mut impl Lends,
    new: &New<'_>,
    hash: &TokenHash,
    now: Timestamp,
    expires_at: Option<Timestamp>,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into api_keys (id, organization, kind, name, agent, environment, token_hash, shown, created_at, \
         expires_at) values ($1, $2, 'live', $3, $4, $5, $6, $7, $8, $9)",
        new.id,
        new.organization,
        new.name,
        new.agent,
        new.environment,
        hash,
        new.shown,
        now,
        expires_at
    )?;
    Ok(())
}

const LISTED: &str = "select k.id, k.organization, o.slug as organization_slug, k.kind, k.name, a.name as agent, \
                      k.environment, k.shown, k.created_at, k.expires_at, k.revoked_at, k.last_used_at, \
                      k.last_used_from from api_keys k join organizations o on o.id = k.organization \
                      left join agents a on a.id = k.agent where true";

pub(super) async fn list(
    on: &mut impl Lends,
    organization: Option<OrganizationId>,
    limit: i64,
) -> sqlx::Result<Vec<Key>> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(LISTED);
        if let Some(organization) = organization {
            query.push(" and k.organization = ").push_bind(organization);
        }
        query.push(" order by k.id desc limit ").push_bind(limit);
        query.build_query_as::<Key>().fetch_all(e).await
    })
}

pub(super) async fn anywhere(on: &mut impl Lends, id: ApiKeyId) -> sqlx::Result<Option<Key>> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(LISTED);
        query.push(" and k.id = ").push_bind(id);
        query.build_query_as::<Key>().fetch_optional(e).await
    })
}

pub(super) async fn find(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: ApiKeyId,
) -> sqlx::Result<Option<Key>> {
    Ok(anywhere(on, id).await?.filter(|key| key.organization == organization))
}

pub(super) async fn revoke(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: ApiKeyId,
    now: Timestamp,
    by: Option<UserId>,
) -> sqlx::Result<bool> {
    let revoked = execute!(
        on,
        "update api_keys set revoked_at = $3, revoked_by = $4 where organization = $1 and id = $2 \
         and revoked_at is null",
        organization,
        id,
        now,
        by
    )?;
    Ok(revoked == 1)
}

/// How many keys of an environment are not revoked, and have not expired.
pub(super) async fn working_in(
    on: &mut impl Lends,
    organization: OrganizationId,
    environment: &str,
    now: Timestamp,
) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from api_keys where organization = $1 and environment = $2 and revoked_at is null \
         and (expires_at is null or expires_at > $3)",
        organization,
        environment,
        now
    )?;
    Ok(count)
}

pub(super) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    // Some refer to others of the same organization.
    execute!(
        on,
        "update api_keys set parent = null, replaced_by = null where organization = $1",
        organization
    )?;
    execute!(on, "delete from api_keys where organization = $1", organization)?;
    Ok(())
}
