//! What somebody who leaves an organization has of its keys: their own end with the membership (K5), and those that
//! they made for shared agents go on.

mod sql;

use super::{Kind, revoke_all};
use crate::clock::Timestamp;
use crate::domain::access::Operator;
use crate::ids::{ApiKeyId, OrganizationId, UserId};
use crate::storage::{Change, Lends};

/// What a leaver has of keys.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Their development and admin keys that are not ended: kind, name, what is shown.
    pub personal: Vec<(Kind, String, String)>,
    /// Live keys that they made. These go on: whoever made one may have kept it.
    pub live: i64,
}

pub(crate) async fn held_by(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<Held> {
    let personal = sql::personal(on, organization, user, now).await?;
    Ok(Held {
        personal: personal.into_iter().map(|(_, kind, name, shown)| (kind, name, shown)).collect(),
        live: sql::live_made_by(on, organization, user, now).await?,
    })
}

/// Ends a leaver's own keys, and with them what was made from these: in the change that ends the membership.
pub(crate) async fn settle(
    change: &mut Change,
    organization: OrganizationId,
    leaver: UserId,
    operator: &Operator,
) -> sqlx::Result<()> {
    let now = change.now();
    let personal = sql::personal(change, organization, leaver, now).await?;
    let keys: Vec<(ApiKeyId, String, String)> =
        personal.into_iter().map(|(id, _, name, shown)| (id, name, shown)).collect();
    revoke_all(change, organization, &keys, operator).await
}
