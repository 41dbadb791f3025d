//! Break-glass people: who comes in by password and factor though single sign-on is required (O4).

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::page::Page;
use crate::app::Shared;
use crate::domain::access::{Role, StepUpNeeded};
use crate::domain::sso::{self, BreakGlassError, BreakGlassPerson};
use crate::domain::users::MemberState;
use crate::domain::values::Email;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::pages::step_up::{self, Act};
use crate::web::session;

pub(super) struct PeoplePanel {
    pub path: String,
    pub rows: Vec<PersonRow>,
    pub email: Field,
    /// Only an Owner gives and takes it.
    pub may: bool,
}

pub(super) struct PersonRow {
    pub name: String,
    pub email: String,
    pub role: Role,
    pub page: String,
    pub status: &'static str,
    pub tone: &'static str,
}

impl PeoplePanel {
    pub fn new(inside: &Inside, people: Vec<BreakGlassPerson>) -> PeoplePanel {
        let row = |person: BreakGlassPerson| {
            let (status, tone) = match &person {
                person if person.is_ready() => ("Ready", "ok"),
                BreakGlassPerson { state: MemberState::Suspended, .. } => ("Suspended", "none"),
                BreakGlassPerson { has_password: false, .. } => ("No password", "bad"),
                _ => ("No factor", "bad"),
            };
            PersonRow {
                page: inside.path(&format!("users/{}", person.user_id)),
                name: person.name,
                email: person.email,
                role: person.role,
                status,
                tone,
            }
        };
        PeoplePanel {
            path: inside.path("settings/sso/break-glass"),
            rows: people.into_iter().map(row).collect(),
            email: Field::default(),
            may: inside.actor.role == Role::Owner,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    email: String,
    named: String,
}

pub async fn name_break_glass(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    let named = match typed.named.as_str() {
        "yes" => true,
        "" => false,
        _ => return Err(Error::Unfit("Break-glass access is given or taken.")),
    };
    let mut field = Field::new(typed.email.trim());
    let Some(email) = field.parse::<Email>() else { return again(&app, inside, field).await };
    match sso::name_break_glass(&app, &inside.actor, &email, named).await {
        Ok(done) => {
            let text = match done {
                None => "Nothing was changed".to_owned(),
                Some(name) if named => format!("{name} has break-glass access"),
                Some(name) => format!("{name} no longer has break-glass access"),
            };
            let to = html::go(context.fragment, &inside.path("settings/sso"));
            Ok(session::with_flash(&app, to, &text))
        }
        Err(BreakGlassError::StepUp(StepUpNeeded)) => {
            let fields = [("email", email.as_str()), ("named", &typed.named)];
            let (what, verb) = match named {
                true => (
                    format!("Give {email} break-glass access to {}", inside.organization.name),
                    "Give access",
                ),
                false => (
                    format!("Take break-glass access to {} from {email}", inside.organization.name),
                    "Take access",
                ),
            };
            let act = Act { what: &what, verb };
            let path = inside.path("settings/sso/break-glass");
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &fields).await
        }
        Err(error @ BreakGlassError::NotOwner) => Err(Error::Forbidden(Some(error.to_string()))),
        Err(BreakGlassError::Denied(denied)) => Err(denied.into()),
        Err(BreakGlassError::Database(error)) => Err(error.into()),
        Err(error @ BreakGlassError::Last(_)) => Err(Error::Conflict(error.to_string())),
        Err(
            error @ (BreakGlassError::Nobody | BreakGlassError::NoPassword(_) | BreakGlassError::NoFactor(_)),
        ) => {
            field.note::<()>(Err(error));
            again(&app, inside, field).await
        }
    }
}

async fn again(app: &Shared, inside: Inside, email: Field) -> Result {
    let mut page = Page::new(app, inside).await?;
    page.people.email = email;
    Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}
