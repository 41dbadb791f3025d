//! Inviting somebody as a plain Member into a team, by its maintainer (R9).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::app::Shared;
use crate::domain::invitations::{self, InviteError, Invitee};
use crate::domain::teams;
use crate::domain::values::{Email, Note};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::Result;
use crate::web::forms::{Field, Form};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::pages::invitations::refused;
use crate::web::session;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    email: String,
    note: String,
}

struct TeamInvite {
    action: String,
    back: String,
    team: String,
    organization: String,
    email: Field,
    note: Field,
}

#[derive(Template)]
#[template(path = "teams/invite.html")]
struct InvitePage {
    chrome: Chrome,
    form: TeamInvite,
}

#[derive(Template)]
#[template(path = "teams/_invite.html")]
struct InviteDialog {
    form: TeamInvite,
}

async fn form_of(app: &Shared, inside: &Inside, slug: &str, typed: &Typed) -> Result<TeamInvite> {
    let team = teams::find(&app.db, &inside.actor, slug).await?;
    let back = inside.path(&format!("teams/{}", team.slug));
    Ok(TeamInvite {
        action: format!("{back}/invite"),
        back,
        team: team.name,
        organization: inside.organization.name.clone(),
        email: Field::new(&typed.email),
        note: Field::new(&typed.note),
    })
}

fn show_form(inside: Inside, context: &Context, status: StatusCode, mut form: TeamInvite) -> Response {
    Field::focus_first([&mut form.email, &mut form.note]);
    match context.fragment {
        true => html::page_with(status, &InviteDialog { form }),
        false => html::page_with(status, &InvitePage { chrome: inside.chrome, form }),
    }
}

pub async fn invite_form(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, slug)): Path<(String, String)>,
) -> Result {
    let form = form_of(&app, &inside, &slug, &Typed::default()).await?;
    Ok(show_form(inside, &context, StatusCode::OK, form))
}

pub async fn invite(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, slug)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result {
    const WRONG: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
    let mut form = form_of(&app, &inside, &slug, &typed).await?;
    let (email, note) = (form.email.parse::<Email>(), form.note.parse::<Note>());
    let Some((email, note)) = email.zip(note) else {
        return Ok(show_form(inside, &context, WRONG, form));
    };
    let invitee = Invitee { email, name: String::new() };
    match invitations::invite_into(&app, &inside.actor, &slug, &invitee, note).await {
        Ok(invitation) => {
            let response = html::go(context.fragment, &form.back);
            let text = format!("{} is invited as a Member, into {}", invitation.email, form.team);
            Ok(session::with_flash(&app, response, &text))
        }
        Err(error @ (InviteError::AlreadyMember | InviteError::Suspended | InviteError::AlreadyInvited)) => {
            form.email.note::<()>(Err(error));
            Ok(show_form(inside, &context, WRONG, form))
        }
        Err(error) => Err(refused(error)),
    }
}
