//! Where whoever does not get in goes first.

use axum::extract::Request;

use super::address::way_back;
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::domain::organizations;
use crate::domain::sessions::{Lack, Session};
use crate::web::error::Error;
use crate::web::html;

/// Where someone proves who they are to an organization, if it is there.
pub(super) fn door(slug: &str, back: &str) -> Error {
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
pub(super) async fn led_on(
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

pub(super) fn sign_in_first(request: &Request) -> Error {
    Error::Elsewhere(format!("/sign-in?next={}", html::query_value(&way_back(request))))
}

/// The challenge is over, or was never posed. It is no page to come back to: what it would have led to is.
pub(super) fn sign_in_anew(request: &Request) -> Error {
    let challenge = way_back(request);
    let query = challenge.split_once('?').map_or("", |(_, query)| query);
    let next = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "next");
    let next = next.map_or_else(|| "/".to_owned(), |(_, next)| next.into_owned());
    Error::Elsewhere(format!("/sign-in?next={}", html::query_value(&next)))
}
