//! `POST /v1/check`: may this key do that for this user, now? What is allowed is spent. Leases of what may be done so
//! often at once.

mod answers;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use utoipa::ToSchema;

pub use self::answers::{Allowed, Checks, LeaseState};
use super::body::{self, Body, Fields, Json, body};
use super::problem::{Fault, Problem, Result};
use super::reply::json;
use crate::app::Shared;
use crate::clock::SECOND;
use crate::domain::api_keys::Caller;
use crate::domain::permissions::Scope;
use crate::domain::spending::{
    self, LONGEST_LEASE, LONGEST_NAME, LeaseError, MOST_CHECKS, MOST_COST, Question, USUAL_LEASE,
};
use crate::ids::LeaseId;

body! {
    /// May this key do this now? What is allowed is spent of every limit that holds for it.
    pub struct Check {
        /// What it is about: a type, a colon, and names with dots between them. Never with a `*`.
        #[schema(example = "source_type:icloud.account")]
        pub scope: String,
        /// Your own name for the user that this is for, of at most 500 bytes. Needed where each user is limited.
        #[schema(example = "user-1874")]
        pub user: Option<String>,
        /// What is acted on, of at most 500 bytes: counts and intervals are spent once for each.
        pub object: Option<String>,
        /// How much it spends; 1, if nothing is said.
        #[schema(minimum = 1, maximum = 9007199254740992_i64)]
        pub cost: Option<i64>,
        /// The same question with the same key gives the same answer for 24 hours, and is spent once. At most 500 bytes.
        pub idempotency_key: Option<String>,
        /// Answers as it would, and spends nothing.
        pub dry_run: Option<bool>,
        /// Seconds until a lease ends that nobody gives back or renews; 60, if nothing is said.
        #[schema(minimum = 1, maximum = 3600)]
        pub ttl: Option<i64>,
    }
}

/// Up to a hundred checks. Each is allowed or refused by itself, in their order.
#[derive(Debug, ToSchema)]
pub struct CheckBatch {
    #[schema(min_items = 1, max_items = 100)]
    pub checks: Vec<Check>,
}

impl Body for CheckBatch {
    const FIELDS: &'static [&'static str] = &["checks"];

    fn read(fields: &mut Fields<'_, '_>) -> Option<CheckBatch> {
        Some(CheckBatch { checks: fields.each("checks", MOST_CHECKS)? })
    }
}

body! {
    /// How long a lease goes on.
    pub struct Renewal {
        /// Seconds from now on; 60, if nothing is said.
        #[schema(minimum = 1, maximum = 3600)]
        pub ttl: Option<i64>,
    }
}

/// Ask whether a key may do something
///
/// It is spent, if it may.
#[utoipa::path(
    post, path = "/v1/check", operation_id = "check", tag = "Checks", request_body = Check,
    responses(
        (status = 200, description = "It is allowed, and spent.", body = Allowed),
        (status = 403, description = "`not-covered`: a permission does not cover the scope. `limit-exceeded`: a count is used up."),
        (status = 422, description = "`user-missing`: each user is limited, and none is named. `idempotency-mismatch`: the idempotency key came with another question."),
        (status = 429, description = "`limit-exceeded`: an interval or what may be done at once is used up. `Retry-After` says when to ask again, where waiting helps."),
    ),
)]
pub async fn check(State(app): State<Shared>, caller: Caller, Json(check): Json<Check>) -> Result {
    let mut faults = Vec::new();
    let question = question(check, "", &mut faults);
    let question = question.filter(|_| faults.is_empty()).ok_or_else(|| Problem::invalid(faults))?;
    let answer = spending::check(&app, &caller, std::slice::from_ref(&question)).await?.pop();
    match answer {
        Some(Ok(granted)) => Ok(answers::allowed(&granted, app.db.now())),
        Some(Err(refused)) => Ok(answers::refused(&refused, app.db.now())),
        None => Err(Problem::of_status(StatusCode::SERVICE_UNAVAILABLE)),
    }
}

/// Ask up to a hundred such questions at once
///
/// Each is allowed or refused by itself, as if they had been asked one after the other.
#[utoipa::path(
    post, path = "/v1/check/batch", operation_id = "checkBatch", tag = "Checks", request_body = CheckBatch,
    responses(
        (status = 200, description = "An answer to each, in their order.", body = Checks),
        (status = 422, description = "`invalid`: a value has to be changed; nothing was spent."),
    ),
)]
pub async fn check_many(State(app): State<Shared>, caller: Caller, Json(batch): Json<CheckBatch>) -> Result {
    let mut faults = Vec::new();
    let read = batch
        .checks
        .into_iter()
        .enumerate()
        .map(|(number, check)| question(check, &format!("/checks/{number}"), &mut faults));
    let questions: Vec<Question> = read.collect::<Vec<_>>().into_iter().flatten().collect();
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let given = spending::check(&app, &caller, &questions).await?;
    Ok(json(StatusCode::OK, &answers::all(&given, app.db.now())))
}

/// Renew a lease
#[utoipa::path(
    post, path = "/v1/leases/{id}/renew", operation_id = "renewLease", tag = "Checks", request_body = Renewal,
    params(("id" = String, Path, description = "The lease, as the check gave it.")),
    responses(
        (status = 200, description = "It lasts so long now.", body = LeaseState),
        (status = 404, description = "`unknown-lease`: this key has no such lease."),
        (status = 409, description = "`lease-expired`: it has ended, or was given back."),
    ),
)]
pub async fn renew(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result {
    let mut faults = Vec::new();
    // Whoever says nothing need not send an empty object.
    let given = if body.is_empty() { serde_json::json!({}) } else { body::json(&headers, &body)? };
    let renewal = Renewal::read(&mut Fields::of(&given, "", Renewal::FIELDS, &mut faults));
    let ttl = renewal.and_then(|renewal| ttl(renewal.ttl, "", &mut faults));
    let ttl = ttl.filter(|_| faults.is_empty()).ok_or_else(|| Problem::invalid(faults))?;
    let lease = spending::renew(&app, &caller, lease(&id)?, ttl).await?;
    Ok(json(StatusCode::OK, &LeaseState::from(&lease)))
}

/// Give a lease back
///
/// Its place is free at once. One that has ended already stays so.
#[utoipa::path(
    delete, path = "/v1/leases/{id}", operation_id = "releaseLease", tag = "Checks",
    params(("id" = String, Path, description = "The lease, as the check gave it.")),
    responses(
        (status = 204, description = "It is over."),
        (status = 404, description = "`unknown-lease`: this key has no such lease."),
    ),
)]
pub async fn release(State(app): State<Shared>, caller: Caller, Path(id): Path<String>) -> Result {
    spending::release(&app, &caller, lease(&id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn lease(id: &str) -> Result<LeaseId> {
    id.parse().map_err(|_| LeaseError::NotFound.into())
}

/// Reads a question; `at` is its own pointer.
fn question(check: Check, at: &str, faults: &mut Vec<Fault>) -> Option<Question> {
    let before = faults.len();
    let mut fault = |name: &str, detail: String| faults.push(Fault::new(format!("{at}/{name}"), detail));
    let scope = check.scope.parse::<Scope>().map_err(|error| fault("scope", error.to_string()));
    for (name, given) in
        [("user", &check.user), ("object", &check.object), ("idempotency_key", &check.idempotency_key)]
    {
        if given.as_ref().is_some_and(|given| given.is_empty() || given.len() > LONGEST_NAME) {
            fault(name, format!("{name} has 1 to {LONGEST_NAME} bytes, or is left out."));
        }
    }
    let cost = check.cost.unwrap_or(1);
    if !(1..=MOST_COST).contains(&cost) {
        fault("cost", "cost is a whole number from 1 on.".to_owned());
    }
    let ttl = ttl(check.ttl, at, faults)?;
    let scope = scope.ok().filter(|_| faults.len() == before)?;
    let Check { user, object, idempotency_key, .. } = check;
    Some(Question { scope, user, object, cost, idempotency_key, dry_run: check.dry_run == Some(true), ttl })
}

/// How long a lease lasts, in milliseconds.
fn ttl(seconds: Option<i64>, at: &str, faults: &mut Vec<Fault>) -> Option<i64> {
    let most = LONGEST_LEASE / SECOND;
    match seconds {
        None => Some(USUAL_LEASE),
        Some(seconds) if (1..=most).contains(&seconds) => Some(seconds * SECOND),
        Some(_) => {
            let detail = format!("ttl is a whole number of seconds from 1 to {most}.");
            faults.push(Fault::new(format!("{at}/ttl"), detail));
            None
        }
    }
}
