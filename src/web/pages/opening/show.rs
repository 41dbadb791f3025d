//! A resource's page: what it is to whoever may open it, "ask for access" to members who may not, and to everybody
//! else nothing (A5, A13, S9).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::definition::{self, FieldRow, RequestRow};
use super::{Named, kind_in_words, path_of};
use crate::app::Shared;
use crate::domain::access::Capability;
use crate::domain::resources::opening::{self, Seen};
use crate::domain::resources::{Kind, Permission, asking};
use crate::ids::UserId;
use crate::web::chrome::Chrome;
use crate::web::error::{Error, Result};
use crate::web::forms::Field;
use crate::web::gate::{AtResource, Inside};
use crate::web::html::{self, Moment, Times};
use crate::web::pages::resources::{Head, Tab};

/// What a resource shows of itself.
pub(super) struct Body {
    pub name: String,
    pub description: String,
    pub kind: Kind,
    pub kind_name: &'static str,
    pub organization: String,
    /// Members are told who made it.
    pub made_by: Option<String>,
    /// What the person may do, in words.
    pub permissions: String,
    /// Without Read no data is shown (A5).
    pub may_read: bool,
    pub url: Option<String>,
    pub fields: Vec<FieldRow>,
    pub requests: Vec<RequestRow>,
}

impl Body {
    pub fn new(seen: &Seen, organization: &str, is_member: bool) -> Body {
        let resource = &seen.resource;
        let permissions = seen.decision.permissions();
        let may_read = permissions.has(Permission::Read);
        let definition = resource.definition.as_deref().filter(|_| resource.kind == Kind::Interface);
        let (kind_name, _) = kind_in_words(resource.kind);
        Body {
            name: resource.name.clone(),
            description: resource.description.clone(),
            kind: resource.kind,
            kind_name,
            organization: organization.to_owned(),
            made_by: seen.creator.clone().filter(|_| is_member),
            permissions: permissions.to_string(),
            may_read,
            // Opening a tool is Read.
            url: resource.url.clone().filter(|_| may_read && resource.kind == Kind::Tool),
            fields: if may_read { definition::fields(definition) } else { Vec::new() },
            requests: definition::requests(definition, permissions),
        }
    }
}

#[derive(Template)]
#[template(path = "opening/show.html")]
struct Page {
    chrome: Chrome,
    head: Option<Head>,
    body: Body,
}

/// For nobody signed in: nothing of the organization around it but its name.
#[derive(Template)]
#[template(path = "opening/outside.html")]
struct Outside {
    body: Body,
    noindex: bool,
    sign_in: String,
}

/// For members who may know of it (A13).
#[derive(Template)]
#[template(path = "opening/no_access.html")]
struct NoAccess {
    chrome: Chrome,
    name: String,
    why_not: String,
    home: String,
    asked: Option<Moment>,
    /// Where they ask, if their role may.
    ask: Option<String>,
    note: Field,
}

pub async fn show(State(app): State<Shared>, at: AtResource, Path(named): Path<Named>) -> Result {
    let AtResource { organization, environment, inside, visitor, organizations, first } = at;
    let refused = || first.clone().map_or(Error::NotFound, Error::Elsewhere);
    let user = match (&inside, &visitor.person) {
        (Some(inside), _) => Some(inside.actor.person.user),
        (None, person) => person.as_ref().map(|person| person.user),
    };
    let place = environment.place(organization.id, user.unwrap_or_else(UserId::nobody));
    let seen = opening::look(&app.db, &place, &named.key, user).await?.ok_or_else(refused)?;
    match (inside, visitor.person) {
        (Some(inside), _) if seen.is_open() => Ok(html::page(&Page {
            head: Some(Head::new(&inside, &seen.resource, Tab::Open)),
            body: Body::new(&seen, &organization.name, true),
            chrome: inside.chrome,
        })),
        (Some(inside), _) if seen.is_known() => Ok(no_access(&app, *inside, &seen, Field::default())),
        (None, person) if seen.is_open() => Ok(match person {
            Some(person) => {
                let path = super::path_of_key(&organization.slug, &environment, &seen.resource.key);
                html::page(&Page {
                    head: None,
                    body: Body::new(&seen, &organization.name, false),
                    chrome: Chrome::new(&app, &person, None, organizations, &path, visitor.flash),
                })
            }
            None => {
                let path = super::path_of_key(&organization.slug, &environment, &seen.resource.key);
                outside(&seen, &organization.name, &path, false)
            }
        }),
        _ => Err(refused()),
    }
}

/// The page for nobody signed in.
pub(super) fn outside(seen: &Seen, organization: &str, back: &str, noindex: bool) -> Response {
    let sign_in = format!("/sign-in?next={}", html::query_value(back));
    html::page(&Outside { body: Body::new(seen, organization, false), noindex, sign_in })
}

/// The page of a link for somebody signed in.
pub(super) fn by_link(seen: &Seen, organization: &str, chrome: Chrome) -> Response {
    html::page(&Page { head: None, body: Body::new(seen, organization, false), chrome })
}

/// 403 with a way on: they know that it is there.
pub(super) fn no_access(app: &Shared, inside: Inside, seen: &Seen, note: Field) -> Response {
    let times = Times::new(app.db.now(), &inside.actor.person.time_zone);
    let status = if note.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::FORBIDDEN };
    let may_ask = inside.actor.role.may(Capability::AskApproval);
    let page = NoAccess {
        name: seen.resource.name.clone(),
        why_not: why_not(&inside, seen),
        home: match inside.environment().is_production() {
            true => format!("/o/{}", inside.organization.slug),
            false => format!("/o/{}/e/{}", inside.organization.slug, inside.environment().slug),
        },
        asked: seen.asked_at.filter(|at| app.db.now().since(*at) < asking::STALE).map(|at| times.moment(at)),
        ask: may_ask.then(|| path_of(&inside, &seen.resource.key, "ask")),
        note,
        chrome: inside.chrome,
    };
    html::page_with(status, &page)
}

/// In general terms: who else is in it is not theirs to know.
fn why_not(inside: &Inside, seen: &Seen) -> String {
    use crate::domain::resources::{Audience, Refusal};

    let role = inside.actor.role;
    match (seen.decision.refusal, seen.audience) {
        (Some(Refusal::Role(_)), _) => format!("Your role, {role}, does not open resources."),
        (_, Audience::Teams) => "It is for teams that you are not in.".to_owned(),
        (_, Audience::DomainRestricted) => {
            "It is for addresses at another domain, and for people it lists.".to_owned()
        }
        (_, Audience::InviteRestricted) => "It is for the people it lists.".to_owned(),
        _ => "You were given no permission on it.".to_owned(),
    }
}
