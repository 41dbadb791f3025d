//! Resources, and who may open what and why (A1 to A14).
//!
//! [`decide`] is the one function that answers; [`who`] and [`facts`] load what it asks for.

mod access;
mod decide;
mod load;
mod sql;

pub use self::access::{
    Access, Audience, Kind, NotAKind, NotAPermission, NotAnAudience, Permission, Permissions,
};
pub use self::decide::{Admission, Basis, Cap, Decision, Facts, Grant, Refusal, Standing, Subject, decide};
pub use self::load::{Who, facts, inherited_from, who, whole_facts};
use crate::clock::Timestamp;
use crate::domain::environments::Place;
use crate::ids::{OrganizationId, ResourceId, UserId};
use crate::storage::Lends;

/// A thing whose access is controlled. What its access says beside these columns are rows of their own.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Resource {
    pub id: ResourceId,
    pub organization: OrganizationId,
    pub environment: String,
    /// The developer's id in Dev mode, else empty.
    developer: String,
    pub key: String,
    pub kind: Kind,
    pub name: String,
    pub description: String,
    pub url: Option<String>,
    /// What a pasted definition said beside its access: a JSON object.
    pub definition: Option<String>,
    pub creator: UserId,
    /// Nothing, where no access was said (A2).
    pub audience: Option<Audience>,
    pub domain: Option<String>,
    pub default_permissions: Option<Permissions>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    pub archived_at: Option<Timestamp>,
}

impl Resource {
    /// Whose it is, in Dev mode.
    pub fn developer(&self) -> Option<UserId> {
        self.developer.parse().ok()
    }

    /// What its default permissions are: Read, where nothing was said (A4).
    pub fn defaults(&self) -> Permissions {
        self.default_permissions.unwrap_or(Permissions::READ)
    }

    /// The keys of the pages above it, the nearest first: "a/b" and "a" of "a/b/c".
    pub fn parents(&self) -> Vec<&str> {
        self.key.rmatch_indices('/').map(|(at, _)| &self.key[..at]).collect()
    }
}

/// A resource of an organization's environment by its key, archived or not.
pub async fn find(on: &mut impl Lends, place: &Place, key: &str) -> sqlx::Result<Option<Resource>> {
    sql::find(on, place, key).await
}

pub async fn by_id(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: ResourceId,
) -> sqlx::Result<Option<Resource>> {
    sql::by_id(on, organization, id).await
}

/// Binds the entries that were made for an address to the user who has just proven it (A12).
pub(crate) async fn bind_entries(on: &mut impl Lends, user: UserId, canonical: &str) -> sqlx::Result<()> {
    sql::bind_entries(on, user, canonical).await
}

/// Drops everything about resources of an organization that is erased (R12).
pub(crate) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase(on, organization).await
}
