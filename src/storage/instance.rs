//! The installation's own row.

use super::{Reader, Tx, execute, fetch_one, fetch_optional};

/// Keeps what was sealed at the first start, and gives what is kept: it opens with the right key only.
pub async fn sealed_check(tx: &mut Tx, sealed_now: &str) -> sqlx::Result<String> {
    let now = tx.now();
    execute!(
        tx,
        "insert into instance (id, sealed_check, created_at) values (1, $1, $2) on conflict (id) do nothing",
        sealed_now,
        now
    )?;
    let (stored,) = fetch_one!(tx, (String,), "select sealed_check from instance where id = 1")?;
    Ok(stored)
}

/// What was kept at the first start, if there was one.
pub async fn kept_check(reader: &mut Reader) -> sqlx::Result<Option<String>> {
    let row = fetch_optional!(reader, (String,), "select sealed_check from instance where id = 1")?;
    Ok(row.map(|(sealed,)| sealed))
}

/// Reads one row: the database answers.
pub async fn ready(reader: &mut Reader) -> sqlx::Result<()> {
    fetch_optional!(reader, (i64,), "select id from instance where id = 1").map(|_| ())
}

pub async fn set_check(tx: &mut Tx, sealed: &str) -> sqlx::Result<()> {
    execute!(tx, "update instance set sealed_check = $1 where id = 1", sealed)?;
    Ok(())
}
