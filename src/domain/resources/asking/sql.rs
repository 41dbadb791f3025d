use sqlx::{Database, Encode, QueryBuilder, Type};

use super::{Permissions, Request, Resource};
use crate::clock::Timestamp;
use crate::domain::access::Role;
use crate::ids::{AccessRequestId, OrganizationId, ResourceId, TeamId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_optional, on_either};

pub(super) async fn asked_at(
    on: &mut impl Lends,
    resource: ResourceId,
    user: UserId,
) -> sqlx::Result<Option<Timestamp>> {
    let found = fetch_optional!(
        on,
        (Timestamp,),
        "select created_at from access_requests where resource = $1 and user_id = $2 and closed_at is null",
        resource,
        user
    )?;
    Ok(found.map(|(at,)| at))
}

pub(super) async fn asked_by(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    since: Timestamp,
) -> sqlx::Result<Vec<ResourceId>> {
    let rows = fetch_all!(
        on,
        (ResourceId,),
        "select resource from access_requests where user_id = $2 and organization = $1 and closed_at is null \
         and created_at > $3",
        organization,
        user,
        since
    )?;
    Ok(rows.into_iter().map(|(resource,)| resource).collect())
}

/// Says whether there was none that is open: the unique index lets one.
pub(super) async fn insert(
    on: &mut impl Lends,
    organization: OrganizationId,
    resource: ResourceId,
    user: UserId,
    note: &str,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let rows = execute!(
        on,
        "insert into access_requests (id, organization, resource, user_id, note, created_at) \
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        AccessRequestId::generate(),
        organization,
        resource,
        user,
        note,
        now
    )?;
    Ok(rows == 1)
}

/// Of people who are still there; the oldest first.
pub(super) async fn open_of(
    on: &mut impl Lends,
    organization: OrganizationId,
    resource: ResourceId,
    now: Timestamp,
) -> sqlx::Result<Vec<Request>> {
    fetch_all!(
        on,
        Request,
        "select a.id, a.user_id, u.name, u.email, u.email_canonical, m.role, a.note, a.created_at \
         from access_requests a join users u on u.id = a.user_id \
         join memberships m on m.organization = a.organization and m.user_id = a.user_id \
         where a.organization = $1 and a.resource = $2 and a.closed_at is null and m.state = 'active' \
         and (m.ends_at is null or m.ends_at > $3) order by a.created_at, a.id limit 200",
        organization,
        resource,
        now
    )
}

/// The teams of whoever asks for a resource, each person's sorted.
pub(super) async fn teams_of_askers(
    on: &mut impl Lends,
    organization: OrganizationId,
    resource: ResourceId,
) -> sqlx::Result<Vec<(UserId, TeamId)>> {
    fetch_all!(
        on,
        (UserId, TeamId),
        "select m.user_id, m.team from access_requests a \
         join team_members m on m.organization = a.organization and m.user_id = a.user_id \
         where a.organization = $1 and a.resource = $2 and a.closed_at is null order by m.user_id, m.team",
        organization,
        resource
    )
}

/// A request that is open, by a member who is still there, with what they asked for.
#[derive(sqlx::FromRow)]
pub(super) struct Waiting {
    pub request: AccessRequestId,
    pub asker: UserId,
    pub asker_email: String,
    pub asker_role: Role,
    #[sqlx(flatten)]
    pub resource: Resource,
}

macro_rules! waiting {
    ($which:literal) => {
        concat!(
            "select a.id as request, a.user_id as asker, u.email_canonical as asker_email, m.role as asker_role, \
             r.id, r.organization, r.environment, r.developer, r.key, r.kind, r.name, r.description, r.url, \
             r.definition, r.creator, r.audience, r.domain, r.default_permissions, r.created_at, r.changed_at, \
             r.archived_at from access_requests a join users u on u.id = a.user_id \
             join memberships m on m.organization = a.organization and m.user_id = a.user_id \
             join resources r on r.id = a.resource where a.organization = $1 and a.closed_at is null \
             and m.state = 'active' and (m.ends_at is null or m.ends_at > $2) and r.archived_at is null and ",
            $which
        )
    };
}

/// Of a resource and of what is under it.
pub(super) async fn waiting_under(
    on: &mut impl Lends,
    resource: &Resource,
    now: Timestamp,
) -> sqlx::Result<Vec<Waiting>> {
    fetch_all!(
        on,
        Waiting,
        waiting!(
            "r.environment = $3 and r.developer = $4 and (r.key = $5 or substr(r.key, 1, length($5) + 1) = $5 || '/')"
        ),
        resource.organization,
        now,
        &resource.environment,
        &resource.developer,
        &resource.key
    )
}

pub(super) async fn waiting_of_team(
    on: &mut impl Lends,
    organization: OrganizationId,
    team: TeamId,
    now: Timestamp,
) -> sqlx::Result<Vec<Waiting>> {
    let sql = waiting!("a.user_id in (select t.user_id from team_members t where t.team = $3)");
    fetch_all!(on, Waiting, sql, organization, now, team)
}

pub(super) async fn waiting_of_person(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<Vec<Waiting>> {
    fetch_all!(on, Waiting, waiting!("a.user_id = $3"), organization, now, user)
}

/// The pages of an organization that say who may open what is under them.
pub(super) async fn saying_pages(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<Resource>> {
    fetch_all!(
        on,
        Resource,
        "select id, organization, environment, developer, key, kind, name, description, url, definition, creator, \
         audience, domain, default_permissions, created_at, changed_at, archived_at from resources \
         where organization = $1 and kind = 'page' and audience is not null and archived_at is null",
        organization
    )
}

/// The entries of whoever has asked for anything.
pub(super) async fn own_entries(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<(ResourceId, UserId, Option<Permissions>)>> {
    fetch_all!(
        on,
        (ResourceId, UserId, Option<Permissions>),
        "select p.resource, p.user_id, p.permissions from resource_people p where p.organization = $1 \
         and p.user_id in (select a.user_id from access_requests a where a.organization = $1 and a.closed_at is null)",
        organization
    )
}

/// The entries of their teams, each resource's and person's sorted.
pub(super) async fn team_entries(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<(ResourceId, UserId, TeamId, Option<Permissions>)>> {
    fetch_all!(
        on,
        (ResourceId, UserId, TeamId, Option<Permissions>),
        "select e.resource, m.user_id, e.team, e.permissions from team_members m \
         join resource_teams e on e.team = m.team where m.organization = $1 \
         and m.user_id in (select a.user_id from access_requests a where a.organization = $1 and a.closed_at is null) \
         order by e.team",
        organization
    )
}

pub(super) async fn close_all(
    on: &mut impl Lends,
    organization: OrganizationId,
    ids: &[AccessRequestId],
    now: Timestamp,
) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    fn statement<DB: Database>(
        organization: OrganizationId,
        ids: &[AccessRequestId],
        now: Timestamp,
    ) -> QueryBuilder<DB>
    where
        String: for<'q> Encode<'q, DB> + Type<DB>,
        i64: for<'q> Encode<'q, DB> + Type<DB>,
    {
        let mut query = QueryBuilder::new("update access_requests set closed_at = ");
        query
            .push_bind(now.0)
            .push(" where organization = ")
            .push_bind(organization.to_string())
            .push(" and id in (");
        let mut among = query.separated(", ");
        for id in ids {
            among.push_bind(id.to_string());
        }
        query.push(")");
        query
    }
    on_either!(on, |e| statement(organization, ids, now).build().execute(e).await.map(|_| ()))
}

/// Closes somebody's request that was made by then.
pub(super) async fn close_before(
    on: &mut impl Lends,
    resource: ResourceId,
    user: UserId,
    before: Timestamp,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update access_requests set closed_at = $4 where resource = $1 and user_id = $2 and closed_at is null \
         and created_at <= $3",
        resource,
        user,
        before,
        now
    )?;
    Ok(())
}

pub(super) async fn close(
    on: &mut impl Lends,
    organization: OrganizationId,
    resource: ResourceId,
    id: AccessRequestId,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let rows = execute!(
        on,
        "update access_requests set closed_at = $4 where organization = $1 and resource = $2 and id = $3 \
         and closed_at is null",
        organization,
        resource,
        id,
        now
    )?;
    Ok(rows == 1)
}

/// The address of a member who may change the resource's access as its creator.
pub(super) async fn mail_of_creator(
    on: &mut impl Lends,
    organization: OrganizationId,
    creator: UserId,
    now: Timestamp,
) -> sqlx::Result<Option<String>> {
    let found = fetch_optional!(
        on,
        (String,),
        "select u.email from memberships m join users u on u.id = m.user_id where m.organization = $1 \
         and m.user_id = $2 and m.state = 'active' and (m.ends_at is null or m.ends_at > $3) \
         and m.role in ('owner', 'admin', 'developer')",
        organization,
        creator,
        now
    )?;
    Ok(found.map(|(email,)| email))
}
