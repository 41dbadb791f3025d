//! Deleting the organization, and the one page that is left of it for 30 days (R12).

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::app::Shared;
use crate::domain::access::StepUpNeeded;
use crate::domain::organizations::UNDO;
use crate::domain::settings::{self, CloseError};
use crate::domain::users;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form, Nothing};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::pages::step_up::{self, Act};
use crate::web::session;

#[derive(Template)]
#[template(path = "settings/deletion.html")]
struct Deletion {
    chrome: Chrome,
    organization: String,
    path: String,
    back: String,
    facts: Vec<String>,
    label: String,
    confirmation: Field,
}

/// What deleting touches, in numbers (V4).
async fn page(app: &Shared, inside: Inside, confirmation: Field) -> Result<Deletion> {
    let organization = &inside.organization;
    let owners = users::owners(&mut app.db.read().await?, organization.id).await?.len();
    let people = match organization.people {
        1 => "1 person loses".to_owned(),
        more => format!("{} people lose", html::number(more)),
    };
    let until = inside.times(app).minute(app.db.now().plus(UNDO));
    let facts = vec![
        format!("{people} everything in {} at once, in every session.", organization.name),
        match organization.pending {
            0 => "No invite is pending.".to_owned(),
            1 => "1 pending invite stops working.".to_owned(),
            more => format!("{} pending invites stop working.", html::number(more)),
        },
        format!(
            "Until {until} you can undo this, and everything is as it was. {} a mail with the way there.",
            match owners {
                1 => "You get".to_owned(),
                2 => "Both Owners get".to_owned(),
                more => format!("All {more} Owners get"),
            }
        ),
        format!(
            "After these 30 days its data is erased for good. Nobody else ever gets its slug, {}, and \
             whoever runs this server keeps its audit log.",
            organization.slug
        ),
    ];
    Ok(Deletion {
        organization: organization.name.clone(),
        path: inside.path("settings/deletion"),
        back: inside.path("settings"),
        facts,
        label: format!("Type {} to confirm", organization.slug),
        chrome: inside.chrome,
        confirmation,
    })
}

pub async fn confirm_deletion(State(app): State<Shared>, inside: Inside) -> Result {
    Ok(html::page(&page(&app, inside, Field::default()).await?))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    confirmation: String,
}

pub async fn delete(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    match settings::close(&app, &inside.actor, &typed.confirmation).await {
        Ok(_) => Ok(html::go(context.fragment, &inside.path("closed"))),
        Err(CloseError::StepUp(StepUpNeeded)) => {
            let fields = [("confirmation", typed.confirmation.as_str())];
            let path = inside.path("settings/deletion");
            let what = format!("Delete the organization {}", inside.organization.name);
            let act = Act { what: &what, verb: "Delete organization" };
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &fields).await
        }
        Err(error @ CloseError::Unconfirmed) => {
            let mut field = Field::new(typed.confirmation);
            field.note::<()>(Err(error));
            let page = page(&app, inside, field).await?;
            Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(refused(error)),
    }
}

fn refused(error: CloseError) -> Error {
    match error {
        CloseError::Denied(denied) => denied.into(),
        CloseError::Database(error) => error.into(),
        CloseError::TooLate => Error::NotFound,
        error @ (CloseError::StepUp(_) | CloseError::Unconfirmed | CloseError::Closed) => {
            Error::Conflict(error.to_string())
        }
    }
}

#[derive(Template)]
#[template(path = "settings/closed.html")]
struct Closed {
    organization: String,
    action: String,
    until: String,
    people: String,
    pending: String,
}

/// All that is left of a deleted organization, for its Owners.
pub async fn closed(State(app): State<Shared>, inside: Inside) -> Response {
    let organization = &inside.organization;
    let Some(until) = organization.undo_until() else {
        return html::redirect(&format!("/o/{}", organization.slug));
    };
    html::page(&Closed {
        until: inside.times(&app).minute(until),
        people: match organization.people {
            1 => "1 person gets".to_owned(),
            more => format!("{} people get", html::number(more)),
        },
        pending: match organization.pending {
            0 => String::new(),
            1 => ", and 1 pending invite works until it ends".to_owned(),
            more => format!(", and {} pending invites work until they end", html::number(more)),
        },
        action: inside.path("reopening"),
        organization: organization.name.clone(),
    })
}

pub async fn reopen(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let organization = settings::reopen(&app, &inside.actor).await.map_err(refused)?;
    let response = html::go(context.fragment, &format!("/o/{}", organization.slug));
    Ok(session::with_flash(&app, response, &format!("{} is back as it was", organization.name)))
}
