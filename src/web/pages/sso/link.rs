//! Linking an identity to the account of who is signed in: the way there, and back.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use super::{Arrival, LandingPage, connection_id, lead_away};
use crate::app::Shared;
use crate::domain::sso::{self, Landing, LinkError, Purpose};
use crate::ids::ConnectionId;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::gate::SignedIn;
use crate::web::html;
use crate::web::pages::step_up;
use crate::web::session;

const METHODS: &str = "/account/sign-in-methods";

/// `/account/sign-in-methods/google`
pub async fn to_link_google(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    signed_in: SignedIn,
) -> Result {
    begin(&app, &context, &headers, &signed_in, None).await
}

/// `/account/sign-in-methods/connections/{connection}`
pub async fn to_link_connection(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    signed_in: SignedIn,
    Path(connection): Path<String>,
) -> Result {
    let connection = connection_id(&connection)?;
    begin(&app, &context, &headers, &signed_in, Some(connection)).await
}

/// After a step-up (S12), and bound to this session.
async fn begin(
    app: &Shared,
    context: &Context,
    headers: &HeaderMap,
    signed_in: &SignedIn,
    connection: Option<ConnectionId>,
) -> Result {
    let person = &signed_in.person;
    if person.stepped_up(app.db.now()).is_err() {
        let page = match connection {
            None => format!("{METHODS}/google"),
            Some(connection) => format!("{METHODS}/connections/{connection}"),
        };
        return Ok(html::redirect(&step_up::first(&page)));
    }
    let landing = Landing {
        purpose: Purpose::Link,
        session: Some(person.session),
        next: METHODS,
        invite: None,
        login_hint: Some(&person.email),
    };
    lead_away(app, context, headers, connection, landing).await
}

pub(super) async fn arrive(arrival: Arrival<'_>) -> Result {
    let Arrival { app, visitor, attempt, claims, .. } = arrival;
    let linked = match &visitor.person {
        Some(person) => sso::link(app, person, &attempt, &claims).await,
        None => Err(LinkError::OtherSession),
    };
    match linked {
        Ok(identity) => {
            let text = format!("{} is linked: it signs you in from now on", identity.email);
            Ok(session::with_flash(app, html::redirect(METHODS), &text))
        }
        Err(LinkError::Database(error)) => Err(error.into()),
        Err(LinkError::StepUp(_)) => Err(Error::Elsewhere(step_up::first(METHODS))),
        Err(error) => {
            let to = ("Back to your sign-in methods", METHODS.to_owned());
            let page = LandingPage::new("Nothing was linked", error.to_string(), to);
            Ok(page.answer(StatusCode::FORBIDDEN))
        }
    }
}
