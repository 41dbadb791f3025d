//! What was read, for as long as nobody has committed anything since.
//!
//! Every request asks for the same few rows: whose key, whose session. SQLite can say without being asked whether they
//! are still so: each commit, of any process, writes the header of the WAL index before anybody can see it, and
//! SQLite's own readers tell by the same bytes whether their pages hold. PostgreSQL can't, and there everything is read
//! afresh.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::hash::Hash;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use super::{Db, Pools};

/// Bytes of the header; two copies of it stand one after the other (sqlite.org/walformat.html, 2.1).
const HEADER: usize = 48;
/// Of the header: random, and others with each log.
const SALTS: Range<usize> = 32..40;
/// The one version of the index's format that there has been.
const FORMAT: u32 = 3_007_000;
/// Values that are kept at once.
const MOST: usize = 2_000;

/// A state of the database: of two that are equal, neither has a commit that the other lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    header: [u8; HEADER],
    /// Of this process. The header says the same, wherever a file is read as it is mapped: not on every file system.
    commits: u64,
}

/// The WAL index of a SQLite database, and how often this process has committed.
///
/// Danger: closing any of its files drops all locks that the process holds on it (fcntl(2)). So it is opened once for
/// all that have the database open, and lives as long as they do.
pub(super) struct WalIndex {
    path: PathBuf,
    file: OnceLock<File>,
    commits: AtomicU64,
}

/// Those that are open, by their paths.
static OPEN: Mutex<BTreeMap<PathBuf, Weak<WalIndex>>> = Mutex::new(BTreeMap::new());

impl WalIndex {
    /// Of a database that is there.
    pub(super) fn of(database: &Path) -> std::io::Result<Arc<WalIndex>> {
        // SQLite has it beside the file itself, wherever a link to that is.
        let mut path = database.canonicalize()?.into_os_string();
        path.push("-shm");
        let path = PathBuf::from(path);
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, index| index.strong_count() > 0);
        if let Some(index) = open.get(&path).and_then(Weak::upgrade) {
            return Ok(index);
        }
        let index = WalIndex { path: path.clone(), file: OnceLock::new(), commits: AtomicU64::new(0) };
        let index = Arc::new(index);
        open.insert(path, Arc::downgrade(&index));
        Ok(index)
    }

    /// This process has committed, or may have: before anybody is told so.
    pub(super) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::SeqCst);
    }

    /// Nothing while somebody commits, or where the file is not what it is known to be.
    fn version(&self) -> Option<Version> {
        let commits = self.commits.load(Ordering::SeqCst);
        let file = match self.file.get() {
            Some(file) => file,
            None => self.open()?,
        };
        let mut bytes = [0; 2 * HEADER];
        read_start(file, &mut bytes).ok()?;
        let (one, other) = bytes.split_at(HEADER);
        let header: [u8; HEADER] = one.try_into().ok()?;
        let format = u32::from_ne_bytes(header.first_chunk().copied()?);
        // A commit writes one copy after the other. Without salts it is of no log, and of any database.
        let is_whole = one == other && format == FORMAT && header[SALTS] != [0; 8];
        is_whole.then_some(Version { header, commits })
    }

    fn open(&self) -> Option<&File> {
        // One at a time: a second file would have to be closed.
        let _opening = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if self.file.get().is_none() {
            // There is none until the first statement. Whoever asks has a connection that keeps it from being deleted.
            let file = File::open(&self.path).ok()?;
            let _ = self.file.set(file);
        }
        self.file.get()
    }
}

/// Where a file that is mapped is read as it is.
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
fn read_start(file: &File, bytes: &mut [u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, 0)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "freebsd")))]
fn read_start(_: &File, _: &mut [u8]) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

impl Db {
    fn version(&self) -> Option<Version> {
        match &self.pools {
            Pools::Sqlite { index, .. } => index.version(),
            Pools::Postgres(_) => None,
        }
    }
}

/// Values by what they were asked by. A value may hold what the database says and nothing that the time decides.
pub struct Fresh<K, V>(Mutex<Kept<K, V>>);

struct Kept<K, V> {
    version: Option<Version>,
    values: HashMap<K, V>,
}

impl<K, V> Default for Fresh<K, V> {
    fn default() -> Fresh<K, V> {
        Fresh(Mutex::new(Kept { version: None, values: HashMap::new() }))
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Fresh<K, V> {
    /// What `read` found, or would find now. It reads what is committed: outside a transaction.
    pub async fn get(
        &self,
        db: &Db,
        key: &K,
        read: impl AsyncFnOnce() -> sqlx::Result<Option<V>>,
    ) -> sqlx::Result<Option<V>> {
        // Before reading: what is read is of this version or of a later one, and the later one is another.
        let version = db.version();
        if let Some(value) = version.and_then(|version| self.kept().of(version)?.get(key).cloned()) {
            return Ok(Some(value));
        }
        // Boxed: what is needed seldom makes no room for itself in every request.
        let value = Box::pin(read()).await?;
        if let (Some(version), Some(value)) = (version, &value) {
            self.kept().keep(version, key.clone(), value.clone());
        }
        Ok(value)
    }

    fn kept(&self) -> MutexGuard<'_, Kept<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V> Kept<K, V> {
    fn of(&self, version: Version) -> Option<&HashMap<K, V>> {
        (self.version == Some(version)).then_some(&self.values)
    }

    fn keep(&mut self, version: Version, key: K, value: V) {
        if self.version != Some(version) || self.values.len() >= MOST {
            self.values.clear();
            self.version = Some(version);
        }
        self.values.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicI64};

    use super::*;
    use crate::clock::Clock;
    use crate::config::DatabaseUrl;
    use crate::storage::{execute, fetch_one};

    /// A folder of this test's.
    struct Place(PathBuf);

    impl Place {
        async fn with_number(name: &str) -> (Place, Db) {
            let place =
                Place(std::env::temp_dir().join(format!("interlock-fresh-{name}-{}", std::process::id())));
            let db = place.open().await;
            write(&db, "create table numbers (number bigint not null)").await;
            write(&db, "insert into numbers values (1)").await;
            (place, db)
        }

        async fn open(&self) -> Db {
            let url = DatabaseUrl::Sqlite(self.0.join("test.db"));
            Db::open(&url, Clock::system()).await.expect("it opens")
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    async fn write(db: &Db, sql: &'static str) {
        let mut tx = db.write().await.expect("it begins");
        execute!(&mut tx, sql).expect("it is written");
        tx.commit().await.expect("it is committed");
    }

    /// As another process does it: nobody here notices.
    async fn write_elsewhere(db: &Db, sql: &'static str) {
        let Pools::Sqlite { write, .. } = &db.pools else { unreachable!("it is SQLite") };
        let mut lent = write.lend().await.expect("it is free");
        sqlx::query(sql).execute(lent.connection()).await.expect("it is written");
    }

    /// The number as it is known, and whether it had to be read.
    async fn number(db: &Db, fresh: &Fresh<u8, i64>) -> (i64, bool) {
        let was_read = AtomicBool::new(false);
        let read = async || {
            was_read.store(true, Ordering::SeqCst);
            let (number,) = fetch_one!(&mut db.read().await?, (i64,), "select number from numbers")?;
            Ok(Some(number))
        };
        let number = fresh.get(db, &0, read).await.expect("it is read").expect("there is one");
        (number, was_read.into_inner())
    }

    #[tokio::test]
    async fn it_is_read_again_after_each_commit() {
        let (_place, db) = Place::with_number("own").await;
        let fresh = Fresh::default();
        assert_eq!(number(&db, &fresh).await, (1, true));
        assert_eq!(number(&db, &fresh).await, (1, false));
        write(&db, "update numbers set number = 2").await;
        assert_eq!(number(&db, &fresh).await, (2, true));
        // What is not committed changes nothing.
        let mut tx = db.write().await.expect("it begins");
        execute!(&mut tx, "update numbers set number = 3").expect("it is written");
        assert_eq!(number(&db, &fresh).await, (2, false));
        drop(tx);
        assert_eq!(number(&db, &fresh).await, (2, false));
    }

    #[tokio::test]
    async fn others_commits_are_seen() {
        let (place, db) = Place::with_number("others").await;
        let (fresh, other) = (Fresh::default(), place.open().await);
        assert_eq!(number(&db, &fresh).await, (1, true));
        write_elsewhere(&other, "update numbers set number = 2").await;
        assert_eq!(number(&db, &fresh).await, (2, true));
        // The whole log is copied into the database, and begins anew.
        write_elsewhere(&other, "pragma wal_checkpoint(truncate)").await;
        write_elsewhere(&other, "update numbers set number = 3").await;
        assert_eq!(number(&db, &fresh).await, (3, true));
        assert_eq!(number(&db, &fresh).await, (3, false));
    }

    /// While one commits, others ask all the time: nobody is told of a state before the last one that was committed
    /// when they asked.
    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn nobody_is_told_what_was() {
        const COMMITS: i64 = 1_000;
        let (_place, db) = Place::with_number("race").await;
        let fresh = Arc::new(Fresh::default());
        let committed = Arc::new(AtomicI64::new(1));
        let ask = |db: Db, fresh: Arc<Fresh<u8, i64>>, committed: Arc<AtomicI64>| async move {
            let mut kept = 0;
            loop {
                let least = committed.load(Ordering::SeqCst);
                let (number, was_read) = number(&db, &fresh).await;
                assert!(number >= least, "{number} after {least}");
                kept += i64::from(!was_read);
                if least > COMMITS {
                    return kept;
                }
                tokio::task::yield_now().await;
            }
        };
        let asking: Vec<_> =
            (0..3).map(|_| tokio::spawn(ask(db.clone(), fresh.clone(), committed.clone()))).collect();
        for _ in 0..COMMITS {
            write_elsewhere(&db, "update numbers set number = number + 1").await;
            committed.fetch_add(1, Ordering::SeqCst);
        }
        let mut kept = 0;
        for asking in asking {
            kept += asking.await.expect("it never went back");
        }
        assert!(kept > 0, "nothing was ever kept");
    }
}
