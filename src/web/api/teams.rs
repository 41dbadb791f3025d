//! `/v1/teams`: teams, and who is in them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::body::{Json, Parsed, body};
use super::codes::{RoleCode, StateCode};
use super::problem::Result;
use super::query::{Asked, id};
use super::reply::{self, Page, Paged, Paging, json};
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::domain::resources::joining;
use crate::domain::teams::{self, TeamMember};
use crate::domain::values::{Handle, Place, TeamName};
use crate::web::gate::Acting;

/// A team.
#[derive(Serialize, ToSchema)]
pub struct Team {
    /// What it is called in paths and in definitions.
    #[schema(example = "support")]
    slug: String,
    #[schema(example = "Support")]
    name: String,
    /// How many people are in it.
    people: i64,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<teams::Team> for Team {
    fn from(team: teams::Team) -> Team {
        Team { slug: team.slug, name: team.name, people: team.people, created_at: team.created_at.rfc3339() }
    }
}

/// Which of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "these are the document's words for what `Asked` takes")]
pub struct TeamFilter {
    /// A part of a name or a slug.
    #[param(max_length = 200)]
    q: Option<String>,
}

/// List the teams
///
/// By name.
#[utoipa::path(get, path = "/v1/teams", operation_id = "listTeams", tag = "Teams", params(Paged, TeamFilter),
    responses((status = 200, description = "A page of teams", body = Page<Team>)))]
pub async fn list(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    paging: Paging,
    mut asked: Asked,
) -> Result {
    let search = asked.search("q");
    let place = paging.cursor(Place::decode)?;
    asked.done()?;
    let page = teams::list(&app.db, &actor, &search, place.as_ref(), paging.limit()).await?;
    let next = page.next.as_ref().map(Place::encode);
    let rows: Vec<Team> = page.rows.into_iter().map(|listed| listed.team.into()).collect();
    Ok(paging.page(rows, next))
}

body! {
    /// A team to be made.
    pub struct NewTeam {
        #[schema(value_type = String, min_length = 1, max_length = 60, example = "Night shift")]
        pub name: Parsed<TeamName>,
        /// Without one, the one that the name suggests.
        #[schema(value_type = Option<String>, max_length = 40, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", example = "night-shift")]
        pub slug: Option<Parsed<Handle>>,
    }
}

/// Make a team
///
/// Nobody is in it yet.
#[utoipa::path(post, path = "/v1/teams", operation_id = "createTeam", tag = "Teams", request_body = NewTeam,
    responses((status = 201, description = "The team", body = Team),
        (status = 409, description = "`slug-taken`: another team has this slug")))]
pub async fn create(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Json(asked): Json<NewTeam>,
) -> Result {
    let slug = asked.slug.map(|Parsed(slug)| slug);
    let team = teams::create(&app, &actor, &asked.name.0, slug.as_ref()).await?;
    let path = format!("/v1/teams/{}", team.slug);
    Ok(reply::created(&path, &Team::from(team)))
}

/// Look at a team
#[utoipa::path(get, path = "/v1/teams/{slug}", operation_id = "getTeam", tag = "Teams",
    params(("slug" = String, Path, description = "The team's slug", example = "support")),
    responses((status = 200, description = "The team", body = Team)))]
pub async fn show(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(slug): Path<String>,
) -> Result {
    let team = teams::find(&app.db, &actor, &slug).await?;
    Ok(json(StatusCode::OK, &Team::from(team)))
}

body! {
    /// What changes of a team; what is left out stays.
    pub struct TeamChange {
        #[schema(value_type = Option<String>, min_length = 1, max_length = 60, example = "Night shift")]
        pub name: Option<Parsed<TeamName>>,
        /// Only as long as no resource is granted to the team: definitions name it by its slug.
        #[schema(value_type = Option<String>, max_length = 40, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", example = "nights")]
        pub slug: Option<Parsed<Handle>>,
    }
}

/// Change a team
#[utoipa::path(patch, path = "/v1/teams/{slug}", operation_id = "changeTeam", tag = "Teams",
    params(("slug" = String, Path, description = "The team's slug", example = "support")), request_body = TeamChange,
    responses((status = 200, description = "The team as it is now", body = Team),
        (status = 409, description = "`slug-taken`, `slug-in-use`")))]
pub async fn change(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(slug): Path<String>,
    Json(asked): Json<TeamChange>,
) -> Result {
    let name = asked.name.map(|Parsed(name)| name);
    let new_slug = asked.slug.map(|Parsed(slug)| slug);
    let team = teams::rewrite(&app, &actor, &slug, name.as_ref(), new_slug.as_ref()).await?;
    Ok(json(StatusCode::OK, &Team::from(team)))
}

/// Delete a team
///
/// What is granted to it ends. A team that is made anew under its slug has nothing of it.
#[utoipa::path(delete, path = "/v1/teams/{slug}", operation_id = "deleteTeam", tag = "Teams",
    params(("slug" = String, Path, description = "The team's slug", example = "support")),
    responses((status = 204, description = "It is deleted")))]
pub async fn delete(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(slug): Path<String>,
) -> Result {
    teams::delete(&app, &actor, &slug).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Somebody in a team.
#[derive(Serialize, ToSchema)]
pub struct TeamMembership {
    /// The user's id.
    #[schema(format = "uuid", example = "019a9d1e-7d06-7c3a-9a5b-6f1f2f6c1c11")]
    id: String,
    #[schema(example = "Dana Kovač")]
    name: String,
    #[schema(format = "email", example = "dana.kovac@halden.example")]
    email: String,
    #[schema(value_type = RoleCode)]
    role: &'static str,
    #[schema(value_type = StateCode)]
    state: &'static str,
    /// Whether they add people to the team and remove them.
    maintainer: bool,
    #[schema(format = DateTime)]
    added_at: String,
}

impl From<TeamMember> for TeamMembership {
    fn from(member: TeamMember) -> TeamMembership {
        TeamMembership {
            id: member.user_id.to_string(),
            name: member.name,
            email: member.email,
            role: member.role.code(),
            state: member.state.code(),
            maintainer: member.maintainer,
            added_at: Timestamp::rfc3339(member.added_at),
        }
    }
}

/// List a team's members
///
/// By name.
#[utoipa::path(get, path = "/v1/teams/{slug}/members", operation_id = "listTeamMembers", tag = "Teams",
    params(("slug" = String, Path, description = "The team's slug", example = "support"), Paged),
    responses((status = 200, description = "A page of its members", body = Page<TeamMembership>)))]
pub async fn members(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(slug): Path<String>,
    paging: Paging,
    asked: Asked,
) -> Result {
    asked.done()?;
    let place = paging.cursor(Place::decode)?;
    let found = teams::members(&app.db, &actor, &slug, place.as_ref(), paging.limit()).await?;
    let next = found.page.next.as_ref().map(Place::encode);
    let rows: Vec<TeamMembership> = found.page.rows.into_iter().map(TeamMembership::from).collect();
    Ok(paging.page(rows, next))
}

body! {
    /// As what somebody is in a team.
    pub struct NewTeamMembership {
        /// Whether they maintain it. Left out, it stays as it is; at first they don't.
        pub maintainer: Option<bool>,
    }
}

/// Put a user into a team
///
/// Whoever is in it already stays, and becomes what is said. The same again changes nothing.
#[utoipa::path(put, path = "/v1/teams/{slug}/members/{id}", operation_id = "putTeamMember", tag = "Teams",
    params(("slug" = String, Path, description = "The team's slug", example = "support"),
        ("id" = String, Path, description = "The user's id", format = "uuid")),
    request_body = NewTeamMembership,
    responses((status = 200, description = "They were in it already", body = TeamMembership),
        (status = 201, description = "They are in it now", body = TeamMembership),
        (status = 409, description = "`auditor`: an Auditor maintains no team")))]
pub async fn put_member(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path((slug, user)): Path<(String, String)>,
    Json(asked): Json<NewTeamMembership>,
) -> Result {
    let (member, is_new) = joining::put_in_team(&app, &actor, &slug, id(&user)?, asked.maintainer).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json(status, &TeamMembership::from(member)))
}

/// Take a user out of a team
///
/// What they had through it is gone on their next request.
#[utoipa::path(delete, path = "/v1/teams/{slug}/members/{id}", operation_id = "removeTeamMember", tag = "Teams",
    params(("slug" = String, Path, description = "The team's slug", example = "support"),
        ("id" = String, Path, description = "The user's id", format = "uuid")),
    responses((status = 204, description = "They are out of it")))]
pub async fn remove_member(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path((slug, user)): Path<(String, String)>,
) -> Result {
    teams::remove(&app, &actor, &slug, id(&user)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
