use super::Team;
use crate::ids::OrganizationId;
use crate::storage::{Lends, execute, fetch_all};

pub(super) async fn all(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Vec<Team>> {
    fetch_all!(
        on,
        Team,
        "select id, slug, name, people, created_at from teams where organization = $1 order by name_key, id",
        organization
    )
}

pub(super) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    execute!(on, "delete from team_members where organization = $1", organization)?;
    execute!(on, "delete from teams where organization = $1", organization)?;
    Ok(())
}
