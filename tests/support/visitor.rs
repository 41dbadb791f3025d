use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use interlock::clock::Clock;
use tower::ServiceExt;

use super::app::PASSWORD;

/// A request that takes longer waits for something that never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Someone with a browser: it keeps cookies and says where its requests come from.
#[derive(Clone)]
pub struct Visitor {
    router: Router,
    clock: Clock,
    own_origin: String,
    pub cookies: BTreeMap<String, String>,
    pub address: IpAddr,
    /// Headers that go with every request.
    pub headers: Vec<(String, String)>,
    /// What `Origin` says; `None` sends none.
    pub origin: Option<String>,
    /// The organization that the visitor is in: `/o/halden-freight`.
    pub org: String,
    pub email: String,
    /// The host that the browser is at.
    pub host: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
    asked: String,
}

impl Visitor {
    pub fn new(router: Router, clock: Clock, url: &str) -> Visitor {
        Visitor {
            router,
            clock,
            own_origin: url.to_owned(),
            cookies: BTreeMap::new(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            headers: vec![(
                "user-agent".to_owned(),
                "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0".to_owned(),
            )],
            origin: Some(url.to_owned()),
            org: String::new(),
            email: String::new(),
            host: "localhost:3000".to_owned(),
        }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, &[], Some(body)).await
    }

    /// As htmx asks for a piece of the page that it stands on.
    pub async fn get_fragment(&mut self, path: &str, target: &str) -> Answer {
        self.send(Method::GET, path, &[("hx-request", "true"), ("hx-target", target)], None).await
    }

    pub async fn post_fragment(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, &[("hx-request", "true")], Some(body)).await
    }

    /// As a program sends JSON, unless a header says otherwise.
    pub async fn send_raw(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let said = headers.iter().any(|(name, _)| *name == "content-type");
        let kind = (!said).then_some("application/json");
        self.send_as(method, path, headers, Some(body), kind).await
    }

    /// Anything else: the body is sent as a form, whatever it is.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        self.send_as(method, path, headers, body, Some("application/x-www-form-urlencoded")).await
    }

    async fn send_as(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
        kind: Option<&str>,
    ) -> Answer {
        // Time goes on between requests.
        self.clock.advance(10);
        let mut request =
            Request::builder().method(method.clone()).uri(path).header(header::HOST, self.host.as_str());
        for (name, value) in self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain(headers.iter().copied())
        {
            request = request.header(name, value);
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        if method != Method::GET
            && let Some(origin) = &self.origin
        {
            request = request.header(header::ORIGIN, origin);
        }
        if let (Some(_), Some(kind)) = (&body, kind) {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let mut request =
            request.body(Body::from(body.unwrap_or_default())).expect("the request is well-formed");
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(self.address, 50_000)));
        let answered = tokio::time::timeout(PATIENCE, self.router.clone().oneshot(request)).await;
        let response = answered.unwrap_or_else(|_| panic!("{method} {path} is never answered"));
        let (parts, body) = response.expect("the router always answers").into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            self.keep(cookie.to_str().expect("a cookie is text"));
        }
        let read = tokio::time::timeout(PATIENCE, body.collect()).await;
        let read = read.unwrap_or_else(|_| panic!("the answer to {method} {path} never ends"));
        let bytes = read.expect("the body ends").to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
            asked: format!("{method} {path}"),
        }
    }

    fn keep(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let (name, value) = pair.split_once('=').expect("a cookie has a name and a value");
        if attributes.contains("Max-Age=0") || value.is_empty() {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The session's cookie, as an attacker would take it.
    pub fn session_cookie(&self) -> Option<&String> {
        self.cookies.get("interlock").or_else(|| self.cookies.get("__Host-interlock"))
    }

    pub async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.post("/sign-in", &[("email", email), ("password", password)]).await
    }

    /// Proves anew who this is, for what asks for a proof of the last ten minutes.
    pub async fn step_up(&mut self) {
        self.post("/step-up", &[("password", PASSWORD)]).await.leads_to("/");
    }

    /// The same browser at another process.
    pub fn at(mut self, app: &super::TestApp) -> Visitor {
        self.router = app.router.clone();
        self
    }

    pub fn own_origin(&self) -> &str {
        &self.own_origin
    }
}

impl Answer {
    #[track_caller]
    pub fn is(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}: {}", self.asked, self.text());
        self
    }

    #[track_caller]
    pub fn ok(self) -> Answer {
        self.is(200)
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Answer {
        assert!(self.text().contains(text), "{} does not say {text:?}: {}", self.asked, self.text());
        self
    }

    #[track_caller]
    pub fn says_not(self, text: &str) -> Answer {
        assert!(!self.text().contains(text), "{} says {text:?}: {}", self.asked, self.text());
        self
    }

    /// A redirect to this path, whatever its query.
    #[track_caller]
    pub fn leads_to(self, path: &str) -> Answer {
        let location = self.location();
        assert_eq!(location.split('?').next(), Some(path), "{}", self.asked);
        self
    }

    #[track_caller]
    pub fn location(&self) -> String {
        let location = self.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        match location {
            Some(location) if self.status.is_redirection() => location.to_owned(),
            _ => panic!("{} leads nowhere: {} {}", self.asked, self.status, self.text()),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What a person reads: without tags, entities resolved, spaces made one.
    pub fn text(&self) -> String {
        let body = self.body.split_once("<body>").map_or(self.body.as_str(), |(_, body)| body);
        let mut text = String::new();
        let mut inside = false;
        for c in body.chars() {
            match c {
                '<' => {
                    inside = true;
                    text.push(' ');
                }
                '>' if inside => inside = false,
                c if !inside => text.push(c),
                _ => {}
            }
        }
        let text = text
            .replace("&#39;", "'")
            .replace("&#34;", "\"")
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&amp;", "&")
            .replace("&#38;", "&");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
