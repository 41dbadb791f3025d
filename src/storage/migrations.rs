//! Tables, brought up to date in one order: one text for both databases, and apart from it what either
//! has in its own way (an index to search by).

use std::sync::LazyLock;

use sqlx::migrate::Migrator;

use super::{Db, Pools};

static BOTH: Migrator = sqlx::migrate!("./migrations");
static SQLITE: LazyLock<Migrator> = LazyLock::new(|| with(&sqlx::migrate!("./migrations/sqlite")));
static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| with(&sqlx::migrate!("./migrations/postgres")));

fn with(own: &Migrator) -> Migrator {
    Migrator::with_migrations(BOTH.iter().chain(own.iter()).cloned().collect())
}

impl Db {
    pub(super) fn migrations(&self) -> &'static Migrator {
        match &self.pools {
            Pools::Sqlite { .. } => &SQLITE,
            Pools::Postgres(_) => &POSTGRES,
        }
    }

    /// Brings the tables up to date. Replicas that start together wait for each other.
    pub async fn migrate(&self) -> Result<(), sqlx::migrate::MigrateError> {
        match &self.pools {
            Pools::Sqlite { write, .. } => self.migrations().run(write.lend().await?.connection()).await,
            Pools::Postgres(pool) => self.migrations().run(pool).await,
        }
    }
}
