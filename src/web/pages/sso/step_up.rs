//! Back from a provider, to prove once more who this is (S12).

use axum::http::StatusCode;

use super::{Arrival, LandingPage};
use crate::domain::sso::{self, ProveError};
use crate::web::error::Result;
use crate::web::html;
use crate::web::session::NewCookie;

pub(super) async fn arrive(arrival: Arrival<'_>) -> Result {
    let Arrival { app, visitor, cookie, attempt, claims, .. } = arrival;
    let new = NewCookie::generate();
    let proven = match &visitor.person {
        Some(person) => sso::prove(app, person, &attempt, &claims, &new.hash()).await,
        None => Err(ProveError::NotYou),
    };
    match proven {
        Ok(()) => {}
        Err(ProveError::Database(error)) => return Err(error.into()),
        Err(error @ (ProveError::NotYou | ProveError::Refused(_))) => {
            let page = LandingPage::new(
                "This does not prove that it is you",
                format!("{error} Nothing was done."),
                ("Back to the start", "/".to_owned()),
            );
            return Ok(page.answer(StatusCode::FORBIDDEN));
        }
    }
    new.give(cookie).await?;
    Ok(html::redirect(&attempt.next))
}
