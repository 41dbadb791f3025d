use sqlx::QueryBuilder;

use super::batch::Counter;
use crate::clock::Timestamp;
use crate::ids::OrganizationId;
use crate::storage::{Lends, execute, fetch_all, on_either};

/// Rows to a statement: SQLite binds 32,766 values at most.
pub(super) const ROWS: usize = 1_000;
/// Pairs to a condition, each of which is found by the index.
const ALTERNATIVES: usize = 100;
/// Statements of few rows come again and again; of longer ones each has a text of its own, which nothing keeps.
pub(super) const KEPT: usize = 4;

/// Locks rows, making those that are missing, and gives what is used; -1 is in a new one. In the order in which they
/// are given: two processes that lock the same ones in the same order don't wait for each other in a circle.
pub(super) async fn lock(
    on: &mut impl Lends,
    counters: &[(&str, &Counter)],
) -> sqlx::Result<Vec<(String, i64, Timestamp)>> {
    let mut found = Vec::with_capacity(counters.len());
    for rows in counters.chunks(ROWS) {
        let some: Vec<(String, i64, Timestamp)> = on_either!(on, |e| {
            let mut query = QueryBuilder::new(
                "insert into limit_counters (id, organization, developer, limited, used, frees_at) ",
            );
            query.push_values(rows, |mut row, (id, counter)| {
                row.push_bind(*id)
                    .push_bind(counter.organization)
                    .push_bind(counter.developer.as_str())
                    .push_bind(counter.limited.as_str())
                    .push("-1, 9223372036854775807");
            });
            query.push(
                " on conflict (id) do update set used = limit_counters.used returning id, used, frees_at",
            );
            query.build_query_as().persistent(rows.len() <= KEPT).fetch_all(e).await
        })?;
        found.extend(some);
    }
    Ok(found)
}

pub(super) async fn set_used(on: &mut impl Lends, counters: &[(&str, i64, Timestamp)]) -> sqlx::Result<()> {
    for rows in counters.chunks(ROWS) {
        on_either!(on, |e| {
            let mut query =
                QueryBuilder::new("update limit_counters set used = v.column2, frees_at = v.column3 from (");
            query.push_values(rows, |mut row, (id, used, frees_at)| {
                row.push_bind(*id).push_bind(*used).push_bind(*frees_at);
            });
            query.push(") as v where limit_counters.id = v.column1");
            query.build().persistent(rows.len() <= KEPT).execute(e).await.map(|_| ())
        })?;
    }
    Ok(())
}

pub(super) async fn drop_counters(on: &mut impl Lends, ids: &[&str]) -> sqlx::Result<()> {
    delete_by_ids(on, "delete from limit_counters where id in (", ids).await
}

pub(super) async fn delete_by_ids(
    on: &mut impl Lends,
    beginning: &'static str,
    ids: &[&str],
) -> sqlx::Result<()> {
    for rows in ids.chunks(ROWS) {
        on_either!(on, |e| {
            let mut query = QueryBuilder::new(beginning);
            let mut list = query.separated(", ");
            for id in rows {
                list.push_bind(*id);
            }
            query.push(")");
            query.build().persistent(rows.len() <= KEPT).execute(e).await.map(|_| ())
        })?;
    }
    Ok(())
}

/// Drops what has freed of these counters, and says how much it was, row by row.
pub(super) async fn free(
    on: &mut impl Lends,
    counters: &[&str],
    now: Timestamp,
) -> sqlx::Result<Vec<(String, i64)>> {
    let mut freed = Vec::new();
    for rows in counters.chunks(ROWS) {
        let some: Vec<(String, i64)> = on_either!(on, |e| {
            let mut query = QueryBuilder::new("delete from limit_events where frees_at <= ");
            query.push_bind(now).push(" and counter in (");
            let mut list = query.separated(", ");
            for id in rows {
                list.push_bind(*id);
            }
            query.push(") returning counter, amount");
            query.build_query_as().persistent(rows.len() <= KEPT).fetch_all(e).await
        })?;
        freed.extend(some);
    }
    Ok(freed)
}

/// When the first of each counter frees.
pub(super) async fn first_freeing(
    on: &mut impl Lends,
    counters: &[&str],
) -> sqlx::Result<Vec<(String, Timestamp)>> {
    let mut found = Vec::new();
    for rows in counters.chunks(ROWS) {
        let some: Vec<(String, Timestamp)> = on_either!(on, |e| {
            let mut query =
                QueryBuilder::new("select counter, min(frees_at) from limit_events where counter in (");
            let mut list = query.separated(", ");
            for id in rows {
                list.push_bind(*id);
            }
            query.push(") group by counter");
            query.build_query_as().persistent(rows.len() <= KEPT).fetch_all(e).await
        })?;
        found.extend(some);
    }
    Ok(found)
}

/// When so much of a counter will have freed.
pub(super) async fn freed_by(
    on: &mut impl Lends,
    counter: &str,
    amount: i64,
) -> sqlx::Result<Option<Timestamp>> {
    let found = fetch_all!(
        on,
        (Timestamp,),
        "select frees_at from (select frees_at, cast(sum(amount) over (order by frees_at, mark \
         rows between unbounded preceding and current row) as bigint) as total \
         from limit_events where counter = $1) as e where total >= $2 order by frees_at limit 1",
        counter,
        amount
    )?;
    Ok(found.first().map(|(at,)| *at))
}

#[derive(Clone, sqlx::FromRow)]
pub(super) struct Event {
    pub counter: String,
    pub mark: String,
    pub frees_at: Timestamp,
    pub amount: i64,
}

pub(super) async fn events(on: &mut impl Lends, marks: &[(&str, &str)]) -> sqlx::Result<Vec<Event>> {
    let mut found = Vec::new();
    for rows in marks.chunks(ROWS) {
        let some: Vec<Event> = on_either!(on, |e| {
            let mut query = QueryBuilder::new("select e.counter, e.mark, e.frees_at, e.amount from (");
            query.push_values(rows, |mut row, (counter, mark)| {
                row.push_bind(*counter).push_bind(*mark);
            });
            // In this order: SQLite would read the whole table where the pairs are a list.
            query.push(") as v cross join limit_events e where e.counter = v.column1 and e.mark = v.column2");
            query.build_query_as().persistent(rows.len() <= KEPT).fetch_all(e).await
        })?;
        found.extend(some);
    }
    Ok(found)
}

/// Adds to what frees in the same second.
pub(super) async fn add_events(on: &mut impl Lends, events: &[Event]) -> sqlx::Result<()> {
    for rows in events.chunks(ROWS) {
        on_either!(on, |e| {
            let mut query = QueryBuilder::new("insert into limit_events (counter, mark, frees_at, amount) ");
            query.push_values(rows, |mut row, event| {
                row.push_bind(event.counter.as_str())
                    .push_bind(event.mark.as_str())
                    .push_bind(event.frees_at)
                    .push_bind(event.amount);
            });
            query.push(
                " on conflict (counter, mark) do update set amount = limit_events.amount + excluded.amount, \
                 frees_at = excluded.frees_at",
            );
            query.build().persistent(rows.len() <= KEPT).execute(e).await.map(|_| ())
        })?;
    }
    Ok(())
}

/// Lets what is marked so free at another time.
pub(super) async fn move_events(on: &mut impl Lends, events: &[Event]) -> sqlx::Result<()> {
    for rows in events.chunks(ROWS) {
        on_either!(on, |e| {
            let mut query = QueryBuilder::new("update limit_events set frees_at = v.column3 from (");
            query.push_values(rows, |mut row, event| {
                row.push_bind(event.counter.as_str())
                    .push_bind(event.mark.as_str())
                    .push_bind(event.frees_at);
            });
            query.push(") as v where limit_events.counter = v.column1 and limit_events.mark = v.column2");
            query.build().persistent(rows.len() <= KEPT).execute(e).await.map(|_| ())
        })?;
    }
    Ok(())
}

pub(super) async fn drop_events(on: &mut impl Lends, events: &[Event]) -> sqlx::Result<()> {
    for rows in events.chunks(ALTERNATIVES) {
        on_either!(on, |e| {
            let mut query = QueryBuilder::new("delete from limit_events where ");
            let mut any = query.separated(" or ");
            for event in rows {
                any.push("(counter = ").push_bind_unseparated(event.counter.as_str());
                any.push_unseparated(" and mark = ").push_bind_unseparated(event.mark.as_str());
                any.push_unseparated(")");
            }
            query.build().persistent(rows.len() <= KEPT).execute(e).await.map(|_| ())
        })?;
    }
    Ok(())
}

#[derive(sqlx::FromRow)]
pub(super) struct Due {
    pub id: String,
    pub organization: OrganizationId,
    pub developer: String,
    pub limited: String,
}

/// Counters of which something has freed.
pub(super) async fn due(on: &mut impl Lends, now: Timestamp, most: i64) -> sqlx::Result<Vec<Due>> {
    fetch_all!(
        on,
        Due,
        "select id, organization, developer, limited from limit_counters \
         where frees_at < 9223372036854775807 and frees_at <= $1 order by frees_at limit $2",
        now,
        most
    )
}

/// Drops leases and answers that are too old to be asked for; says how many.
pub(super) async fn drop_old(
    on: &mut impl Lends,
    leases: Timestamp,
    answers: Timestamp,
    most: i64,
) -> sqlx::Result<u64> {
    let dropped = execute!(
        on,
        "delete from limit_leases where id in (select id from limit_leases where expires_at <= $1 \
         order by expires_at limit $2)",
        leases,
        most
    )?;
    let answers = execute!(
        on,
        "delete from limit_answers where id in (select id from limit_answers where answered_at <= $1 \
         order by answered_at limit $2)",
        answers,
        most
    )?;
    Ok(dropped + answers)
}

pub(super) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    execute!(
        on,
        "delete from limit_events where counter in (select id from limit_counters where organization = $1)",
        organization
    )?;
    execute!(on, "delete from limit_counters where organization = $1", organization)?;
    execute!(on, "delete from limit_leases where organization = $1", organization)?;
    execute!(on, "delete from limit_answers where organization = $1", organization)?;
    Ok(())
}
