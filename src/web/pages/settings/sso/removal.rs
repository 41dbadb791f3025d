//! Disconnecting a provider.

use axum::extract::{Path, State};

use super::Confirm;
use super::page::title;
use crate::app::Shared;
use crate::domain::access::StepUpNeeded;
use crate::domain::sso::{self, SetupError};
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Form, Nothing};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::pages::sso::connection_id;
use crate::web::pages::step_up::{self, Act};
use crate::web::session;

impl From<SetupError> for Error {
    fn from(error: SetupError) -> Error {
        match error {
            SetupError::Denied(denied) => denied.into(),
            SetupError::NotFound => Error::NotFound,
            SetupError::Throttled(throttled) => throttled.into(),
            SetupError::Database(error) => error.into(),
            SetupError::OtherKind | SetupError::NoSuchRole => {
                Error::Unfit("This form is not one of this connection’s. Open its page again.")
            }
            error => Error::Conflict(error.to_string()),
        }
    }
}

/// Whom and what it touches, in numbers (V4).
pub async fn confirm_connection_removal(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let connection = sso::connection(&app, &inside.actor, connection_id(&id)?).await?;
    let mut reader = app.db.read().await?;
    let linked = sso::linked(&mut reader, connection.id).await?;
    let domains = sso::domains_of(&mut reader, inside.organization.id).await?;
    let own: Vec<_> = domains.iter().filter(|domain| domain.connection == connection.id).collect();
    let proven = own.iter().filter(|domain| domain.verified_at.is_some()).count();
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let facts = vec![
        match linked {
            0 => "Nobody is linked by it yet.".to_owned(),
            linked => format!(
                "{} linked by it. They are unlinked, and sessions that came in by it no longer open {}.",
                html::are(linked),
                inside.organization.name
            ),
        },
        match own.len() {
            0 => "It has no domain.".to_owned(),
            _ => format!(
                "{} with it ({proven} verified). A domain that is added anew is proven anew.",
                html::go_with(number(own.len()), "domain")
            ),
        },
        "Whoever has a password, a passkey or a linked Google account signs in by that. The others set a password by \
         mail first."
            .to_owned(),
    ];
    Ok(html::page(&Confirm {
        title: format!("Disconnect {}?", title(&connection)),
        facts,
        action: inside.path(&format!("settings/sso/{}/removal", connection.id)),
        verb: "Disconnect",
        back: inside.path(&format!("settings/sso/{}", connection.id)),
        fields: Vec::new(),
        heading: String::new(),
        members: Vec::new(),
        more: None,
        chrome: inside.chrome,
    }))
}

pub async fn remove_connection(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let id = connection_id(&id)?;
    match sso::remove(&app, &inside.actor, id).await {
        Ok(connection) => {
            let to = html::go(context.fragment, &inside.path("settings/sso"));
            Ok(session::with_flash(&app, to, &format!("{} is disconnected", title(&connection))))
        }
        Err(SetupError::StepUp(StepUpNeeded)) => {
            let connection = sso::connection(&app, &inside.actor, id).await?;
            let what = format!("Disconnect {} from {}", title(&connection), inside.organization.name);
            let act = Act { what: &what, verb: "Disconnect" };
            let path = inside.path(&format!("settings/sso/{id}/removal"));
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &[]).await
        }
        Err(error) => Err(error.into()),
    }
}
