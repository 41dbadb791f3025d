use sqlx::QueryBuilder;

use super::arriving::About;
use super::notices::Ending;
use super::state::Owner;
use super::{Key, Kind};
use crate::clock::{DAY, Timestamp};
use crate::domain::access::Factors;
use crate::domain::organizations::MfaRule;
use crate::ids::{AgentId, ApiKeyId, OrganizationId, PermissionId, UserId};
use crate::secrets::TokenHash;
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional, on_either};

#[derive(sqlx::FromRow)]
pub(super) struct Found {
    pub id: ApiKeyId,
    pub family: ApiKeyId,
    pub kind: Kind,
    pub name: String,
    pub shown: String,
    pub organization: OrganizationId,
    pub agent: Option<AgentId>,
    pub owner: Option<UserId>,
    pub environment: String,
    pub addresses: String,
    pub parent: Option<ApiKeyId>,
    /// An ephemeral key's own.
    pub scopes: Option<String>,
    pub uses: i64,
    pub most_uses: Option<i64>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    /// The documents that it is held to.
    pub permission: Option<String>,
    pub base: Option<String>,
    /// Of the key that it was made from.
    pub parent_family: Option<ApiKeyId>,
    pub parent_created_at: Option<Timestamp>,
    pub parent_expires_at: Option<Timestamp>,
    pub parent_revoked_at: Option<Timestamp>,
    /// The agent's.
    pub archived_at: Option<Timestamp>,
    /// The organization's.
    pub closed_at: Option<Timestamp>,
    pub longest_key: Option<i64>,
    pub mfa: MfaRule,
    pub mfa_from: Option<Timestamp>,
    pub mfa_before: MfaRule,
    pub mfa_since: Option<Timestamp>,
    #[sqlx(flatten)]
    pub owner_stands: Owner,
}

pub(super) async fn by_hash(on: &mut impl Lends, hash: &TokenHash) -> sqlx::Result<Option<Found>> {
    fetch_optional!(
        on,
        Found,
        "select k.id, k.family, k.kind, k.name, k.shown, k.organization, k.agent, k.owner, k.environment, k.addresses, \
         k.parent, k.scopes, k.uses, k.most_uses, k.created_at, k.expires_at, k.revoked_at, k.last_used_at, \
         p.scopes as permission, b.scopes as base, parent.family as parent_family, \
         parent.created_at as parent_created_at, parent.expires_at as parent_expires_at, \
         parent.revoked_at as parent_revoked_at, a.archived_at, o.closed_at, o.longest_key, o.mfa, o.mfa_from, \
         o.mfa_before, o.mfa_since, m.role as owner_role, m.state as owner_state, \
         m.ends_at as owner_ends_at from api_keys k join organizations o on o.id = k.organization \
         left join api_keys parent on parent.id = k.parent left join agents a on a.id = k.agent \
         left join permissions p on p.organization = k.organization \
         and p.id = case when k.parent is null then k.permission else parent.permission end \
         left join base_permissions b on b.organization = k.organization \
         left join memberships m on m.organization = k.organization and m.user_id = k.owner where k.token_hash = $1",
        hash
    )
}

/// What an owner has done about multi-factor authentication.
#[derive(sqlx::FromRow)]
pub(super) struct MetMfa {
    #[sqlx(flatten)]
    pub factors: Factors,
    /// Whether they come by a provider of the organization that asks for it.
    pub enforced_by_provider: bool,
    pub last_active_at: Timestamp,
}

pub(super) async fn met_mfa(
    on: &mut impl Lends,
    organization: OrganizationId,
    owner: UserId,
) -> sqlx::Result<MetMfa> {
    fetch_one!(
        on,
        MetMfa,
        "select u.has_authenticator, u.has_passkey, m.last_active_at, exists (select 1 from identities i \
         join connections c on c.id = i.connection where i.user_id = u.id and c.organization = m.organization \
         and c.enabled and c.enforces_mfa) as enforced_by_provider from memberships m join users u on u.id = m.user_id \
         where m.organization = $1 and m.user_id = $2",
        organization,
        owner
    )
}

pub(super) async fn about(on: &mut impl Lends, id: ApiKeyId) -> sqlx::Result<About> {
    fetch_one!(
        on,
        About,
        "select o.slug as organization_slug, o.name as organization_name, a.name as agent, \
         case when k.parent is null then k.permission else parent.permission end as permission, k.last_used_at, \
         k.last_used_from from api_keys k join organizations o on o.id = k.organization \
         left join api_keys parent on parent.id = k.parent left join agents a on a.id = k.agent where k.id = $1",
        id
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

/// Locks a key, and gives how often it was used, and may be.
pub(super) async fn uses(on: &mut impl Lends, id: ApiKeyId) -> sqlx::Result<Option<(i64, Option<i64>)>> {
    fetch_optional!(
        on,
        (i64, Option<i64>),
        "update api_keys set uses = uses where id = $1 returning uses, most_uses",
        id
    )
}

pub(super) async fn add_uses(on: &mut impl Lends, id: ApiKeyId, times: i64) -> sqlx::Result<()> {
    execute!(on, "update api_keys set uses = uses + $2 where id = $1", id, times)?;
    Ok(())
}

pub(super) struct New<'a> {
    pub id: ApiKeyId,
    pub organization: OrganizationId,
    pub kind: Kind,
    pub family: ApiKeyId,
    pub name: &'a str,
    pub name_key: &'a str,
    pub agent: Option<AgentId>,
    pub owner: Option<UserId>,
    pub environment: &'a str,
    pub permission: Option<PermissionId>,
    pub parent: Option<ApiKeyId>,
    /// Networks, as a JSON array.
    pub addresses: &'a str,
    pub scopes: Option<&'a str>,
    pub most_uses: Option<i64>,
    pub shown: &'a str,
    pub created_by: Option<UserId>,
    pub expires_at: Option<Timestamp>,
}

pub(super) async fn insert(
    on: &mut impl Lends,
    new: &New<'_>,
    hash: &TokenHash,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into api_keys (id, organization, kind, family, name, name_key, agent, owner, environment, permission, parent, \
         addresses, scopes, most_uses, token_hash, shown, created_at, created_by, expires_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        new.id,
        new.organization,
        new.kind,
        new.family,
        new.name,
        new.name_key,
        new.agent,
        new.owner,
        new.environment,
        new.permission,
        new.parent,
        new.addresses,
        new.scopes,
        new.most_uses,
        hash,
        new.shown,
        now,
        new.created_by,
        new.expires_at
    )?;
    Ok(())
}

const KEYS: &str = "select k.id, k.organization, o.slug as organization_slug, k.kind, k.name, a.name as agent, \
                    u.email as owner, m.role as owner_role, m.state as owner_state, m.ends_at as owner_ends_at, \
                    p.name as permission, k.environment, k.shown, \
                    k.created_at, k.expires_at, k.revoked_at, k.replaced_at, k.last_used_at, k.last_used_from, \
                    o.longest_key from api_keys k join organizations o on o.id = k.organization \
                    left join agents a on a.id = k.agent left join users u on u.id = k.owner \
                    left join memberships m on m.organization = k.organization and m.user_id = k.owner \
                    left join permissions p on p.id = k.permission and p.organization = k.organization \
                    where k.parent is null";

pub(super) async fn list(
    on: &mut impl Lends,
    organization: Option<OrganizationId>,
    limit: i64,
) -> sqlx::Result<Vec<Key>> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(KEYS);
        if let Some(organization) = organization {
            query.push(" and k.organization = ").push_bind(organization);
        }
        query.push(" order by k.id desc limit ").push_bind(limit);
        query.build_query_as::<Key>().fetch_all(e).await
    })
}

pub(super) async fn anywhere(on: &mut impl Lends, id: ApiKeyId) -> sqlx::Result<Option<Key>> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(KEYS);
        query.push(" and k.id = ").push_bind(id);
        query.build_query_as::<Key>().fetch_optional(e).await
    })
}

/// Whose key has an id, wherever it is.
pub(super) async fn organization_of(
    on: &mut impl Lends,
    id: ApiKeyId,
) -> sqlx::Result<Option<OrganizationId>> {
    let row = fetch_optional!(on, (OrganizationId,), "select organization from api_keys where id = $1", id)?;
    Ok(row.map(|(organization,)| organization))
}

/// A person's key of a kind that neither ended nor was replaced.
pub(super) async fn working_of(
    on: &mut impl Lends,
    organization: OrganizationId,
    kind: Kind,
    owner: UserId,
    now: Timestamp,
) -> sqlx::Result<Option<ApiKeyId>> {
    let row = fetch_optional!(
        on,
        (ApiKeyId,),
        "select id from api_keys where organization = $1 and kind = $2 and owner = $3 and revoked_at is null \
         and replaced_at is null and (expires_at is null or expires_at > $4) order by created_at desc limit 1",
        organization,
        kind,
        owner,
        now
    )?;
    Ok(row.map(|(id,)| id))
}

pub(super) async fn working_of_agent(
    on: &mut impl Lends,
    organization: OrganizationId,
    agent: AgentId,
    now: Timestamp,
) -> sqlx::Result<Vec<(ApiKeyId, String, String)>> {
    fetch_all!(
        on,
        (ApiKeyId, String, String),
        "select id, name, shown from api_keys where organization = $1 and agent = $2 and parent is null \
         and revoked_at is null and (expires_at is null or expires_at > $3) order by created_at, id",
        organization,
        agent,
        now
    )
}

/// How many ephemeral keys made from a key work; no more are counted than `most`.
pub(super) async fn ephemeral_of(
    on: &mut impl Lends,
    parent: ApiKeyId,
    now: Timestamp,
    most: i64,
) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from (select 1 from api_keys where parent = $1 and revoked_at is null and expires_at > $2 \
         and (most_uses is null or uses < most_uses) limit $3) as some_of_them",
        parent,
        now,
        most
    )?;
    Ok(count)
}

/// From where a key works; nothing, if it is revoked or over.
pub(super) async fn addresses_of(
    on: &mut impl Lends,
    id: ApiKeyId,
    now: Timestamp,
) -> sqlx::Result<Option<String>> {
    let row = fetch_optional!(
        on,
        (String,),
        "select addresses from api_keys where id = $1 and revoked_at is null and (expires_at is null or expires_at > $2)",
        id,
        now
    )?;
    Ok(row.map(|(addresses,)| addresses))
}

/// The old key goes on until then.
pub(super) async fn replace(
    on: &mut impl Lends,
    id: ApiKeyId,
    by: ApiKeyId,
    now: Timestamp,
    until: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update api_keys set replaced_at = $3, replaced_by = $2, expires_at = $4 where id = $1",
        id,
        by,
        now,
        until
    )?;
    Ok(())
}

pub(super) async fn replace_at_once(
    on: &mut impl Lends,
    id: ApiKeyId,
    by: ApiKeyId,
    now: Timestamp,
    operator: Option<UserId>,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update api_keys set replaced_at = $3, replaced_by = $2, revoked_at = $3, revoked_by = $4 where id = $1",
        id,
        by,
        now,
        operator
    )?;
    Ok(())
}

pub(super) async fn revoke_all(
    on: &mut impl Lends,
    organization: OrganizationId,
    ids: &[ApiKeyId],
    now: Timestamp,
    by: Option<UserId>,
) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    on_either!(on, |e| {
        let mut query = QueryBuilder::new("update api_keys set revoked_at = ");
        query.push_bind(now).push(", revoked_by = ").push_bind(by);
        query.push(" where organization = ").push_bind(organization).push(" and id in (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        query.push(")").build().execute(e).await.map(|_| ())
    })
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
    execute!(
        on,
        "delete from api_key_calls where key in (select id from api_keys where organization = $1)",
        organization
    )?;
    execute!(on, "delete from api_keys where organization = $1", organization)?;
    Ok(())
}

pub(super) async fn longest(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Option<i64>> {
    let (longest,) =
        fetch_one!(on, (Option<i64>,), "select longest_key from organizations where id = $1", organization)?;
    Ok(longest)
}

pub(super) async fn set_longest(
    on: &mut impl Lends,
    organization: OrganizationId,
    longest: Option<i64>,
) -> sqlx::Result<()> {
    execute!(on, "update organizations set longest_key = $2 where id = $1", organization, longest)?;
    Ok(())
}

/// How many keys that have not ended are older than each of [`super::LONGEST`], and not blocked by the rule as it is.
pub(super) async fn blocked_by(
    on: &mut impl Lends,
    organization: OrganizationId,
    now: Timestamp,
) -> sqlx::Result<[i64; 5]> {
    let ago = super::LONGEST.map(|days| now.plus(-days * DAY));
    let (a, b, c, d, e) = fetch_one!(
        on,
        (i64, i64, i64, i64, i64),
        "select cast(coalesce(sum(case when k.created_at <= $3 then 1 else 0 end), 0) as bigint), \
         cast(coalesce(sum(case when k.created_at <= $4 then 1 else 0 end), 0) as bigint), \
         cast(coalesce(sum(case when k.created_at <= $5 then 1 else 0 end), 0) as bigint), \
         cast(coalesce(sum(case when k.created_at <= $6 then 1 else 0 end), 0) as bigint), \
         cast(coalesce(sum(case when k.created_at <= $7 then 1 else 0 end), 0) as bigint) \
         from api_keys k join organizations o on o.id = k.organization where k.organization = $1 and k.parent is null \
         and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2) \
         and (o.longest_key is null or k.created_at + o.longest_key > $2)",
        organization,
        now,
        ago[0],
        ago[1],
        ago[2],
        ago[3],
        ago[4]
    )?;
    Ok([a, b, c, d, e])
}

/// Keys that end by `until`, of which nobody was told. One that lives for a week at most is not told of.
pub(super) async fn ending(
    on: &mut impl Lends,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<Ending>> {
    fetch_all!(
        on,
        Ending,
        "select id, organization, kind, name, shown, agent, environment, ends_at, email from ( \
         select k.id, k.organization, k.kind, k.name, k.shown, a.name as agent, k.environment, u.email, k.created_at, \
         case when o.longest_key is not null and (k.expires_at is null or k.created_at + o.longest_key < k.expires_at) \
         then k.created_at + o.longest_key else k.expires_at end as ends_at \
         from api_keys k join organizations o on o.id = k.organization left join agents a on a.id = k.agent \
         left join users u on u.id = k.owner where k.expiry_notice = 0 and k.parent is null and k.revoked_at is null \
         and k.replaced_at is null and o.closed_at is null \
         and (k.expires_at is not null or o.longest_key is not null)) as near \
         where ends_at > $1 and ends_at <= $2 and ends_at - created_at > $4 order by ends_at, id limit $3",
        now,
        until,
        limit,
        super::SOON
    )
}

/// Says whether nobody was told before.
pub(super) async fn note_told(on: &mut impl Lends, id: ApiKeyId) -> sqlx::Result<bool> {
    let noted =
        execute!(on, "update api_keys set expiry_notice = 7 where id = $1 and expiry_notice = 0", id)?;
    Ok(noted == 1)
}

/// Adds calls of keys on days. Those of a key that is gone count nothing.
pub(super) async fn add_calls(on: &mut impl Lends, some: &[(ApiKeyId, i64, i64)]) -> sqlx::Result<()> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new("with counted (key, day, calls) as (");
        query.push_values(some, |mut row, (key, day, calls)| {
            row.push_bind(*key).push_bind(*day).push_bind(*calls);
        });
        query.push(
            ") insert into api_key_calls (key, day, calls) select c.key, c.day, c.calls from counted c \
             join api_keys k on k.id = c.key where true \
             order by c.key, c.day on conflict (key, day) do update set calls = api_key_calls.calls + excluded.calls",
        );
        query.build().execute(e).await.map(|_| ())
    })
}

pub(super) async fn sweep_calls(on: &mut impl Lends, before: i64) -> sqlx::Result<()> {
    execute!(on, "delete from api_key_calls where day < $1", before)?;
    Ok(())
}

pub(super) async fn sweep_ephemeral(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(on, "delete from api_keys where kind = 'ephemeral' and expires_at < $1", before)?;
    Ok(())
}
