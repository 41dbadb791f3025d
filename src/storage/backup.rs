//! A SQLite database as one file: copying it while it is in use, and looking at a copy.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::connections::Connections;
use super::fresh::WalIndex;
use super::{Conn, Db, Lends, Pools, Times};
use crate::clock::Clock;

impl Db {
    /// Writes all that is committed into one empty file, while others go on reading and writing: the
    /// copy is of one moment. Says nothing of whether it reached the disk.
    pub async fn copy_into(&self, file: &Path) -> sqlx::Result<()> {
        let name = file.to_str().ok_or_else(|| sqlx::Error::Configuration("the path is not UTF-8".into()))?;
        match self.read().await?.conn() {
            Conn::Sqlite(connection) => {
                sqlx::query("vacuum into $1").bind(name).execute(connection).await.map(|_| ())
            }
            Conn::Postgres(_) => Err(sqlx::Error::Configuration("PostgreSQL is not one file".into())),
        }
    }

    /// Opens a copy that nobody writes to. Nothing is made beside it.
    pub async fn open_copy(file: &Path, clock: Clock) -> sqlx::Result<Db> {
        let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(true);
        let write = Connections::open(options.clone(), 1).await?;
        let read = Connections::open(options, 1).await?;
        let index = WalIndex::of(file).map_err(sqlx::Error::Io)?;
        Ok(Db { pools: Pools::Sqlite { read, write, index }, clock, times: Times::new() })
    }

    /// What SQLite finds wrong with its file: damaged pages, indexes that don't fit, references to nothing.
    pub async fn damage(&self) -> sqlx::Result<Option<String>> {
        let mut reader = self.read().await?;
        let Conn::Sqlite(connection) = reader.conn() else { return Ok(None) };
        let (verdict,): (String,) =
            sqlx::query_as("pragma integrity_check(1)").fetch_one(&mut *connection).await?;
        if verdict != "ok" {
            return Ok(Some(verdict));
        }
        let lost = sqlx::query("pragma foreign_key_check").fetch_optional(&mut *connection).await?;
        Ok(lost.map(|_| "a row refers to one that is not there".to_owned()))
    }
}

/// The files that SQLite keeps beside a database while it is open.
pub fn companions(file: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|ending| {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    })
}

/// Makes a database that nobody has open a single file again. Refused while somebody has; one that is
/// too damaged to be opened stays as it is, with its companions.
pub async fn gather(file: &Path) -> sqlx::Result<()> {
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(1));
    let gathered = async {
        let mut connection = options.connect().await?;
        let done = leave_wal(&mut connection).await;
        connection.close().await?;
        done
    };
    match gathered.await {
        Err(sqlx::Error::Database(error)) if !is_in_use(error.code().as_deref()) => Ok(()),
        result => result,
    }
}

async fn leave_wal(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let (mode,): (String,) = sqlx::query_as("pragma journal_mode = delete").fetch_one(connection).await?;
    if mode == "delete" { Ok(()) } else { Err(sqlx::Error::Protocol(format!("it keeps its {mode} journal"))) }
}

/// `SQLITE_BUSY` and `SQLITE_LOCKED`, and their extended codes.
fn is_in_use(code: Option<&str>) -> bool {
    let code = code.and_then(|code| code.parse::<i32>().ok()).unwrap_or(0);
    matches!(code & 0xff, 5 | 6)
}

/// Whether a file begins as a SQLite database does.
pub fn is_sqlite(file: &Path) -> std::io::Result<bool> {
    use std::io::Read;
    let mut beginning = [0; 16];
    match fs::File::open(file)?.read_exact(&mut beginning) {
        Ok(()) => Ok(&beginning == b"SQLite format 3\0"),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
