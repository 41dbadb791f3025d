//! What frames every request: its id, where it came from, its log line, and the headers of its answer.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use tracing::Instrument;
use uuid::Uuid;

use super::{error, session};
use crate::app::Shared;
use crate::domain::access::Origin;
use crate::domain::sessions::Device;

/// A request's id, its sender's address, and what kind of answer it wants.
#[derive(Clone, Debug)]
pub struct Context {
    pub origin: Origin,
    /// htmx asks for a piece of a page and not for a page.
    pub fragment: bool,
    /// A program asks, which reads JSON and no pages.
    pub json: bool,
    /// It is for `/v1`.
    pub api: bool,
    /// The element that the piece goes into.
    pub target: String,
    pub agent: String,
}

impl Context {
    pub fn device(&self) -> Device {
        Device { agent: self.agent.clone(), address: self.origin.address }
    }
}

impl<S: Sync> FromRequestParts<S> for Context {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Context, Infallible> {
        Ok(parts.extensions.get::<Context>().cloned().expect("the frame is around every route"))
    }
}

/// The outermost layer. Log lines name the route's pattern and never the path: links are secrets.
pub async fn frame(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let headers = request.headers();
    let context = Context {
        origin: Origin {
            address: client_address(&request, &app.config.trusted_proxies),
            request: Uuid::now_v7().simple().to_string(),
            by_key: None,
        },
        fragment: headers.get("hx-request").is_some_and(|value| value == "true"),
        json: wants_json(headers),
        api: request.uri().path().split('/').nth(1) == Some("v1"),
        target: text(headers, "hx-target"),
        agent: text(headers, header::USER_AGENT.as_str()),
    };
    let method = request.method().clone();
    request.extensions_mut().insert(context.clone());
    session::keep_own_cookies(&app, request.headers_mut());
    let span = tracing::info_span!("request", id = %context.origin.request);
    let mut response = next.run(request).instrument(span).await;
    session::take_back_whole(&app, response.headers_mut());
    let mut response = error::render(response, &context);
    if context.api && method == Method::OPTIONS && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = only_allow(&response);
    }
    dress(&mut response, &app);
    if let Ok(id) = HeaderValue::from_str(&context.origin.request) {
        response.headers_mut().insert("x-request-id", id);
    }
    let route = response.extensions().get::<Route>().map_or("-", |route| route.0.as_str());
    let (status, took) = (response.status().as_u16(), started.elapsed());
    app.metrics.answered(method.as_str(), route, status, took);
    // Outside the span, with its id: the log would take the span's fields apart and write them again.
    let (milliseconds, id) = (u64::try_from(took.as_millis()).unwrap_or(u64::MAX), &context.origin.request);
    tracing::info!(parent: None, id, method = method.as_str(), route, status, milliseconds, "answered");
    response
}

/// What may be sent to an address of `/v1` is no error to ask for (RFC 9110, 9.3.7). Scripts of other sites are told
/// nothing that would let them in.
fn only_allow(refused: &Response) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(allow) = refused.headers().get(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, allow.clone());
    }
    response
}

/// The pattern of the route that answered, for the log.
#[derive(Clone)]
pub struct Route(pub MatchedPath);

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = text(headers, header::ACCEPT.as_str());
    accept.contains("json") && !accept.contains("text/html")
}

fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// The peer, or behind named proxies the rightmost hop that is not one of them (ASVS 4.1.3). What
/// anyone else says of itself in a header is ignored.
fn client_address(request: &Request, proxies: &[IpNet]) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    let trusted = |address: &IpAddr| proxies.iter().any(|proxy| proxy.contains(address));
    if !trusted(&peer) {
        return Some(peer);
    }
    let hops: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut address = peer;
    for hop in hops.into_iter().rev() {
        let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
        address = hop.to_canonical();
        if !trusted(&address) {
            break;
        }
    }
    Some(address)
}

/// Made once: to look at each character of a value again for each answer would take longer than to send it.
static DRESS: [(HeaderName, HeaderValue); 9] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-create=(self), \
             publickey-credentials-get=(self)",
        ),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::VARY, HeaderValue::from_static("HX-Request")),
];

/// Headers of every answer, errors included (ASVS 3.4). One that a page set itself stays.
fn dress(response: &mut Response, app: &Shared) {
    let headers = response.headers_mut();
    // All at once: it would grow three times.
    headers.reserve(16);
    for (name, value) in &DRESS {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    if app.config.base_url.is_https() {
        let subdomains = app.config.hsts_subdomains;
        let value = if subdomains { "max-age=31536000; includeSubDomains" } else { "max-age=31536000" };
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HeaderValue::from_static(value));
    }
}
