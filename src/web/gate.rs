//! The gate: checks each route's line of the table, on every request, with what is true now.
//!
//! Order of refusals: authentication, membership (404), sign-in policy, capability (403), same
//! origin (403); the body is the page's business.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, MatchedPath, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_sessions::Session as Cookie;

use super::chrome::{Chrome, Here};
use super::context::{Context, Route};
use super::error::Error;
use super::html::Times;
use super::{html, same_origin, session};
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Person};
use crate::domain::organizations::{self, Organization};
use crate::domain::sessions::{self, Session};
use crate::domain::users;
use crate::secrets::TokenHash;
use crate::storage::Reader;

/// Who may call a route. There is no default: a route can't be added without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, and who it is makes no difference: static files, health.
    Anyone,
    /// Anyone; the page may look different for who is signed in.
    Public,
    /// Whoever has the link in the path.
    Token(TokenKind),
    /// Any signed-in person.
    SignedIn,
    /// An active member, whatever their proofs are: only the page that asks for a proof.
    Proving,
    /// An active member with the proofs that the organization asks for.
    Member,
    /// The same, with a capability.
    Needs(Capability),
    /// The same, for what a page asks for by itself: nobody has clicked, so the session grows no longer (SES-05).
    Polls(Capability),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Setup,
    Verify,
    Reset,
    Invite,
    Notice,
}

#[derive(Clone)]
pub struct Check {
    pub app: Shared,
    pub access: Access,
}

/// Who sends the request, on pages that are open to anyone.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    pub person: Option<Person>,
    pub token: Option<TokenHash>,
    pub flash: Option<String>,
}

/// A signed-in person, on pages of their own.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub person: Person,
    pub chrome: Chrome,
}

/// A member inside an organization, past its gate.
#[derive(Clone, Debug)]
pub struct Inside {
    pub actor: Actor,
    pub organization: Organization,
    pub chrome: Chrome,
}

macro_rules! from_gate {
    ($($name:ident),*) => {$(
        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = Infallible;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<$name, Infallible> {
                Ok(parts.extensions.get::<$name>().cloned().expect("the route's line lets the page ask for this"))
            }
        }
    )*};
}

from_gate!(Visitor, SignedIn, Inside);

impl SignedIn {
    /// Times as this person reads them.
    pub fn times(&self, app: &Shared) -> Times {
        Times::new(app.db.now(), &self.person.time_zone)
    }
}

impl Inside {
    /// Times as this person reads them.
    pub fn times(&self, app: &Shared) -> Times {
        Times::new(app.db.now(), &self.actor.person.time_zone)
    }

    /// A path inside the organization: `inside.path("users")`.
    pub fn path(&self, rest: &str) -> String {
        format!("/o/{}/{rest}", self.organization.slug)
    }
}

pub async fn check(State(check): State<Check>, mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let took_flash = match admit(&check, &mut request).await {
        Ok(took_flash) => took_flash,
        Err(error) => return named(error.into_response(), route),
    };
    let mut response = next.run(request).await;
    // A page showed it; an answer that only leads on has not.
    if took_flash && !response.status().is_redirection() {
        session::forget_flash(&check.app, response.headers_mut());
    }
    named(response, route)
}

fn named(mut response: Response, route: Option<MatchedPath>) -> Response {
    if let Some(route) = route {
        response.extensions_mut().insert(Route(route));
    }
    response
}

/// Lets a request in, with what its page will ask for, or says why not.
async fn admit(check: &Check, request: &mut Request) -> Result<bool, Error> {
    let Check { app, access } = check;
    if *access == Access::Anyone {
        return Ok(false);
    }
    // No text of ours holds a NUL, and PostgreSQL fails on one.
    if request.uri().path_and_query().is_some_and(|address| address.as_str().contains("%00")) {
        return Err(Error::Malformed("The address holds a character that no address here has."));
    }
    let context = request.extensions().get::<Context>().cloned().expect("the frame is around every route");
    let cookie =
        request.extensions().get::<Cookie>().cloned().expect("the session layer is around every route");
    let token = session::token_of(&cookie);
    let flash = if context.fragment { None } else { session::flash(app, request.headers()) };
    let took_flash = flash.is_some();
    let now = app.db.now();
    let mut reader = app.db.read().await?;
    let session = match &token {
        Some(token) => sessions::current(&mut reader, token, now).await?,
        None => None,
    };
    let person = session.as_ref().map(|session| session.person(context.origin.clone()));
    match access {
        Access::Anyone | Access::Public | Access::Token(_) => {
            from_our_pages(app, request)?;
            request.extensions_mut().insert(Visitor { person, token, flash });
        }
        Access::SignedIn => {
            let (session, person) = session.zip(person).ok_or_else(|| sign_in_first(request))?;
            from_our_pages(app, request)?;
            let organizations = chrome_organizations(&mut reader, &context, &person).await?;
            drop(reader);
            note_click(app, &session, None, Some(session.last_seen_at), now).await?;
            let chrome = Chrome::new(&person, None, organizations, request.uri().path(), flash);
            request.extensions_mut().insert(SignedIn { person, chrome });
        }
        Access::Proving | Access::Member | Access::Needs(_) | Access::Polls(_) => {
            let (session, person) = session.zip(person).ok_or_else(|| sign_in_first(request))?;
            let (inside, last_click) =
                enter(check, request, &mut reader, &context, &session, person, flash, now).await?;
            drop(reader);
            if !matches!(access, Access::Proving | Access::Polls(_)) {
                note_click(app, &session, Some(&inside), last_click, now).await?;
            }
            request.extensions_mut().insert(inside);
        }
    }
    Ok(took_flash)
}

/// Past an organization's gate, with the session's last click inside it.
#[expect(clippy::too_many_arguments, reason = "the gate's own state, handed on once")]
async fn enter(
    check: &Check,
    request: &mut Request,
    reader: &mut Reader,
    context: &Context,
    session: &Session,
    person: Person,
    flash: Option<String>,
    now: Timestamp,
) -> Result<(Inside, Option<Timestamp>), Error> {
    let slug = organization_in_path(request).await.ok_or(Error::NotFound)?;
    let organization = organizations::by_slug(reader, &slug).await?.ok_or(Error::NotFound)?;
    let member = users::member_of(reader, organization.id, person.user).await?;
    let member = member.filter(|member| member.is_active(now)).ok_or(Error::NotFound)?;
    let last_click = sessions::last_click(reader, session.id, organization.id).await?;
    if check.access != Access::Proving && !session.opens(&member, last_click, now) {
        let back = html::query_value(&way_back(request));
        return Err(Error::Elsewhere(format!("/o/{}/sign-in?next={back}", organization.slug)));
    }
    let actor = Actor { person, organization: organization.id, role: member.role };
    if let Access::Needs(capability) | Access::Polls(capability) = check.access {
        actor.may(capability)?;
    }
    from_our_pages(&check.app, request)?;
    let organizations = chrome_organizations(reader, context, &actor.person).await?;
    let here = Here { organization: organization.clone(), role: member.role };
    let chrome = Chrome::new(&actor.person, Some(here), organizations, request.uri().path(), flash);
    Ok((Inside { actor, organization, chrome }, last_click))
}

async fn organization_in_path(request: &mut Request) -> Option<String> {
    let (mut parts, body) = std::mem::take(request).into_parts();
    let path = Path::<HashMap<String, String>>::from_request_parts(&mut parts, &()).await;
    *request = Request::from_parts(parts, body);
    path.ok()?.0.remove("org")
}

/// A fragment has no sidebar.
async fn chrome_organizations(
    reader: &mut Reader,
    context: &Context,
    person: &Person,
) -> Result<Vec<Organization>, Error> {
    if context.fragment { Ok(Vec::new()) } else { Ok(organizations::of_user(reader, person.user).await?) }
}

fn from_our_pages(app: &Shared, request: &Request) -> Result<(), Error> {
    let own = app.config.base_url.origin();
    if same_origin::allows(request.method(), request.headers(), own) {
        Ok(())
    } else {
        Err(Error::OtherOrigin)
    }
}

fn sign_in_first(request: &Request) -> Error {
    Error::Elsewhere(format!("/sign-in?next={}", html::query_value(&way_back(request))))
}

/// Where to come back to: the page itself, or the one that a form or a fragment stands on.
fn way_back(request: &Request) -> String {
    let headers = request.headers();
    let is_fragment = headers.contains_key("hx-request");
    let page = if *request.method() == Method::GET && !is_fragment {
        request.uri().path_and_query().map(|path| path.as_str().to_owned())
    } else {
        let from = headers.get("hx-current-url").or_else(|| headers.get(header::REFERER));
        let from = from.and_then(|value| value.to_str().ok()).and_then(|value| url::Url::parse(value).ok());
        from.map(|url| match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        })
    };
    page.filter(|page| html::own_path(page).is_some()).unwrap_or_else(|| "/".to_owned())
}

/// At most once a minute: a page costs no write.
async fn note_click(
    app: &Shared,
    session: &Session,
    inside: Option<&Inside>,
    last: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Error> {
    if !sessions::worth_noting(last, now) {
        return Ok(());
    }
    let mut tx = app.db.write().await?;
    let organization = inside.map(|inside| inside.organization.id);
    sessions::note_click(&mut tx, session.id, organization, now).await?;
    if let Some(inside) = inside {
        users::visited(&mut tx, inside.organization.id, &inside.actor.person, now).await?;
    }
    tx.commit().await?;
    Ok(())
}
