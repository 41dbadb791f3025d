//! One file a page: form structs, template structs, and handlers that call one domain function.

pub mod account;
pub mod agents;
pub mod api_docs;
pub mod audit;
pub mod challenge;
pub mod email_change;
pub mod forward_auth;
pub mod health;
pub mod home;
pub mod invitations;
pub mod invite;
pub mod keys;
pub mod leaving;
pub mod mailbox;
pub mod mfa;
pub mod notice;
pub mod opening;
pub mod organizations;
pub mod passkeys;
pub mod permissions;
mod prompt;
pub mod recovery;
pub mod resources;
pub mod roles;
pub mod settings;
pub mod sign_in;
pub mod sign_up;
pub mod sso;
pub mod step_up;
pub mod teams;
pub mod users;

use crate::app::Shared;
use crate::domain::access::Origin;
use crate::domain::organizations::{Own, undoable_by};
use crate::domain::throttle::{self, SpendError};
use crate::web::error::Error;
use crate::web::gate::SignedIn;

/// The answer to a link that nobody was given: 404, until too many of them come from one address (INV-14).
async fn unknown_link(app: &Shared, origin: &Origin) -> Error {
    let spent = async {
        let mut tx = app.db.write().await?;
        let now = tx.now();
        let spent = throttle::spend(&mut tx, now, throttle::UNKNOWN_LINK, &origin.network()).await;
        tx.commit().await?;
        spent
    };
    match spent.await {
        Ok(_) => Error::NotFound,
        Err(SpendError::Throttled(throttled)) => throttled.into(),
        Err(SpendError::Database(error)) => error.into(),
    }
}

/// The organization that sent a person to a page of their own, for something that it asks for: one of theirs, or
/// a deleted one that they may have back (R12).
async fn asking(app: &Shared, signed_in: &SignedIn, slug: &str) -> Result<Option<Own>, Error> {
    if let Some(own) = signed_in.chrome.organizations.iter().find(|own| own.slug == slug) {
        return Ok(Some(own.clone()));
    }
    if slug.is_empty() {
        return Ok(None);
    }
    let mut reader = app.db.read().await?;
    let deleted = undoable_by(&mut reader, signed_in.person.user, app.db.now()).await?;
    Ok(deleted.into_iter().find(|own| own.slug == slug))
}
