//! What the rules work with: configuration, database, keys. Made once, at the start.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use tokio::sync::{Notify, Semaphore};

use crate::aside;
use crate::clock::Clock;
use crate::config::{Config, DatabaseUrl};
use crate::domain::api_keys::{self, Calls};
use crate::domain::passwords::Passwords;
use crate::domain::sessions;
use crate::domain::spending::Spending;
use crate::domain::throttle::Rates;
use crate::ids::ApiKeyId;
use crate::metrics::Metrics;
use crate::oidc::Oidc;
use crate::outbound::{Dns, Outbound};
use crate::secrets::{Sealer, TokenHash};
use crate::storage::{Db, Fresh, Schema, Tx, backup, instance};

pub struct App {
    pub config: Config,
    pub db: Db,
    pub sealer: Sealer,
    pub passwords: Passwords,
    /// Takes checks that wait together into one transaction.
    pub spending: Spending,
    /// Places for downloads that read a whole table.
    pub exports: Arc<Semaphore>,
    pub metrics: Metrics,
    /// Wakes the worker that sends many invitations.
    pub invites: Notify,
    /// Sessions and keys that were asked with since anything was last committed.
    pub sessions: Fresh<TokenHash, Arc<sessions::Known>>,
    pub keys: Fresh<TokenHash, Arc<api_keys::Known>>,
    /// How often keys are used, as far as it is not written yet.
    pub calls: Calls,
    pub outbound: Outbound,
    pub dns: Dns,
    pub oidc: Oidc,
    /// How many requests a minute each API key makes, checks apart ([`api_keys::Caller::counted_by`]).
    pub api_rates: Rates<(ApiKeyId, bool)>,
}

/// As many downloads run at once; more are turned away.
const EXPORTS: usize = 8;

/// The application, as every part of a request holds it.
pub type Shared = Arc<App>;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("The folder {0} can't be used: {1}")]
    DataDir(String, #[source] io::Error),
    #[error("The sealing key can't be used: {0}")]
    Key(#[source] io::Error),
    #[error("The database can't be opened: {0}")]
    Database(#[from] sqlx::Error),
    #[error("The database can't be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error(
        "This database was sealed with another key. Set INTERLOCK_SECRET_KEY to the key that it was made with, \
         the same on each replica. If `interlock rotate-key` was cut off, run it again."
    )]
    OtherKey,
    #[error(
        "The sealing key of this database is being replaced. Start again when `interlock rotate-key` is done."
    )]
    Rotating,
    #[error("Another Interlock already runs on {0}. SQLite serves one; several need PostgreSQL.")]
    Running(String),
    #[error(
        "There is nothing at {0} yet: Interlock was never started there. Check INTERLOCK_DATABASE_URL and INTERLOCK_DATA_DIR."
    )]
    Nothing(String),
    #[error("The database is of an older version. Bring it up to date first: interlock migrate.")]
    Older,
    #[error("The database is of a newer version than this program. Use the newer one.")]
    Newer,
}

/// What stands under the instance's sealed check: it opens with the key that the database was made with.
const CHECK: &str = "instance.sealed_check:1";

impl App {
    /// Opens everything and brings the database up to date.
    pub async fn start(config: Config, clock: Clock) -> Result<App, StartError> {
        make_data_dir(&config)
            .map_err(|error| StartError::DataDir(config.data_dir.display().to_string(), error))?;
        let sealer = match &config.secret_key {
            Some(key) => Sealer::new(key.expose()),
            // None is made where a rotation was cut off: the key in force is the new one, by its name.
            None if new_key_file(&config).exists() => {
                Sealer::open_file(&key_file(&config)).map_err(StartError::Key)?
            }
            None => Sealer::from_file(&key_file(&config)).map_err(StartError::Key)?,
        };
        let db = Db::open(&config.database_url, clock).await?;
        db.migrate().await?;
        let app = App::with(config, db, sealer);
        app.check_key().await?;
        Ok(app)
    }

    /// Opens what is there for the command line, perhaps beside a running server. It makes nothing: no
    /// database where a path was mistyped, no key, no newer tables under a server that is older.
    pub async fn open(config: Config, clock: Clock) -> Result<App, StartError> {
        let place = config.database_url.to_string();
        if matches!(&config.database_url, DatabaseUrl::Sqlite(path) if !path.exists()) {
            return Err(StartError::Nothing(place));
        }
        let db = Db::open(&config.database_url, clock).await?;
        match db.schema().await? {
            Schema::Ours => {}
            Schema::None => return Err(StartError::Nothing(place)),
            Schema::Older => return Err(StartError::Older),
            Schema::Newer => return Err(StartError::Newer),
        }
        let sealer = key_there(&config)?;
        check_key_of(&db, &sealer).await?;
        Ok(App::with(config, db, sealer))
    }

    fn with(config: Config, db: Db, sealer: Sealer) -> App {
        let exports = Arc::new(Semaphore::new(EXPORTS));
        let passwords = Passwords::new();
        let metrics = Metrics::new(db.times().collectors().into_iter().chain(passwords.collectors()));
        let outbound = Outbound::new(&config);
        let (dns, oidc) = (Dns::new(&config), Oidc::new(&config, outbound.clone()));
        let (invites, calls, spending) = (Notify::new(), Calls::default(), Spending::default());
        let api_rates = Rates::new(config.api_rate);
        App {
            config,
            db,
            sealer,
            passwords,
            spending,
            exports,
            metrics,
            invites,
            sessions: Fresh::default(),
            keys: Fresh::default(),
            calls,
            outbound,
            dns,
            oidc,
            api_rates,
        }
    }

    /// A wrong key is found at the start and not at the first mail.
    async fn check_key(&self) -> Result<(), StartError> {
        let mut tx = self.db.write().await?;
        let sealed_now = self.sealer.seal(CHECK, b"interlock");
        let stored = instance::sealed_check(&mut tx, &sealed_now).await?;
        tx.commit().await?;
        self.sealer.open(CHECK, &stored).map(|_| ()).map_err(|_| StartError::OtherKey)
    }

    /// Whether the database answers.
    pub async fn ready(&self) -> sqlx::Result<()> {
        instance::ready(&mut self.db.read().await?).await
    }

    /// An address on this server for a mail or a page: from the configuration, never from a request (V5).
    pub fn url(&self, path: &str) -> String {
        self.config.base_url.join(path)
    }
}

/// The sealing key, from the settings or its file, which must be there.
pub fn key_there(config: &Config) -> Result<Sealer, StartError> {
    match &config.secret_key {
        Some(key) => Ok(Sealer::new(key.expose())),
        None => Sealer::open_file(&key_file(config)).map_err(StartError::Key),
    }
}

/// Seals the instance's check with another key (see `domain::rotation`).
pub async fn reseal_check(tx: &mut Tx, sealer: &Sealer) -> sqlx::Result<()> {
    instance::set_check(tx, &sealer.seal(CHECK, b"interlock")).await
}

/// Where the sealing key is, unless it is in the settings.
pub fn key_file(config: &Config) -> PathBuf {
    config.data_dir.join("secret.key")
}

fn lock_file(config: &Config) -> PathBuf {
    config.data_dir.join("lock")
}

/// Whether a name leads to what the installation lives on: its key, its lock, its database or what SQLite
/// keeps beside it. No command writes over these, whatever it was asked and by whatever other name.
pub fn is_own_file(config: &Config, file: &Path) -> bool {
    let mut own = vec![key_file(config), new_key_file(config), lock_file(config)];
    if let DatabaseUrl::Sqlite(database) = &config.database_url {
        own.extend(backup::companions(database));
        own.push(database.clone());
    }
    own.iter().any(|own| aside::same_file(own, file))
}

/// Where a key is that `interlock rotate-key` is about to put in the place of that one.
pub fn new_key_file(config: &Config) -> PathBuf {
    key_file(config).with_extension("key.new")
}

/// Whether a database was made with this key.
pub async fn is_key_of(db: &Db, sealer: &Sealer) -> sqlx::Result<bool> {
    let kept = instance::kept_check(&mut db.read().await?).await?;
    Ok(kept.is_some_and(|kept| sealer.open(CHECK, &kept).is_ok()))
}

/// The same, where any other is refused.
pub async fn check_key_of(db: &Db, sealer: &Sealer) -> Result<(), StartError> {
    if is_key_of(db, sealer).await? { Ok(()) } else { Err(StartError::OtherKey) }
}

fn make_data_dir(config: &Config) -> io::Result<()> {
    if config.data_dir.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&config.data_dir)
}

/// Holds a SQLite database's folder for this process alone: a second one would send mail twice.
pub fn alone(config: &Config) -> Result<Option<fs::File>, StartError> {
    if matches!(config.database_url, DatabaseUrl::Postgres(_)) {
        return Ok(None);
    }
    let dir = config.data_dir.display().to_string();
    make_data_dir(config).map_err(|error| StartError::DataDir(dir.clone(), error))?;
    let file =
        fs::File::create(lock_file(config)).map_err(|error| StartError::DataDir(dir.clone(), error))?;
    file.try_lock().map_err(|_| StartError::Running(dir))?;
    Ok(Some(file))
}
