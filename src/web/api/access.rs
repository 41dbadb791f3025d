//! `POST /v1/access/check`: may this person do this with that resource?

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::body::{self, Fields};
use super::problem::{Fault, Problem, Result};
use crate::app::Shared;
use crate::domain::api_keys::Caller;
use crate::domain::resources::checking::{self, Answer, MOST, Person, Question};
use crate::domain::resources::{Permission, Permissions};

#[derive(Serialize)]
struct Answered {
    allowed: bool,
    reason: &'static str,
    via: String,
    permissions: Vec<&'static str>,
}

#[derive(Serialize)]
struct Batch {
    results: Vec<Answered>,
}

impl From<Answer> for Answered {
    fn from(answer: Answer) -> Answered {
        Answered {
            allowed: answer.allowed,
            reason: answer.reason,
            via: answer.via,
            permissions: answer.permissions.iter().map(Permission::word).collect(),
        }
    }
}

pub async fn check(State(app): State<Shared>, caller: Caller, headers: HeaderMap, body: Bytes) -> Result {
    let mut faults = Vec::new();
    let question = question(&body::json(&headers, &body)?, "", &mut faults);
    let question = question.filter(|_| faults.is_empty()).ok_or_else(|| Problem::invalid(faults))?;
    let answer = answers(&app, &caller, std::slice::from_ref(&question)).await?.pop().flatten();
    match answer {
        Some(answer) => Ok(json(&Answered::from(answer))),
        None => Err(Problem::unknown_resource(&question.resource, &caller.environment)),
    }
}

/// Up to a hundred questions at once: the answers come in their order.
pub async fn check_many(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result {
    let mut faults = Vec::new();
    let body = body::json(&headers, &body)?;
    let checks = Fields::of(&body, "", &["checks"], &mut faults).list("checks", MOST).unwrap_or_default();
    let read =
        checks.iter().enumerate().map(|(at, one)| question(one, &format!("/checks/{at}"), &mut faults));
    let questions: Vec<Question> = read.collect::<Vec<_>>().into_iter().flatten().collect();
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let answers = answers(&app, &caller, &questions).await?;
    let results = questions.iter().zip(answers).map(|(question, answer)| match answer {
        Some(answer) => answer.into(),
        None => Answered {
            allowed: false,
            reason: "unknown_resource",
            via: format!("There is no resource {} in {}.", question.resource, caller.environment),
            permissions: Vec::new(),
        },
    });
    Ok(json(&Batch { results: results.collect() }))
}

async fn answers(app: &Shared, caller: &Caller, questions: &[Question]) -> Result<Vec<Option<Answer>>> {
    let now = app.db.now();
    Ok(checking::check(&mut app.db.read().await?, &caller.place(), questions, now).await?)
}

fn question(value: &Value, at: &str, faults: &mut Vec<Fault>) -> Option<Question> {
    let mut fields = Fields::of(value, at, &["resource", "permission", "user"], faults);
    let resource = fields.text("resource");
    // PostgreSQL fails on a NUL, and no key of ours holds one.
    if resource.is_some_and(|key| key.is_empty() || key.len() > 1_000 || key.contains('\0')) {
        fields.fault("resource", "This is no resource's key.");
        return None;
    }
    let permission = fields.text("permission").and_then(|word| match word.parse::<Permissions>() {
        Ok(permission) => Some(permission),
        Err(error) => {
            fields.fault("permission", error.to_string());
            None
        }
    });
    let person = fields.text_or_null("user").map(|user| user.map_or(Person::Nobody, Person::parse));
    Some(Question { resource: resource?.to_owned(), permission: permission?, person: person? })
}

fn json(value: &impl Serialize) -> Response {
    let text = serde_json::to_string(value).unwrap_or_default();
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
}
