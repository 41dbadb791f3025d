//! How far limits are used, for whoever reads a permission.

mod sql;

use super::plan::limited;
use crate::clock::Timestamp;
use crate::domain::permissions::{Limit, Pattern};
use crate::ids::OrganizationId;
use crate::storage::Lends;

/// As many holders of a limit are looked at: beyond that "10,000+", of whom the fullest may be another.
pub const MOST_HOLDERS: i64 = 10_000;
/// Limits to a statement: SQLite takes 500 parts at most.
const AT_ONCE: usize = 100;

/// How far a limit is used in Live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many have used something of it: keys or users; at the organization's level one at most.
    pub holders: i64,
    /// What the fullest has used.
    pub most: i64,
    /// When the next of it frees, for anybody.
    pub resets_at: Option<Timestamp>,
}

/// The use of each of these limits, in their order.
pub async fn usage(
    on: &mut impl Lends,
    organization: OrganizationId,
    limits: &[(Pattern, Limit)],
    now: Timestamp,
) -> sqlx::Result<Vec<Usage>> {
    let mut usage = vec![Usage::default(); limits.len()];
    let named: Vec<(i64, String)> =
        (0..).zip(limits).map(|(at, (pattern, limit))| (at, limited(&pattern.to_string(), limit))).collect();
    for some in named.chunks(AT_ONCE) {
        for row in sql::usage(on, organization, some, now, MOST_HOLDERS).await? {
            let place = usize::try_from(row.at).ok().and_then(|at| usage.get_mut(at));
            if let Some(place) = place {
                *place = Usage { holders: row.holders, most: row.most, resets_at: row.frees_at };
            }
        }
    }
    Ok(usage)
}
