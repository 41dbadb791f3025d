//! Account → Multi-factor authentication: what a person has, and how to add, name and remove it (M1).

mod codes;
mod enrol;
mod passkeys;
mod qr;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

pub use self::codes::{confirm_regenerate, kept, regenerate};
pub use self::enrol::{begin, choose, confirm, enrolment};
pub use self::passkeys::{add as add_passkey, begin as begin_passkey, form as passkey_form};
use super::step_up::{self, Act};
use crate::app::Shared;
use crate::domain::factors::{self, Authenticator, Factor, FactorError, Passkey};
use crate::domain::sessions::agent;
use crate::domain::values::FactorName;
use crate::ids::{AuthenticatorId, DeviceId, PasskeyId};
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
    passkeys: Vec<FactorRow>,
    /// Whether passkeys work at this address.
    passkeys_work: bool,
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
        !self.authenticators.is_empty() || !self.passkeys.is_empty()
    }
}

pub async fn index(State(app): State<Shared>, signed_in: SignedIn) -> Result {
    let times = signed_in.times(&app);
    let overview = factors::overview(&app.db, signed_in.person.user).await?;
    let authenticator = |one: Authenticator| FactorRow {
        path: path(Factor::Authenticator(one.id)),
        name: one.name,
        added: times.moment(one.confirmed_at),
        used: one.last_used_at.map(|at| times.moment(at)),
    };
    let passkey = |one: Passkey| FactorRow {
        path: path(Factor::Passkey(one.id)),
        name: one.name,
        added: times.moment(one.created_at),
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
        passkeys: overview.passkeys.into_iter().map(passkey).collect(),
        passkeys_work: factors::passkeys_work(&app),
        codes_left: overview.codes_left,
        devices: overview.devices.into_iter().map(device).collect(),
        chrome: signed_in.chrome,
    }))
}

fn to_index(app: &Shared, text: &str) -> Response {
    session::with_flash(app, html::redirect("/account/mfa"), text)
}

fn path(factor: Factor) -> String {
    match factor {
        Factor::Authenticator(id) => format!("/account/mfa/authenticators/{id}"),
        Factor::Passkey(id) => format!("/account/mfa/passkeys/{id}"),
    }
}

fn authenticator(id: &str) -> Result<Factor> {
    id.parse::<AuthenticatorId>().map(Factor::Authenticator).map_err(|_| Error::NotFound)
}

fn passkey(id: &str) -> Result<Factor> {
    id.parse::<PasskeyId>().map(Factor::Passkey).map_err(|_| Error::NotFound)
}

/// The name of one of a person's own factors, and whether it is the last.
async fn own(app: &Shared, signed_in: &SignedIn, factor: Factor) -> Result<(String, bool)> {
    let overview = factors::overview(&app.db, signed_in.person.user).await?;
    let last = overview.authenticators.len() + overview.passkeys.len() == 1;
    let name = match factor {
        Factor::Authenticator(id) => {
            overview.authenticators.into_iter().find(|one| one.id == id).map(|one| one.name)
        }
        Factor::Passkey(id) => overview.passkeys.into_iter().find(|one| one.id == id).map(|one| one.name),
    };
    Ok((name.ok_or(Error::NotFound)?, last))
}

#[derive(Template)]
#[template(path = "mfa/rename.html")]
struct Rename {
    chrome: Chrome,
    path: String,
    word: &'static str,
    name: Field,
}

pub async fn rename_form(app: State<Shared>, signed_in: SignedIn, Path(id): Path<String>) -> Result {
    naming(app, signed_in, authenticator(&id)?).await
}

pub async fn rename_passkey_form(app: State<Shared>, signed_in: SignedIn, Path(id): Path<String>) -> Result {
    naming(app, signed_in, passkey(&id)?).await
}

async fn naming(State(app): State<Shared>, signed_in: SignedIn, factor: Factor) -> Result {
    let (name, _) = own(&app, &signed_in, factor).await?;
    let name = Field::new(name);
    Ok(html::page(&Rename { chrome: signed_in.chrome, path: path(factor), word: factor.word(), name }))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NameTyped {
    name: String,
}

pub async fn rename(
    app: State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    form: Form<NameTyped>,
) -> Result {
    named(app, signed_in, authenticator(&id)?, form).await
}

pub async fn rename_passkey(
    app: State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    form: Form<NameTyped>,
) -> Result {
    named(app, signed_in, passkey(&id)?, form).await
}

async fn named(
    State(app): State<Shared>,
    signed_in: SignedIn,
    factor: Factor,
    Form(typed): Form<NameTyped>,
) -> Result {
    own(&app, &signed_in, factor).await?;
    let mut name = Field::new(&typed.name);
    let Some(parsed) = name.parse::<FactorName>() else {
        let page = Rename { chrome: signed_in.chrome, path: path(factor), word: factor.word(), name };
        return Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    let renamed = match factor {
        Factor::Authenticator(id) => factors::rename(&app, &signed_in.person, id, &parsed).await?,
        Factor::Passkey(id) => factors::rename_passkey(&app, &signed_in.person, id, &parsed).await?,
    };
    if renamed { Ok(to_index(&app, "The name is saved")) } else { Err(Error::NotFound) }
}

#[derive(Template)]
#[template(path = "mfa/remove.html")]
struct Remove {
    chrome: Chrome,
    path: String,
    name: String,
    last: bool,
    is_passkey: bool,
}

pub async fn confirm_removal(app: State<Shared>, signed_in: SignedIn, Path(id): Path<String>) -> Result {
    removing(app, signed_in, authenticator(&id)?).await
}

pub async fn confirm_passkey_removal(
    app: State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result {
    removing(app, signed_in, passkey(&id)?).await
}

async fn removing(State(app): State<Shared>, signed_in: SignedIn, factor: Factor) -> Result {
    let (name, last) = own(&app, &signed_in, factor).await?;
    let is_passkey = matches!(factor, Factor::Passkey(_));
    Ok(html::page(&Remove { chrome: signed_in.chrome, path: path(factor), name, last, is_passkey }))
}

pub async fn remove(
    app: State<Shared>,
    context: Context,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    removed(app, context, signed_in, authenticator(&id)?).await
}

pub async fn remove_passkey(
    app: State<Shared>,
    context: Context,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    removed(app, context, signed_in, passkey(&id)?).await
}

async fn removed(State(app): State<Shared>, context: Context, signed_in: SignedIn, factor: Factor) -> Result {
    match factors::remove(&app, &signed_in.person, factor).await {
        Ok(true) => Ok(to_index(&app, &format!("The {} is removed", factor.word()))),
        Ok(false) => Err(Error::NotFound),
        Err(FactorError::StepUp(_)) => {
            let path = format!("{}/removal", path(factor));
            let what = format!("Remove the {} from your account", factor.word());
            let act = Act { what: &what, verb: "Remove it" };
            step_up::ask(&app, &context, &signed_in.person, &act, &path, &[]).await
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
