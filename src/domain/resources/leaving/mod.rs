//! What somebody who leaves an organization has of its resources: entries, and what they made.

mod sql;

use super::asking;
use crate::domain::access::Operator;
use crate::domain::audit::{self, Entry, Kind};
use crate::ids::{OrganizationId, ResourceId, UserId};
use crate::storage::{Change, Lends};

/// How many names a screen shows.
const SHOWN: i64 = 10;

/// What somebody has made.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// How many resources, those in Dev mode apart.
    pub count: i64,
    /// The first few of them, by name.
    pub first: Vec<String>,
    /// How many in their own Dev mode, which nobody else has.
    pub in_dev_mode: i64,
}

impl Made {
    pub fn more(&self) -> i64 {
        self.count - i64::try_from(self.first.len()).unwrap_or(i64::MAX)
    }
}

pub(crate) async fn made_by(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Made> {
    let (count, in_dev_mode) = sql::count_made(on, organization, user).await?;
    Ok(Made { count, first: sql::names_made(on, organization, user, SHOWN).await?, in_dev_mode })
}

/// On how many resources somebody has an entry of their own.
pub(crate) async fn count_entries(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<i64> {
    sql::count_entries(on, organization, user).await
}

/// A resource as the audit log names it.
#[derive(sqlx::FromRow)]
struct Touched {
    id: ResourceId,
    name: String,
}

/// Ends a leaver's entries and open requests, hands what they made to the heir, and archives what is in their Dev
/// mode. Without an heir, which no organization with an Owner is, what they made stays theirs in name: they are
/// refused as removed.
pub(crate) async fn settle(
    change: &mut Change,
    organization: OrganizationId,
    leaver: UserId,
    name: &str,
    heir: Option<(UserId, &str)>,
    operator: &Operator,
) -> sqlx::Result<()> {
    let now = change.now();
    let entries = sql::entries(change, organization, leaver)
        .await?
        .into_iter()
        .map(|touched| Entry::new(Kind::ResourceEntryEnded, touched.id, touched.name).without("entry", name));
    audit::record_all(change, organization, operator, entries).await?;
    sql::end_entries(change, organization, leaver).await?;
    sql::close_requests(change, organization, leaver, now).await?;
    let left = sql::in_dev_mode(change, organization, leaver)
        .await?
        .into_iter()
        .map(|touched| Entry::new(Kind::ResourceLeft, touched.id, touched.name).without("developer", name));
    audit::record_all(change, organization, operator, left).await?;
    sql::archive_dev_mode(change, organization, leaver, now).await?;
    let Some((heir, heir_name)) = heir else { return Ok(()) };
    let made = sql::made(change, organization, leaver).await?.into_iter().map(|touched| {
        Entry::new(Kind::ResourceHandedOver, touched.id, touched.name).changed("creator", name, heir_name)
    });
    audit::record_all(change, organization, operator, made).await?;
    sql::hand_over(change, organization, leaver, heir, now).await?;
    asking::close_of_person(change, organization, heir).await
}
