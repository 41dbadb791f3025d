use super::{Shared, Spot, Within};
use crate::domain::resources::{Audience, Kind, Permissions, Who};
use crate::ids::{OrganizationId, ResourceId, TeamId, UserId};
use crate::storage::{Lends, fetch_all, fetch_one};

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub id: ResourceId,
    pub environment: String,
    pub key: String,
    pub kind: Kind,
    pub name: String,
    pub name_key: String,
    pub description: String,
    pub creator: UserId,
    pub audience: Option<Audience>,
    pub domain: Option<String>,
    pub default_permissions: Option<Permissions>,
    /// The person, if they have an entry of their own.
    pub entry: Option<UserId>,
    pub entry_permissions: Option<Permissions>,
}

impl Within<'_> {
    fn is_searched(&self) -> bool {
        !self.search.trim().is_empty()
    }

    /// A `like` pattern for a name that holds what is searched for, whose pattern signs stand for themselves; empty,
    /// where nothing is.
    fn pattern(&self) -> String {
        if !self.is_searched() {
            return String::new();
        }
        let text = crate::domain::values::folded(self.search.trim());
        ["%", &text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"), "%"].concat()
    }
}

/// Each way in has an index of its own, and what none of them leads to is never read but for its place in the list.
///
/// Each variant is a text of its own, so that it is planned for what it asks: an environment in which the list is in
/// the order of an index, and no pattern where nothing is searched for. `$7` and `$5` then stand for nothing.
macro_rules! candidates {
    ($environment:literal, $search:literal) => {
        concat!(
            "select r.id, r.environment, r.key, r.kind, r.name, r.name_key, r.description, r.creator, \
             r.audience, r.domain, r.default_permissions, p.user_id as entry, p.permissions as entry_permissions \
             from resources r left join resource_people p on p.resource = r.id and p.user_id = $2 \
             where r.organization = $1 and ",
            $environment,
            " and r.developer = $4 and r.archived_at is null \
             and (r.name_key > $5 or (r.name_key = $5 and r.id > $6)) and ",
            $search,
            " and r.id in (select e.resource from team_members m join resource_teams e on e.team = m.team \
             where m.organization = $1 and m.user_id = $2 \
             union all select n.resource from resource_people n where n.user_id = $2 \
             union all select r.id from resources r where r.organization = $1 and r.creator = $2 \
             union all select r.id from resources r where r.organization = $1 and ",
            $environment,
            " and r.developer = $4 and r.audience in ('Public', 'entire-organization') \
             union all select r.id from resources r where r.organization = $1 and ",
            $environment,
            " and r.developer = $4 and r.audience = 'DomainRestricted' and r.domain = $8 \
             union all select r.id from resources r where r.organization = $1 and ",
            $environment,
            " and r.developer = $4 and r.audience is null and r.kind in ('action', 'page')) \
             order by r.name_key, r.id limit $9"
        )
    };
}

/// What might be open to somebody. [`decide`](crate::domain::resources::decide) says whether it is.
pub(super) async fn candidates(
    on: &mut impl Lends,
    organization: OrganizationId,
    who: &Who,
    within: &Within<'_>,
    after: &Spot,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    let sql = match (within.environment.is_empty(), within.is_searched()) {
        (false, false) => candidates!("r.environment = $3", "$7 = ''"),
        (false, true) => candidates!(
            "r.environment = $3",
            r"(r.name_key like $7 escape '\' or lower(r.key) like $7 escape '\')"
        ),
        (true, false) => candidates!("$3 = ''", "$7 = ''"),
        (true, true) => {
            candidates!("$3 = ''", r"(r.name_key like $7 escape '\' or lower(r.key) like $7 escape '\')")
        }
    };
    fetch_all!(
        on,
        Row,
        sql,
        organization,
        who.user,
        within.environment,
        within.developer,
        &after.name_key,
        &after.id,
        within.pattern(),
        &who.domain,
        limit
    )
}

macro_rules! known {
    ($search:literal) => {
        concat!(
            "select r.id, r.environment, r.key, r.kind, r.name, r.name_key, r.description, r.creator, \
             r.audience, r.domain, r.default_permissions, cast(null as text) as entry, \
             cast(null as bigint) as entry_permissions from resources r \
             where r.organization = $1 and r.environment = $3 and r.developer = $4 and r.archived_at is null and ",
            $search,
            " and r.audience in ('teams', 'InviteRestricted', 'DomainRestricted') and r.creator <> $2 \
             and not (r.audience = 'DomainRestricted' and r.domain = $6) \
             and not exists (select 1 from resource_people p where p.resource = r.id and p.user_id = $2) \
             and r.id not in (select e.resource from team_members m join resource_teams e on e.team = m.team \
             where m.organization = $1 and m.user_id = $2) \
             order by r.name_key, r.id limit $7"
        )
    };
}

/// Those that members see and that nothing of somebody's could open.
pub(super) async fn known(
    on: &mut impl Lends,
    organization: OrganizationId,
    who: &Who,
    within: &Within<'_>,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    let sql = match within.is_searched() {
        false => known!("$5 = ''"),
        true => known!(r"(r.name_key like $5 escape '\' or lower(r.key) like $5 escape '\')"),
    };
    fetch_all!(
        on,
        Row,
        sql,
        organization,
        who.user,
        within.environment,
        within.developer,
        within.pattern(),
        &who.domain,
        limit
    )
}

pub(super) async fn team_entries(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Vec<(ResourceId, TeamId, Option<Permissions>)>> {
    fetch_all!(
        on,
        (ResourceId, TeamId, Option<Permissions>),
        "select e.resource, e.team, e.permissions from team_members m join resource_teams e on e.team = m.team \
         where m.organization = $1 and m.user_id = $2 order by m.team",
        organization,
        user
    )
}

/// The pages that say who may open what is under them.
pub(super) async fn saying_pages(
    on: &mut impl Lends,
    organization: OrganizationId,
    within: &Within<'_>,
) -> sqlx::Result<Vec<Row>> {
    fetch_all!(
        on,
        Row,
        "select r.id, r.environment, r.key, r.kind, r.name, r.name_key, r.description, r.creator, \
         r.audience, r.domain, r.default_permissions, cast(null as text) as entry, \
         cast(null as bigint) as entry_permissions from resources r \
         where r.organization = $1 and ($2 = '' or r.environment = $2) and r.developer = $3 \
         and r.kind = 'page' and r.audience is not null and r.archived_at is null",
        organization,
        within.environment,
        within.developer
    )
}

/// At most 200: a guest has few.
pub(super) async fn shared_with(
    on: &mut impl Lends,
    user: UserId,
    domain: &str,
) -> sqlx::Result<Vec<Shared>> {
    // Whoever was removed has only the entries that were made for them since; whoever is suspended, nothing (A3).
    // Each half has an index of its own: an `or` of both would read all resources there are.
    fetch_all!(
        on,
        Shared,
        "select o.name as organization, o.slug, r.environment, r.key, r.kind, r.name, r.description from ( \
         select e.id from resource_people p join resources e on e.id = p.resource where p.user_id = $1 \
         and e.audience in ('InviteRestricted', 'DomainRestricted', 'teams') and e.kind in ('interface', 'tool') \
         and not exists (select 1 from memberships m where m.organization = e.organization and m.user_id = $1 \
         and m.state <> 'removed') \
         union \
         select d.id from resources d where d.audience = 'DomainRestricted' and d.domain = $2 and d.domain <> '' \
         and not exists (select 1 from memberships m where m.organization = d.organization and m.user_id = $1) \
         ) found join resources r on r.id = found.id join organizations o on o.id = r.organization \
         where o.closed_at is null and r.archived_at is null and r.developer = '' \
         order by o.name, o.id, r.name_key, r.id limit 200",
        user,
        domain
    )
}

pub(super) async fn awaits(on: &mut impl Lends, canonical: &str, domain: &str) -> sqlx::Result<bool> {
    let (found,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from ( \
         select d.id from resources d join organizations o on o.id = d.organization \
         where d.audience = 'DomainRestricted' and d.domain = $2 and d.domain <> '' \
         and o.closed_at is null and d.archived_at is null and d.developer = '' \
         union \
         select r.id from resource_people p join resources r on r.id = p.resource \
         join organizations o on o.id = r.organization where p.email_canonical = $1 and p.user_id is null \
         and r.audience in ('DomainRestricted', 'InviteRestricted', 'teams') and r.kind in ('interface', 'tool') \
         and o.closed_at is null and r.archived_at is null and r.developer = '' limit 1) found",
        canonical,
        domain
    )?;
    Ok(found > 0)
}
