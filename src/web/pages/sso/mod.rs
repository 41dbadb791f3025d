//! The ways to a provider and back: Google's, and those of an organization's connections.

mod arrived;
mod google;
mod landing;
mod link;
mod sign_in;
mod step_up;
mod test;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use tower_sessions::Session;

pub use self::arrived::{accept_invite, invite_form, sign_up_arrived, sign_up_form};
pub use self::google::{to_google_to_sign_up, to_google_with_invite};
pub use self::landing::LandingPage;
pub use self::link::{to_link_connection, to_link_google};
pub use self::sign_in::to_provider_with_invite;
pub(in crate::web::pages) use self::test::begin as try_provider;
use crate::app::Shared;
use crate::domain::sessions::Device;
use crate::domain::sso::{self, Attempt, Back, BeginError, Landing, Purpose, ReturnError};
use crate::ids::ConnectionId;
use crate::oidc::{Claims, FinishError};
use crate::secrets::{Token, TokenHash};
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::gate::{SignedIn, Visitor};
use crate::web::html;
use crate::web::{pages, same_origin, session};

/// How long the browser keeps the secret that its ways to a provider are bound to.
const COOKIE_LIFE: i64 = 600;

/// Where someone wants to go, and what is known of them.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    next: String,
    /// Of whoever typed it on the sign-in page: the provider need not ask again.
    email: String,
}

/// `/auth/google`
pub async fn to_google(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result {
    let landing = sign_in_landing(&asked);
    lead_away(&app, &context, &headers, None, landing).await
}

/// `/sso/{connection}`
pub async fn to_provider(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    Path(connection): Path<String>,
    Query(asked): Query<Asked>,
) -> Result {
    let connection = connection_id(&connection)?;
    lead_away(&app, &context, &headers, Some(connection), sign_in_landing(&asked)).await
}

fn sign_in_landing(asked: &Asked) -> Landing<'_> {
    Landing {
        purpose: Purpose::SignIn,
        session: None,
        next: html::own_path(&asked.next).unwrap_or("/"),
        invite: None,
        login_hint: Some(asked.email.as_str()).filter(|email| !email.is_empty()),
    }
}

/// A provider to prove oneself at, and the form or the page that this is for (S12).
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct AskedAgain {
    form: String,
    next: String,
}

/// `/step-up/google`
pub async fn step_up_at_google(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    signed_in: SignedIn,
    Query(asked): Query<AskedAgain>,
) -> Result {
    step_up_at(&app, &context, &headers, &signed_in, None, &asked).await
}

/// `/step-up/sso/{connection}`
pub async fn step_up_at_provider(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    signed_in: SignedIn,
    Path(connection): Path<String>,
    Query(asked): Query<AskedAgain>,
) -> Result {
    let connection = connection_id(&connection)?;
    step_up_at(&app, &context, &headers, &signed_in, Some(connection), &asked).await
}

async fn step_up_at(
    app: &Shared,
    context: &Context,
    headers: &HeaderMap,
    signed_in: &SignedIn,
    connection: Option<ConnectionId>,
    asked: &AskedAgain,
) -> Result {
    let person = &signed_in.person;
    // Only the ways that the page offers for this form: another organization's provider proves nothing for it.
    let own = html::own_path(&asked.next).unwrap_or_default();
    let rounds = pages::step_up::rounds(app, person, &asked.form, own).await?;
    let offered = match connection {
        None => rounds.google,
        Some(id) => rounds.connections.iter().any(|connection| connection.id == id),
    };
    if !offered {
        return Err(Error::NotFound);
    }
    let (form, next) = (html::query_value(&asked.form), html::query_value(&asked.next));
    let next = format!("/step-up/proven?form={form}&next={next}");
    let landing = Landing {
        purpose: Purpose::StepUp,
        session: Some(person.session),
        next: html::own_path(&next).unwrap_or("/"),
        invite: None,
        login_hint: Some(&person.email),
    };
    lead_away(app, context, headers, connection, landing).await
}

pub(in crate::web::pages) fn connection_id(text: &str) -> Result<ConnectionId> {
    text.parse().map_err(|_| Error::NotFound)
}

/// Sends the browser to a provider, with the cookie that binds the way to it. One cookie serves all its tabs.
pub(in crate::web::pages) async fn lead_away(
    app: &Shared,
    context: &Context,
    headers: &HeaderMap,
    connection: Option<ConnectionId>,
    landing: Landing<'_>,
) -> Result {
    match begin(app, context, headers, connection, landing).await {
        Ok(response) => Ok(response),
        Err(BeginError::NotFound) => Err(Error::NotFound),
        Err(BeginError::Throttled(throttled)) => Err(throttled.into()),
        Err(BeginError::Database(error)) => Err(error.into()),
        Err(error @ (BeginError::Provider(_) | BeginError::Broken)) => {
            tracing::warn!(%error, connection = ?connection, "a sign-in by a provider could not begin");
            Ok(LandingPage::unreachable().answer(StatusCode::BAD_GATEWAY))
        }
    }
}

/// The same, where what keeps it from beginning is the caller's to say.
async fn begin(
    app: &Shared,
    context: &Context,
    headers: &HeaderMap,
    connection: Option<ConnectionId>,
    landing: Landing<'_>,
) -> std::result::Result<Response, BeginError> {
    // Whoever connects a provider of theirs could have any site sign its visitors in as somebody (SES-14).
    if same_origin::led_by_another_site(headers) {
        return Ok(LandingPage::led_here().answer(StatusCode::OK));
    }
    let kept = session::own_cookie(app, headers, session::SSO);
    let browser = kept.as_deref().and_then(Token::parse).unwrap_or_else(Token::generate);
    let hash = TokenHash::of(browser.expose());
    let url = sso::begin(app, connection, landing, &hash, &context.origin.network()).await?;
    let mut response = html::redirect_to_provider(&url);
    session::append_cookie(app, response.headers_mut(), session::SSO, browser.expose(), COOKIE_LIFE);
    Ok(response)
}

/// What a provider's answer carries.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Returned {
    state: String,
    code: String,
    iss: Option<String>,
    error: String,
}

/// Who came back, and with what.
pub(in crate::web::pages) struct Arrival<'a> {
    pub app: &'a Shared,
    pub context: &'a Context,
    pub headers: &'a HeaderMap,
    pub visitor: Visitor,
    pub cookie: &'a Session,
    pub attempt: Attempt,
    pub claims: Claims,
}

impl Arrival<'_> {
    pub fn device(&self) -> Device {
        self.context.device()
    }
}

/// `/auth/google/callback`
pub async fn from_google(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    headers: HeaderMap,
    cookie: Session,
    Query(returned): Query<Returned>,
) -> Result {
    arrive(&app, &context, visitor, &headers, &cookie, None, returned).await
}

/// `/sso/{connection}/callback`
pub async fn from_provider(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    headers: HeaderMap,
    cookie: Session,
    Path(connection): Path<String>,
    Query(returned): Query<Returned>,
) -> Result {
    let connection = connection_id(&connection)?;
    arrive(&app, &context, visitor, &headers, &cookie, Some(connection), returned).await
}

async fn arrive(
    app: &Shared,
    context: &Context,
    visitor: Visitor,
    headers: &HeaderMap,
    cookie: &Session,
    connection: Option<ConnectionId>,
    returned: Returned,
) -> Result {
    let browser = session::cookie_hash(app, headers, session::SSO);
    let back = Back {
        connection,
        state: &returned.state,
        code: &returned.code,
        iss: returned.iss.as_deref(),
        error: &returned.error,
    };
    let (attempt, claims) = match sso::come_back(app, back, browser.as_ref()).await {
        Ok(back) => back,
        Err(error) => return test::failed(&visitor, error).unwrap_or_else(refused),
    };
    let arrival = Arrival { app, context, headers, visitor, cookie, attempt, claims };
    match (arrival.attempt.purpose, connection) {
        (Purpose::Test, _) => test::arrive(arrival).await,
        (Purpose::StepUp, _) => step_up::arrive(arrival).await,
        (Purpose::SignIn | Purpose::Invite, Some(_)) => sign_in::arrive(arrival).await,
        (Purpose::Link, _) => link::arrive(arrival).await,
        (Purpose::SignIn | Purpose::SignUp, None) => google::arrive(arrival).await,
        (Purpose::Invite, None) => google::arrive_invited(arrival).await,
        // No way begins so.
        (Purpose::SignUp, Some(_)) => Ok(nothing()),
    }
}

/// What went wrong on the way. A provider's own words are never shown (SSO-18).
fn refused(error: ReturnError) -> Result {
    tracing::info!(%error, "a sign-in by a provider was refused");
    Ok(match error {
        ReturnError::Database(error) => return Err(error.into()),
        ReturnError::Unknown => LandingPage::unknown().answer(StatusCode::BAD_REQUEST),
        ReturnError::Broken => LandingPage::unreachable().answer(StatusCode::BAD_GATEWAY),
        ReturnError::Cancelled(attempt) => LandingPage::cancelled(&attempt).answer(StatusCode::OK),
        ReturnError::Provider(attempt, error) => unfinished(&attempt, &error),
    })
}

/// A provider that can't be asked is down; one that speaks of somebody else's account refuses; all other answers
/// are none that could be given to this way.
fn unfinished(attempt: &Attempt, error: &FinishError) -> Response {
    match error {
        FinishError::Discovery(_)
        | FinishError::Unasked(_)
        | FinishError::TooSlow
        | FinishError::SecretRefused
        | FinishError::UserinfoUnasked(_) => LandingPage::unreachable().answer(StatusCode::BAD_GATEWAY),
        FinishError::OtherDomain | FinishError::OtherTenant | FinishError::NotFresh => {
            LandingPage::refused(attempt, error.to_string()).answer(StatusCode::FORBIDDEN)
        }
        _ => LandingPage::refused(
            attempt,
            "What the provider answered does not belong to this sign-in, or can't be trusted. Begin again. If it \
             stays so, tell an Owner or Admin.",
        )
        .answer(StatusCode::BAD_REQUEST),
    }
}

/// An answer for what is not there yet.
fn nothing() -> Response {
    LandingPage::unknown().answer(StatusCode::BAD_REQUEST)
}
