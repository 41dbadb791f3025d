//! Keys as people read them: never the keys themselves.

mod sql;

use crate::app::App;
use crate::clock::{DAY, Timestamp};
use crate::domain::access::{Actor, Capability};
use crate::domain::permissions;
use crate::domain::values::folded;
use crate::ids::{AgentId, ApiKeyId, OrganizationId, PermissionId, UserId};
use crate::storage::Lends;

use super::state::{Facts, Owner, State};
use super::{ActError, Kind, addresses};

/// A key in a list, with the names of what it belongs to.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Listed {
    pub id: ApiKeyId,
    pub family: ApiKeyId,
    pub kind: Kind,
    pub name: String,
    pub shown: String,
    pub agent: Option<AgentId>,
    pub agent_name: Option<String>,
    pub environment: String,
    pub permission: Option<PermissionId>,
    pub permission_name: Option<String>,
    /// Whom it acts for.
    pub owner: Option<UserId>,
    pub owner_name: Option<String>,
    #[sqlx(flatten)]
    pub owner_stands: Owner,
    pub created_at: Timestamp,
    pub created_by_name: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub replaced_at: Option<Timestamp>,
    pub replaced_by: Option<ApiKeyId>,
    pub last_used_at: Option<Timestamp>,
    pub last_used_from: Option<String>,
    pub(super) addresses: String,
    pub longest_key: Option<i64>,
    /// Today (UTC), as far as they are written.
    pub calls: i64,
}

impl Listed {
    fn facts(&self) -> Facts {
        Facts {
            kind: self.kind,
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
            replaced_at: self.replaced_at,
            longest: self.longest_key,
            owner: self.owner.map(|_| self.owner_stands),
        }
    }

    pub fn state(&self, now: Timestamp) -> State {
        self.facts().state(now)
    }

    /// When it ends by itself: by its date, or by the organization's rule.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.facts().ends_at()
    }

    /// From where it works; empty, where from anywhere.
    pub fn addresses(&self) -> Vec<String> {
        addresses::in_words(&addresses::read(&self.addresses))
    }

    /// Whether a person may take its place with a new one: a personal key's owner, and whoever manages live keys.
    /// One that blocks by its age may be rotated, one that has ended may not.
    pub fn is_rotated_by(&self, actor: &Actor, now: Timestamp) -> bool {
        let may = match self.kind {
            Kind::Live => actor.may(Capability::ManageLiveKeys).is_ok(),
            Kind::Development => {
                self.owner == Some(actor.person.user) && actor.may(Capability::OwnDevelopmentKey).is_ok()
            }
            Kind::Admin => {
                self.owner == Some(actor.person.user) && actor.may(Capability::ManageLiveKeys).is_ok()
            }
            Kind::Ephemeral => false,
        };
        let stands = matches!(self.state(now), State::Works | State::Soon(_) | State::TooOld);
        may && stands && self.replaced_at.is_none()
    }
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub kind: Option<Kind>,
    pub state: Option<Standing>,
    pub environment: Option<String>,
    /// Of a name, or of what is shown of a key.
    pub search: String,
    /// Only those that act for this person.
    pub owner: Option<UserId>,
}

/// What a list's filter knows of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Answered now.
    Working,
    /// Blocked by their age alone.
    TooOld,
    /// Blocked by whoever they act for: no active member, or one whose role has no such keys.
    OwnerOut,
    /// Revoked or expired.
    Ended,
}

impl Standing {
    pub const ALL: [Standing; 4] = [Standing::Working, Standing::TooOld, Standing::OwnerOut, Standing::Ended];

    pub fn code(self) -> &'static str {
        match self {
            Standing::Working => "works",
            Standing::TooOld => "too_old",
            Standing::OwnerOut => "owner",
            Standing::Ended => "ended",
        }
    }
}

/// A place in the list, which is by when keys were made, the newest first: just after one, or just before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub newer: bool,
    at: Timestamp,
    id: ApiKeyId,
}

impl Place {
    fn of(key: &Listed, newer: bool) -> Place {
        Place { newer, at: key.created_at, id: key.id }
    }

    pub fn encode(&self) -> String {
        format!("{}{}.{}", if self.newer { 'n' } else { 'o' }, self.at.0, self.id)
    }

    /// What [`Place::encode`] wrote; anything else is `None`.
    pub fn decode(text: &str) -> Option<Place> {
        let newer = match text.as_bytes().first()? {
            b'n' => true,
            b'o' => false,
            _ => return None,
        };
        let (at, id) = text[1..].split_once('.')?;
        Some(Place { newer, at: Timestamp(at.parse().ok()?), id: id.parse().ok()? })
    }
}

#[derive(Debug)]
pub struct Page {
    pub keys: Vec<Listed>,
    pub previous: Option<Place>,
    pub next: Option<Place>,
}

/// The day of a moment, as calls are counted by.
pub(super) fn day(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY)
}

/// Whoever manages live keys sees all; a developer their own.
fn seen_by(actor: &Actor, filter: &Filter) -> Result<Filter, ActError> {
    actor.may(Capability::OwnDevelopmentKey)?;
    // An admin key reads the list as its minter does, and manages none of it (K3).
    let manages = actor.role.may(Capability::ManageLiveKeys);
    let owner = if manages { filter.owner } else { Some(actor.person.user) };
    Ok(Filter { owner, ..filter.clone() })
}

/// A page of the organization's keys. Ephemeral ones stand with the key that they were made from.
pub async fn page(
    app: &App,
    actor: &Actor,
    filter: &Filter,
    place: Option<&Place>,
    limit: usize,
) -> Result<Page, ActError> {
    let filter = Filter { search: folded(filter.search.trim()), ..seen_by(actor, filter)? };
    let now = app.db.now();
    let mut rows =
        sql::page(&mut app.db.read().await?, actor.organization, &filter, place, limit + 1, now).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let newer = place.is_some_and(|place| place.newer);
    if newer {
        rows.reverse();
    }
    for key in &mut rows {
        key.calls += app.calls.waiting(key.id, day(now));
    }
    let (has_previous, has_next) = if newer { (more, true) } else { (place.is_some(), more) };
    Ok(Page {
        previous: rows.first().filter(|_| has_previous).map(|key| Place::of(key, true)),
        next: rows.last().filter(|_| has_next).map(|key| Place::of(key, false)),
        keys: rows,
    })
}

/// The development key that a person has: one that neither ended nor was replaced, blocked or not.
pub async fn development(app: &App, actor: &Actor) -> Result<Option<Listed>, ActError> {
    let own = Filter { kind: Some(Kind::Development), owner: Some(actor.person.user), ..Filter::default() };
    let now = app.db.now();
    let stands = |key: &Listed| {
        key.replaced_at.is_none() && !matches!(key.state(now), State::Revoked | State::Expired)
    };
    // It is the newest, where there is one: another is made only once it has ended.
    Ok(page(app, actor, &own, None, 10).await?.keys.into_iter().find(stands))
}

/// One key, for whoever may see it.
pub async fn one(app: &App, actor: &Actor, id: ApiKeyId) -> Result<Listed, ActError> {
    let now = app.db.now();
    let mut key = seen(&mut app.db.read().await?, actor, id, now).await?;
    key.calls += app.calls.waiting(id, day(now));
    Ok(key)
}

/// The same inside a change.
pub(super) async fn seen(
    on: &mut impl Lends,
    actor: &Actor,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<Listed, ActError> {
    let key = find(on, actor.organization, id, now).await?.ok_or(ActError::NotFound)?;
    let filter = seen_by(actor, &Filter::default())?;
    let shown = filter.owner.is_none_or(|owner| key.owner == Some(owner));
    if shown && key.kind != Kind::Ephemeral { Ok(key) } else { Err(ActError::NotFound) }
}

pub(super) async fn find(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: ApiKeyId,
    now: Timestamp,
) -> sqlx::Result<Option<Listed>> {
    sql::find(on, organization, id, day(now)).await
}

/// The keys of an agent, for whoever sees agents: the newest first.
pub async fn of_agent(app: &App, actor: &Actor, agent: AgentId, limit: i64) -> Result<Vec<Listed>, ActError> {
    actor.may(Capability::ReadAgents)?;
    let now = app.db.now();
    let mut keys =
        sql::of_agent(&mut app.db.read().await?, actor.organization, agent, day(now), limit).await?;
    for key in &mut keys {
        key.calls += app.calls.waiting(key.id, day(now));
    }
    Ok(keys)
}

/// What forms offer: the organization's permissions by name.
pub async fn permissions(app: &App, actor: &Actor) -> Result<Vec<(PermissionId, String)>, ActError> {
    actor.may(Capability::ReadPermissions)?;
    Ok(permissions::choices(&mut app.db.read().await?, actor.organization, 500).await?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// DOS-04: whatever comes as a place is taken or refused, and never panics.
        #[test]
        fn any_place_is_survived(text in any::<String>()) {
            let _ = Place::decode(&text);
            let _ = Place::decode(&format!("n{text}"));
        }

        #[test]
        fn a_place_comes_back(at in any::<i64>(), newer in any::<bool>()) {
            let place = Place { newer, at: Timestamp(at), id: ApiKeyId::generate() };
            prop_assert_eq!(Place::decode(&place.encode()), Some(place));
        }
    }
}
