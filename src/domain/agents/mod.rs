//! Agents: machine identities that own API keys.

mod sql;

use crate::domain::access::Operator;
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::values::{ShortName, folded};
use crate::ids::{AgentId, OrganizationId};
use crate::storage::{Change, Lends};

/// A shared agent of an organization by its name; a new one, where there is none of it.
pub(crate) async fn named(
    change: &mut Change,
    organization: OrganizationId,
    name: &ShortName,
    operator: &Operator,
) -> sqlx::Result<AgentId> {
    if let Some(found) = sql::shared(change, organization, &folded(name.as_str())).await? {
        return Ok(found);
    }
    let id = AgentId::generate();
    let now = change.now();
    sql::insert(change, id, organization, name.as_str(), &folded(name.as_str()), now).await?;
    audit::record(change, organization, operator, Entry::new(Kind::AgentAdded, id, name.as_str())).await?;
    Ok(id)
}

/// Drops the agents of an organization that is erased (R12), after their keys.
pub(crate) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase(on, organization).await
}
