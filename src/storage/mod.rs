//! How to talk to a database: SQLite or PostgreSQL, with one SQL text. Knows no feature.
//!
//! Queries are `&'static str` with `$1` placeholders and run through five macros: [`fetch_one!`],
//! [`fetch_optional!`], [`fetch_all!`], [`execute!`] and [`execute_both!`]. They take anything that lends a
//! connection: a [`Reader`], a [`Tx`] or a [`Change`].

pub mod backup;
mod change;
mod connections;
mod fresh;
pub mod instance;
mod migrations;
mod presence;
mod schema;
mod several;
mod times;

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prometheus::HistogramTimer;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{PgConnection, PgPool, Postgres, SqliteConnection, Transaction};

pub use self::change::Change;
use self::connections::{Connections, Lent, Writing};
pub use self::fresh::Fresh;
use self::fresh::WalIndex;
pub use self::schema::Schema;
pub use self::several::Several;
use self::times::Span;
pub use self::times::Times;
use crate::clock::{Clock, Timestamp};
use crate::config::DatabaseUrl;

/// How long a request waits for a connection before it is answered with an error.
const ACQUIRE: Duration = Duration::from_secs(30);
/// SQLite reads on the processor: more connections than a few for each core only wait for it, each with a
/// cache of its own.
const SQLITE_READERS: RangeInclusive<usize> = 2..=8;
const POSTGRES_CONNECTIONS: u32 = 16;

/// The database, and the clock that its changes are timed by.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    clock: Clock,
    times: Times,
}

#[derive(Clone)]
enum Pools {
    /// One writer: SQLite has no more, and waiting in our own queue is fair where its busy wait is not.
    Sqlite {
        read: Connections,
        write: Connections,
        index: Arc<WalIndex>,
    },
    Postgres(PgPool),
}

/// A connection to read with, outside any transaction.
pub struct Reader {
    inner: ReaderInner,
    _held: HistogramTimer,
}

enum ReaderInner {
    Sqlite(Lent),
    Postgres(PoolConnection<Postgres>),
}

/// A transaction that is not audited: sessions, throttles, the outbox worker. Dropped, it is rolled back.
pub struct Tx {
    inner: TxInner,
    clock: Clock,
    _held: HistogramTimer,
}

enum TxInner {
    Sqlite(Writing),
    Postgres(Transaction<'static, Postgres>),
}

/// A borrowed connection: what the query macros run on.
pub enum Conn<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

/// Whatever lends a connection.
pub trait Lends: Send {
    fn conn(&mut self) -> Conn<'_>;
}

impl Lends for Reader {
    fn conn(&mut self) -> Conn<'_> {
        match &mut self.inner {
            ReaderInner::Sqlite(lent) => Conn::Sqlite(lent.connection()),
            ReaderInner::Postgres(connection) => Conn::Postgres(connection),
        }
    }
}

impl Lends for Tx {
    fn conn(&mut self) -> Conn<'_> {
        match &mut self.inner {
            TxInner::Sqlite(writing) => Conn::Sqlite(writing.connection()),
            TxInner::Postgres(tx) => Conn::Postgres(tx),
        }
    }
}

impl Tx {
    pub async fn commit(self) -> sqlx::Result<()> {
        match self.inner {
            TxInner::Sqlite(writing) => writing.commit().await,
            TxInner::Postgres(tx) => tx.commit().await,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Db {
    /// Opens the database; a SQLite file and its folder are made where they are missing.
    pub async fn open(url: &DatabaseUrl, clock: Clock) -> sqlx::Result<Db> {
        let pools = match url {
            DatabaseUrl::Sqlite(path) => Db::open_sqlite(path).await?,
            DatabaseUrl::Postgres(url) => {
                let options: PgConnectOptions = url.expose().parse()?;
                let pool = PgPoolOptions::new()
                    .max_connections(POSTGRES_CONNECTIONS)
                    .acquire_timeout(ACQUIRE)
                    .connect_with(options)
                    .await?;
                Pools::Postgres(pool)
            }
        };
        Ok(Db { pools, clock, times: Times::new() })
    }

    async fn open_sqlite(path: &Path) -> sqlx::Result<Pools> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(sqlx::Error::Io)?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL could lose the last commits in a power cut, and with them an audit row.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("cache_size", "-8192")
            // A page of a list crosses over from the connection's thread at once.
            .row_buffer_size(128)
            .pragma("temp_store", "memory")
            .pragma("journal_size_limit", "67108864");
        let write = Connections::open(options.clone(), 1).await?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let most = (2 * cores).clamp(*SQLITE_READERS.start(), *SQLITE_READERS.end());
        let read = Connections::open(options.read_only(true).create_if_missing(false), most).await?;
        only_owner_reads(path).map_err(sqlx::Error::Io)?;
        let index = WalIndex::of(path).map_err(sqlx::Error::Io)?;
        Ok(Pools::Sqlite { read, write, index })
    }

    pub async fn read(&self) -> sqlx::Result<Reader> {
        let waiting = self.times.read.wait.start_timer();
        let inner = match &self.pools {
            Pools::Sqlite { read, .. } => ReaderInner::Sqlite(read.lend().await?),
            Pools::Postgres(pool) => ReaderInner::Postgres(pool.acquire().await?),
        };
        waiting.observe_duration();
        Ok(Reader { inner, _held: self.times.read.held.start_timer() })
    }

    /// A transaction for what is not audited. What is goes through [`Db::change`] or [`Db::account`].
    pub async fn write(&self) -> sqlx::Result<Tx> {
        self.begin(&self.times.write).await
    }

    async fn begin(&self, span: &Span) -> sqlx::Result<Tx> {
        let waiting = span.wait.start_timer();
        let inner = match &self.pools {
            Pools::Sqlite { write, index, .. } => {
                TxInner::Sqlite(Writing::begin(write.lend().await?, index.clone()).await?)
            }
            Pools::Postgres(pool) => TxInner::Postgres(pool.begin().await?),
        };
        waiting.observe_duration();
        Ok(Tx { inner, clock: self.clock.clone(), _held: span.held.start_timer() })
    }

    pub fn times(&self) -> &Times {
        &self.times
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// One process owns a SQLite file; PostgreSQL may have several.
    pub fn is_shared(&self) -> bool {
        matches!(self.pools, Pools::Postgres(_))
    }

    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { read, write, .. } => {
                // Whoever writes ends first, by a rollback too.
                let _ = write.lend().await;
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

/// The database holds password hashes and sealed secrets: nobody else on the machine reads it.
fn only_owner_reads(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

/// Runs one expression with the connection of either database; `$e` is the executor in it.
macro_rules! on_either {
    ($on:expr, |$e:ident| $body:expr) => {
        match $crate::storage::Lends::conn($on) {
            $crate::storage::Conn::Sqlite($e) => $body,
            $crate::storage::Conn::Postgres($e) => $body,
        }
    };
}

/// `fetch_one!(on, Row, "select …", binds…)`: exactly one row, or `RowNotFound`.
macro_rules! fetch_one {
    ($on:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::storage::on_either!($on, |e| sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_one(e).await)
    };
}

macro_rules! fetch_optional {
    ($on:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::storage::on_either!($on, |e| sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_optional(e).await)
    };
}

macro_rules! fetch_all {
    ($on:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::storage::on_either!($on, |e| sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_all(e).await)
    };
}

/// The number of rows that a statement touched.
macro_rules! execute {
    ($on:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::storage::on_either!($on, |e| sqlx::query($sql)$(.bind($bind))*.execute(e).await.map(|done| done.rows_affected()))
    };
}

/// Two statements with the same binds, of which both may use any. On SQLite both go to the connection's
/// thread at once: going there costs more than most statements. The second is not run where the first fails.
macro_rules! execute_both {
    ($on:expr, $first:literal, $second:literal $(, $bind:expr)* $(,)?) => {
        match $crate::storage::Lends::conn($on) {
            $crate::storage::Conn::Sqlite(e) => {
                sqlx::query(concat!($first, "; ", $second))$(.bind($bind))*.execute(e).await.map(|_| ())
            }
            $crate::storage::Conn::Postgres(e) => match sqlx::query($first)$(.bind($bind))*.execute(&mut *e).await {
                Ok(_) => sqlx::query($second)$(.bind($bind))*.execute(e).await.map(|_| ()),
                Err(error) => Err(error),
            }
        }
    };
}

pub(crate) use {execute, execute_both, fetch_all, fetch_one, fetch_optional, on_either};
