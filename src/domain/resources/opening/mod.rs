//! What somebody may open: one resource's page, the launcher, and what guests were given (A3, A5, A13).

mod packed;
mod sql;

use std::collections::HashMap;

use super::{
    Access, Audience, Decision, Facts, Kind, Permissions, Resource, Standing, Who, asking, decide, facts,
    find, inherited_from, who,
};
use crate::clock::Timestamp;
use crate::domain::access::Actor;
use crate::domain::environments::Place;
use crate::domain::users;
use crate::ids::{OrganizationId, ResourceId, TeamId, UserId};
use crate::storage::{Db, Lends};

/// As many as the launcher shows of what one may not open; a search finds the others.
pub const MOST_KNOWN: usize = 24;

/// One resource as somebody stands before it.
#[derive(Debug)]
pub struct Seen {
    pub resource: Resource,
    pub decision: Decision,
    /// The audience in force, its own or inherited.
    pub audience: Audience,
    /// The page above it whose access is in force.
    pub inherited: Option<String>,
    pub creator: Option<String>,
    /// When they asked for access, as long as that is open.
    pub asked_at: Option<Timestamp>,
}

impl Seen {
    /// Whether there is anything that they may do here.
    pub fn is_open(&self) -> bool {
        !self.decision.permissions().is_empty()
    }

    /// Whether a member who may not open it sees that it is there (A13).
    pub fn is_known(&self) -> bool {
        self.audience.is_known_to_members() && self.resource.archived_at.is_none()
    }
}

/// A resource by its key, as this person stands before it, or nobody signed in.
pub async fn look(db: &Db, place: &Place, key: &str, user: Option<UserId>) -> sqlx::Result<Option<Seen>> {
    let now = db.now();
    let mut reader = db.read().await?;
    let Some(resource) = find(&mut reader, place, key).await? else { return Ok(None) };
    let who = match user {
        Some(user) => who(&mut reader, place.organization, user, now).await?,
        None => Who::nobody(),
    };
    let seen = see(&mut reader, resource, &who).await?;
    drop(reader);
    if let (Some(user), Some(_), true) = (who.user, seen.asked_at, seen.decision.allowed) {
        asking::got(db, seen.resource.id, user).await?;
    }
    Ok(Some(seen))
}

/// The same of a resource that was found, perhaps by a link.
pub async fn see(on: &mut impl Lends, resource: Resource, who: &Who) -> sqlx::Result<Seen> {
    let facts = facts(on, &resource, who).await?;
    let decision = decide(&facts, &who.subject(), Permissions::READ);
    let inherited = inherited_from(on, &resource).await?.map(|(_, key)| key);
    let creator = users::by_id(on, resource.creator).await?.map(|user| user.name);
    let asked_at = match who.user {
        Some(user) => asking::asked_at(on, resource.id, user).await?,
        None => None,
    };
    Ok(Seen { decision, audience: facts.access.audience, inherited, creator, asked_at, resource })
}

/// A resource among others, and what one may do with it.
#[derive(Clone, Debug)]
pub struct Card {
    pub id: ResourceId,
    pub environment: String,
    pub key: String,
    pub kind: Kind,
    pub name: String,
    name_key: String,
    pub description: String,
    pub audience: Audience,
    pub inherited: Option<String>,
    /// The domain in force, of DomainRestricted.
    pub domain: Option<String>,
    pub decision: Decision,
}

impl Card {
    /// Where a list goes on after it.
    pub fn place(&self) -> Spot {
        Spot { name_key: self.name_key.clone(), id: self.id.to_string() }
    }

    fn is_open(&self) -> bool {
        !self.decision.permissions().is_empty()
    }
}

/// A place in a list that is ordered by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    pub name_key: String,
    pub id: String,
}

/// What a member's home shows.
#[derive(Debug)]
pub struct Launcher {
    pub open: Vec<Card>,
    /// What they may know of and not open (A13).
    pub known: Vec<Card>,
    /// Whether there are more of these than are shown.
    pub more_known: bool,
    /// For which of these they have asked.
    pub asked: Vec<ResourceId>,
}

/// Everything in an environment that the actor may open, and what they may ask for. Searched by name.
pub async fn launcher(db: &Db, actor: &Actor, place: &Place, search: &str) -> sqlx::Result<Launcher> {
    let now = db.now();
    let mut reader = db.read().await?;
    let on = &mut reader;
    let who = who(on, actor.organization, actor.person.user, now).await?;
    let within = Within { environment: &place.environment, developer: &place.developer, search };
    let most_known = MOST_KNOWN as i64 + 1;
    let mut rows = sql::launcher(on, actor.organization, &who, &within, most_known).await?;
    let of_rows = rows.iter().filter_map(|row| Some((row.id, row.team?, row.permissions)));
    // What is searched for may take its access from a page that is not.
    let entries = match within.is_searched() && rows.iter().any(sql::Row::inherits) {
        true => by_resource(sql::team_entries(on, actor.organization, actor.person.user).await?),
        false => by_resource(of_rows),
    };
    // Of a resource's rows the one with the person's own entry stays.
    rows.sort_unstable_by(|one, other| {
        (&one.name_key, one.id, one.entry.is_none()).cmp(&(&other.name_key, other.id, other.entry.is_none()))
    });
    rows.dedup_by_key(|row| row.id);
    let found = decided(on, actor.organization, &who, &within, rows, entries).await?;
    let (open, refused): (Vec<Card>, Vec<Card>) = found.into_iter().partition(Card::is_open);
    let mut known: Vec<Card> =
        refused.into_iter().filter(|card| card.audience.is_known_to_members()).collect();
    let more_known = known.len() > MOST_KNOWN;
    known.truncate(MOST_KNOWN);
    let asked = asking::asked_by(on, actor.organization, actor.person.user, now).await?;
    Ok(Launcher { open, known, more_known, asked })
}

/// Everything that somebody may open, of all environments but Dev mode, from a place in the list on. Says where
/// the list goes on.
pub(crate) async fn opened_by(
    on: &mut impl Lends,
    organization: OrganizationId,
    who: &Who,
    after: &Spot,
    limit: usize,
) -> sqlx::Result<(Vec<Card>, Option<Spot>)> {
    let within = Within { environment: "", developer: "", search: "" };
    let limit_read = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let rows = sql::candidates(on, organization, who, after, limit_read).await?;
    let entries = match (who.user, who.teams.is_empty()) {
        (Some(user), false) => sql::team_entries(on, organization, user).await?,
        _ => Vec::new(),
    };
    let entries = by_resource(entries);
    let mut found = decided(on, organization, who, &within, rows, entries).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = if more { found.last().map(Card::place) } else { None };
    found.retain(Card::is_open);
    Ok((found, next))
}

/// Where candidates are looked for. An empty environment is all of them.
pub(super) struct Within<'a> {
    pub environment: &'a str,
    pub developer: &'a str,
    pub search: &'a str,
}

impl Within<'_> {
    /// Whose Dev mode it is.
    fn developer(&self) -> Option<UserId> {
        self.developer.parse().ok()
    }
}

/// What the teams of one person are given, by resource.
type TeamEntries = HashMap<ResourceId, Vec<(TeamId, Option<Permissions>)>>;

fn by_resource(entries: impl IntoIterator<Item = (ResourceId, TeamId, Option<Permissions>)>) -> TeamEntries {
    let mut by_resource = TeamEntries::new();
    for (resource, team, permissions) in entries {
        by_resource.entry(resource).or_default().push((team, permissions));
    }
    for teams in by_resource.values_mut() {
        teams.sort_unstable_by_key(|(team, _)| *team);
    }
    by_resource
}

/// The same rows, decided. One query more where a page says who may open what is under it.
async fn decided(
    on: &mut impl Lends,
    organization: OrganizationId,
    who: &Who,
    within: &Within<'_>,
    rows: Vec<sql::Row>,
    entries: TeamEntries,
) -> sqlx::Result<Vec<Card>> {
    let inherits = rows.iter().any(|row| row.inherits());
    let pages = if inherits { sql::saying_pages(on, organization, within).await? } else { Vec::new() };
    let pages: HashMap<(&str, &str), &sql::Row> =
        pages.iter().map(|page| ((page.environment.as_str(), page.key.as_str()), page)).collect();
    let none = Vec::new();
    let developer = within.developer();
    let cards = rows.into_iter().map(|row| {
        let mut parents = super::parents_of(&row.key).into_iter();
        let page = match row.inherits() {
            true => parents.find_map(|key| pages.get(&(row.environment.as_str(), key)).copied()),
            false => None,
        };
        let saying = page.unwrap_or(&row);
        let facts = row.facts(saying.own_access(entries.get(&saying.id).unwrap_or(&none)), developer);
        row.card(facts, who, page.map(|page| page.key.clone()))
    });
    Ok(cards.collect())
}

impl sql::Row {
    fn inherits(&self) -> bool {
        self.audience.is_none() && self.kind.is_for_members()
    }

    /// What it says itself, with these entries of the person's teams and the person's own.
    fn own_access(&self, teams: &[(TeamId, Option<Permissions>)]) -> Access {
        let Some(audience) = self.audience else { return Access::unsaid(self.kind) };
        Access {
            audience,
            default: self.default_permissions.unwrap_or(Permissions::READ),
            domain: self.domain.clone(),
            teams: teams.to_vec(),
            people: self.entry.map(|user| (user, self.permissions)).into_iter().collect(),
        }
    }

    fn facts(&self, access: Access, developer: Option<UserId>) -> Facts {
        Facts { kind: self.kind, creator: self.creator, is_archived: false, developer, access }
    }

    fn card(self, facts: Facts, who: &Who, inherited: Option<String>) -> Card {
        Card {
            id: self.id,
            environment: self.environment,
            key: self.key,
            kind: self.kind,
            name: self.name,
            name_key: self.name_key,
            description: self.description,
            audience: facts.access.audience,
            inherited,
            decision: decide(&facts, &who.subject(), Permissions::READ),
            domain: facts.access.domain,
        }
    }
}

/// A resource of an organization that somebody is not in.
#[derive(Clone, Debug)]
pub struct Shared {
    pub organization: String,
    pub slug: String,
    pub environment: String,
    pub key: String,
    pub kind: Kind,
    pub name: String,
    pub description: String,
}

/// What a person was given of organizations that they are no member of: by an entry, or by their domain (A3).
pub async fn shared_with(db: &Db, user: UserId) -> sqlx::Result<Vec<Shared>> {
    let mut reader = db.read().await?;
    let Some(found) = users::by_id(&mut reader, user).await? else { return Ok(Vec::new()) };
    let domain = found.email_canonical.rsplit_once('@').map_or("", |(_, domain)| domain);
    let rows = sql::shared_with(&mut reader, user, domain).await?;
    let open = rows.into_iter().filter_map(|found| {
        let standing = found.state.map_or(Standing::Outside, |_| Standing::Removed);
        let who = Who { user: Some(user), standing, domain: domain.to_owned(), ..Who::nobody() };
        let facts = found.row.facts(found.row.own_access(&[]), None);
        let Card { environment, key, kind, name, description, .. } =
            Some(found.row.card(facts, &who, None)).filter(Card::is_open)?;
        let (organization, slug) = (found.organization, found.slug);
        Some(Shared { organization, slug, environment, key, kind, name, description })
    });
    Ok(open.collect())
}

/// Whether some resource lets in whoever proves this address, by an entry or by its domain (S2).
pub(crate) async fn awaits(on: &mut impl Lends, canonical: &str) -> sqlx::Result<bool> {
    let domain = canonical.rsplit_once('@').map_or("", |(_, domain)| domain);
    sql::awaits(on, canonical, domain).await
}
