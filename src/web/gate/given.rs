//! What the gate gives the pages behind it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::{Acting, AtLink, AtResource};
use crate::app::Shared;
use crate::domain::access::{Actor, Person};
use crate::domain::api_keys::Caller;
use crate::domain::environments::{self, Environment};
use crate::domain::organizations::Organization;
use crate::domain::sessions::{Half, Lack, NewEmail};
use crate::secrets::TokenHash;
use crate::web::chrome::{Chrome, Here};
use crate::web::html::Times;

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
