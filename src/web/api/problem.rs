//! Problem details (RFC 9457): a type that never changes, a sentence that says what to change, and where.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::domain::access::Denied;
use crate::domain::api_keys::KeyError;
use crate::domain::throttle::{Rate, Throttled};
pub use crate::domain::values::Fault;
use crate::web::error::{AsItIs, log_failure};

#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    /// Boxed, since a problem is the `Err` of much that seldom fails.
    detail: Box<str>,
    errors: Vec<Fault>,
    /// Seconds.
    retry_after: Option<i64>,
    /// What a program reads of it beside: extension members.
    members: Vec<(&'static str, Value)>,
}

pub type Result<T = Response> = std::result::Result<T, Problem>;

impl Problem {
    pub fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Problem {
        let (errors, members) = (Vec::new(), Vec::new());
        let detail = detail.into().into_boxed_str();
        Problem { status, code, title, detail, errors, retry_after: None, members }
    }

    /// With a member of its own, for programs.
    pub(super) fn with(mut self, name: &'static str, value: impl serde::Serialize) -> Problem {
        self.members.extend(serde_json::to_value(value).ok().map(|value| (name, value)));
        self
    }

    /// At a place in the body.
    pub(super) fn at(mut self, pointer: String) -> Problem {
        self.errors.push(Fault { pointer, detail: self.detail.to_string() });
        self
    }

    pub(super) fn after(self, seconds: Option<i64>) -> Problem {
        Problem { retry_after: seconds, ..self }
    }

    /// As it is written.
    pub(super) fn to_json(&self) -> Value {
        let mut body = serde_json::json!({
            "type": format!("urn:interlock:problem:{}", self.code),
            "status": self.status.as_u16(),
            "title": self.title,
            "detail": self.detail,
        });
        if !self.errors.is_empty() {
            body["errors"] = serde_json::json!(self.errors);
        }
        for (name, value) in &self.members {
            body[*name] = value.clone();
        }
        body
    }

    pub fn no_key() -> Problem {
        let detail = "Send your API key in one header: Authorization: Bearer il_live_…";
        Problem::new(StatusCode::UNAUTHORIZED, "no-key", "An API key is needed", detail)
    }

    pub fn two_authorizations() -> Problem {
        let detail = "The request has more than one Authorization header. Send one.";
        Problem::new(StatusCode::BAD_REQUEST, "two-authorizations", "There are two keys", detail)
    }

    pub fn throttled(throttled: Throttled) -> Problem {
        let seconds = throttled.wait.map_or(86_400, |wait| wait / 1_000 + 1);
        let detail = format!("Wait {seconds} seconds and try again.");
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", "Too many tries", detail);
        Problem { retry_after: Some(seconds), ..problem }
    }

    /// The same for what is another organization's as for what nobody has (TEN-01).
    pub fn not_found() -> Problem {
        let detail =
            "Nothing of the key's organization is called so. Check the path, or look it up in a list.";
        Problem::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here", detail)
    }

    pub fn plain_http() -> Problem {
        let detail = "This key came over http, where others can read it. Make another one, revoke this, and use https.";
        Problem::new(StatusCode::FORBIDDEN, "plain-http", "The key came in clear", detail)
    }

    /// Too many requests with one key.
    pub fn too_fast(rate: &Rate) -> Problem {
        let Rate { most, seconds, .. } = rate;
        let detail = format!("A key makes at most {most} requests a minute here. Wait {seconds} seconds.");
        let problem =
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests", detail);
        Problem { retry_after: Some(*seconds), ..problem }
    }

    pub fn not_json() -> Problem {
        let detail = "Send JSON, with Content-Type: application/json.";
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "The body is not JSON", detail)
    }

    pub fn malformed(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "malformed-json", "The body can't be read", detail)
    }

    /// What is wrong with the body, or with the address's query, whose names are pointed at as `?limit`.
    pub fn invalid(errors: Vec<Fault>) -> Problem {
        let title = match errors.iter().all(|fault| fault.pointer.starts_with('?')) {
            true => "The address's query can't be taken",
            false => "The body can't be taken",
        };
        let detail = match errors.as_slice() {
            [only] => only.detail.clone(),
            several => format!("{} values have to be changed; see errors.", several.len()),
        };
        Problem { errors, ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", title, detail) }
    }

    pub fn unknown_resource(key: &str, environment: &str) -> Problem {
        let detail = format!("There is no resource {key} in {environment}, the environment of this key.");
        Problem::new(StatusCode::NOT_FOUND, "unknown-resource", "There is no such resource", detail)
            .at("/resource".to_owned())
    }

    /// For an answer that comes from below or around the routes of `/v1`.
    pub fn of_status(status: StatusCode) -> Problem {
        let (code, title, detail) = match status {
            StatusCode::NOT_FOUND => {
                ("not-found", "There is nothing here", "Check the path: it is none of the API's.")
            }
            StatusCode::METHOD_NOT_ALLOWED => (
                "method-not-allowed",
                "This method can't be used here",
                "Use one of the methods in the header Allow.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => {
                ("too-large", "The body is too large", "Send at most 64 kB, in several requests if need be.")
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                ("busy", "Interlock is very busy", "Nothing was changed. Try again in a few seconds.")
            }
            status if status.is_client_error() => {
                ("malformed", "This request can't be read", "Check the address, the headers and the body.")
            }
            _ => (
                "failed",
                "Something went wrong on our side",
                "Nothing was changed. Try again; if it stays, tell whoever runs this server the X-Request-Id.",
            ),
        };
        let problem = Problem::new(status, code, title, detail);
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
        Problem { retry_after, ..problem }
    }

    /// In place of an answer without one, with its headers: a 405 says what is allowed.
    pub fn in_place_of(response: Response) -> Response {
        let mut problem = Problem::of_status(response.status()).into_response();
        let mut headers: HeaderMap = response.into_parts().0.headers;
        for replaced in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::RETRY_AFTER] {
            headers.remove(replaced);
        }
        problem.headers_mut().extend(headers);
        problem
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Problem {
        let detail = error.to_string();
        let (status, code, title) = match error {
            KeyError::Throttled(throttled) => return Problem::throttled(throttled),
            KeyError::Database(error) => return error.into(),
            KeyError::Unknown => (StatusCode::UNAUTHORIZED, "unknown-key", "This key does not work"),
            KeyError::Revoked => (StatusCode::UNAUTHORIZED, "revoked-key", "This key does not work"),
            KeyError::Expired => (StatusCode::UNAUTHORIZED, "expired-key", "This key does not work"),
            KeyError::UsedUp => (StatusCode::UNAUTHORIZED, "used-up-key", "This key is used up"),
            KeyError::TooOld => (StatusCode::UNAUTHORIZED, "key-too-old", "This key is blocked"),
            KeyError::OwnerGone => (StatusCode::UNAUTHORIZED, "key-owner-gone", "This key does not work"),
            KeyError::OwnerRole => (StatusCode::FORBIDDEN, "key-owner-role", "This key is not allowed here"),
            KeyError::MfaRequired => {
                (StatusCode::FORBIDDEN, "mfa-required", "Multi-factor authentication is needed")
            }
            KeyError::Address(_) => (StatusCode::FORBIDDEN, "address", "This key does not work from there"),
            KeyError::WrongKind { .. } => {
                (StatusCode::FORBIDDEN, "wrong-key", "This needs another kind of key")
            }
        };
        Problem::new(status, code, title, detail)
    }
}

impl From<Denied> for Problem {
    fn from(_: Denied) -> Problem {
        let detail = "Neither the key nor the role of whoever made it lets you do this.";
        Problem::new(StatusCode::FORBIDDEN, "denied", "This is not allowed", detail)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Problem {
        Problem::of_status(log_failure(error))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        let mut response = (self.status, content_type, self.to_json().to_string()).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(AsItIs);
        response
    }
}
