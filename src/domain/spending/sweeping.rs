//! What is of no more use goes. No answer depends on when: each check drops what has freed of its own counters.

use super::batch::{Batch, Counter, REMEMBERED};
use super::sql;
use crate::clock::HOUR;
use crate::ids::OrganizationId;
use crate::storage::{Change, Db};

/// Rows to a transaction: checks don't wait long for one.
const AT_ONCE: i64 = 500;
/// How long a lease that is over is known, so that giving it back again is no error.
const LEASE_KNOWN: i64 = HOUR;

pub(crate) async fn sweep(db: &Db) -> sqlx::Result<()> {
    while free(db).await? {}
    loop {
        let mut tx = db.write().await?;
        let now = tx.now();
        let dropped = sql::drop_old(&mut tx, now.plus(-LEASE_KNOWN), now.plus(-REMEMBERED), AT_ONCE).await?;
        tx.commit().await?;
        if dropped < AT_ONCE.unsigned_abs() {
            return Ok(());
        }
    }
}

/// Drops what has freed of some counters, and says whether there may be more.
async fn free(db: &Db) -> sqlx::Result<bool> {
    let due = sql::due(&mut db.read().await?, db.now(), AT_ONCE).await?;
    let is_full = due.len() >= usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
    if due.is_empty() {
        return Ok(false);
    }
    let counters = due.into_iter().map(|row| {
        let counter = Counter::new(row.organization, &row.developer, &row.limited);
        (row.id, counter)
    });
    let counters = counters.collect();
    let mut tx = db.write().await?;
    let mut batch = Batch::of(tx.now(), counters);
    batch.lock_counters(&mut tx).await?;
    batch.free(&mut tx).await?;
    batch.read_firsts(&mut tx).await?;
    // Nothing has changed, where another process was faster or the clock stepped back: not for ever.
    let is_changed = batch.save(&mut tx).await?;
    if is_changed {
        tx.commit().await?;
    }
    Ok(is_full && is_changed)
}

/// Drops what an organization has used, when it is erased (R12).
pub(crate) async fn erase(change: &mut Change, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase(change, organization).await
}
