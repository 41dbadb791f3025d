//! What is answered to checks: JSON, problems, and the headers about limits (draft-ietf-httpapi-ratelimit-headers).

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::clock::{SECOND, Timestamp};
use crate::domain::api_keys::KeyError;
use crate::domain::permissions::{Limit, Measure, Period};
use crate::domain::spending::{
    Answer, CheckError, Granted, Lease, LeaseError, LeaseFailure, Refused, Standing, Unanswered,
};
use crate::web::api::problem::{Fault, Problem};
use crate::web::api::reply::json;

/// It is allowed.
#[derive(Serialize, ToSchema)]
pub struct Allowed {
    /// Always true.
    allowed: bool,
    decision: DecisionState,
    /// Every limit that holds for it, as it stands now.
    limits: Vec<LimitState>,
    /// What is held until it is given back, where something is limited in how often it may be at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<LeaseState>,
}

/// Why.
#[derive(Serialize, ToSchema)]
pub struct DecisionState {
    /// `unlimited` or `within-limits`.
    code: &'static str,
    /// A sentence for people.
    reason: &'static str,
}

/// A limit, and how much of it is used.
#[derive(Serialize, ToSchema)]
pub struct LimitState {
    /// The pattern that it stands beside.
    scope: String,
    /// `organisation`, `key` or `user`.
    level: &'static str,
    /// `count`, `interval` or `inflight`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Of an interval: a number of seconds, or words such as `1 month`.
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<PeriodState>,
    value: i64,
    used: i64,
    remaining: i64,
    /// When the next of it frees; of a limit that refuses, when enough does. Null where nothing will.
    resets_at: Option<String>,
    /// Whose limit it is: `base`, `permission` or `ephemeral`.
    from: &'static str,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum PeriodState {
    Seconds(u32),
    Words(String),
}

/// A place that is held.
#[derive(Serialize, ToSchema)]
pub struct LeaseState {
    id: String,
    expires_at: String,
}

/// An answer to one of several checks.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Checked {
    Allowed(Allowed),
    Refused(NotAllowed),
}

/// It is not allowed, and nothing was spent.
#[derive(Serialize, ToSchema)]
pub struct NotAllowed {
    /// Always false.
    allowed: bool,
    /// What the check would have been answered by itself.
    #[schema(value_type = Object)]
    problem: Value,
}

/// Answers to several checks.
#[derive(Serialize, ToSchema)]
pub struct Checks {
    /// In the order of the checks.
    results: Vec<Checked>,
}

impl From<&Lease> for LeaseState {
    fn from(lease: &Lease) -> LeaseState {
        LeaseState { id: lease.id.to_string(), expires_at: lease.expires_at.rfc3339() }
    }
}

impl From<Period> for PeriodState {
    fn from(period: Period) -> PeriodState {
        period.as_seconds().map_or_else(|| PeriodState::Words(period.to_string()), PeriodState::Seconds)
    }
}

impl From<&Standing> for LimitState {
    fn from(standing: &Standing) -> LimitState {
        let Limit { level, measure, value } = standing.limit;
        LimitState {
            scope: standing.pattern.clone(),
            level: level.code(),
            kind: measure.code(),
            period: measure.period().map(PeriodState::from),
            value,
            used: standing.used,
            remaining: standing.remaining(),
            resets_at: standing.resets_at.map(Timestamp::rfc3339),
            from: standing.from.code(),
        }
    }
}

impl From<&Granted> for Allowed {
    fn from(granted: &Granted) -> Allowed {
        let decision = match granted.limits.is_empty() {
            true => DecisionState { code: "unlimited", reason: "It is covered, and nothing limits it." },
            false => DecisionState {
                code: "within-limits",
                reason: "It is covered, and within every limit that holds for it.",
            },
        };
        let limits = granted.limits.iter().map(LimitState::from).collect();
        Allowed { allowed: true, decision, limits, lease: granted.lease.as_ref().map(LeaseState::from) }
    }
}

pub(super) fn allowed(granted: &Granted, now: Timestamp) -> Response {
    let mut response = json(StatusCode::OK, &Allowed::from(granted));
    rate_limits(response.headers_mut(), &granted.limits, now);
    response
}

pub(super) fn refused(refused: &Refused, now: Timestamp) -> Response {
    let mut response = problem(refused, "", now).into_response();
    if let Refused::Exceeded(exceeded) = refused {
        rate_limits(response.headers_mut(), std::slice::from_ref(&exceeded.standing), now);
    }
    response
}

pub(super) fn all(answers: &[Answer], now: Timestamp) -> Checks {
    let results = answers.iter().enumerate().map(|(number, answer)| match answer {
        Ok(granted) => Checked::Allowed(Allowed::from(granted)),
        Err(refused) => {
            let problem = problem(refused, &format!("/checks/{number}"), now).to_json();
            Checked::Refused(NotAllowed { allowed: false, problem })
        }
    });
    Checks { results: results.collect() }
}

/// `at` is the question's own pointer.
fn problem(refused: &Refused, at: &str, now: Timestamp) -> Problem {
    let detail = refused.to_string();
    match refused {
        Refused::NotCovered { scope, by } => {
            let title = "The scope is not covered";
            Problem::new(StatusCode::FORBIDDEN, "not-covered", title, detail)
                .with("scope", scope.to_string())
                .with("layer", by.code())
        }
        Refused::NoUser { pattern, limit } => {
            let (status, title) = (StatusCode::UNPROCESSABLE_ENTITY, "A user has to be named");
            Problem::new(status, "user-missing", title, detail)
                .at(format!("{at}/user"))
                .with("scope", pattern)
                .with("level", limit.level.code())
        }
        Refused::Exceeded(exceeded) => {
            let standing = &exceeded.standing;
            // Waiting helps with what frees again, and never with a count.
            let (status, title) = match standing.limit.measure {
                Measure::Count => (StatusCode::FORBIDDEN, "A limit is used up"),
                Measure::Interval(_) => (StatusCode::TOO_MANY_REQUESTS, "A limit is used up for now"),
                Measure::Inflight => (StatusCode::TOO_MANY_REQUESTS, "Too many are under way"),
            };
            let wait = standing.resets_at.map(|at| seconds_until(at, now).max(1));
            Problem::new(status, "limit-exceeded", title, detail)
                .with("limit", LimitState::from(standing))
                .with("cost", exceeded.cost)
                .after(wait)
        }
        Refused::OtherQuestion => {
            let (status, title) =
                (StatusCode::UNPROCESSABLE_ENTITY, "Another question had this idempotency key");
            Problem::new(status, "idempotency-mismatch", title, detail).at(format!("{at}/idempotency_key"))
        }
        Refused::UsedUp => KeyError::UsedUp.into(),
    }
}

impl From<CheckError> for Problem {
    fn from(error: CheckError) -> Problem {
        match error {
            CheckError::TooMuch => Problem::invalid(vec![Fault::new("/checks", error.to_string())]),
            CheckError::Unanswered(unanswered) => unanswered.into(),
        }
    }
}

impl From<Unanswered> for Problem {
    fn from(_: Unanswered) -> Problem {
        Problem::of_status(StatusCode::SERVICE_UNAVAILABLE)
    }
}

impl From<LeaseError> for Problem {
    fn from(error: LeaseError) -> Problem {
        let (status, code, title) = match error {
            LeaseError::NotFound => (StatusCode::NOT_FOUND, "unknown-lease", "There is no such lease"),
            LeaseError::Over => (StatusCode::CONFLICT, "lease-expired", "This lease is over"),
        };
        Problem::new(status, code, title, error.to_string())
    }
}

impl From<LeaseFailure> for Problem {
    fn from(failure: LeaseFailure) -> Problem {
        match failure {
            LeaseFailure::Lease(error) => error.into(),
            LeaseFailure::Unanswered(unanswered) => unanswered.into(),
        }
    }
}

/// Whole seconds, the begun one included.
fn seconds_until(at: Timestamp, now: Timestamp) -> i64 {
    (at.since(now).max(0) + SECOND - 1) / SECOND
}

/// As many limits are told of in headers: a proxy takes so much and no more.
const TOLD: usize = 8;
/// The largest whole number of a structured field (RFC 9651).
const LARGEST: i64 = 999_999_999_999_999;

/// `RateLimit` and `RateLimit-Policy`, of what frees again; a count has no window. Patterns hold no character that a
/// string of a structured field would have to escape.
fn rate_limits(headers: &mut HeaderMap, limits: &[Standing], now: Timestamp) {
    let (mut policies, mut states) = (String::new(), String::new());
    let told = limits.iter().filter(|standing| standing.limit.measure != Measure::Count).take(TOLD);
    for (number, standing) in told.enumerate() {
        let Limit { level, measure, value } = standing.limit;
        let comma = if number == 0 { "" } else { ", " };
        let name = match measure {
            Measure::Interval(period) => format!("{} {} {period}", level.code(), standing.pattern),
            Measure::Inflight | Measure::Count => {
                format!("{} {} {}", level.code(), standing.pattern, measure.code())
            }
        };
        let (value, remaining) = (value.min(LARGEST), standing.remaining().min(LARGEST));
        let window = match measure {
            Measure::Interval(period) => format!(";w={}", seconds_until(period.after(now), now)),
            Measure::Inflight | Measure::Count => ";qu=\"concurrent-requests\"".to_owned(),
        };
        let wait = standing.resets_at.map_or_else(String::new, |at| format!(";t={}", seconds_until(at, now)));
        // Writing into a text does not fail.
        let _ = write!(policies, "{comma}\"{name}\";q={value}{window}");
        let _ = write!(states, "{comma}\"{name}\";r={remaining}{wait}");
    }
    for (header, text) in [("ratelimit-policy", policies), ("ratelimit", states)] {
        if let Some(text) = HeaderValue::try_from(text).ok().filter(|text| !text.is_empty()) {
            headers.insert(header, text);
        }
    }
}
