//! Signing in to one organization: what it misses in a session, or, for whoever is signed out, its own button.

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;
use tower_sessions::Session;

use super::{Button, Page};
use crate::app::Shared;
use crate::domain::account::{self, PasswordChangeError};
use crate::domain::factors::{self, Answered};
use crate::domain::identities::Identity;
use crate::domain::organizations::MfaRule;
use crate::domain::sessions::Lack;
use crate::domain::sso::{self, Connection};
use crate::domain::values::Theme;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form};
use crate::web::gate::{AtDoor, Inside};
use crate::web::html;
use crate::web::pages::challenge::{refused, wait_of};
use crate::web::pages::prompt::{self, Prompt};
use crate::web::pages::{passkeys, step_up};
use crate::web::session::NewCookie;

#[derive(Template)]
#[template(path = "sign_in/organization.html")]
struct OrganizationPage {
    theme: Theme,
    organization: String,
    slug: String,
    email: String,
    next: String,
    /// If a factor is what is missing, and not the first proof.
    prompt: Option<Prompt>,
    /// Whether the organization asks for that itself. Else the person's own having one does (S8).
    asks_for_factor: bool,
    /// The organization's providers, where one of their proofs is what is missing.
    buttons: Vec<Button>,
    /// Whether they come before what is the person's own.
    buttons_first: bool,
    /// Of whoever has one, where it counts.
    password: Option<Field>,
    passkey: Option<Prompt>,
    google: bool,
    /// Whether it would be break-glass.
    breaks_glass: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct AskedHere {
    next: String,
    with: String,
}

/// What an organization misses in this session is asked for here, and added to it (S9). To anyone who is not in
/// it, or whose session may not know of it, it is a sign-in page like any other.
pub async fn organization_form(
    State(app): State<Shared>,
    at_door: AtDoor,
    Query(asked): Query<AskedHere>,
) -> Result {
    match at_door {
        AtDoor::Member(inside) => {
            Ok(html::page(&organization_page(&app, &inside, &asked.with, &asked.next).await?))
        }
        AtDoor::Anyone(visitor, slug) => {
            let home = format!("/o/{}", html::query_value(&slug));
            let next = html::own_path(&asked.next).unwrap_or(&home);
            let connections = sso::at_door(&app.db, &slug).await?;
            let buttons = connections.iter().map(|connection| Button::new(connection, next, "")).collect();
            let page = Page::new(&app, Field::default(), next, None);
            Ok(html::page(&Page { flash: visitor.flash, buttons, ..page }))
        }
    }
}

async fn organization_page(
    app: &Shared,
    inside: &Inside,
    with: &str,
    next: &str,
) -> Result<OrganizationPage> {
    let home = format!("/o/{}", inside.organization.slug);
    let next = html::own_path(next).map_or(home, str::to_owned);
    let person = &inside.actor.person;
    let (factors, query) = (person.factors, html::query_value(&next));
    let another = format!("/account/mfa/enrol?organization={}&next={query}", inside.organization.slug);
    let policy = &inside.organization.policy;
    let prompt = (inside.lacks == Some(Lack::Factor)).then(|| match policy.mfa_now(app.db.now()) {
        MfaRule::Passkey => Prompt::passkey_only(factors, passkeys::SIGNED_IN, another.clone()),
        MfaRule::Any | MfaRule::Optional => {
            let here = inside.path(&format!("sign-in?next={query}"));
            Prompt::new(factors, with, here, passkeys::SIGNED_IN)
        }
    });
    let mut reader = app.db.read().await?;
    let connections = sso::enabled(&mut reader, inside.organization.id).await?;
    let identities = sso::identities_of(&mut reader, person.user).await?;
    // What is not asked for is not offered, and neither is what would prove nothing here.
    let first_proof = prompt.is_none();
    let own = match inside.lacks {
        Some(Lack::Proof) => true,
        Some(Lack::Provider | Lack::Factor) => false,
        _ => !policy.sso_required || inside.by_break_glass,
    };
    let has_one_at = |connection: &Connection| {
        identities.iter().any(|identity: &Identity| identity.connection == Some(connection.id))
    };
    let has_google = identities.iter().any(|identity| identity.connection.is_none());
    Ok(OrganizationPage {
        theme: person.theme,
        organization: inside.organization.name.clone(),
        slug: inside.organization.slug.clone(),
        email: person.email.clone(),
        buttons_first: policy.sso_required || connections.iter().any(has_one_at),
        buttons: connections
            .iter()
            .filter(|_| first_proof)
            .map(|connection| Button::new(connection, &next, &person.email))
            .collect(),
        password: (own && person.has_password).then(Field::default),
        passkey: (own && factors.passkey)
            .then(|| Prompt::passkey_only(factors, passkeys::SIGNED_IN, another)),
        google: own && has_google && sso::google_works(app) && !policy.sso_required,
        asks_for_factor: policy.mfa_now(app.db.now()) != MfaRule::Optional,
        breaks_glass: policy.sso_required && (own || inside.by_break_glass),
        next,
        prompt,
    })
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proof {
    password: String,
    code: String,
    challenge: String,
    credential: String,
    with: String,
    next: String,
}

pub async fn organization_sign_in(
    State(app): State<Shared>,
    inside: Inside,
    cookie: Session,
    Form(typed): Form<Proof>,
) -> Result {
    let new = NewCookie::generate();
    let person = &inside.actor.person;
    let mut page = organization_page(&app, &inside, &typed.with, &typed.next).await?;
    // Nothing of the person's own opens it: what they typed would prove nothing here (S9).
    if page.prompt.is_none() && page.passkey.is_none() && page.password.is_none() {
        return Ok(refused(&page, None));
    }
    let by_passkey = typed.with == "passkey" || page.password.is_none();
    let asking = page.prompt.as_mut().or(page.passkey.as_mut().filter(|_| by_passkey));
    let (page, wait) = match asking {
        Some(prompt) => {
            let passkey = Answered { challenge: &typed.challenge, credential: &typed.credential };
            let proof = prompt.typed(&typed.code, passkey);
            match factors::prove(&app, person, proof, &new.hash()).await {
                Ok(()) => {
                    new.give(&cookie).await?;
                    return Ok(html::redirect(&page.next));
                }
                Err(error) => {
                    let wait = wait_of(&error);
                    prompt.field = Field::wrong(prompt::said(error)?);
                    (page, wait)
                }
            }
        }
        None => match account::confirm_password(&app, person, &typed.password, &new.hash()).await {
            Ok(()) => {
                new.give(&cookie).await?;
                return Ok(html::redirect(&page.next));
            }
            Err(error) => (OrganizationPage { password: Some(Field::wrong(said(error)?)), ..page }, None),
        },
    };
    Ok(refused(&page, wait))
}

/// What is wrong with a password that confirms, in words for beside its field.
pub(in crate::web::pages) fn said(error: PasswordChangeError) -> Result<String> {
    match error {
        PasswordChangeError::Wrong | PasswordChangeError::None | PasswordChangeError::Unfit(_) => {
            Ok(error.to_string())
        }
        PasswordChangeError::Throttled(throttled) => Err(throttled.into()),
        PasswordChangeError::Busy(busy) => Err(busy.into()),
        // Asked for before the page is shown: its time ran out while a password was typed.
        PasswordChangeError::StepUp(_) => Err(Error::Elsewhere(step_up::first("/account/password"))),
        PasswordChangeError::SignedOut => Err(Error::Elsewhere("/sign-in".to_owned())),
        PasswordChangeError::Database(error) => Err(error.into()),
    }
}
