use super::{Permissions, Resource};
use crate::clock::Timestamp;
use crate::domain::access::Role;
use crate::domain::environments::Place;
use crate::domain::users::MemberState;
use crate::ids::{OrganizationId, ResourceId, TeamId, UserId};
use crate::storage::{Lends, Several, execute, fetch_all, fetch_optional};

pub(super) async fn find(on: &mut impl Lends, place: &Place, key: &str) -> sqlx::Result<Option<Resource>> {
    fetch_optional!(
        on,
        Resource,
        "select id, organization, environment, developer, key, kind, name, description, url, definition, creator, \
         audience, domain, default_permissions, created_at, changed_at, archived_at from resources \
         where organization = $1 and environment = $2 and developer = $3 and key = $4",
        place.organization,
        &place.environment,
        &place.developer,
        key
    )
}

pub(super) async fn by_id(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: ResourceId,
) -> sqlx::Result<Option<Resource>> {
    fetch_optional!(
        on,
        Resource,
        "select id, organization, environment, developer, key, kind, name, description, url, definition, creator, \
         audience, domain, default_permissions, created_at, changed_at, archived_at from resources \
         where organization = $1 and id = $2",
        organization,
        id
    )
}

/// How many pages a resource has above it at most.
pub(super) const MOST_PARENTS: usize = 5;

/// The nearest of the pages above a resource that says who may open it. At most five keys, the nearest first.
pub(super) async fn nearest_saying(
    on: &mut impl Lends,
    resource: &Resource,
    parents: &[&str],
) -> sqlx::Result<Option<Resource>> {
    let parent = |at: usize| parents.get(at).copied().unwrap_or_default();
    fetch_optional!(
        on,
        Resource,
        "select id, organization, environment, developer, key, kind, name, description, url, definition, creator, \
         audience, domain, default_permissions, created_at, changed_at, archived_at from resources \
         where organization = $1 and environment = $2 and developer = $3 and key in ($4, $5, $6, $7, $8) \
         and kind = 'page' and audience is not null and archived_at is null order by length(key) desc limit 1",
        resource.organization,
        &resource.environment,
        &resource.developer,
        parent(0),
        parent(1),
        parent(2),
        parent(3),
        parent(4)
    )
}

#[derive(sqlx::FromRow)]
pub(super) struct Known {
    pub email_canonical: String,
    pub state: Option<MemberState>,
    pub role: Option<Role>,
    pub ends_at: Option<Timestamp>,
    pub teams: Several<TeamId>,
}

pub(super) async fn who(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Option<Known>> {
    fetch_optional!(
        on,
        Known,
        "select u.email_canonical, m.state, m.role, m.ends_at, \
         (select string_agg(t.team, '\u{1e}') from team_members t where t.organization = $1 and t.user_id = $2) as teams \
         from users u left join memberships m on m.organization = $1 and m.user_id = u.id where u.id = $2",
        organization,
        user
    )
}

pub(super) async fn entry_of(
    on: &mut impl Lends,
    resource: ResourceId,
    user: UserId,
) -> sqlx::Result<Vec<(UserId, Option<Permissions>)>> {
    fetch_all!(
        on,
        (UserId, Option<Permissions>),
        "select user_id, permissions from resource_people where resource = $1 and user_id = $2",
        resource,
        user
    )
}

pub(super) async fn bound_entries(
    on: &mut impl Lends,
    resource: ResourceId,
) -> sqlx::Result<Vec<(UserId, Option<Permissions>)>> {
    fetch_all!(
        on,
        (UserId, Option<Permissions>),
        "select user_id, permissions from resource_people where resource = $1 and user_id is not null \
         order by user_id",
        resource
    )
}

pub(super) async fn team_entries(
    on: &mut impl Lends,
    resource: ResourceId,
) -> sqlx::Result<Vec<(TeamId, Option<Permissions>)>> {
    fetch_all!(
        on,
        (TeamId, Option<Permissions>),
        "select team, permissions from resource_teams where resource = $1 order by team",
        resource
    )
}

/// Those of the teams that a person is in.
pub(super) async fn team_entries_of(
    on: &mut impl Lends,
    resource: ResourceId,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Vec<(TeamId, Option<Permissions>)>> {
    fetch_all!(
        on,
        (TeamId, Option<Permissions>),
        "select e.team, e.permissions from team_members m \
         join resource_teams e on e.team = m.team and e.resource = $1 \
         where m.organization = $2 and m.user_id = $3 order by e.team",
        resource,
        organization,
        user
    )
}

pub(super) async fn bind_entries(on: &mut impl Lends, user: UserId, canonical: &str) -> sqlx::Result<()> {
    // Where the person has an entry already, by an address of before, that one stays theirs.
    execute!(
        on,
        "update resource_people set user_id = $1 where email_canonical = $2 and user_id is null \
         and not exists (select 1 from resource_people o where o.resource = resource_people.resource \
         and o.user_id = $1)",
        user,
        canonical
    )?;
    Ok(())
}

/// The same for the address that a person has now.
pub(super) async fn bind_own_entries(on: &mut impl Lends, user: UserId) -> sqlx::Result<()> {
    execute!(
        on,
        "update resource_people set user_id = $1 \
         where email_canonical = (select u.email_canonical from users u where u.id = $1) and user_id is null \
         and not exists (select 1 from resource_people o where o.resource = resource_people.resource \
         and o.user_id = $1)",
        user
    )?;
    Ok(())
}

pub(super) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    execute!(
        on,
        "delete from resource_link_uses where link in (select id from resource_links where organization = $1)",
        organization
    )?;
    for statement in [
        "delete from resource_links where organization = $1",
        "delete from access_requests where organization = $1",
        "delete from resource_people where organization = $1",
        "delete from resource_teams where organization = $1",
        "delete from resources where organization = $1",
        "delete from tool_hosts where organization = $1",
        "delete from environments where organization = $1",
    ] {
        execute!(on, statement, organization)?;
    }
    Ok(())
}
