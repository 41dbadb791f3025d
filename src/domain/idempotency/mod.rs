//! Creations that a program may send twice, and that are done once: by the Idempotency-Key that it names.
//!
//! The key is reserved before anything is done, and the answer is kept after. Between the two a process may die: then
//! the audit log tells whether the change was made, since it has a row of the request if, and only if, it was.

mod sql;

use crate::app::App;
use crate::clock::{DAY, MINUTE, Timestamp};
use crate::domain::audit;
use crate::ids::{ApiKeyId, OrganizationId};
use crate::storage::Tx;

/// How long a key is remembered.
pub const LIFE: i64 = DAY;
/// A request takes less. One that has no answer after this has none any more.
const LONGEST: i64 = MINUTE;

/// A creation as it came, before it is done.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub organization: OrganizationId,
    /// Of the API key: rotating it keeps what was reserved.
    pub family: ApiKeyId,
    /// What the program calls it.
    pub value: String,
    /// Of the method, the address and the body.
    pub hash: String,
    /// The request's id, which its audit rows have too.
    pub request: String,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub body: String,
}

/// What an attempt turns out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The first: do it.
    First,
    /// It was done, and answered so.
    Again(Answer),
    /// The key was used for something else.
    Other,
    /// The first is not done yet.
    InFlight,
    /// It was done, and what was answered is lost: the audit row that says so.
    Lost(i64),
}

pub(in crate::domain) struct Reserved {
    hash: String,
    request: String,
    chain_seq: i64,
    reserved_at: Timestamp,
    answer: Option<Answer>,
}

/// Reserves a key, or says what became of the request that did.
pub async fn begin(app: &App, attempt: &Attempt) -> sqlx::Result<Begun> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let (seq, _) = audit::head(&mut tx, attempt.organization).await?;
    let begun = match sql::reserve(&mut tx, attempt, seq, now).await? {
        true => Begun::First,
        false => judge(&mut tx, attempt, seq, now).await?,
    };
    tx.commit().await?;
    Ok(begun)
}

async fn judge(tx: &mut Tx, attempt: &Attempt, seq: i64, now: Timestamp) -> sqlx::Result<Begun> {
    // It may have been given back in this moment.
    let Some(before) = sql::find(tx, attempt).await? else { return Ok(Begun::InFlight) };
    let age = now.since(before.reserved_at);
    if age < LIFE {
        if before.hash != attempt.hash {
            return Ok(Begun::Other);
        }
        if let Some(answer) = before.answer {
            return Ok(Begun::Again(answer));
        }
        if age < LONGEST {
            return Ok(Begun::InFlight);
        }
        if let Some(row) =
            audit::of_request(tx, attempt.organization, before.chain_seq, &before.request).await?
        {
            return Ok(Begun::Lost(row));
        }
    }
    // Of several that find nothing was done, one goes on.
    match sql::take_over(tx, attempt, &before.request, seq, now).await? {
        true => Ok(Begun::First),
        false => Ok(Begun::InFlight),
    }
}

/// Keeps the answer to what was done.
pub async fn answered(app: &App, attempt: &Attempt, answer: &Answer) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    sql::answer(&mut tx, attempt, answer).await?;
    tx.commit().await
}

/// Gives a key back whose request was refused: nothing was done, and once what was wrong is right, the key serves. If
/// something was done all the same, before what came after it failed, it stays reserved.
pub async fn give_back(app: &App, attempt: &Attempt) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    let Some(reserved) = sql::find(&mut tx, attempt).await? else { return Ok(()) };
    let row = audit::of_request(&mut tx, attempt.organization, reserved.chain_seq, &attempt.request).await?;
    if row.is_none() {
        sql::give_back(&mut tx, attempt).await?;
    }
    tx.commit().await
}

/// Drops what nobody asks for any more.
pub(crate) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let before = tx.now().plus(-LIFE);
    sql::sweep(tx, before).await
}
