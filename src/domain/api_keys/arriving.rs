//! A request comes with a key: whose it is, and what is true of it now: what was revoked, lost or lowered a
//! moment ago opens nothing more (K4, K5, KEY-02, KEY-08).

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::{Kind, NOTED_EVERY, Secret, sql};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Origin, Person};
use crate::domain::environments::Place;
use crate::domain::organizations::{self, MfaRule, Organization, Policy};
use crate::domain::permissions::{self, Scope, Scopes};
use crate::domain::throttle::{self, SpendError, Throttled, UNKNOWN_KEY};
use crate::domain::users;
use crate::ids::{AgentId, ApiKeyId, OrganizationId, PermissionId, UserId};

use super::KeyScope;

/// A key that works, as the request that came with it knows it.
#[derive(Clone, Debug)]
pub struct Caller {
    pub key: ApiKeyId,
    /// The first of the keys that took one another's place: what the key's level counts by.
    pub family: ApiKeyId,
    pub kind: Kind,
    pub name: String,
    /// What lists show of it.
    pub shown: String,
    pub organization: OrganizationId,
    /// The key that an ephemeral one was made from.
    pub parent: Option<ApiKeyId>,
    pub agent: Option<AgentId>,
    /// Whom it acts for: a development or an admin key, and what was made from one.
    pub owner: Option<UserId>,
    pub environment: String,
    pub expires_at: Option<Timestamp>,
    /// How often it was used, and may be, if that is limited.
    pub uses: Option<(i64, i64)>,
    /// All of these have to cover a scope, and all their limits hold: the base permission first.
    pub layers: Vec<Layer>,
}

/// One document that a key is held to.
#[derive(Clone, Debug)]
pub struct Layer {
    pub from: Source,
    pub scopes: Arc<Scopes>,
    /// By whom limits at the key's level count.
    pub holder: ApiKeyId,
}

/// Where a layer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The organization's base permission.
    Base,
    /// The key's own, or of the key that an ephemeral one was made from.
    Permission,
    /// What an ephemeral key was narrowed to.
    Ephemeral,
}

impl Source {
    /// As the API says it.
    pub fn code(self) -> &'static str {
        match self {
            Source::Base => "base",
            Source::Permission => "permission",
            Source::Ephemeral => "ephemeral",
        }
    }
}

impl Caller {
    /// What its requests are counted by: a key with those that took its place, and all ephemeral keys that were made
    /// from these together. They are others' hands, and keep nobody from making more.
    pub fn counted_by(&self) -> (ApiKeyId, bool) {
        (self.layers.first().map_or(self.family, |layer| layer.holder), self.parent.is_some())
    }

    /// Where the resources are that it asks about.
    pub fn place(&self) -> Place {
        Place {
            organization: self.organization,
            environment: self.environment.clone(),
            developer: self.developer(),
        }
    }

    /// Whose Dev mode it works in; nothing in Live.
    pub fn developer(&self) -> String {
        let is_development = self.environment == crate::domain::environments::DEVELOPMENT;
        self.owner.filter(|_| is_development).map_or_else(String::new, |owner| owner.to_string())
    }

    /// The first layer that does not cover a scope (L1).
    pub fn refused_by(&self, scope: &Scope) -> Option<Source> {
        self.layers.iter().find(|layer| !layer.scopes.covers(scope)).map(|layer| layer.from)
    }
}

/// Why a key opens nothing, or not this. Whoever does not hold a key learns the same of all.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("This API key is not known. Check that it is whole, or ask for a new one.")]
    Unknown,
    #[error("This API key was revoked. Ask an Owner or Admin of its organization for a new one.")]
    Revoked,
    #[error("This API key has expired. Ask an Owner or Admin of its organization for a new one.")]
    Expired,
    #[error(
        "This API key is older than its organization lets keys become. Rotate it, or ask an Owner or Admin for a new one."
    )]
    TooOld,
    #[error("This API key does not work from {0}. Ask an Owner or Admin to allow that address.")]
    Address(String),
    #[error("This API key was used as often as it may be. Make a new one from the key that it came from.")]
    UsedUp,
    #[error("Whoever this API key acts for is no longer an active member of the organization.")]
    OwnerGone,
    #[error("The role of whoever this API key acts for does not let them have it.")]
    OwnerRole,
    #[error(
        "The organization requires multi-factor authentication of whoever this API key acts for. Sign in to Interlock once, with it."
    )]
    MfaRequired,
    #[error("{}", wrong_kind(*.is, *.scope))]
    WrongKind { is: Kind, scope: KeyScope },
    #[error("Too many unknown keys came from this network.")]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

fn wrong_kind(is: Kind, scope: KeyScope) -> String {
    let needs = match scope {
        KeyScope::Check => "Use a live, development or ephemeral key",
        KeyScope::Mint => "Use a live or a development key",
        KeyScope::Itself => "Use another key",
        KeyScope::Manages(_) => "Use an admin API key, which an Owner or Admin makes under Keys",
    };
    format!("This is {}. {needs}.", is.in_words())
}

/// A key as its rows say, whether it works or not.
pub struct Known {
    found: sql::Found,
    caller: Caller,
}

/// Whose key a request came with.
pub async fn authenticate(app: &App, secret: &Secret, origin: &Origin) -> Result<Caller, KeyError> {
    let (now, hash) = (app.db.now(), secret.hash());
    let read = async || {
        let found = sql::by_hash(&mut app.db.read().await?, &hash).await?;
        Ok(found.map(|found| Arc::new(Known { caller: caller(&found), found })))
    };
    let Some(known) = app.keys.get(&app.db, &hash, read).await? else {
        return Err(Box::pin(unknown(app, origin)).await);
    };
    let Known { found, caller } = &*known;
    works(found, now)?;
    from_where(found, origin)?;
    if let Some(owner) = found.owner {
        Box::pin(owner_stands(app, found, owner, now)).await?;
    }
    if found.last_used_at.is_none_or(|last| now.since(last) >= NOTED_EVERY) {
        Box::pin(note_use(app, found.id, now, origin)).await?;
    }
    Ok(caller.clone())
}

async fn note_use(app: &App, key: ApiKeyId, now: Timestamp, origin: &Origin) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    sql::note_use(&mut tx, key, now, origin.address.map(|address| address.to_string())).await?;
    tx.commit().await
}

/// Guessing is budgeted by the network that it comes from.
async fn unknown(app: &App, origin: &Origin) -> KeyError {
    let spend = async {
        let mut tx = app.db.write().await?;
        let spent = throttle::spend(&mut tx, app.db.now(), UNKNOWN_KEY, &origin.network()).await;
        tx.commit().await?;
        Ok::<_, sqlx::Error>(spent)
    };
    match spend.await {
        Ok(Ok(_)) => KeyError::Unknown,
        Ok(Err(SpendError::Throttled(throttled))) => throttled.into(),
        Ok(Err(SpendError::Database(error))) | Err(error) => error.into(),
    }
}

/// What the key itself, the one that it was made from, its agent and its organization say.
fn works(found: &sql::Found, now: Timestamp) -> Result<(), KeyError> {
    // R12: a deleted organization's keys are none.
    if found.closed_at.is_some() {
        return Err(KeyError::Unknown);
    }
    // An agent's keys end with it; one that should have been left over does not work either.
    if found.archived_at.is_some() || found.revoked_at.is_some() || found.parent_revoked_at.is_some() {
        return Err(KeyError::Revoked);
    }
    let ended = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
    if ended(found.expires_at) || ended(found.parent_expires_at) {
        return Err(KeyError::Expired);
    }
    let begun = found.parent_created_at.unwrap_or(found.created_at);
    if found.longest_key.is_some_and(|longest| now.since(begun) >= longest) {
        return Err(KeyError::TooOld);
    }
    Ok(())
}

fn from_where(found: &sql::Found, origin: &Origin) -> Result<(), KeyError> {
    if found.addresses == "[]" {
        return Ok(());
    }
    let allowed: Vec<IpNet> = serde_json::from_str(&found.addresses).unwrap_or_default();
    // An IPv4 address may come in the dress of IPv6.
    let address = origin.address.map(|address| address.to_canonical());
    match address {
        Some(address) if allowed.iter().any(|net| net.contains(&address)) => Ok(()),
        address => {
            Err(KeyError::Address(address.as_ref().map_or_else(|| "there".to_owned(), IpAddr::to_string)))
        }
    }
}

/// K5, M3: what a person's key may, while the person may it.
async fn owner_stands(app: &App, found: &sql::Found, owner: UserId, now: Timestamp) -> Result<(), KeyError> {
    let role = found.owner_stands.active(now).ok_or(KeyError::OwnerGone)?;
    if !role.may(found.kind.asks_of_owner()) {
        return Err(KeyError::OwnerRole);
    }
    let policy = Policy {
        mfa: found.mfa,
        mfa_from: found.mfa_from,
        mfa_before: found.mfa_before,
        ..Policy::default()
    };
    let rule = policy.mfa_now(now);
    if rule == MfaRule::Optional {
        return Ok(());
    }
    let met = sql::met_mfa(&mut app.db.read().await?, found.organization, owner).await?;
    // As at the gate: a passkey is no provider's.
    let by_provider = rule == MfaRule::Any && met.enforced_by_provider;
    let has_factor = rule.is_met_with(met.factors) || by_provider;
    // At the gate once: a click inside since the rule holds, that of before a grace period until that is over.
    let since = found.mfa_since.max(found.mfa_from.filter(|from| *from <= now));
    let came_since = since.is_none_or(|since| met.last_active_at >= since);
    if has_factor && came_since { Ok(()) } else { Err(KeyError::MfaRequired) }
}

fn caller(found: &sql::Found) -> Caller {
    let base = found.base.as_deref().map_or_else(permissions::everything, permissions::stored);
    let holder = found.parent_family.unwrap_or(found.family);
    let mut layers = vec![Layer { from: Source::Base, scopes: base, holder }];
    let in_dev_mode = found.environment == crate::domain::environments::DEVELOPMENT;
    match found.permission.as_deref() {
        Some(text) => {
            layers.push(Layer { from: Source::Permission, scopes: permissions::stored(text), holder });
        }
        // Dev mode is tried with all that the organization may; in Live a key without a permission has none.
        None if in_dev_mode => {}
        None => layers.push(Layer { from: Source::Permission, scopes: Arc::default(), holder }),
    }
    if let Some(text) = found.scopes.as_deref() {
        // Of this key alone, which is short-lived: nothing to remember.
        let scopes = Arc::new(Scopes::stored(text));
        layers.push(Layer { from: Source::Ephemeral, scopes, holder: found.family });
    }
    Caller {
        key: found.id,
        family: found.family,
        kind: found.kind,
        name: found.name.clone(),
        shown: found.shown.clone(),
        organization: found.organization,
        parent: found.parent,
        agent: found.agent,
        owner: found.owner,
        environment: found.environment.clone(),
        expires_at: found.expires_at,
        uses: found.most_uses.map(|most| (found.uses, most)),
        layers,
    }
}

/// What a key is told of itself beside what its request knows.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct About {
    pub organization_slug: String,
    pub organization_name: String,
    pub agent: Option<String>,
    /// Its own, or of the key that it was made from.
    pub permission: Option<PermissionId>,
    pub last_used_at: Option<Timestamp>,
    pub last_used_from: Option<String>,
}

pub async fn about(app: &App, caller: &Caller) -> sqlx::Result<About> {
    sql::about(&mut app.db.read().await?, caller.key).await
}

/// The person whom an admin key acts for, as a member of its organization, and this: with what they may now, less what
/// a key never does. Their step-ups are not the key's.
pub async fn acting(app: &App, caller: &Caller, origin: &Origin) -> Result<(Actor, Organization), KeyError> {
    let owner = caller.owner.ok_or(KeyError::OwnerGone)?;
    let mut reader = app.db.read().await?;
    let member = users::member_of(&mut reader, caller.organization, owner).await?;
    let member = member.filter(|member| member.is_active(app.db.now())).ok_or(KeyError::OwnerGone)?;
    let organization = organizations::by_id(&mut reader, caller.organization).await?;
    let origin = Origin { by_key: Some(format!("{} ({})", caller.name, caller.shown)), ..origin.clone() };
    let person = Person::by_key(member.user_id, member.name, member.email, origin);
    Ok((Actor { person, organization: organization.id, role: member.role }, organization))
}
