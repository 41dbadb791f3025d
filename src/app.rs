//! What the rules work with: configuration, database, keys. Made once, at the start.

use std::sync::Arc;
use std::{fs, io};

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::config::{Config, DatabaseUrl};
use crate::domain::passwords::Passwords;
use crate::secrets::Sealer;
use crate::storage::{Db, instance};

pub struct App {
    pub config: Config,
    pub db: Db,
    pub sealer: Sealer,
    pub passwords: Passwords,
    /// Wakes the worker that sends many invitations.
    pub invites: Notify,
}

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
         the same on each replica."
    )]
    OtherKey,
    #[error("Another Interlock already runs on {0}. SQLite serves one; several need PostgreSQL.")]
    Running(String),
}

impl App {
    /// Opens everything and brings the database up to date.
    pub async fn start(config: Config, clock: Clock) -> Result<App, StartError> {
        make_data_dir(&config)
            .map_err(|error| StartError::DataDir(config.data_dir.display().to_string(), error))?;
        let sealer = match &config.secret_key {
            Some(key) => Sealer::new(key.expose()),
            None => Sealer::from_file(&config.data_dir.join("secret.key")).map_err(StartError::Key)?,
        };
        let db = Db::open(&config.database_url, clock).await?;
        db.migrate().await?;
        let app = App { config, db, sealer, passwords: Passwords::new(), invites: Notify::new() };
        app.check_key().await?;
        Ok(app)
    }

    /// A wrong key is found at the start and not at the first mail.
    async fn check_key(&self) -> Result<(), StartError> {
        const PLACE: &str = "instance.sealed_check:1";
        let mut tx = self.db.write().await?;
        let sealed_now = self.sealer.seal(PLACE, b"interlock");
        let stored = instance::sealed_check(&mut tx, &sealed_now).await?;
        tx.commit().await?;
        self.sealer.open(PLACE, &stored).map(|_| ()).map_err(|_| StartError::OtherKey)
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
    let file = fs::File::create(config.data_dir.join("lock"))
        .map_err(|error| StartError::DataDir(dir.clone(), error))?;
    file.try_lock().map_err(|_| StartError::Running(dir))?;
    Ok(Some(file))
}
