//! Who is in a team, and who maintains it (R9).

use super::{Team, TeamError, by_slug, may_manage, sql};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Operator, Role};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::users::{self, MemberState, User};
use crate::domain::values::{Page, Place};
use crate::ids::{OrganizationId, TeamId, UserId};
use crate::storage::{Change, Db, Lends};

/// How many are added at once.
const MOST: usize = 200;
/// How many people a search offers.
const OFFERED: usize = 20;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct TeamMember {
    pub user_id: UserId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub state: MemberState,
    pub ends_at: Option<Timestamp>,
    pub maintainer: bool,
    pub added_at: Timestamp,
}

/// A page of a team's members by name.
#[derive(Debug)]
pub struct MemberPage {
    pub team: Team,
    pub page: Page<TeamMember>,
    /// Whether the reader adds and removes people here, and sees of them what that takes (R9).
    pub manages: bool,
}

pub async fn members(
    db: &Db,
    actor: &Actor,
    slug: &str,
    place: Option<&Place>,
    limit: usize,
) -> Result<MemberPage, TeamError> {
    actor.may(Capability::ReadTeams)?;
    let mut reader = db.read().await?;
    let team = by_slug(&mut reader, actor.organization, slug).await?;
    let manages = may_manage(&mut reader, actor, team.id).await.is_ok();
    let rows = sql::members(&mut reader, actor.organization, team.id, place, limit + 1).await?;
    let page = Page::of(rows, place, limit, |row, backwards| Place::at(&row.name, row.user_id, backwards));
    Ok(MemberPage { team, page, manages })
}

/// Somebody who could be added: no more of them than it takes to know who it is (R9).
#[derive(Clone, Debug)]
pub struct Candidate {
    pub user: UserId,
    pub name: String,
    pub email: String,
    /// Whether they are in the team already.
    pub inside: bool,
}

#[derive(Debug)]
pub struct Candidates {
    pub team: Team,
    /// Whoever was chosen before, wherever the search has gone since.
    pub chosen: Vec<Candidate>,
    pub found: Vec<Candidate>,
    /// Whether more match than are offered.
    pub more: bool,
}

/// The active members whose name or address holds what is searched, for whoever adds people to the team.
pub async fn candidates(
    db: &Db,
    actor: &Actor,
    slug: &str,
    search: &str,
    chosen: &[UserId],
) -> Result<Candidates, TeamError> {
    let mut reader = db.read().await?;
    let team = by_slug(&mut reader, actor.organization, slug).await?;
    may_manage(&mut reader, actor, team.id).await?;
    let now = db.now();
    let mut found = users::find_active(&mut reader, actor.organization, search, OFFERED + 1).await?;
    found.retain(|member| member.is_active(now) && !chosen.contains(&member.user_id));
    let more = found.len() > OFFERED;
    found.truncate(OFFERED);
    let ids: Vec<UserId> = found.iter().map(|member| member.user_id).collect();
    let inside = sql::inside(&mut reader, team.id, &ids).await?;
    let chosen = chosen.get(..MOST.min(chosen.len())).unwrap_or_default();
    let chosen = sql::active(&mut reader, actor.organization, chosen).await?;
    let known = |(user, name, email)| Candidate { user, name, email, inside: false };
    Ok(Candidates {
        team,
        chosen: chosen.into_iter().map(known).collect(),
        found: found
            .into_iter()
            .map(|member| Candidate {
                inside: inside.contains(&member.user_id),
                user: member.user_id,
                name: member.name,
                email: member.email,
            })
            .collect(),
        more,
    })
}

/// Adds active members to a team, all or none. Whoever is in it already stays as they are. Gives the names of
/// those who are new. What they have by it is the caller's to look at, in the same change.
pub(crate) async fn add(
    change: &mut Change,
    actor: &Actor,
    slug: &str,
    people: &[UserId],
) -> Result<(Team, Vec<String>), TeamError> {
    match people.len() {
        0 => return Err(TeamError::Nobody),
        1..=MOST => {}
        _ => return Err(TeamError::TooMany),
    }
    let actor = &users::current_actor(change, actor).await?;
    let team = by_slug(change, actor.organization, slug).await?;
    may_manage(change, actor, team.id).await?;
    let now = change.now();
    let mut added = Vec::new();
    for user in people {
        let member = users::member_of(change, actor.organization, *user).await?;
        let member = member.filter(|member| member.is_active(now)).ok_or(TeamError::NotFound)?;
        let (organization, by) = (actor.organization, Some(actor.person.user));
        if put_in(change, organization, &team, *user, &member.name, by, &actor.operator()).await? {
            added.push(member.name);
        }
    }
    Ok((team, added))
}

/// Adds one person, unless they are in it, keeps the team's count and writes the audit row.
pub(super) async fn put_in(
    change: &mut Change,
    organization: OrganizationId,
    team: &Team,
    user: UserId,
    name: &str,
    by: Option<UserId>,
    operator: &Operator,
) -> sqlx::Result<bool> {
    let now = change.now();
    if !sql::add(change, organization, team.id, user, by, now).await? {
        return Ok(false);
    }
    let entry = Entry::new(Kind::TeamMemberAdded, user, name).with("team", &team.name);
    audit::record(change, organization, operator, entry).await?;
    Ok(true)
}

/// The teams that an invitation gives, as far as they are still there, in the change that makes the membership.
pub(crate) async fn join_invited(
    change: &mut Change,
    organization: OrganizationId,
    user: &User,
    teams: &[TeamId],
    inviter: UserId,
    operator: &Operator,
) -> sqlx::Result<()> {
    let there = super::named(change, organization, teams).await?;
    for team in &there {
        put_in(change, organization, team, user.id, &user.name, Some(inviter), operator).await?;
    }
    Ok(())
}

/// What removing somebody from a team would end (V4).
#[derive(Debug)]
pub struct Removal {
    pub team: Team,
    pub member: TeamMember,
    /// How many resources are granted to the team.
    pub resources: i64,
}

/// Somebody in a team whom the actor may remove. A maintainer is removed by those who make one, or by themselves.
async fn removable(
    on: &mut impl Lends,
    actor: &Actor,
    slug: &str,
    user: UserId,
) -> Result<(Team, TeamMember), TeamError> {
    let team = by_slug(on, actor.organization, slug).await?;
    may_manage(on, actor, team.id).await?;
    let member = sql::member(on, actor.organization, team.id, user).await?.ok_or(TeamError::NotFound)?;
    if member.maintainer && user != actor.person.user && actor.may(Capability::ManageTeams).is_err() {
        return Err(TeamError::Maintainer(member.name));
    }
    Ok((team, member))
}

pub async fn removal(db: &Db, actor: &Actor, slug: &str, user: UserId) -> Result<Removal, TeamError> {
    let mut reader = db.read().await?;
    let (team, member) = removable(&mut reader, actor, slug, user).await?;
    let resources = sql::count_grants(&mut reader, team.id).await?;
    Ok(Removal { team, member, resources })
}

/// Takes somebody out of a team. What they had through it is gone on their next request (A12).
pub async fn remove(app: &App, actor: &Actor, slug: &str, user: UserId) -> Result<Removal, TeamError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let (team, member) = removable(&mut change, actor, slug, user).await?;
    let resources = sql::count_grants(&mut change, team.id).await?;
    sql::remove(&mut change, team.id, user).await?;
    audit::record(&mut change, actor.organization, &actor.operator(), gone(&team, &member)).await?;
    change.commit().await?;
    Ok(Removal { team, member, resources })
}

fn gone(team: &Team, member: &TeamMember) -> Entry {
    let entry = Entry::new(Kind::TeamMemberRemoved, member.user_id, &member.name).without("team", &team.name);
    if member.maintainer { entry.without("maintainer", "yes") } else { entry }
}

/// Puts an active member into a team, as its maintainer or not, in one change: whoever is in it already stays, and
/// becomes what is said. Gives whether they are new.
pub(crate) async fn put(
    change: &mut Change,
    actor: &Actor,
    slug: &str,
    user: UserId,
    maintainer: Option<bool>,
) -> Result<(Team, TeamMember, bool), TeamError> {
    let actor = &users::current_actor(change, actor).await?;
    actor.may(Capability::ManageTeams)?;
    let (organization, now) = (actor.organization, change.now());
    let team = by_slug(change, organization, slug).await?;
    let member = users::member_of(change, organization, user).await?;
    let member = member.filter(|member| member.is_active(now)).ok_or(TeamError::NotFound)?;
    let by = Some(actor.person.user);
    let is_new = put_in(change, organization, &team, user, &member.name, by, &actor.operator()).await?;
    let member = sql::member(change, organization, team.id, user).await?.ok_or(TeamError::NotFound)?;
    let maintainer = maintainer.unwrap_or(member.maintainer);
    make_maintainer(change, actor, &team, &member, maintainer).await?;
    Ok((team, TeamMember { maintainer, ..member }, is_new))
}

/// Makes somebody in a team its maintainer, or one no longer. An Auditor can't be one (R9).
pub async fn set_maintainer(
    app: &App,
    actor: &Actor,
    slug: &str,
    user: UserId,
    maintainer: bool,
) -> Result<(Team, TeamMember), TeamError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageTeams)?;
    let team = by_slug(&mut change, actor.organization, slug).await?;
    let member = sql::member(&mut change, actor.organization, team.id, user).await?;
    let member = member.ok_or(TeamError::NotFound)?;
    if make_maintainer(&mut change, actor, &team, &member, maintainer).await? {
        change.commit().await?;
    }
    Ok((team, TeamMember { maintainer, ..member }))
}

/// The same inside a change. Gives whether they were something else.
async fn make_maintainer(
    change: &mut Change,
    actor: &Actor,
    team: &Team,
    member: &TeamMember,
    maintainer: bool,
) -> Result<bool, TeamError> {
    if maintainer && member.role == Role::Auditor {
        return Err(TeamError::Auditor(member.name.clone()));
    }
    if member.maintainer == maintainer {
        return Ok(false);
    }
    sql::set_maintainer(change, team.id, member.user_id, maintainer).await?;
    let entry = Entry::new(Kind::TeamMaintainerChanged, member.user_id, &member.name);
    let entry = match maintainer {
        true => entry.with("maintainer of", &team.name),
        false => entry.without("maintainer of", &team.name),
    };
    audit::record(change, actor.organization, &actor.operator(), entry).await?;
    Ok(true)
}

/// Takes somebody out of all teams of an organization that they leave, in the change that ends their membership (R8).
pub(crate) async fn leave_all(
    change: &mut Change,
    organization: OrganizationId,
    user: UserId,
    name: &str,
    operator: &Operator,
) -> sqlx::Result<()> {
    let teams = sql::of_people(change, organization, &[user]).await?;
    if teams.is_empty() {
        return Ok(());
    }
    sql::remove_from_all(change, organization, user).await?;
    let left = teams.iter().map(|team| {
        let entry = Entry::new(Kind::TeamMemberRemoved, user, name).without("team", &team.name);
        if team.maintainer { entry.without("maintainer", "yes") } else { entry }
    });
    audit::record_all(change, organization, operator, left).await
}
