//! Interlock's own host: who is on the way to a tool signs in here, and gets a ticket.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use serde::Deserialize;

use super::{To, beginning};
use crate::app::Shared;
use crate::domain::environments::PRODUCTION;
use crate::domain::forward_auth::{self, Address, Asked, Need, Pass, Refused, Said, Stranger, Verdict};
use crate::domain::values::Theme;
use crate::secrets::{Token, TokenHash};
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::Form;
use crate::web::gate::{self, Visitor};
use crate::web::pages::step_up;
use crate::web::{html, session};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreed {
    #[serde(default)]
    to: String,
    #[serde(default)]
    state: String,
    /// How they go on: `nobody`, or as who they are.
    #[serde(default)]
    name: String,
}

#[derive(Template)]
#[template(path = "forward_auth/onward.html")]
struct Onward<'a> {
    theme: Theme,
    host: &'a str,
    url: &'a str,
    /// Whether they go there as somebody.
    is_known: bool,
}

/// On to a tool's host by a page: a form that was sent here may lead to no other (`form-action`).
fn onward(visitor: &Visitor, to: &Address, url: &str, is_known: bool) -> Response {
    let theme = visitor.person.as_ref().map_or(Theme::default(), |person| person.theme);
    let mut response = html::page(&Onward { theme, host: &to.host, url, is_known });
    if let Ok(refresh) = HeaderValue::from_str(&format!("0; url={url}")) {
        response.headers_mut().insert("refresh", refresh);
    }
    response
}

#[derive(Template)]
#[template(path = "forward_auth/word.html")]
struct Word<'a> {
    theme: Theme,
    host: &'a str,
    organization: &'a str,
    email: &'a str,
    to: &'a str,
    state: &'a str,
    may_be_nobody: bool,
}

/// `GET /forward-auth/sign-in`, at our own host: signs in whoever has to, and leads to the tool those who may open it.
pub async fn sign_in(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    headers: HeaderMap,
    Query(to): Query<To>,
) -> Result {
    toward(&app, &context, &visitor, &headers, &to, Said::Nothing).await
}

/// `POST /forward-auth/sign-in`, from our own page alone: a guest says that the tool's organization may know them.
pub async fn agree(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    headers: HeaderMap,
    Form(Agreed { to, state, name }): Form<Agreed>,
) -> Result {
    let said = if name == "nobody" { Said::Nameless } else { Said::Known };
    toward(&app, &context, &visitor, &headers, &To { to, state }, said).await
}

/// The address is a registered tool's, or there is nothing here: nobody is led anywhere else.
async fn toward(
    app: &Shared,
    context: &Context,
    visitor: &Visitor,
    headers: &HeaderMap,
    To { to, state }: &To,
    said: Said,
) -> Result {
    let address = Address::parse(to).map_err(|_| Error::NotFound)?;
    let asked = Asked { address: &address, origin: &context.origin };
    let is_hash = state.len() == 64 && state.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mark = if is_hash { format!("&state={state}") } else { String::new() };
    let back = format!("/forward-auth/sign-in?to={}{mark}", html::query_value(to));
    let links: Vec<TokenHash> = session::opened_links(app, headers).iter().map(Token::hash).collect();
    match forward_auth::at_home(app, &asked, visitor.token.as_ref(), &links, said).await? {
        Verdict::Unknown => Err(Error::NotFound),
        Verdict::SignIn(Need::Session) => {
            Err(Error::Elsewhere(format!("/sign-in?next={}", html::query_value(&back))))
        }
        Verdict::SignIn(Need::Own) => Err(Error::Elsewhere(step_up::first(&back))),
        Verdict::SignIn(Need::Lack(lack, slug)) => Err(gate::asked_for(lack, &slug, &back)),
        // To what is public everybody goes as they are.
        Verdict::Open { visitor: None, link: None, .. } => {
            Ok(onward(visitor, &address, &address.url(), false))
        }
        Verdict::SignIn(Need::Word(_)) | Verdict::Open { .. } if !is_hash => {
            // Without a mark in the browser it gets one first, and comes back.
            Ok(onward(visitor, &address, &beginning(&address), visitor.person.is_some()))
        }
        Verdict::SignIn(Need::Word(stranger)) => {
            let Stranger { person, organization, may_be_nobody } = stranger.as_ref();
            let theme = visitor.person.as_ref().map_or(Theme::default(), |person| person.theme);
            let (host, email) = (&address.host, &person.email);
            Ok(html::page(&Word {
                theme,
                host,
                organization,
                email,
                to,
                state,
                may_be_nobody: *may_be_nobody,
            }))
        }
        Verdict::Refused(refused) => Err(refusal(&refused)),
        Verdict::Open { visitor: found, link, .. } => {
            let session = found.as_ref().map(|found| found.person.session);
            let ticket = forward_auth::ticket(app, Pass { session, link }, &address, state).await?;
            let url = format!("{}/.interlock/callback?ticket={}", address.origin(), ticket.expose());
            Ok(onward(visitor, &address, &url, found.is_some()))
        }
    }
}

/// Members who may know of it are led to its page, where they can ask (A13).
fn refusal(Refused { resource, known_in, .. }: &Refused) -> Error {
    let Some(slug) = known_in else {
        return Error::Forbidden(Some(
            "You are signed in, and this tool is not open to you. Ask whoever sent you here to share it with you.".to_owned(),
        ));
    };
    let key = html::query_value(&resource.key).replace('+', "%20");
    let environment = match resource.environment.as_str() {
        PRODUCTION => String::new(),
        environment => format!("/e/{environment}"),
    };
    Error::Elsewhere(format!("/o/{slug}{environment}/resources/{key}"))
}
