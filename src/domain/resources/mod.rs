//! Resources, and who may open what and why (A1 to A14).
//!
//! [`decide`] is the one function that answers; [`who`] and [`facts`] load what it asks for.

mod access;
pub mod asking;
pub mod checking;
mod decide;
pub mod definition;
pub mod editing;
pub mod explain;
pub mod granting;
pub mod joining;
pub mod leaving;
pub mod links;
pub mod listing;
mod load;
pub mod opening;
mod rights;
mod sql;

pub use self::access::{
    Access, Audience, Kind, NotAKind, NotAPermission, NotAnAudience, Permission, Permissions,
};
pub use self::decide::{Admission, Basis, Cap, Decision, Facts, Grant, Refusal, Standing, Subject, decide};
pub(crate) use self::load::facts_with;
pub use self::load::{Who, facts, in_force, inherited_from, who, whole_facts};
pub use self::rights::{may_change_access, may_explain, may_read, may_write};
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Denied};
use crate::domain::environments::Place;
use crate::domain::throttle::{SpendError, Throttled};
use crate::domain::users::MemberError;
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

    /// One that is not there yet, to look at what would hold for it.
    fn to_be(actor: &Actor, kind: Kind, now: Timestamp) -> Resource {
        let (organization, creator) = (actor.organization, actor.person.user);
        Resource { kind, organization, creator, ..Resource::sample(now) }
    }

    /// A resource that nobody has, for the previews of mails.
    fn sample(now: Timestamp) -> Resource {
        Resource {
            id: ResourceId::nobody(),
            organization: OrganizationId::nobody(),
            environment: "production".to_owned(),
            developer: String::new(),
            key: "refunds".to_owned(),
            kind: Kind::Tool,
            name: "Refunds".to_owned(),
            description: String::new(),
            url: None,
            definition: None,
            creator: UserId::nobody(),
            audience: None,
            domain: None,
            default_permissions: None,
            created_at: now,
            changed_at: now,
            archived_at: None,
        }
    }

    /// What its default permissions are: Read, where nothing was said (A4).
    pub fn defaults(&self) -> Permissions {
        self.default_permissions.unwrap_or(Permissions::READ)
    }

    /// The keys of the pages above it, the nearest first: "a/b" and "a" of "a/b/c".
    pub fn parents(&self) -> Vec<&str> {
        parents_of(&self.key)
    }
}

fn parents_of(key: &str) -> Vec<&str> {
    key.rmatch_indices('/').map(|(at, _)| &key[..at]).collect()
}

/// What can be wrong with an act on a resource.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("There is no such resource.")]
    NotFound,
    #[error("{0}")]
    Conflict(&'static str),
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for ResourceError {
    fn from(error: SpendError) -> ResourceError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

impl From<MemberError> for ResourceError {
    fn from(error: MemberError) -> ResourceError {
        match error {
            MemberError::Database(error) => error.into(),
            MemberError::NotFound => ResourceError::NotFound,
            _ => Denied.into(),
        }
    }
}

/// A resource whose access the actor may change. One that they may not know of is not there (A11).
async fn managed(
    on: &mut impl Lends,
    actor: &Actor,
    place: &Place,
    key: &str,
) -> Result<Resource, ResourceError> {
    actor.may(Capability::ChangeAccess)?;
    let resource = find(on, place, key).await?.ok_or(ResourceError::NotFound)?;
    match may_change_access(actor, &resource) {
        true => Ok(resource),
        false if may_read(actor, &resource) => Err(Denied.into()),
        false => Err(ResourceError::NotFound),
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

/// The same as a person signs in with a proof of their own: an entry that was saved as their account was made, and saw
/// nothing of it, is theirs from then on.
pub(crate) async fn bind_own_entries(on: &mut impl Lends, user: UserId) -> sqlx::Result<()> {
    sql::bind_own_entries(on, user).await
}

/// Drops everything about resources of an organization that is erased (R12).
pub(crate) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase(on, organization).await
}
