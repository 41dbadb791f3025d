use crate::clock::Timestamp;
use crate::storage::{Lends, execute, fetch_one};

#[derive(sqlx::FromRow)]
pub(super) struct Use {
    pub used: i64,
    pub since: Timestamp,
}

/// Counts one more in the window, or starts a new window. One statement: there is no moment between
/// reading and writing. The count stops one past the budget, so that a flood moves nothing.
pub(super) async fn spend(
    on: &mut impl Lends,
    key: &str,
    now: Timestamp,
    window_start: Timestamp,
    tries: i64,
) -> sqlx::Result<Use> {
    fetch_one!(
        on,
        Use,
        "insert into throttles (key, used, since) values ($1, 1, $2) \
         on conflict (key) do update set \
           used = case when throttles.since <= $3 then 1 \
                       when throttles.used > $4 then throttles.used else throttles.used + 1 end, \
           since = case when throttles.since <= $3 then $2 else throttles.since end \
         returning used, since",
        key,
        now,
        window_start,
        tries
    )
}

pub(super) async fn give_back(on: &mut impl Lends, key: &str) -> sqlx::Result<()> {
    execute!(on, "update throttles set used = used - 1 where key = $1 and used > 0", key)?;
    Ok(())
}

pub(super) async fn clear(on: &mut impl Lends, key: &str) -> sqlx::Result<()> {
    execute!(on, "delete from throttles where key = $1", key)?;
    Ok(())
}

pub(super) async fn sweep(
    on: &mut impl Lends,
    windows_before: Timestamp,
    streaks_before: Timestamp,
    streaks: &str,
    stopped: i64,
) -> sqlx::Result<()> {
    execute!(
        on,
        "delete from throttles where since < $1 \
         and (substr(key, 1, length($3)) <> $3 or (since < $2 and used < $4))",
        windows_before,
        streaks_before,
        streaks,
        stopped
    )?;
    Ok(())
}
