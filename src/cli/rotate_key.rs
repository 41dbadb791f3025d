//! `interlock rotate-key`

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::output::{count, print};
use super::{Failure, Json, Result, output};
use crate::app;
use crate::aside;
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, DatabaseUrl};
use crate::domain::rotation;
use crate::secrets::Sealer;
use crate::storage::{Db, Schema};

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Rotated {
    sealed: u64,
    key: String,
    old_key: Option<String>,
}

/// A key in a file goes through names so that no moment has a database without its key: the new one is
/// written beside and on the disk, the database is sealed with it, the old one gets a name of its own, and
/// the new one takes its place in one step. Cut off anywhere, the next run goes on.
struct KeyFiles {
    present: PathBuf,
    new: PathBuf,
}

impl KeyFiles {
    fn of(config: &Config) -> KeyFiles {
        KeyFiles { present: app::key_file(config), new: app::new_key_file(config) }
    }

    /// The database opens with the new key. Old keys are kept under their own names: backups need them.
    fn settle(&self, now: Timestamp) -> std::io::Result<Option<PathBuf>> {
        let old = self.present.with_extension(format!("key.until-{}", now.rfc3339().replace(':', "")));
        let kept = match fs::hard_link(&self.present, &old) {
            Ok(()) => Some(old),
            // An earlier run has kept it and was cut off after that.
            Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => None,
            Err(error) => return Err(error),
        };
        fs::rename(&self.new, &self.present)?;
        aside::sync_folder(&self.present)?;
        Ok(kept)
    }
}

pub async fn run(arguments: Arguments, config: &Config) -> Result {
    let _alone = app::alone(config)?;
    if matches!(&config.database_url, DatabaseUrl::Sqlite(path) if !path.exists()) {
        return Err(Failure::new(format!("There is nothing at {} yet.", config.database_url)));
    }
    let db = Db::open(&config.database_url, Clock::system()).await?;
    if !matches!(db.schema().await?, Schema::Ours) {
        return Err(Failure::new(
            "The database is of another version. Bring it up to date first: interlock migrate.",
        ));
    }
    let Some(_present) = db.attend(true).await? else {
        db.close().await;
        return Err(Failure::new("Interlock runs on this database. Stop every replica first."));
    };
    let done = match &config.secret_key {
        Some(key) => in_the_settings(config, &db, &Sealer::new(key.expose())).await,
        None => in_a_file(config, &db).await,
    };
    db.close().await;
    let done = done?;
    if arguments.json.json {
        return output::json(&done);
    }
    let mut said =
        format!("{} sealed with the new key, which is {}.\n", count(done.sealed, "secret"), done.key);
    if let Some(old) = &done.old_key {
        said += &format!(
            "The old one is in {old}: backups made before open with it alone. Delete it when you need none of them.\n"
        );
    }
    print(&said)
}

async fn in_the_settings(config: &Config, db: &Db, old: &Sealer) -> Result<Rotated> {
    let Some(new) = &config.new_secret_key else {
        return Err(Failure::usage(
            "The key is in the setting INTERLOCK_SECRET_KEY, so the new one must be given too: set \
             INTERLOCK_NEW_SECRET_KEY to what `openssl rand -base64 32` prints, and run this again.",
        ));
    };
    app::check_key_of(db, old).await?;
    let sealed = rotation::rotate(db, old, &Sealer::new(new.expose())).await?;
    let key =
        "what INTERLOCK_NEW_SECRET_KEY says: set INTERLOCK_SECRET_KEY to it now, on each replica".to_owned();
    Ok(Rotated { sealed, key, old_key: None })
}

async fn in_a_file(config: &Config, db: &Db) -> Result<Rotated> {
    let files = KeyFiles::of(config);
    let place = files.present.display().to_string();
    let said = |sealed, old: Option<PathBuf>| Rotated {
        sealed,
        key: format!("in {place}"),
        old_key: old.map(|old| old.display().to_string()),
    };
    // An earlier run was cut off after the database was sealed: only the names are left to do.
    let left = Sealer::open_file(&files.new);
    if let Ok(new) = &left
        && app::is_key_of(db, new).await?
    {
        return Ok(said(0, files.settle(db.now())?));
    }
    // Before anything is removed the present key must be the one in force.
    let old = Sealer::open_file(&files.present)?;
    app::check_key_of(db, &old).await?;
    match left {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        // Cut off before anything was sealed with it, perhaps while it was written.
        _ => fs::remove_file(&files.new)?,
    }
    let new = Sealer::from_file(&files.new)?;
    aside::sync_folder(&files.new)?;
    let sealed = rotation::rotate(db, &old, &new).await?;
    Ok(said(sealed, files.settle(db.now())?))
}
