use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use tower_sessions::Session;

use super::challenge::{device_of, refused, wait_of};
use super::passkeys;
use super::prompt::{self, Prompt};
use super::step_up;
use crate::app::Shared;
use crate::config::SignUp;
use crate::domain::account::{self, PasswordChangeError};
use crate::domain::factors::{self, Answered, FactorError};
use crate::domain::organizations::MfaRule;
use crate::domain::sessions::{self, Lack};
use crate::domain::sign_in::{self, Cookies, SignInError};
use crate::domain::sso;
use crate::domain::throttle::Throttled;
use crate::domain::values::Theme;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form, Nothing};
use crate::web::gate::{Inside, Visitor};
use crate::web::html;
use crate::web::session::{self, NewCookie};

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
        }
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

pub async fn form(State(app): State<Shared>, visitor: Visitor, Query(asked): Query<Asked>) -> Response {
    if visitor.person.is_some() {
        return html::redirect(next_or_root(&asked.next));
    }
    let email = Field::new(asked.email.chars().take(254).collect::<String>());
    html::page(&Page { flash: visitor.flash, ..Page::new(&app, email, &asked.next, None) })
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    email: String,
    password: String,
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
    let new = NewCookie::generate();
    let (token_hash, device) = (new.hash(), context.device());
    let remembered = device_of(&app, &headers);
    let cookies = Cookies { new: &token_hash, old: visitor.token.as_ref(), device: remembered.as_ref() };
    let signed_in =
        sign_in::with_password(&app, &typed.email, &typed.password, &device, &context.origin, cookies);
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
    let page = Page::new(&app, Field::new(typed.email), &typed.next, Some(problem));
    let mut response = html::page_with(status, &page);
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    Ok(response)
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
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    Ok(response)
}

#[derive(Template)]
#[template(path = "sign_in/organization.html")]
struct OrganizationPage {
    theme: Theme,
    organization: String,
    slug: String,
    email: String,
    password: Field,
    next: String,
    /// If a factor is what is missing, and not the password.
    prompt: Option<Prompt>,
    /// In place of the password, of whoever has one.
    passkey: Option<Prompt>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct AskedHere {
    next: String,
    with: String,
}

/// What an organization misses in this session is asked for here, and added to it (S9).
pub async fn organization_form(
    State(app): State<Shared>,
    inside: Inside,
    Query(asked): Query<AskedHere>,
) -> Response {
    html::page(&organization_page(&app, &inside, &asked.with, &asked.next))
}

fn organization_page(app: &Shared, inside: &Inside, with: &str, next: &str) -> OrganizationPage {
    let home = format!("/o/{}", inside.organization.slug);
    let next = html::own_path(next).map_or(home, str::to_owned);
    let (factors, query) = (inside.actor.person.factors, html::query_value(&next));
    let another = format!("/account/mfa/enrol?organization={}&next={query}", inside.organization.slug);
    let prompt = (inside.lacks == Some(Lack::Factor)).then(|| {
        match inside.organization.policy.mfa_now(app.db.now()) {
            MfaRule::Passkey => Prompt::passkey_only(factors, passkeys::SIGNED_IN, another.clone()),
            MfaRule::Any | MfaRule::Optional => {
                let here = inside.path(&format!("sign-in?next={query}"));
                Prompt::new(factors, with, here, passkeys::SIGNED_IN)
            }
        }
    });
    let passkey = (prompt.is_none() && factors.passkey)
        .then(|| Prompt::passkey_only(factors, passkeys::SIGNED_IN, another));
    OrganizationPage {
        theme: inside.actor.person.theme,
        organization: inside.organization.name.clone(),
        slug: inside.organization.slug.clone(),
        email: inside.actor.person.email.clone(),
        password: Field::default(),
        next,
        prompt,
        passkey,
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proof {
    password: String,
    code: String,
    challenge: String,
    credential: String,
    with: String,
    next: String,
}

pub async fn organization_sign_in(
    State(app): State<Shared>,
    inside: Inside,
    cookie: Session,
    Form(typed): Form<Proof>,
) -> Result {
    let new = NewCookie::generate();
    let person = &inside.actor.person;
    let mut page = organization_page(&app, &inside, &typed.with, &typed.next);
    let by_passkey = typed.with == "passkey";
    let asking = page.prompt.as_mut().or(page.passkey.as_mut().filter(|_| by_passkey));
    let (page, wait) = match asking {
        Some(prompt) => {
            let passkey = Answered { challenge: &typed.challenge, credential: &typed.credential };
            let proof = prompt.typed(&typed.code, passkey);
            match factors::prove(&app, person, proof, &new.hash()).await {
                Ok(()) => {
                    new.give(&cookie).await?;
                    return Ok(html::redirect(&page.next));
                }
                Err(error) => {
                    let wait = wait_of(&error);
                    prompt.field = Field::wrong(prompt::said(error)?);
                    (page, wait)
                }
            }
        }
        None => match account::confirm_password(&app, person, &typed.password, &new.hash()).await {
            Ok(()) => {
                new.give(&cookie).await?;
                return Ok(html::redirect(&page.next));
            }
            Err(error) => (OrganizationPage { password: Field::wrong(said(error)?), ..page }, None),
        },
    };
    Ok(refused(&page, wait))
}

/// What is wrong with a password that confirms, in words for beside its field.
pub(super) fn said(error: PasswordChangeError) -> Result<String> {
    match error {
        PasswordChangeError::Wrong | PasswordChangeError::None | PasswordChangeError::Unfit(_) => {
            Ok(error.to_string())
        }
        PasswordChangeError::Throttled(throttled) => Err(throttled.into()),
        PasswordChangeError::Busy(busy) => Err(busy.into()),
        // Asked for before the page is shown: its time ran out while a password was typed.
        PasswordChangeError::StepUp(_) => Err(Error::Elsewhere(step_up::first("/account/password"))),
        PasswordChangeError::SignedOut => Err(Error::Elsewhere("/sign-in".to_owned())),
        PasswordChangeError::Database(error) => Err(error.into()),
    }
}
