//! Who uses a PostgreSQL database: every server at once, or one command that needs it alone. SQLite's
//! folder is locked as a file (`app::alone`).

use sqlx::PgConnection;

use super::{Db, Pools};

/// Held for as long as the database is used. The lock goes with its connection, however that ends.
pub struct Presence {
    _connection: Option<PgConnection>,
}

impl Db {
    /// Takes a place beside others, or all of it; nothing, while somebody else has what that excludes.
    pub async fn attend(&self, alone: bool) -> sqlx::Result<Option<Presence>> {
        let Pools::Postgres(pool) = &self.pools else { return Ok(Some(Presence { _connection: None })) };
        // One of its own: the pool's come and go.
        let mut connection = pool.acquire().await?.detach();
        // Of this schema: a database may hold several installations.
        let query = match alone {
            true => "select pg_try_advisory_lock(hashtext('interlock ' || current_schema()))",
            false => "select pg_try_advisory_lock_shared(hashtext('interlock ' || current_schema()))",
        };
        let (held,): (bool,) = sqlx::query_as(query).fetch_one(&mut connection).await?;
        Ok(held.then_some(Presence { _connection: Some(connection) }))
    }
}
