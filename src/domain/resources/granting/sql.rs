use sqlx::{Database, Encode, QueryBuilder, Type};

use super::{PersonEntry, TeamEntry};
use crate::clock::Timestamp;
use crate::domain::access::Role;
use crate::domain::resources::load::standing;
use crate::domain::resources::{Resource, Standing};
use crate::domain::users::MemberState;
use crate::ids::{OrganizationId, ResourceId, TeamId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_one, on_either};

pub(super) async fn people(on: &mut impl Lends, resource: ResourceId) -> sqlx::Result<Vec<PersonEntry>> {
    let mut people = fetch_all!(
        on,
        PersonEntry,
        "select email, email_canonical, user_id, permissions, created_at, created_by from resource_people \
         where resource = $1",
        resource
    )?;
    // By bytes, whatever the database's own order is.
    people.sort_by(|a, b| a.email_canonical.cmp(&b.email_canonical));
    Ok(people)
}

pub(super) async fn teams(on: &mut impl Lends, resource: ResourceId) -> sqlx::Result<Vec<TeamEntry>> {
    let mut teams = fetch_all!(
        on,
        TeamEntry,
        "select e.team, t.slug, t.name, e.permissions from resource_teams e join teams t on t.id = e.team \
         where e.resource = $1",
        resource
    )?;
    teams.sort_by(|a, b| a.slug.cmp(&b.slug));
    Ok(teams)
}

/// Who has these addresses.
pub(super) async fn users_of(
    on: &mut impl Lends,
    canonical: &[String],
) -> sqlx::Result<Vec<(String, UserId)>> {
    if canonical.is_empty() {
        return Ok(Vec::new());
    }
    fn statement<DB: Database>(canonical: &[String]) -> QueryBuilder<DB>
    where
        String: for<'q> Encode<'q, DB> + Type<DB>,
    {
        let mut query = QueryBuilder::new("select email_canonical, id from users where email_canonical in (");
        let mut among = query.separated(", ");
        for email in canonical {
            among.push_bind(email.clone());
        }
        query.push(")");
        query
    }
    on_either!(on, |e| statement(canonical).build_query_as::<(String, UserId)>().fetch_all(e).await)
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub user_id: UserId,
    pub name: String,
    pub email_canonical: String,
    pub state: MemberState,
    pub role: Role,
    pub ends_at: Option<Timestamp>,
}

/// The next members by id.
pub(super) async fn members_after(
    on: &mut impl Lends,
    organization: OrganizationId,
    last: UserId,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    fetch_all!(
        on,
        Row,
        "select m.user_id, m.name, u.email_canonical, m.state, m.role, m.ends_at from memberships m \
         join users u on u.id = m.user_id \
         where m.organization = $1 and m.user_id > $2 and m.state <> 'removed' order by m.user_id limit $3",
        organization,
        last,
        limit
    )
}

/// The teams of those from one member to another.
pub(super) async fn teams_between(
    on: &mut impl Lends,
    organization: OrganizationId,
    after: UserId,
    until: UserId,
) -> sqlx::Result<Vec<(UserId, TeamId)>> {
    fetch_all!(
        on,
        (UserId, TeamId),
        "select user_id, team from team_members where organization = $1 and user_id > $2 and user_id <= $3 \
         order by user_id, team",
        organization,
        after,
        until
    )
}

/// The members whom something of a resource names: themselves, or a team of theirs. By id.
pub(super) async fn named_members(
    on: &mut impl Lends,
    organization: OrganizationId,
    people: &[UserId],
    teams: &[TeamId],
) -> sqlx::Result<Vec<Row>> {
    fn statement<DB: Database>(
        organization: OrganizationId,
        people: &[UserId],
        teams: &[TeamId],
    ) -> QueryBuilder<DB>
    where
        String: for<'q> Encode<'q, DB> + Type<DB>,
    {
        let mut query = QueryBuilder::new(
            "select m.user_id, m.name, u.email_canonical, m.state, m.role, m.ends_at from memberships m \
             join users u on u.id = m.user_id where m.state <> 'removed' and m.organization = ",
        );
        query.push_bind(organization.to_string()).push(" and m.user_id in (");
        if !teams.is_empty() {
            query.push("select t.user_id from team_members t where t.team in (");
            among(&mut query, teams);
            query.push(") union ");
        }
        query.push("select p.id from users p where p.id in (");
        among(&mut query, people);
        query.push(")) order by m.user_id");
        query
    }
    on_either!(on, |e| statement(organization, people, teams).build_query_as::<Row>().fetch_all(e).await)
}

fn among<DB: Database>(query: &mut QueryBuilder<DB>, ids: &[impl ToString])
where
    String: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut among = query.separated(", ");
    for id in ids {
        among.push_bind(id.to_string());
    }
}

/// Who is in which of these teams, by person.
pub(super) async fn members_of(
    on: &mut impl Lends,
    organization: OrganizationId,
    teams: &[TeamId],
) -> sqlx::Result<Vec<(UserId, TeamId)>> {
    if teams.is_empty() {
        return Ok(Vec::new());
    }
    fn statement<DB: Database>(organization: OrganizationId, teams: &[TeamId]) -> QueryBuilder<DB>
    where
        String: for<'q> Encode<'q, DB> + Type<DB>,
    {
        let mut query = QueryBuilder::new("select user_id, team from team_members where organization = ");
        query.push_bind(organization.to_string()).push(" and team in (");
        among(&mut query, teams);
        query.push(") order by user_id, team");
        query
    }
    on_either!(on, |e| statement(organization, teams).build_query_as::<(UserId, TeamId)>().fetch_all(e).await)
}

/// How a membership stands, as far as that decides anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Class {
    state: MemberState,
    role: Role,
    ended: bool,
}

impl Class {
    pub(super) fn of(member: &Row, now: Timestamp) -> Class {
        let ended = member.ends_at.is_some_and(|end| end <= now);
        Class { state: member.state, role: member.role, ended }
    }

    pub(super) fn standing(self) -> Standing {
        let ends_at = self.ended.then_some(Timestamp::ZERO);
        standing(self.state, self.role, ends_at, Timestamp::ZERO)
    }
}

/// How many members there are of each class, at a domain and elsewhere; without a domain, all elsewhere.
pub(super) async fn classes(
    on: &mut impl Lends,
    organization: OrganizationId,
    domain: &str,
    now: Timestamp,
) -> sqlx::Result<Vec<(Class, bool, i64)>> {
    let rows = match domain {
        "" => fetch_all!(
            on,
            (MemberState, Role, bool, bool, i64),
            "select state, role, ended, false, count(*) from (select state, role, \
             (ends_at is not null and ends_at <= $2) as ended from memberships \
             where organization = $1 and state <> 'removed') m group by state, role, ended",
            organization,
            now
        )?,
        // Domains hold no sign that is more than itself in a pattern.
        domain => fetch_all!(
            on,
            (MemberState, Role, bool, bool, i64),
            "select state, role, ended, here, count(*) from (select m.state, m.role, \
             (m.ends_at is not null and m.ends_at <= $2) as ended, (u.email_canonical like '%@' || $3) as here \
             from memberships m join users u on u.id = m.user_id \
             where m.organization = $1 and m.state <> 'removed') m group by state, role, ended, here",
            organization,
            now,
            domain
        )?,
    };
    let class = |(state, role, ended, here, people)| (Class { state, role, ended }, here, people);
    Ok(rows.into_iter().map(class).collect())
}

pub(super) async fn set_access(on: &mut impl Lends, resource: &Resource) -> sqlx::Result<()> {
    execute!(
        on,
        "update resources set audience = $2, domain = $3, default_permissions = $4, changed_at = $5 where id = $1",
        resource.id,
        resource.audience,
        &resource.domain,
        resource.default_permissions,
        resource.changed_at
    )?;
    Ok(())
}

pub(super) async fn set_people(
    on: &mut impl Lends,
    resource: &Resource,
    people: &[PersonEntry],
) -> sqlx::Result<()> {
    execute!(on, "delete from resource_people where resource = $1", resource.id)?;
    if people.is_empty() {
        return Ok(());
    }
    fn statement<DB: Database>(resource: &Resource, people: &[PersonEntry]) -> QueryBuilder<DB>
    where
        String: for<'q> Encode<'q, DB> + Type<DB>,
        Option<String>: for<'q> Encode<'q, DB> + Type<DB>,
        Option<crate::domain::resources::Permissions>: for<'q> Encode<'q, DB> + Type<DB>,
        i64: for<'q> Encode<'q, DB> + Type<DB>,
    {
        let mut query = QueryBuilder::new(
            "insert into resource_people (resource, organization, email, email_canonical, user_id, permissions, \
             created_at, created_by) ",
        );
        query.push_values(people, |mut row, entry| {
            row.push_bind(resource.id.to_string())
                .push_bind(resource.organization.to_string())
                .push_bind(entry.email.clone())
                .push_bind(entry.email_canonical.clone())
                .push_bind(entry.user_id.map(|user| user.to_string()))
                .push_bind(entry.permissions)
                .push_bind(entry.created_at.0)
                .push_bind(entry.created_by.map(|user| user.to_string()));
        });
        query
    }
    on_either!(on, |e| statement(resource, people).build().execute(e).await.map(|_| ()))
}

/// Binds a resource's entries that wait to whoever has their address by now, as `bind_entries` does for one person.
pub(super) async fn bind_waiting(on: &mut impl Lends, resource: ResourceId) -> sqlx::Result<()> {
    execute!(
        on,
        "update resource_people set user_id = (select u.id from users u \
         where u.email_canonical = resource_people.email_canonical) \
         where resource = $1 and user_id is null and exists (select 1 from users u \
         where u.email_canonical = resource_people.email_canonical and not exists (select 1 from resource_people o \
         where o.resource = resource_people.resource and o.user_id = u.id))",
        resource
    )?;
    Ok(())
}

pub(super) async fn set_teams(
    on: &mut impl Lends,
    resource: &Resource,
    teams: &[TeamEntry],
) -> sqlx::Result<()> {
    execute!(on, "delete from resource_teams where resource = $1", resource.id)?;
    if teams.is_empty() {
        return Ok(());
    }
    fn statement<DB: Database>(resource: &Resource, teams: &[TeamEntry]) -> QueryBuilder<DB>
    where
        String: for<'q> Encode<'q, DB> + Type<DB>,
        Option<crate::domain::resources::Permissions>: for<'q> Encode<'q, DB> + Type<DB>,
    {
        let mut query =
            QueryBuilder::new("insert into resource_teams (resource, organization, team, permissions) ");
        query.push_values(teams, |mut row, entry| {
            row.push_bind(resource.id.to_string())
                .push_bind(resource.organization.to_string())
                .push_bind(entry.team.to_string())
                .push_bind(entry.permissions);
        });
        query
    }
    on_either!(on, |e| statement(resource, teams).build().execute(e).await.map(|_| ()))
}

pub(super) async fn open_links(
    on: &mut impl Lends,
    resource: ResourceId,
    now: Timestamp,
) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from resource_links where resource = $1 and revoked_at is null \
         and (expires_at is null or expires_at > $2)",
        resource,
        now
    )?;
    Ok(count)
}

pub(super) async fn revoke_links(
    on: &mut impl Lends,
    resource: ResourceId,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update resource_links set revoked_at = $2 where resource = $1 and revoked_at is null",
        resource,
        now
    )?;
    Ok(())
}

/// How many active actions and pages take their access from a page, or would if it said any; and how many of them
/// somebody else made.
pub(super) async fn inheriting(
    on: &mut impl Lends,
    page: &Resource,
    user: UserId,
) -> sqlx::Result<(i64, i64)> {
    fetch_one!(
        on,
        (i64, i64),
        "select count(*), count(case when r.creator <> $5 then 1 end) from resources r \
         where r.organization = $1 and r.environment = $2 and r.developer = $3 and r.audience is null \
         and r.kind in ('action', 'page') and r.archived_at is null \
         and substr(r.key, 1, length($4) + 1) = $4 || '/' \
         and not exists (select 1 from resources p where p.organization = r.organization \
         and p.environment = r.environment and p.developer = r.developer and p.kind = 'page' \
         and p.audience is not null and p.archived_at is null and length(p.key) > length($4) \
         and substr(r.key, 1, length(p.key) + 1) = p.key || '/')",
        page.organization,
        &page.environment,
        &page.developer,
        &page.key,
        user
    )
}
