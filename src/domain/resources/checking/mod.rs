//! What machines ask: may this person do this with that? The organization's own machines know its resources; of
//! people they learn no more than the answer (S4), which is the one that [`super::explain`] gives.

mod sql;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use self::sql::{Entry, Known};
use super::access::{Kind, Permissions};
use super::decide::{Decision, Standing, decide};
use super::load::{self, Who};
use super::{Resource, sql as resources_sql};
use crate::clock::Timestamp;
use crate::domain::environments::Place;
use crate::domain::values::Email;
use crate::ids::{ResourceId, TeamId, UserId};
use crate::storage::Lends;

/// How many questions are asked at once at most.
pub const MOST: usize = 100;

/// Whom a question is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Person {
    /// Whoever is not signed in.
    Nobody,
    Id(UserId),
    /// A canonical address.
    Email(String),
    /// What is neither an id nor an address: nobody that is known.
    Unknown,
}

impl Person {
    pub fn parse(text: &str) -> Person {
        match (text.parse::<UserId>(), text.parse::<Email>()) {
            (Ok(id), _) => Person::Id(id),
            (_, Ok(email)) => Person::Email(email.canonical()),
            _ => Person::Unknown,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Question {
    /// The resource's key.
    pub resource: String,
    pub permission: Permissions,
    pub person: Person,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub allowed: bool,
    /// A stable code.
    pub reason: &'static str,
    /// A sentence.
    pub via: String,
    /// All that the person may do.
    pub permissions: Permissions,
}

/// What was read for some questions.
#[derive(Default)]
struct Loaded {
    resources: BTreeMap<String, Resource>,
    people: BTreeMap<Person, Known>,
    entries: Vec<Entry>,
}

/// The answers in the questions' order; nothing, where there is no such resource.
pub async fn check(
    on: &mut impl Lends,
    place: &Place,
    questions: &[Question],
    now: Timestamp,
) -> sqlx::Result<Vec<Option<Answer>>> {
    let mut loaded = match questions {
        [one] => Loaded::for_one(on, place, one).await?,
        several => Loaded::for_several(on, place, several).await?,
    };
    loaded.entries = loaded.needed_entries(on, place, questions).await?;
    Ok(questions.iter().map(|question| loaded.answer(question, now)).collect())
}

/// The resource, its pages and the person in one query: this is asked before every act of somebody's.
impl Loaded {
    async fn for_one(on: &mut impl Lends, place: &Place, question: &Question) -> sqlx::Result<Loaded> {
        let keys = with_parents(&question.resource);
        let rows = sql::one(on, place, &keys, &question.person).await?;
        let person = rows.first().and_then(|row| row.known.clone().some());
        Ok(Loaded {
            people: person.map(|known| (question.person.clone(), known)).into_iter().collect(),
            resources: rows.into_iter().map(|row| (row.resource.key.clone(), row.resource)).collect(),
            entries: Vec::new(),
        })
    }

    async fn for_several(on: &mut impl Lends, place: &Place, questions: &[Question]) -> sqlx::Result<Loaded> {
        let keys: BTreeSet<&str> =
            questions.iter().flat_map(|question| with_parents(&question.resource)).collect();
        let (mut ids, mut emails) = (BTreeSet::new(), BTreeSet::new());
        for question in questions {
            match &question.person {
                Person::Id(id) => drop(ids.insert(*id)),
                Person::Email(email) => drop(emails.insert(email.as_str())),
                Person::Nobody | Person::Unknown => {}
            }
        }
        let resources = sql::resources(on, place, keys).await?;
        let mut people = BTreeMap::new();
        for known in sql::people(on, place.organization, ids, emails).await? {
            let Some(known) = known.some() else { continue };
            people.insert(Person::Email(known.email_canonical.clone()), known.clone());
            people.insert(Person::Id(known.user), known);
        }
        let resources = resources.into_iter().map(|resource| (resource.key.clone(), resource)).collect();
        Ok(Loaded { resources, people, entries: Vec::new() })
    }

    /// The entries that can matter: of the resources whose access is in force, and of the people asked about.
    async fn needed_entries(
        &self,
        on: &mut impl Lends,
        place: &Place,
        questions: &[Question],
    ) -> sqlx::Result<Vec<Entry>> {
        let (mut sources, mut people, mut addresses) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for question in questions {
            let source = self.source(&question.resource).filter(|source| source.audience.is_some());
            if let (Some(source), Some(address)) = (source, self.address(&question.person)) {
                sources.insert(source.id);
                addresses.insert(address);
                people.extend(self.people.get(&question.person).map(|known| known.user));
            }
        }
        if sources.is_empty() {
            return Ok(Vec::new());
        }
        sql::entries(on, place.organization, sources, people, addresses).await
    }

    /// The canonical address of whom a question is about.
    fn address<'a>(&'a self, person: &'a Person) -> Option<&'a str> {
        match (self.people.get(person), person) {
            (Some(known), _) => Some(&known.email_canonical),
            (None, Person::Email(email)) => Some(email),
            (None, _) => None,
        }
    }

    /// The resource whose access is in force for a key: its own, or the nearest page's that says any (A2).
    fn source(&self, key: &str) -> Option<&Resource> {
        let resource = self.resources.get(key)?;
        if resource.audience.is_some() || !resource.kind.is_for_members() {
            return Some(resource);
        }
        let says = |page: &&Resource| {
            page.kind == Kind::Page && page.audience.is_some() && page.archived_at.is_none()
        };
        let page = resource.parents().into_iter().filter_map(|key| self.resources.get(key)).find(says);
        Some(page.unwrap_or(resource))
    }

    fn answer(&self, question: &Question, now: Timestamp) -> Option<Answer> {
        let resource = self.resources.get(&question.resource)?;
        let source = self.source(&question.resource)?;
        let known = self.people.get(&question.person);
        let mut who = match (known, &question.person) {
            (Some(known), _) => known.who(now),
            (None, Person::Nobody) => Who::nobody(),
            (None, Person::Email(email)) => Who::stranger(None, email),
            // What names nobody is a stranger without an address.
            (None, _) => Who { user: Some(UserId::nobody()), ..Who::nobody() },
        };
        let (mut teams, mut people) = (Vec::new(), Vec::new());
        let (mut waits, address) = (None, self.address(&question.person));
        for entry in self.entries.iter().filter(|entry| entry.resource == source.id) {
            match (entry.user, entry.team) {
                (Some(user), Some(team)) if Some(user) == who.user => teams.push((team, entry.permissions)),
                (Some(user), None) if Some(user) == who.user => people.push((user, entry.permissions)),
                (None, _) if address.is_some() && entry.email.as_deref() == address => {
                    waits = Some(entry.permissions);
                }
                _ => {}
            }
        }
        teams.sort_by_key(|(team, _)| *team);
        who.teams = teams.iter().map(|(team, _)| *team).collect();
        let mut facts = load::assembled(resource, source, people, teams);
        load::with_waiting(&mut facts, &who, waits);
        let decision = decide(&facts, &who.subject(), question.permission);
        Some(self.put(source.id, &decision, question.permission))
    }

    fn put(&self, source: ResourceId, decision: &Decision, asked: Permissions) -> Answer {
        let name = |team: TeamId| {
            let entry =
                self.entries.iter().find(|entry| entry.resource == source && entry.team == Some(team));
            entry.and_then(|entry| entry.team_name.clone()).unwrap_or_default()
        };
        Answer {
            allowed: decision.allowed,
            reason: words::code(decision),
            via: words::sentence(decision, asked, name),
            permissions: decision.permissions(),
        }
    }
}

impl Known {
    /// Their teams are added from the entries: others can't matter.
    fn who(&self, now: Timestamp) -> Who {
        let standing = match (self.state, self.role) {
            (Some(state), Some(role)) => load::standing(state, role, self.ends_at, now),
            _ => Standing::Outside,
        };
        let domain = self.email_canonical.rsplit_once('@').map_or("", |(_, domain)| domain).to_owned();
        Who { user: Some(self.user), standing, domain, teams: Vec::new(), has_link: false }
    }
}

/// A key and those of the pages above it.
fn with_parents(key: &str) -> Vec<&str> {
    let parents = key.rmatch_indices('/').map(|(at, _)| &key[..at]);
    std::iter::once(key).chain(parents.take(resources_sql::MOST_PARENTS)).collect()
}
