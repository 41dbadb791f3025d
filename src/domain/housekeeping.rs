//! What happens because time passes: memberships that end, and what is dropped once it is of no more use
//! (ASVS 14.2.7). No rule depends on when: what has ended or expired is refused by whoever reads it.

use std::time::Duration;

use tokio::sync::watch;

use super::{
    api_keys, email_change, factors, forward_auth, idempotency, invitations, leaving, recovery, sessions,
    settings, sign_up, spending, sso, throttle,
};
use crate::app::Shared;
use crate::mail;

const EVERY: Duration = Duration::from_secs(60);
/// Of so many rounds the first sweeps: once an hour.
const ROUNDS: u32 = 60;

/// Ends memberships, tells members what is asked of them and Owners of keys that end, and checks domains every minute;
/// sweeps at the start and every hour, until `stopping` turns true.
pub async fn run(app: Shared, mut stopping: watch::Receiver<bool>) {
    let mut round = 0;
    while !*stopping.borrow() {
        if let Err(error) = leaving::end_due(&app).await {
            tracing::error!(%error, "memberships could not be ended");
        }
        if let Err(error) = settings::tell_due(&app).await {
            tracing::error!(%error, "members could not be told of a factor that is asked for");
        }
        if let Err(error) = api_keys::tell_due(&app).await {
            tracing::error!(%error, "Owners could not be told of keys that end");
        }
        if let Err(error) = sso::check_due(&app).await {
            tracing::error!(%error, "domains could not be checked");
        }
        if round == 0
            && let Err(error) = sweep(&app).await
        {
            tracing::error!(%error, "old rows could not be dropped");
        }
        round = (round + 1) % ROUNDS;
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stopping.changed() => {}
        }
    }
}

pub async fn sweep(app: &Shared) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    throttle::sweep(&mut tx).await?;
    // Ways to a provider before the sessions that began them.
    sso::sweep(&mut tx).await?;
    forward_auth::sweep(&mut tx).await?;
    sessions::sweep(&mut tx).await?;
    factors::sweep(&mut tx).await?;
    sign_up::sweep(&mut tx).await?;
    recovery::sweep(&mut tx).await?;
    email_change::sweep(&mut tx).await?;
    invitations::sweep(&mut tx).await?;
    api_keys::sweep(&mut tx).await?;
    idempotency::sweep(&mut tx).await?;
    mail::sweep(&mut tx).await?;
    tx.commit().await?;
    spending::sweep(&app.db).await?;
    settings::erase_due(app).await
}
