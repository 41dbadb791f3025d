//! Sends what is due. Killed at any moment it loses nothing: a mail leaves the outbox only after the
//! server has taken it, and it is sent twice only where the server's answer was lost.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::{Body, SendError, Transport, place, sql};
use crate::app::App;
use crate::clock::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use crate::metrics::Outbox;
use crate::storage::Tx;

/// Longer than sending may take, so that no other worker takes a mail that is being sent.
const LEASE: i64 = 2 * MINUTE;
const SENDING: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(500);
const SENDERS: usize = 4;
/// A mail that could not be delivered for this long is given up.
const GIVE_UP_AFTER: i64 = DAY;
const ERASE_AFTER: i64 = 7 * DAY;

/// Runs until `stopping` turns true, and then finishes what is being sent.
pub async fn run(app: Arc<App>, transport: Transport, stopping: watch::Receiver<bool>) {
    let transport = Arc::new(transport);
    let senders = (0..SENDERS).map(|_| {
        let (app, transport, stopping) = (app.clone(), transport.clone(), stopping.clone());
        tokio::spawn(async move { send_until_stopped(&app, &transport, stopping).await })
    });
    for sender in senders.collect::<Vec<_>>() {
        if let Err(error) = sender.await {
            tracing::error!(%error, "a mail sender ended by itself");
        }
    }
}

async fn send_until_stopped(app: &App, transport: &Transport, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        match deliver_one(app, transport).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the outbox can't be read"),
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Sends everything that is due now, and says how many that were.
pub async fn deliver_due(app: &App, transport: &Transport) -> sqlx::Result<usize> {
    let mut count = 0;
    while deliver_one(app, transport).await? {
        count += 1;
    }
    Ok(count)
}

/// A SQLite file has one process: whatever another held when it ended is free.
pub async fn release_leases(app: &App) -> sqlx::Result<()> {
    if app.db.is_shared() {
        return Ok(());
    }
    let mut tx = app.db.write().await?;
    sql::release(&mut tx).await?;
    tx.commit().await
}

/// What is in the outbox, for the metrics.
pub async fn outbox(app: &App) -> sqlx::Result<Outbox> {
    let now = app.db.now();
    let depth = sql::depth(&mut app.db.read().await?, now, now.plus(-ERASE_AFTER)).await?;
    let oldest = depth.oldest_due_at.map_or(0, |at| now.since(at));
    Ok(Outbox {
        due: depth.due,
        later: depth.later,
        given_up: depth.given_up,
        oldest_due_for: Duration::from_millis(oldest.unsigned_abs()),
    })
}

/// Erases the bodies of mails that were given up a week ago.
pub(crate) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let before = tx.now().plus(-ERASE_AFTER);
    sql::erase_failed(tx, before).await
}

async fn deliver_one(app: &App, transport: &Transport) -> sqlx::Result<bool> {
    let now = app.db.now();
    // Looking first costs a read; claiming costs the only writer.
    if !sql::any_due(&mut app.db.read().await?, now).await? {
        return Ok(false);
    }
    let lease = now.plus(LEASE);
    let mut tx = app.db.write().await?;
    let due = sql::claim(&mut tx, now, lease).await?;
    tx.commit().await?;
    let Some(due) = due else { return Ok(false) };

    let result = match opened(app, &due) {
        Ok(body) => {
            // Dated by when it was written, so that a second copy is the first one again, file and all.
            let sending = transport.send(due.id, &due.recipient, &due.subject, &body, due.created_at);
            timeout(SENDING, sending).await.unwrap_or_else(|_| {
                Err(SendError::Temporary("The mail server did not answer within a minute.".to_owned()))
            })
        }
        Err(why) => Err(SendError::Permanent(why)),
    };
    settle(app, &due, lease, result).await?;
    Ok(true)
}

fn opened(app: &App, due: &sql::Due) -> Result<Body, String> {
    let sealed = due.body.as_deref().ok_or("The mail's text is gone.")?;
    let bytes = app.sealer.open(&place(due.id), sealed).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|_| "The mail's text can't be read.".to_owned())
}

async fn settle(
    app: &App,
    due: &sql::Due,
    lease: Timestamp,
    result: Result<(), SendError>,
) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let outcome = match result {
        Ok(()) => {
            tracing::info!(mail = %due.id, "mail sent");
            sql::sent(&mut tx, due.id, lease, now).await?;
            "sent"
        }
        Err(SendError::Temporary(why)) if now.since(due.since) < GIVE_UP_AFTER => {
            let wait = backoff(due.attempts);
            tracing::warn!(mail = %due.id, why, wait_seconds = wait / SECOND, "mail not sent yet");
            sql::retry(&mut tx, due.id, lease, now.plus(wait), &why).await?;
            "tried_again_later"
        }
        Err(SendError::Temporary(why) | SendError::Permanent(why)) => {
            tracing::error!(mail = %due.id, why, "mail given up");
            sql::give_up(&mut tx, due.id, lease, now, &why).await?;
            "given_up"
        }
    };
    tx.commit().await?;
    app.metrics.mails.with_label_values(&[outcome]).inc();
    Ok(())
}

/// 5 s, 10 s, 20 s … up to an hour.
fn backoff(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(20);
    (5 * SECOND * 2_i64.pow(doublings)).min(HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_grows_up_to_an_hour() {
        assert_eq!(backoff(1), 5 * SECOND);
        assert_eq!(backoff(3), 20 * SECOND);
        assert_eq!(backoff(40), HOUR);
    }
}
