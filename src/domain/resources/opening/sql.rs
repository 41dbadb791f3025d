use super::{Spot, Within};
use crate::domain::resources::{Audience, Kind, Permissions, Who};
use crate::domain::users::MemberState;
use crate::ids::{OrganizationId, ResourceId, TeamId, UserId};
use crate::storage::{Lends, Several, fetch_all, fetch_one};

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
    /// The person, where the row comes with an entry of their own.
    pub entry: Option<UserId>,
    /// A team of theirs, where it comes with that team's entry.
    pub team: Option<TeamId>,
    /// Of the entry that it comes with.
    pub permissions: Option<Permissions>,
}

impl Within<'_> {
    pub fn is_searched(&self) -> bool {
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

macro_rules! columns {
    () => {
        "select r.id, r.environment, r.key, r.kind, r.name, r.name_key, r.description, r.creator, r.audience, \
         r.domain, r.default_permissions, "
    };
}

/// The ids of what might be open to somebody other than by their teams. Each way in has an index of its own.
macro_rules! ways_in {
    ($environment:literal) => {
        concat!(
            "select n.resource from resource_people n where n.user_id = $2 \
             union all select r.id from resources r where r.organization = $1 and r.creator = $2 \
             union all select r.id from resources r where r.organization = $1",
            $environment,
            " and r.developer = $3 and r.audience in ('Public', 'entire-organization') \
             union all select r.id from resources r where r.organization = $1",
            $environment,
            " and r.developer = $3 and r.audience = 'DomainRestricted' and r.domain = $4 \
             union all select r.id from resources r where r.organization = $1",
            $environment,
            " and r.developer = $3 and r.audience is null and r.kind in ('action', 'page')"
        )
    };
}

/// A row as one text, in the order that `packed.rs` reads.
macro_rules! packed {
    ($entry:literal, $team:literal, $permissions:literal) => {
        concat!(
            "concat_ws('\u{1f}', r.id, r.environment, r.key, r.kind, r.name, r.name_key, r.description, r.creator, \
             coalesce(r.audience, ''), coalesce(r.domain, ''), coalesce(cast(r.default_permissions as text), ''), ",
            $entry,
            ", ",
            $team,
            ", ",
            $permissions,
            ") as packed"
        )
    };
}

/// Of one environment: what the person's teams are given, a row for each entry; what might be open otherwise, a row for
/// each way in; and the first ones that members see and that neither leads to. All come as one value: to bring 300 rows
/// of 14 columns over takes longer than to read them. Entries lead to resources and not the other way round (`cross
/// join` keeps SQLite to that), and nobody sorts what was not asked for in order. A text of its own where nothing is
/// searched for: its plan looks at no names, and `$7` stands for nothing.
macro_rules! launcher {
    ($search:literal) => {
        concat!(
            "with mine as (select e.resource, e.team, e.permissions \
             from team_members m join resource_teams e on e.team = m.team \
             where m.organization = $1 and m.user_id = $2) \
             select string_agg(packed, '\u{1e}') from (select ",
            packed!("''", "mine.team", "coalesce(cast(mine.permissions as text), '')"),
            " from mine cross join resources r where r.id = mine.resource \
             and r.organization = $1 and r.environment = $5 and r.developer = $3 and r.archived_at is null",
            $search,
            " union all select ",
            packed!("coalesce(p.user_id, '')", "''", "coalesce(cast(p.permissions as text), '')"),
            " from (",
            ways_in!(" and r.environment = $5"),
            ") way cross join resources r left join resource_people p on p.resource = r.id and p.user_id = $2 \
             where r.id = way.resource \
             and r.organization = $1 and r.environment = $5 and r.developer = $3 and r.archived_at is null",
            $search,
            " union all select * from (select ",
            packed!("''", "''", "''"),
            " from resources r \
             where r.organization = $1 and r.environment = $5 and r.developer = $3 and r.archived_at is null",
            $search,
            " and r.audience in ('teams', 'InviteRestricted', 'DomainRestricted') and r.creator <> $2 \
             and not (r.audience = 'DomainRestricted' and r.domain = $4) \
             and not exists (select 1 from resource_people p where p.resource = r.id and p.user_id = $2) \
             and r.id not in (select mine.resource from mine) \
             order by r.name_key, r.id limit $6) known) found"
        )
    };
}

/// What a member's home is made of, in no order: a resource may come in several rows, each with another entry.
pub(super) async fn launcher(
    on: &mut impl Lends,
    organization: OrganizationId,
    who: &Who,
    within: &Within<'_>,
    most_known: i64,
) -> sqlx::Result<Vec<Row>> {
    let sql = match within.is_searched() {
        false => launcher!(" and $7 = ''"),
        true => launcher!(r" and (r.name_key like $7 escape '\' or lower(r.key) like $7 escape '\')"),
    };
    let (rows,): (Several<Row>,) = fetch_one!(
        on,
        (Several<Row>,),
        sql,
        organization,
        who.user,
        within.developer,
        &who.domain,
        within.environment,
        most_known,
        within.pattern()
    )?;
    Ok(rows.0)
}

/// What might be open to somebody in all environments but Dev mode, by name from a place on: each once, without the
/// entries of their teams.
pub(super) async fn candidates(
    on: &mut impl Lends,
    organization: OrganizationId,
    who: &Who,
    after: &Spot,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    fetch_all!(
        on,
        Row,
        concat!(
            columns!(),
            "p.user_id as entry, cast(null as text) as team, p.permissions \
             from resources r left join resource_people p on p.resource = r.id and p.user_id = $2 \
             where r.organization = $1 and r.developer = $3 and r.archived_at is null \
             and (r.name_key > $6 or (r.name_key = $6 and r.id > $7)) \
             and r.id in (select e.resource from team_members m join resource_teams e on e.team = m.team \
             where m.organization = $1 and m.user_id = $2 union all ",
            ways_in!(""),
            ") order by r.name_key, r.id limit $5"
        ),
        organization,
        who.user,
        "",
        &who.domain,
        limit,
        &after.name_key,
        &after.id
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
        concat!(
            columns!(),
            "cast(null as text) as entry, cast(null as text) as team, cast(null as bigint) as permissions \
             from resources r where r.organization = $1 and ($2 = '' or r.environment = $2) and r.developer = $3 \
             and r.kind = 'page' and r.audience is not null and r.archived_at is null"
        ),
        organization,
        within.environment,
        within.developer
    )
}

/// What may be shared with somebody, in what organization, and how they stand to that.
#[derive(sqlx::FromRow)]
pub(super) struct SharedRow {
    pub organization: String,
    pub slug: String,
    pub state: Option<MemberState>,
    #[sqlx(flatten)]
    pub row: Row,
}

/// At most 200: a guest has few. [`decide`](crate::domain::resources::decide) says whether it is open to them.
pub(super) async fn shared_with(
    on: &mut impl Lends,
    user: UserId,
    domain: &str,
) -> sqlx::Result<Vec<SharedRow>> {
    // Whoever was removed has only the entries that were made for them since; whoever is suspended, nothing (A3).
    // Each half has an index of its own: an `or` of both would read all resources there are.
    fetch_all!(
        on,
        SharedRow,
        "select o.name as organization, o.slug, m.state, r.id, r.environment, r.key, r.kind, r.name, r.name_key, \
         r.description, r.creator, r.audience, r.domain, r.default_permissions, p.user_id as entry, \
         cast(null as text) as team, p.permissions from ( \
         select e.id from resource_people p join resources e on e.id = p.resource where p.user_id = $1 \
         and e.audience in ('InviteRestricted', 'DomainRestricted', 'teams') and e.kind in ('interface', 'tool') \
         and not exists (select 1 from memberships m where m.organization = e.organization and m.user_id = $1 \
         and m.state <> 'removed') \
         union \
         select d.id from resources d where d.audience = 'DomainRestricted' and d.domain = $2 and d.domain <> '' \
         and not exists (select 1 from memberships m where m.organization = d.organization and m.user_id = $1) \
         ) found join resources r on r.id = found.id join organizations o on o.id = r.organization \
         left join resource_people p on p.resource = r.id and p.user_id = $1 \
         left join memberships m on m.organization = r.organization and m.user_id = $1 \
         where o.closed_at is null and r.archived_at is null and r.developer = '' \
         order by o.name, o.id, r.name_key, r.id limit 200",
        user,
        domain
    )
}

/// A default of no permissions lets nobody in; an entry of none means the default (A4).
pub(super) async fn awaits(on: &mut impl Lends, canonical: &str, domain: &str) -> sqlx::Result<bool> {
    let (found,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from ( \
         select d.id from resources d join organizations o on o.id = d.organization \
         where d.audience = 'DomainRestricted' and d.domain = $2 and d.domain <> '' \
         and coalesce(d.default_permissions, 1) <> 0 \
         and o.closed_at is null and d.archived_at is null and d.developer = '' \
         union \
         select r.id from resource_people p join resources r on r.id = p.resource \
         join organizations o on o.id = r.organization where p.email_canonical = $1 and p.user_id is null \
         and r.audience in ('DomainRestricted', 'InviteRestricted', 'teams') and r.kind in ('interface', 'tool') \
         and coalesce(nullif(p.permissions, 0), r.default_permissions, 1) <> 0 \
         and o.closed_at is null and r.archived_at is null and r.developer = '' limit 1) found",
        canonical,
        domain
    )?;
    Ok(found > 0)
}
