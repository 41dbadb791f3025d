//! Real OpenID providers (`tests/tools/provider.mjs`, `other_provider.mjs`) in processes of their own,
//! and a person at them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use interlock::clock::Timestamp;
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;

use super::program::PATIENCE;

/// An Entra tenant of the tests.
pub const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

/// One process is several providers, each with its issuer.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Generic,
    Google,
    Entra,
}

/// A running provider. Dropping it ends the process.
pub struct Provider {
    url: String,
    client: Client,
    _process: Child,
}

impl Provider {
    pub async fn start() -> Provider {
        Provider::run("provider.mjs").await
    }

    /// Another library's, of one kind, which signs everybody in and takes no orders.
    pub async fn start_other() -> Provider {
        Provider::run("other_provider.mjs").await
    }

    async fn run(script: &str) -> Provider {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools");
        let mut process = Command::new("node")
            .arg(script)
            .current_dir(tools)
            // It ends when this is closed, however the tests end.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node and the packages of tests/tools are installed, by tests/run");
        let output = process.stdout.take().expect("its output is a pipe");
        let mut lines = BufReader::new(output).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("it starts in time");
        let line = line.expect("it can be read");
        let line: Value = serde_json::from_str(&line.expect("it starts")).expect("it says where it listens");
        let url = line["url"].as_str().expect("it says where it listens").to_owned();
        Provider { url, client: client(), _process: process }
    }

    /// What `INTERLOCK_OUTBOUND_ALLOW` must hold.
    pub fn origin(&self) -> &str {
        &self.url
    }

    pub fn issuer(&self, kind: Kind) -> String {
        match kind {
            Kind::Generic => self.url.clone(),
            Kind::Google => format!("{}/google", self.url),
            Kind::Entra => format!("{}/{TENANT}/v2.0", self.url),
        }
    }

    /// A client that every kind of provider knows.
    pub async fn register(&self, client_id: &str, client_secret: &str, redirect_uri: &str) {
        self.register_as(json!({
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uris": [redirect_uri],
        }))
        .await;
    }

    /// The same with all metadata that OpenID Connect has for clients.
    pub async fn register_as(&self, metadata: Value) {
        self.control(json!({ "register": metadata })).await;
    }

    /// What is asserted of a login, beside the usual; null takes a claim away.
    pub async fn claims(&self, login: &str, claims: Value) {
        self.control(json!({ "claims": { "login": login, "claims": claims } })).await;
    }

    /// The same, where email and name are only at the userinfo endpoint.
    pub async fn claims_by_userinfo(&self, login: &str, claims: Value) {
        let claims = json!({ "login": login, "claims": claims, "userinfo_only": true });
        self.control(json!({ "claims": claims })).await;
    }

    /// Sets the provider's clock, which goes on from there.
    pub async fn set_clock(&self, now: Timestamp) {
        self.control(json!({ "now": now.0 })).await;
    }

    async fn control(&self, order: Value) {
        let request = self.client.post(format!("{}/control", self.url)).body(order.to_string());
        let answer = request.send().await.expect("the provider answers");
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{order}");
    }

    /// Signs somebody in at the provider and consents, in a browser that was never there before.
    /// Gives the address that the provider sends the browser back to.
    pub async fn approve(&self, authorization_url: &str, login: &str) -> String {
        self.person().approve(authorization_url, login).await
    }

    /// A browser of its own, which the provider knows again.
    pub fn person(&self) -> Person {
        Person { origin: self.url.clone(), client: client(), cookies: BTreeMap::new() }
    }
}

/// Somebody's browser at the provider.
pub struct Person {
    origin: String,
    client: Client,
    cookies: BTreeMap<String, String>,
}

impl Person {
    pub async fn approve(&mut self, authorization_url: &str, login: &str) -> String {
        let mut answer = self.get(authorization_url).await;
        for _ in 0..12 {
            if answer.status().is_redirection() {
                let from = answer.url().clone();
                let to = answer.headers()[header::LOCATION].to_str().expect("a location is text");
                let to = from.join(to).expect("a location is an address");
                if to.origin().ascii_serialization() != self.origin {
                    return to.into();
                }
                answer = self.get(to.as_str()).await;
                continue;
            }
            let (page, status) = (answer.url().clone(), answer.status());
            let body = answer.text().await.expect("the page is text");
            assert_eq!(status, StatusCode::OK, "{page}: {body}");
            answer = self.press(&page, &body, login).await;
        }
        panic!("the provider goes in circles");
    }

    /// Fills in the page's form: the login's, the consent's, or what a browser sends by itself.
    async fn press(&mut self, page: &Url, body: &str, login: &str) -> Response {
        let action = between(body, " action=\"", "\"").replace("&amp;", "&");
        let action = page.join(&action).expect("the form leads somewhere");
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for field in body.split("<input type=\"hidden\" name=\"").skip(1) {
            let name = field.split('"').next().unwrap_or_default();
            form.append_pair(name, between(field, "value=\"", "\""));
        }
        if body.contains("name=\"login\"") {
            form.append_pair("login", login).append_pair("password", "any");
        }
        let request = self
            .client
            .post(action)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.finish());
        self.send(request).await
    }

    async fn get(&mut self, address: &str) -> Response {
        let request = self.client.get(address);
        self.send(request).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Response {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(header::COOKIE, cookies.join("; "));
        let answer = request.send().await.expect("the provider answers");
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("a cookie is text");
            let (name, rest) = cookie.split_once('=').expect("a cookie has a name");
            let value = rest.split(';').next().unwrap_or_default();
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }
}

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client =
        Client::builder().timeout(PATIENCE).no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    client.expect("a client can be made")
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let found = text.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    found.unwrap_or_else(|| panic!("no {before} in {text}")).0
}
