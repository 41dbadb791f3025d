//! The pages behind the links of a change of address: confirming it, and undoing it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::unknown_link;
use crate::app::Shared;
use crate::domain::email_change::{self, EmailChange, LinkError};
use crate::domain::values::Theme;
use crate::web::context::Context;
use crate::web::error::Result;
use crate::web::forms::{Form, Nothing};
use crate::web::gate::Visitor;
use crate::web::html;
use crate::web::session;

#[derive(Template)]
#[template(path = "email_change/confirm.html")]
struct Confirm {
    theme: Theme,
    token: String,
    old: String,
    new: String,
}

/// For whoever is signed out, or signed in as another.
#[derive(Template)]
#[template(path = "email_change/sign_in.html")]
struct SignIn {
    theme: Theme,
    token: String,
    new: String,
    signed_in_as: Option<String>,
}

#[derive(Template)]
#[template(path = "email_change/undo.html")]
struct Undo {
    token: String,
    old: String,
    new: String,
}

#[derive(Template)]
#[template(path = "email_change/undone.html")]
struct Undone {
    email: String,
}

/// A link that leads nowhere: why, and what to do next.
#[derive(Template)]
#[template(path = "email_change/dead.html")]
struct Dead {
    title: &'static str,
    text: String,
}

pub async fn show(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    Path(token): Path<String>,
) -> Result {
    match email_change::look(&app, &token).await {
        Ok(found) => Ok(offer(&visitor, token, found, StatusCode::OK)),
        Err(error) => refused(&app, &context, error).await,
    }
}

/// The button for the account itself; for anybody else the way to it. Whose account it is, the page
/// does not say: the link may have gone to a stranger.
fn offer(visitor: &Visitor, token: String, found: EmailChange, status: StatusCode) -> Response {
    let theme = visitor.person.as_ref().map_or(Theme::default(), |person| person.theme);
    match &visitor.person {
        Some(person) if person.user == found.user_id => {
            html::page(&Confirm { theme, token, old: person.email.clone(), new: found.new_email })
        }
        other => {
            let signed_in_as = other.as_ref().map(|person| person.email.clone());
            let status = if signed_in_as.is_some() { StatusCode::FORBIDDEN } else { status };
            html::page_with(status, &SignIn { theme, token, new: found.new_email, signed_in_as })
        }
    }
}

pub async fn confirm(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    Path(token): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let confirmed = match &visitor.person {
        Some(person) => email_change::confirm(&app, &token, person).await,
        None => Err(LinkError::SignedOut),
    };
    match confirmed {
        Ok(email) => {
            let text = format!("Your address is {email} now. Sign in with it from now on.");
            Ok(session::with_flash(&app, html::redirect("/account"), &text))
        }
        Err(error @ (LinkError::SignedOut | LinkError::WrongAccount)) => {
            let visitor = match error {
                LinkError::SignedOut => Visitor::default(),
                _ => visitor,
            };
            match email_change::look(&app, &token).await {
                Ok(found) => Ok(offer(&visitor, token, found, StatusCode::FORBIDDEN)),
                Err(error) => refused(&app, &context, error).await,
            }
        }
        Err(error) => refused(&app, &context, error).await,
    }
}

async fn refused(app: &Shared, context: &Context, error: LinkError) -> Result {
    match error {
        LinkError::Unknown => Err(unknown_link(app, &context.origin).await),
        LinkError::Spent | LinkError::WrongAccount | LinkError::SignedOut => {
            let page = Dead {
                title: "This link does not work any more",
                text: "It was used already, a newer one was asked for, or its time is over. What the address of \
                       your account is stands on its page."
                    .to_owned(),
            };
            Ok(html::page_with(StatusCode::GONE, &page))
        }
        LinkError::Taken(email) => {
            let page = Dead {
                title: "This address has another account by now",
                text: format!(
                    "{email} was taken since. An address belongs to one account, so nothing has changed. Whoever \
                     runs this server can help, if the other account should not be there."
                ),
            };
            Ok(html::page_with(StatusCode::CONFLICT, &page))
        }
        LinkError::Database(error) => Err(error.into()),
    }
}

pub async fn show_undo(State(app): State<Shared>, context: Context, Path(token): Path<String>) -> Result {
    match email_change::look_at_undo(&app, &token).await {
        Ok(found) => Ok(html::page(&Undo { token, old: found.old_email, new: found.new_email })),
        Err(error) => refused(&app, &context, error).await,
    }
}

/// Needs no session: whoever took the account may have ended them all.
pub async fn undo(
    State(app): State<Shared>,
    context: Context,
    Path(token): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    match email_change::undo(&app, &token, &context.origin).await {
        Ok(found) => Ok(html::page(&Undone { email: found.old_email })),
        Err(error) => refused(&app, &context, error).await,
    }
}
