//! `/v1`: keys, problems, and what machines ask about access.

mod check;
mod keys;

use axum::http::Method;
use interlock::clock::Timestamp;
use interlock::domain::access::Operator;
use interlock::domain::api_keys::{self, NewKey};
use serde_json::Value;

use crate::support::{Answer, TestApp, access};

pub const CHECK: &str = "/v1/access/check";
pub const BATCH: &str = "/v1/access/check/batch";

/// A live key of an organization's, and its id.
pub async fn key(
    app: &TestApp,
    org: &str,
    environment: &str,
    expires_at: Option<Timestamp>,
) -> (String, String) {
    let organization = access::organization(app, org).await.parse().expect("an id");
    let agent = "Gateway".parse().expect("a name");
    let new = NewKey { agent, name: None, environment: environment.to_owned(), expires_at };
    let made = api_keys::create_live(&app.app, organization, &new, &Operator::sysadmin()).await;
    let (key, secret) = made.expect("a key is made");
    (secret.expose().to_owned(), key.id.to_string())
}

/// Posts JSON with a key.
pub async fn post(app: &TestApp, key: &str, path: &str, body: &Value) -> Answer {
    send(app, Method::POST, path, &[("authorization", &format!("Bearer {key}"))], &body.to_string()).await
}

/// Whatever a program sends, as JSON unless a header says otherwise.
pub async fn send(app: &TestApp, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut program = app.visitor();
    program.origin = None;
    program.send_raw(method, path, headers, body.to_owned()).await
}

/// The answer's JSON, which is a problem of this type.
#[track_caller]
pub fn problem(answer: &Answer, status: u16, kind: &str) -> Value {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.body);
    assert!(!answer.header("x-request-id").is_empty());
    let problem: Value = serde_json::from_str(&answer.body).expect("it is JSON");
    assert_eq!(problem["type"], format!("urn:interlock:problem:{kind}"), "{problem}");
    assert_eq!(problem["status"], status);
    for part in ["title", "detail"] {
        assert!(problem[part].as_str().is_some_and(|text| text.len() > 10), "{problem}");
    }
    if status == 401 {
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    problem
}
