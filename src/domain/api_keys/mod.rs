//! API keys (K): what machines come with. A key is stored as one hash and shown once.

mod secret;
mod sql;

pub use self::secret::Secret;
use crate::app::App;
use crate::clock::{MINUTE, Timestamp};
use crate::domain::access::{Operator, Origin};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::environments::{self, Environment, Place};
use crate::domain::throttle::{self, SpendError, Throttled, UNKNOWN_KEY};
use crate::domain::values::ShortName;
use crate::domain::{agents, organizations};
use crate::ids::{AgentId, ApiKeyId, OrganizationId};
use crate::storage::Lends;

/// How often "last used" is written.
const NOTED_EVERY: i64 = MINUTE;

/// What a key may be for (K3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// Asking whether somebody may do something.
    Check,
}

/// A key that works, as the request that came with it knows it.
#[derive(Clone, Debug)]
pub struct Caller {
    pub key: ApiKeyId,
    pub organization: OrganizationId,
    pub agent: AgentId,
    pub environment: String,
}

impl Caller {
    /// Where the resources are that it asks about.
    pub fn place(&self) -> Place {
        Place {
            organization: self.organization,
            environment: self.environment.clone(),
            developer: String::new(),
        }
    }
}

/// Why a key opens nothing. Whoever does not hold a key learns the same of all.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(
        "This is no key that works. Check that it was copied whole; a key that was lost is replaced by a new one."
    )]
    Unknown,
    #[error("This key was revoked. Ask whoever manages your organization's keys for another.")]
    Revoked,
    #[error("This key has expired. Ask whoever manages your organization's keys for another.")]
    Expired,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Whose key a request came with, read afresh: what was revoked a moment ago opens nothing (K4, KEY-02). Only live
/// keys are there yet.
pub async fn authenticate(app: &App, secret: &Secret, origin: &Origin) -> Result<Caller, KeyError> {
    let now = app.db.now();
    let found = sql::by_hash(&mut app.db.read().await?, &secret.hash()).await?;
    let Some(found) = found else {
        let mut tx = app.db.write().await?;
        let spent = throttle::spend(&mut tx, now, UNKNOWN_KEY, &origin.network()).await;
        tx.commit().await?;
        return Err(match spent {
            Ok(_) => KeyError::Unknown,
            Err(SpendError::Throttled(throttled)) => throttled.into(),
            Err(SpendError::Database(error)) => error.into(),
        });
    };
    if found.revoked_at.is_some() {
        return Err(KeyError::Revoked);
    }
    if found.expires_at.is_some_and(|at| at <= now) {
        return Err(KeyError::Expired);
    }
    // R12: a deleted organization's keys refuse, as those of an agent that is gone.
    if found.closed_at.is_some() || found.archived_at.is_some() {
        return Err(KeyError::Unknown);
    }
    if found.last_used_at.is_none_or(|last| now.since(last) >= NOTED_EVERY) {
        let mut tx = app.db.write().await?;
        sql::note_use(&mut tx, found.id, now, origin.address.map(|address| address.to_string())).await?;
        tx.commit().await?;
    }
    Ok(Caller {
        key: found.id,
        organization: found.organization,
        agent: found.agent,
        environment: found.environment,
    })
}

/// What a key is made of.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub agent: ShortName,
    /// The agent's name, where it has none of its own.
    pub name: Option<ShortName>,
    pub environment: String,
    pub expires_at: Option<Timestamp>,
}

#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error("There is no environment {0} in this organization.")]
    NoEnvironment(String),
    #[error("A live key belongs to an environment that others use too: not to development.")]
    Development,
    #[error("The key would have expired before it is made. Choose a later day.")]
    Expired,
    #[error("This organization is deleted.")]
    Closed,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Makes a live key, by the sysadmin, and with it its agent, if there is none of that name. The secret is in the
/// answer and nowhere else.
pub async fn create_live(
    app: &App,
    organization: OrganizationId,
    new: &NewKey,
    operator: &Operator,
) -> Result<(Key, Secret), CreateError> {
    let mut change = app.db.change(organization).await?;
    let now = change.now();
    if !organizations::by_id(&mut change, organization).await?.is_open() {
        return Err(CreateError::Closed);
    }
    let environment = environments::find(&mut change, organization, &new.environment).await?;
    let environment = environment.ok_or_else(|| CreateError::NoEnvironment(new.environment.clone()))?;
    if environment.is_development() {
        return Err(CreateError::Development);
    }
    if new.expires_at.is_some_and(|at| at <= now) {
        return Err(CreateError::Expired);
    }
    let agent = agents::named(&mut change, organization, &new.agent, operator).await?;
    let (id, secret) = (ApiKeyId::generate(), Secret::generate());
    let name = new.name.as_ref().unwrap_or(&new.agent);
    let Environment { slug, .. } = &environment;
    let shown = secret.shown();
    let row = sql::New { id, organization, name: name.as_str(), agent, environment: slug, shown: &shown };
    sql::insert(&mut change, &row, &secret.hash(), now, new.expires_at).await?;
    let mut entry = Entry::new(Kind::KeyCreated, id, name.as_str())
        .with("kind", "live")
        .with("agent", new.agent.as_str())
        .with("environment", slug)
        .with("key", &shown);
    if let Some(at) = new.expires_at {
        entry = entry.with("expires", at.rfc3339());
    }
    audit::record(&mut change, organization, operator, entry).await?;
    let key = sql::find(&mut change, organization, id).await?.ok_or(sqlx::Error::RowNotFound)?;
    change.commit().await?;
    Ok((key, secret))
}

/// A key in a list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Key {
    pub id: ApiKeyId,
    pub organization: OrganizationId,
    pub organization_slug: String,
    pub kind: String,
    pub name: String,
    pub agent: Option<String>,
    pub environment: String,
    pub shown: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub last_used_from: Option<String>,
}

impl Key {
    /// How it stands: "works", "expired", "revoked".
    pub fn state(&self, now: Timestamp) -> &'static str {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => "revoked",
            (None, Some(at)) if at <= now => "expired",
            _ => "works",
        }
    }
}

/// The keys of one organization, or of all, newest first.
pub async fn list(
    on: &mut impl Lends,
    organization: Option<OrganizationId>,
    limit: i64,
) -> sqlx::Result<Vec<Key>> {
    sql::list(on, organization, limit).await
}

/// A key wherever it is, for the sysadmin.
pub async fn anywhere(on: &mut impl Lends, id: ApiKeyId) -> sqlx::Result<Option<Key>> {
    sql::anywhere(on, id).await
}

/// Ends a key: from the next request on it opens nothing. Says whether it was there to be ended.
pub async fn revoke(
    app: &App,
    organization: OrganizationId,
    id: ApiKeyId,
    operator: &Operator,
) -> sqlx::Result<bool> {
    let mut change = app.db.change(organization).await?;
    let now = change.now();
    let Some(key) = sql::find(&mut change, organization, id).await? else { return Ok(false) };
    if !sql::revoke(&mut change, organization, id, now, operator.user).await? {
        return Ok(false);
    }
    let entry = Entry::new(Kind::KeyRevoked, id, &key.name).without("key", &key.shown);
    audit::record(&mut change, organization, operator, entry).await?;
    change.commit().await?;
    Ok(true)
}

/// How many keys work in an environment, or would in another of its slug.
pub(crate) async fn working_in(
    on: &mut impl Lends,
    organization: OrganizationId,
    environment: &str,
    now: Timestamp,
) -> sqlx::Result<i64> {
    sql::working_in(on, organization, environment, now).await
}

/// Drops the keys of an organization that is erased (R12).
pub(crate) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase(on, organization).await
}
