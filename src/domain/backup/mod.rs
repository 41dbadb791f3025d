//! A SQLite database as a file to keep, and back. What is kept is one moment's whole database; what is
//! put back was looked through first, and what was there before is put aside.

mod restore;

use std::fs;
use std::io;
use std::path::Path;

pub use self::restore::{RestoreError, Restored, restore};
use crate::app;
use crate::aside::Aside;
use crate::clock::Clock;
use crate::config::{Config, DatabaseUrl};
use crate::storage::Db;

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("PostgreSQL has its own tools for this.")]
    Postgres,
    #[error("There is no database at {0}.")]
    Nothing(String),
    #[error("{0} is there already. Choose another name, or give --force to replace it.")]
    Exists(String),
    #[error("{0} is what Interlock itself runs on: a backup there would destroy it. Choose another name.")]
    Own(String),
    #[error("The backup can't be written: {0}")]
    File(#[from] io::Error),
    #[error("The database can't be copied: {0}")]
    Database(#[from] sqlx::Error),
    #[error("The copy is damaged ({0}), and so is probably the database. No backup was made.")]
    Damaged(String),
}

/// What was made.
#[derive(Debug)]
pub struct Made {
    pub bytes: u64,
}

/// Copies the database into a file, beside a server that goes on. The file has its name only once it
/// is whole, checked and on the disk. It asks for no version: before an upgrade is when one is wanted.
pub async fn make(config: &Config, file: &Path, overwrite: bool) -> Result<Made, BackupError> {
    let DatabaseUrl::Sqlite(path) = &config.database_url else { return Err(BackupError::Postgres) };
    if !path.exists() {
        return Err(BackupError::Nothing(path.display().to_string()));
    }
    if app::is_own_file(config, file) {
        return Err(BackupError::Own(file.display().to_string()));
    }
    let exists = || BackupError::Exists(file.display().to_string());
    if !overwrite && file.exists() {
        return Err(exists());
    }
    let aside = Aside::beside(file)?;
    let db = Db::open(&config.database_url, Clock::system()).await?;
    let copied = db.copy_into(aside.path()).await;
    db.close().await;
    copied?;
    let copy = Db::open_copy(aside.path(), Clock::system()).await?;
    let damage = copy.damage().await;
    copy.close().await;
    if let Some(what) = damage? {
        return Err(BackupError::Damaged(what));
    }
    let bytes = fs::metadata(aside.path())?.len();
    match aside.keep(overwrite) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
        kept => Ok(kept.map(|()| Made { bytes })?),
    }
}
