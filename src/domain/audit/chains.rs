//! The chains of the whole instance, for the command line: their heads, and their rows in order.

use super::{Chain, Row, sql};
use crate::ids::OrganizationId;
use crate::storage::Db;

/// The newest row of a chain: its number and its hash. Kept elsewhere, it proves all rows up to it (U4).
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Head {
    pub seq: i64,
    pub hash: String,
}

/// A chain that must be there, and its head as it is stored.
#[derive(Clone, Debug)]
pub struct Known {
    pub chain: Chain,
    /// The organization's slug; nothing for the instance's own.
    pub slug: Option<String>,
    /// A head that is missing was deleted: every chain begins with one.
    pub head: Option<Head>,
}

/// The instance's chain and those of all organizations, closed and erased ones too.
pub async fn chains(db: &Db) -> sqlx::Result<Vec<Known>> {
    let mut reader = db.read().await?;
    let head = sql::find_head(&mut reader, &Chain::Instance.key()).await?;
    let mut known = vec![Known { chain: Chain::Instance, slug: None, head }];
    for (id, slug) in sql::organizations(&mut reader).await? {
        let chain = Chain::Organization(id);
        let head = sql::find_head(&mut reader, &chain.key()).await?;
        known.push(Known { chain, slug: Some(slug), head });
    }
    Ok(known)
}

/// An organization's rows in order, after one: an export reads batch by batch, and no more is in memory.
pub async fn batch(db: &Db, organization: OrganizationId, after: i64, limit: i64) -> sqlx::Result<Vec<Row>> {
    let chain = Chain::Organization(organization).key();
    sql::following(&mut db.read().await?, &chain, after, limit).await
}

/// The hash that a row of a chain is stored with.
pub async fn hash_at(db: &Db, chain: Chain, seq: i64) -> sqlx::Result<Option<String>> {
    let rows = sql::following(&mut db.read().await?, &chain.key(), seq - 1, 1).await?;
    Ok(rows.into_iter().find(|row| row.seq == seq).map(|row| row.hash))
}
