use sqlx::QueryBuilder;

use super::{Filter, Head, Row};
use crate::clock::HOUR;
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Change, Lends, execute, execute_both, fetch_all, fetch_one, fetch_optional, on_either};

const COLUMNS: &str =
    "seq, at, kind, operator_id, operator_name, target_id, target_name, changes, address, request, hash";

pub(super) async fn head(on: &mut impl Lends, chain: &str) -> sqlx::Result<Head> {
    fetch_one!(on, Head, "select seq, hash from audit_heads where chain = $1", chain)
}

pub(super) async fn find_head(on: &mut impl Lends, chain: &str) -> sqlx::Result<Option<Head>> {
    fetch_optional!(on, Head, "select seq, hash from audit_heads where chain = $1", chain)
}

pub(super) async fn organizations(on: &mut impl Lends) -> sqlx::Result<Vec<(OrganizationId, String)>> {
    fetch_all!(on, (OrganizationId, String), "select id, slug from organizations order by slug")
}

/// The row, and the head that it moves.
pub(super) async fn append(change: &mut Change, chain: &str, row: &Row) -> sqlx::Result<()> {
    execute_both!(
        change,
        "insert into audit_events (chain, seq, at, kind, operator_id, operator_name, target_id, target_name, \
         changes, address, request, hash) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        "update audit_heads set seq = $2, hash = $12 where chain = $1",
        chain,
        row.seq,
        row.at,
        &row.kind,
        &row.operator_id,
        &row.operator_name,
        &row.target_id,
        &row.target_name,
        &row.changes,
        &row.address,
        &row.request,
        &row.hash
    )
}

/// So many rows go in one statement: both databases bound how much one may bind.
const TOGETHER: usize = 500;

/// Rows that follow each other, and the head that the last of them moves.
pub(super) async fn append_all(change: &mut Change, chain: &str, rows: &[Row]) -> sqlx::Result<()> {
    let Some(last) = rows.last() else { return Ok(()) };
    for rows in rows.chunks(TOGETHER) {
        on_either!(change, |e| {
            let mut query = QueryBuilder::new(
                "insert into audit_events (chain, seq, at, kind, operator_id, operator_name, target_id, target_name, \
                 changes, address, request, hash) ",
            );
            query.push_values(rows, |mut values, row| {
                values.push_bind(chain).push_bind(row.seq).push_bind(row.at.0).push_bind(&row.kind);
                values.push_bind(&row.operator_id).push_bind(&row.operator_name).push_bind(&row.target_id);
                values.push_bind(&row.target_name).push_bind(&row.changes).push_bind(&row.address);
                values.push_bind(&row.request).push_bind(&row.hash);
            });
            query.build().execute(e).await.map(|_| ())
        })?;
    }
    execute!(
        change,
        "update audit_heads set seq = $2, hash = $3 where chain = $1",
        chain,
        last.seq,
        &last.hash
    )?;
    Ok(())
}

/// Newest first, or oldest first after a row. Each filter is a clause of its own, so that its index serves;
/// a person's rows are read as operator's and as target's, each by its index, and put together.
pub(super) async fn list(
    on: &mut impl Lends,
    chain: &str,
    filter: &Filter,
    limit: usize,
) -> sqlx::Result<Vec<Row>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let order = if filter.after.is_some() { " order by seq limit " } else { " order by seq desc limit " };
    let sides: &[&str] = match filter.person {
        Some(_) => &[" and operator_id = ", " and target_id = "],
        None => &[""],
    };
    on_either!(on, |e| {
        let mut query = QueryBuilder::new("");
        for (number, side) in sides.iter().enumerate() {
            query.push(if number == 0 { "select * from (select " } else { " union select * from (select " });
            query.push(COLUMNS).push(" from audit_events where chain = ").push_bind(chain);
            if let Some(person) = filter.person {
                query.push(*side).push_bind(person.to_string());
            }
            if let Some(kind) = filter.kind {
                query.push(" and kind = ").push_bind(kind.code());
            }
            // Rows are written in the order of their time, but for clocks that differ or step back: the place of a row
            // near that moment, by its index, spares reading all that is far from it.
            if let Some(since) = filter.since {
                query.push(" and at >= ").push_bind(since);
                query
                    .push(" and seq >= coalesce((select seq from audit_events where chain = ")
                    .push_bind(chain);
                query.push(" and at >= ").push_bind(since.plus(-HOUR)).push(" order by at, seq limit 1), 0)");
            }
            if let Some(until) = filter.until {
                query.push(" and at < ").push_bind(until);
                query
                    .push(" and seq <= coalesce((select seq from audit_events where chain = ")
                    .push_bind(chain);
                query
                    .push(" and at < ")
                    .push_bind(until.plus(HOUR))
                    .push(" order by at desc, seq desc limit 1), 0)");
            }
            if let Some(after) = filter.after {
                query.push(" and seq > ").push_bind(after);
            } else if let Some(before) = filter.before {
                query.push(" and seq < ").push_bind(before);
            }
            query.push(order).push_bind(limit).push(") as side");
        }
        query.push(order).push_bind(limit).build_query_as::<Row>().fetch_all(e).await
    })
}

pub(super) async fn of_request(
    on: &mut impl Lends,
    chain: &str,
    after: i64,
    request: &str,
) -> sqlx::Result<Option<i64>> {
    let found = fetch_optional!(
        on,
        (i64,),
        "select seq from audit_events where chain = $1 and seq > $2 and request = $3 order by seq limit 1",
        chain,
        after,
        request
    )?;
    Ok(found.map(|(seq,)| seq))
}

pub(super) async fn about(
    on: &mut impl Lends,
    chain: &str,
    target: &str,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    fetch_all!(
        on,
        Row,
        "select seq, at, kind, operator_id, operator_name, target_id, target_name, changes, address, request, hash \
         from audit_events where chain = $1 and target_id = $2 order by seq desc limit $3",
        chain,
        target,
        limit
    )
}

/// `limit` rows of a chain in order, after one.
pub(super) async fn following(
    on: &mut impl Lends,
    chain: &str,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    fetch_all!(
        on,
        Row,
        "select seq, at, kind, operator_id, operator_name, target_id, target_name, changes, address, request, hash \
         from audit_events where chain = $1 and seq > $2 order by seq limit $3",
        chain,
        after,
        limit
    )
}

/// The first row that is not one of 1 to the chain's head. One statement sees one moment, and a change writes
/// its row and moves the head in one transaction: there is no such row unless somebody put it there.
pub(super) async fn outside(on: &mut impl Lends, chain: &str) -> sqlx::Result<Option<i64>> {
    let (seq,) = fetch_one!(
        on,
        (Option<i64>,),
        "select coalesce( \
         (select min(seq) from audit_events where chain = $1 and seq < 1), \
         (select min(seq) from audit_events where chain = $1 \
          and seq > (select seq from audit_heads where chain = $1)))",
        chain
    )?;
    Ok(seq)
}

/// Those who ever had a membership, by name.
pub(super) async fn people(
    on: &mut impl Lends,
    organization: OrganizationId,
    limit: i64,
) -> sqlx::Result<Vec<(UserId, String)>> {
    fetch_all!(
        on,
        (UserId, String),
        "select user_id, name from memberships where organization = $1 order by name_key, user_id limit $2",
        organization,
        limit
    )
}

pub(super) async fn name_of(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Option<String>> {
    let found = fetch_optional!(
        on,
        (String,),
        "select name from memberships where organization = $1 and user_id = $2",
        organization,
        user
    )?;
    Ok(found.map(|(name,)| name))
}
