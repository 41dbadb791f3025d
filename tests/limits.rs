//! `/v1/check` and leases: what limits allow, exactly.

mod idempotency;
mod input;
mod intervals;
mod leases;
mod model;
mod races;
mod rules;

use axum::http::Method;
use interlock::domain::api_keys::Kind;
use serde_json::{Value, json};

use crate::api::{post, send};
use crate::support::database::execute;
use crate::support::keys::{Row, insert, permission};
use crate::support::{Answer, TestApp};

pub const CHECK: &str = "/v1/check";
pub const BATCH: &str = "/v1/check/batch";
pub const ICLOUD: &str = "source_type:icloud.account";

/// A live key with a permission of these scopes.
pub async fn key(app: &TestApp, org: &str, name: &str, scopes: &Value) -> String {
    let permission = permission(app, org, name, &scopes.to_string()).await;
    insert(app, &Row::live(org, Some(permission))).await.1
}

/// Gives a permission other scopes.
pub async fn rewrite(app: &TestApp, name: &str, scopes: &Value) {
    execute(app, &format!("update permissions set scopes = '{scopes}' where name = '{name}'")).await;
}

/// An ephemeral key, made from the only key of a permission.
pub async fn ephemeral(app: &TestApp, org: &str, parent: &str, scopes: &Value, uses: Option<i64>) -> String {
    let (id, secret) = insert(app, &Row { kind: Kind::Ephemeral, ..Row::live(org, None) }).await;
    let uses = uses.map_or_else(|| "null".to_owned(), |uses| uses.to_string());
    execute(
        app,
        &format!(
            "update api_keys set scopes = '{scopes}', most_uses = {uses}, parent = (select k.id from api_keys k \
             join permissions p on p.id = k.permission where p.name = '{parent}' and k.parent is null) where id = '{id}'"
        ),
    )
    .await;
    secret
}

pub async fn ask(app: &TestApp, key: &str, body: Value) -> Answer {
    post(app, key, CHECK, &body).await
}

/// Asks for one user of a scope.
pub fn of(scope: &str, user: &str) -> Value {
    json!({"scope": scope, "user": user})
}

/// The same question with something else beside.
pub fn and(mut question: Value, name: &str, value: impl Into<Value>) -> Value {
    question[name] = value.into();
    question
}

#[track_caller]
pub fn allowed(answer: &Answer) -> Value {
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
    let said: Value = serde_json::from_str(&answer.body).expect("it is JSON");
    assert_eq!(said["allowed"], true, "{said}");
    said
}

/// How much of the only limit of an answer is used.
#[track_caller]
pub fn used(answer: &Answer) -> i64 {
    let said = allowed(answer);
    let limits = said["limits"].as_array().expect("a list");
    assert_eq!(limits.len(), 1, "{said}");
    limits[0]["used"].as_i64().expect("a number")
}

pub async fn delete(app: &TestApp, key: &str, path: &str) -> Answer {
    send(app, Method::DELETE, path, &[("authorization", &format!("Bearer {key}"))], "").await
}

pub fn limit(level: &str, kind: &str, value: i64) -> Value {
    json!({"level": level, "type": kind, "value": value})
}

pub fn interval(level: &str, value: i64, period: impl Into<Value>) -> Value {
    json!({"level": level, "type": "interval", "value": value, "period": period.into()})
}
