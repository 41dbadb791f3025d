//! The gate: checks each route's line of the table, on every request, with what is true now.
//!
//! Order of refusals: authentication, membership (404), sign-in policy, capability (403), same
//! origin (403); the body is the page's business.

mod key;
mod maintains;
mod resource;

use std::convert::Infallible;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_sessions::Session as Cookie;

pub use self::key::Acting;
pub use self::resource::{AtLink, AtResource};
use super::chrome::{Chrome, Here, MfaDue};
use super::context::{Context, Route};
use super::error::Error;
use super::html::Times;
use super::pages::step_up;
use super::{html, same_origin, session};
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::config::percent_decoded;
use crate::domain::access::{Actor, Capability, Person, Role};
use crate::domain::api_keys::{Caller, KeyScope};
use crate::domain::environments::{self, Environment};
use crate::domain::organizations::{self, MfaRule, Organization, Own};
use crate::domain::sessions::{self, Half, Lack, NewEmail, Place, Session};
use crate::domain::sso;
use crate::domain::users;
use crate::domain::values::Theme;
use crate::secrets::TokenHash;

/// Who may call a route. There is no default: a route can't be added without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, and who it is makes no difference: static files, health.
    Anyone,
    /// A reverse proxy, or a browser at a tool's host, where no cookie of ours comes: the page reads the tool's own.
    Tool,
    /// Whoever comes with a key that is for this. Cookies are nobody's there (K1).
    Key(KeyScope),
    /// Anyone; the page may look different for who is signed in.
    Public,
    /// Whoever has the link in the path.
    Token(TokenKind),
    /// Whoever has given the first proof and owes a factor (S11): only the challenge.
    Half,
    /// Any signed-in person, by an organization's provider too: what that opens of an account (S8).
    SignedIn,
    /// A person whose session holds a proof of their own: all else of an account (S8).
    Own,
    /// An active member, whatever their proofs are: only the page that asks for a proof.
    Proving,
    /// The same for whoever may know of the organization; for anyone else its sign-in page, which looks alike
    /// whether there is an organization or none (S4, S8).
    Door,
    /// An active member with the proofs that the organization asks for.
    Member,
    /// The same, with a capability.
    Needs(Capability),
    /// Whoever manages teams, and the maintainers of the team in the path: for the few things that are theirs (R9).
    Maintains,
    /// Whoever a resource is for: members past the gate, others, and nobody signed in. `decide()` says, on the page.
    Opens,
    /// Whoever has a link to a resource: nobody signed in, or who they are.
    Link,
    /// An Owner, of a deleted organization too: only the page that undoes that (R12).
    Reopens,
    /// The same, for what a page asks for by itself: nobody has clicked, so the session grows no longer (SES-05).
    Polls(Capability),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Setup,
    Verify,
    Reset,
    EmailChange,
    EmailUndo,
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

/// A half-finished sign-in, on the pages that make it whole.
#[derive(Clone, Debug)]
pub struct Challenged {
    pub half: Half,
    pub token: TokenHash,
}

/// A signed-in person, on pages of their own.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub person: Person,
    pub new_email: Option<NewEmail>,
    pub chrome: Chrome,
}

/// A member inside an organization, past its gate.
#[derive(Clone, Debug)]
pub struct Inside {
    pub actor: Actor,
    pub organization: Organization,
    pub chrome: Chrome,
    /// What the session lacks: always nothing, but on the page that asks for it.
    pub lacks: Option<Lack>,
    /// Whether what it has of a first proof counts only because the person may break the glass (O4).
    pub by_break_glass: bool,
}

/// Who stands at an organization's door.
#[derive(Clone, Debug)]
pub enum AtDoor {
    /// A member, who is asked for what the session lacks.
    Member(Box<Inside>),
    /// Anybody else: the slug in the address may be one, or none.
    Anyone(Box<Visitor>, String),
}

macro_rules! from_gate {
    ($($name:ident),*) => {$(
        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = Infallible;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<$name, Infallible> {
                // Made for this one page, which asks once: it takes it away.
                Ok(parts.extensions.remove::<$name>().expect("the route's line lets the page ask for this"))
            }
        }
    )*};
}

from_gate!(Visitor, Challenged, SignedIn, Inside, AtDoor, AtResource, AtLink, Caller, Acting);

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

    fn here(&self) -> &Here {
        self.chrome.here.as_ref().expect("whoever is inside is in an organization")
    }

    /// The environment that the address names: production, unless it says another.
    pub fn environment(&self) -> &Environment {
        &self.here().environment
    }

    /// A path of what belongs to that environment: `inside.path_here("resources")`.
    pub fn path_here(&self, rest: &str) -> String {
        self.here().path(rest)
    }

    /// Where this person's resources of that environment are.
    pub fn place(&self) -> environments::Place {
        self.environment().place(self.organization.id, self.actor.person.user)
    }
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

async fn environment(
    app: &Shared,
    organization: &Organization,
    slug: &str,
) -> sqlx::Result<Option<Environment>> {
    environments::find(&mut app.db.read().await?, organization.id, slug).await
}

/// Past an organization's gate, with the session's last click inside it.
async fn enter(
    check: &Check,
    request: &mut Request,
    context: &Context,
    session: &Session,
    person: Person,
    flash: Option<String>,
    now: Timestamp,
) -> Result<(Inside, Option<Timestamp>), Error> {
    let slug = organization_in_path(request).ok_or(Error::NotFound)?;
    let Some(place) = session.place(&slug).filter(|place| session.may_know_of(place)) else {
        let rest = rest_of_path(request);
        return Err(match Box::pin(led_on(&check.app, rest, session, &slug, now)).await? {
            // The same of an organization that is there and of one that is not.
            Error::NotFound if session.owes_factor() => {
                Error::FactorFirst(step_up::first(&way_back(request)))
            }
            // To a provider alone an organization is neither there nor not there (S8, TEN-05).
            Error::NotFound if !session.has_own_proof() => door(&slug, &way_back(request)),
            error => error,
        });
    };
    let Place { organization, member, last_click, break_glass_at } = place;
    if !member.is_active(now) {
        return Err(Error::NotFound);
    }
    open_or_undone(check.access, request, organization, member.role, now)?;
    let lacks = session.lacks(place, now);
    if let Some(lack) = lacks.filter(|_| !matches!(check.access, Access::Proving | Access::Door)) {
        return Err(asked_for(lack, &organization.slug, &way_back(request)));
    }
    let actor = Actor { person, organization: organization.id, role: member.role };
    match check.access {
        Access::Needs(capability) | Access::Polls(capability) => actor.may(capability)?,
        Access::Reopens => actor.may(Capability::DeleteOrganization)?,
        Access::Maintains => Box::pin(maintains::check(&check.app, &actor, request.uri().path())).await?,
        _ => {}
    }
    from_our_pages(&check.app, request)?;
    let by_break_glass = session.breaks_glass(place, now);
    let breaks_glass = lacks.is_none() && by_break_glass;
    if breaks_glass && break_glass_at.is_none() {
        Box::pin(sso::note_break_glass(&check.app, &actor)).await?;
    }
    let organizations = chrome_organizations(context, session, now);
    let environment = match environment_in_path(request) {
        None => Environment::production(),
        Some(slug) => {
            let found = Box::pin(environment(&check.app, organization, &slug)).await?;
            let found = found.filter(|found| !found.is_production()).ok_or(Error::NotFound)?;
            if found.is_development() {
                actor.may(Capability::DevelopResources)?;
            }
            found
        }
    };
    let environments = match is_in_environment(request) && !context.fragment {
        true => Box::pin(switches(&check.app, organization, member.role, &environment)).await?,
        false => Vec::new(),
    };
    let here = Here { organization: organization.clone(), role: member.role, environment, environments };
    let mut chrome =
        Chrome::new(&check.app, &actor.person, Some(here), organizations, request.uri().path(), flash);
    chrome.breaks_glass = breaks_glass;
    chrome.mfa_due =
        organization.policy.grace_until(now).filter(|_| session.owes_enrolment(place)).map(|from| {
            let from = Times::new(now, &actor.person.time_zone).minute(from);
            let what = match organization.policy.mfa {
                MfaRule::Passkey => "a passkey",
                MfaRule::Optional | MfaRule::Any => "multi-factor authentication",
            };
            MfaDue { what, from, path: format!("/account/mfa/enrol?organization={}", organization.slug) }
        });
    Ok((Inside { actor, organization: organization.clone(), chrome, lacks, by_break_glass }, *last_click))
}

/// Where someone proves who they are to an organization, if it is there.
fn door(slug: &str, back: &str) -> Error {
    Error::Elsewhere(format!("/o/{}/sign-in?next={}", html::query_value(slug), html::query_value(back)))
}

/// Where what a session lacks is asked for.
pub fn asked_for(lack: Lack, slug: &str, back: &str) -> Error {
    let back = html::query_value(back);
    match lack {
        Lack::Proof | Lack::Provider => Error::Elsewhere(format!("/o/{slug}/sign-in?next={back}")),
        Lack::Factor => Error::FactorFirst(format!("/o/{slug}/sign-in?next={back}")),
        Lack::Enrolment => Error::FactorFirst(format!("/account/mfa/enrol?organization={slug}&next={back}")),
        Lack::LongerPassword => {
            Error::Elsewhere(format!("/account/password?organization={slug}&next={back}"))
        }
    }
}

/// R11: an old slug leads the organization's members on to the same page, whatever they GET. To others, and
/// for any other method, it is not there.
async fn led_on(
    app: &Shared,
    rest: Option<String>,
    session: &Session,
    slug: &str,
    now: Timestamp,
) -> Result<Error, Error> {
    let Some(organization) = organizations::by_old_slug(&mut app.db.read().await?, slug).await? else {
        return Ok(Error::NotFound);
    };
    let place = session.place(&organization.slug);
    let there = place.is_some_and(|place| {
        session.may_know_of(place)
            && place.member.is_active(now)
            && organization.is_there_for(place.member.role, now)
    });
    Ok(match rest {
        Some(rest) if there => Error::Elsewhere(format!("/o/{}{rest}", organization.slug)),
        _ => Error::NotFound,
    })
}

/// What follows the organization in the address of what only looks.
fn rest_of_path(request: &Request) -> Option<String> {
    let path = request.uri().path_and_query().filter(|_| request.method().is_safe())?;
    let rest = path.as_str().strip_prefix("/o/")?;
    Some(rest.find(['/', '?']).map_or_else(String::new, |end| rest[end..].to_owned()))
}

/// R12: a deleted organization is there for its Owners alone, who reach only the page that undoes that.
fn open_or_undone(
    access: Access,
    request: &Request,
    organization: &Organization,
    role: Role,
    now: Timestamp,
) -> Result<(), Error> {
    if !organization.is_there_for(role, now) {
        return Err(Error::NotFound);
    }
    match access {
        _ if organization.is_open() => Ok(()),
        Access::Proving | Access::Door | Access::Reopens => Ok(()),
        _ if request.method().is_safe() => Err(Error::Elsewhere(format!("/o/{}/closed", organization.slug))),
        _ => Err(Error::Conflict("This organization is deleted. Undo that first.".to_owned())),
    }
}

/// The slug in the address; a browser may write its hyphens encoded.
fn organization_in_path(request: &Request) -> Option<String> {
    let slug = request.uri().path().strip_prefix("/o/")?.split('/').next()?;
    Some(if slug.contains('%') { percent_decoded(slug) } else { slug.to_owned() })
}

/// The environment that the address names: `/o/{org}/e/{env}/…`.
fn environment_in_path(request: &Request) -> Option<String> {
    let mut parts = request.uri().path().strip_prefix("/o/")?.split('/').skip(1);
    (parts.next()? == "e").then(|| parts.next().map(percent_decoded))?
}

/// Whether the page shows what belongs to an environment.
fn is_in_environment(request: &Request) -> bool {
    let rest = request.uri().path().strip_prefix("/o/").and_then(|path| path.split_once('/'));
    rest.is_some_and(|(_, rest)| rest.starts_with("e/") || rest.starts_with("resources"))
}

/// Where to see the same list in other environments: Dev mode is for those who develop.
async fn switches(
    app: &Shared,
    organization: &Organization,
    role: Role,
    current: &Environment,
) -> Result<Vec<(Environment, String, bool)>, Error> {
    let all = environments::all(&mut app.db.read().await?, organization.id).await?;
    let open = all
        .into_iter()
        .filter(|environment| !environment.is_development() || role.may(Capability::DevelopResources));
    let switch = |environment: Environment| {
        let path = match environment.is_production() {
            true => format!("/o/{}/resources", organization.slug),
            false => format!("/o/{}/e/{}/resources", organization.slug, environment.slug),
        };
        let is_current = environment == *current;
        (environment, path, is_current)
    };
    Ok(open.map(switch).collect())
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

fn sign_in_first(request: &Request) -> Error {
    Error::Elsewhere(format!("/sign-in?next={}", html::query_value(&way_back(request))))
}

/// The challenge is over, or was never posed. It is no page to come back to: what it would have led to is.
fn sign_in_anew(request: &Request) -> Error {
    let challenge = way_back(request);
    let query = challenge.split_once('?').map_or("", |(_, query)| query);
    let next = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "next");
    let next = next.map_or_else(|| "/".to_owned(), |(_, next)| next.into_owned());
    Error::Elsewhere(format!("/sign-in?next={}", html::query_value(&next)))
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
    match sessions::worth_noting(last, now) {
        true => Ok(Box::pin(write_click(app, session, inside, now)).await?),
        false => Ok(()),
    }
}

async fn write_click(
    app: &Shared,
    session: &Session,
    inside: Option<&Inside>,
    now: Timestamp,
) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    let organization = inside.map(|inside| inside.organization.id);
    // The membership before the session, as whoever changes factors locks them.
    if let Some(inside) = inside {
        users::visited(&mut tx, inside.organization.id, &inside.actor.person, now).await?;
    }
    sessions::note_click(&mut tx, session.id, organization, now).await?;
    tx.commit().await
}
