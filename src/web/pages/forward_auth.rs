//! `/forward-auth`: what a reverse proxy asks, and the way of a browser from a tool's host to ours and back.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::step_up;
use crate::app::Shared;
use crate::domain::environments::PRODUCTION;
use crate::domain::forward_auth::{self, Address, Asked, Need, Pass, Refused, Stranger, Verdict};
use crate::domain::resources::{Permission, Permissions};
use crate::domain::values::Theme;
use crate::secrets::{Token, TokenHash};
use crate::web::context::Context;
use crate::web::error::{AsItIs, Error, Result};
use crate::web::forms::Form;
use crate::web::gate::{self, Visitor};
use crate::web::{html, same_origin, session};

/// The cookie of a tool's host, and what says there which browser has asked to sign in.
const SESSION: (&str, &str) = ("interlock-tool", "__Host-interlock-tool");
const STATE: (&str, &str) = ("interlock-state", "__Host-interlock-state");
/// How long signing in may take: seconds.
const STATE_LIFE: i64 = 3_600;

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

/// A cookie of the tool's host. Of two of one name nobody can tell which is ours.
fn cookie(headers: &HeaderMap, scheme: &str, name: session::CookieName) -> Option<Token> {
    let name = if scheme == "https" { name.1 } else { name.0 };
    let mut found = session::cookies(headers).filter(|(key, _)| *key == name);
    let (_, value) = found.next().filter(|_| found.next().is_none())?;
    Token::parse(value)
}

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

/// An answer for what shows no pages.
fn plain(status: StatusCode, text: impl Into<String>) -> Response {
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
    let mut response = (status, content_type, text.into()).into_response();
    response.extensions_mut().insert(AsItIs);
    response
}

/// 302 to an address that we made of a registered tool's.
fn lead(status: StatusCode, url: &str) -> Response {
    let location = HeaderValue::from_str(url).unwrap_or(HeaderValue::from_static("/"));
    (status, [(header::LOCATION, location)]).into_response()
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

fn accepts_pages(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
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
    let url = format!("{}/.interlock/sign-in?to={}", address.origin(), html::query_value(&address.rest));
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreed {
    #[serde(default)]
    to: String,
    #[serde(default)]
    state: String,
}

#[derive(Deserialize)]
pub struct To {
    #[serde(default)]
    to: String,
    #[serde(default)]
    state: String,
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
}

/// `GET /forward-auth/sign-in`, at our own host: signs in whoever has to, and leads to the tool those who may open it.
pub async fn sign_in(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    headers: HeaderMap,
    Query(to): Query<To>,
) -> Result {
    toward(&app, &context, &visitor, &headers, &to, false).await
}

/// `POST /forward-auth/sign-in`, from our own page alone: a guest says that the tool's organization may know them.
pub async fn agree(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    headers: HeaderMap,
    Form(Agreed { to, state }): Form<Agreed>,
) -> Result {
    toward(&app, &context, &visitor, &headers, &To { to, state }, true).await
}

/// The address is a registered tool's, or there is nothing here: nobody is led anywhere else.
async fn toward(
    app: &Shared,
    context: &Context,
    visitor: &Visitor,
    headers: &HeaderMap,
    To { to, state }: &To,
    agreed: bool,
) -> Result {
    let address = Address::parse(to).map_err(|_| Error::NotFound)?;
    let asked = Asked { address: &address, origin: &context.origin };
    let is_hash = state.len() == 64 && state.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mark = if is_hash { format!("&state={state}") } else { String::new() };
    let back = format!("/forward-auth/sign-in?to={}{mark}", html::query_value(to));
    // Without a mark in the browser it gets one first, and comes back.
    let begin = || format!("{}/.interlock/sign-in?to={}", address.origin(), html::query_value(&address.rest));
    let links: Vec<TokenHash> = session::opened_links(app, headers).iter().map(Token::hash).collect();
    match forward_auth::at_home(app, &asked, visitor.token.as_ref(), &links, agreed).await? {
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
            Ok(onward(visitor, &address, &begin(), visitor.person.is_some()))
        }
        Verdict::SignIn(Need::Word(stranger)) => {
            let Stranger { person, organization } = stranger.as_ref();
            let theme = visitor.person.as_ref().map_or(Theme::default(), |person| person.theme);
            let (host, email) = (&address.host, &person.email);
            Ok(html::page(&Word { theme, host, organization, email, to, state }))
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
    let redeemed = match (&ticket, &state) {
        (Some(ticket), Some(state)) => forward_auth::redeem(&app, &tool.host, ticket, state).await?,
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
