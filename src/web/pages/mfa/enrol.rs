//! Adding an authenticator app: the QR code, its first code, the recovery codes (M1).

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tower_sessions::Session;

use super::codes::Codes;
use super::qr::Qr;
use super::{Asked, refusal, to_index};
use crate::app::Shared;
use crate::domain::access::Person;
use crate::domain::factors::{self, Enrolment, FactorError};
use crate::domain::organizations::{self, MfaRule};
use crate::domain::values::{FactorName, Theme};
use crate::ids::AuthenticatorId;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form};
use crate::web::gate::SignedIn;
use crate::web::html;
use crate::web::pages::asking;
use crate::web::pages::step_up::{self, Act};
use crate::web::session::{self, NewCookie};

#[derive(Template)]
#[template(path = "mfa/choose.html")]
struct Choose {
    theme: Theme,
    /// The organization that asks for it.
    organization: Option<String>,
    next: String,
    /// Whether it takes nothing but a passkey (M6).
    passkey_only: bool,
    /// Whether passkeys work at this address.
    passkeys_work: bool,
}

/// Where whoever owes a factor is sent: what is asked for, by whom, and the ways to have it.
pub async fn choose(State(app): State<Shared>, signed_in: SignedIn, asked: Query<Asked>) -> Result {
    let asking = asking(&app, &signed_in, &asked.organization).await?;
    let rule = match &asking {
        Some(own) => organizations::by_id(&mut app.db.read().await?, own.id).await?.policy.mfa,
        None => MfaRule::Optional,
    };
    Ok(html::page(&Choose {
        theme: signed_in.person.theme,
        organization: asking.map(|own| own.name),
        next: asked.next().to_owned(),
        passkey_only: rule == MfaRule::Passkey,
        passkeys_work: factors::passkeys_work(&app),
    }))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Begun {
    next: String,
}

pub async fn begin(
    State(app): State<Shared>,
    context: Context,
    signed_in: SignedIn,
    Form(typed): Form<Begun>,
) -> Result {
    let asked = Asked { next: typed.next, ..Asked::default() };
    match factors::begin(&app, &signed_in.person).await {
        Ok(id) => {
            let next = html::query_value(asked.next());
            Ok(html::go(context.fragment, &format!("/account/mfa/authenticators/{id}?next={next}")))
        }
        Err(FactorError::StepUp(_)) => {
            let fields = [("next", asked.next())];
            let act = Act { what: "Add an authenticator app to your account", verb: "Set up an app" };
            step_up::ask(&app, &context, &signed_in.person, &act, "/account/mfa/authenticators", &fields)
                .await
        }
        Err(error) => Err(refusal(error)),
    }
}

/// The card with the QR code, as the page and its fragment show it.
struct Card {
    enrolment: Enrolment,
    qr: Option<Qr>,
    code: Field,
    name: Field,
    next: String,
}

#[derive(Template)]
#[template(path = "mfa/enrol.html")]
struct EnrolPage {
    theme: Theme,
    card: Card,
}

#[derive(Template)]
#[template(path = "mfa/_enrol.html")]
struct EnrolFragment {
    card: Card,
}

async fn card(app: &Shared, person: &Person, id: AuthenticatorId, next: &str) -> Result<Option<Card>> {
    match factors::enrolment(app, person, id).await {
        Ok(enrolment) => Ok(Some(Card {
            qr: Qr::of(&enrolment.address),
            enrolment,
            code: Field::default(),
            name: Field::new("Authenticator app"),
            next: next.to_owned(),
        })),
        Err(FactorError::Outlived) => Ok(None),
        Err(error) => Err(refusal(error)),
    }
}

fn outlived(app: &Shared) -> Response {
    to_index(app, "That set-up took longer than ten minutes, or is done: begin again if it is not below")
}

pub async fn enrolment(
    State(app): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    asked: Query<Asked>,
) -> Result {
    let id: AuthenticatorId = id.parse().map_err(|_| Error::NotFound)?;
    match card(&app, &signed_in.person, id, asked.next()).await? {
        Some(card) => Ok(html::page(&EnrolPage { theme: signed_in.person.theme, card })),
        None => Ok(outlived(&app)),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Confirming {
    code: String,
    name: String,
    next: String,
}

pub async fn confirm(
    State(app): State<Shared>,
    context: Context,
    signed_in: SignedIn,
    cookie: Session,
    Path(id): Path<String>,
    Form(typed): Form<Confirming>,
) -> Result {
    let id: AuthenticatorId = id.parse().map_err(|_| Error::NotFound)?;
    let person = &signed_in.person;
    let asked = Asked { next: typed.next, ..Asked::default() };
    let Some(mut card) = card(&app, person, id, asked.next()).await? else { return Ok(outlived(&app)) };
    card.name = Field::new(&typed.name);
    let Some(name) = card.name.parse::<FactorName>() else {
        return Ok(again(&context, person.theme, card));
    };
    let new = NewCookie::generate();
    match factors::confirm(&app, person, id, &typed.code, &name, &new.hash()).await {
        Ok(confirmed) => {
            new.give(&cookie).await?;
            match confirmed.recovery_codes {
                Some(codes) => {
                    let (first, ended) = (Some("Add to your app"), confirmed.ended);
                    Ok(Codes::page(first, &context, person, codes, asked.next(), ended))
                }
                None => {
                    let to = html::go(context.fragment, asked.next());
                    Ok(session::with_flash(&app, to, &format!("{name} is added")))
                }
            }
        }
        Err(error @ (FactorError::Wrong | FactorError::NoCode)) => {
            card.code = Field::wrong(error);
            Ok(again(&context, person.theme, card))
        }
        Err(FactorError::Outlived) => Ok(outlived(&app)),
        Err(error) => Err(refusal(error)),
    }
}

fn again(context: &Context, theme: Theme, card: Card) -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    if context.fragment {
        html::page_with(status, &EnrolFragment { card })
    } else {
        html::page_with(status, &EnrolPage { theme, card })
    }
}
