//! Account → Sign-in methods: what a person signs in by, linking and unlinking (S1, S8).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::app::Shared;
use crate::domain::recovery::{self, RequestError};
use crate::domain::sso::{self, Identity, Methods, OwnConnection, UnlinkError};
use crate::domain::values::Email;
use crate::ids::IdentityId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Form, Nothing};
use crate::web::gate::SignedIn;
use crate::web::html::{self, Moment, Times};
use crate::web::pages::step_up::{self, Act};
use crate::web::session;

const HERE: &str = "/account/sign-in-methods";

#[derive(Template)]
#[template(path = "account/sign_in_methods.html")]
struct Page {
    chrome: Chrome,
    has_password: bool,
    /// Whether a mailed link may set one (S5).
    may_set_password: bool,
    passkeys: usize,
    passkeys_work: bool,
    /// Whether Google works here, or is linked still.
    shows_google: bool,
    google_works: bool,
    google: Option<Linked>,
    connections: Vec<Row>,
}

/// An identity in its owner's list.
struct Linked {
    id: IdentityId,
    email: String,
    since: Moment,
    used: Option<Moment>,
    /// Whether nothing else signs them in.
    last: bool,
}

/// A connection of one of their organizations.
struct Row {
    organization: String,
    name: String,
    path: String,
    enabled: bool,
    linked: Option<Linked>,
}

fn linked(times: &Times, methods: &Methods, identity: &Identity) -> Linked {
    Linked {
        id: identity.id,
        email: identity.email.clone(),
        since: times.moment(identity.linked_at),
        used: identity.last_used_at.map(|at| times.moment(at)),
        last: methods.last.contains(&identity.id),
    }
}

pub async fn sign_in_methods(State(app): State<Shared>, signed_in: SignedIn) -> Result {
    let times = signed_in.times(&app);
    let methods = sso::methods(&app, signed_in.person.user).await?;
    let row = |own: &OwnConnection| Row {
        organization: own.organization.clone(),
        name: own.connection.name.clone(),
        path: format!("{HERE}/connections/{}", own.connection.id),
        enabled: own.connection.enabled,
        linked: own.identity.as_ref().map(|identity| linked(&times, &methods, identity)),
    };
    let google_works = sso::google_works(&app);
    Ok(html::page(&Page {
        has_password: methods.ways.password,
        may_set_password: methods.may_set_password,
        passkeys: methods.passkeys,
        passkeys_work: crate::domain::factors::passkeys_work(&app),
        shows_google: google_works || methods.google.is_some(),
        google_works,
        google: methods.google.as_ref().map(|identity| linked(&times, &methods, identity)),
        connections: methods.connections.iter().map(row).collect(),
        chrome: signed_in.chrome,
    }))
}

fn said(app: &Shared, text: &str) -> Response {
    session::with_flash(app, html::redirect(HERE), text)
}

/// Mails the link that sets a password: the same as to whoever has forgotten theirs (S5).
pub async fn mail_password_link(
    State(app): State<Shared>,
    context: Context,
    signed_in: SignedIn,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let email: Email =
        signed_in.person.email.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    match recovery::request(&app, &email, &context.origin.network()).await {
        Ok(()) => Ok(said(&app, "Check your mail: the link in it sets a password, within an hour")),
        Err(RequestError::Throttled(throttled)) => Err(throttled.into()),
        Err(RequestError::Database(error)) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "account/unlink.html")]
struct Unlink {
    chrome: Chrome,
    id: IdentityId,
    provider: String,
    email: String,
}

/// One of the person's own identities, and what its provider is called.
async fn own(app: &Shared, signed_in: &SignedIn, id: &str) -> Result<(Identity, String)> {
    let id: IdentityId = id.parse().map_err(|_| Error::NotFound)?;
    let methods = sso::methods(app, signed_in.person.user).await?;
    if let Some(google) = methods.google.filter(|google| google.id == id) {
        return Ok((google, "Google".to_owned()));
    }
    let own = methods.connections.into_iter().find_map(|own| {
        let identity = own.identity.filter(|identity| identity.id == id)?;
        Some((identity, format!("{} at {}", own.connection.name, own.organization)))
    });
    own.ok_or(Error::NotFound)
}

pub async fn confirm_unlink(
    State(app): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result {
    let (identity, provider) = own(&app, &signed_in, &id).await?;
    let chrome = signed_in.chrome;
    Ok(html::page(&Unlink { chrome, id: identity.id, provider, email: identity.email }))
}

pub async fn unlink(
    State(app): State<Shared>,
    context: Context,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let (identity, provider) = own(&app, &signed_in, &id).await?;
    match sso::unlink(&app, &signed_in.person, identity.id).await {
        Ok(true) => Ok(said(&app, &format!("{provider} is unlinked"))),
        Ok(false) => Err(Error::NotFound),
        Err(UnlinkError::StepUp(_)) => {
            let path = format!("{HERE}/{}/removal", identity.id);
            let what = format!("Unlink {provider} from your account");
            let act = Act { what: &what, verb: "Unlink it" };
            step_up::ask(&app, &context, &signed_in.person, &act, &path, &[]).await
        }
        Err(error @ UnlinkError::LastWay) => Err(Error::Conflict(error.to_string())),
        Err(UnlinkError::Database(error)) => Err(error.into()),
    }
}
