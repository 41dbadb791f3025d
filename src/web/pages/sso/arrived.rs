//! Back from Google without an account: what they are called, and then they have one (S2, I2).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use tower_sessions::Session;

use super::LandingPage;
use super::google::{closed, has_account};
use crate::app::Shared;
use crate::domain::sign_in::Cookies;
use crate::domain::sso::google::{self, AcceptError, Arrived, Asked, FoundError, Founded};
use crate::domain::values::{OrganizationName, PersonName, TimeZone};
use crate::secrets::{Token, TokenHash};
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form};
use crate::web::gate::Visitor;
use crate::web::html;
use crate::web::pages::sign_up;
use crate::web::session::{self, NewCookie};

#[derive(Template)]
#[template(path = "sso/arrived.html")]
struct Page {
    email: String,
    /// None: there is one already, that the invite is for, or they come from a resource's page.
    organization: Option<Field>,
    is_guest: bool,
    name: Field,
    action: String,
    /// Where the other ways are.
    again: String,
}

impl Page {
    fn any_error(&self) -> bool {
        self.name.error.is_some() || self.organization.as_ref().is_some_and(|field| field.error.is_some())
    }
}

/// Google's word of a person is used once and within an hour.
fn ended(begin: String) -> Response {
    let page = LandingPage::new(
        "Continue with Google again",
        "What Google said of you was used already, is older than an hour, or was said in another browser.",
        ("Continue with Google", begin),
    );
    page.answer(StatusCode::GONE)
}

async fn arrived(app: &Shared, headers: &HeaderMap) -> Result<Option<(TokenHash, Arrived)>> {
    let Some(token) = session::cookie_hash(app, headers, session::ARRIVAL) else { return Ok(None) };
    Ok(google::arrived(app, &token).await?.map(|arrived| (token, arrived)))
}

/// Leads on, and takes back the cookie that has done its work.
fn done(app: &Shared, path: &str) -> Response {
    let mut response = html::redirect(path);
    session::append_cookie(app, response.headers_mut(), session::ARRIVAL, "", 0);
    response
}

fn sign_up_page(arrived: &Arrived, organization: Field, name: Field) -> Page {
    Page {
        email: arrived.email.clone(),
        organization: arrived.next.is_none().then_some(organization),
        is_guest: arrived.next.is_some(),
        name,
        action: "/sign-up/arrived".to_owned(),
        again: sign_up::address(arrived.next.as_deref().unwrap_or_default()),
    }
}

/// `/sign-up/arrived`
pub async fn sign_up_form(State(app): State<Shared>, headers: HeaderMap) -> Result {
    let Some((_, arrived)) = arrived(&app, &headers).await?.filter(|(_, one)| one.invite.is_none()) else {
        return Ok(ended("/sign-up/google".to_owned()));
    };
    let name = Field::new(arrived.name.clone());
    Ok(html::page(&sign_up_page(&arrived, Field::default(), name)))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignUpTyped {
    organization: String,
    name: String,
    time_zone: String,
}

pub async fn sign_up_arrived(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    cookie: Session,
    headers: HeaderMap,
    Form(typed): Form<SignUpTyped>,
) -> Result {
    let Some((token, arrived)) = arrived(&app, &headers).await?.filter(|(_, one)| one.invite.is_none())
    else {
        return Ok(ended("/sign-up/google".to_owned()));
    };
    let (mut organization, mut name) = (Field::new(&typed.organization), Field::new(&typed.name));
    let parsed_organization = match arrived.next {
        Some(_) => Some(None),
        None => organization.parse::<OrganizationName>().map(Some),
    };
    let parsed = (parsed_organization, name.parse());
    let (Some(parsed_organization), Some(parsed_name)) = parsed else {
        Field::focus_first([&mut organization, &mut name]);
        let page = sign_up_page(&arrived, organization, name);
        return Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    let asked = Asked {
        organization: parsed_organization,
        name: parsed_name,
        time_zone: TimeZone::guessed(&typed.time_zone),
    };
    let (new, browser) = (NewCookie::generate(), Token::generate());
    let hash = new.hash();
    let cookies = Cookies { new: &hash, old: visitor.token.as_ref(), device: None };
    let device = context.device();
    let found = google::found(&app, &token, &asked, &browser.hash(), &device, &context.origin, cookies).await;
    match found {
        Ok(Founded::Organization(organization)) => {
            new.give(&cookie).await?;
            let text = format!("{} is ready, and you are its Owner", organization.name);
            let response = done(&app, &format!("/o/{}/users", organization.slug));
            Ok(session::with_flash(&app, response, &text))
        }
        Ok(Founded::Guest(next)) => {
            new.give(&cookie).await?;
            Ok(session::with_flash(&app, done(&app, &next), "Your account is ready"))
        }
        Ok(Founded::Mailed) => {
            let mut response = done(&app, "/sign-up/sent");
            sign_up::keep_link(&app, response.headers_mut(), arrived.next.as_deref().unwrap_or_default());
            session::append_cookie(&app, response.headers_mut(), session::SIGN_UP, browser.expose(), 86_400);
            Ok(response)
        }
        Err(FoundError::HasAccount(email)) => {
            Ok(has_account(&email, "/account/sign-in-methods").answer(StatusCode::FORBIDDEN))
        }
        Err(FoundError::Closed) if arrived.next.is_none() => Ok(html::redirect("/sign-up")),
        Err(FoundError::Closed) => Ok(closed().answer(StatusCode::FORBIDDEN)),
        Err(FoundError::Ended) => Ok(ended("/sign-up/google".to_owned())),
        Err(FoundError::Throttled(throttled)) => Err(throttled.into()),
        Err(FoundError::Database(error)) => Err(error.into()),
    }
}

fn invite_page(link: &str, arrived: &Arrived, name: Field) -> Page {
    Page {
        email: arrived.email.clone(),
        organization: None,
        is_guest: false,
        name,
        action: format!("/invite/{link}/arrived"),
        again: format!("/invite/{link}"),
    }
}

/// `/invite/{token}/arrived`
pub async fn invite_form(State(app): State<Shared>, headers: HeaderMap, Path(link): Path<String>) -> Result {
    let arrived = arrived(&app, &headers).await?.filter(|(_, one)| one.invite.as_ref() == Some(&link));
    let Some((_, arrived)) = arrived else { return Ok(ended(format!("/invite/{link}/google"))) };
    let name = Field::new(arrived.name.clone());
    Ok(html::page(&invite_page(&link, &arrived, name)))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InviteTyped {
    name: String,
    time_zone: String,
}

pub async fn accept_invite(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    cookie: Session,
    headers: HeaderMap,
    Path(link): Path<String>,
    Form(typed): Form<InviteTyped>,
) -> Result {
    let arrived = arrived(&app, &headers).await?.filter(|(_, one)| one.invite.as_ref() == Some(&link));
    let Some((token, arrived)) = arrived else { return Ok(ended(format!("/invite/{link}/google"))) };
    let mut name = Field::new(&typed.name);
    let Some(parsed) = name.parse::<PersonName>() else {
        let page = invite_page(&link, &arrived, name);
        return Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    let new = NewCookie::generate();
    let hash = new.hash();
    let cookies = Cookies { new: &hash, old: visitor.token.as_ref(), device: None };
    let (time_zone, device) = (TimeZone::guessed(&typed.time_zone), context.device());
    match google::accept(&app, &token, &parsed, &time_zone, &device, &context.origin, cookies).await {
        Ok(organization) => {
            new.give(&cookie).await?;
            let response = done(&app, &format!("/o/{}", organization.slug));
            Ok(session::with_flash(&app, response, &format!("Welcome to {}", organization.name)))
        }
        Err(AcceptError::Ended) => Ok(ended(format!("/invite/{link}/google"))),
        // Its own page says what has become of it.
        Err(AcceptError::Invite(crate::domain::invitations::AcceptError::Database(error))) => {
            Err(Error::from(error))
        }
        Err(AcceptError::Invite(_)) => Ok(html::redirect(&format!("/invite/{link}"))),
        Err(AcceptError::Database(error)) => Err(error.into()),
    }
}
