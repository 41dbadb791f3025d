use sqlx::QueryBuilder;

use crate::clock::Timestamp;
use crate::domain::spending::sql::{KEPT, ROWS};
use crate::ids::{ApiKeyId, LeaseId, OrganizationId};
use crate::storage::{Lends, on_either};

#[derive(Clone, sqlx::FromRow)]
pub(in crate::domain::spending) struct LeaseRow {
    pub id: LeaseId,
    pub organization: OrganizationId,
    pub developer: String,
    pub family: ApiKeyId,
    /// A line for each counter: its id, and what it limits.
    pub counters: String,
    pub expires_at: Timestamp,
    pub is_over: bool,
}

pub(in crate::domain::spending) async fn leases(
    on: &mut impl Lends,
    ids: &[LeaseId],
) -> sqlx::Result<Vec<LeaseRow>> {
    let mut found = Vec::new();
    for rows in ids.chunks(ROWS) {
        let some: Vec<LeaseRow> = on_either!(on, |e| {
            let mut query = QueryBuilder::new(
                "select id, organization, developer, family, counters, expires_at, is_over from limit_leases \
                 where id in (",
            );
            let mut list = query.separated(", ");
            for id in rows {
                list.push_bind(*id);
            }
            query.push(")");
            query.build_query_as().persistent(rows.len() <= KEPT).fetch_all(e).await
        })?;
        found.extend(some);
    }
    Ok(found)
}

/// Writes new leases, and what became of old ones.
pub(in crate::domain::spending) async fn save_leases(
    on: &mut impl Lends,
    leases: &[LeaseRow],
) -> sqlx::Result<()> {
    for rows in leases.chunks(ROWS) {
        on_either!(on, |e| {
            let mut query = QueryBuilder::new(
                "insert into limit_leases (id, organization, developer, family, counters, expires_at, is_over) ",
            );
            query.push_values(rows, |mut row, lease| {
                row.push_bind(lease.id)
                    .push_bind(lease.organization)
                    .push_bind(lease.developer.as_str())
                    .push_bind(lease.family)
                    .push_bind(lease.counters.as_str())
                    .push_bind(lease.expires_at)
                    .push_bind(lease.is_over);
            });
            query.push(
                " on conflict (id) do update set expires_at = excluded.expires_at, is_over = excluded.is_over",
            );
            query.build().persistent(rows.len() <= KEPT).execute(e).await.map(|_| ())
        })?;
    }
    Ok(())
}
