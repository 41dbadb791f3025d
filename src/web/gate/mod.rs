//! The gate: checks each route's line of the table, on every request, with what is true now.
//!
//! Order of refusals: authentication, membership (404), sign-in policy, capability (403), same
//! origin (403); the body is the page's business.

mod access;
mod address;
mod given;
mod inside;
mod key;
mod maintains;
mod resource;
mod ways;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_sessions::Session as Cookie;

pub use self::access::{Access, TokenKind};
use self::address::{organization_in_path, way_back};
pub use self::given::{AtDoor, Challenged, Inside, SignedIn, Visitor};
use self::inside::{enter, note_click};
pub use self::key::Acting;
pub use self::resource::{AtLink, AtResource};
pub use self::ways::asked_for;
use self::ways::{sign_in_anew, sign_in_first};
use super::chrome::Chrome;
use super::context::{Context, Route};
use super::error::Error;
use super::pages::step_up;
use super::{same_origin, session};
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::domain::organizations::Own;
use crate::domain::sessions::{self, Half, Place, Session};
use crate::domain::values::Theme;
use crate::secrets::TokenHash;

#[derive(Clone)]
pub struct Check {
    pub app: Shared,
    pub access: Access,
}

pub async fn check(State(check): State<Check>, mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    if let Access::Key(scope) = check.access {
        let response = key::check(&check.app, scope, request, next).await;
        return named(response, route, Theme::default());
    }
    let admitted = admit(&check, &mut request).await;
    let theme = request.extensions().get::<Theme>().copied().unwrap_or_default();
    let took_flash = match admitted {
        Ok(took_flash) => took_flash,
        Err(error) => return named(error.into_response(), route, theme),
    };
    let mut response = next.run(request).await;
    // A page showed it; an answer that only leads on has not.
    if took_flash && !response.status().is_redirection() {
        session::forget_flash(&check.app, response.headers_mut());
    }
    named(response, route, theme)
}

/// With what the log and the error pages need to know.
fn named(mut response: Response, route: Option<MatchedPath>, theme: Theme) -> Response {
    response.extensions_mut().insert(theme);
    if let Some(route) = route {
        response.extensions_mut().insert(Route(route));
    }
    response
}

/// Lets a request in, with what its page will ask for, or says why not. What few requests need is boxed: a future is
/// copied whole from layer to layer, whatever of it is used.
async fn admit(check: &Check, request: &mut Request) -> Result<bool, Error> {
    let Check { app, access } = check;
    if matches!(access, Access::Anyone | Access::Tool) {
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
    let session = match &token {
        Some(token) => sessions::of_request(app, token).await?,
        None => None,
    };
    let person = session.as_ref().map(|session| session.person(context.origin.clone()));
    request.extensions_mut().insert(person.as_ref().map_or(Theme::default(), |person| person.theme));
    match access {
        Access::Anyone | Access::Tool | Access::Key(_) | Access::Public | Access::Token(_) => {
            from_our_pages(app, request)?;
            request.extensions_mut().insert(Visitor { person, token, flash });
        }
        Access::Link => {
            from_our_pages(app, request)?;
            let organizations = session
                .as_ref()
                .map_or_else(Vec::new, |session| chrome_organizations(&context, session, now));
            request.extensions_mut().insert(AtLink::new(session, person, organizations, now));
        }
        Access::Half => {
            from_our_pages(app, request)?;
            let token = session::cookie_hash(app, request.headers(), session::HALF);
            let half = match &token {
                Some(token) => Box::pin(half(app, token, now)).await?,
                None => None,
            };
            let (half, token) = half.zip(token).ok_or_else(|| sign_in_anew(request))?;
            request.extensions_mut().insert(Challenged { half, token });
        }
        Access::SignedIn | Access::Own => {
            let (session, person) = session.zip(person).ok_or_else(|| sign_in_first(request))?;
            if *access == Access::Own && !person.has_own_proof {
                return Err(Error::Elsewhere(step_up::first(&way_back(request))));
            }
            from_our_pages(app, request)?;
            let organizations = chrome_organizations(&context, &session, now);
            note_click(app, &session, None, Some(session.last_seen_at), now).await?;
            let chrome = Chrome::new(app, &person, None, organizations, request.uri().path(), flash);
            request.extensions_mut().insert(SignedIn { person, new_email: session.new_email, chrome });
        }
        Access::Door => {
            let slug = organization_in_path(request).ok_or(Error::NotFound)?;
            let knows = |session: &Session| {
                session.has_own_proof()
                    || session.place(&slug).is_some_and(|place| session.may_know_of(place))
            };
            let at_door = match session.filter(knows).zip(person.clone()) {
                Some((session, person)) => {
                    let (inside, _) = enter(check, request, &context, &session, person, flash, now).await?;
                    AtDoor::Member(Box::new(inside))
                }
                None => AtDoor::Anyone(Box::new(Visitor { person, token, flash }), slug),
            };
            request.extensions_mut().insert(at_door);
        }
        Access::Opens => {
            let at_resource =
                Box::pin(resource::before(check, request, &context, session.as_ref(), person, flash, now))
                    .await?;
            request.extensions_mut().insert(at_resource);
        }
        Access::Proving
        | Access::Member
        | Access::Needs(_)
        | Access::Maintains
        | Access::Polls(_)
        | Access::Reopens => {
            let (session, person) = session.zip(person).ok_or_else(|| sign_in_first(request))?;
            let (inside, last_click) = enter(check, request, &context, &session, person, flash, now).await?;
            if !matches!(access, Access::Proving | Access::Polls(_)) {
                note_click(app, &session, Some(&inside), last_click, now).await?;
            }
            request.extensions_mut().insert(inside);
        }
    }
    Ok(took_flash)
}

async fn half(app: &Shared, token: &TokenHash, now: Timestamp) -> sqlx::Result<Option<Half>> {
    sessions::half(&mut app.db.read().await?, token, now).await
}

/// A fragment has no sidebar. Deleted organizations are not in it.
fn chrome_organizations(context: &Context, session: &Session, now: Timestamp) -> Vec<Own> {
    let places = session
        .known_places()
        .filter(|place| !context.fragment && place.organization.is_open() && place.member.is_active(now));
    places
        .map(|Place { organization, member, .. }| Own {
            id: organization.id,
            slug: organization.slug.clone(),
            name: organization.name.clone(),
            role: member.role,
            joined_at: member.joined_at,
            closed_at: None,
            shortest_password: organization.policy.shortest_password,
        })
        .collect()
}

fn from_our_pages(app: &Shared, request: &Request) -> Result<(), Error> {
    let own = app.config.base_url.origin();
    if same_origin::allows(request.method(), request.headers(), own) {
        Ok(())
    } else {
        Err(Error::OtherOrigin)
    }
}
