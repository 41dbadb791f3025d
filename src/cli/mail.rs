//! `interlock mail …`

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::output::{count, minute, print, table};
use super::{Failure, Json, Result, output};
use crate::app::App;
use crate::clock::Timestamp;
use crate::ids::MailId;
use crate::mail::{self, MailState};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Mails, newest first: to whom, in what state, and why not yet.
    #[command(after_help = "Example:\n  interlock mail list --state failed")]
    List {
        /// Only those in this state
        #[arg(long)]
        state: Option<State>,
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        #[command(flatten)]
        json: Json,
    },
    /// Put mails that were given up back in the queue, for another day of tries.
    #[command(after_help = "Examples:\n  interlock mail retry 0199e3a0-4c5e-7b3a-9d2f-0a1b2c3d4e5f\n  \
        interlock mail retry --failed\n\n\
        A running server sends them at once. Texts are erased a week after a mail was given up.")]
    Retry {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        json: Json,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum State {
    Queued,
    Failed,
    Sent,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// This mail
    id: Option<String>,
    /// All that were given up and still have their text
    #[arg(long)]
    failed: bool,
}

pub async fn run(command: Command, app: &App) -> Result {
    match command {
        Command::List { state, limit, json } => {
            let state = state.map(|state| match state {
                State::Queued => MailState::Queued,
                State::Failed => MailState::Failed,
                State::Sent => MailState::Sent,
            });
            let mails = mail::list(&app.db, state, None, i64::from(limit)).await?;
            if json.json {
                return output::json(&mails.iter().map(Listed::new).collect::<Vec<_>>());
            }
            print_table(&mails, "No mail fits.")
        }
        Command::Retry { which, json } => retry(app, which, json).await,
    }
}

#[derive(Serialize)]
pub struct Listed {
    id: String,
    recipient: String,
    subject: String,
    kind: String,
    state: &'static str,
    attempts: i64,
    created_at: String,
    due_at: Option<String>,
    finished_at: Option<String>,
    why: Option<String>,
    text_kept: bool,
}

impl Listed {
    pub fn new(mail: &mail::OutboxMail) -> Listed {
        Listed {
            id: mail.id.to_string(),
            recipient: mail.recipient.clone(),
            subject: mail.subject.clone(),
            kind: mail.kind.clone(),
            state: mail.state.code(),
            attempts: mail.attempts,
            created_at: mail.created_at.rfc3339(),
            due_at: (mail.state == MailState::Queued).then(|| mail.due_at.rfc3339()),
            finished_at: mail.finished_at.map(Timestamp::rfc3339),
            why: mail.failure.clone(),
            text_kept: mail.kept,
        }
    }
}

pub fn print_table(mails: &[mail::OutboxMail], none: &str) -> Result {
    let row = |one: &mail::OutboxMail| {
        let when = match one.state {
            MailState::Queued => format!("due {}", minute(one.due_at)),
            MailState::Sent | MailState::Failed => minute(one.finished_at.unwrap_or(one.created_at)),
        };
        [
            one.recipient.clone(),
            one.subject.clone(),
            one.kind.clone(),
            one.state.code().to_owned(),
            one.attempts.to_string(),
            when,
            one.id.to_string(),
            one.failure.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = mails.iter().map(row).collect();
    table(["recipient", "subject", "kind", "state", "tries", "when (utc)", "id", "why"], &rows, none)
}

#[derive(Serialize)]
struct Retried {
    retried: u64,
}

async fn retry(app: &App, which: Which, json: Json) -> Result {
    let retried = match which.id {
        Some(id) => {
            let id: MailId =
                id.parse().map_err(|_| Failure::usage(format!("{id:?} is not the id of a mail.")))?;
            mail::retry(&app.db, id).await?;
            1
        }
        None => mail::retry_failed(&app.db).await?,
    };
    if json.json {
        return output::json(&Retried { retried });
    }
    print(&format!("{} back in the queue.\n", count(retried, "mail")))
}
