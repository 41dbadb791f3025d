//! Errors: a person reads a sentence that says what happened and what to do next; the log has the
//! cause; nobody sees internals.

use std::any::Any;
use std::fmt;

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::api::problem::Problem as ApiProblem;
use super::context::Context;
use super::html;
use crate::domain::access::{Denied, StepUpNeeded};
use crate::domain::audit::ReadError;
use crate::domain::passwords::Busy;
use crate::domain::resources::ResourceError;
use crate::domain::throttle::Throttled;
use crate::domain::users::MemberError;
use crate::domain::values::Theme;

pub type Result<T = Response> = std::result::Result<T, Error>;

/// An answer that stays as it is: it is read by programs, or at another host.
#[derive(Clone)]
pub struct AsItIs;

/// Why a request was not done.
#[derive(Debug)]
pub enum Error {
    /// 404: it is not there, or is somebody else's.
    NotFound,
    /// 403: known, and not allowed.
    Forbidden(Option<String>),
    /// 403: the request did not come from our own pages.
    OtherOrigin,
    /// 409: it contradicts what is.
    Conflict(String),
    /// 400: nothing that our pages send.
    Malformed(&'static str),
    /// 413: more than any form of ours has.
    TooLarge,
    /// 422: a form with a field that it does not have.
    UnknownField,
    /// 422: a value that none of our forms offers.
    Unfit(&'static str),
    /// 429
    Throttled(Throttled),
    /// 503
    Busy,
    /// 303 or `HX-Redirect`: sign in, confirm, and come back. 401 to a program.
    Elsewhere(String),
    /// The same where a factor is asked for; 403 to a fragment or a program (MFA-06).
    FactorFirst(String),
    /// 500: the cause is for the log alone.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Error {
        match error {
            sqlx::Error::PoolTimedOut => Error::Busy,
            // PostgreSQL gave up one of two that waited for each other: trying again is right.
            sqlx::Error::Database(error) if matches!(error.code().as_deref(), Some("40P01" | "40001")) => {
                tracing::warn!(%error, "a transaction was given up");
                Error::Busy
            }
            error => Error::Internal(error.into()),
        }
    }
}

/// The status of a failed query, whose cause goes to the log.
pub fn log_failure(error: sqlx::Error) -> StatusCode {
    Error::from(error).into_response().status()
}

impl From<Denied> for Error {
    fn from(_: Denied) -> Error {
        Error::Forbidden(None)
    }
}

impl From<Throttled> for Error {
    fn from(throttled: Throttled) -> Error {
        Error::Throttled(throttled)
    }
}

impl From<Busy> for Error {
    fn from(_: Busy) -> Error {
        Error::Busy
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Error {
        match error {
            ReadError::Denied(denied) => denied.into(),
            ReadError::Database(error) => error.into(),
        }
    }
}

impl From<ResourceError> for Error {
    fn from(error: ResourceError) -> Error {
        match error {
            ResourceError::Denied(denied) => denied.into(),
            ResourceError::NotFound => Error::NotFound,
            ResourceError::Conflict(text) => Error::Conflict(text.to_owned()),
            ResourceError::Throttled(throttled) => throttled.into(),
            ResourceError::Database(error) => error.into(),
        }
    }
}

impl From<MemberError> for Error {
    fn from(error: MemberError) -> Error {
        match error {
            MemberError::Denied(denied) => denied.into(),
            MemberError::NotFound => Error::NotFound,
            MemberError::Database(error) => error.into(),
            MemberError::StepUp(StepUpNeeded) => Error::Forbidden(Some(StepUpNeeded.to_string())),
            error @ (MemberError::LastOwner(_)
            | MemberError::LastBreakGlass(_)
            | MemberError::Yourself
            | MemberError::Suspended(_)
            | MemberError::EndDate(_)) => Error::Conflict(error.to_string()),
        }
    }
}

/// What the frame makes a page of, or a fragment.
#[derive(Clone, Debug)]
struct Problem {
    title: &'static str,
    text: String,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, title, text) = match self {
            Error::NotFound => return problem(StatusCode::NOT_FOUND),
            Error::Forbidden(None) => return problem(StatusCode::FORBIDDEN),
            Error::TooLarge => return problem(StatusCode::PAYLOAD_TOO_LARGE),
            Error::Busy => return retry_after(problem(StatusCode::SERVICE_UNAVAILABLE), 5),
            Error::Internal(cause) => {
                tracing::error!(cause = %Causes(&*cause), "the request failed");
                return problem(StatusCode::INTERNAL_SERVER_ERROR);
            }
            Error::Throttled(throttled) => return too_many(throttled),
            Error::Elsewhere(to) => return elsewhere(to, StatusCode::UNAUTHORIZED, "sign_in_required"),
            Error::FactorFirst(to) => return elsewhere(to, StatusCode::FORBIDDEN, "mfa_required"),
            Error::Forbidden(Some(text)) => (StatusCode::FORBIDDEN, "You can't do this", text),
            Error::OtherOrigin => (
                StatusCode::FORBIDDEN,
                "This did not come from Interlock",
                "The request came from another site, so nothing was done. Open the page here and try again.".to_owned(),
            ),
            Error::Conflict(text) => (StatusCode::CONFLICT, "That can't be done now", text),
            Error::Malformed(text) => (StatusCode::BAD_REQUEST, "This request can't be read", text.to_owned()),
            Error::Unfit(text) => (StatusCode::UNPROCESSABLE_ENTITY, "This can't be taken", text.to_owned()),
            Error::UnknownField => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "This form can't be taken",
                "It holds a field that is not part of the form, so nothing was done. Reload the page and try again."
                    .to_owned(),
            ),
        };
        with_problem(status, title, text)
    }
}

/// Tells the frame that an answer leads elsewhere, so that a fragment gets `HX-Redirect` and a program a
/// status and a code.
#[derive(Clone)]
struct GoElsewhere {
    to: String,
    status: StatusCode,
    code: &'static str,
}

fn elsewhere(to: String, status: StatusCode, code: &'static str) -> Response {
    let mut response = html::redirect(&to);
    response.extensions_mut().insert(GoElsewhere { to, status, code });
    response
}

struct Causes<'a>(&'a (dyn std::error::Error + Send + Sync));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(inner) = cause {
            write!(f, ": {inner}")?;
            cause = inner.source();
        }
        Ok(())
    }
}

fn with_problem(status: StatusCode, title: &'static str, text: String) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(Problem { title, text });
    response
}

fn retry_after(mut response: Response, seconds: i64) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// What somebody is to do who tried too often.
pub fn too_many_in_words(throttled: Throttled) -> String {
    match throttled.wait {
        Some(wait) => format!("Wait {} and try again.", html::span(wait)),
        None => "Waiting does not help here: set a new password by mail, with “Forgot password?”.".to_owned(),
    }
}

fn too_many(throttled: Throttled) -> Response {
    let text = too_many_in_words(throttled);
    too_many_on(with_problem(StatusCode::TOO_MANY_REQUESTS, "Too many tries", text), throttled)
}

/// The same on a page that keeps what was typed, and says it by itself.
pub fn too_many_on(mut page: Response, throttled: Throttled) -> Response {
    *page.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    retry_after(page, throttled.wait.map_or(86_400, |wait| wait / 1_000 + 1))
}

/// The page of a status that says all there is to say.
fn problem(status: StatusCode) -> Response {
    let (title, text) = words(status);
    with_problem(status, title, text.to_owned())
}

fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::NOT_FOUND => (
            "There is nothing here",
            "The address may be mistyped, or what was here is gone, or it is not yours to see.",
        ),
        StatusCode::FORBIDDEN => (
            "You can't open this page",
            "Your role does not include it. Ask an Owner or Admin of your organization if you need it.",
        ),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("This can't be done here", "Go back and use the page's own buttons.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => ("This is too much at once", "Send less text, and try again."),
        StatusCode::SERVICE_UNAVAILABLE => {
            ("Interlock is very busy", "Nothing was changed. Try again in a few seconds.")
        }
        status if status.is_client_error() => {
            ("This request can't be read", "Go back, reload the page and try again.")
        }
        _ => (
            "Something went wrong on our side",
            "Nothing was changed. Try again; if it stays, tell whoever runs this server the request's number.",
        ),
    }
}

pub async fn no_such_page() -> Response {
    problem(StatusCode::NOT_FOUND)
}

pub async fn no_such_method() -> Response {
    problem(StatusCode::METHOD_NOT_ALLOWED)
}

/// A panic is a bug: its message goes to the log with the request's id.
pub fn panicked(cause: Box<dyn Any + Send>) -> Response<Body> {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = text, "the request panicked");
    problem(StatusCode::INTERNAL_SERVER_ERROR)
}

#[derive(Template)]
#[template(path = "error/page.html")]
struct Page<'a> {
    status: u16,
    title: &'a str,
    text: &'a str,
    request: &'a str,
    theme: Theme,
}

#[derive(Template)]
#[template(path = "error/_toast.html")]
struct Toast<'a> {
    title: &'a str,
    text: &'a str,
    request: &'a str,
}

/// Gives an error its page, or its fragment; other answers go through. Errors that come from below
/// our pages (a body too large, a timeout) get theirs here too.
pub fn render(response: Response, context: &Context) -> Response {
    let status = response.status();
    if response.extensions().get::<AsItIs>().is_some() {
        return response;
    }
    if context.api && (status.is_client_error() || status.is_server_error()) {
        return ApiProblem::in_place_of(response);
    }
    if let Some(GoElsewhere { to, status, code }) = response.extensions().get::<GoElsewhere>() {
        if context.fragment {
            return html::htmx_redirect(to, *status);
        }
        if context.json {
            let (title, text) = match *code {
                "mfa_required" => (
                    "Multi-factor authentication is required",
                    "This organization asks for a factor that this session has not proven.",
                ),
                _ => ("Sign in first", "This needs a session that opens it."),
            };
            return problem_json(*status, code, title, text);
        }
        return response;
    }
    let problem = match response.extensions().get::<Problem>() {
        Some(problem) => problem.clone(),
        None if (status.is_client_error() || status.is_server_error()) && !is_html(&response) => {
            let (title, text) = words(status);
            Problem { title, text: text.to_owned() }
        }
        None => return response,
    };
    let request = context.origin.request.as_str();
    let Problem { title, text } = &problem;
    if context.json {
        let (mut parts, _) = response.into_parts();
        let mut answer = problem_json(status, "refused", title, text);
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        answer.headers_mut().extend(parts.headers);
        return answer;
    }
    let theme = response.extensions().get::<Theme>().copied().unwrap_or_default();
    let body = if context.fragment {
        html::render(&Toast { title, text, request })
    } else {
        html::render(&Page { status: status.as_u16(), title, text, request, theme })
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        parts.headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("5"));
    }
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if context.fragment {
        // A refusal goes among the toasts, and never into the place of what was asked for.
        parts.headers.insert("hx-retarget", HeaderValue::from_static("#toasts"));
        parts.headers.insert("hx-reswap", HeaderValue::from_static("beforeend"));
    }
    Response::from_parts(parts, Body::from(body))
}

/// What a program gets (RFC 9457).
fn problem_json(status: StatusCode, code: &str, title: &str, text: &str) -> Response {
    let body = serde_json::json!({
        "type": "about:blank", "status": status.as_u16(), "code": code, "title": title, "detail": text,
    });
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
    (status, content_type, body.to_string()).into_response()
}

fn is_html(response: &Response) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::domain::access::Origin;

    async fn shown(response: Response, fragment: bool) -> String {
        let origin = Origin { request: "request-7".to_owned(), ..Origin::default() };
        let context = Context {
            origin,
            fragment,
            json: false,
            api: false,
            target: String::new(),
            agent: String::new(),
        };
        let body = render(response, &context).into_body().collect().await.expect("the body ends").to_bytes();
        String::from_utf8(body.to_vec()).expect("a page is text")
    }

    /// ASVS 16.5.1, 16.5.4: a person gets a sentence and the request's number, and never the cause.
    #[tokio::test]
    async fn causes_stay_inside() {
        for fragment in [false, true] {
            let panic = shown(panicked(Box::new("canary panic")), fragment).await;
            let cause: Box<dyn std::error::Error + Send + Sync> = "canary cause".into();
            let failure = shown(Error::Internal(cause).into_response(), fragment).await;
            for page in [panic, failure] {
                assert!(
                    page.contains("Something went wrong on our side") && page.contains("request-7"),
                    "{page}"
                );
                assert!(!page.contains("canary"), "{page}");
                assert_eq!(page.contains("<html"), !fragment);
            }
        }
    }
}
