use super::{Agent, Listed};
use crate::clock::Timestamp;
use crate::domain::values::Place;
use crate::ids::{AgentId, OrganizationId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_optional};

macro_rules! agent {
    ($rest:literal) => {
        concat!("select id, name, owner, created_at, created_by, archived_at from agents where ", $rest)
    };
}

/// Its keys are counted beside it: few agents have many.
macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "select g.id, g.name, g.owner, g.created_at, g.created_by, g.archived_at, ",
            "u.name as owner_name, b.name as created_by_name, ",
            "(select count(*) from api_keys k where k.agent = g.id and k.parent is null and k.revoked_at is null ",
            "and (k.expires_at is null or k.expires_at > $2)) as keys, ",
            "(select max(k.last_used_at) from api_keys k where k.agent = g.id and k.parent is null) as last_used_at ",
            "from agents g left join users u on u.id = g.owner left join users b on b.id = g.created_by ",
            "where g.organization = $1 and ",
            $rest
        )
    };
}

pub(super) async fn of_name(
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

pub(super) async fn find(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: AgentId,
) -> sqlx::Result<Option<Agent>> {
    fetch_optional!(on, Agent, agent!("organization = $1 and id = $2"), organization, id)
}

pub(super) async fn default_of(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Option<Agent>> {
    fetch_optional!(on, Agent, agent!("organization = $1 and owner = $2 and is_default"), organization, user)
}

pub(super) async fn insert(
    on: &mut impl Lends,
    organization: OrganizationId,
    agent: &Agent,
    name_key: &str,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into agents (id, organization, name, name_key, owner, is_default, created_at, created_by) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        agent.id,
        organization,
        &agent.name,
        name_key,
        agent.owner,
        agent.owner.is_some(),
        agent.created_at,
        agent.created_by
    )?;
    Ok(())
}

pub(super) async fn rename(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: AgentId,
    name: &str,
    name_key: &str,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update agents set name = $3, name_key = $4 where organization = $1 and id = $2",
        organization,
        id,
        name,
        name_key
    )?;
    Ok(())
}

pub(super) async fn set_archived(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: AgentId,
    at: Option<Timestamp>,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update agents set archived_at = $3 where organization = $1 and id = $2",
        organization,
        id,
        at
    )?;
    Ok(())
}

pub(super) async fn list(
    on: &mut impl Lends,
    organization: OrganizationId,
    pattern: &str,
    archived: bool,
    place: Option<&Place>,
    limit: usize,
    now: Timestamp,
) -> sqlx::Result<Vec<Listed>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let from = place.cloned().unwrap_or_default();
    match from.backwards {
        false => fetch_all!(
            on,
            Listed,
            listed!(
                r"(g.archived_at is not null) = $3 and g.name_key like $4 escape '\' and (g.name_key, g.id) > ($5, $6) order by g.name_key, g.id limit $7"
            ),
            organization,
            now,
            archived,
            pattern,
            &from.key,
            &from.id,
            limit
        ),
        true => fetch_all!(
            on,
            Listed,
            listed!(
                r"(g.archived_at is not null) = $3 and g.name_key like $4 escape '\' and (g.name_key, g.id) < ($5, $6) order by g.name_key desc, g.id desc limit $7"
            ),
            organization,
            now,
            archived,
            pattern,
            &from.key,
            &from.id,
            limit
        ),
    }
}

pub(super) async fn one(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: AgentId,
    now: Timestamp,
) -> sqlx::Result<Option<Listed>> {
    fetch_optional!(on, Listed, listed!("g.id = $3"), organization, now, id)
}

pub(super) async fn choices(
    on: &mut impl Lends,
    organization: OrganizationId,
    limit: usize,
) -> sqlx::Result<Vec<(AgentId, String)>> {
    fetch_all!(
        on,
        (AgentId, String),
        "select id, name from agents where organization = $1 and owner is null and archived_at is null \
         order by name_key, id limit $2",
        organization,
        i64::try_from(limit).unwrap_or(i64::MAX)
    )
}

pub(super) async fn answered_for(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Vec<(AgentId, String)>> {
    fetch_all!(
        on,
        (AgentId, String),
        "select id, name from agents where organization = $1 and created_by = $2 and owner is null \
         and archived_at is null order by name_key, id",
        organization,
        user
    )
}

pub(super) async fn hand_over(
    on: &mut impl Lends,
    organization: OrganizationId,
    leaver: UserId,
    heir: UserId,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update agents set created_by = $3 where organization = $1 and created_by = $2 and owner is null \
         and archived_at is null",
        organization,
        leaver,
        heir
    )?;
    Ok(())
}

pub(super) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    execute!(on, "delete from agents where organization = $1", organization)?;
    Ok(())
}
