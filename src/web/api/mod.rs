//! `/v1`: JSON for machines. A key opens it, and nothing else: no cookie, no password, no key in an address.

pub mod access;
mod body;
pub mod problem;

use axum::http::{HeaderMap, header};

use self::problem::Problem;
use crate::app::Shared;
use crate::domain::access::Origin;
use crate::domain::api_keys::{self, Caller, KeyError, Secret};

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
    Secret::parse(secret).ok_or_else(|| Problem::bad_key(&KeyError::Unknown))
}

/// Whose key it is.
pub async fn caller(app: &Shared, secret: &Secret, origin: &Origin) -> Result<Caller, Problem> {
    api_keys::authenticate(app, secret, origin).await.map_err(|error| match error {
        KeyError::Throttled(throttled) => Problem::throttled(throttled),
        KeyError::Database(error) => error.into(),
        refused => Problem::bad_key(&refused),
    })
}
