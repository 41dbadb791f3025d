use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::unknown_link;
use crate::app::Shared;
use crate::domain::recovery::{self, Dead, RequestError, ResetError};
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form};
use crate::web::html;
use crate::web::session;

#[derive(Template)]
#[template(path = "recovery/form.html")]
struct Page {
    email: Field,
}

pub async fn form() -> Response {
    html::page(&Page { email: Field::default() })
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    email: String,
}

/// The answer is the same whether the address has an account or not (S4).
pub async fn request(State(app): State<Shared>, context: Context, Form(typed): Form<Typed>) -> Result {
    let mut field = Field::new(&typed.email);
    let Some(email) = field.parse() else {
        return Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &Page { email: field }));
    };
    match recovery::request(&app, &email, &context.origin.network()).await {
        Ok(()) => Ok(html::redirect("/forgot-password/sent")),
        Err(RequestError::Throttled(throttled)) => Err(throttled.into()),
        Err(RequestError::Database(error)) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "recovery/sent.html")]
struct Sent {
    mailbox: bool,
}

pub async fn sent(State(app): State<Shared>, context: Context, headers: HeaderMap) -> Response {
    html::page(&Sent { mailbox: super::mailbox::is_shown(&app, &context, &headers) })
}

#[derive(Template)]
#[template(path = "recovery/reset.html")]
struct Reset {
    email: String,
    password: Field,
}

#[derive(Template)]
#[template(path = "recovery/spent.html")]
struct Spent;

pub async fn reset_form(State(app): State<Shared>, context: Context, Path(token): Path<String>) -> Result {
    show_reset(&app, &context, &token, Field::default()).await
}

async fn show_reset(app: &Shared, context: &Context, token: &str, password: Field) -> Result {
    let status = if password.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    match recovery::look(app, token).await {
        Ok(user) => Ok(html::page_with(status, &Reset { email: user.email, password })),
        Err(error) => dead(app, context, error).await,
    }
}

async fn dead(app: &Shared, context: &Context, error: ResetError) -> Result {
    match error {
        ResetError::Dead(Dead::Unknown) => Err(unknown_link(app, &context.origin).await),
        ResetError::Dead(Dead::Spent) => Ok((StatusCode::GONE, html::page(&Spent)).into_response()),
        ResetError::Busy(busy) => Err(busy.into()),
        ResetError::Database(error) => Err(error.into()),
        ResetError::Unfit(error) => Err(Error::Conflict(error.to_string())),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewPassword {
    password: String,
}

pub async fn reset(
    State(app): State<Shared>,
    context: Context,
    Path(token): Path<String>,
    Form(typed): Form<NewPassword>,
) -> Result {
    match recovery::reset(&app, &token, &typed.password, &context.origin).await {
        Ok(()) => {
            let text = "Your password is set. Sign in with it.";
            Ok(session::with_flash(&app, html::redirect("/sign-in"), text))
        }
        Err(ResetError::Unfit(error)) => {
            let field = Field::wrong(error);
            show_reset(&app, &context, &token, field).await
        }
        Err(error) => dead(&app, &context, error).await,
    }
}
