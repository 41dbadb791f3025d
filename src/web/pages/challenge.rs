//! After the password: the page that asks for a factor (S11).

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use tower_sessions::Session;

use super::passkeys;
use super::prompt::{Prompt, said};
use crate::app::Shared;
use crate::clock::SECOND;
use crate::domain::factors::{self, Answered, FactorError};
use crate::domain::sign_in;
use crate::secrets::{Token, TokenHash};
use crate::web::context::Context;
use crate::web::error::Result;
use crate::web::forms::Form;
use crate::web::gate::Challenged;
use crate::web::html;
use crate::web::session::{self, NewCookie};

#[derive(Template)]
#[template(path = "challenge/form.html")]
struct Page {
    prompt: Prompt,
    next: String,
    /// Whether the browser may be remembered, and whether it was to be.
    may_remember: bool,
    remember: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    next: String,
    with: String,
}

async fn page(app: &Shared, challenged: &Challenged, with: &str, next: &str) -> Result<Page> {
    let next = html::own_path(next).unwrap_or("/");
    let here = format!("/sign-in/challenge?next={}", html::query_value(next));
    Ok(Page {
        prompt: Prompt::new(challenged.half.factors, with, here, passkeys::CHALLENGED),
        next: next.to_owned(),
        may_remember: factors::may_be_remembered(&app.db, challenged.half.user).await?,
        remember: false,
    })
}

pub async fn form(
    State(app): State<Shared>,
    challenged: Challenged,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    Ok(html::page(&page(&app, &challenged, &asked.with, &asked.next).await?))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    code: String,
    challenge: String,
    credential: String,
    with: String,
    next: String,
    remember: String,
}

pub async fn answer(
    State(app): State<Shared>,
    context: Context,
    challenged: Challenged,
    cookie: Session,
    Form(typed): Form<Answer>,
) -> Result {
    let page = page(&app, &challenged, &typed.with, &typed.next).await?;
    let new = NewCookie::generate();
    let (new_hash, device) = (new.hash(), context.device());
    let remembering = (!typed.remember.is_empty()).then(Token::generate);
    let remember = remembering.as_ref().map(|token| TokenHash::of(token.expose()));
    let passkey = Answered { challenge: &typed.challenge, credential: &typed.credential };
    let finished = sign_in::finish(
        &app,
        (&challenged.half, &challenged.token),
        page.prompt.typed(&typed.code, passkey),
        &device,
        &context.origin,
        &new_hash,
        remember.as_ref(),
    );
    let error = match finished.await {
        Ok(finished) => {
            new.give(&cookie).await?;
            let mut response = html::redirect(&page.next);
            session::append_cookie(&app, response.headers_mut(), session::HALF, "", 0);
            if let Some(token) = remembering.filter(|_| finished.remembered) {
                let headers = response.headers_mut();
                let seconds = factors::DEVICE_LIFE / SECOND;
                session::append_cookie(&app, headers, session::DEVICE, token.expose(), seconds);
            }
            return Ok(response);
        }
        Err(error) => error,
    };
    let wait = wait_of(&error);
    let page = Page {
        prompt: page.prompt.wrong(said(error)?),
        remember: page.may_remember && !typed.remember.is_empty(),
        ..page
    };
    Ok(refused(&page, wait))
}

/// The seconds that a refusal asks to wait for.
pub(super) fn wait_of(error: &FactorError) -> Option<i64> {
    match error {
        FactorError::Throttled(throttled) => Some(throttled.wait.unwrap_or_default() / 1_000 + 1),
        _ => None,
    }
}

/// 422, or 429 while there is a pause: the page stays, since the other ways are on it.
pub(super) fn refused(page: &impl Template, wait: Option<i64>) -> Response {
    let Some(wait) = wait else { return html::page_with(StatusCode::UNPROCESSABLE_ENTITY, page) };
    let mut response = html::page_with(StatusCode::TOO_MANY_REQUESTS, page);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    response
}

/// The cookie of a browser that was to be remembered.
pub(super) fn device_of(app: &Shared, headers: &HeaderMap) -> Option<TokenHash> {
    session::cookie_hash(app, headers, session::DEVICE)
}
