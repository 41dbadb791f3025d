//! Teams: members under a slug, with maintainers, and what access is granted to (R9, A12).

mod editing;
mod list;
mod members;
mod pasted;
mod sql;

use std::collections::HashMap;

pub use self::editing::{Deletion, Grant, change, create, delete, deletion, rewrite, suggestion};
pub use self::list::{Listed, list};
pub use self::members::{
    Candidate, Candidates, MemberPage, Removal, TeamMember, candidates, members, removal, remove,
    set_maintainer,
};
pub(crate) use self::members::{add, join_invited, leave_all, put};
pub(crate) use self::pasted::add_pasted;
pub use self::pasted::{Added, Line, Outcome};
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Denied, Role};
use crate::domain::users::MemberError;
use crate::domain::values::Handle;
use crate::ids::{OrganizationId, TeamId, UserId};
use crate::storage::{Db, Lends};

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Team {
    pub id: TeamId,
    pub slug: String,
    pub name: String,
    /// How many are in it. Kept by whoever adds or removes someone.
    pub people: i64,
    pub created_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum TeamError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("There is no such team, or nobody like this in it.")]
    NotFound,
    #[error("Another team is called {0} already. Choose another slug.")]
    SlugTaken(Handle),
    #[error("Resources are granted to this team by its slug, so that it stays as it is.")]
    SlugInUse,
    #[error("{0} is an Auditor, who only reads. An Auditor can't be a maintainer.")]
    Auditor(String),
    #[error("{0} maintains this team. Only an Owner or Admin removes a maintainer.")]
    Maintainer(String),
    #[error("Choose at least one person.")]
    Nobody,
    #[error("Paste at least one address.")]
    NoAddress,
    #[error("At most 200 people are added at once.")]
    TooMany,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for TeamError {
    fn from(error: MemberError) -> TeamError {
        match error {
            MemberError::Database(error) => error.into(),
            MemberError::NotFound => TeamError::NotFound,
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

/// All teams of an organization, by name. Who may see them is the caller's to check.
pub(crate) async fn all(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Vec<Team>> {
    sql::all(on, organization).await
}

/// The first teams by name, for a choice that is only offered where there are few.
pub async fn first(db: &Db, actor: &Actor, limit: i64) -> Result<Vec<Team>, TeamError> {
    actor.may(Capability::ReadTeams)?;
    Ok(sql::first(&mut db.read().await?, actor.organization, limit).await?)
}

/// A team by its slug, for whoever may see teams.
pub async fn find(db: &Db, actor: &Actor, slug: &str) -> Result<Team, TeamError> {
    actor.may(Capability::ReadTeams)?;
    by_slug(&mut db.read().await?, actor.organization, slug).await
}

/// The same, whoever asks.
pub(crate) async fn by_slug(
    on: &mut impl Lends,
    organization: OrganizationId,
    slug: &str,
) -> Result<Team, TeamError> {
    sql::by_slug(on, organization, slug).await?.ok_or(TeamError::NotFound)
}

/// Those of these ids that are teams of the organization, by name: what a team's id says once it is deleted is
/// nothing (A12).
pub async fn named(
    on: &mut impl Lends,
    organization: OrganizationId,
    ids: &[TeamId],
) -> sqlx::Result<Vec<Team>> {
    if ids.is_empty() { Ok(Vec::new()) } else { sql::named(on, organization, ids).await }
}

/// The teams that some people are in, each by name: one question for a page of them. Who may know is the caller's
/// to check.
pub async fn of_people(
    on: &mut impl Lends,
    organization: OrganizationId,
    people: &[UserId],
) -> sqlx::Result<Vec<Membership>> {
    if people.is_empty() { Ok(Vec::new()) } else { sql::of_people(on, organization, people).await }
}

/// The names of these teams alone, by person: a list of people brings a row of them for each, and not one a team.
pub async fn names_of(
    on: &mut impl Lends,
    organization: OrganizationId,
    people: &[UserId],
) -> sqlx::Result<HashMap<UserId, Vec<String>>> {
    if people.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sql::names_of(on, organization, people).await?;
    Ok(rows.into_iter().map(|(user, names)| (user, names.0)).collect())
}

/// That somebody is in a team.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Membership {
    pub user_id: UserId,
    pub slug: String,
    pub name: String,
    pub maintainer: bool,
}

/// R9: whether somebody adds people to a team and removes them: whoever manages teams, and its maintainers.
pub(crate) async fn may_manage(on: &mut impl Lends, actor: &Actor, team: TeamId) -> Result<(), TeamError> {
    if actor.may(Capability::ManageTeams).is_ok() || maintains(on, actor, team).await? {
        return Ok(());
    }
    Err(Denied.into())
}

/// Whether somebody is a maintainer of a team. An Auditor never is, whatever they were before.
pub async fn maintains(on: &mut impl Lends, actor: &Actor, team: TeamId) -> sqlx::Result<bool> {
    Ok(actor.role != Role::Auditor && sql::maintains(on, actor.organization, team, actor.person.user).await?)
}

/// The same of the team that an address names, for the gate. One that is not there has no maintainer, and for those
/// who manage teams that is the page's to say.
pub(crate) async fn opens(on: &mut impl Lends, actor: &Actor, slug: &str) -> sqlx::Result<bool> {
    if actor.may(Capability::ManageTeams).is_ok() {
        return Ok(true);
    }
    match sql::by_slug(on, actor.organization, slug).await? {
        Some(team) => maintains(on, actor, team.id).await,
        None => Ok(false),
    }
}

/// Drops everything about teams of an organization that is erased (R12).
pub(crate) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase(on, organization).await
}
