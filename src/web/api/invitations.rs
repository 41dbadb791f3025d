//! `/v1/invitations`: what is pending. `POST /v1/users/invite` makes them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::codes::{DeliveryCode, RoleCode};
use super::problem::Result;
use super::query::{Asked, id};
use super::reply::{self, Page, Paged, Paging, json};
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::domain::access::Actor;
use crate::domain::invitations::{self, Listed};
use crate::domain::teams::{self, Team};
use crate::ids::{InvitationId, TeamId};
use crate::mail::Delivery;
use crate::web::gate::Acting;

/// A pending invitation. Its link is in the mail alone.
#[derive(Serialize, ToSchema)]
pub struct Invitation {
    #[schema(format = "uuid", example = "019a9d1e-7d06-7c3a-9a5b-6f1f2f6c1c22")]
    id: String,
    #[schema(format = "email", example = "rui.sousa@halden.example")]
    email: String,
    #[schema(value_type = RoleCode)]
    role: &'static str,
    /// The slugs of the teams that they come to be in.
    #[schema(example = json!(["support"]))]
    teams: Vec<String>,
    note: String,
    /// When the membership will end by itself; null if it will not.
    #[schema(required = true, format = DateTime)]
    ends_at: Option<String>,
    /// Whose right to give the role it stands on.
    inviter: Inviter,
    #[schema(format = DateTime)]
    sent_at: String,
    /// Until when the link works.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Whether it can be accepted: it has not expired, and the inviter could still give the role.
    valid: bool,
    #[schema(value_type = DeliveryCode)]
    delivery: &'static str,
}

/// Who sent an invitation.
#[derive(Serialize, ToSchema)]
pub struct Inviter {
    #[schema(format = "uuid")]
    id: String,
    #[schema(example = "Amara Okafor")]
    name: String,
}

impl Invitation {
    fn of(listed: Listed, teams: &[Team], now: Timestamp) -> Invitation {
        let Listed { invitation, inviter_name, grantable, delivery, .. } = listed;
        let given = invitation.teams();
        let given = teams.iter().filter(|team| given.contains(&team.id));
        Invitation {
            id: invitation.id.to_string(),
            role: invitation.role.code(),
            teams: given.map(|team| team.slug.clone()).collect(),
            ends_at: invitation.membership_ends_at.map(Timestamp::rfc3339),
            inviter: Inviter { id: invitation.inviter.to_string(), name: inviter_name },
            sent_at: invitation.sent_at.rfc3339(),
            expires_at: invitation.expires_at.rfc3339(),
            valid: grantable && !invitation.has_expired(now),
            delivery: match delivery {
                Delivery::Queued => "queued",
                Delivery::Retrying(_) => "retrying",
                Delivery::Sent => "sent",
                Delivery::Failed(_) => "failed",
            },
            email: invitation.email,
            note: invitation.note,
        }
    }
}

/// With the teams that they give: one question for all of them.
async fn with_teams(app: &Shared, actor: &Actor, listed: Vec<Listed>) -> Result<Vec<Invitation>> {
    let mut ids: Vec<TeamId> = listed.iter().flat_map(|listed| listed.invitation.teams()).collect();
    ids.sort_unstable();
    ids.dedup();
    let teams = teams::named(&mut app.db.read().await?, actor.organization, &ids).await?;
    let now = app.db.now();
    Ok(listed.into_iter().map(|listed| Invitation::of(listed, &teams, now)).collect())
}

async fn one(app: &Shared, actor: &Actor, id: InvitationId) -> Result<Vec<Invitation>> {
    let listed = invitations::find(&app.db, actor, id).await?;
    with_teams(app, actor, vec![listed]).await
}

/// The answer to an invitation that was just made.
pub async fn created(app: &Shared, actor: &Actor, id: InvitationId) -> Result {
    let path = format!("/v1/invitations/{id}");
    Ok(reply::created(&path, &one(app, actor, id).await?.first()))
}

/// List the pending invitations
///
/// The newest first. Those that have expired are in it until somebody is invited anew or revokes them.
#[utoipa::path(get, path = "/v1/invitations", operation_id = "listInvitations", tag = "Invitations", params(Paged),
    responses((status = 200, description = "A page of invitations", body = Page<Invitation>)))]
pub async fn list(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    paging: Paging,
    asked: Asked,
) -> Result {
    asked.done()?;
    let before = paging.cursor(|text| text.parse::<InvitationId>().ok())?;
    let page = invitations::list(&app.db, &actor, before, paging.limit()).await?;
    let next = page.invitations.last().filter(|_| page.older).map(|listed| listed.invitation.id.to_string());
    Ok(paging.page(with_teams(&app, &actor, page.invitations).await?, next))
}

/// Look at a pending invitation
#[utoipa::path(get, path = "/v1/invitations/{id}", operation_id = "getInvitation", tag = "Invitations",
    params(("id" = String, Path, description = "The invitation's id", format = "uuid")),
    responses((status = 200, description = "The invitation", body = Invitation)))]
pub async fn show(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(invitation): Path<String>,
) -> Result {
    Ok(json(StatusCode::OK, &one(&app, &actor, id(&invitation)?).await?.first()))
}

/// Send an invitation again
///
/// With a new link, for another seven days. The links before it stop working.
#[utoipa::path(post, path = "/v1/invitations/{id}/resend", operation_id = "resendInvitation", tag = "Invitations",
    params(("id" = String, Path, description = "The invitation's id", format = "uuid")),
    responses((status = 200, description = "The invitation, with its new end", body = Invitation),
        (status = 403, description = "`beyond-key`: it is for an Owner or Admin"),
        (status = 409, description = "`would-have-ended`: the membership would end before it begins")))]
pub async fn resend(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(invitation): Path<String>,
) -> Result {
    let sent = invitations::resend(&app, &actor, id(&invitation)?).await?;
    Ok(json(StatusCode::OK, &one(&app, &actor, sent.id).await?.first()))
}

/// Revoke an invitation
///
/// Its links stop working at once.
#[utoipa::path(delete, path = "/v1/invitations/{id}", operation_id = "revokeInvitation", tag = "Invitations",
    params(("id" = String, Path, description = "The invitation's id", format = "uuid")),
    responses((status = 204, description = "It is revoked"),
        (status = 403, description = "`beyond-key`: it is for an Owner or Admin")))]
pub async fn revoke(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(invitation): Path<String>,
) -> Result {
    invitations::revoke(&app, &actor, id(&invitation)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
