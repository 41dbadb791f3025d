//! The outbox as the sysadmin sees it: what waits, what was given up and why, and another try.

use super::sql;
use crate::clock::Timestamp;
use crate::ids::MailId;
use crate::storage::{Db, Lends};

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum MailState {
    Queued,
    Sent,
    Failed,
}

impl MailState {
    pub fn code(self) -> &'static str {
        match self {
            MailState::Queued => "queued",
            MailState::Sent => "sent",
            MailState::Failed => "failed",
        }
    }
}

/// A mail in the list. Its text is sealed and stays so.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct OutboxMail {
    pub id: MailId,
    pub recipient: String,
    pub subject: String,
    pub kind: String,
    pub state: MailState,
    pub attempts: i64,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub failure: Option<String>,
    /// Whether its text is still there: erased on delivery, and a week after it was given up.
    pub kept: bool,
}

/// The newest mails, perhaps in one state, perhaps to one address in its canonical form.
pub async fn list(
    db: &Db,
    state: Option<MailState>,
    to: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<OutboxMail>> {
    sql::list(&mut db.read().await?, state, to, limit).await
}

#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    #[error("There is no mail with this id. `interlock mail list` shows the ids.")]
    Unknown,
    #[error("This mail was not given up: it is {}.", .0.code())]
    NotFailed(MailState),
    #[error(
        "The text of this mail is gone: it was given up more than a week ago. Whoever caused it has to do so again."
    )]
    Gone,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Puts a mail that was given up back in the queue, for another day of tries.
pub async fn retry(db: &Db, id: MailId) -> Result<(), RetryError> {
    let mut tx = db.write().await?;
    match sql::state(&mut tx, id).await? {
        None => return Err(RetryError::Unknown),
        Some((MailState::Failed, true)) => {}
        Some((MailState::Failed, false)) => return Err(RetryError::Gone),
        Some((state, _)) => return Err(RetryError::NotFailed(state)),
    }
    let now = tx.now();
    sql::requeue(&mut tx, Some(id), now).await?;
    tx.commit().await?;
    Ok(())
}

/// The same for all that were given up and still have their text. Says how many those were.
pub async fn retry_failed(db: &Db) -> sqlx::Result<u64> {
    let mut tx = db.write().await?;
    let now = tx.now();
    let count = sql::requeue(&mut tx, None, now).await?;
    tx.commit().await?;
    Ok(count)
}

/// How many mails wait to go out.
pub async fn count_queued(on: &mut impl Lends) -> sqlx::Result<i64> {
    sql::count_queued(on).await
}
