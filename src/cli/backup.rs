//! `interlock backup` and `interlock restore`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use url::Url;

use super::output::{count, print};
use super::{Failure, Json, Result, output};
use crate::app;
use crate::config::{Config, DatabaseUrl, percent_decoded};
use crate::domain::backup;

#[derive(Debug, Args)]
pub struct BackupArguments {
    /// Where to
    file: PathBuf,
    /// Replace a file that is there already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// What `interlock backup` made
    file: PathBuf,
    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Made {
    file: String,
    bytes: u64,
    sealing_key: String,
}

/// Interrupted, it leaves nothing behind.
pub async fn backup(arguments: BackupArguments, config: &Config) -> Result {
    let BackupArguments { file, force, json } = arguments;
    if let DatabaseUrl::Postgres(url) = &config.database_url {
        let (server, database) = server_of(url.expose());
        let file = shell(&file.display().to_string());
        return Err(postgres(&format!(
            "pg_dump --format=custom --no-owner --no-privileges --file={file}{server} --dbname={database}"
        )));
    }
    let made = tokio::select! {
        made = backup::make(config, &file, force) => made?,
        () = stop_asked()? => return Err(Failure::new("Stopped. No backup was made.")),
    };
    let key = key_place(config);
    if json.json {
        return output::json(&Made { file: file.display().to_string(), bytes: made.bytes, sealing_key: key });
    }
    print(&format!(
        "{} holds the whole database, {} kB, checked.\n\
         Keep the sealing key apart from it; without the key its secrets are lost. It is {key}.\n",
        file.display(),
        made.bytes.div_ceil(1000),
    ))
}

/// Where the sealing key is, in words.
fn key_place(config: &Config) -> String {
    match config.secret_key {
        Some(_) => "in the setting INTERLOCK_SECRET_KEY".to_owned(),
        None => format!("in {}", app::key_file(config).display()),
    }
}

#[derive(Serialize)]
struct Restored {
    file: String,
    put_aside: Option<String>,
    chains: usize,
    rows: i64,
    queued_mails: i64,
}

pub async fn restore(arguments: RestoreArguments, config: &Config) -> Result {
    let RestoreArguments { file, json } = arguments;
    if let DatabaseUrl::Postgres(url) = &config.database_url {
        let (server, database) = server_of(url.expose());
        let file = shell(&file.display().to_string());
        return Err(postgres(&format!(
            "pg_restore --clean --if-exists --single-transaction --no-owner --no-privileges{server} \
             --dbname={database} {file}"
        )));
    }
    let done = tokio::select! {
        done = backup::restore(config, &file) => done?,
        () = stop_asked()? => return Err(Failure::new("Stopped. Nothing has changed.")),
    };
    let aside = done.aside.map(|aside| aside.display().to_string());
    if json.json {
        return output::json(&Restored {
            file: file.display().to_string(),
            put_aside: aside,
            chains: done.chains,
            rows: done.rows,
            queued_mails: done.queued_mails,
        });
    }
    let mut said = format!(
        "{} is the database now: {} with {}, all whole.\n",
        file.display(),
        count(done.chains as u64, "audit chain"),
        count(done.rows.unsigned_abs(), "row"),
    );
    if let Some(aside) = aside {
        said += &format!(
            "What was there before is {aside}. Remove it once it is not needed: it holds the same secrets.\n"
        );
    }
    if done.queued_mails > 0 {
        let mails = count(done.queued_mails.unsigned_abs(), "mail");
        said += &format!(
            "{mails} waited when the backup was made: sent at the next start, perhaps for the second time.\n"
        );
    }
    if done.older {
        said += "It is of an older version: the next start brings it up to date.\n";
    }
    said += "What changed since the backup is undone, removals and suspensions too: look at `interlock user list`.\n";
    print(&said)
}

/// A word as a shell takes it.
fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The flags that reach a PostgreSQL server, and the database's name. The password is not among them.
fn server_of(url: &str) -> (String, String) {
    let Ok(url) = Url::parse(url) else { return (String::new(), "DATABASE".to_owned()) };
    let port = url.port().map(|port| port.to_string());
    let parts = [
        ("host", url.host_str().filter(|host| !host.is_empty())),
        ("port", port.as_deref()),
        ("username", Some(url.username()).filter(|name| !name.is_empty())),
    ];
    let flags = parts.iter().filter_map(|(flag, value)| {
        value.map(|value| format!(" --{flag}={}", shell(&percent_decoded(value))))
    });
    (flags.collect(), shell(&percent_decoded(url.path().trim_start_matches('/'))))
}

/// PostgreSQL has its own tools. It is no success: a script must not think that it has a backup.
fn postgres(line: &str) -> Failure {
    Failure::usage(format!(
        "The database is PostgreSQL, which has its own tools. Run this, for a restore with every Interlock stopped:\n\n  \
         {line}\n\nThe password is asked for, or taken from PGPASSWORD or ~/.pgpass. Keep the sealing key apart, and \
         run `interlock audit verify` after a restore."
    ))
}

/// Ctrl-C, or what a service manager sends. It listens from here on, whenever it is waited for.
pub fn stop_asked() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "Ctrl-C can't be heard");
            std::future::pending().await
        }
    })
}
