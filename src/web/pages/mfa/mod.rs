//! Account → Multi-factor authentication: what a person has, and how to add, name and remove it (M1).

mod codes;
mod enrol;
mod qr;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

pub use self::codes::{confirm_regenerate, kept, regenerate};
pub use self::enrol::{begin, choose, confirm, enrolment};
use super::step_up;
use crate::app::Shared;
use crate::domain::factors::{self, Authenticator, Factor, FactorError};
use crate::domain::sessions::agent;
use crate::domain::values::FactorName;
use crate::ids::{AuthenticatorId, DeviceId};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form, Nothing};
use crate::web::gate::SignedIn;
use crate::web::html::{self, Moment};
use crate::web::session;

#[derive(Template)]
#[template(path = "mfa/index.html")]
struct Index {
    chrome: Chrome,
    authenticators: Vec<FactorRow>,
    codes_left: i64,
    devices: Vec<DeviceRow>,
}

/// A factor in its owner's list.
struct FactorRow {
    path: String,
    name: String,
    added: Moment,
    used: Option<Moment>,
}

/// A remembered browser in words.
struct DeviceRow {
    id: DeviceId,
    device: String,
    address: String,
    until: String,
}

impl Index {
    fn is_on(&self) -> bool {
        !self.authenticators.is_empty()
    }
}

pub async fn index(State(app): State<Shared>, signed_in: SignedIn) -> Result {
    let times = signed_in.times(&app);
    let overview = factors::overview(&app.db, signed_in.person.user).await?;
    let authenticator = |one: Authenticator| FactorRow {
        path: format!("/account/mfa/authenticators/{}", one.id),
        name: one.name,
        added: times.moment(one.confirmed_at),
        used: one.last_used_at.map(|at| times.moment(at)),
    };
    let device = |one: factors::RememberedDevice| DeviceRow {
        id: one.id,
        device: agent::in_words(&one.agent),
        address: one.address.unwrap_or_else(|| "Unknown address".to_owned()),
        until: times.day(one.expires_at),
    };
    Ok(html::page(&Index {
        authenticators: overview.authenticators.into_iter().map(authenticator).collect(),
        codes_left: overview.codes_left,
        devices: overview.devices.into_iter().map(device).collect(),
        chrome: signed_in.chrome,
    }))
}

fn to_index(app: &Shared, text: &str) -> Response {
    session::with_flash(app, html::redirect("/account/mfa"), text)
}

/// The name and kind of one of a person's own authenticators.
async fn own(app: &Shared, signed_in: &SignedIn, id: &str) -> Result<Authenticator> {
    let id: AuthenticatorId = id.parse().map_err(|_| Error::NotFound)?;
    let overview = factors::overview(&app.db, signed_in.person.user).await?;
    overview.authenticators.into_iter().find(|one| one.id == id).ok_or(Error::NotFound)
}

#[derive(Template)]
#[template(path = "mfa/rename.html")]
struct Rename {
    chrome: Chrome,
    path: String,
    name: Field,
}

pub async fn rename_form(State(app): State<Shared>, signed_in: SignedIn, Path(id): Path<String>) -> Result {
    let authenticator = own(&app, &signed_in, &id).await?;
    let path = format!("/account/mfa/authenticators/{}", authenticator.id);
    Ok(html::page(&Rename { chrome: signed_in.chrome, path, name: Field::new(authenticator.name) }))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NameTyped {
    name: String,
}

pub async fn rename(
    State(app): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(typed): Form<NameTyped>,
) -> Result {
    let authenticator = own(&app, &signed_in, &id).await?;
    let mut name = Field::new(&typed.name);
    let Some(parsed) = name.parse::<FactorName>() else {
        let path = format!("/account/mfa/authenticators/{}", authenticator.id);
        let page = Rename { chrome: signed_in.chrome, path, name };
        return Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    if !factors::rename(&app, &signed_in.person, authenticator.id, &parsed).await? {
        return Err(Error::NotFound);
    }
    Ok(to_index(&app, "The name is saved"))
}

#[derive(Template)]
#[template(path = "mfa/remove.html")]
struct Remove {
    chrome: Chrome,
    path: String,
    name: String,
    last: bool,
}

pub async fn confirm_removal(
    State(app): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result {
    let authenticator = own(&app, &signed_in, &id).await?;
    let overview = factors::overview(&app.db, signed_in.person.user).await?;
    Ok(html::page(&Remove {
        path: format!("/account/mfa/authenticators/{}", authenticator.id),
        name: authenticator.name,
        last: overview.authenticators.len() == 1 && !signed_in.person.factors.passkey,
        chrome: signed_in.chrome,
    }))
}

pub async fn remove(
    State(app): State<Shared>,
    context: Context,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let id: AuthenticatorId = id.parse().map_err(|_| Error::NotFound)?;
    match factors::remove(&app, &signed_in.person, Factor::Authenticator(id)).await {
        Ok(true) => Ok(to_index(&app, "The authenticator app is removed")),
        Ok(false) => Err(Error::NotFound),
        Err(FactorError::StepUp(_)) => {
            let path = format!("/account/mfa/authenticators/{id}/removal");
            step_up::ask(&app, &context, &signed_in.person, &path, &[]).await
        }
        Err(error) => Err(refusal(error)),
    }
}

/// A refusal that has no field to stand beside.
fn refusal(error: FactorError) -> Error {
    match error {
        FactorError::Database(error) => error.into(),
        FactorError::Throttled(throttled) => throttled.into(),
        FactorError::SignedOut => Error::Elsewhere("/sign-in".to_owned()),
        error => Error::Conflict(error.to_string()),
    }
}

pub async fn forget_device(
    State(app): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let id: DeviceId = id.parse().map_err(|_| Error::NotFound)?;
    factors::forget(&app, &signed_in.person, Some(id)).await?;
    Ok(to_index(&app, "The device is forgotten: it asks for a factor again"))
}

pub async fn forget_devices(
    State(app): State<Shared>,
    signed_in: SignedIn,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    factors::forget(&app, &signed_in.person, None).await?;
    Ok(to_index(&app, "All devices are forgotten: they ask for a factor again"))
}

/// Where to go on after an enrolment: to what asked for it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    organization: String,
    next: String,
}

impl Asked {
    fn next(&self) -> &str {
        html::own_path(&self.next).unwrap_or("/account/mfa")
    }
}

/// What is asked for by a query of [`Asked`].
type AskedQuery = Query<Asked>;
