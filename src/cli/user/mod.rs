//! `interlock user …`

mod acts;

use clap::Subcommand;
use serde::Serialize;

use super::output::{facts, minute, minute_or, print, table};
use super::{Failure, Json, Result, org, output};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::sessions;
use crate::domain::users::MemberState;
use crate::domain::users::sysadmin::{self, Account, AccountQuery, ListedAccount, Membership};
use crate::mail;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Accounts, by address.
    #[command(after_help = "Examples:\n  interlock user list --search okafor\n  \
        interlock user list --org halden-freight --limit 1000 --json")]
    List {
        /// Only people of this organization, with role and state
        #[arg(long, value_name = "SLUG")]
        org: Option<String>,
        /// Only those whose name or address holds these words
        #[arg(long, value_name = "TEXT", default_value = "")]
        search: String,
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        #[command(flatten)]
        json: Json,
    },
    /// One account: its organizations, sessions, and what was mailed to it lately. No secrets.
    #[command(after_help = "Example:\n  interlock user show amara@halden.example")]
    Show {
        /// Address or id
        #[arg(value_name = "EMAIL|ID")]
        who: String,
        #[command(flatten)]
        json: Json,
    },
    /// A link to set a new password: for one hour, once.
    #[command(after_help = "Examples:\n  interlock user reset-password amara@halden.example\n  \
        interlock user reset-password amara@halden.example --mail\n\n\
        Nothing changes until the link is used; then all sessions of the account end. It is audited.")]
    ResetPassword {
        /// Address or id
        #[arg(value_name = "EMAIL|ID")]
        who: String,
        /// Mail the link to the person instead of printing it
        #[arg(long)]
        mail: bool,
        #[command(flatten)]
        json: Json,
    },
    /// Take all factors off an account: a lost phone, and no recovery code.
    #[command(after_help = "Example:\n  interlock user reset-factors amara@halden.example\n\n\
        Its authenticator apps, passkeys, recovery codes and remembered devices are gone, and its sessions end. \
        The password stays. It is audited, and the person is told by mail. Make sure who asks for it.")]
    ResetFactors {
        /// Address or id
        #[arg(value_name = "EMAIL|ID")]
        who: String,
        /// Also where this leaves an organization without break-glass access
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        json: Json,
    },
    /// Suspend a person in one organization, or in all and end their sessions.
    #[command(after_help = "Examples:\n  interlock user suspend jonas@halden.example\n  \
        interlock user suspend jonas@halden.example --org halden-freight")]
    Suspend {
        /// Address or id
        #[arg(value_name = "EMAIL|ID")]
        who: String,
        /// Only in this organization; their sessions go on elsewhere
        #[arg(long, value_name = "SLUG")]
        org: Option<String>,
        /// Also where this leaves an organization without an active Owner, or without break-glass access
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        json: Json,
    },
    /// Undo a suspension, in one organization or in all.
    #[command(after_help = "Example:\n  interlock user reactivate jonas@halden.example --org halden-freight")]
    Reactivate {
        /// Address or id
        #[arg(value_name = "EMAIL|ID")]
        who: String,
        /// Only in this organization
        #[arg(long, value_name = "SLUG")]
        org: Option<String>,
        #[command(flatten)]
        json: Json,
    },
}

pub async fn run(command: Command, app: &App) -> Result {
    match command {
        Command::List { org, search, limit, json } => list(app, org, search, limit, json).await,
        Command::Show { who, json } => show(app, &who, json).await,
        Command::ResetPassword { who, mail, json } => acts::reset_password(app, &who, mail, json).await,
        Command::ResetFactors { who, yes, json } => acts::reset_factors(app, &who, yes, json).await,
        Command::Suspend { who, org, yes, json } => acts::suspend(app, &who, org.as_deref(), yes, json).await,
        Command::Reactivate { who, org, json } => acts::reactivate(app, &who, org.as_deref(), json).await,
    }
}

async fn find(app: &App, who: &str) -> Result<Account> {
    let found = sysadmin::account(&app.db, who).await?;
    found.ok_or_else(|| Failure::new(format!("There is no account {who}. `interlock user list` finds them.")))
}

#[derive(Serialize)]
struct Listed<'a> {
    id: String,
    email: &'a str,
    name: &'a str,
    created_at: String,
    organizations: i64,
    role: Option<&'static str>,
    state: Option<&'static str>,
}

impl<'a> Listed<'a> {
    fn new(account: &'a ListedAccount) -> Listed<'a> {
        Listed {
            id: account.id.to_string(),
            email: &account.email,
            name: &account.name,
            created_at: account.created_at.rfc3339(),
            organizations: account.organizations,
            role: account.role.map(|role| role.code()),
            state: account.state.map(MemberState::code),
        }
    }
}

async fn list(app: &App, org: Option<String>, search: String, limit: u32, json: Json) -> Result {
    let organization = match &org {
        Some(slug) => Some(org::find(app, slug).await?.id),
        None => None,
    };
    let query = AccountQuery { organization, search };
    let mut accounts = sysadmin::accounts(&app.db, &query, i64::from(limit) + 1).await?;
    let more = accounts.len() > limit as usize;
    accounts.truncate(limit as usize);
    if json.json {
        return output::json(&accounts.iter().map(Listed::new).collect::<Vec<_>>());
    }
    if org.is_some() {
        let row = |one: &ListedAccount| {
            let role = one.role.map_or("", |role| role.name()).to_owned();
            let state = one.state.map_or("", MemberState::code).to_owned();
            [one.email.clone(), one.name.clone(), role, state, one.id.to_string()]
        };
        let rows: Vec<_> = accounts.iter().map(row).collect();
        table(["email", "name", "role", "state", "id"], &rows, "Nobody here fits.")?;
    } else {
        let row = |one: &ListedAccount| {
            let since = minute(one.created_at);
            [one.email.clone(), one.name.clone(), one.organizations.to_string(), since, one.id.to_string()]
        };
        let rows: Vec<_> = accounts.iter().map(row).collect();
        table(["email", "name", "organizations", "since (utc)", "id"], &rows, "No account fits.")?;
    }
    if more {
        eprintln!("There are more than {limit}. Give --limit or --search.");
    }
    Ok(())
}

#[derive(Serialize)]
struct Shown {
    id: String,
    email: String,
    name: String,
    created_at: String,
    has_password: bool,
    password_changed_at: String,
    time_zone: String,
    theme: &'static str,
    live_sessions: i64,
    memberships: Vec<ShownMembership>,
    mails: Vec<super::mail::Listed>,
}

#[derive(Serialize)]
struct ShownMembership {
    organization: String,
    name: String,
    role: &'static str,
    state: &'static str,
    joined_at: String,
    ends_at: Option<String>,
    last_active_at: String,
}

impl ShownMembership {
    fn new(membership: &Membership) -> ShownMembership {
        ShownMembership {
            organization: membership.slug.clone(),
            name: membership.organization_name.clone(),
            role: membership.role.code(),
            state: membership.state.code(),
            joined_at: membership.joined_at.rfc3339(),
            ends_at: membership.ends_at.map(Timestamp::rfc3339),
            last_active_at: membership.last_active_at.rfc3339(),
        }
    }
}

/// As many mails as say whether somebody gets any.
const MAILS: i64 = 10;

async fn show(app: &App, who: &str, json: Json) -> Result {
    let account = find(app, who).await?;
    let memberships = sysadmin::memberships(&mut app.db.read().await?, account.id).await?;
    let now = app.db.now();
    let live = sessions::count(&mut app.db.read().await?, account.id, Timestamp::ZERO, now).await?;
    let mails = mail::list(&app.db, None, Some(&account.email_canonical), MAILS).await?;
    if json.json {
        return output::json(&Shown {
            id: account.id.to_string(),
            email: account.email,
            name: account.name,
            created_at: account.created_at.rfc3339(),
            has_password: account.has_password,
            password_changed_at: account.password_changed_at.rfc3339(),
            time_zone: account.time_zone.as_str().to_owned(),
            theme: account.theme.code(),
            live_sessions: live,
            memberships: memberships.iter().map(ShownMembership::new).collect(),
            mails: mails.iter().map(super::mail::Listed::new).collect(),
        });
    }
    let password = match account.has_password {
        true => format!("set {} (UTC)", minute(account.password_changed_at)),
        false => "none".to_owned(),
    };
    facts(&[
        ("Name", account.name),
        ("Email", account.email),
        ("Id", account.id.to_string()),
        ("Since", format!("{} (UTC)", minute(account.created_at))),
        ("Password", password),
        ("Time zone", account.time_zone.as_str().to_owned()),
        ("Live sessions", live.to_string()),
    ])?;
    print("\n")?;
    let row = |one: &Membership| {
        let (role, state) = (one.role.name().to_owned(), one.state.code().to_owned());
        let ends = minute_or(one.ends_at, "");
        [one.slug.clone(), role, state, minute(one.joined_at), ends, minute(one.last_active_at)]
    };
    let rows: Vec<_> = memberships.iter().map(row).collect();
    let heads = ["organization", "role", "state", "joined (utc)", "ends (utc)", "last active (utc)"];
    table(heads, &rows, "In no organization.")?;
    print("\n")?;
    super::mail::print_table(&mails, "Nothing was mailed to this address.")
}
