use sqlx::{Database, Encode, QueryBuilder, Type};

use super::editing::Grant;
use super::members::TeamMember;
use super::{Membership, Team};
use crate::clock::Timestamp;
use crate::domain::values::Place;
use crate::ids::{OrganizationId, TeamId, UserId};
use crate::storage::{Lends, Several, execute, fetch_all, fetch_one, fetch_optional, on_either};

pub(super) async fn all(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Vec<Team>> {
    first(on, organization, i64::MAX).await
}

pub(super) async fn first(
    on: &mut impl Lends,
    organization: OrganizationId,
    limit: i64,
) -> sqlx::Result<Vec<Team>> {
    fetch_all!(
        on,
        Team,
        "select id, slug, name, people, created_at from teams where organization = $1 \
         order by name_key, id limit $2",
        organization,
        limit
    )
}

pub(super) async fn by_slug(
    on: &mut impl Lends,
    organization: OrganizationId,
    slug: &str,
) -> sqlx::Result<Option<Team>> {
    fetch_optional!(
        on,
        Team,
        "select id, slug, name, people, created_at from teams where organization = $1 and slug = $2",
        organization,
        slug
    )
}

/// `column in ($n, $n + 1, …)`. Only what is bound comes from outside.
fn among<DB: Database>(query: &mut QueryBuilder<DB>, column: &'static str, ids: &[impl ToString])
where
    String: for<'q> Encode<'q, DB> + Type<DB>,
{
    query.push(" and ").push(column).push(" in (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id.to_string());
    }
    query.push(")");
}

pub(super) async fn named(
    on: &mut impl Lends,
    organization: OrganizationId,
    ids: &[TeamId],
) -> sqlx::Result<Vec<Team>> {
    on_either!(on, |e| {
        let mut query =
            QueryBuilder::new("select id, slug, name, people, created_at from teams where organization = ");
        query.push_bind(organization.to_string());
        among(&mut query, "id", ids);
        query.push(" order by name_key, id").build_query_as::<Team>().fetch_all(e).await
    })
}

pub(super) async fn of_people(
    on: &mut impl Lends,
    organization: OrganizationId,
    people: &[UserId],
) -> sqlx::Result<Vec<Membership>> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(
            "select m.user_id, t.slug, t.name, m.maintainer from team_members m join teams t on t.id = m.team \
             where m.organization = ",
        );
        query.push_bind(organization.to_string());
        among(&mut query, "m.user_id", people);
        query.push(" order by t.name_key, t.id").build_query_as::<Membership>().fetch_all(e).await
    })
}

/// A row a person.
pub(super) async fn names_of(
    on: &mut impl Lends,
    organization: OrganizationId,
    people: &[UserId],
) -> sqlx::Result<Vec<(UserId, Several<String>)>> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(
            "select m.user_id, string_agg(t.name, '\u{1e}' order by t.name_key, t.id) \
             from team_members m join teams t on t.id = m.team where m.organization = ",
        );
        query.push_bind(organization.to_string());
        among(&mut query, "m.user_id", people);
        query.push(" group by m.user_id").build_query_as().fetch_all(e).await
    })
}

pub(super) async fn list(
    on: &mut impl Lends,
    organization: OrganizationId,
    pattern: &str,
    place: Option<&Place>,
    limit: usize,
) -> sqlx::Result<Vec<Team>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let from = place.cloned().unwrap_or_default();
    match from.backwards {
        false => fetch_all!(
            on,
            Team,
            r"select id, slug, name, people, created_at from teams
              where organization = $1 and (name_key, id) > ($2, $3)
              and (name_key like $4 escape '\' or slug like $4 escape '\') order by name_key, id limit $5",
            organization,
            &from.key,
            &from.id,
            pattern,
            limit
        ),
        true => fetch_all!(
            on,
            Team,
            r"select id, slug, name, people, created_at from teams
              where organization = $1 and (name_key, id) < ($2, $3)
              and (name_key like $4 escape '\' or slug like $4 escape '\') order by name_key desc, id desc limit $5",
            organization,
            &from.key,
            &from.id,
            pattern,
            limit
        ),
    }
}

pub(super) async fn maintainers(
    on: &mut impl Lends,
    organization: OrganizationId,
    teams: &[TeamId],
) -> sqlx::Result<Vec<(TeamId, String)>> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(
            "select t.team, m.name from team_members t \
             join memberships m on m.organization = t.organization and m.user_id = t.user_id \
             where t.maintainer and t.organization = ",
        );
        query.push_bind(organization.to_string());
        among(&mut query, "t.team", teams);
        query.push(" order by m.name_key, m.user_id").build_query_as::<(TeamId, String)>().fetch_all(e).await
    })
}

pub(super) async fn maintains(
    on: &mut impl Lends,
    organization: OrganizationId,
    team: TeamId,
    user: UserId,
) -> sqlx::Result<bool> {
    let found = fetch_optional!(
        on,
        (bool,),
        "select maintainer from team_members where team = $1 and user_id = $2 and organization = $3",
        team,
        user,
        organization
    )?;
    Ok(found.is_some_and(|(maintainer,)| maintainer))
}

pub(super) async fn insert(
    on: &mut impl Lends,
    organization: OrganizationId,
    team: &Team,
    name_key: &str,
    by: UserId,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into teams (id, organization, slug, name, name_key, people, created_at, created_by) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        team.id,
        organization,
        &team.slug,
        &team.name,
        name_key,
        team.people,
        team.created_at,
        by
    )?;
    Ok(())
}

pub(super) async fn update(on: &mut impl Lends, team: &Team, name_key: &str) -> sqlx::Result<()> {
    execute!(
        on,
        "update teams set slug = $2, name = $3, name_key = $4 where id = $1",
        team.id,
        &team.slug,
        &team.name,
        name_key
    )?;
    Ok(())
}

pub(super) async fn is_granted(on: &mut impl Lends, team: TeamId) -> sqlx::Result<bool> {
    let found =
        fetch_optional!(on, (TeamId,), "select team from resource_teams where team = $1 limit 1", team)?;
    Ok(found.is_some())
}

pub(super) async fn count_grants(on: &mut impl Lends, team: TeamId) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from resource_teams e join resources r on r.id = e.resource \
         where e.team = $1 and r.archived_at is null",
        team
    )?;
    Ok(count)
}

pub(super) async fn grants(on: &mut impl Lends, team: TeamId) -> sqlx::Result<Vec<Grant>> {
    fetch_all!(
        on,
        Grant,
        "select r.key, r.name, r.environment from resource_teams e join resources r on r.id = e.resource \
         where e.team = $1 order by r.name_key, r.id",
        team
    )
}

/// Pending invitations whose teams name one, by a pattern of its id.
pub(super) async fn invitations_into(
    on: &mut impl Lends,
    organization: OrganizationId,
    pattern: &str,
) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from invitations where organization = $1 and state = 'pending' and teams like $2",
        organization,
        pattern
    )?;
    Ok(count)
}

pub(super) async fn people(on: &mut impl Lends, team: TeamId) -> sqlx::Result<Vec<(UserId, String)>> {
    fetch_all!(
        on,
        (UserId, String),
        "select m.user_id, m.name from team_members t \
         join memberships m on m.organization = t.organization and m.user_id = t.user_id \
         where t.team = $1 order by m.name_key, m.user_id",
        team
    )
}

/// The team, who is in it, and what is granted to it.
pub(super) async fn delete(on: &mut impl Lends, team: TeamId) -> sqlx::Result<()> {
    execute!(on, "delete from resource_teams where team = $1", team)?;
    execute!(on, "delete from team_members where team = $1", team)?;
    execute!(on, "delete from teams where id = $1", team)?;
    Ok(())
}

macro_rules! team_member {
    ($rest:literal) => {
        concat!(
            "select m.user_id, m.name, m.email, m.role, m.state, m.ends_at, t.maintainer, t.added_at \
             from team_members t join memberships m on m.organization = t.organization and m.user_id = t.user_id \
             where t.team = $1 and t.organization = $2 ",
            $rest
        )
    };
}

pub(super) async fn members(
    on: &mut impl Lends,
    organization: OrganizationId,
    team: TeamId,
    place: Option<&Place>,
    limit: usize,
) -> sqlx::Result<Vec<TeamMember>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let from = place.cloned().unwrap_or_default();
    match from.backwards {
        false => fetch_all!(
            on,
            TeamMember,
            team_member!("and (m.name_key, m.user_id) > ($3, $4) order by m.name_key, m.user_id limit $5"),
            team,
            organization,
            &from.key,
            &from.id,
            limit
        ),
        true => fetch_all!(
            on,
            TeamMember,
            team_member!(
                "and (m.name_key, m.user_id) < ($3, $4) order by m.name_key desc, m.user_id desc limit $5"
            ),
            team,
            organization,
            &from.key,
            &from.id,
            limit
        ),
    }
}

pub(super) async fn member(
    on: &mut impl Lends,
    organization: OrganizationId,
    team: TeamId,
    user: UserId,
) -> sqlx::Result<Option<TeamMember>> {
    fetch_optional!(on, TeamMember, team_member!("and t.user_id = $3"), team, organization, user)
}

/// Those of some people who are in a team.
pub(super) async fn inside(
    on: &mut impl Lends,
    team: TeamId,
    people: &[UserId],
) -> sqlx::Result<Vec<UserId>> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(UserId,)> = on_either!(on, |e| {
        let mut query = QueryBuilder::new("select user_id from team_members where team = ");
        query.push_bind(team.to_string());
        among(&mut query, "user_id", people);
        query.build_query_as::<(UserId,)>().fetch_all(e).await
    })?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}

/// Those of some people who are active members: who they are, their names and addresses.
pub(super) async fn active(
    on: &mut impl Lends,
    organization: OrganizationId,
    people: &[UserId],
) -> sqlx::Result<Vec<(UserId, String, String)>> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(
            "select user_id, name, email from memberships where state = 'active' and organization = ",
        );
        query.push_bind(organization.to_string());
        among(&mut query, "user_id", people);
        query
            .push(" order by name_key, user_id")
            .build_query_as::<(UserId, String, String)>()
            .fetch_all(e)
            .await
    })
}

/// The active members at some canonical addresses: the address, who it is and their name.
pub(super) async fn members_at(
    on: &mut impl Lends,
    organization: OrganizationId,
    addresses: &[String],
    now: Timestamp,
) -> sqlx::Result<Vec<(String, UserId, String)>> {
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(
            "select u.email_canonical, u.id, u.name from users u join memberships m on m.user_id = u.id \
             and m.state = 'active' and m.organization = ",
        );
        query.push_bind(organization.to_string()).push(" and (m.ends_at is null or m.ends_at > ");
        query.push_bind(now.0).push(") where u.email_canonical in (");
        let mut among = query.separated(", ");
        for address in addresses {
            among.push_bind(address.clone());
        }
        query.push(")");
        query.build_query_as::<(String, UserId, String)>().fetch_all(e).await
    })
}

/// Whether the person was not in it yet; the team's count is kept.
pub(super) async fn add(
    on: &mut impl Lends,
    organization: OrganizationId,
    team: TeamId,
    user: UserId,
    by: Option<UserId>,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let added = execute!(
        on,
        "insert into team_members (team, organization, user_id, maintainer, added_at, added_by) \
         values ($1, $2, $3, false, $4, $5) on conflict (team, user_id) do nothing",
        team,
        organization,
        user,
        now,
        by
    )?;
    if added > 0 {
        execute!(on, "update teams set people = people + 1 where id = $1", team)?;
    }
    Ok(added > 0)
}

pub(super) async fn remove(on: &mut impl Lends, team: TeamId, user: UserId) -> sqlx::Result<()> {
    let removed = execute!(on, "delete from team_members where team = $1 and user_id = $2", team, user)?;
    if removed > 0 {
        execute!(on, "update teams set people = people - 1 where id = $1", team)?;
    }
    Ok(())
}

pub(super) async fn remove_from_all(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update teams set people = people - 1 where id in \
         (select team from team_members where organization = $1 and user_id = $2)",
        organization,
        user
    )?;
    execute!(on, "delete from team_members where organization = $1 and user_id = $2", organization, user)?;
    Ok(())
}

pub(super) async fn set_maintainer(
    on: &mut impl Lends,
    team: TeamId,
    user: UserId,
    maintainer: bool,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update team_members set maintainer = $3 where team = $1 and user_id = $2",
        team,
        user,
        maintainer
    )?;
    Ok(())
}

pub(super) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    execute!(on, "delete from team_members where organization = $1", organization)?;
    execute!(on, "delete from teams where organization = $1", organization)?;
    Ok(())
}
