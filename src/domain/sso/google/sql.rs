use crate::clock::Timestamp;
use crate::secrets::TokenHash;
use crate::storage::{Lends, execute, fetch_optional};

pub(super) async fn insert(
    on: &mut impl Lends,
    token: &TokenHash,
    sealed: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into arrivals (token_hash, sealed, created_at) values ($1, $2, $3)",
        token,
        sealed,
        now
    )?;
    Ok(())
}

pub(super) async fn find(
    on: &mut impl Lends,
    token: &TokenHash,
    arrived_after: Timestamp,
) -> sqlx::Result<Option<String>> {
    let row = fetch_optional!(
        on,
        (String,),
        "select sealed from arrivals where token_hash = $1 and used_at is null and created_at > $2",
        token,
        arrived_after
    )?;
    Ok(row.map(|(sealed,)| sealed))
}

/// Whoever comes at the same moment finds none.
pub(super) async fn take(
    on: &mut impl Lends,
    token: &TokenHash,
    now: Timestamp,
    arrived_after: Timestamp,
) -> sqlx::Result<bool> {
    let taken = execute!(
        on,
        "update arrivals set used_at = $2 where token_hash = $1 and used_at is null and created_at > $3",
        token,
        now,
        arrived_after
    )?;
    Ok(taken == 1)
}

pub(super) async fn drop_old(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(on, "delete from arrivals where created_at < $1", before)?;
    Ok(())
}
