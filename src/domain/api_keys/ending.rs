//! Revoking keys, by people; and what that ends, before it does (V4).

use super::listing::{self, Listed};
use super::state::State;
use super::{ActError, sql};
use crate::app::App;
use crate::domain::access::{Actor, Denied};
use crate::domain::agents::{self, Agent, AgentError};
use crate::domain::audit::{self, Entry};
use crate::domain::users;
use crate::ids::{AgentId, ApiKeyId};

/// What ends with a key.
#[derive(Debug)]
pub struct Ends {
    pub key: Listed,
    /// How many ephemeral keys made from it work; at most [`Ends::COUNTED`].
    pub ephemeral: i64,
}

impl Ends {
    /// Beyond this they are only said to be more.
    pub const COUNTED: i64 = 1_000;
}

pub async fn ends(app: &App, actor: &Actor, id: ApiKeyId) -> Result<Ends, ActError> {
    let key = listing::one(app, actor, id).await?;
    let now = app.db.now();
    let ephemeral = sql::ephemeral_of(&mut app.db.read().await?, id, now, Ends::COUNTED + 1).await?;
    Ok(Ends { key, ephemeral })
}

/// Ends a key at once, for its owner or whoever manages live keys. One that has ended stays as it is.
pub async fn revoke_by(app: &App, actor: &Actor, id: ApiKeyId) -> Result<Listed, ActError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let now = change.now();
    // An admin key revokes none (K3), whatever it may read.
    if actor.is_key() {
        return Err(Denied.into());
    }
    let key = listing::seen(&mut change, actor, id, now).await?;
    if matches!(key.state(now), State::Revoked | State::Expired) {
        return Ok(key);
    }
    sql::revoke(&mut change, actor.organization, id, now, Some(actor.person.user)).await?;
    let entry = Entry::new(audit::Kind::KeyRevoked, id, &key.name).without("key", &key.shown);
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(key)
}

/// An agent that may be archived, and what ends with it (V4): its working keys by name and what is shown.
pub async fn archiving(
    app: &App,
    actor: &Actor,
    agent: AgentId,
) -> Result<(Agent, Vec<(String, String)>), AgentError> {
    let mut reader = app.db.read().await?;
    let agent = agents::changeable(&mut reader, actor, agent).await?;
    let keys = sql::working_of_agent(&mut reader, actor.organization, agent.id, app.db.now()).await?;
    Ok((agent, keys.into_iter().map(|(_, name, shown)| (name, shown)).collect()))
}

/// Archives a shared agent, and ends its keys in the same change.
pub async fn archive(app: &App, actor: &Actor, agent: AgentId) -> Result<(Agent, usize), AgentError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let agent = agents::changeable(&mut change, actor, agent).await?;
    let (organization, operator, now) = (actor.organization, actor.operator(), change.now());
    let keys = sql::working_of_agent(&mut change, organization, agent.id, now).await?;
    super::revoke_all(&mut change, organization, &keys, &operator).await?;
    agents::set_archived(&mut change, organization, &agent, &operator).await?;
    change.commit().await?;
    Ok((agent, keys.len()))
}
