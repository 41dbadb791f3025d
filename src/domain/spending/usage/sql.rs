use sqlx::QueryBuilder;

use crate::clock::Timestamp;
use crate::ids::OrganizationId;
use crate::storage::{Lends, on_either};

/// How far limits of an organization are used in Live: which, how many hold something of it, the fullest, and when
/// something of that frees. Of each limit the first `most` are looked at.
#[derive(sqlx::FromRow)]
pub(super) struct Used {
    pub at: i64,
    pub holders: i64,
    pub most: i64,
    pub frees_at: Option<Timestamp>,
}

pub(super) async fn usage(
    on: &mut impl Lends,
    organization: OrganizationId,
    limits: &[(i64, String)],
    now: Timestamp,
    most: i64,
) -> sqlx::Result<Vec<Used>> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new("");
        for (number, (at, limited)) in limits.iter().enumerate() {
            if number > 0 {
                query.push(" union all ");
            }
            // What has freed and is not dropped yet is used no more.
            query.push("select cast(").push_bind(*at).push(" as bigint) as at, count(*) as holders, \
                coalesce(max(used), 0) as most, min(frees_at) as frees_at from (select c.used - coalesce((\
                select cast(sum(amount) as bigint) from limit_events s where s.counter = c.id and c.frees_at <= ");
            query.push_bind(now).push(" and s.frees_at <= ").push_bind(now);
            query.push(
                "), 0) as used, (select min(s.frees_at) from limit_events s where s.counter = c.id \
                and c.frees_at < 9223372036854775807 and s.frees_at > ",
            );
            query.push_bind(now).push(") as frees_at from limit_counters c where c.organization = ");
            query.push_bind(organization).push(" and c.developer = '' and c.limited = ");
            query.push_bind(limited.as_str()).push(" limit ").push_bind(most);
            query.push(") as u where used > 0");
        }
        query.build_query_as().persistent(false).fetch_all(e).await
    })
}
