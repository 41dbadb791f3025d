//! Back from Google: signing in, signing up, accepting an invite.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::{Arrival, LandingPage, lead_away};
use crate::app::Shared;
use crate::clock::SECOND;
use crate::domain::invitations::{self, AcceptError, Standing};
use crate::domain::sign_in::Cookies;
use crate::domain::sso::google::{self, ARRIVAL_LIFE, Invited, SignedIn, Stranger};
use crate::domain::sso::{Landing, Purpose};
use crate::domain::values::Email;
use crate::secrets::Token;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::html;
use crate::web::pages::challenge::device_of;
use crate::web::pages::sign_up::{From, is_of_resource};
use crate::web::pages::unknown_link;
use crate::web::session::{self, NewCookie};

/// `/sign-up/google`, perhaps from a resource's page.
pub async fn to_google_to_sign_up(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    Query(from): Query<From>,
) -> Result {
    let next = if is_of_resource(&from.next) { from.next.as_str() } else { "/" };
    let landing = Landing { purpose: Purpose::SignUp, session: None, next, invite: None, login_hint: None };
    lead_away(&app, &context, &headers, None, landing).await
}

/// `/invite/{token}/google`. An invite that leads nowhere says so on its own page, and so does one of an
/// organization that takes no Google accounts (I2).
pub async fn to_google_with_invite(
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
    if found.standing != Standing::Open || found.organization.policy.sso_required {
        return Ok(html::redirect(&page));
    }
    let landing = Landing {
        purpose: Purpose::Invite,
        session: None,
        next: html::own_path(&page).ok_or(Error::NotFound)?,
        invite: Some(&token),
        login_hint: Some(&found.invitation.email),
    };
    lead_away(&app, &context, &headers, None, landing).await
}

/// Whoever is known is signed in; others may sign up.
pub(super) async fn arrive(arrival: Arrival<'_>) -> Result {
    let device = arrival.device();
    let Arrival { app, headers, visitor, cookie, attempt, claims, .. } = arrival;
    let (new, remembered) = (NewCookie::generate(), device_of(app, headers));
    let token = new.hash();
    let cookies = Cookies { new: &token, old: visitor.token.as_ref(), device: remembered.as_ref() };
    let guest_at = Some(attempt.next.as_str()).filter(|next| is_of_resource(next));
    match google::sign_in(app, &claims, visitor.person.as_ref(), guest_at, &device, cookies).await? {
        SignedIn::Stranger(stranger) => Ok(turned_away(app, stranger)),
        known => signed_in(app, cookie, new, known, &attempt.next).await,
    }
}

async fn signed_in(
    app: &Shared,
    cookie: &tower_sessions::Session,
    new: NewCookie,
    signed_in: SignedIn,
    next: &str,
) -> Result {
    match signed_in {
        SignedIn::Opened(opened) => new.give_opened(app, cookie, opened, next).await,
        SignedIn::Proven => {
            new.give(cookie).await?;
            Ok(html::redirect(next))
        }
        SignedIn::Stranger(stranger) => Ok(turned_away(app, stranger)),
    }
}

fn turned_away(app: &Shared, stranger: Stranger) -> Response {
    let page = match stranger {
        Stranger::Arrived(token) => return go_on(app, &token, "/sign-up/arrived"),
        Stranger::Unverified => unverified("/sign-in"),
        Stranger::HasAccount(email) => has_account(&email, "/account/sign-in-methods"),
        Stranger::Closed => closed(),
    };
    page.answer(StatusCode::FORBIDDEN)
}

pub(super) fn closed() -> LandingPage {
    LandingPage::new(
        "No account here is linked to this Google account",
        "Sign-up is closed here. Ask an Owner of your organization for an invite. If you have an account, sign in to \
         it another way, and link Google under Account → Sign-in methods.",
        ("Sign in another way", "/sign-in".to_owned()),
    )
}

/// To the page that asks what somebody is called, with the cookie that says who Google says they are.
fn go_on(app: &Shared, token: &Token, page: &str) -> Response {
    let mut response = html::redirect(page);
    let seconds = ARRIVAL_LIFE / SECOND;
    session::append_cookie(app, response.headers_mut(), session::ARRIVAL, token.expose(), seconds);
    response
}

fn unverified(another_way: &str) -> LandingPage {
    LandingPage::new(
        "Google has not verified your address",
        "Google does not say that the address of this Google account is yours. Verify it at Google and come back, \
         or go on another way.",
        ("Go on another way", another_way.to_owned()),
    )
}

/// An email makes nobody somebody (O3): whoever has the account proves that first. Only who comes with an address that
/// Google answers for gets here (S4).
pub(super) fn has_account(email: &Email, next: &str) -> LandingPage {
    LandingPage::new(
        "Sign in first",
        format!(
            "{email} has an account here, and this Google account is not linked to it. Sign in as you do \
             otherwise: with your password or passkey, and your factor. Then link Google under Account → Sign-in \
             methods."
        ),
        (
            "Sign in",
            format!("/sign-in?email={}&next={}", html::query_value(email.as_str()), html::query_value(next)),
        ),
    )
}

/// With an invite: as the invited person, or not at all.
pub(super) async fn arrive_invited(arrival: Arrival<'_>) -> Result {
    let device = arrival.device();
    let Arrival { app, headers, visitor, cookie, attempt, claims, .. } = arrival;
    let link = attempt.invite.as_deref().ok_or(Error::NotFound)?;
    let back = attempt.next.as_str();
    let (new, remembered) = (NewCookie::generate(), device_of(app, headers));
    let token = new.hash();
    let cookies = Cookies { new: &token, old: visitor.token.as_ref(), device: remembered.as_ref() };
    let person = visitor.person.as_ref();
    let page = match google::invited(app, &claims, link, person, &device, cookies).await? {
        Invited::SignedIn(known) => return signed_in(app, cookie, new, known, back).await,
        Invited::Arrived(token) => return Ok(go_on(app, &token, &format!("{back}/arrived"))),
        Invited::SeeInvite => return Ok(html::redirect(back)),
        Invited::Unverified => unverified(back),
        Invited::HasAccount(email) => has_account(&email, back),
        Invited::Other { google, invited } => LandingPage::new(
            "This invite is for another address",
            format!(
                "It is for {invited}, and you came back from Google as {google}. Choose the Google account of \
                 {invited}, or accept another way."
            ),
            ("Back to the invite", back.to_owned()),
        ),
        Invited::Unproven => LandingPage::new(
            "Show that this address is yours",
            "Your invite came as a copied link, which does not show that, and Google has only the word of another \
             mail server for it. Have a code mailed to the address, and then continue with Google.",
            ("Back to the invite", back.to_owned()),
        ),
    };
    Ok(page.answer(StatusCode::FORBIDDEN))
}
