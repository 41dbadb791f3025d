//! Teams: members under a slug, with maintainers, and what access is granted to (R9, A12).

mod sql;

use crate::clock::Timestamp;
use crate::ids::{OrganizationId, TeamId};
use crate::storage::Lends;

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Team {
    pub id: TeamId,
    pub slug: String,
    pub name: String,
    /// How many are in it. Kept by whoever adds or removes someone.
    pub people: i64,
    pub created_at: Timestamp,
}

/// All teams of an organization, by name. Who may see them is the caller's to check.
pub(crate) async fn all(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Vec<Team>> {
    sql::all(on, organization).await
}

/// Drops everything about teams of an organization that is erased (R12).
pub(crate) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase(on, organization).await
}
