//! Organizations: the tenants (R11).

mod closing;
mod sql;
pub mod sysadmin;

pub use self::closing::{CloseError, close_by_sysadmin, erase_by_sysadmin, reopen_by_sysadmin};
use crate::domain::access::Operator;
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::values::{OrganizationName, Slug};
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Change, Lends};

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Organization {
    pub id: OrganizationId,
    pub slug: String,
    pub name: String,
    /// How many are in it, active or suspended. Kept by [`count_people`].
    pub people: i64,
    /// How many invitations are pending. Kept by [`count_pending`].
    pub pending: i64,
}

pub async fn by_slug(on: &mut impl Lends, slug: &str) -> sqlx::Result<Option<Organization>> {
    sql::by_slug(on, slug).await
}

pub async fn by_id(on: &mut impl Lends, id: OrganizationId) -> sqlx::Result<Organization> {
    sql::by_id(on, id).await
}

/// The organizations that a person is an active member of, by name.
pub async fn of_user(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<Organization>> {
    sql::of_user(on, user).await
}

/// Keeps the number of people, in the transaction that adds or ends a membership.
pub(crate) async fn count_people(change: &mut Change, id: OrganizationId, more: i64) -> sqlx::Result<()> {
    sql::count_people(change, id, more).await
}

/// Keeps the number of pending invitations, in the transaction that makes or closes one.
pub(crate) async fn count_pending(change: &mut Change, id: OrganizationId, more: i64) -> sqlx::Result<()> {
    sql::count_pending(change, id, more).await
}

/// Makes an organization under the slug that its name suggests, or the next free one.
pub(crate) async fn create(
    change: &mut Change,
    operator: &Operator,
    name: &OrganizationName,
) -> sqlx::Result<Organization> {
    let suggested = Slug::suggested_by(name);
    let mut slug = suggested.clone();
    let mut number = 1;
    while sql::slug_is_taken(change, slug.as_str()).await? {
        number += 1;
        slug = suggested.numbered(number);
    }
    let organization = Organization {
        id: OrganizationId::generate(),
        slug: slug.as_str().to_owned(),
        name: name.to_string(),
        people: 0,
        pending: 0,
    };
    let now = change.now();
    sql::insert(change, &organization, now).await?;
    change.found(organization.id).await?;
    let entry = Entry::new(Kind::OrganizationCreated, organization.id, name).with("slug", &organization.slug);
    audit::record(change, organization.id, operator, entry).await?;
    Ok(organization)
}
