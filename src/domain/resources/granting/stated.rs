use std::collections::{HashMap, HashSet};

use super::{MOST_PEOPLE, MOST_TEAMS, SaveError, sql};
use crate::clock::Timestamp;
use crate::domain::access::Actor;
use crate::domain::resources::{Audience, Kind, Permissions, Resource};
use crate::domain::teams;
use crate::domain::users;
use crate::domain::values::{DomainName, Email, harmless};
use crate::ids::{TeamId, UserId};
use crate::storage::Lends;

/// What an editor or a definition says of access: people by address and teams by slug.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Nothing, for an action or page that takes the access above it, and for the default of other kinds (A2).
    pub audience: Option<Audience>,
    /// Nothing is Read; the empty set is none (A4).
    pub default: Option<Permissions>,
    /// `None` is the default.
    pub people: Vec<(Email, Option<Permissions>)>,
    pub teams: Vec<(String, Option<Permissions>)>,
}

/// A person's entry, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct PersonEntry {
    pub email: String,
    pub email_canonical: String,
    /// Whom it is bound to.
    pub user_id: Option<UserId>,
    pub permissions: Option<Permissions>,
    pub created_at: Timestamp,
    pub created_by: Option<UserId>,
}

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct TeamEntry {
    pub team: TeamId,
    pub slug: String,
    pub name: String,
    pub permissions: Option<Permissions>,
}

/// All that a resource says of its access. People are sorted by address, teams by slug.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    pub audience: Option<Audience>,
    pub domain: Option<String>,
    pub default: Option<Permissions>,
    pub people: Vec<PersonEntry>,
    pub teams: Vec<TeamEntry>,
}

impl Stated {
    pub async fn load(on: &mut impl Lends, resource: &Resource) -> sqlx::Result<Stated> {
        Ok(Stated {
            audience: resource.audience,
            domain: resource.domain.clone(),
            default: resource.default_permissions,
            people: sql::people(on, resource.id).await?,
            teams: sql::teams(on, resource.id).await?,
        })
    }

    /// The audience that holds if no page above says another.
    pub fn effective(&self, kind: Kind) -> Audience {
        self.audience.unwrap_or(kind.default_audience())
    }

    pub fn is_unlisted(&self, kind: Kind) -> bool {
        self.effective(kind) == Audience::Unlisted
    }

    pub fn is_hidden(&self, kind: Kind) -> bool {
        matches!(self.effective(kind), Audience::Private | Audience::Unlisted)
    }

    /// Whether another says nothing else. To whom its entries are bound is no part of it.
    pub fn says_as(&self, other: &Stated) -> bool {
        self.said() == other.said() && self.domain == other.domain
    }

    /// The same as an editor would say it.
    pub fn said(&self) -> Said {
        let person = |entry: &PersonEntry| Some((entry.email.parse().ok()?, entry.permissions));
        Said {
            audience: self.audience,
            default: self.default,
            people: self.people.iter().filter_map(person).collect(),
            teams: self.teams.iter().map(|entry| (entry.slug.clone(), entry.permissions)).collect(),
        }
    }
}

/// What would be stored for what is said, and what to warn of. An unknown team is not stored: it grants nothing,
/// now or later (A2, A12).
pub(super) async fn resolve(
    on: &mut impl Lends,
    resource: &Resource,
    said: &Said,
    before: &Stated,
    actor: Option<&Actor>,
    now: Timestamp,
) -> Result<(Stated, Vec<String>), SaveError> {
    if said.audience.is_some_and(|audience| !resource.kind.audiences().contains(&audience)) {
        return Err(SaveError::Audience);
    }
    if resource.kind.is_for_members() && !said.people.is_empty() {
        return Err(SaveError::PeopleOfAction);
    }
    if said.people.len() > MOST_PEOPLE || said.teams.len() > MOST_TEAMS {
        return Err(SaveError::TooMany);
    }
    let Some(audience) = said.audience else {
        // Nothing is said, so there is nothing that entries would be a part of.
        return Ok((Stated::default(), Vec::new()));
    };
    let mut warnings = Vec::new();
    let domain = match audience {
        Audience::DomainRestricted => Some(domain(on, resource).await?),
        _ => None,
    };
    let people = people(on, said, before, actor, now).await?;
    let teams = teams(on, resource, said, &mut warnings).await?;
    if audience == Audience::Private && !(people.is_empty() && teams.is_empty()) {
        warnings.push(
            "It is Private: the people and teams listed are kept, and can’t open it as long as it is."
                .to_owned(),
        );
    }
    if audience == Audience::Teams && teams.is_empty() && people.is_empty() {
        warnings.push("No team is listed, so nobody but its creator can open it.".to_owned());
    }
    Ok((Stated { audience: Some(audience), domain, default: said.default, people, teams }, warnings))
}

/// A8: the creator's, as it is now.
async fn domain(on: &mut impl Lends, resource: &Resource) -> Result<String, SaveError> {
    let creator = users::by_id(on, resource.creator).await?;
    let domain = creator.as_ref().and_then(|user| user.email_canonical.rsplit_once('@'));
    let domain = domain.map(|(_, domain)| domain.to_owned()).unwrap_or_default();
    match domain.parse::<DomainName>() {
        // Exactly as it stands in the address: nothing is decoded or cut.
        Ok(name) if name.as_str() == domain => Ok(domain),
        _ => Err(SaveError::Domain(domain)),
    }
}

/// Entries that are bound stay whom they are bound to; others bind at once to whoever has the address (A12). One person
/// has one entry that counts: another for an address that they have now is kept and waits, as one for an address that
/// nobody has. To refuse it would tell whose the address is (S4).
async fn people(
    on: &mut impl Lends,
    said: &Said,
    before: &Stated,
    actor: Option<&Actor>,
    now: Timestamp,
) -> Result<Vec<PersonEntry>, SaveError> {
    let was = |canonical: &str| before.people.iter().find(|entry| entry.email_canonical == canonical);
    let mut people: Vec<PersonEntry> = said
        .people
        .iter()
        .map(|(email, permissions)| match was(&email.canonical()) {
            Some(entry) => PersonEntry { permissions: *permissions, ..entry.clone() },
            None => PersonEntry {
                email: email.as_str().to_owned(),
                user_id: None,
                email_canonical: email.canonical(),
                permissions: *permissions,
                created_at: now,
                created_by: actor.map(|actor| actor.person.user),
            },
        })
        .collect();
    people.sort_by(|a, b| a.email_canonical.cmp(&b.email_canonical));
    if let Some(pair) = people.windows(2).find(|pair| pair[0].email_canonical == pair[1].email_canonical) {
        return Err(SaveError::Twice(pair[0].email.clone()));
    }
    let mut bound: HashSet<UserId> = people.iter().filter_map(|entry| entry.user_id).collect();
    let waiting = people.iter().filter(|entry| entry.user_id.is_none());
    let waiting: Vec<String> = waiting.map(|entry| entry.email_canonical.clone()).collect();
    let known: HashMap<String, UserId> = sql::users_of(on, &waiting).await?.into_iter().collect();
    for entry in people.iter_mut().filter(|entry| entry.user_id.is_none()) {
        entry.user_id = known.get(&entry.email_canonical).copied().filter(|user| bound.insert(*user));
    }
    Ok(people)
}

async fn teams(
    on: &mut impl Lends,
    resource: &Resource,
    said: &Said,
    warnings: &mut Vec<String>,
) -> Result<Vec<TeamEntry>, SaveError> {
    if said.teams.is_empty() {
        return Ok(Vec::new());
    }
    let all = teams::all(on, resource.organization).await?;
    let mut entries: Vec<TeamEntry> = Vec::with_capacity(said.teams.len());
    for (slug, permissions) in &said.teams {
        match all.iter().find(|team| team.slug == *slug) {
            Some(team) => entries.push(TeamEntry {
                team: team.id,
                slug: team.slug.clone(),
                name: team.name.clone(),
                permissions: *permissions,
            }),
            None => warnings.push(format!(
                "There is no team “{}”. It gives nobody anything, also once there is one: name it again then.",
                harmless(slug, 60)
            )),
        }
    }
    entries.sort_by(|a, b| a.slug.cmp(&b.slug));
    match entries.windows(2).find(|pair| pair[0].team == pair[1].team) {
        Some(pair) => Err(SaveError::Twice(pair[0].slug.clone())),
        None => Ok(entries),
    }
}
