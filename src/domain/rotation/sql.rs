use sqlx::QueryBuilder;

use super::Column;
use crate::storage::{Lends, on_either};

/// Sealed texts in the order of their rows, from after one on.
pub(super) async fn sealed(
    on: &mut impl Lends,
    column: &Column,
    after: &str,
    limit: i64,
) -> sqlx::Result<Vec<(String, String)>> {
    let Column { table, column, row } = column;
    on_either!(on, |e| {
        let mut query = QueryBuilder::new("select ");
        query.push(*row).push(", ").push(*column).push(" from ").push(*table);
        query.push(" where ").push(*column).push(" is not null and ").push(*row).push(" > ").push_bind(after);
        query.push(" order by ").push(*row).push(" limit ").push_bind(limit);
        query.build_query_as::<(String, String)>().fetch_all(e).await
    })
}

pub(super) async fn reseal(
    on: &mut impl Lends,
    column: &Column,
    row_id: &str,
    sealed: &str,
) -> sqlx::Result<()> {
    let Column { table, column, row } = column;
    on_either!(on, |e| {
        let mut query = QueryBuilder::new("update ");
        query.push(*table).push(" set ").push(*column).push(" = ").push_bind(sealed);
        query.push(" where ").push(*row).push(" = ").push_bind(row_id);
        query.build().execute(e).await.map(|_| ())
    })
}
