use super::Host;
use crate::clock::Timestamp;
use crate::domain::environments::Place;
use crate::domain::resources::Resource;
use crate::domain::values::ToolUrl;
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

/// Whether a key is taken, and how many resources there are.
pub(super) async fn known(on: &mut impl Lends, place: &Place, key: &str) -> sqlx::Result<(bool, i64)> {
    let (known, count) = fetch_one!(
        on,
        (i64, i64),
        "select count(case when key = $4 then 1 end), count(*) from resources \
         where organization = $1 and environment = $2 and developer = $3",
        place.organization,
        &place.environment,
        &place.developer,
        key
    )?;
    Ok((known > 0, count))
}

/// Where a proxy finds a tool: nowhere in Dev mode.
fn asked_by<'a>(resource: &Resource, url: Option<&'a ToolUrl>) -> Option<&'a ToolUrl> {
    url.filter(|_| resource.developer().is_none())
}

pub(super) async fn insert(
    on: &mut impl Lends,
    resource: &Resource,
    name_key: &str,
    url: Option<&ToolUrl>,
) -> sqlx::Result<()> {
    let at = asked_by(resource, url);
    execute!(
        on,
        "insert into resources (id, organization, environment, developer, key, kind, name, name_key, description, \
         url, host, path, definition, creator, created_at, changed_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)",
        resource.id,
        resource.organization,
        &resource.environment,
        &resource.developer,
        &resource.key,
        resource.kind,
        &resource.name,
        name_key,
        &resource.description,
        &resource.url,
        at.map(ToolUrl::host),
        at.map(ToolUrl::path),
        &resource.definition,
        resource.creator,
        resource.created_at
    )?;
    Ok(())
}

pub(super) async fn describe(on: &mut impl Lends, resource: &Resource, name_key: &str) -> sqlx::Result<()> {
    execute!(
        on,
        "update resources set name = $2, name_key = $3, description = $4, definition = $5, changed_at = $6 \
         where id = $1",
        resource.id,
        &resource.name,
        name_key,
        &resource.description,
        &resource.definition,
        resource.changed_at
    )?;
    Ok(())
}

pub(super) async fn set_url(
    on: &mut impl Lends,
    resource: &Resource,
    url: Option<&ToolUrl>,
) -> sqlx::Result<()> {
    let at = asked_by(resource, url);
    execute!(
        on,
        "update resources set url = $2, host = $3, path = $4 where id = $1",
        resource.id,
        &resource.url,
        at.map(ToolUrl::host),
        at.map(ToolUrl::path)
    )?;
    Ok(())
}

pub(super) async fn set_archived(on: &mut impl Lends, resource: &Resource) -> sqlx::Result<()> {
    execute!(
        on,
        "update resources set archived_at = $2, changed_at = $3 where id = $1",
        resource.id,
        resource.archived_at,
        resource.changed_at
    )?;
    Ok(())
}

/// Whether the host is the organization's, now at the latest. Of two at once the key lets one.
pub(super) async fn claim_host(
    on: &mut impl Lends,
    organization: OrganizationId,
    host: &str,
    now: Timestamp,
) -> sqlx::Result<bool> {
    execute!(
        on,
        "insert into tool_hosts (host, organization, claimed_at) values ($1, $2, $3) on conflict (host) do nothing",
        host,
        organization,
        now
    )?;
    let (owner,) =
        fetch_one!(on, (OrganizationId,), "select organization from tool_hosts where host = $1", host)?;
    Ok(owner == organization)
}

/// Gives back the hosts at which the organization has no tool any more, archived ones counted.
pub(super) async fn release_hosts(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    execute!(
        on,
        "delete from tool_hosts where organization = $1 and not exists (select 1 from resources r \
         where r.organization = tool_hosts.organization and r.host = tool_hosts.host)",
        organization
    )?;
    Ok(())
}

/// Other organizations that have a host of this name, and the hosts: with whatever port.
pub(super) async fn others_with(
    on: &mut impl Lends,
    organization: OrganizationId,
    name: &str,
) -> sqlx::Result<Vec<(OrganizationId, String)>> {
    fetch_all!(
        on,
        (OrganizationId, String),
        "select organization, host from tool_hosts where organization <> $1 \
         and (host = $2 or substr(host, 1, length($2) + 1) = $2 || ':') order by organization, host",
        organization,
        name
    )
}

/// Who has proven the domain that a host is under, on whole labels; of several domains the longest decides.
pub(super) async fn proven_by(on: &mut impl Lends, name: &str) -> sqlx::Result<Option<OrganizationId>> {
    let found = fetch_optional!(
        on,
        (OrganizationId,),
        "select organization from domains where verified_at is not null \
         and (domain = $1 or substr($1, length($1) - length(domain)) = '.' || domain) \
         order by length(domain) desc limit 1",
        name
    )?;
    Ok(found.map(|(organization,)| organization))
}

pub(super) async fn release_host(
    on: &mut impl Lends,
    organization: OrganizationId,
    host: &str,
) -> sqlx::Result<bool> {
    let gone =
        execute!(on, "delete from tool_hosts where organization = $1 and host = $2", organization, host)?;
    Ok(gone == 1)
}

macro_rules! hosts {
    ($which:literal) => {
        concat!(
            "select h.host, h.organization, o.slug as organization_slug, h.claimed_at, \
             (select count(*) from resources r where r.host = h.host and r.organization = h.organization) as tools \
             from tool_hosts h join organizations o on o.id = h.organization where ",
            $which
        )
    };
}

pub(super) async fn hosts(on: &mut impl Lends, after: &str, limit: i64) -> sqlx::Result<Vec<Host>> {
    fetch_all!(on, Host, hosts!("h.host > $1 order by h.host limit $2"), after, limit)
}

pub(super) async fn host(on: &mut impl Lends, host: &str) -> sqlx::Result<Option<Host>> {
    fetch_optional!(on, Host, hosts!("h.host = $1"), host)
}

/// Whether there are tools of others at a host, with whatever port, in whatever environment. Archived ones keep their
/// paths, and count.
pub(super) async fn tools_of_others(
    on: &mut impl Lends,
    resource: &Resource,
    name: &str,
    user: UserId,
) -> sqlx::Result<bool> {
    let found = fetch_optional!(
        on,
        (String,),
        "select key from resources where (host = $1 or substr(host, 1, length($1) + 1) = $1 || ':') \
         and organization = $2 and creator <> $3 and id <> $4 limit 1",
        name,
        resource.organization,
        user,
        resource.id
    )?;
    Ok(found.is_some())
}

pub(super) async fn has_any(
    on: &mut impl Lends,
    organization: OrganizationId,
    environment: &str,
) -> sqlx::Result<bool> {
    let found = fetch_optional!(
        on,
        (String,),
        "select key from resources where organization = $1 and environment = $2 limit 1",
        organization,
        environment
    )?;
    Ok(found.is_some())
}
