//! Ephemeral keys: made by a live or a development key, for a short time and less. Making one is no change of who may
//! what, since it never goes beyond the key that it is made from; there may be thousands an hour, so that it stands in
//! no audit log. Its row names that key, and is kept for a week after its end.

use super::{Caller, Kind, Secret, sql};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::permissions::Scopes;
use crate::domain::throttle::{self, EPHEMERAL_KEY, SpendError, Throttled};
use crate::domain::values::{Fault, ShortName, folded};
use crate::ids::ApiKeyId;

/// Seconds.
pub const SHORTEST_TTL: i64 = 10;
pub const LONGEST_TTL: i64 = 86_400;

/// What is asked for, with values of their own that are right.
#[derive(Clone, Debug)]
pub struct Minting {
    /// Seconds.
    pub ttl: i64,
    pub max_uses: Option<i64>,
    /// What it is narrowed to; without, it may what the key may that it is made from.
    pub scopes: Option<Scopes>,
    pub name: Option<ShortName>,
}

#[derive(Debug)]
pub struct Minted {
    pub id: ApiKeyId,
    pub secret: Secret,
    pub expires_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum MintError {
    #[error("The scopes go beyond what the key may that asks.")]
    Beyond(Vec<Fault>),
    #[error("The key that asks has ended.")]
    Ended,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for MintError {
    fn from(error: SpendError) -> MintError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

/// Where scopes go beyond one of the layers that the parent is held to (CAP-01): each place once.
fn beyond(caller: &Caller, scopes: &Scopes) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    for beyond in caller.layers.iter().flat_map(|layer| scopes.beyond(&layer.scopes)) {
        let pointer = beyond.pointer("/scopes");
        let detail = match beyond.above {
            None => format!("{} is beyond what this key may. Leave it out, or narrow it.", beyond.pattern),
            Some((_, lower)) => format!("This key is held to less here: {lower}. Ask for no more."),
        };
        if faults.iter().all(|fault| fault.pointer != pointer) {
            faults.push(Fault::new(pointer, detail));
        }
    }
    faults
}

/// Makes an ephemeral key of the caller's. It dies with the caller's key, whatever it was made for.
pub async fn mint(app: &App, caller: &Caller, asked: &Minting) -> Result<Minted, MintError> {
    if let Some(scopes) = &asked.scopes {
        let faults = beyond(caller, scopes);
        if !faults.is_empty() {
            return Err(MintError::Beyond(faults));
        }
    }
    let mut tx = app.db.write().await?;
    let now = tx.now();
    // Kept also where it is the last one: a refusal is told by the count.
    let spent = throttle::spend(&mut tx, now, EPHEMERAL_KEY, &caller.family.to_string()).await;
    if let Err(error) = spent {
        tx.commit().await?;
        return Err(error.into());
    }
    // Revoked since the gate let it in: nothing is born of it any more.
    let Some(addresses) = sql::addresses_of(&mut tx, caller.key, now).await? else {
        return Err(MintError::Ended);
    };
    let (id, secret) = (ApiKeyId::generate(), Secret::generate(Kind::Ephemeral));
    let ends = now.plus(asked.ttl * 1_000);
    let expires_at = caller.expires_at.map_or(ends, |at| at.min(ends));
    let name = asked.name.as_ref().map_or(caller.name.as_str(), ShortName::as_str);
    let scopes = asked.scopes.as_ref().map(|scopes| scopes.to_json().to_string());
    let (shown, name_key) = (secret.shown(), folded(name));
    let row = sql::New {
        id,
        organization: caller.organization,
        kind: Kind::Ephemeral,
        family: id,
        name,
        name_key: &name_key,
        agent: caller.agent,
        owner: caller.owner,
        environment: &caller.environment,
        permission: None,
        parent: Some(caller.key),
        // From where the other works, and nowhere else: it never goes beyond that.
        addresses: &addresses,
        scopes: scopes.as_deref(),
        most_uses: asked.max_uses,
        shown: &shown,
        created_by: None,
        expires_at: Some(expires_at),
    };
    sql::insert(&mut tx, &row, &secret.hash(), now).await?;
    tx.commit().await?;
    Ok(Minted { id, secret, expires_at })
}
