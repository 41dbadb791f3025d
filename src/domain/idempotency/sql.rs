use super::{Answer, Attempt, Reserved};
use crate::clock::Timestamp;
use crate::storage::{Lends, Tx, execute, fetch_optional};

/// One statement: of two that come at once, one reserves.
pub(super) async fn reserve(tx: &mut Tx, attempt: &Attempt, seq: i64, now: Timestamp) -> sqlx::Result<bool> {
    let inserted = fetch_optional!(
        tx,
        (String,),
        "insert into idempotency_keys (family, value, hash, request, chain_seq, reserved_at) \
         values ($1, $2, $3, $4, $5, $6) on conflict (family, value) do nothing returning value",
        attempt.family,
        &attempt.value,
        &attempt.hash,
        &attempt.request,
        seq,
        now
    )?;
    Ok(inserted.is_some())
}

#[derive(sqlx::FromRow)]
struct Row {
    hash: String,
    request: String,
    chain_seq: i64,
    reserved_at: Timestamp,
    status: Option<i64>,
    location: Option<String>,
    body: Option<String>,
}

pub(super) async fn find(tx: &mut Tx, attempt: &Attempt) -> sqlx::Result<Option<Reserved>> {
    let row = fetch_optional!(
        tx,
        Row,
        "select hash, request, chain_seq, reserved_at, status, location, body from idempotency_keys \
         where family = $1 and value = $2",
        attempt.family,
        &attempt.value
    )?;
    Ok(row.map(|row| Reserved {
        answer: row.status.and_then(|status| u16::try_from(status).ok()).map(|status| Answer {
            status,
            location: row.location,
            body: row.body.unwrap_or_default(),
        }),
        hash: row.hash,
        request: row.request,
        chain_seq: row.chain_seq,
        reserved_at: row.reserved_at,
    }))
}

/// Reserves anew what a request held that is gone; false if another was first.
pub(super) async fn take_over(
    tx: &mut Tx,
    attempt: &Attempt,
    held_by: &str,
    seq: i64,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let taken = fetch_optional!(
        tx,
        (String,),
        "update idempotency_keys set hash = $4, request = $5, chain_seq = $6, reserved_at = $7, status = null, \
         location = null, body = null where family = $1 and value = $2 and request = $3 returning value",
        attempt.family,
        &attempt.value,
        held_by,
        &attempt.hash,
        &attempt.request,
        seq,
        now
    )?;
    Ok(taken.is_some())
}

pub(super) async fn answer(on: &mut impl Lends, attempt: &Attempt, answer: &Answer) -> sqlx::Result<()> {
    execute!(
        on,
        "update idempotency_keys set status = $4, location = $5, body = $6 \
         where family = $1 and value = $2 and request = $3",
        attempt.family,
        &attempt.value,
        &attempt.request,
        i64::from(answer.status),
        &answer.location,
        &answer.body
    )?;
    Ok(())
}

pub(super) async fn give_back(on: &mut impl Lends, attempt: &Attempt) -> sqlx::Result<()> {
    execute!(
        on,
        "delete from idempotency_keys where family = $1 and value = $2 and request = $3",
        attempt.family,
        &attempt.value,
        &attempt.request
    )?;
    Ok(())
}

pub(super) async fn sweep(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(on, "delete from idempotency_keys where reserved_at < $1", before)?;
    Ok(())
}
