//! Asking the DNS whether a domain is its organization's: on demand, and again and again by a worker.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{DomainError, mails, sql};
use crate::app::{App, Shared};
use crate::clock::{DAY, HOUR, MINUTE, Timestamp};
use crate::domain::access::{Actor, Denied, Operator};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations;
use crate::domain::sso::Domain;
use crate::domain::throttle::{self, SpendError, Throttled};
use crate::domain::users;
use crate::ids::DomainId;
use crate::mail;
use crate::outbound::DnsError;

/// So many are asked about at once, and in a round.
const AT_ONCE: usize = 16;
const IN_A_ROUND: i64 = 500;
/// One that was just added is asked about often.
const NEW: i64 = 7 * DAY;
/// The DNS did not answer, or a replica that took a domain has died.
const AGAIN: i64 = 10 * MINUTE;

/// What a check has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The record is there.
    Proven,
    /// There is no such record.
    Missing,
    /// It is there, and another organization was first.
    Taken,
    /// The DNS did not say: that is no failure of proof.
    Unanswered,
}

#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("There is no such domain.")]
    NotFound,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for CheckError {
    fn from(error: SpendError) -> CheckError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

impl From<DomainError> for CheckError {
    fn from(error: DomainError) -> CheckError {
        match error {
            DomainError::Denied(denied) => denied.into(),
            DomainError::Database(error) => error.into(),
            _ => CheckError::NotFound,
        }
    }
}

/// When a domain is checked next, as it is now.
pub(super) fn next(domain: &Domain, now: Timestamp) -> Timestamp {
    let pause = match domain {
        Domain { failing_since: Some(_), .. } => HOUR,
        Domain { verified_at: Some(_), .. } => DAY,
        Domain { created_at, .. } if now.since(*created_at) < NEW => 10 * MINUTE,
        _ => DAY,
    };
    now.plus(pause)
}

/// Checks a domain now, for whoever waits for it.
pub async fn check(app: &App, actor: &Actor, id: DomainId) -> Result<Checked, CheckError> {
    let domain = super::domain(app, actor, id).await?;
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let key = actor.organization.to_string();
    let spent = throttle::spend(&mut tx, now, throttle::DOMAIN_CHECK, &key).await;
    tx.commit().await?;
    spent?;
    let said = app.dns.txt(&domain.domain).await;
    Ok(settle(app, &domain, said, &actor.operator()).await?)
}

/// Checks what is due. Killed at any moment it goes on where it was, and several replicas do each once.
pub async fn check_due(app: &Shared) -> sqlx::Result<()> {
    let due = sql::due(&mut app.db.read().await?, app.db.now(), IN_A_ROUND).await?;
    let mut asking: JoinSet<sqlx::Result<()>> = JoinSet::new();
    for domain in due {
        if asking.len() >= AT_ONCE {
            finished(asking.join_next().await)?;
        }
        let app = Arc::clone(app);
        asking.spawn(async move { check_one(&app, &domain).await });
    }
    while let Some(done) = asking.join_next().await {
        finished(Some(done))?;
    }
    Ok(())
}

/// A check that panicked has changed nothing: its transaction was dropped, and it comes up again.
fn finished(done: Option<Result<sqlx::Result<()>, tokio::task::JoinError>>) -> sqlx::Result<()> {
    match done {
        Some(Ok(done)) => done,
        Some(Err(_)) | None => Ok(()),
    }
}

async fn check_one(app: &App, domain: &Domain) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let taken = sql::take(&mut tx, domain.id, now, now.plus(AGAIN)).await?;
    tx.commit().await?;
    if taken {
        let said = app.dns.txt(&domain.domain).await;
        settle(app, domain, said, &Operator::interlock()).await?;
    }
    Ok(())
}

/// Keeps what the DNS said of a domain as it was asked about.
async fn settle(
    app: &App,
    asked: &Domain,
    said: Result<Vec<String>, DnsError>,
    operator: &Operator,
) -> sqlx::Result<Checked> {
    let mut change = app.db.change(asked.organization).await?;
    let now = change.now();
    // Removed meanwhile; one that was added anew has another record.
    let Some(domain) = sql::find(&mut change, asked.organization, asked.id).await? else {
        return Ok(Checked::Missing);
    };
    let Ok(records) = said else {
        sql::set_due(&mut change, domain.id, now.plus(AGAIN)).await?;
        change.commit().await?;
        return Ok(Checked::Unanswered);
    };
    let is_there = records.iter().any(|record| record.trim() == domain.record);
    let mut after = domain.clone();
    let entry = |kind| Entry::new(kind, domain.id, &domain.domain);
    let (checked, entry) = match (is_there, domain.verified_at, domain.failing_since) {
        (true, None, _) => {
            if !sql::set_proven(&mut change, &domain, now).await? {
                drop(change);
                return taken(app, &domain).await;
            }
            after.verified_at = Some(now);
            (Checked::Proven, Some(entry(Kind::DomainProven)))
        }
        (true, Some(_), Some(_)) => {
            sql::set_failing(&mut change, domain.id, None).await?;
            after.failing_since = None;
            (Checked::Proven, Some(entry(Kind::DomainProven).changed("record", "missing", "found again")))
        }
        (true, Some(_), None) => (Checked::Proven, None),
        (false, Some(_), None) => {
            sql::set_failing(&mut change, domain.id, Some(now)).await?;
            after.failing_since = Some(now);
            let organization = organizations::by_id(&mut change, domain.organization).await?;
            for owner in users::mail_of_owners(&mut change, domain.organization).await? {
                let message = mails::failing(app, &owner, &organization, &after, now);
                mail::queue(&mut change, app, Some(domain.organization), &message).await?;
            }
            (Checked::Missing, Some(entry(Kind::DomainFailing).changed("record", "found", "missing")))
        }
        (false, ..) => (Checked::Missing, None),
    };
    sql::set_checked(&mut change, domain.id, now, next(&after, now)).await?;
    if let Some(entry) = entry {
        audit::record(&mut change, domain.organization, operator, entry).await?;
    }
    change.commit().await?;
    Ok(checked)
}

/// Another organization was first: whose domain it is there stays its own business. In a transaction of its own,
/// since the one before may have met the unique index.
async fn taken(app: &App, domain: &Domain) -> sqlx::Result<Checked> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    sql::set_checked(&mut tx, domain.id, now, next(domain, now)).await?;
    tx.commit().await?;
    Ok(Checked::Taken)
}
