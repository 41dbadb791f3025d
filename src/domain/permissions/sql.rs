use super::{Permission, stored};
use crate::clock::Timestamp;
use crate::ids::{OrganizationId, PermissionId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_optional};

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: PermissionId,
    organization: OrganizationId,
    name: String,
    scopes: String,
    created_at: Timestamp,
    created_by: Option<UserId>,
    changed_at: Timestamp,
}

impl From<Row> for Permission {
    fn from(row: Row) -> Permission {
        let Row { id, organization, name, scopes, created_at, created_by, changed_at } = row;
        Permission { id, organization, name, scopes: stored(&scopes), created_at, created_by, changed_at }
    }
}

pub(super) async fn find(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: PermissionId,
) -> sqlx::Result<Option<Row>> {
    fetch_optional!(
        on,
        Row,
        "select id, organization, name, scopes, created_at, created_by, changed_at from permissions \
         where organization = $1 and id = $2",
        organization,
        id
    )
}

pub(super) async fn named(
    on: &mut impl Lends,
    organization: OrganizationId,
    name_key: &str,
) -> sqlx::Result<Option<PermissionId>> {
    let row = fetch_optional!(
        on,
        (PermissionId,),
        "select id from permissions where organization = $1 and name_key = $2",
        organization,
        name_key
    )?;
    Ok(row.map(|(id,)| id))
}

pub(super) async fn choices(
    on: &mut impl Lends,
    organization: OrganizationId,
    limit: i64,
) -> sqlx::Result<Vec<(PermissionId, String)>> {
    fetch_all!(
        on,
        (PermissionId, String),
        "select id, name from permissions where organization = $1 order by name_key, id limit $2",
        organization,
        limit
    )
}

pub(super) async fn base(
    on: &mut impl Lends,
    organization: &str,
) -> sqlx::Result<Option<(String, Timestamp)>> {
    fetch_optional!(
        on,
        (String, Timestamp),
        "select scopes, changed_at from base_permissions where organization = $1",
        organization
    )
}

/// The row of no organization is the one that new ones begin with.
pub(super) async fn copy_default(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into base_permissions (organization, scopes, changed_at) \
         select $1, scopes, changed_at from base_permissions where organization = ''",
        organization
    )?;
    Ok(())
}

pub(super) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    execute!(on, "delete from permissions where organization = $1", organization)?;
    execute!(on, "delete from base_permissions where organization = $1", organization)?;
    Ok(())
}
