use super::Environment;
use crate::clock::Timestamp;
use crate::ids::OrganizationId;
use crate::storage::{Lends, execute, fetch_all, fetch_optional};

pub(super) async fn find(
    on: &mut impl Lends,
    organization: OrganizationId,
    slug: &str,
) -> sqlx::Result<Option<Environment>> {
    fetch_optional!(
        on,
        Environment,
        "select slug, name, color from environments where organization = $1 and slug = $2",
        organization,
        slug
    )
}

pub(super) async fn added(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<Environment>> {
    fetch_all!(
        on,
        Environment,
        "select slug, name, color from environments where organization = $1 order by slug",
        organization
    )
}

pub(super) async fn insert(
    on: &mut impl Lends,
    organization: OrganizationId,
    environment: &Environment,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into environments (organization, slug, name, color, created_at) values ($1, $2, $3, $4, $5)",
        organization,
        &environment.slug,
        &environment.name,
        environment.color,
        now
    )?;
    Ok(())
}

pub(super) async fn update(
    on: &mut impl Lends,
    organization: OrganizationId,
    environment: &Environment,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update environments set name = $3, color = $4 where organization = $1 and slug = $2",
        organization,
        &environment.slug,
        &environment.name,
        environment.color
    )?;
    Ok(())
}

pub(super) async fn delete(
    on: &mut impl Lends,
    organization: OrganizationId,
    slug: &str,
) -> sqlx::Result<()> {
    execute!(on, "delete from environments where organization = $1 and slug = $2", organization, slug)?;
    Ok(())
}
