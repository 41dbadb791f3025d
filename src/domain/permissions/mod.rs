//! Permissions: what a key, and the users behind it, may do, and how often (L). Capped by the organization's base
//! permission, which only the sysadmin changes.

mod document;
mod limit;
mod scope;
mod sql;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

pub use self::document::{Beyond, MOST_LIMITS, MOST_PATTERNS, Scopes};
pub use self::limit::{Level, Limit, MOST, Measure, Period, PeriodError, Unit};
pub use self::scope::{LONGEST, Pattern, Scope, ScopeError, ScopeType};
use crate::clock::Timestamp;
use crate::domain::values::folded;
use crate::ids::{OrganizationId, PermissionId, UserId};
use crate::storage::{Change, Lends};

#[derive(Clone, Debug)]
pub struct Permission {
    pub id: PermissionId,
    pub organization: OrganizationId,
    /// What people call it: one of its name in an organization.
    pub name: String,
    pub scopes: Arc<Scopes>,
    pub created_at: Timestamp,
    pub created_by: Option<UserId>,
    pub changed_at: Timestamp,
}

/// Many texts are one and the same from request to request; so many bytes of them are kept.
const KEPT: usize = 16 * 1024 * 1024;

/// What was read, and how many bytes it was read from.
type Read = (HashMap<String, Arc<Scopes>>, usize);

/// What a table's text says, read once for many requests.
pub fn stored(text: &str) -> Arc<Scopes> {
    static READ: LazyLock<Mutex<Read>> = LazyLock::new(Mutex::default);
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let (known, bytes) = &mut *read;
    if let Some(scopes) = known.get(text) {
        return scopes.clone();
    }
    if *bytes + text.len() > KEPT {
        known.clear();
        *bytes = 0;
    }
    let scopes = Arc::new(Scopes::stored(text));
    known.insert(text.to_owned(), scopes.clone());
    *bytes += text.len();
    scopes
}

/// One of an organization's permissions.
pub async fn find(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: PermissionId,
) -> sqlx::Result<Option<Permission>> {
    Ok(sql::find(on, organization, id).await?.map(Permission::from))
}

/// The organization's permission of a name, in capitals or not: two never have one name.
pub async fn named(
    on: &mut impl Lends,
    organization: OrganizationId,
    name: &str,
) -> sqlx::Result<Option<PermissionId>> {
    sql::named(on, organization, &folded(name)).await
}

/// An organization's permissions by name, for forms to offer.
pub async fn choices(
    on: &mut impl Lends,
    organization: OrganizationId,
    limit: i64,
) -> sqlx::Result<Vec<(PermissionId, String)>> {
    sql::choices(on, organization, limit).await
}

/// The organization's base permission: everything, where the sysadmin set none (L7).
pub async fn base(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Arc<Scopes>> {
    let row = base_row(on, Some(organization)).await?;
    Ok(row.map_or_else(everything, |(scopes, _)| scopes))
}

/// What the sysadmin set for an organization, or for new ones, and when.
pub async fn base_row(
    on: &mut impl Lends,
    organization: Option<OrganizationId>,
) -> sqlx::Result<Option<(Arc<Scopes>, Timestamp)>> {
    // The row of no organization is the one that new ones begin with.
    let id = organization.map_or_else(String::new, |organization| organization.to_string());
    let row = sql::base(on, &id).await?;
    Ok(row.map(|(text, at)| (stored(&text), at)))
}

/// All there is, without limit.
pub fn everything() -> Arc<Scopes> {
    static ALL: LazyLock<Arc<Scopes>> = LazyLock::new(|| Arc::new(Scopes::everything()));
    ALL.clone()
}

/// Gives a new organization the base permission that new ones begin with.
pub(crate) async fn begin(change: &mut Change, organization: OrganizationId) -> sqlx::Result<()> {
    sql::copy_default(change, organization).await
}

/// Drops the permissions of an organization that is erased (R12), after its keys.
pub(crate) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase(on, organization).await
}
