//! Making, renaming and deleting teams.

use super::{Team, TeamError, by_slug, sql};
use crate::app::App;
use crate::domain::access::{Actor, Capability};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::users;
use crate::domain::values::{Handle, TeamName, folded};
use crate::ids::{OrganizationId, TeamId};
use crate::storage::{Change, Db, Lends};

/// The slug that a name suggests, with a number if another team has it.
pub async fn suggestion(db: &Db, actor: &Actor, name: &TeamName) -> Result<Handle, TeamError> {
    actor.may(Capability::ManageTeams)?;
    Ok(free_handle(&mut db.read().await?, actor.organization, name).await?)
}

async fn free_handle(
    on: &mut impl Lends,
    organization: OrganizationId,
    name: &TeamName,
) -> sqlx::Result<Handle> {
    let first = Handle::suggested_by(name.as_str(), "team");
    let mut handle = first.clone();
    let mut number = 2;
    // Each further one needs a team of the same name: soon there is none.
    while sql::by_slug(on, organization, handle.as_str()).await?.is_some() {
        handle = first.numbered(number);
        number += 1;
    }
    Ok(handle)
}

/// Makes a team with nobody in it. Without a slug it gets the one that its name suggests.
pub async fn create(
    app: &App,
    actor: &Actor,
    name: &TeamName,
    slug: Option<&Handle>,
) -> Result<Team, TeamError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageTeams)?;
    let slug = match slug {
        Some(slug) => free(&mut change, actor.organization, slug, None).await?,
        None => free_handle(&mut change, actor.organization, name).await?,
    };
    let now = change.now();
    let team = Team {
        id: TeamId::generate(),
        slug: slug.to_string(),
        name: name.to_string(),
        people: 0,
        created_at: now,
    };
    let name_key = folded(&team.name);
    sql::insert(&mut change, actor.organization, &team, &name_key, actor.person.user).await?;
    let entry = Entry::new(Kind::TeamCreated, team.id, &team.name).with("slug", &team.slug);
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(team)
}

async fn free(
    change: &mut Change,
    organization: OrganizationId,
    slug: &Handle,
    own: Option<TeamId>,
) -> Result<Handle, TeamError> {
    match sql::by_slug(change, organization, slug.as_str()).await? {
        Some(other) if Some(other.id) != own => Err(TeamError::SlugTaken(slug.clone())),
        _ => Ok(slug.clone()),
    }
}

/// Gives a team another name. Its slug stays, unless another one is given, and that only as long as no resource
/// is granted to the team: definitions name it by its slug.
pub async fn change(
    app: &App,
    actor: &Actor,
    slug: &str,
    name: &TeamName,
    new_slug: Option<&Handle>,
) -> Result<Team, TeamError> {
    rewrite(app, actor, slug, Some(name), new_slug).await
}

/// The same, where the name may stay too.
pub async fn rewrite(
    app: &App,
    actor: &Actor,
    slug: &str,
    name: Option<&TeamName>,
    new_slug: Option<&Handle>,
) -> Result<Team, TeamError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageTeams)?;
    let team = by_slug(&mut change, actor.organization, slug).await?;
    let name = name.map_or(team.name.as_str(), TeamName::as_str);
    let mut entry = Entry::new(Kind::TeamChanged, team.id, name);
    let mut changed = Team { name: name.to_owned(), ..team.clone() };
    if let Some(new) = new_slug.filter(|new| new.as_str() != team.slug) {
        if sql::is_granted(&mut change, team.id).await? {
            return Err(TeamError::SlugInUse);
        }
        changed.slug = free(&mut change, actor.organization, new, Some(team.id)).await?.to_string();
        entry = entry.changed("slug", &team.slug, &changed.slug);
    }
    if changed.name != team.name {
        entry = entry.changed("name", &team.name, &changed.name);
    }
    if changed == team {
        return Ok(team);
    }
    sql::update(&mut change, &changed, &folded(&changed.name)).await?;
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(changed)
}

/// A resource that is granted to a team.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Grant {
    pub key: String,
    pub name: String,
    pub environment: String,
}

/// What deleting a team would end (V4).
#[derive(Debug)]
pub struct Deletion {
    pub team: Team,
    /// What is granted to it, by name: its members have that no longer, unless something else gives it to them.
    pub grants: Vec<Grant>,
    /// Pending invites that would bring people into it, and don't any more.
    pub invitations: i64,
    /// Whether something is granted to it, so that its slug stays.
    pub is_granted: bool,
}

/// What the teams of an invitation are like that name a team.
fn naming(team: TeamId) -> String {
    users::containing(&team.to_string())
}

pub async fn deletion(db: &Db, actor: &Actor, slug: &str) -> Result<Deletion, TeamError> {
    actor.may(Capability::ManageTeams)?;
    let mut reader = db.read().await?;
    let team = by_slug(&mut reader, actor.organization, slug).await?;
    let grants = sql::grants(&mut reader, team.id).await?;
    let invitations = sql::invitations_into(&mut reader, actor.organization, &naming(team.id)).await?;
    Ok(Deletion { is_granted: !grants.is_empty(), team, grants, invitations })
}

/// Deletes a team, and with it who is in it and what is granted to it. Another team under its slug has nothing of
/// that (A12).
pub async fn delete(app: &App, actor: &Actor, slug: &str) -> Result<Deletion, TeamError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageTeams)?;
    let team = by_slug(&mut change, actor.organization, slug).await?;
    let grants = sql::grants(&mut change, team.id).await?;
    let people = sql::people(&mut change, team.id).await?;
    let invitations = sql::invitations_into(&mut change, actor.organization, &naming(team.id)).await?;
    // A row for each, so that whoever asks about a person finds it.
    let gone = people
        .iter()
        .map(|(user, name)| Entry::new(Kind::TeamMemberRemoved, user, name).without("team", &team.name));
    audit::record_all(&mut change, actor.organization, &actor.operator(), gone).await?;
    sql::delete(&mut change, team.id).await?;
    let mut entry = Entry::new(Kind::TeamDeleted, team.id, &team.name)
        .without("slug", &team.slug)
        .without("people", people.len());
    if !grants.is_empty() {
        let keys: Vec<String> =
            grants.iter().map(|grant| format!("{} ({})", grant.key, grant.environment)).collect();
        entry = entry.without("resources", keys.join(", "));
    }
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(Deletion { is_granted: !grants.is_empty(), team, grants, invitations })
}
