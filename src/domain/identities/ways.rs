//! What a person signs in by, so that nobody takes their last way in away.

use super::{google_works, sql};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::users::User;
use crate::ids::IdentityId;
use crate::storage::Lends;

/// What a person signs in by (S1), as far as it works here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ways {
    pub password: bool,
    pub passkey: bool,
    pub google: bool,
    /// Each organization of theirs has a connection that knows them. One alone opens that organization and no
    /// other (S8), and so is no way in for whoever is in two.
    pub connections: bool,
}

impl Ways {
    pub fn any(self) -> bool {
        self.password || self.passkey || self.google || self.connections
    }
}

/// The ways in that a person has, but for one identity that is to go. Whoever takes a way away asks in the same
/// change, and rolls back if none is left.
pub async fn ways(
    app: &App,
    on: &mut impl Lends,
    user: &User,
    without: Option<IdentityId>,
    now: Timestamp,
) -> sqlx::Result<Ways> {
    let identities = sql::of_user(on, user.id).await?;
    let has_google =
        identities.iter().any(|identity| identity.connection.is_none() && Some(identity.id) != without);
    let covered = sql::covered(on, user.id, without, now).await?;
    Ok(Ways {
        password: user.password_hash.is_some(),
        passkey: user.factors.passkey,
        google: google_works(app) && has_google,
        connections: !covered.is_empty() && covered.iter().all(|covered| *covered),
    })
}
