//! API keys (K): what machines come with. A key is stored as one hash and shown once.

mod addresses;
mod arriving;
mod calls;
mod ending;
mod ephemeral;
mod explaining;
mod kind;
mod leaving;
mod lifetime;
mod listing;
mod making;
mod notices;
mod rotating;
mod secret;
mod sql;
mod state;
mod sysadmin;

pub use self::addresses::{AddressesError, parse_addresses};
pub use self::arriving::{About, Caller, KeyError, Known, Layer, Source, about, acting, authenticate};
pub use self::calls::{Calls, run as count_calls};
pub use self::ending::{Ends, archive, archiving, ends, revoke_by};
pub use self::ephemeral::{LONGEST_TTL, MintError, Minted, Minting, SHORTEST_TTL, mint};
pub use self::explaining::why;
pub use self::kind::{KeyScope, Kind};
pub use self::leaving::Held;
pub(crate) use self::leaving::{held_by, settle};
pub use self::lifetime::{LONGEST, Rule, longest_days, rule, set_rule};
pub use self::listing::{
    Filter, Listed, Page, Place, Standing, development, of_agent, one, page, permissions,
};
pub use self::making::{For, Made, NewAdmin, NewLive, create, create_admin, create_development};
pub(crate) use self::notices::samples;
pub use self::notices::tell_due;
pub use self::rotating::{OVERLAPS, rotate, rotate_by_sysadmin};
pub use self::secret::Secret;
pub use self::state::{SOON, State};
pub use self::sysadmin::{Key, NewKey, anywhere, create_live, list, revoke};
use crate::clock::{DAY, MINUTE, Timestamp};
use crate::domain::access::{Denied, Operator, StepUpNeeded};
use crate::domain::audit::{self, Entry};
use crate::domain::users::MemberError;
use crate::ids::{ApiKeyId, OrganizationId};
use crate::storage::{Change, Lends, Tx};

/// How often "last used" is written.
const NOTED_EVERY: i64 = MINUTE;
/// How long ephemeral keys are kept once they have ended.
const EPHEMERAL_KEPT: i64 = 7 * DAY;

/// Why something is not done with keys.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("There is no such key in this organization.")]
    NotFound,
    #[error(
        "This form was sent before, and its key was shown then. A key is shown once: rotate it for a new one."
    )]
    Made(ApiKeyId),
    #[error("You have a development key already. Rotate it for a new one.")]
    HasOne(ApiKeyId),
    #[error("There is no environment {0} in this organization.")]
    NoEnvironment(String),
    #[error("A live key belongs to an environment that others use too: not to development.")]
    Development,
    #[error("The key would have expired before it is made. Choose a later day.")]
    Expired,
    #[error("This organization lets a key live for {0} days at most. Choose an end within that.")]
    TooLong(i64),
    #[error("There is no such permission in this organization.")]
    NoPermission,
    #[error("There is no such shared agent in this organization, or it is archived.")]
    NoAgent,
    #[error("This key has ended, or another has taken its place. Make a new one.")]
    Ended,
    #[error("Only whoever a key acts for can rotate it. You can revoke it.")]
    NotOwn,
    #[error("This organization is deleted.")]
    Closed,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for ActError {
    fn from(error: MemberError) -> ActError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

/// Ends some keys inside a change, with a row for each: those of a leaver, or of an agent that is archived.
async fn revoke_all(
    change: &mut Change,
    organization: OrganizationId,
    keys: &[(ApiKeyId, String, String)],
    operator: &Operator,
) -> sqlx::Result<()> {
    let now = change.now();
    let ids: Vec<ApiKeyId> = keys.iter().map(|(id, ..)| *id).collect();
    sql::revoke_all(change, organization, &ids, now, operator.user).await?;
    for (id, name, shown) in keys {
        let entry = Entry::new(audit::Kind::KeyRevoked, id, name).without("key", shown);
        audit::record(change, organization, operator, entry).await?;
    }
    Ok(())
}

/// How often a key was used, and may be, held until the transaction ends. One that is gone has no use left.
pub(crate) async fn uses(tx: &mut Tx, key: ApiKeyId) -> sqlx::Result<(i64, i64)> {
    Ok(sql::uses(tx, key).await?.map_or((0, 0), |(used, most)| (used, most.unwrap_or(i64::MAX))))
}

/// Counts uses of a key whose number is limited.
pub(crate) async fn add_uses(tx: &mut Tx, key: ApiKeyId, times: i64) -> sqlx::Result<()> {
    sql::add_uses(tx, key, times).await
}

/// How many keys work in an environment, or would in another of its slug.
pub(crate) async fn working_in(
    on: &mut impl Lends,
    organization: OrganizationId,
    environment: &str,
    now: Timestamp,
) -> sqlx::Result<i64> {
    sql::working_in(on, organization, environment, now).await
}

/// Drops the keys of an organization that is erased (R12).
pub(crate) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase(on, organization).await
}

/// Drops ephemeral keys that ended a week ago, and counts of days that nobody is shown any more.
pub(crate) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let now = tx.now();
    sql::sweep_ephemeral(tx, now.plus(-EPHEMERAL_KEPT)).await?;
    calls::sweep(tx, now).await
}
