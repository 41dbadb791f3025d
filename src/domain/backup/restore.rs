use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::app::{self, StartError};
use crate::aside::{self, Aside};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, DatabaseUrl};
use crate::domain::audit::{self, Verdict};
use crate::mail;
use crate::storage::{Db, Schema, backup};

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("PostgreSQL has its own tools for this.")]
    Postgres,
    #[error("Interlock runs on {0}. Stop it first.")]
    Running(String),
    #[error("Another program has the database open ({0}). Close it first.")]
    InUse(String),
    #[error("{0} can't be read: {1}")]
    Unreadable(String, #[source] io::Error),
    #[error("{0} is no backup of Interlock.")]
    NoBackup(String),
    #[error(
        "{0} has a {0}-wal beside it: this is a database in use, whose newest rows are not in it. Make a backup of it."
    )]
    Live(String),
    #[error("{0} is damaged: {1}")]
    Damaged(String, String),
    #[error("{0} was made by a newer Interlock than this one. Restore it with that version.")]
    Newer(String),
    #[error(
        "There is no sealing key that this could be restored with: {0}. Put the one of its time in its place first."
    )]
    NoKey(StartError),
    #[error(
        "{0} was sealed with another key than the one in force. Put the key of its time in its place first."
    )]
    OtherKey(String),
    #[error(
        "In {file} the audit chain of {chain} is broken at row {seq}: {why}. It was changed after it was written."
    )]
    Broken { file: String, chain: String, seq: i64, why: &'static str },
    #[error("The database can't be replaced: {0}")]
    File(#[from] io::Error),
    #[error("The database can't be read: {0}")]
    Database(#[from] sqlx::Error),
}

/// What was put back, and where what was there before is now.
#[derive(Debug)]
pub struct Restored {
    pub aside: Option<PathBuf>,
    pub chains: usize,
    pub rows: i64,
    /// Mails that waited when the backup was made: they go out again at the next start.
    pub queued_mails: i64,
    /// Whether the next start brings its tables up to date.
    pub older: bool,
}

/// Puts a backup in the database's place. The copy that is checked is the one that takes the place, in
/// one step; refused, nothing has changed. Nothing is waited for after the database was put aside: dropped before
/// that, nothing has changed either.
pub async fn restore(config: &Config, file: &Path) -> Result<Restored, RestoreError> {
    let DatabaseUrl::Sqlite(database) = &config.database_url else { return Err(RestoreError::Postgres) };
    let _alone = app::alone(config).map_err(|error| match error {
        StartError::DataDir(_, error) => RestoreError::File(error),
        _ => RestoreError::Running(config.data_dir.display().to_string()),
    })?;
    let copy = copied(file, database)?;
    let mut restored = looked_through(config, &name(file), copy.path()).await?;
    if database.exists() {
        backup::gather(database).await.map_err(|error| RestoreError::InUse(error.to_string()))?;
        restored.aside = Some(put_aside(database, Clock::system().now())?);
    }
    copy.keep(true)?;
    Ok(restored)
}

fn name(file: &Path) -> String {
    file.display().to_string()
}

/// A copy beside the database: another file system's file could not take its place in one step.
fn copied(file: &Path, database: &Path) -> Result<Aside, RestoreError> {
    let unreadable = |error| RestoreError::Unreadable(name(file), error);
    if !backup::is_sqlite(file).map_err(unreadable)? {
        return Err(RestoreError::NoBackup(name(file)));
    }
    let [wal, ..] = backup::companions(file);
    if fs::metadata(wal).is_ok_and(|wal| wal.len() > 0) {
        return Err(RestoreError::Live(name(file)));
    }
    let mut from = fs::File::open(file).map_err(unreadable)?;
    let mut copy = Aside::beside(database)?;
    io::copy(&mut from, copy.file())?;
    Ok(copy)
}

/// Everything that must hold of a database before it may stand in for the present one.
async fn looked_through(config: &Config, file: &str, copy: &Path) -> Result<Restored, RestoreError> {
    let db = Db::open_copy(copy, Clock::system()).await.map_err(|error| damaged(file, &error))?;
    let looked = look(config, file, &db).await;
    db.close().await;
    looked
}

fn damaged(file: &str, error: &sqlx::Error) -> RestoreError {
    RestoreError::Damaged(file.to_owned(), error.to_string())
}

async fn look(config: &Config, file: &str, db: &Db) -> Result<Restored, RestoreError> {
    if let Some(what) = db.damage().await.map_err(|error| damaged(file, &error))? {
        return Err(RestoreError::Damaged(file.to_owned(), what));
    }
    let older = match db.schema().await.map_err(|error| damaged(file, &error))? {
        Schema::None => return Err(RestoreError::NoBackup(file.to_owned())),
        Schema::Newer => return Err(RestoreError::Newer(file.to_owned())),
        Schema::Older => true,
        Schema::Ours => false,
    };
    let sealer = app::key_there(config).map_err(RestoreError::NoKey)?;
    app::check_key_of(db, &sealer).await.map_err(|error| match error {
        StartError::Database(error) => damaged(file, &error),
        _ => RestoreError::OtherKey(file.to_owned()),
    })?;
    let (mut chains, mut rows) = (0, 0);
    for known in audit::chains(db).await? {
        let verdict = match &known.head {
            Some(head) => audit::verify_to(db, known.chain, head).await?,
            None => Verdict::Broken { seq: 1, why: "its head is missing" },
        };
        match verdict {
            Verdict::Whole { rows: whole } => (chains, rows) = (chains + 1, rows + whole),
            Verdict::Broken { seq, why } => {
                let chain = known.slug.unwrap_or_else(|| "the instance".to_owned());
                return Err(RestoreError::Broken { file: file.to_owned(), chain, seq, why });
            }
        }
    }
    let queued_mails = mail::count_queued(&mut db.read().await?).await?;
    Ok(Restored { aside: None, chains, rows, queued_mails, older })
}

/// Gives the present database a second name, under which it stays when the backup takes the first: at
/// no moment is there none. One too damaged to be made a single file goes with its companions.
fn put_aside(database: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let time = now.rfc3339().replace([':', '-'], "");
    let mut name = database.as_os_str().to_owned();
    name.push(format!(".before-restore-{time}"));
    let aside = PathBuf::from(name);
    for (there, kept) in std::iter::zip(backup::companions(database), backup::companions(&aside)) {
        if there.exists() {
            fs::rename(there, kept)?;
        }
    }
    fs::hard_link(database, &aside)?;
    aside::sync_folder(database)?;
    Ok(aside)
}
