//! SQLite's connections: some for reading, one for writing. sqlx's own pool asks a connection that comes
//! back whether it still lives, which costs as much as a query; SQLite's never break.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::ACQUIRE;
use super::fresh::WalIndex;

/// Whoever waits for one is served in turn.
#[derive(Clone)]
pub(super) struct Connections(Arc<Inner>);

struct Inner {
    options: SqliteConnectOptions,
    places: Arc<Semaphore>,
    /// The one that came back last is lent first: its memory is still warm.
    free: Mutex<Vec<SqliteConnection>>,
}

/// A connection on loan. Dropped, it goes back.
pub(super) struct Lent {
    connection: Option<SqliteConnection>,
    home: Connections,
    _place: OwnedSemaphorePermit,
}

/// A transaction on a connection on loan. Dropped, it is rolled back before the connection goes back.
pub(super) struct Writing {
    /// Nothing once it is committed.
    lent: Option<Lent>,
    index: Arc<WalIndex>,
}

impl Connections {
    /// The first connection is opened at once: what is wrong with the file shows here.
    pub(super) async fn open(options: SqliteConnectOptions, most: usize) -> sqlx::Result<Connections> {
        let first = options.connect().await?;
        let places = Arc::new(Semaphore::new(most));
        Ok(Connections(Arc::new(Inner { options, places, free: Mutex::new(vec![first]) })))
    }

    pub(super) async fn lend(&self) -> sqlx::Result<Lent> {
        let place = timeout(ACQUIRE, self.0.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let free = self.free().pop();
        let connection = match free {
            Some(connection) => connection,
            None => self.0.options.connect().await?,
        };
        Ok(Lent { connection: Some(connection), home: self.clone(), _place: place })
    }

    pub(super) async fn close(&self) {
        self.0.places.close();
        let free = std::mem::take(&mut *self.free());
        for connection in free {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "a connection to the database did not close");
            }
        }
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<SqliteConnection>> {
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect("it goes back only when the loan ends")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let connection = self.connection.take();
        if !self.home.0.places.is_closed() {
            self.home.free().extend(connection);
        }
    }
}

impl Writing {
    /// IMMEDIATE: a transaction that reads first and then writes would fail under load.
    pub(super) async fn begin(lent: Lent, index: Arc<WalIndex>) -> sqlx::Result<Writing> {
        // Whoever gives up in the middle of beginning has it rolled back too.
        let mut writing = Writing { lent: Some(lent), index };
        sqlx::query("begin immediate").execute(writing.connection()).await?;
        Ok(writing)
    }

    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        self.lent.as_mut().expect("it is held until the transaction ends").connection()
    }

    pub(super) async fn commit(mut self) -> sqlx::Result<()> {
        sqlx::query("commit").execute(self.connection()).await?;
        self.index.committed();
        self.lent = None;
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let Some(mut lent) = self.lent.take() else { return };
        let index = self.index.clone();
        tokio::spawn(async move {
            // It fails where nothing is open: beginning failed, or the commit's answer was not waited for.
            let _ = sqlx::query("rollback").execute(lent.connection()).await;
            index.committed();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `.cargo/config.toml` asks of SQLite would be lost without a word.
    #[tokio::test]
    async fn sqlite_is_built_as_asked() {
        let mut connection = SqliteConnectOptions::new().in_memory(true).connect().await.expect("it opens");
        let built = sqlx::query_as("pragma compile_options").fetch_all(&mut connection).await;
        let built: Vec<(String,)> = built.expect("it answers");
        for option in ["DEFAULT_MEMSTATUS=0", "ENABLE_QPSG"] {
            assert!(built.iter().any(|(one,)| one == option), "{option} is not in {built:?}");
        }
    }
}
