//! Signing in by an organization's own provider.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use super::{Arrival, LandingPage, lead_away};
use crate::app::Shared;
use crate::domain::invitations::{self, AcceptError, Standing};
use crate::domain::organizations::Organization;
use crate::domain::sign_in::Cookies;
use crate::domain::sso::{
    self, ArriveError, Arriving, Attempt, Connection, ConnectionKind, Landing, Purpose, Refusal,
};
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::html;
use crate::web::pages::unknown_link;
use crate::web::session::{self, NewCookie};

/// `/invite/{token}/sso`: to the provider that covers the invited address. An invite that leads nowhere says so on
/// its own page.
pub async fn to_provider_with_invite(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Result {
    let page = format!("/invite/{token}");
    let found = match invitations::look(&app, &token).await {
        Ok(found) => found,
        Err(AcceptError::Unknown) => return Err(unknown_link(&app, &context.origin).await),
        Err(AcceptError::Database(error)) => return Err(error.into()),
        Err(_) => return Ok(html::redirect(&page)),
    };
    let (organization, email) = (&found.organization, &found.invitation.email);
    let connection = sso::vouching(&app.db, organization, email).await?;
    let Some(connection) = connection.filter(|_| found.standing == Standing::Open) else {
        return Ok(html::redirect(&page));
    };
    let landing = Landing {
        purpose: Purpose::Invite,
        session: None,
        next: html::own_path(&page).ok_or(Error::NotFound)?,
        invite: Some(&token),
        login_hint: Some(email),
    };
    lead_away(&app, &context, &headers, Some(connection.id), landing).await
}

pub(super) async fn arrive(arrival: Arrival<'_>) -> Result {
    let device = arrival.device();
    let Arrival { app, context, visitor, cookie, attempt, claims, .. } = arrival;
    let Some(connection) = &attempt.connection else { return Ok(super::nothing()) };
    let new = NewCookie::generate();
    let token = new.hash();
    let arriving = Arriving {
        connection,
        claims: &claims,
        invite: attempt.invite.as_deref(),
        person: visitor.person.as_ref(),
        device: &device,
        origin: &context.origin,
        cookies: Cookies { new: &token, old: visitor.token.as_ref(), device: None },
    };
    match sso::arrive(app, arriving).await {
        Ok(arrived) => {
            let organization = &arrived.organization;
            let response =
                new.give_opened(app, cookie, arrived.opened, &leads_to(&attempt, organization)).await?;
            if !arrived.joined {
                return Ok(response);
            }
            Ok(session::with_flash(app, response, &format!("Welcome to {}", organization.name)))
        }
        Err(ArriveError::Refused(refusal, organization)) => {
            Ok(refused(&refusal, &organization, connection, &attempt).answer(StatusCode::FORBIDDEN))
        }
        Err(ArriveError::Database(error)) => Err(error.into()),
    }
}

/// Where they wanted to go; by default, and from an invite, into the organization.
fn leads_to(attempt: &Attempt, organization: &Organization) -> String {
    match html::own_path(&attempt.next) {
        Some(next) if next != "/" && attempt.invite.is_none() => next.to_owned(),
        _ => format!("/o/{}", organization.slug),
    }
}

/// What is so, and what to do next.
fn refused(
    refusal: &Refusal,
    organization: &Organization,
    connection: &Connection,
    attempt: &Attempt,
) -> LandingPage {
    let (name, provider) = (&organization.name, &connection.name);
    let another = ("Sign in another way", format!("/sign-in?next={}", html::query_value(&attempt.next)));
    let again = ("Try again", format!("/sso/{}?next={}", connection.id, html::query_value(&attempt.next)));
    let (title, more, next) = match refusal {
        Refusal::Disconnected | Refusal::Closed => ("You were not signed in", String::new(), another),
        Refusal::Nameless | Refusal::NoEmail => (
            "You were not signed in",
            format!("Ask an Owner or Admin of {name} to check what {provider} says of you."),
            another,
        ),
        Refusal::Unverified => ("Your address is not verified", unverified(connection, name), again),
        Refusal::OtherDomain(_) => (
            "Your address is not one of theirs",
            format!("Sign in at {provider} with your account of {name}."),
            again,
        ),
        Refusal::Unproven(_) => (
            "This can't sign you in yet",
            format!(
                "If you have an account here, sign in with your own password, passkey or Google first, and link \
                 {provider} under Account → Sign-in methods. Otherwise ask an Owner or Admin of {name}."
            ),
            ("Sign in and link it", "/sign-in?next=/account/sign-in-methods".to_owned()),
        ),
        Refusal::OtherSubject => (
            "You were not signed in",
            format!(
                "The Owners and Admins of {name} are told. If your account at {provider} is a new one, sign in \
                 another way and unlink the old one under Account → Sign-in methods."
            ),
            ("Sign in another way", "/sign-in?next=/account/sign-in-methods".to_owned()),
        ),
        Refusal::Suspended | Refusal::Ended => {
            ("You can't get in at the moment", format!("Ask an Owner or Admin of {name}."), another)
        }
        Refusal::Removed | Refusal::Uninvited => (
            "You need an invite",
            format!("Ask an Owner or Admin of {name} to invite the address that you have at {provider}."),
            another,
        ),
        Refusal::OtherAddress => (
            "This invite is for another address",
            format!("Sign in at {provider} with the account that has the invited address."),
            ("Back to the invite", invite(attempt)),
        ),
        Refusal::InviteOver => (
            "This invite can't be accepted",
            "See why, and what to do.".to_owned(),
            ("Back to the invite", invite(attempt)),
        ),
    };
    LandingPage::new(title, format!("{refusal} {more}").trim_end().to_owned(), next)
}

fn invite(attempt: &Attempt) -> String {
    format!("/invite/{}", html::query_value(attempt.invite.as_deref().unwrap_or_default()))
}

fn unverified(connection: &Connection, name: &str) -> String {
    match connection.kind {
        ConnectionKind::Entra => format!(
            "Ask an Owner or Admin of {name} to add the optional claim xms_edov to the application at Microsoft \
             Entra."
        ),
        ConnectionKind::Google | ConnectionKind::Oidc => {
            format!("Verify your address at {}, and sign in again.", connection.name)
        }
    }
}
