//! The local mailbox: what was mailed while no SMTP server is named (I9).

use std::net::SocketAddr;

use askama::Template;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};

use crate::app::Shared;
use crate::domain::previews;
use crate::mail::{Mailbox, Message, StoredMail, StoredSummary, View};
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::html::{self, Moment, Times};

const FORWARDING: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via"];

/// It holds links that sign people in: shown only to a browser on this very machine, and never
/// through a proxy, which would make everyone look local.
pub fn is_shown(app: &Shared, context: &Context, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    app.config.smtp_url.is_none()
        && app.config.base_url.is_loopback()
        && matches!(name, "localhost" | "127.0.0.1" | "[::1]")
        && context.origin.address.is_none_or(|address| address.is_loopback())
        && FORWARDING.iter().all(|name| !headers.contains_key(HeaderName::from_static(name)))
}

fn mailbox(app: &Shared, context: &Context, headers: &HeaderMap, peer: SocketAddr) -> Result<Mailbox> {
    if peer.ip().to_canonical().is_loopback() && is_shown(app, context, headers) {
        Ok(Mailbox::new(&app.config.data_dir))
    } else {
        Err(Error::NotFound)
    }
}

fn unreadable(error: std::io::Error) -> Error {
    Error::Internal(error.into())
}

#[derive(Template)]
#[template(path = "mailbox/index.html")]
struct Index {
    mails: Vec<(StoredSummary, Moment)>,
    /// Whose mails were asked for.
    to: String,
    newer: Option<String>,
    older: Option<String>,
}

pub async fn index(
    State(app): State<Shared>,
    context: Context,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Query(view): Query<View>,
) -> Result {
    let times = Times::utc(app.db.now());
    let listed = mailbox(&app, &context, &headers, peer)?.list(&view).await.map_err(unreadable)?;
    let link = |place: &str, mail: Option<&StoredSummary>| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !view.to.is_empty() {
            query.append_pair("to", &view.to);
        }
        query.append_pair(place, &mail?.name);
        Some(format!("/mailbox?{}", query.finish()))
    };
    let dated = |mail: StoredSummary| {
        let at = times.moment(mail.at);
        (mail, at)
    };
    Ok(html::page(&Index {
        newer: link("after", listed.mails.first().filter(|_| listed.newer)),
        older: link("before", listed.mails.last().filter(|_| listed.older)),
        mails: listed.mails.into_iter().map(dated).collect(),
        to: view.to,
    }))
}

/// A line of a mail's text, with the address in it, should there be one, apart.
struct Line {
    before: String,
    url: Option<String>,
}

#[derive(Template)]
#[template(path = "mailbox/show.html")]
struct Show {
    subject: String,
    to: String,
    /// When it was sent; a sample was not.
    at: Option<Moment>,
    lines: Vec<Line>,
    /// Where its html form is.
    html: String,
    back: (&'static str, &'static str),
}

async fn find(
    app: &Shared,
    context: &Context,
    headers: &HeaderMap,
    peer: SocketAddr,
    name: &str,
) -> Result<StoredMail> {
    let mailbox = mailbox(app, context, headers, peer)?;
    mailbox.read(name).await.map_err(unreadable)?.ok_or(Error::NotFound)
}

pub async fn show(
    State(app): State<Shared>,
    context: Context,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result {
    let mail = find(&app, &context, &headers, peer, &name).await?;
    Ok(html::page(&Show {
        subject: mail.summary.subject,
        to: mail.summary.to,
        at: Some(Times::utc(app.db.now()).moment(mail.summary.at)),
        lines: lines(&app, &mail.text),
        html: format!("/mailbox/{name}/html"),
        back: ("/mailbox", "All mail"),
    }))
}

fn lines(app: &Shared, text: &str) -> Vec<Line> {
    let own = app.config.base_url.as_str();
    let line = |line: &str| match line.starts_with(own) {
        true => Line { before: String::new(), url: Some(line.to_owned()) },
        false => Line { before: line.to_owned(), url: None },
    };
    text.lines().map(line).collect()
}

/// The html form as a mail program shows it: its styles are inline, its scripts, had it any, dead.
pub async fn html_part(
    State(app): State<Shared>,
    context: Context,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result {
    let mail = find(&app, &context, &headers, peer, &name).await?;
    Ok(as_html(mail.html))
}

fn as_html(html: String) -> Response {
    let mut response: Response = Html(html).into_response();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                  frame-ancestors 'none'; sandbox allow-top-navigation-by-user-activation";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

#[derive(Template)]
#[template(path = "mailbox/kinds.html")]
struct Kinds {
    mails: Vec<Message>,
}

/// One of each kind of mail, with data that nobody has.
pub async fn kinds(
    State(app): State<Shared>,
    context: Context,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result {
    mailbox(&app, &context, &headers, peer)?;
    Ok(html::page(&Kinds { mails: previews::all(&app) }))
}

fn sample(
    app: &Shared,
    context: &Context,
    headers: &HeaderMap,
    peer: SocketAddr,
    kind: &str,
) -> Result<Message> {
    mailbox(app, context, headers, peer)?;
    previews::all(app).into_iter().find(|message| message.kind == kind).ok_or(Error::NotFound)
}

pub async fn kind(
    State(app): State<Shared>,
    context: Context,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(kind): Path<String>,
) -> Result {
    let message = sample(&app, &context, &headers, peer, &kind)?;
    let body = message.render(app.config.base_url.as_str());
    Ok(html::page(&Show {
        lines: lines(&app, &body.text),
        subject: message.subject,
        to: message.to,
        at: None,
        html: format!("/mailbox/kinds/{kind}/html"),
        back: ("/mailbox/kinds", "All kinds"),
    }))
}

pub async fn kind_html(
    State(app): State<Shared>,
    context: Context,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(kind): Path<String>,
) -> Result {
    let message = sample(&app, &context, &headers, peer, &kind)?;
    Ok(as_html(message.render(app.config.base_url.as_str()).html))
}
