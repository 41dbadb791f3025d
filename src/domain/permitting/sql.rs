use super::{KeyUsing, Listed};
use crate::clock::Timestamp;
use crate::domain::api_keys::Kind;
use crate::domain::permissions::Permission;
use crate::domain::values::Place;
use crate::ids::{OrganizationId, PermissionId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "select p.id, p.name, p.scopes as text, p.created_at, p.changed_at, u.name as changed_by, \
             (select count(*) from api_keys k where k.permission = p.id and k.organization = p.organization \
             and k.revoked_at is null) as keys \
             from permissions p left join users u on u.id = p.changed_by where p.organization = $1 ",
            $rest
        )
    };
}

pub(super) async fn list(
    on: &mut impl Lends,
    organization: OrganizationId,
    pattern: &str,
    place: Option<&Place>,
    limit: usize,
) -> sqlx::Result<Vec<Listed>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let from = place.cloned().unwrap_or_default();
    match from.backwards {
        false => fetch_all!(
            on,
            Listed,
            listed!(
                r"and (p.name_key, p.id) > ($2, $3) and (p.name_key like $4 escape '\' or p.search like $4 escape '\')
                  order by p.name_key, p.id limit $5"
            ),
            organization,
            &from.key,
            &from.id,
            pattern,
            limit
        ),
        true => fetch_all!(
            on,
            Listed,
            listed!(
                r"and (p.name_key, p.id) < ($2, $3) and (p.name_key like $4 escape '\' or p.search like $4 escape '\')
                  order by p.name_key desc, p.id desc limit $5"
            ),
            organization,
            &from.key,
            &from.id,
            pattern,
            limit
        ),
    }
}

pub(super) async fn one(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: PermissionId,
) -> sqlx::Result<Option<Listed>> {
    fetch_optional!(on, Listed, listed!("and p.id = $2"), organization, id)
}

/// All of an organization's, by id, after one.
pub(super) async fn after(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: PermissionId,
    limit: i64,
) -> sqlx::Result<Vec<(PermissionId, String, String)>> {
    fetch_all!(
        on,
        (PermissionId, String, String),
        "select id, name, scopes from permissions where organization = $1 and id > $2 order by id limit $3",
        organization,
        id,
        limit
    )
}

pub(super) async fn count(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<i64> {
    let (count,) =
        fetch_one!(on, (i64,), "select count(*) from permissions where organization = $1", organization)?;
    Ok(count)
}

/// How many keys of each kind use a permission, of those that are not revoked.
pub(super) async fn uses(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: PermissionId,
) -> sqlx::Result<Vec<(Kind, i64)>> {
    fetch_all!(
        on,
        (Kind, i64),
        "select kind, count(*) from api_keys where organization = $1 and permission = $2 \
         and revoked_at is null group by kind",
        organization,
        id
    )
}

pub(super) async fn keys(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: PermissionId,
    limit: i64,
) -> sqlx::Result<Vec<KeyUsing>> {
    fetch_all!(
        on,
        KeyUsing,
        "select k.id, k.name, k.kind, k.shown, k.environment, a.name as agent from api_keys k \
         left join agents a on a.id = k.agent where k.organization = $1 and k.permission = $2 \
         and k.revoked_at is null order by k.id limit $3",
        organization,
        id,
        limit
    )
}

pub(super) async fn insert(
    on: &mut impl Lends,
    permission: &Permission,
    name_key: &str,
    scopes: &str,
    search: &str,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into permissions (id, organization, name, name_key, scopes, search, created_at, created_by, changed_at, \
         changed_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $7, $8)",
        permission.id,
        permission.organization,
        &permission.name,
        name_key,
        scopes,
        search,
        permission.created_at,
        permission.created_by
    )?;
    Ok(())
}

/// What a permission becomes.
pub(super) struct Changed<'a> {
    pub name: &'a str,
    pub name_key: &'a str,
    pub scopes: &'a str,
    pub search: &'a str,
    pub at: Timestamp,
    pub by: Option<UserId>,
}

pub(super) async fn update(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: PermissionId,
    changed: &Changed<'_>,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update permissions set name = $3, name_key = $4, scopes = $5, search = $6, changed_at = $7, changed_by = $8 \
         where organization = $1 and id = $2",
        organization,
        id,
        changed.name,
        changed.name_key,
        changed.scopes,
        changed.search,
        changed.at,
        changed.by
    )?;
    Ok(())
}

pub(super) async fn delete(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: PermissionId,
) -> sqlx::Result<()> {
    execute!(on, "delete from permissions where organization = $1 and id = $2", organization, id)?;
    Ok(())
}

/// `''` is what new organizations begin with.
pub(super) async fn set_base(
    on: &mut impl Lends,
    organization: &str,
    scopes: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into base_permissions (organization, scopes, changed_at) values ($1, $2, $3) \
         on conflict (organization) do update set scopes = excluded.scopes, changed_at = excluded.changed_at",
        organization,
        scopes,
        now
    )?;
    Ok(())
}
