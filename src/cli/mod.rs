//! The sysadmin's command line: looks at and changes the whole instance, with the same rules and audit
//! rows as the pages. As they do, it calls domain functions and holds no query; it knows no HTTP.
//!
//! A noun a file. Every command answers with a table for people, or with JSON for scripts: stable names,
//! times in RFC 3339 and UTC. It ends with 0 if all is well, 1 if not (a sentence on stderr says why),
//! 2 if it was asked in a wrong way.

mod audit;
mod backup;
mod base;
mod confirm;
mod export;
mod hosts;
mod keys;
mod mail;
mod org;
mod output;
mod rotate_key;
mod user;

use clap::{Parser, Subcommand};

pub use self::backup::stop_asked;
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::demo;

/// Interlock: who is in the organization, what may each of them open, and what happened.
#[derive(Debug, Parser)]
#[command(name = "interlock", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the dashboard. This is what happens without a command.
    Serve,
    /// Print every setting that is in force and where it comes from. Secrets stay hidden.
    Config,
    /// Bring the database up to date and stop.
    Migrate,
    /// Fill a fresh database with an organization to look around in.
    #[command(after_help = "Example:\n  interlock demo && interlock serve")]
    Demo {
        /// Also where mail goes out or others reach the server: everyone in it has a known password
        #[arg(long)]
        force: bool,
    },
    /// People: find them, reset a password, suspend and reactivate.
    #[command(subcommand)]
    User(user::Command),
    /// Organizations: list them, export an audit log, delete and reopen; the hosts of their tools.
    #[command(subcommand)]
    Org(org::Command),
    /// API keys: make them, list them, revoke them.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Mail: what waits, what was given up, and another try.
    #[command(subcommand)]
    Mail(mail::Command),
    /// The audit chains: verify them, and print their heads to keep elsewhere.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Copy the database into a file, while Interlock runs.
    #[command(after_help = "Example:\n  interlock backup /var/backups/interlock-monday.db\n\n\
        The file is whole or not there. Keep the sealing key apart from it.\n\
        On PostgreSQL this prints the line for pg_dump and ends with 2.")]
    Backup(backup::BackupArguments),
    /// Check a backup and put it in the database's place, while Interlock is stopped.
    #[command(after_help = "Example:\n  interlock restore /var/backups/interlock-monday.db\n\n\
        The present database is kept beside it, as ….before-restore-TIME.\n\
        On PostgreSQL this prints the line for pg_restore and ends with 2.")]
    Restore(backup::RestoreArguments),
    /// Seal every secret in the database with another key, while Interlock is stopped.
    #[command(after_help = "Example:\n  interlock rotate-key\n\n\
        A key in a file is replaced by a new one; a key in the settings by INTERLOCK_NEW_SECRET_KEY. With PostgreSQL \
        stop every replica first. Cut off, it is run again. Authenticator apps and passkeys go on working.")]
    RotateKey(rotate_key::Arguments),
}

/// Print JSON instead of a table.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Json {
    /// Print JSON, for scripts: stable names, times in UTC
    #[arg(long)]
    json: bool,
}

/// Why a command did not do what it was asked: a sentence, and the exit code.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    pub sentence: String,
}

impl Failure {
    fn new(sentence: impl Into<String>) -> Failure {
        Failure { code: 1, sentence: sentence.into() }
    }

    fn usage(sentence: impl Into<String>) -> Failure {
        Failure { code: 2, sentence: sentence.into() }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::new(error.to_string())
    }
}

type Result<T = ()> = std::result::Result<T, Failure>;

/// Does what a command says. Serving is not among it: that takes the web.
pub async fn run(command: Command, config: Config) -> Result {
    match command {
        Command::Serve => Err(Failure::usage("Serving is no command of this room.")),
        Command::Config => output::print(&config.describe()),
        Command::Migrate => {
            App::start(config, Clock::system()).await?.db.close().await;
            output::print("The database is up to date.\n")
        }
        Command::Demo { force } => {
            let said = demo::run(config, force).await.map_err(|error| Failure::new(error.to_string()))?;
            output::print(&said)
        }
        Command::Backup(arguments) => backup::backup(arguments, &config).await,
        Command::Restore(arguments) => backup::restore(arguments, &config).await,
        Command::RotateKey(arguments) => rotate_key::run(arguments, &config).await,
        Command::User(command) => {
            let app = App::open(config, Clock::system()).await?;
            closed(&app, user::run(command, &app).await).await
        }
        Command::Org(command) => {
            let app = App::open(config, Clock::system()).await?;
            closed(&app, org::run(command, &app).await).await
        }
        Command::Keys(command) => {
            let app = App::open(config, Clock::system()).await?;
            closed(&app, keys::run(command, &app).await).await
        }
        Command::Mail(command) => {
            let app = App::open(config, Clock::system()).await?;
            closed(&app, mail::run(command, &app).await).await
        }
        Command::Audit(command) => {
            let app = App::open(config, Clock::system()).await?;
            closed(&app, audit::run(command, &app).await).await
        }
    }
}

/// Closes the database before the process ends: SQLite then leaves a single file behind.
async fn closed(app: &App, done: Result) -> Result {
    app.db.close().await;
    done
}
