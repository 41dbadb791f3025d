//! What is dropped once it is of no more use (ASVS 14.2.7). No rule depends on it: expired things are
//! refused by the queries that read them.

use std::time::Duration;

use tokio::sync::watch;

use super::{email_change, recovery, sessions, settings, sign_up, throttle};
use crate::app::Shared;
use crate::mail;

const EVERY: Duration = Duration::from_secs(3_600);

/// Sweeps at the start and every hour, until `stopping` turns true.
pub async fn run(app: Shared, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        if let Err(error) = sweep(&app).await {
            tracing::error!(%error, "old rows could not be dropped");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stopping.changed() => {}
        }
    }
}

pub async fn sweep(app: &Shared) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    throttle::sweep(&mut tx).await?;
    sessions::sweep(&mut tx).await?;
    sign_up::sweep(&mut tx).await?;
    recovery::sweep(&mut tx).await?;
    email_change::sweep(&mut tx).await?;
    mail::sweep(&mut tx).await?;
    tx.commit().await?;
    settings::erase_due(app).await
}
