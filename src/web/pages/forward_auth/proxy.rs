//! What a reverse proxy asks, and is told.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{SESSION, Told, Unclear, accepts_pages, beginning, cookie, lead, one, plain, tell};
use crate::app::Shared;
use crate::domain::forward_auth::{self, Address, Asked, Refused, Verdict};
use crate::domain::resources::{Permission, Permissions};
use crate::web::context::Context;
use crate::web::error::Result;
use crate::web::html;

/// The address that a browser has asked the proxy for, and whether that proxy is nginx. A proxy sets one of the two
/// kinds of headers and may pass on the other as a browser sent it: where both are there, they have to agree.
fn address(headers: &HeaderMap) -> std::result::Result<(Address, bool), Unclear> {
    let original = one(headers, "x-original-url")?.map(|url| Address::parse(url).map_err(|_| Unclear::Odd));
    let original = original.transpose()?;
    let [scheme, host, uri] =
        ["x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri"].map(|name| one(headers, name));
    let forwarded = match (scheme?, host?, uri?) {
        (Some(scheme), Some(host), Some(uri)) => {
            Some(Address::new(scheme, host, uri).map_err(|_| Unclear::Odd)?)
        }
        // Who sends one of these only has another proxy before this one, which says less.
        (_, _, None) => None,
        _ => return Err(Unclear::Odd),
    };
    match (original, forwarded) {
        (Some(original), Some(forwarded)) if original != forwarded => Err(Unclear::Odd),
        (Some(original), _) => Ok((original, true)),
        (None, Some(forwarded)) => Ok((forwarded, false)),
        (None, None) => Err(Unclear::Nothing),
    }
}

/// `GET /forward-auth`
pub async fn ask(State(app): State<Shared>, context: Context, headers: HeaderMap) -> Result {
    let (address, is_nginx) = match address(&headers) {
        Ok(found) => found,
        Err(Unclear::Nothing) => {
            return Ok(plain(
                StatusCode::BAD_REQUEST,
                "This is for a reverse proxy, which has to say what is asked for.\n",
            ));
        }
        Err(Unclear::Odd) => {
            let told = Told { title: "This address can’t be opened", ..Told::default() };
            return Ok(tell(&headers, StatusCode::FORBIDDEN, &told, "This address can't be opened.\n"));
        }
    };
    let cookie = cookie(&headers, &address.scheme, SESSION).map(|token| token.hash());
    let asked = Asked { address: &address, origin: &context.origin };
    match forward_auth::at_tool(&app, &asked, cookie.as_ref(), is_click(&headers)).await? {
        Verdict::Open { visitor, permissions, .. } => Ok(open(visitor.as_deref(), permissions)),
        Verdict::SignIn(_) => Ok(sign_in_first(&headers, &address, is_nginx)),
        Verdict::Refused(refused) => Ok(refused_at_tool(&app, &headers, &address, &refused)),
        Verdict::Unknown => {
            let told = Told {
                title: "There is no tool at this address",
                text: "Whoever runs it has to add it as a resource, or to correct the address there."
                    .to_owned(),
                ..Told::default()
            };
            Ok(tell(&headers, StatusCode::FORBIDDEN, &told, "There is no tool at this address.\n"))
        }
    }
}

/// Who it is that may not, and whom to ask: members who may know of the tool can ask for it (A13).
fn refused_at_tool(app: &Shared, headers: &HeaderMap, address: &Address, refused: &Refused) -> Response {
    let home = app.config.base_url.as_str();
    let ask = format!("{home}/forward-auth/sign-in?to={}", html::query_value(&address.url()));
    let line = format!("You may not open this. Whom to ask: {ask}\n");
    let (text, next) = match refused.known_in {
        Some(_) => ("It is not open to you. You can ask whoever manages it.", ("Ask for access", ask)),
        None => (
            "It is not open to you. Ask whoever sent you here to share it with you.",
            ("Go to Interlock", format!("{home}/")),
        ),
    };
    let told = Told {
        title: "You can’t open this",
        text: text.to_owned(),
        email: Some(refused.person.email.clone()),
        next: Some(next),
    };
    tell(headers, StatusCode::FORBIDDEN, &told, line)
}

/// Whether a person opens a page: what a page asks for by itself keeps no session awake (S10).
fn is_click(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => accepts_pages(headers),
    }
}

/// The headers that a tool reads. Each is there always: one that was left out could be the browser's own.
fn open(visitor: Option<&forward_auth::Visitor>, permissions: Permissions) -> Response {
    let words: Vec<&str> = permissions.iter().map(Permission::word).collect();
    let [user, email, name, role, teams] = match visitor {
        Some(forward_auth::Visitor { person, role, teams }) => [
            person.user.to_string(),
            header_safe(&person.email),
            header_safe(&person.name),
            role.map_or("guest", |role| role.code()).to_owned(),
            teams.join(","),
        ],
        None => Default::default(),
    };
    let mut response = StatusCode::OK.into_response();
    let values = [
        ("x-interlock-user", user),
        ("x-interlock-email", email),
        ("x-interlock-name", name),
        ("x-interlock-role", role),
        ("x-interlock-teams", teams),
        ("x-interlock-permissions", words.join(",")),
    ];
    for (name, value) in values {
        let value = HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""));
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}

/// Text as a header can hold it: UTF-8, with everything but plain characters percent-encoded, and `%` too.
fn header_safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => safe.push(char::from(byte)),
            _ => safe.push_str(&format!("%{byte:02X}")),
        }
    }
    safe
}

/// A browser that opens a page is led to where it signs in; to anything else, and to nginx, the place is named.
fn sign_in_first(headers: &HeaderMap, address: &Address, is_nginx: bool) -> Response {
    let url = beginning(address);
    let method = headers.get("x-forwarded-method").map(HeaderValue::as_bytes);
    let reads = matches!(method, None | Some(b"GET" | b"HEAD"));
    let navigates = headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    let mut response = if !is_nginx && reads && navigates && accepts_pages(headers) {
        lead(StatusCode::FOUND, &url)
    } else {
        let told = Told {
            title: "Sign in first",
            text: "What you sent did not go through. Sign in, go back and send it again.".to_owned(),
            email: None,
            next: Some(("Sign in", url.clone())),
        };
        tell(headers, StatusCode::UNAUTHORIZED, &told, format!("Sign in first: {url}\n"))
    };
    if let Ok(url) = HeaderValue::from_str(&url) {
        response.headers_mut().insert("x-interlock-sign-in", url);
    }
    response
}
