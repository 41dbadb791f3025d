use crate::clock::Timestamp;
use crate::domain::access::Role;
use crate::domain::resources::{Audience, Kind, Permissions};
use crate::ids::{OrganizationId, ResourceId, TeamId, UserId};
use crate::storage::{Lends, fetch_all, fetch_one, fetch_optional};

pub(super) async fn has_membership(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<bool> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from memberships where organization = $1 and user_id = $2",
        organization,
        user
    )?;
    Ok(count > 0)
}

/// The entry that waits for whoever proves an address.
pub(super) async fn waiting_entry(
    on: &mut impl Lends,
    resource: ResourceId,
    canonical: &str,
) -> sqlx::Result<Option<Option<Permissions>>> {
    let found = fetch_optional!(
        on,
        (Option<Permissions>,),
        "select permissions from resource_people where resource = $1 and email_canonical = $2 and user_id is null",
        resource,
        canonical
    )?;
    Ok(found.map(|(permissions,)| permissions))
}

#[derive(sqlx::FromRow)]
pub(super) struct Candidate {
    pub id: UserId,
    pub name: String,
    pub email: String,
    pub email_canonical: String,
    pub role: Role,
}

/// Which members a resource might be open to.
pub(super) struct Asked<'a> {
    pub organization: OrganizationId,
    /// Whose entries for people count.
    pub resource: ResourceId,
    /// All active members; else those whom something names.
    pub everyone: bool,
    pub creator: UserId,
    /// Of DomainRestricted; else empty.
    pub domain: &'a str,
    pub after: &'a str,
    pub now: Timestamp,
    pub limit: i64,
}

pub(super) async fn members(on: &mut impl Lends, asked: &Asked<'_>) -> sqlx::Result<Vec<Candidate>> {
    fetch_all!(
        on,
        Candidate,
        "select u.id, u.name, u.email, u.email_canonical, m.role from memberships m join users u on u.id = m.user_id \
         where m.organization = $1 and m.state = 'active' and (m.ends_at is null or m.ends_at > $2) \
         and m.user_id > $3 and ($4 or m.user_id = $5 \
         or m.user_id in (select p.user_id from resource_people p where p.resource = $6 and p.user_id is not null) \
         or m.user_id in (select t.user_id from resource_teams e join team_members t on t.team = e.team \
         where e.resource = $6) \
         or ($7 <> '' and u.email_canonical like '%@' || $7)) \
         order by m.user_id limit $8",
        asked.organization,
        asked.now,
        asked.after,
        asked.everyone,
        asked.creator,
        asked.resource,
        asked.domain,
        asked.limit
    )
}

/// The teams of the people from one to another.
pub(super) async fn teams_between(
    on: &mut impl Lends,
    organization: OrganizationId,
    first: UserId,
    last: UserId,
) -> sqlx::Result<Vec<(UserId, TeamId)>> {
    fetch_all!(
        on,
        (UserId, TeamId),
        "select user_id, team from team_members where organization = $1 and user_id >= $2 and user_id <= $3 \
         order by user_id, team",
        organization,
        first,
        last
    )
}

/// The entries of people who are no members: by the address that they were made for. A resource has few.
pub(super) async fn outside_entries(
    on: &mut impl Lends,
    organization: OrganizationId,
    resource: ResourceId,
) -> sqlx::Result<Vec<(String, Option<Permissions>)>> {
    fetch_all!(
        on,
        (String, Option<Permissions>),
        "select p.email, p.permissions from resource_people p where p.resource = $1 \
         and not exists (select 1 from memberships m where m.organization = $2 and m.user_id = p.user_id \
         and m.state <> 'removed') order by p.email_canonical limit 2000",
        resource,
        organization
    )
}

#[derive(sqlx::FromRow)]
pub(super) struct OfTeam {
    pub environment: String,
    pub key: String,
    pub kind: Kind,
    pub name: String,
    pub audience: Option<Audience>,
    pub default_permissions: Option<Permissions>,
    pub permissions: Option<Permissions>,
}

/// What lists a team, in what is not Dev mode.
pub(super) async fn of_team(
    on: &mut impl Lends,
    organization: OrganizationId,
    team: TeamId,
) -> sqlx::Result<Vec<OfTeam>> {
    fetch_all!(
        on,
        OfTeam,
        "select r.environment, r.key, r.kind, r.name, r.audience, r.default_permissions, e.permissions \
         from resource_teams e join resources r on r.id = e.resource and r.organization = $1 \
         where e.team = $2 and r.archived_at is null and r.developer = '' and r.audience is not null \
         order by r.name_key, r.id limit 5000",
        organization,
        team
    )
}

/// Actions and pages, with the audience that each says, if it says one.
pub(super) async fn for_members(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<(String, String, Kind, String, Option<Audience>)>> {
    fetch_all!(
        on,
        (String, String, Kind, String, Option<Audience>),
        "select environment, key, kind, name, audience from resources where organization = $1 \
         and kind in ('action', 'page') and archived_at is null and developer = '' \
         order by name_key, id limit 20000",
        organization
    )
}
