//! How often keys are used: counted in memory, and written every few seconds. A power cut loses the last of them, which
//! no rule depends on.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::listing::day;
use super::{Caller, sql};
use crate::app::{App, Shared};
use crate::clock::Timestamp;
use crate::ids::ApiKeyId;
use crate::storage::Tx;

const EVERY: Duration = Duration::from_secs(5);
/// How many days are kept.
const KEPT: i64 = 32;
/// Rows in a statement.
const AT_ONCE: usize = 200;

/// Calls that are not written yet, by key and day.
#[derive(Debug, Default)]
pub struct Calls(Mutex<HashMap<(ApiKeyId, i64), i64>>);

impl Calls {
    fn counted(&self) -> std::sync::MutexGuard<'_, HashMap<(ApiKeyId, i64), i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more call. What an ephemeral key does counts for the one that it was made from.
    pub fn count(&self, caller: &Caller, now: Timestamp) {
        self.add(caller.parent.unwrap_or(caller.key), day(now), 1);
    }

    fn add(&self, key: ApiKeyId, day: i64, calls: i64) {
        *self.counted().entry((key, day)).or_default() += calls;
    }

    /// How many of a key's are not written yet.
    pub(super) fn waiting(&self, key: ApiKeyId, day: i64) -> i64 {
        self.counted().get(&(key, day)).copied().unwrap_or_default()
    }

    /// Writes what was counted; where that fails, it is counted again.
    pub async fn write(&self, app: &App) -> sqlx::Result<()> {
        let mut taken: Vec<_> = self.counted().drain().map(|((key, day), calls)| (key, day, calls)).collect();
        // In one order, since other processes write the same rows.
        taken.sort_unstable();
        for (at, some) in taken.chunks(AT_ONCE).enumerate() {
            if let Err(error) = write(app, some).await {
                for (key, day, calls) in &taken[at * AT_ONCE..] {
                    self.add(*key, *day, *calls);
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

async fn write(app: &App, some: &[(ApiKeyId, i64, i64)]) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    sql::add_calls(&mut tx, some).await?;
    tx.commit().await
}

/// Writes counts until `stopping` turns true, and once more then.
pub async fn run(app: Shared, mut stopping: watch::Receiver<bool>) {
    loop {
        let stop = *stopping.borrow();
        if let Err(error) = app.calls.write(&app).await {
            tracing::error!(%error, "calls of keys could not be written");
        }
        if stop {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stopping.changed() => {}
        }
    }
}

pub(super) async fn sweep(tx: &mut Tx, now: Timestamp) -> sqlx::Result<()> {
    sql::sweep_calls(tx, day(now) - KEPT).await
}
