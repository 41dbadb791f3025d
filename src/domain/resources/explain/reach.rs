//! Who may open a resource, and what a person or a team may open: through what, each row decided by `decide`.

use std::collections::{HashMap, HashSet};

use super::{Names, Whole, sql, via};
use crate::domain::access::{Actor, Capability, Role};
use crate::domain::resources::opening::{Card, Spot, opened_by};
use crate::domain::resources::{
    Audience, Kind, Permissions, ResourceError, Standing, Who, decide, inherited_from, parents_of, who,
};
use crate::domain::teams::{self, Team};
use crate::domain::users::{self, Member};
use crate::ids::{ResourceId, TeamId, UserId};
use crate::storage::{Db, Lends};

/// Somebody who may open a resource, or do something else with it.
#[derive(Clone, Debug)]
pub struct Opener {
    /// A member's; nothing of somebody who is listed by an address alone.
    pub user: Option<UserId>,
    pub name: String,
    pub email: String,
    pub role: Option<Role>,
    pub permissions: Permissions,
    pub via: String,
}

/// Some of them, and where to go on.
#[derive(Debug)]
pub struct Reach {
    pub openers: Vec<Opener>,
    pub next: Option<UserId>,
}

/// Candidates that are read at once where many are refused.
const BATCH: usize = 500;

/// The members who may do anything with a resource, from one on, and before the first of them the people who are
/// listed and are no members.
pub async fn who_may(
    db: &Db,
    whole: &Whole,
    after: Option<UserId>,
    limit: usize,
) -> Result<Reach, ResourceError> {
    let mut reader = db.read().await?;
    let on = &mut reader;
    let resource = &whole.resource;
    let saying = inherited_from(on, resource).await?.map_or(resource.id, |(id, _)| id);
    let mut openers = match after {
        None => outsiders(on, whole, saying).await?,
        Some(_) => Vec::new(),
    };
    let (mut at, now) = (after, db.now());
    // One more than is shown says whether the list goes on.
    let read = BATCH.max(limit.saturating_add(1));
    let mut last_shown = None;
    loop {
        let access = &whole.facts.access;
        let asked = sql::Asked {
            organization: resource.organization,
            resource: saying,
            everyone: matches!(access.audience, Audience::Public | Audience::EntireOrganization),
            creator: resource.creator,
            domain: access
                .domain
                .as_deref()
                .filter(|_| access.audience == Audience::DomainRestricted)
                .unwrap_or(""),
            after: &at.map(|id| id.to_string()).unwrap_or_default(),
            now,
            limit: i64::try_from(read).unwrap_or(i64::MAX),
        };
        let batch = sql::members(on, &asked).await?;
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { break };
        let mut teams = match access.teams.is_empty() {
            true => HashMap::new(),
            false => teams_of(on, whole, first.id, last.id).await?,
        };
        let is_last = batch.len() < read;
        at = Some(last.id);
        for candidate in batch {
            let id = candidate.id;
            let Some(opener) = opener(whole, candidate, teams.remove(&id).unwrap_or_default()) else {
                continue;
            };
            if openers.len() >= limit && last_shown.is_some() {
                return Ok(Reach { openers, next: last_shown });
            }
            openers.push(opener);
            last_shown = Some(id);
        }
        if is_last {
            break;
        }
    }
    Ok(Reach { openers, next: None })
}

async fn teams_of(
    on: &mut impl Lends,
    whole: &Whole,
    first: UserId,
    last: UserId,
) -> sqlx::Result<HashMap<UserId, Vec<TeamId>>> {
    let mut teams: HashMap<UserId, Vec<TeamId>> = HashMap::new();
    for (user, team) in sql::teams_between(on, whole.resource.organization, first, last).await? {
        teams.entry(user).or_default().push(team);
    }
    Ok(teams)
}

fn opener(whole: &Whole, candidate: sql::Candidate, teams: Vec<TeamId>) -> Option<Opener> {
    let domain = candidate.email_canonical.rsplit_once('@').map_or("", |(_, domain)| domain).to_owned();
    let standing = Standing::Active(candidate.role);
    let person = Who { user: Some(candidate.id), standing, domain, teams, has_link: false };
    let decision = decide(&whole.facts, &person.subject(), Permissions::READ);
    let permissions = decision.permissions();
    (!permissions.is_empty()).then(|| Opener {
        user: Some(candidate.id),
        via: via(whole.facts.access.domain.as_deref(), &decision, &whole.names(&candidate.name)),
        name: candidate.name,
        email: candidate.email,
        role: Some(candidate.role),
        permissions,
    })
}

/// Those who are listed by an address that is no member's. Whether it has an account is not told (S4).
async fn outsiders(on: &mut impl Lends, whole: &Whole, saying: ResourceId) -> sqlx::Result<Vec<Opener>> {
    if !whole.facts.access.audience.admits_entries() || whole.facts.kind.is_for_members() {
        return Ok(Vec::new());
    }
    let entries = sql::outside_entries(on, whole.resource.organization, saying).await?;
    let listed = entries.into_iter().filter_map(|(email, permissions)| {
        let user = UserId::generate();
        let mut facts = whole.facts.clone();
        facts.access.teams.clear();
        facts.access.people = vec![(user, permissions)];
        let person = Who { user: Some(user), ..Who::nobody() };
        let decision = decide(&facts, &person.subject(), Permissions::READ);
        let permissions = decision.permissions();
        (!permissions.is_empty()).then(|| Opener {
            user: None,
            name: String::new(),
            via: via(facts.access.domain.as_deref(), &decision, &whole.names(&email)),
            email,
            role: None,
            permissions,
        })
    });
    Ok(listed.collect())
}

/// A resource that a person or a team opens, and through what.
#[derive(Clone, Debug)]
pub struct Through {
    pub environment: String,
    pub key: String,
    pub kind: Kind,
    pub name: String,
    pub permissions: Permissions,
    pub via: String,
}

/// Everything that a member may open outside Dev mode, from a place in the list on, and where it goes on.
pub async fn of_person(
    db: &Db,
    actor: &Actor,
    user: UserId,
    after: &Spot,
    limit: usize,
) -> Result<(Member, Vec<Through>, Option<Spot>), ResourceError> {
    actor.may(Capability::ReadUsers)?;
    let member = users::member(db, actor, user).await?;
    let mut reader = db.read().await?;
    let person = who(&mut reader, actor.organization, user, db.now()).await?;
    let (cards, next) = opened_by(&mut reader, actor.organization, &person, after, limit).await?;
    let teams = match person.teams.is_empty() {
        true => Vec::new(),
        false => teams::all(&mut reader, actor.organization).await?,
    };
    let teams: Vec<(TeamId, String)> = teams.into_iter().map(|team| (team.id, team.name)).collect();
    let rows = cards.into_iter().map(|card| through(card, &member.name, &teams)).collect();
    Ok((member, rows, next))
}

fn through(card: Card, who: &str, teams: &[(TeamId, String)]) -> Through {
    let Card { environment, key, kind, name, decision, inherited, domain, .. } = card;
    let names = Names { who, resource: &name, organization: "", teams, inherited: inherited.as_deref() };
    let via = via(domain.as_deref(), &decision, &names);
    Through { permissions: decision.permissions(), via, environment, key, kind, name }
}

/// What the members of a team may open through it, whoever else they are.
pub async fn of_team(db: &Db, actor: &Actor, slug: &str) -> Result<(Team, Vec<Through>), ResourceError> {
    actor.may(Capability::ReadTeams)?;
    actor.may(Capability::ReadResources)?;
    let mut reader = db.read().await?;
    let all = teams::all(&mut reader, actor.organization).await?;
    let team = all.into_iter().find(|team| team.slug == slug).ok_or(ResourceError::NotFound)?;
    let listing = sql::of_team(&mut reader, actor.organization, team.id).await?;
    // Elsewhere an entry lets nobody in (A6).
    let listing: Vec<sql::OfTeam> =
        listing.into_iter().filter(|row| row.audience.is_some_and(Audience::admits_entries)).collect();
    let has_pages = listing.iter().any(|row| row.kind == Kind::Page);
    let inside =
        if has_pages { sql::for_members(&mut reader, actor.organization).await? } else { Vec::new() };
    let given = |row: &sql::OfTeam| {
        row.permissions.filter(|own| !own.is_empty()).or(row.default_permissions).unwrap_or(Permissions::READ)
    };
    let mut rows = under_pages(&listing, &inside, given);
    rows.extend(listing.iter().map(|row| Through {
        environment: row.environment.clone(),
        key: row.key.clone(),
        kind: row.kind,
        name: row.name.clone(),
        permissions: given(row),
        via: "Listed".to_owned(),
    }));
    rows.retain(|row| !row.permissions.is_empty());
    rows.sort_by(|one, other| (&one.name, &one.key).cmp(&(&other.name, &other.key)));
    Ok((team, rows))
}

/// What is under the pages that list the team and has no access of its own (A2).
fn under_pages(
    listing: &[sql::OfTeam],
    inside: &[(String, String, Kind, String, Option<Audience>)],
    given: impl Fn(&sql::OfTeam) -> Permissions,
) -> Vec<Through> {
    let saying = inside.iter().filter(|(_, _, kind, _, audience)| *kind == Kind::Page && audience.is_some());
    let saying: HashSet<(&str, &str)> =
        saying.map(|(environment, key, ..)| (environment.as_str(), key.as_str())).collect();
    let without = inside.iter().filter(|(_, _, _, _, audience)| audience.is_none());
    let rows = without.filter_map(|(environment, key, kind, name, _)| {
        let nearest =
            parents_of(key).into_iter().find(|page| saying.contains(&(environment.as_str(), *page)))?;
        let page = listing.iter().find(|row| row.environment == *environment && row.key == nearest)?;
        Some(Through {
            environment: environment.clone(),
            key: key.clone(),
            kind: *kind,
            name: name.clone(),
            permissions: given(page),
            via: format!("By the page {nearest}"),
        })
    });
    rows.collect()
}
