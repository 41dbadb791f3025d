//! `/forward-auth`: what a reverse proxy is told, and how a browser gets to a tool's host.

mod links;
mod proxies;
mod rules;
mod way_in;

use axum::http::Method;
use interlock::domain::resources::Audience;

use crate::support::access::{Thing, resource};
use crate::support::{Answer, TestApp, Visitor};

pub const TOOL: &str = "tool.localhost";
pub const AMARA: &str = "amara@halden.example";
pub const ANA: &str = "ana@halden.example";

/// A browser at the tool's host.
pub fn at_tool(app: &TestApp) -> Visitor {
    let mut browser = app.visitor();
    browser.host = TOOL.to_owned();
    browser
}

/// As Traefik asks for a page of a tool.
pub async fn ask(tool: &mut Visitor, path: &str) -> Answer {
    let host = tool.host.clone();
    let headers = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", host.as_str()),
        ("x-forwarded-uri", path),
        ("accept", "text/html,application/xhtml+xml"),
    ];
    tool.send(Method::GET, "/forward-auth", &headers, None).await
}

/// The path and query of an address at a host.
#[track_caller]
pub fn path_at(url: &str, origin: &str) -> String {
    let path = url.strip_prefix(origin).unwrap_or_else(|| panic!("{url} is not at {origin}"));
    assert!(path.starts_with('/'), "{url}");
    path.to_owned()
}

/// Where a page of ours leads on to.
#[track_caller]
pub fn onward(answer: &Answer) -> String {
    answer
        .header("refresh")
        .strip_prefix("0; url=")
        .unwrap_or_else(|| panic!("it leads on: {answer:?}"))
        .to_owned()
}

/// From the tool's refusal to Interlock's own page: its path.
pub async fn to_interlock(tool: &mut Visitor, path: &str) -> String {
    let origin = format!("http://{}", tool.host);
    let begin = path_at(&ask(tool, path).await.is(302).location(), &origin);
    path_at(&tool.get(&begin).await.is(303).location(), "http://localhost:3000")
}

/// The whole way: a page of a tool, for whoever is signed in at home.
pub async fn come_in(home: &mut Visitor, tool: &mut Visitor, path: &str) {
    let sign_in = to_interlock(tool, path).await;
    let mut page = home.get(&sign_in).await.ok();
    if page.header("refresh").is_empty() {
        page = agree(home, &sign_in).await.ok();
    }
    let callback = onward(&page);
    let callback = path_at(&callback, &format!("http://{}", tool.host));
    assert_eq!(tool.get(&callback).await.is(303).location(), path);
    ask(tool, path).await.is(200);
}

/// A guest lets the tool's organization know them.
pub async fn agree(home: &mut Visitor, sign_in: &str) -> Answer {
    let url = url::Url::parse(&format!("http://x{sign_in}")).expect("a URL");
    let fields: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    home.post("/forward-auth/sign-in", &fields).await
}

/// A tool of Amara's, for the entire organization.
pub async fn tool(app: &TestApp, org: &str) {
    let thing = Thing::tool("wiki", "http://tool.localhost/", Audience::EntireOrganization);
    resource(app, org, AMARA, &thing).await;
}
