use crate::clock::Timestamp;
use crate::ids::{AgentId, OrganizationId};
use crate::storage::{Lends, execute, fetch_optional};

pub(super) async fn shared(
    on: &mut impl Lends,
    organization: OrganizationId,
    name_key: &str,
) -> sqlx::Result<Option<AgentId>> {
    let row = fetch_optional!(
        on,
        (AgentId,),
        "select id from agents where organization = $1 and name_key = $2 and owner is null and archived_at is null \
         order by id limit 1",
        organization,
        name_key
    )?;
    Ok(row.map(|(id,)| id))
}

pub(super) async fn insert(
    on: &mut impl Lends,
    id: AgentId,
    organization: OrganizationId,
    name: &str,
    name_key: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into agents (id, organization, name, name_key, created_at) values ($1, $2, $3, $4, $5)",
        id,
        organization,
        name,
        name_key,
        now
    )?;
    Ok(())
}

pub(super) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    execute!(on, "delete from agents where organization = $1", organization)?;
    Ok(())
}
