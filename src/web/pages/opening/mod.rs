//! A resource as whoever opens it sees it: its page, asking for it, why one may (not), its links.

mod ask;
mod definition;
mod link;
mod links;
mod reach;
mod show;
mod why;

pub use self::ask::{ask, confirm_dismissal, dismiss};
pub use self::link::open as open_link;
pub use self::links::{confirm_revocation, create as create_link, index as links, revoke as revoke_link};
pub use self::reach::{of_person, of_person_csv, of_team, of_team_csv};
pub use self::show::show;
pub use self::why::{export as why_csv, show as why};
use serde::Deserialize;

use crate::domain::environments::Environment;
use crate::domain::resources::Kind;
use crate::domain::resources::links::Link;
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::pages::resources::kind_name;

/// The resource that an address names, under either of its addresses.
#[derive(Deserialize)]
pub struct Named {
    pub key: String,
}

/// The same with an id after it.
#[derive(Deserialize)]
pub struct NamedWith {
    pub key: String,
    pub id: String,
}

/// What a kind is called, and its icon.
pub(super) fn kind_in_words(kind: Kind) -> (&'static str, &'static str) {
    let icon = match kind {
        Kind::Tool => "link",
        Kind::Interface => "layout-list",
        Kind::Action => "play",
        Kind::Page => "folder",
    };
    (kind_name(kind), icon)
}

/// A page of a resource: `resources/a%2Fb/why`.
pub(super) fn path_of(inside: &Inside, key: &str, rest: &str) -> String {
    let path = super::resources::path_of(inside, key);
    if rest.is_empty() { path } else { format!("{path}/{rest}") }
}

/// How a link stands.
fn state_of(link: &Link, now: crate::clock::Timestamp) -> (&'static str, &'static str) {
    match (link.revoked_at, link.works(now)) {
        (Some(_), _) => ("Revoked", "none"),
        (None, false) => ("Expired", "warn"),
        (None, true) => ("Works", "ok"),
    }
}

/// A resource's page, by where it is.
fn path_of_key(slug: &str, environment: &Environment, key: &str) -> String {
    let key = html::query_value(key);
    match environment.is_production() {
        true => format!("/o/{slug}/resources/{key}"),
        false => format!("/o/{slug}/e/{}/resources/{key}", environment.slug),
    }
}
