//! The page behind an Auditor's separate notice: whether they expected to be one (I1).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::unknown_link;
use crate::app::Shared;
use crate::domain::invitations::{self, AcceptError, Notice, Standing};
use crate::domain::values::TimeZone;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Form, Nothing};
use crate::web::gate::Visitor;
use crate::web::html;

#[derive(Template)]
#[template(path = "notice/show.html")]
struct Page {
    token: String,
    organization: String,
    inviter: String,
    role: &'static str,
    email: String,
    lasts: Option<String>,
    confirmed: Option<String>,
}

#[derive(Template)]
#[template(path = "notice/dead.html")]
struct Dead {
    text: &'static str,
}

/// Looks at a notice. GET changes nothing, however often a mail scanner comes.
pub async fn show(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    Path(token): Path<String>,
) -> Result {
    let notice = match invitations::look_at_notice(&app, &token).await {
        Ok(notice) => notice,
        Err(error) => return refused(&app, &context, error).await,
    };
    let zone = visitor.person.map_or_else(TimeZone::utc, |person| person.time_zone);
    let Notice { invitation, organization, inviter, confirmed_at, .. } = notice;
    let minute = crate::clock::MINUTE;
    Ok(html::page(&Page {
        token,
        organization: organization.name,
        inviter,
        role: invitation.role.name(),
        lasts: invitation.membership_ends_at.map(|end| zone.minute(end.plus(-minute))),
        confirmed: confirmed_at.map(|at| zone.minute(at)),
        email: invitation.email,
    }))
}

pub async fn confirm(
    State(app): State<Shared>,
    context: Context,
    Path(token): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    match invitations::confirm_notice(&app, &token, &context.origin).await {
        Ok(()) => Ok(html::redirect(&format!("/notice/{token}"))),
        Err(error) => refused(&app, &context, error).await,
    }
}

async fn refused(app: &Shared, context: &Context, error: AcceptError) -> Result {
    match error {
        AcceptError::Unknown => Err(unknown_link(app, &context.origin).await),
        AcceptError::Dead(standing) => Ok(dead(standing)),
        AcceptError::Database(error) => Err(error.into()),
        error => Err(Error::Forbidden(Some(error.to_string()))),
    }
}

fn dead(standing: Standing) -> Response {
    let text = match standing {
        Standing::Closed => "The organization was deleted. There is nothing to confirm now.",
        Standing::Revoked => "The invite was taken back. There is nothing left to confirm.",
        Standing::Void => {
            "Whoever sent the invite may not give this role any more. There is nothing left to confirm."
        }
        _ => "The invite has expired. If you still expect to be an Auditor, ask whoever invited you.",
    };
    html::page_with(StatusCode::GONE, &Dead { text })
}
