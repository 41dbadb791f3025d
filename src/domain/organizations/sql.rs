use super::Organization;
use super::sysadmin::Standing;
use crate::clock::Timestamp;
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

pub(super) async fn by_slug(on: &mut impl Lends, slug: &str) -> sqlx::Result<Option<Organization>> {
    fetch_optional!(
        on,
        Organization,
        "select id, slug, name, people, pending from organizations where slug = $1",
        slug
    )
}

pub(super) async fn by_id(on: &mut impl Lends, id: OrganizationId) -> sqlx::Result<Organization> {
    fetch_one!(
        on,
        Organization,
        "select id, slug, name, people, pending from organizations where id = $1",
        id
    )
}

pub(super) async fn of_user(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<Organization>> {
    fetch_all!(
        on,
        Organization,
        "select o.id, o.slug, o.name, o.people, o.pending from memberships m join organizations o on o.id = m.organization \
         where m.user_id = $1 and m.state = 'active' order by o.name, o.id",
        user
    )
}

pub(super) async fn slug_is_taken(on: &mut impl Lends, slug: &str) -> sqlx::Result<bool> {
    let found = fetch_optional!(
        on,
        (OrganizationId,),
        "select organization from organization_slugs where slug = $1",
        slug
    )?;
    Ok(found.is_some())
}

pub(super) async fn insert(
    on: &mut impl Lends,
    organization: &Organization,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into organizations (id, slug, name, created_at) values ($1, $2, $3, $4)",
        organization.id,
        &organization.slug,
        &organization.name,
        now
    )?;
    execute!(
        on,
        "insert into organization_slugs (slug, organization, taken_at) values ($1, $2, $3)",
        &organization.slug,
        organization.id,
        now
    )?;
    Ok(())
}

pub(super) async fn count_people(on: &mut impl Lends, id: OrganizationId, more: i64) -> sqlx::Result<()> {
    execute!(on, "update organizations set people = people + $2 where id = $1", id, more)?;
    Ok(())
}

pub(super) async fn count_pending(on: &mut impl Lends, id: OrganizationId, more: i64) -> sqlx::Result<()> {
    execute!(on, "update organizations set pending = pending + $2 where id = $1", id, more)?;
    Ok(())
}

pub(super) async fn standing(on: &mut impl Lends, id: OrganizationId) -> sqlx::Result<Standing> {
    fetch_one!(
        on,
        Standing,
        "select id, slug, name, people, pending, created_at, closed_at, erased_at from organizations where id = $1",
        id
    )
}

pub(super) async fn set_closed(
    on: &mut impl Lends,
    id: OrganizationId,
    at: Option<Timestamp>,
) -> sqlx::Result<()> {
    execute!(on, "update organizations set closed_at = $2 where id = $1", id, at)?;
    Ok(())
}

/// In the order in which rows refer to each other.
pub(super) async fn erase(on: &mut impl Lends, id: OrganizationId, now: Timestamp) -> sqlx::Result<()> {
    execute!(on, "delete from session_visits where organization = $1", id)?;
    execute!(
        on,
        "delete from invitation_batch_lines where batch in (select id from invitation_batches where organization = $1)",
        id
    )?;
    execute!(on, "delete from invitation_batches where organization = $1", id)?;
    execute!(
        on,
        "delete from invitation_codes where invitation in (select id from invitations where organization = $1)",
        id
    )?;
    execute!(
        on,
        "delete from invitation_tokens where invitation in (select id from invitations where organization = $1)",
        id
    )?;
    execute!(on, "delete from invitations where organization = $1", id)?;
    execute!(on, "delete from mail_outbox where organization = $1", id)?;
    execute!(on, "delete from memberships where organization = $1", id)?;
    execute!(on, "update organizations set people = 0, pending = 0, erased_at = $2 where id = $1", id, now)?;
    Ok(())
}
