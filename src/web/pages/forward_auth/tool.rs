//! `/.interlock/`, Interlock's part of a tool's host.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;

use super::{SESSION, STATE, To, Told, cookie, lead, one, tell};
use crate::app::Shared;
use crate::domain::forward_auth::{self, Address};
use crate::secrets::{Token, TokenHash};
use crate::web::error::{Error, Result};
use crate::web::{html, same_origin, session};

/// How long signing in may take: seconds.
const STATE_LIFE: i64 = 3_600;

fn set_cookie(
    headers: &mut HeaderMap,
    scheme: &str,
    name: session::CookieName,
    value: &str,
    life: Option<i64>,
) {
    let secure = scheme == "https";
    let (name, secure) = if secure { (name.1, "; Secure") } else { (name.0, "") };
    let life = life.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
    let cookie = format!("{name}={value}; HttpOnly; SameSite=Lax; Path=/{life}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// The host that a request came to, if it is a tool's: its origin, and the host in it.
async fn tool_host(app: &Shared, headers: &HeaderMap) -> Result<Address> {
    let host = one(headers, "host").ok().flatten().unwrap_or_default().to_ascii_lowercase();
    let origin = forward_auth::is_tool_host(app, &host).await?.ok_or(Error::NotFound)?;
    Address::parse(&origin).map_err(|_| Error::NotFound)
}

/// `GET /.interlock/sign-in`, at a tool's host: on to ours, with a mark in this browser by which it is known again.
pub async fn begin(State(app): State<Shared>, headers: HeaderMap, Query(To { to, .. }): Query<To>) -> Result {
    let tool = tool_host(&app, &headers).await?;
    let to = html::own_path(&to).unwrap_or("/");
    let to = Address::new(&tool.scheme, &tool.host, to).map_err(|_| Error::NotFound)?;
    // The same for all tabs: each finds its way back.
    let state = cookie(&headers, &tool.scheme, STATE).unwrap_or_else(Token::generate);
    let home = app.config.base_url.as_str();
    let hash = state.hash();
    let query = format!("to={}&state={}", html::query_value(&to.url()), hash.as_str());
    let mut response = lead(StatusCode::SEE_OTHER, &format!("{home}/forward-auth/sign-in?{query}"));
    set_cookie(response.headers_mut(), &tool.scheme, STATE, state.expose(), Some(STATE_LIFE));
    Ok(response)
}

#[derive(Deserialize)]
pub struct Ticket {
    #[serde(default)]
    ticket: String,
}

/// `GET /.interlock/callback`, at a tool's host: the ticket for a cookie, and to where the browser wanted to go.
pub async fn arrive(
    State(app): State<Shared>,
    headers: HeaderMap,
    Query(Ticket { ticket }): Query<Ticket>,
) -> Result {
    let tool = tool_host(&app, &headers).await?;
    let state = cookie(&headers, &tool.scheme, STATE).map(|state| state.hash());
    let ticket = Token::parse(&ticket).map(|ticket| ticket.hash());
    let before = cookie(&headers, &tool.scheme, SESSION).map(|token| token.hash());
    let redeemed = match (&ticket, &state) {
        (Some(ticket), Some(state)) => {
            forward_auth::redeem(&app, &tool.host, ticket, state, before.as_ref()).await?
        }
        _ => None,
    };
    let Some(redeemed) = redeemed else {
        let told = Told {
            title: "This way in has ended",
            text: "It was used, took too long, or began in another browser.".to_owned(),
            email: None,
            next: Some(("Open the tool again", tool.origin())),
        };
        let line = format!(
            "This way in was used, took too long, or began in another browser. Open {} again.\n",
            tool.origin()
        );
        return Ok(tell(&headers, StatusCode::BAD_REQUEST, &told, line));
    };
    let mut response = html::redirect(&redeemed.back);
    // The mark stays: another tab may be on its way back too, and each ticket works once.
    set_cookie(response.headers_mut(), &tool.scheme, SESSION, redeemed.cookie.expose(), None);
    Ok(response)
}

#[derive(Template)]
#[template(path = "forward_auth/sign_out.html")]
struct SignOut<'a> {
    host: &'a str,
    done: bool,
}

/// `GET /.interlock/sign-out`, at a tool's host.
pub async fn confirm_sign_out(State(app): State<Shared>, headers: HeaderMap) -> Result {
    let tool = tool_host(&app, &headers).await?;
    Ok(html::page(&SignOut { host: &tool.host, done: false }))
}

/// `POST /.interlock/sign-out`, from a page of the same host alone.
pub async fn sign_out(State(app): State<Shared>, method: Method, headers: HeaderMap) -> Result {
    let host = one(&headers, "host").ok().flatten().unwrap_or_default();
    let own = ["http", "https"].map(|scheme| format!("{scheme}://{host}"));
    if !own.iter().any(|own| same_origin::allows(&method, &headers, own)) {
        return Err(Error::OtherOrigin);
    }
    let tool = tool_host(&app, &headers).await?;
    let cookie: Option<TokenHash> = cookie(&headers, &tool.scheme, SESSION).map(|token| token.hash());
    if let Some(cookie) = cookie {
        forward_auth::end_session(&app, &tool.host, &cookie).await?;
    }
    let mut response = html::page(&SignOut { host: &tool.host, done: true });
    set_cookie(response.headers_mut(), &tool.scheme, SESSION, "", Some(0));
    set_cookie(response.headers_mut(), &tool.scheme, STATE, "", Some(0));
    Ok(response)
}
