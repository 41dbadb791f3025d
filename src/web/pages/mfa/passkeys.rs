//! Adding a passkey. The device is asked by the script; the rest is a plain form.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tower_sessions::Session;

use super::codes::Codes;
use super::{Asked, refusal};
use crate::app::Shared;
use crate::domain::factors::{self, Answered, FactorError};
use crate::domain::sessions::agent;
use crate::domain::values::{FactorName, Theme};
use crate::web::context::Context;
use crate::web::error::Result;
use crate::web::forms::{Field, Form};
use crate::web::gate::SignedIn;
use crate::web::html;
use crate::web::pages::step_up::{self, Act};
use crate::web::session::{self, NewCookie};

#[derive(Template)]
#[template(path = "mfa/passkey.html")]
struct Page {
    theme: Theme,
    name: Field,
    next: String,
    /// What is wrong with the passkey.
    problem: Option<String>,
    /// Recovery codes come with the first factor.
    first: bool,
    stepped_up: bool,
}

impl Page {
    fn new(app: &Shared, signed_in: &SignedIn, name: Field, next: &str) -> Page {
        Page {
            theme: signed_in.person.theme,
            name,
            next: next.to_owned(),
            problem: None,
            first: !signed_in.person.factors.any(),
            stepped_up: signed_in.person.stepped_up(app.db.now()).is_ok(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Begun {
    next: String,
}

/// Goes on to the page, by way of a step-up if one is due.
pub async fn begin(
    State(app): State<Shared>,
    context: Context,
    signed_in: SignedIn,
    Form(typed): Form<Begun>,
) -> Result {
    let asked = Asked { next: typed.next, ..Asked::default() };
    if signed_in.person.stepped_up(app.db.now()).is_err() {
        let fields = [("next", asked.next())];
        let act = Act { what: "Add a passkey to your account", verb: "Add a passkey" };
        return step_up::ask(&app, &context, &signed_in.person, &act, "/account/mfa/passkeys/new", &fields)
            .await;
    }
    let next = html::query_value(asked.next());
    Ok(html::go(context.fragment, &format!("/account/mfa/passkeys/new?next={next}")))
}

pub async fn form(
    State(app): State<Shared>,
    context: Context,
    signed_in: SignedIn,
    asked: Query<Asked>,
) -> Response {
    // A device of the same kind: its owner will know which one that was.
    let name = Field::new(agent::in_words(&context.agent));
    html::page(&Page::new(&app, &signed_in, name, asked.next()))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Made {
    name: String,
    challenge: String,
    credential: String,
    next: String,
}

pub async fn add(
    State(app): State<Shared>,
    context: Context,
    signed_in: SignedIn,
    cookie: Session,
    Form(typed): Form<Made>,
) -> Result {
    let asked = Asked { next: typed.next, ..Asked::default() };
    let mut page = Page::new(&app, &signed_in, Field::new(&typed.name), asked.next());
    let Some(name) = page.name.parse::<FactorName>() else {
        return Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    let new = NewCookie::generate();
    let answered = Answered { challenge: &typed.challenge, credential: &typed.credential };
    match factors::register(&app, &signed_in.person, answered, &name, &new.hash()).await {
        Ok(confirmed) => {
            new.give(&cookie).await?;
            match confirmed.recovery_codes {
                Some(codes) => {
                    let (first, person) = (Some("Add a passkey"), &signed_in.person);
                    Ok(Codes::page(first, &context, person, codes, asked.next(), confirmed.ended))
                }
                None => {
                    let to = html::go(context.fragment, asked.next());
                    Ok(session::with_flash(&app, to, &format!("{name} is added")))
                }
            }
        }
        Err(error @ (FactorError::Refused | FactorError::NoAnswer | FactorError::Unasked)) => {
            page.problem = Some(match error {
                FactorError::Refused => {
                    "This passkey was not accepted. Try again, or use another device.".to_owned()
                }
                error => error.to_string(),
            });
            Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(refusal(error)),
    }
}
