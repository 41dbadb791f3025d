//! `/forward-auth`: what a reverse proxy asks, and the way of a browser from a tool's host to ours and back.

mod home;
mod proxy;
mod tool;

use askama::Template;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

pub use self::home::{agree, sign_in};
pub use self::proxy::ask;
pub use self::tool::{arrive, begin, confirm_sign_out, sign_out};
use crate::domain::forward_auth::Address;
use crate::secrets::Token;
use crate::web::error::AsItIs;
use crate::web::{html, session};

/// The cookie of a tool's host, and what says there which browser has asked to sign in.
const SESSION: (&str, &str) = ("interlock-tool", "__Host-interlock-tool");
const STATE: (&str, &str) = ("interlock-state", "__Host-interlock-state");

/// Why it can't be said which tool is asked about.
enum Unclear {
    /// The proxy says nothing: it is not set up.
    Nothing,
    /// What it says is twofold, or no address of a tool.
    Odd,
}

/// The one value of a header; two are nobody's.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> std::result::Result<Option<&'a str>, Unclear> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Unclear::Odd),
        (Some(_), Some(_)) => Err(Unclear::Odd),
    }
}

/// A cookie of the tool's host. Of two of one name nobody can tell which is ours.
fn cookie(headers: &HeaderMap, scheme: &str, name: session::CookieName) -> Option<Token> {
    let name = if scheme == "https" { name.1 } else { name.0 };
    let mut found = session::cookies(headers).filter(|(key, _)| *key == name);
    let (_, value) = found.next().filter(|_| found.next().is_none())?;
    Token::parse(value)
}

/// An answer for what shows no pages.
fn plain(status: StatusCode, text: impl Into<String>) -> Response {
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
    let mut response = (status, content_type, text.into()).into_response();
    response.extensions_mut().insert(AsItIs);
    response
}

/// Leads to an address that we made of a registered tool's.
fn lead(status: StatusCode, url: &str) -> Response {
    let location = HeaderValue::from_str(url).unwrap_or(HeaderValue::from_static("/"));
    (status, [(header::LOCATION, location)]).into_response()
}

/// What a browser shows at the tool's host, where `/.interlock/` alone is ours.
#[derive(Default, Template)]
#[template(path = "forward_auth/told.html")]
struct Told {
    title: &'static str,
    text: String,
    /// Who is signed in there.
    email: Option<String>,
    /// What to do next.
    next: Option<(&'static str, String)>,
}

/// A page for browsers, and a line of text for everything else. Proxies other than nginx pass on either.
fn tell(headers: &HeaderMap, status: StatusCode, told: &Told, line: impl Into<String>) -> Response {
    if !accepts_pages(headers) {
        return plain(status, line);
    }
    let mut response = html::page_with(status, told);
    response.extensions_mut().insert(AsItIs);
    response
}

fn accepts_pages(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// Where a browser begins to sign in, at the tool's host.
fn beginning(to: &Address) -> String {
    format!("{}/.interlock/sign-in?to={}", to.origin(), html::query_value(&to.rest))
}

#[derive(Deserialize)]
pub struct To {
    #[serde(default)]
    to: String,
    #[serde(default)]
    state: String,
}
