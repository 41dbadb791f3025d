//! The organizations as the sysadmin sees them: all of them, closed and erased ones too.

mod sql;

use crate::clock::Timestamp;
use crate::ids::OrganizationId;
use crate::storage::Db;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Standing {
    pub id: OrganizationId,
    pub slug: String,
    pub name: String,
    pub people: i64,
    pub pending: i64,
    pub created_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    pub erased_at: Option<Timestamp>,
}

impl Standing {
    /// In a word: open, closed (for 30 days, R12) or erased.
    pub fn word(&self) -> &'static str {
        match (self.closed_at, self.erased_at) {
            (_, Some(_)) => "erased",
            (Some(_), None) => "closed",
            (None, None) => "open",
        }
    }
}

/// By slug, from after one on.
pub async fn all(db: &Db, after: &str, limit: i64) -> sqlx::Result<Vec<Standing>> {
    sql::all(&mut db.read().await?, after, limit).await
}

/// The organization that has a slug, or had it before (R11).
pub async fn with_slug(db: &Db, slug: &str) -> sqlx::Result<Option<Standing>> {
    sql::with_slug(&mut db.read().await?, slug).await
}
