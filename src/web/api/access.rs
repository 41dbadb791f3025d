//! `POST /v1/access/check`: may this person do this with that resource?

use std::str::FromStr;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Fields, Json, OrNull, Parsed, body};
use super::codes::PermissionWord;
use super::problem::{Problem, Result};
use super::reply::json;
use crate::app::Shared;
use crate::domain::api_keys::{Caller, KeyError};
use crate::domain::resources::checking::{self, Answer, MOST, Person, Question};
use crate::domain::resources::{Permission, Permissions};
use crate::domain::spending;

/// The answer to one question of access.
#[derive(Serialize, ToSchema)]
pub struct AccessAnswer {
    /// Whether they may.
    allowed: bool,
    /// Why, in a word that never changes, such as `team`, `entry`, `not_in_audience` or `unknown_resource`.
    #[schema(example = "team")]
    reason: &'static str,
    /// The same as a sentence.
    #[schema(example = "They are in the team support, which gives Read and Update.")]
    via: String,
    /// All that they may do with it.
    #[schema(value_type = Vec<PermissionWord>)]
    permissions: Vec<&'static str>,
}

/// The answers, in the order of the questions.
#[derive(Serialize, ToSchema)]
pub struct AccessAnswers {
    results: Vec<AccessAnswer>,
}

impl From<Answer> for AccessAnswer {
    fn from(answer: Answer) -> AccessAnswer {
        AccessAnswer {
            allowed: answer.allowed,
            reason: answer.reason,
            via: answer.via,
            permissions: answer.permissions.iter().map(Permission::word).collect(),
        }
    }
}

/// What may be asked about as a resource: a key that a resource could have.
#[derive(Clone, Debug)]
pub struct AskedKey(String);

impl FromStr for AskedKey {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<AskedKey, &'static str> {
        // PostgreSQL fails on a NUL, and no key of ours holds one.
        let is_one = !text.is_empty() && text.len() <= 1_000 && !text.contains('\0');
        if is_one { Ok(AskedKey(text.to_owned())) } else { Err("This is no resource's key.") }
    }
}

body! {
    /// May this person do this with that resource?
    pub struct AccessCheck {
        /// The resource's key, in the environment of the API key.
        #[schema(value_type = String, min_length = 1, max_length = 1000, example = "tools/refunds")]
        pub resource: Parsed<AskedKey>,
        #[schema(value_type = PermissionWord, example = "Read")]
        pub permission: Parsed<Permissions>,
        /// Who: an address, or a user's id. Null is whoever is not signed in.
        #[schema(value_type = Option<String>, required = true, example = "dana.kovac@halden.example")]
        pub user: OrNull<String>,
    }
}

/// Up to a hundred questions at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessChecks {
    /// The questions.
    #[schema(min_items = 1, max_items = 100)]
    checks: Vec<AccessCheck>,
}

impl Body for AccessChecks {
    const FIELDS: &'static [&'static str] = &["checks"];

    fn read(fields: &mut Fields<'_, '_>) -> Option<AccessChecks> {
        Some(AccessChecks { checks: fields.each("checks", MOST)? })
    }
}

impl From<AccessCheck> for Question {
    fn from(asked: AccessCheck) -> Question {
        Question {
            resource: asked.resource.0.0,
            permission: asked.permission.0,
            person: asked.user.0.map_or(Person::Nobody, |user| Person::parse(&user)),
        }
    }
}

/// Ask whether a person may do something with a resource
///
/// The same rule answers as on the resource's page. The answer is true now: ask again when it matters.
#[utoipa::path(post, path = "/v1/access/check", operation_id = "checkAccess", tag = "Access", request_body = AccessCheck,
    responses((status = 200, description = "The decision, allowed or not, and why", body = AccessAnswer),
        (status = 404, description = "`unknown-resource`: the environment of the key has no such resource")))]
pub async fn check(State(app): State<Shared>, caller: Caller, Json(asked): Json<AccessCheck>) -> Result {
    let question = Question::from(asked);
    let answer = answers(&app, &caller, std::slice::from_ref(&question)).await?.pop().flatten();
    match answer {
        Some(answer) => Ok(json(StatusCode::OK, &AccessAnswer::from(answer))),
        None => Err(Problem::unknown_resource(&question.resource, &caller.environment)),
    }
}

/// Ask up to a hundred questions at once
///
/// The answers come in the order of the questions. A resource that is not there is an answer here: `unknown_resource`.
#[utoipa::path(post, path = "/v1/access/check/batch", operation_id = "checkAccessBatch", tag = "Access",
    request_body = AccessChecks,
    responses((status = 200, description = "The decisions", body = AccessAnswers)))]
pub async fn check_many(
    State(app): State<Shared>,
    caller: Caller,
    Json(asked): Json<AccessChecks>,
) -> Result {
    let questions: Vec<Question> = asked.checks.into_iter().map(Question::from).collect();
    let answers = answers(&app, &caller, &questions).await?;
    let results = questions.iter().zip(answers).map(|(question, answer)| match answer {
        Some(answer) => answer.into(),
        None => AccessAnswer {
            allowed: false,
            reason: "unknown_resource",
            via: format!("There is no resource {} in {}.", question.resource, caller.environment),
            permissions: Vec::new(),
        },
    });
    Ok(json(StatusCode::OK, &AccessAnswers { results: results.collect() }))
}

async fn answers(app: &Shared, caller: &Caller, questions: &[Question]) -> Result<Vec<Option<Answer>>> {
    if !spending::use_up(app, caller, questions.len()).await? {
        return Err(KeyError::UsedUp.into());
    }
    let now = app.db.now();
    Ok(checking::check(&mut app.db.read().await?, &caller.place(), questions, now).await?)
}
