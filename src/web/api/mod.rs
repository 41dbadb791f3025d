//! `/v1`: JSON for machines. A key opens it, and nothing else: no cookie, no password, no key in an address.

pub mod access;
pub mod audit;
pub mod body;
pub mod checks;
mod codes;
pub mod document;
mod forms;
pub mod invitations;
pub mod keys;
pub mod once;
pub mod permissions;
pub mod problem;
mod query;
mod reading;
mod refusals;
pub mod reply;
pub mod resources;
pub mod teams;
pub mod users;

use axum::http::{HeaderMap, header};

use self::problem::Problem;
use crate::domain::api_keys::{KeyError, Secret};

/// The key that a request comes with: in one `Authorization: Bearer`, or none (KEY-04, KEY-09).
pub fn secret(headers: &HeaderMap) -> Result<Secret, Problem> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(one), None) = (given.next(), given.next()) else {
        let many = headers.get_all(header::AUTHORIZATION).iter().count() > 1;
        return Err(if many { Problem::two_authorizations() } else { Problem::no_key() });
    };
    let bearer = one.to_str().ok().and_then(|text| text.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key);
    let secret = bearer.ok_or_else(Problem::no_key)?;
    Secret::parse(secret).ok_or_else(|| Problem::from(KeyError::Unknown))
}
