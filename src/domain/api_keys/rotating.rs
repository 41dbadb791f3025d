//! Rotation: a new key takes an old one's place, and both work for a while. Limits count by family, so that nothing is
//! reset (L6).

use super::listing::{self, Listed};
use super::making::{Made, Ready, own_id, permission_of};
use super::state::State;
use super::{ActError, Kind, lifetime, sql};
use crate::app::App;
use crate::clock::{HOUR, Timestamp};
use crate::domain::access::{Actor, Operator};
use crate::domain::agents;
use crate::domain::audit::{self, Entry};
use crate::domain::users;
use crate::ids::{ApiKeyId, OrganizationId};
use crate::storage::Change;

/// For how long the old key may work beside the new one, in hours.
pub const OVERLAPS: [i64; 4] = [0, 1, 6, 24];

/// Gives a key's place to a new one of the same kind, agent, environment, permission and addresses. The old one ends
/// after `overlap` hours: at once, where that is none.
pub async fn rotate(
    app: &App,
    actor: &Actor,
    id: ApiKeyId,
    new: ApiKeyId,
    overlap: i64,
) -> Result<Made, ActError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let now = change.now();
    // A form that is sent again finds its key made, whatever became of the old one.
    let new = own_id(&mut change, actor.organization, new).await?;
    let key = listing::seen(&mut change, actor, id, now).await?;
    if !key.is_rotated_by(actor, now) {
        let own = key.owner.is_none_or(|owner| owner == actor.person.user);
        return Err(if own { ActError::Ended } else { ActError::NotOwn });
    }
    if key.kind == Kind::Admin {
        actor.stepped_up(now)?;
    }
    let made = replace(&mut change, actor.organization, &key, new, overlap, &actor.operator()).await?;
    change.commit().await?;
    Ok(made)
}

/// The same for the sysadmin: of live keys alone, since a personal one acts for somebody (K5).
pub async fn rotate_by_sysadmin(
    app: &App,
    organization: OrganizationId,
    id: ApiKeyId,
    overlap: i64,
    operator: &Operator,
) -> Result<Made, ActError> {
    let mut change = app.db.change(organization).await?;
    let now = change.now();
    let key = listing::find(&mut change, organization, id, now).await?.ok_or(ActError::NotFound)?;
    if key.kind != Kind::Live {
        return Err(ActError::NotOwn);
    }
    let stands = matches!(key.state(now), State::Works | State::Soon(_) | State::TooOld);
    if !stands || key.replaced_at.is_some() {
        return Err(ActError::Ended);
    }
    let made = replace(&mut change, organization, &key, ApiKeyId::generate(), overlap, operator).await?;
    change.commit().await?;
    Ok(made)
}

/// When the new key ends: after as long as the old one was made for, within the organization's rule as it is now.
fn end_of(key: &Listed, longest: Option<i64>, now: Timestamp) -> Option<Timestamp> {
    let lifetime = key.expires_at.map(|at| at.since(key.created_at));
    [lifetime, longest].into_iter().flatten().min().map(|lifetime| now.plus(lifetime))
}

async fn replace(
    change: &mut Change,
    organization: OrganizationId,
    key: &Listed,
    new: ApiKeyId,
    overlap: i64,
    operator: &Operator,
) -> Result<Made, ActError> {
    let now = change.now();
    let longest = lifetime::longest(change, organization).await?;
    let permission = permission_of(change, organization, key.permission).await?;
    let agent = match key.agent {
        Some(id) => Some((id, agents::find(change, organization, id).await?.ok_or(ActError::NoAgent)?.name)),
        None => None,
    };
    let ready = Ready {
        id: new,
        kind: key.kind,
        family: key.family,
        name: &key.name,
        agent,
        owner: key.owner,
        environment: &key.environment,
        permission,
        addresses: &key.addresses,
        expires_at: end_of(key, longest, now),
    };
    let ends = now.plus(overlap * HOUR);
    let until = key.expires_at.map_or(ends, |at| at.min(ends));
    let entry = Entry::new(audit::Kind::KeyRotated, new, &key.name)
        .without("old key", &key.shown)
        .with("old key ends", until.rfc3339());
    let made = ready.insert(change, organization, operator, entry).await?;
    match overlap {
        0 => sql::replace_at_once(change, key.id, new, now, operator.user).await?,
        _ => sql::replace(change, key.id, new, now, until).await?,
    }
    Ok(made)
}
