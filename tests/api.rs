//! `/v1`: keys, problems, and what machines ask about access.

mod audit;
mod bodies;
mod check;
mod document;
mod keys;
mod once;
mod programs;
mod resources;
mod teams;
mod users;

use axum::http::Method;
use interlock::clock::Timestamp;
use interlock::domain::access::Operator;
use interlock::domain::api_keys::{self, NewKey};
use serde_json::Value;

use crate::support::{Answer, TestApp, access, database, keys as keys_of};

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
    let new = NewKey { agent, name: None, environment: environment.to_owned(), permission: None, expires_at };
    let made = api_keys::create_live(&app.app, organization, &new, &Operator::sysadmin()).await;
    let (key, secret) = made.expect("a key is made");
    (secret.expose().to_owned(), key.id.to_string())
}

/// Posts JSON with a key.
pub async fn post(app: &TestApp, key: &str, path: &str, body: &Value) -> Answer {
    send(app, Method::POST, path, &[("authorization", &format!("Bearer {key}"))], &body.to_string()).await
}

/// An admin key of the organization's Owner, who signed up with this address.
pub async fn admin(app: &TestApp, org: &str, owner: &str) -> String {
    keys_of::insert(app, &keys_of::Row::admin(org, owner)).await.1
}

/// Calls with a key, and with JSON if there is any. Without a key, if it is empty.
pub async fn call(app: &TestApp, key: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
    call_with(app, key, method, path, body, &[]).await
}

/// The same with other headers.
pub async fn call_with(
    app: &TestApp,
    key: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
    more: &[(&str, &str)],
) -> Answer {
    let bearer = format!("Bearer {key}");
    let mut headers = more.to_vec();
    if !key.is_empty() {
        headers.push(("authorization", &bearer));
    }
    let method = method.parse().expect("a method");
    send(app, method, path, &headers, &body.map(Value::to_string).unwrap_or_default()).await
}

#[track_caller]
pub fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{} is JSON", answer.body))
}

/// Where something is wrong, by the problem.
pub fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().into_iter().flatten().filter_map(|error| error["pointer"].as_str()).collect()
}

/// The newest audit row's kind and the key that it names, as "member.removed by An admin key (il_admin_…)".
pub async fn newest_row(app: &TestApp) -> (String, String) {
    let row = "select kind || '|' || changes from audit_events where chain <> 'instance' order by at desc, seq desc limit 1";
    let row = database::only(database::texts(app, row).await);
    let (kind, changes) = row.split_once('|').expect("a kind and changes");
    let changes: Value = serde_json::from_str(changes).expect("it is JSON");
    (kind.to_owned(), changes["by_key"]["new"].as_str().unwrap_or_default().to_owned())
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
