//! Agents: machine identities that hold API keys. Shared ones belong to the organization; every developer has one of
//! their own, from their first development key on.

mod sql;

use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Denied, Operator};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::users::{self, MemberError};
use crate::domain::values::{Page, Place, ShortName, folded};
use crate::ids::{AgentId, OrganizationId, UserId};
use crate::storage::{Change, Db, Lends};

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Agent {
    pub id: AgentId,
    pub name: String,
    /// Whose it is, of a developer's own.
    pub owner: Option<UserId>,
    pub created_at: Timestamp,
    /// Who answers for a shared one.
    pub created_by: Option<UserId>,
    pub archived_at: Option<Timestamp>,
}

/// An agent in a list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Listed {
    #[sqlx(flatten)]
    pub agent: Agent,
    pub owner_name: Option<String>,
    pub created_by_name: Option<String>,
    /// How many of its keys are neither revoked nor over.
    pub keys: i64,
    pub last_used_at: Option<Timestamp>,
}

#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("There is no such agent in this organization.")]
    NotFound,
    #[error("Another shared agent is called {0} already. Choose another name.")]
    NameTaken(ShortName),
    #[error("This agent is a developer’s own: it goes with them.")]
    Personal,
    #[error("This agent is archived.")]
    Archived,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for AgentError {
    fn from(error: MemberError) -> AgentError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

/// A shared agent of an organization by its name; a new one, where there is none of it.
pub(crate) async fn named(
    change: &mut Change,
    organization: OrganizationId,
    name: &ShortName,
    operator: &Operator,
) -> sqlx::Result<AgentId> {
    if let Some(found) = sql::of_name(change, organization, &folded(name.as_str())).await? {
        return Ok(found);
    }
    insert(change, organization, name.as_str(), None, operator).await
}

/// A shared agent that is in use.
pub(crate) async fn shared(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: AgentId,
) -> sqlx::Result<Option<Agent>> {
    let found = sql::find(on, organization, id).await?;
    Ok(found.filter(|agent| agent.owner.is_none() && agent.archived_at.is_none()))
}

pub(crate) async fn find(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: AgentId,
) -> sqlx::Result<Option<Agent>> {
    sql::find(on, organization, id).await
}

/// A developer's own agent, named after them: made when it is first needed, and taken back into use for whoever comes
/// back.
pub(crate) async fn default_of(
    change: &mut Change,
    organization: OrganizationId,
    user: UserId,
    name: &str,
    operator: &Operator,
) -> sqlx::Result<(AgentId, String)> {
    let found = sql::default_of(change, organization, user).await?;
    let Some(agent) = found else {
        let name: String = name.chars().take(40).collect();
        let id = insert(change, organization, &name, Some(user), operator).await?;
        return Ok((id, name));
    };
    if agent.archived_at.is_some() {
        sql::set_archived(change, organization, agent.id, None).await?;
        let entry = Entry::new(Kind::AgentAdded, agent.id, &agent.name);
        audit::record(change, organization, operator, entry).await?;
    }
    Ok((agent.id, agent.name))
}

async fn insert(
    change: &mut Change,
    organization: OrganizationId,
    name: &str,
    owner: Option<UserId>,
    operator: &Operator,
) -> sqlx::Result<AgentId> {
    let now = change.now();
    let agent = Agent {
        id: AgentId::generate(),
        name: name.to_owned(),
        owner,
        created_at: now,
        created_by: operator.user,
        archived_at: None,
    };
    sql::insert(change, organization, &agent, &folded(name)).await?;
    audit::record(change, organization, operator, Entry::new(Kind::AgentAdded, agent.id, name)).await?;
    Ok(agent.id)
}

/// Adds a shared agent.
pub async fn create(app: &App, actor: &Actor, name: &ShortName) -> Result<AgentId, AgentError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageLiveKeys)?;
    if sql::of_name(&mut change, actor.organization, &folded(name.as_str())).await?.is_some() {
        return Err(AgentError::NameTaken(name.clone()));
    }
    let id = insert(&mut change, actor.organization, name.as_str(), None, &actor.operator()).await?;
    change.commit().await?;
    Ok(id)
}

/// A shared agent that may be changed.
pub(crate) async fn changeable(on: &mut impl Lends, actor: &Actor, id: AgentId) -> Result<Agent, AgentError> {
    actor.may(Capability::ManageLiveKeys)?;
    let agent = sql::find(on, actor.organization, id).await?.ok_or(AgentError::NotFound)?;
    match agent {
        Agent { owner: Some(_), .. } => Err(AgentError::Personal),
        Agent { archived_at: Some(_), .. } => Err(AgentError::Archived),
        agent => Ok(agent),
    }
}

pub async fn rename(app: &App, actor: &Actor, id: AgentId, name: &ShortName) -> Result<(), AgentError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let agent = changeable(&mut change, actor, id).await?;
    if agent.name == name.as_str() {
        return Ok(());
    }
    let key = folded(name.as_str());
    if sql::of_name(&mut change, actor.organization, &key).await?.is_some_and(|other| other != id) {
        return Err(AgentError::NameTaken(name.clone()));
    }
    sql::rename(&mut change, actor.organization, id, name.as_str(), &key).await?;
    let entry = Entry::new(Kind::AgentChanged, id, name).changed("name", &agent.name, name);
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(())
}

/// Marks an agent as archived, with its row. Its keys are the caller's to end.
pub(crate) async fn set_archived(
    change: &mut Change,
    organization: OrganizationId,
    agent: &Agent,
    operator: &Operator,
) -> sqlx::Result<()> {
    let now = change.now();
    sql::set_archived(change, organization, agent.id, Some(now)).await?;
    audit::record(change, organization, operator, Entry::new(Kind::AgentArchived, agent.id, &agent.name))
        .await
}

/// A page of the organization's agents by name, of those in use or of the archived ones.
pub async fn list(
    db: &Db,
    actor: &Actor,
    search: &str,
    archived: bool,
    place: Option<&Place>,
    limit: usize,
) -> Result<Page<Listed>, AgentError> {
    actor.may(Capability::ReadAgents)?;
    let pattern = users::containing(&folded(search.trim()));
    let now = db.now();
    let organization = actor.organization;
    let rows =
        sql::list(&mut db.read().await?, organization, &pattern, archived, place, limit + 1, now).await?;
    Ok(Page::of(rows, place, limit, |row, backwards| Place::at(&row.agent.name, row.agent.id, backwards)))
}

/// One agent, for whoever sees agents.
pub async fn one(db: &Db, actor: &Actor, id: AgentId) -> Result<Listed, AgentError> {
    actor.may(Capability::ReadAgents)?;
    let found = sql::one(&mut db.read().await?, actor.organization, id, db.now()).await?;
    found.ok_or(AgentError::NotFound)
}

/// Shared agents by name, for a form's choice.
pub async fn choices(db: &Db, actor: &Actor, limit: usize) -> Result<Vec<(AgentId, String)>, AgentError> {
    actor.may(Capability::ReadAgents)?;
    Ok(sql::choices(&mut db.read().await?, actor.organization, limit).await?)
}

/// The names of the shared agents that somebody answers for.
pub(crate) async fn answered_for(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Vec<(AgentId, String)>> {
    sql::answered_for(on, organization, user).await
}

/// Hands a leaver's shared agents to the heir, and archives their own, whose keys have ended.
pub(crate) async fn settle(
    change: &mut Change,
    organization: OrganizationId,
    leaver: UserId,
    name: &str,
    heir: Option<(UserId, &str)>,
    operator: &Operator,
) -> sqlx::Result<()> {
    if let Some(own) =
        sql::default_of(change, organization, leaver).await?.filter(|own| own.archived_at.is_none())
    {
        set_archived(change, organization, &own, operator).await?;
    }
    let Some((heir, heir_name)) = heir else { return Ok(()) };
    for (id, agent) in sql::answered_for(change, organization, leaver).await? {
        let entry = Entry::new(Kind::AgentHandedOver, id, agent).changed("answers for it", name, heir_name);
        audit::record(change, organization, operator, entry).await?;
    }
    sql::hand_over(change, organization, leaver, heir).await
}

/// Drops the agents of an organization that is erased (R12), after their keys.
pub(crate) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase(on, organization).await
}
