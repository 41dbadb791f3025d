//! `Idempotency-Key`: a creation that a program sends again, because it heard nothing of the first, is done once and
//! answered alike.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tracing::Instrument;

use super::problem::Problem;
use crate::app::Shared;
use crate::domain::api_keys::Caller;
use crate::domain::idempotency::{self, Answer, Attempt, Begun};
use crate::secrets::sha256_hex;
use crate::web::context::Context;

const NAME: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that the answer is of the first of them.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Whether a request says that it may come again.
pub fn is_asked(request: &Request) -> bool {
    request.method() == Method::POST && request.headers().contains_key(NAME)
}

/// Does a request, or answers as the same one was answered before.
pub async fn run(app: &Shared, request: Request, next: Next) -> Response {
    match attempt(app, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn attempt(app: &Shared, request: Request, next: Next) -> Result<Response, Problem> {
    let value = value(request.headers())?;
    let extensions = request.extensions();
    let (Some(caller), Some(context)) = (extensions.get::<Caller>(), extensions.get::<Context>()) else {
        return Ok(next.run(request).await);
    };
    let mut attempt = Attempt {
        organization: caller.organization,
        family: caller.family,
        value,
        hash: String::new(),
        request: context.origin.request.clone(),
    };
    let (parts, body) = request.into_parts();
    let body = Bytes::from_request(Request::new(body), &()).await;
    let body = body.map_err(|error| Problem::of_status(error.status()))?;
    let address = parts.uri.path_and_query().map_or("", |address| address.as_str());
    let text = [format!("{} {address}\n", parts.method).as_bytes(), &body].concat();
    attempt.hash = sha256_hex(&text);
    match idempotency::begin(app, &attempt).await? {
        Begun::First => {}
        Begun::Again(answer) => return Ok(again(answer)),
        other => return Err(refused(&other)),
    }
    let request = Request::from_parts(parts, Body::from(body));
    // It goes on though the program hangs up: what is done is always kept with its answer.
    let done = finish(app.clone(), attempt, request, next).in_current_span();
    match tokio::spawn(done).await {
        Ok(response) => Ok(response),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Problem::of_status(StatusCode::SERVICE_UNAVAILABLE)),
        },
    }
}

fn value(headers: &HeaderMap) -> Result<String, Problem> {
    let mut given = headers.get_all(NAME).iter();
    let value = given.next().filter(|_| given.next().is_none()).and_then(|value| value.to_str().ok());
    let value = value.filter(|value| {
        (1..=255).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic())
    });
    value.map(str::to_owned).ok_or_else(|| {
        let detail = "Send one Idempotency-Key of 1 to 255 visible ASCII characters, such as a UUID.";
        Problem::new(StatusCode::BAD_REQUEST, "idempotency-key", "This Idempotency-Key can't be used", detail)
    })
}

async fn finish(app: Shared, attempt: Attempt, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let kept = if response.status().is_success() {
        keep(&app, &attempt, response).await
    } else if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        // Nobody knows: who asks again is told what the audit log says.
        Ok(response)
    } else {
        idempotency::give_back(&app, &attempt).await.map(|()| response)
    };
    kept.unwrap_or_else(|error| Problem::from(error).into_response())
}

async fn keep(app: &Shared, attempt: &Attempt, response: Response) -> sqlx::Result<Response> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let answer = Answer {
        status: parts.status.as_u16(),
        location: parts.headers.get(header::LOCATION).and_then(|at| at.to_str().ok()).map(str::to_owned),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    // It was done: that the answer is not kept is no reason to hide it.
    if let Err(error) = idempotency::answered(app, attempt, &answer).await {
        tracing::error!(%error, "an answer could not be kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn again(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    if let Some(location) = answer.location.and_then(|location| HeaderValue::try_from(location).ok()) {
        headers.insert(header::LOCATION, location);
    }
    response
}

fn refused(begun: &Begun) -> Problem {
    match begun {
        Begun::Lost(row) => {
            let detail = format!(
                "The first request with this Idempotency-Key was done, and its answer was lost as the server stopped. \
                 Row {row} of the audit log says what was made. Don't send it again."
            );
            Problem::new(StatusCode::CONFLICT, "idempotency-lost", "It was done already", detail)
        }
        Begun::Other => {
            let detail = "This Idempotency-Key was used for another request. Take a new one for each thing to be done.";
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-mismatch",
                "This Idempotency-Key is another request's",
                detail,
            )
        }
        Begun::First | Begun::Again(_) | Begun::InFlight => {
            let detail =
                "The first request with this Idempotency-Key is not answered yet. Ask again in a moment.";
            Problem::new(StatusCode::CONFLICT, "idempotency-in-flight", "It is being done", detail)
                .after(Some(1))
        }
    }
}
