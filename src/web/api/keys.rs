//! `/v1/keys`: ephemeral keys from a live or a development one, what a key is, and an organization's keys. A secret is
//! in one answer alone: that which made it.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::{Json, body};
use super::problem::{Fault, Problem, Result};
use super::query::Asked;
use super::reply::{self, Page, Paged, Paging, json};
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::domain::api_keys::{
    self, ActError, Caller, Filter, LONGEST_TTL, Listed, MintError, Minted, Minting, Place, SHORTEST_TTL,
};
use crate::domain::permissions::Scopes;
use crate::domain::values::ShortName;
use crate::web::gate::Acting;

body! {
    /// A key for a short time, and for no more than the key that asks for it.
    #[schema(example = json!({"ttl": 900, "max_uses": 100, "scopes": {"source_type:icloud.account": []}}))]
    pub struct EphemeralKey {
        /// Seconds that it lives: from 10 to 86400. It ends earlier with the key that it is made from.
        #[schema(minimum = 10, maximum = 86400)]
        pub ttl: i64,
        /// How many checks may be allowed, and questions about access asked; without, as many as it likes.
        #[schema(minimum = 1, maximum = 1000000000)]
        pub max_uses: Option<i64>,
        /// Scopes with their limits, within those of the key that asks; without, the same as that key's.
        pub scopes: Option<Map<String, Value>>,
        /// What records call it; without, as the key that it is made from.
        #[schema(max_length = 40)]
        pub name: Option<String>,
    }
}

/// An ephemeral key, this once with its secret.
#[derive(Serialize, ToSchema)]
pub struct MintedKey {
    pub id: String,
    /// The key itself. It is in this answer alone.
    #[schema(example = "il_temp_…")]
    pub key: String,
    #[schema(format = DateTime)]
    pub expires_at: String,
    pub max_uses: Option<i64>,
    /// What it was narrowed to; null, where it may what the key may that it was made from.
    #[schema(value_type = Option<Object>)]
    pub scopes: Option<Value>,
}

/// An organization, as a key's answers name it.
#[derive(Serialize, ToSchema)]
pub struct KeyOrganization {
    pub id: String,
    pub slug: String,
    pub name: String,
}

/// One document that a key is held to. All of them have to cover a scope.
#[derive(Serialize, ToSchema)]
pub struct KeyScopes {
    /// `base`, `permission` or `ephemeral`.
    #[schema(example = "permission")]
    pub from: &'static str,
    #[schema(value_type = Object)]
    pub scopes: Value,
}

/// The key that a request came with. Never its secret.
#[derive(Serialize, ToSchema)]
pub struct CurrentKey {
    pub id: String,
    /// `live`, `development`, `ephemeral` or `admin`.
    #[schema(example = "live")]
    pub kind: &'static str,
    pub name: String,
    /// Its kind and its last four characters.
    #[schema(example = "il_live_…7k2m")]
    pub shown: String,
    pub agent: Option<String>,
    pub environment: String,
    pub organization: KeyOrganization,
    /// The id of its permission, or of that of the key that it was made from.
    pub permission: Option<String>,
    pub scopes: Vec<KeyScopes>,
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// When it was used before, to the minute.
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
    pub last_used_from: Option<String>,
    /// How many checks may still be allowed, and questions about access asked; null, where there is no such number.
    pub uses_left: Option<i64>,
}

/// A key in a list. Never its secret.
#[derive(Serialize, ToSchema)]
pub struct ListedKey {
    pub id: String,
    /// `live`, `development` or `admin`.
    #[schema(example = "live")]
    pub kind: &'static str,
    pub name: String,
    /// Its kind and its last four characters.
    #[schema(example = "il_live_…7k2m")]
    pub shown: String,
    /// The id of the agent that holds it.
    pub agent: Option<String>,
    /// The id of the user whom it acts for.
    pub owner: Option<String>,
    pub environment: String,
    /// The id of its permission.
    pub permission: Option<String>,
    /// From where it works; empty, where from anywhere.
    pub addresses: Vec<String>,
    /// `works`, `replaced`, `too_old`, `owner_inactive`, `owner_role`, `expired` or `revoked`.
    #[schema(example = "works")]
    pub state: &'static str,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it ends by itself, by its date or by the organization's rule.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    #[schema(format = DateTime)]
    pub revoked_at: Option<String>,
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
    pub last_used_from: Option<String>,
    /// Since midnight, UTC.
    pub calls_today: i64,
}

/// Scopes that an ephemeral key is narrowed to: thousands of such keys may be made in an hour.
const MOST_NARROWED: usize = 20;

/// What was asked for, with each value that is wrong by its place.
fn minting(body: EphemeralKey) -> std::result::Result<Minting, Problem> {
    let mut faults = Vec::new();
    if !(SHORTEST_TTL..=LONGEST_TTL).contains(&body.ttl) {
        faults.push(Fault::new("/ttl", format!("ttl is from {SHORTEST_TTL} to {LONGEST_TTL} seconds.")));
    }
    if body.max_uses.is_some_and(|uses| !(1..=1_000_000_000).contains(&uses)) {
        faults.push(Fault::new("/max_uses", "max_uses is from 1 to 1000000000."));
    }
    let scopes = body.scopes.map(|scopes| Scopes::from_json(&Value::Object(scopes), "/scopes"));
    let scopes = scopes.transpose().unwrap_or_else(|wrong| {
        faults.extend(wrong);
        None
    });
    if scopes.as_ref().is_some_and(|scopes| scopes.len() > MOST_NARROWED) {
        faults.push(Fault::new(
            "/scopes",
            format!("An ephemeral key has at most {MOST_NARROWED} scopes of its own."),
        ));
    }
    let name = body.name.map(|name| name.parse::<ShortName>()).transpose().unwrap_or_else(|error| {
        faults.push(Fault::new("/name", error.to_string()));
        None
    });
    match faults.is_empty() {
        true => Ok(Minting { ttl: body.ttl, max_uses: body.max_uses, scopes, name }),
        false => Err(Problem::invalid(faults)),
    }
}

impl From<MintError> for Problem {
    fn from(error: MintError) -> Problem {
        match error {
            MintError::Beyond(faults) => Problem::invalid(faults),
            MintError::Ended => api_keys::KeyError::Revoked.into(),
            MintError::Throttled(throttled) => Problem::throttled(throttled),
            MintError::Database(error) => error.into(),
        }
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Problem {
        match error {
            ActError::Database(error) => error.into(),
            ActError::Denied(denied) => denied.into(),
            // No other answer of a list.
            _ => Problem::of_status(StatusCode::NOT_FOUND),
        }
    }
}

/// Make an ephemeral key
///
/// It opens checks and leases alone, in the environment and from the addresses of the key that asks, and dies with it.
/// What it spends counts at that key's level too. It stands in no audit log, since it may no more than the key that asks.
#[utoipa::path(
    post,
    path = "/v1/keys/ephemeral",
    tag = "Keys",
    operation_id = "createEphemeralKey",
    request_body = EphemeralKey,
    responses((status = 201, description = "The key, this once", body = MintedKey))
)]
pub async fn mint(State(app): State<Shared>, caller: Caller, Json(body): Json<EphemeralKey>) -> Result {
    let asked = minting(body)?;
    let Minted { id, secret, expires_at } = api_keys::mint(&app, &caller, &asked).await?;
    let minted = MintedKey {
        id: id.to_string(),
        key: secret.expose().to_owned(),
        expires_at: expires_at.rfc3339(),
        max_uses: asked.max_uses,
        scopes: asked.scopes.as_ref().map(Scopes::to_json),
    };
    // The one address where it is told of: asked with itself.
    Ok(reply::created("/v1/keys/current", &minted))
}

/// Look at the key itself
///
/// Any kind of key learns this of itself, and never its secret.
#[utoipa::path(
    get,
    path = "/v1/keys/current",
    tag = "Keys",
    operation_id = "getCurrentKey",
    responses((status = 200, description = "The key that the request came with", body = CurrentKey))
)]
pub async fn current(State(app): State<Shared>, caller: Caller) -> Result {
    let about = api_keys::about(&app, &caller).await?;
    let time = |at: Option<Timestamp>| at.map(Timestamp::rfc3339);
    let layer =
        |layer: &api_keys::Layer| KeyScopes { from: layer.from.code(), scopes: layer.scopes.to_json() };
    let current = CurrentKey {
        id: caller.key.to_string(),
        kind: caller.kind.code(),
        agent: about.agent,
        organization: KeyOrganization {
            id: caller.organization.to_string(),
            slug: about.organization_slug,
            name: about.organization_name,
        },
        permission: about.permission.map(|id| id.to_string()),
        // An admin key opens no scope: what it may is its minter's.
        scopes: match caller.kind {
            api_keys::Kind::Admin => Vec::new(),
            _ => caller.layers.iter().map(layer).collect(),
        },
        expires_at: time(caller.expires_at),
        last_used_at: time(about.last_used_at),
        last_used_from: about.last_used_from,
        uses_left: caller.uses.map(|(used, most)| (most - used).max(0)),
        name: caller.name,
        shown: caller.shown,
        environment: caller.environment,
    };
    Ok(json(StatusCode::OK, &current))
}

fn listed(key: Listed, now: Timestamp) -> ListedKey {
    let time = |at: Option<Timestamp>| at.map(Timestamp::rfc3339);
    ListedKey {
        id: key.id.to_string(),
        kind: key.kind.code(),
        agent: key.agent.map(|id| id.to_string()),
        owner: key.owner.map(|id| id.to_string()),
        permission: key.permission.map(|id| id.to_string()),
        addresses: key.addresses(),
        state: key.state(now).code(),
        created_at: key.created_at.rfc3339(),
        expires_at: time(key.ends_at()),
        revoked_at: time(key.revoked_at),
        last_used_at: time(key.last_used_at),
        calls_today: key.calls,
        last_used_from: key.last_used_from,
        name: key.name,
        shown: key.shown,
        environment: key.environment,
    }
}

/// List the keys
///
/// The newest first.
///
/// Live, development and admin keys, those that have ended too; never their secrets. Ephemeral ones are not listed.
#[utoipa::path(
    get,
    path = "/v1/keys",
    tag = "Keys",
    operation_id = "listKeys",
    params(Paged),
    responses((status = 200, description = "A page of keys", body = Page<ListedKey>))
)]
pub async fn list(State(app): State<Shared>, acting: Acting, paging: Paging, asked: Asked) -> Result {
    asked.done()?;
    let place = paging.cursor(|text| Place::decode(text).filter(|place| !place.newer))?;
    let page =
        api_keys::page(&app, &acting.actor, &Filter::default(), place.as_ref(), paging.limit()).await?;
    let now = app.db.now();
    let next = page.next.map(|place| place.encode());
    Ok(paging.page(page.keys.into_iter().map(|key| listed(key, now)).collect::<Vec<_>>(), next))
}
