//! What stands before a resource: members past the gate, others as far as they have proven who they are, and nobody
//! signed in. `decide()` says on the page what each may do.

use axum::extract::Request;

use super::address::{environment_in_path, organization_in_path, rest_of_path, way_back};
use super::inside::{enter, note_click};
use super::ways::led_on;
use super::{Check, Inside, Visitor, chrome_organizations, from_our_pages};
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::domain::access::Person;
use crate::domain::environments::{self, Environment};
use crate::domain::organizations::{self, Organization, Own};
use crate::domain::sessions::Session;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::Error;
use crate::web::html;
use crate::web::pages::step_up;

/// Who stands before a resource.
#[derive(Clone, Debug)]
pub struct AtResource {
    pub organization: Organization,
    pub environment: Environment,
    /// A member, past the gate.
    pub inside: Option<Box<Inside>>,
    /// Anybody else. Their person is there only if their session would open something of an account.
    pub visitor: Visitor,
    /// Their other organizations, for what stands around the page.
    pub organizations: Vec<Own>,
    /// Where whoever is refused goes, to say who they are, before it is said that there is nothing here.
    pub first: Option<String>,
}

/// Who comes by a link to a resource.
#[derive(Clone, Debug)]
pub struct AtLink {
    session: Option<Session>,
    person: Option<Person>,
    organizations: Vec<Own>,
    now: Timestamp,
}

impl AtLink {
    pub(super) fn new(
        session: Option<Session>,
        person: Option<Person>,
        organizations: Vec<Own>,
        now: Timestamp,
    ) -> AtLink {
        AtLink { session, person, organizations, now }
    }

    /// The person, as far as that counts for a resource of this organization: members past its gate (S9), others
    /// with a whole sign-in of their own (S11). Anybody else is nobody signed in.
    pub fn person(&self, organization: &Organization) -> Option<&Person> {
        let session = self.session.as_ref()?;
        let person = self.person.as_ref()?;
        let counts = match session.place(&organization.slug) {
            Some(place) if place.member.is_active(self.now) => {
                session.may_know_of(place) && session.lacks(place, self.now).is_none()
            }
            _ => session.has_own_proof() && !session.owes_factor(),
        };
        counts.then_some(person)
    }

    /// What stands around the page for this person.
    pub fn chrome(&self, app: &Shared, person: &Person) -> Chrome {
        Chrome::new(app, person, None, self.organizations.clone(), "/i", None)
    }
}

/// Members come past their gate (S9). Anybody else comes as who they are, if their session has proven enough of it
/// to open anything that is no organization's (S8, S11).
pub(super) async fn before(
    check: &Check,
    request: &mut Request,
    context: &Context,
    session: Option<&Session>,
    person: Option<Person>,
    flash: Option<String>,
    now: Timestamp,
) -> Result<AtResource, Error> {
    let slug = organization_in_path(request).ok_or(Error::NotFound)?;
    let place = session.and_then(|session| session.place(&slug).filter(|place| session.may_know_of(place)));
    if let (Some(session), Some(person), Some(place)) = (session, &person, place)
        && place.member.is_active(now)
    {
        let (inside, last_click) =
            enter(check, request, context, session, person.clone(), flash, now).await?;
        note_click(&check.app, session, Some(&inside), last_click, now).await?;
        return Ok(AtResource {
            organization: inside.organization.clone(),
            environment: inside.environment().clone(),
            inside: Some(Box::new(inside)),
            visitor: Visitor::default(),
            organizations: Vec::new(),
            first: None,
        });
    }
    from_our_pages(&check.app, request)?;
    let back = way_back(request);
    let first = match session {
        None => Some(format!("/sign-in?next={}", html::query_value(&back))),
        Some(session) if !session.has_own_proof() || session.owes_factor() => Some(step_up::first(&back)),
        Some(_) => None,
    };
    // The same for an organization that is not there, until somebody says who they are.
    let not_found = || first.clone().map_or(Error::NotFound, Error::Elsewhere);
    // No reader is held where another is asked for: many at once would wait for each other.
    let organization = organizations::by_slug(&mut check.app.db.read().await?, &slug).await?;
    if let (None, Some(session)) = (&organization, session)
        && let Error::Elsewhere(to) = led_on(&check.app, rest_of_path(request), session, &slug, now).await?
    {
        return Err(Error::Elsewhere(to));
    }
    let organization = organization.filter(Organization::is_open).ok_or_else(not_found)?;
    let environment = match environment_in_path(request) {
        // Dev mode is its developers' own.
        Some(slug) if slug == environments::DEVELOPMENT => return Err(not_found()),
        Some(slug) => {
            let found = environments::find(&mut check.app.db.read().await?, organization.id, &slug).await?;
            // Production has one address, without a word for it: for members and for others.
            found.filter(|found| !found.is_production()).ok_or_else(not_found)?
        }
        None => Environment::production(),
    };
    let person = person.filter(|_| first.is_none());
    let organizations = session.map_or_else(Vec::new, |session| chrome_organizations(context, session, now));
    let visitor = Visitor { person, token: None, flash };
    Ok(AtResource { organization, environment, inside: None, visitor, organizations, first })
}
