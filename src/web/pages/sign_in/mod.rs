//! Signing in and out: first the address, then what its domain signs in by.

mod organization;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use tower_sessions::Session;

pub(super) use self::organization::said;
pub use self::organization::{organization_form, organization_sign_in};
use super::challenge::{device_of, refused};
use super::prompt;
use crate::app::Shared;
use crate::config::SignUp;
use crate::domain::factors::{self, Answered, FactorError};
use crate::domain::sessions;
use crate::domain::sign_in::{self, Cookies, SignInError};
use crate::domain::sso::{self, Connection};
use crate::domain::throttle::Throttled;
use crate::domain::values::Email;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form, Nothing};
use crate::web::gate::Visitor;
use crate::web::html;
use crate::web::session::{self, NewCookie};

/// The first step: the address alone, or a passkey, Google, an organization's own provider.
#[derive(Template)]
#[template(path = "sign_in/form.html")]
struct Page {
    email: Field,
    next: String,
    /// What the last page says, such as "Your password is set".
    flash: Option<String>,
    problem: Option<Problem>,
    sign_up_open: bool,
    /// Whether passkeys work at this address.
    passkeys: bool,
    google: bool,
    /// Of the organization whose door this is.
    buttons: Vec<Button>,
}

/// The second step: the same for each address of a domain, whether it has an account or not (S4).
#[derive(Template)]
#[template(path = "sign_in/second.html")]
struct Second {
    email: String,
    next: String,
    problem: Option<Problem>,
    passkeys: bool,
    google: bool,
    button: Option<Button>,
}

/// The way to an organization's provider.
struct Button {
    name: String,
    path: String,
}

impl Button {
    fn new(connection: &Connection, next: &str, email: &str) -> Button {
        let (next, email) = (html::query_value(next), html::query_value(email));
        let path = format!("/sso/{}?next={next}&email={email}", connection.id);
        Button { name: connection.name.clone(), path }
    }
}

/// What went wrong: a title and a sentence.
struct Problem {
    title: &'static str,
    text: String,
}

impl Page {
    fn new(app: &Shared, email: Field, next: &str, problem: Option<Problem>) -> Page {
        Page {
            email,
            next: next_or_root(next).to_owned(),
            flash: None,
            problem,
            sign_up_open: app.config.sign_up == SignUp::Open,
            passkeys: factors::passkeys_work(app),
            google: sso::google_works(app),
            buttons: Vec::new(),
        }
    }
}

impl Second {
    async fn new(app: &Shared, email: &str, next: &str, problem: Option<Problem>) -> Result<Second> {
        let next = next_or_root(next);
        let connection = match email.parse::<Email>() {
            Ok(email) => sso::route(&app.db, &email).await?,
            Err(_) => None,
        };
        Ok(Second {
            button: connection.map(|connection| Button::new(&connection, next, email)),
            email: email.to_owned(),
            next: next.to_owned(),
            problem,
            passkeys: factors::passkeys_work(app),
            google: sso::google_works(app),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    next: String,
    email: String,
}

fn next_or_root(next: &str) -> &str {
    html::own_path(next).unwrap_or("/")
}

/// Whoever comes with an address, from an invite's page, is at the second step.
pub async fn form(State(app): State<Shared>, visitor: Visitor, Query(asked): Query<Asked>) -> Result {
    if visitor.person.is_some() {
        return Ok(html::redirect(next_or_root(&asked.next)));
    }
    if let Ok(email) = asked.email.parse::<Email>() {
        return Ok(html::page(&Second::new(&app, email.as_str(), &asked.next, None).await?));
    }
    let email = Field::new(asked.email.chars().take(254).collect::<String>());
    Ok(html::page(&Page { flash: visitor.flash, ..Page::new(&app, email, &asked.next, None) }))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    email: String,
    /// Missing at the first step.
    password: Option<String>,
    next: String,
}

pub async fn sign_in(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    headers: HeaderMap,
    cookie: Session,
    Form(typed): Form<Credentials>,
) -> Result {
    let Some(password) = &typed.password else { return second_step(&app, &typed).await };
    let new = NewCookie::generate();
    let (token_hash, device) = (new.hash(), context.device());
    let remembered = device_of(&app, &headers);
    let cookies = Cookies { new: &token_hash, old: visitor.token.as_ref(), device: remembered.as_ref() };
    let signed_in = sign_in::with_password(&app, &typed.email, password, &device, &context.origin, cookies);
    let (status, problem, wait) = match signed_in.await {
        Ok(opened) => return new.give_opened(&app, &cookie, opened, next_or_root(&typed.next)).await,
        Err(SignInError::Wrong { left }) => (StatusCode::UNPROCESSABLE_ENTITY, wrong(left), None),
        Err(SignInError::Throttled(throttled)) => {
            let (problem, wait) = paused(throttled);
            (StatusCode::TOO_MANY_REQUESTS, problem, Some(wait))
        }
        Err(SignInError::Busy(busy)) => return Err(busy.into()),
        Err(SignInError::Database(error)) => return Err(error.into()),
    };
    let page = Second::new(&app, &typed.email, &typed.next, Some(problem)).await?;
    let mut response = html::page_with(status, &page);
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    Ok(response)
}

async fn second_step(app: &Shared, typed: &Credentials) -> Result {
    let mut field = Field::new(&typed.email);
    match field.parse::<Email>() {
        Some(email) => Ok(html::page(&Second::new(app, email.as_str(), &typed.next, None).await?)),
        None => {
            let page = Page::new(app, field, &typed.next, None);
            Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasskeyAnswer {
    challenge: String,
    credential: String,
    next: String,
}

/// Without an address and a password: the passkey says whose it is.
pub async fn sign_in_by_passkey(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    cookie: Session,
    Form(typed): Form<PasskeyAnswer>,
) -> Result {
    let new = NewCookie::generate();
    let (token_hash, device) = (new.hash(), context.device());
    let cookies = Cookies { new: &token_hash, old: visitor.token.as_ref(), device: None };
    let answered = Answered { challenge: &typed.challenge, credential: &typed.credential };
    let signed_in = sign_in::with_passkey(&app, answered, &device, &context.origin, cookies);
    let text = match signed_in.await {
        Ok(opened) => return new.give_opened(&app, &cookie, opened, next_or_root(&typed.next)).await,
        Err(FactorError::Refused) => {
            "It opens no account here, or not any more. Sign in with your password.".to_owned()
        }
        Err(error) => prompt::said(error)?,
    };
    let problem = Problem { title: "The passkey did not sign you in", text };
    let page = Page::new(&app, Field::default(), &typed.next, Some(problem));
    Ok(refused(&page, None))
}

fn wrong(left: i64) -> Problem {
    let more = match left {
        0 => " There is a pause now, of up to 15 minutes.".to_owned(),
        left if left <= 3 => format!(
            " You have {} left before a 15-minute pause.",
            html::count(left, "try").replace("trys", "tries")
        ),
        _ => String::new(),
    };
    Problem {
        title: "That email and password do not match",
        text: format!("Check both and try again.{more}"),
    }
}

fn paused(throttled: Throttled) -> (Problem, i64) {
    let (text, seconds) = match throttled.wait {
        Some(wait) => (
            format!("Try again in {}, or set a new password by mail: that ends the pause.", html::span(wait)),
            wait / 1_000 + 1,
        ),
        None => ("Set a new password by mail to go on: choose “Forgot password?”.".to_owned(), 86_400),
    };
    (Problem { title: "Too many tries", text }, seconds)
}

/// Ends the session and lets the browser forget what it kept. Cookies of neighbours on this domain stay.
pub async fn sign_out(
    State(app): State<Shared>,
    headers: HeaderMap,
    cookie: Session,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    cookie.flush().await.map_err(|error| Error::Internal(error.into()))?;
    let mut response = html::redirect("/sign-in");
    if let Some(half) = session::cookie_hash(&app, &headers, session::HALF) {
        sessions::end_half(&app, &half).await?;
        session::append_cookie(&app, response.headers_mut(), session::HALF, "", 0);
    }
    session::forget_opened_links(&app, &headers, response.headers_mut());
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    Ok(response)
}
