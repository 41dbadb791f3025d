//! Challenges for the script, which asks the browser's passkeys with them. What a device answers comes back
//! in the plain form of the page.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::app::Shared;
use crate::domain::factors::{self, FactorError, Posed};
use crate::domain::sign_in;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Form, Nothing};
use crate::web::gate::{Challenged, SignedIn};

/// Where a signed-in person's passkey is asked for, and where the one of a half-finished sign-in.
pub(super) const SIGNED_IN: &str = "/step-up/passkey";
pub(super) const CHALLENGED: &str = "/sign-in/challenge/passkey";

fn json(posed: std::result::Result<Posed, FactorError>) -> Result {
    let posed = posed.map_err(refusal)?;
    let body = serde_json::json!({ "challenge": posed.id.to_string(), "options": posed.options });
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Ok((content_type, body.to_string()).into_response())
}

fn refusal(error: FactorError) -> Error {
    match error {
        FactorError::Database(error) => error.into(),
        FactorError::Throttled(throttled) => throttled.into(),
        FactorError::StepUp(_) => Error::Forbidden(Some(
            "More than ten minutes have passed since you confirmed that it is you. Reload this page."
                .to_owned(),
        )),
        error => Error::Conflict(error.to_string()),
    }
}

/// For whoever is on the sign-in page.
pub async fn for_anyone(
    State(app): State<Shared>,
    context: Context,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response> {
    json(sign_in::pose(&app, &context.origin).await)
}

pub async fn for_challenge(
    State(app): State<Shared>,
    challenged: Challenged,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    json(factors::pose_to(&app, challenged.half.user).await)
}

/// For a step-up, and for an organization that asks.
pub async fn for_person(
    State(app): State<Shared>,
    signed_in: SignedIn,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    json(factors::pose_to(&app, signed_in.person.user).await)
}

/// For a passkey that is to be added.
pub async fn for_new(
    State(app): State<Shared>,
    signed_in: SignedIn,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    json(factors::pose_registration(&app, &signed_in.person).await)
}
