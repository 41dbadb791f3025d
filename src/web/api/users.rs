//! `/v1/users`: who is in the organization, and as what (K2).

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::body::{Json, Parsed, body};
use super::codes::{RoleCode, StateCode};
use super::invitations::{Invitation, created};
use super::problem::{Fault, Problem, Result};
use super::query::{Asked, id};
use super::reply::{Page, Paged, Paging, json};
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Role};
use crate::domain::invitations::{self, Fate, Invitee, Terms};
use crate::domain::leaving;
use crate::domain::teams;
use crate::domain::users::{self, Cursor, ListQuery, Listed, Member, Sort, StateFilter};
use crate::domain::values::{Email, Note};
use crate::ids::{OrganizationId, TeamId, UserId};
use crate::web::gate::Acting;

/// Somebody who is, or was, a member of the organization.
#[derive(Serialize, ToSchema)]
pub struct User {
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
    /// When the membership ends by itself; null if it does not.
    #[schema(required = true, format = DateTime, example = "2027-03-31T22:00:00Z")]
    ends_at: Option<String>,
    #[schema(format = DateTime, example = "2026-11-22T09:00:00Z")]
    joined_at: String,
    #[schema(format = DateTime, example = "2026-11-26T15:41:07Z")]
    last_active_at: String,
    /// Whether they have an authenticator app or a passkey.
    has_factor: bool,
    /// The slugs of the teams that they are in.
    #[schema(example = json!(["support"]))]
    teams: Vec<String>,
}

impl User {
    fn of(member: Listed, teams: Vec<String>) -> User {
        User {
            id: member.user_id.to_string(),
            role: member.role.code(),
            state: member.state.code(),
            ends_at: member.ends_at.map(Timestamp::rfc3339),
            joined_at: member.joined_at.rfc3339(),
            last_active_at: member.last_active_at.rfc3339(),
            has_factor: member.factors.any(),
            name: member.name,
            email: member.email,
            teams,
        }
    }
}

/// With the teams that they are in: one question for all of them.
async fn with_teams(app: &Shared, organization: OrganizationId, members: Vec<Listed>) -> Result<Vec<User>> {
    let ids: Vec<UserId> = members.iter().map(|member| member.user_id).collect();
    let mut of: HashMap<UserId, Vec<String>> = HashMap::new();
    for membership in teams::of_people(&mut app.db.read().await?, organization, &ids).await? {
        of.entry(membership.user_id).or_default().push(membership.slug);
    }
    let user = |member: Listed| {
        let teams = of.remove(&member.user_id).unwrap_or_default();
        User::of(member, teams)
    };
    Ok(members.into_iter().map(user).collect())
}

async fn one(app: &Shared, organization: OrganizationId, member: Member) -> Result {
    let users = with_teams(app, organization, vec![member.into()]).await?;
    let user = users.into_iter().next().ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::OK, &user))
}

/// Which of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "these are the document's words for what `Asked` takes")]
pub struct UserFilter {
    #[param(value_type = Option<RoleCode>)]
    role: Option<String>,
    /// `removed` are past members. Without it, those who are active or suspended.
    #[param(value_type = Option<StateCode>)]
    state: Option<String>,
    /// A part of a name or an address.
    #[param(max_length = 200)]
    q: Option<String>,
}

const STATES: [(&str, StateFilter); 3] = [
    ("active", StateFilter::Active),
    ("suspended", StateFilter::Suspended),
    ("removed", StateFilter::Removed),
];

/// List the users
///
/// By name. Without `state`, whoever is active or suspended.
#[utoipa::path(get, path = "/v1/users", operation_id = "listUsers", tag = "Users", params(Paged, UserFilter),
    responses((status = 200, description = "A page of users", body = Page<User>)))]
pub async fn list(
    State(app): State<Shared>,
    Acting { actor, organization }: Acting,
    paging: Paging,
    mut asked: Asked,
) -> Result {
    let query = ListQuery {
        role: asked.take("role"),
        state: asked.one_of("state", &STATES).unwrap_or_default(),
        search: asked.search("q"),
        cursor: paging.cursor(|text| Cursor::decode(text, Sort::Name))?,
        ..ListQuery::default()
    };
    asked.done()?;
    let found = users::list(&app.db, &actor, &query, paging.limit()).await?;
    let next = found.next.as_ref().map(Cursor::encode);
    Ok(paging.page(with_teams(&app, organization.id, found.members).await?, next))
}

/// Look at a user
#[utoipa::path(get, path = "/v1/users/{id}", operation_id = "getUser", tag = "Users",
    params(("id" = String, Path, description = "The user's id", format = "uuid")),
    responses((status = 200, description = "The user", body = User)))]
pub async fn show(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(user): Path<String>,
) -> Result {
    let member = users::member(&app.db, &actor, id(&user)?).await?;
    one(&app, actor.organization, member).await
}

body! {
    /// Whom to invite, and as what.
    pub struct NewInvitation {
        #[schema(value_type = String, format = "email", max_length = 254, example = "rui.sousa@halden.example")]
        pub email: Parsed<Email>,
        /// Neither `owner` nor `admin`: a key can't give those.
        #[schema(value_type = RoleCode, example = "developer")]
        pub role: Parsed<Role>,
        /// The slugs of the teams that they come to be in.
        #[schema(max_items = 100, example = json!(["support"]))]
        pub teams: Option<Vec<String>>,
        /// A few words for the mail, at most 500 characters.
        #[schema(value_type = Option<String>, max_length = 500, example = "Welcome aboard.")]
        pub note: Option<Parsed<Note>>,
        /// When the membership ends by itself, at most five years ahead.
        #[schema(value_type = Option<String>, format = DateTime, example = "2027-03-31T22:00:00Z")]
        pub ends_at: Option<Parsed<Timestamp>>,
        /// For an `auditor`: whether a second mail without the link asks them to confirm.
        pub notice: Option<bool>,
    }
}

/// The terms, or what is wrong with them, each by its field.
async fn terms(app: &Shared, actor: &Actor, asked: &NewInvitation) -> Result<Terms> {
    let mut faults = Vec::new();
    let ends_at = match &asked.ends_at {
        None => None,
        Some(Parsed(at)) => match users::end_at(*at, app.db.now()) {
            Ok(at) => Some(at),
            Err(why) => {
                faults.push(Fault::new("/ends_at", why.to_string()));
                None
            }
        },
    };
    let slugs = asked.teams.as_deref().unwrap_or_default();
    let known = match slugs {
        [] => Vec::new(),
        _ => teams::first(&app.db, actor, i64::MAX).await?,
    };
    let mut given: Vec<TeamId> = Vec::new();
    for (index, slug) in slugs.iter().enumerate() {
        match known.iter().find(|team| team.slug == *slug) {
            Some(team) => given.push(team.id),
            None => faults.push(Fault::new(format!("/teams/{index}"), "There is no team with this slug.")),
        }
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let note = match &asked.note {
        Some(Parsed(note)) => note.clone(),
        None => "".parse::<Note>().map_err(|_| Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR))?,
    };
    Ok(Terms { role: asked.role.0, note, ends_at, teams: given, notice: asked.notice.unwrap_or_default() })
}

/// Invite somebody
///
/// They get a mail with a link that works once, for seven days.
#[utoipa::path(post, path = "/v1/users/invite", operation_id = "inviteUser", tag = "Users",
    request_body = NewInvitation,
    responses((status = 201, description = "They are invited: the mail is on its way", body = Invitation),
        (status = 403, description = "`beyond-key`: a key invites neither Owners nor Admins"),
        (status = 409, description = "`already-member`, `already-invited`, `suspended`")))]
pub async fn invite(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Json(asked): Json<NewInvitation>,
) -> Result {
    let terms = terms(&app, &actor, &asked).await?;
    let invitee = Invitee { email: asked.email.0, name: String::new() };
    let invitation = invitations::invite(&app, &actor, &invitee, &terms).await?;
    created(&app, &actor, invitation.id).await
}

body! {
    /// Another role.
    pub struct NewRole {
        /// Neither `owner` nor `admin`: a key can't give those.
        #[schema(value_type = RoleCode, example = "reviewer")]
        pub role: Parsed<Role>,
    }
}

/// Change a user's role
///
/// It holds from their next request on. A key changes the role of neither Owners nor Admins.
#[utoipa::path(patch, path = "/v1/users/{id}/role", operation_id = "changeUserRole", tag = "Users",
    params(("id" = String, Path, description = "The user's id", format = "uuid")), request_body = NewRole,
    responses((status = 200, description = "The user, with the role", body = User),
        (status = 403, description = "`beyond-key`: the user is, or would be, an Owner or Admin"),
        (status = 409, description = "`last-owner`, `last-break-glass`, `suspended`")))]
pub async fn change_role(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(user): Path<String>,
    Json(asked): Json<NewRole>,
) -> Result {
    let change = users::change_role(&app, &actor, id(&user)?, asked.role.0).await?;
    one(&app, actor.organization, change.member).await
}

/// Suspend a user
///
/// They keep the membership, and it opens nothing from their next request on.
#[utoipa::path(put, path = "/v1/users/{id}/suspension", operation_id = "suspendUser", tag = "Users",
    params(("id" = String, Path, description = "The user's id", format = "uuid")),
    responses((status = 200, description = "The user, suspended", body = User),
        (status = 403, description = "`beyond-key`: the user is an Owner or Admin"),
        (status = 409, description = "`last-owner`, `yourself`")))]
pub async fn suspend(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(user): Path<String>,
) -> Result {
    let member = users::suspend(&app, &actor, id(&user)?).await?;
    one(&app, actor.organization, member).await
}

/// Reactivate a suspended user
#[utoipa::path(delete, path = "/v1/users/{id}/suspension", operation_id = "reactivateUser", tag = "Users",
    params(("id" = String, Path, description = "The user's id", format = "uuid")),
    responses((status = 200, description = "The user, active", body = User),
        (status = 403, description = "`beyond-key`: the user is an Owner or Admin"),
        (status = 409, description = "`yourself`")))]
pub async fn reactivate(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(user): Path<String>,
) -> Result {
    let member = users::reactivate(&app, &actor, id(&user)?).await?;
    one(&app, actor.organization, member).await
}

/// What becomes of the invitations that they sent.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "these are the document's words for what `Asked` takes")]
pub struct Leaving {
    /// What becomes of the pending invitations that they sent: `revoke`, unless it says `keep`; whoever made the key
    /// answers for those from then on.
    #[param(inline)]
    invitations: Option<Invitations>,
}

/// What becomes of pending invitations.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "these are the document's words for what `Asked` takes")]
pub enum Invitations {
    Keep,
    Revoke,
}

/// Remove a user
///
/// Their access ends with their next request. What they made goes to the Owner who has been one the longest; they leave
/// their teams, their entries end, and their own keys die. Their account and other organizations are not touched.
#[utoipa::path(delete, path = "/v1/users/{id}", operation_id = "removeUser", tag = "Users",
    params(("id" = String, Path, description = "The user's id", format = "uuid"), Leaving),
    responses((status = 204, description = "They are removed"),
        (status = 403, description = "`beyond-key`: the user is an Owner or Admin"),
        (status = 409, description = "`last-owner`, `last-break-glass`, `yourself`")))]
pub async fn remove(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(user): Path<String>,
    mut asked: Asked,
) -> Result {
    let fates = [("keep", Fate::HandOver), ("revoke", Fate::Revoke)];
    let invites = asked.one_of("invitations", &fates).unwrap_or(Fate::Revoke);
    asked.done()?;
    leaving::remove(&app, &actor, id(&user)?, invites, None).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
