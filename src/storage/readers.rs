//! SQLite's connections for reading. sqlx's own pool asks a connection that comes back whether it still
//! lives, which costs as much as the query that it was lent for; SQLite's never break.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::ACQUIRE;

#[derive(Clone)]
pub(super) struct Readers(Arc<Inner>);

struct Inner {
    options: SqliteConnectOptions,
    places: Arc<Semaphore>,
    /// The one that came back last is lent first: its memory is still warm.
    free: Mutex<Vec<SqliteConnection>>,
}

/// A connection on loan. Dropped, it goes back.
pub(super) struct Lent {
    connection: Option<SqliteConnection>,
    home: Readers,
    _place: OwnedSemaphorePermit,
}

impl Readers {
    /// The first connection is opened at once: what is wrong with the file shows here.
    pub(super) async fn open(options: SqliteConnectOptions, most: usize) -> sqlx::Result<Readers> {
        let first = options.connect().await?;
        let places = Arc::new(Semaphore::new(most));
        Ok(Readers(Arc::new(Inner { options, places, free: Mutex::new(vec![first]) })))
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
