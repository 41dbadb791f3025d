//! `interlock keys …`

use clap::Subcommand;
use serde::Serialize;

use super::output::{minute, minute_or, print, table};
use super::{Failure, Json, Result, org, output};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::Operator;
use crate::domain::api_keys::{self, Key, NewKey, OVERLAPS};
use crate::domain::environments::PRODUCTION;
use crate::domain::permissions;
use crate::domain::values::{Day, ShortName, TimeZone};
use crate::ids::ApiKeyId;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a live key for an agent of an organization. It is shown this once.
    #[command(after_help = "Examples:\n  interlock keys create --org halden-freight --agent \"Gateway\"\n  \
        interlock keys create --org halden-freight --agent Gateway --env staging --expires 2027-03-31 --json\n  \
        interlock keys create --org halden-freight --agent Gateway --permission \"Label printing\"\n\n\
        An agent of that name is made if there is none. Only the key's hash is stored.")]
    Create {
        /// The organization's slug
        #[arg(long, value_name = "SLUG")]
        org: String,
        /// The machine that will hold it
        #[arg(long, value_name = "NAME")]
        agent: String,
        /// What lists call the key; without it, as the agent
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// The environment that it belongs to
        #[arg(long = "env", value_name = "SLUG", default_value = PRODUCTION)]
        environment: String,
        /// What it may: a permission of the organization, by its name. Without one it opens no scope
        #[arg(long, value_name = "NAME")]
        permission: Option<String>,
        /// The last day on which it works, in UTC
        #[arg(long, value_name = "DATE")]
        expires: Option<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Keys of every kind, newest first, revoked and expired ones too. Never the keys themselves.
    #[command(
        after_help = "Examples:\n  interlock keys list\n  interlock keys list --org halden-freight --json"
    )]
    List {
        /// Only those of this organization
        #[arg(long, value_name = "SLUG")]
        org: Option<String>,
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        #[command(flatten)]
        json: Json,
    },
    /// Give a live key's place to a new one, which is shown this once. What was counted stays counted.
    #[command(after_help = "Examples:\n  interlock keys rotate 01a20000-0000-7000-8000-000000000001\n  \
        interlock keys rotate 01a20000-0000-7000-8000-000000000001 --overlap 24\n\n\
        Development and admin keys act for a person, who alone rotates them.")]
    Rotate {
        /// Its id, as the list has it
        id: String,
        /// For how many hours the old key goes on: 0, 1, 6 or 24
        #[arg(long, value_name = "HOURS", default_value_t = 0, value_parser = overlap)]
        overlap: i64,
        #[command(flatten)]
        json: Json,
    },
    /// End a key. From the next request on it opens nothing.
    #[command(after_help = "Example:\n  interlock keys revoke 01a20000-0000-7000-8000-000000000001")]
    Revoke {
        /// Its id, as the list has it
        id: String,
        #[command(flatten)]
        json: Json,
    },
}

pub async fn run(command: Command, app: &App) -> Result {
    match command {
        Command::Create { org, agent, name, environment, permission, expires, json } => {
            let name = name.as_deref().map(short_name).transpose()?;
            let expires_at = expires.as_deref().map(end_of).transpose()?;
            let new = NewKey { agent: short_name(&agent)?, name, environment, permission: None, expires_at };
            create(app, &org, new, permission.as_deref(), json).await
        }
        Command::List { org, limit, json } => list(app, org.as_deref(), limit, json).await,
        Command::Rotate { id, overlap, json } => rotate(app, &id, overlap, json).await,
        Command::Revoke { id, json } => revoke(app, &id, json).await,
    }
}

fn short_name(text: &str) -> Result<ShortName> {
    text.parse().map_err(|error| Failure::usage(format!("{text:?} is no name: {error}")))
}

fn end_of(day: &str) -> Result<Timestamp> {
    let day: Day = day.parse().map_err(|error| Failure::usage(format!("--expires: {error}")))?;
    Ok(day.end(&TimeZone::utc()))
}

fn overlap(text: &str) -> std::result::Result<i64, String> {
    let hours = text.parse::<i64>().ok().filter(|hours| OVERLAPS.contains(hours));
    hours.ok_or_else(|| "The old key goes on for 0, 1, 6 or 24 hours.".to_owned())
}

#[derive(Serialize)]
struct Listed<'a> {
    id: String,
    organization: &'a str,
    kind: &'a str,
    name: &'a str,
    agent: Option<&'a str>,
    /// Of whom it acts for.
    owner: Option<&'a str>,
    permission: Option<&'a str>,
    environment: &'a str,
    shown: &'a str,
    state: &'static str,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    last_used_at: Option<String>,
    last_used_from: Option<&'a str>,
    /// Only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

impl<'a> Listed<'a> {
    fn new(key: &'a Key, now: Timestamp) -> Listed<'a> {
        Listed {
            id: key.id.to_string(),
            organization: &key.organization_slug,
            kind: key.kind.code(),
            name: &key.name,
            agent: key.agent.as_deref(),
            owner: key.owner.as_deref(),
            permission: key.permission.as_deref(),
            environment: &key.environment,
            shown: &key.shown,
            state: key.state(now).code(),
            created_at: key.created_at.rfc3339(),
            expires_at: key.expires_at.map(Timestamp::rfc3339),
            revoked_at: key.revoked_at.map(Timestamp::rfc3339),
            last_used_at: key.last_used_at.map(Timestamp::rfc3339),
            last_used_from: key.last_used_from.as_deref(),
            key: None,
        }
    }
}

async fn create(app: &App, slug: &str, mut new: NewKey, permission: Option<&str>, json: Json) -> Result {
    let organization = org::find(app, slug).await?;
    if let Some(name) = permission {
        let found = permissions::named(&mut app.db.read().await?, organization.id, name).await?;
        let none = || Failure::new(format!("There is no permission {name} in {slug}."));
        new.permission = Some(found.ok_or_else(none)?);
    }
    let (key, secret) = api_keys::create_live(app, organization.id, &new, &Operator::sysadmin()).await?;
    if json.json {
        let listed = Listed::new(&key, app.db.now());
        return output::json(&Listed { key: Some(secret.expose()), ..listed });
    }
    print(&made(app, &key, secret.expose()))
}

/// What is said of a key this once.
fn made(app: &App, key: &Key, secret: &str) -> String {
    let until = key.expires_at.map_or_else(String::new, |at| format!(", until {} (UTC)", minute(at)));
    let (agent, environment) = (key.agent.as_deref().unwrap_or("it"), &key.environment);
    format!(
        "{}\n\nThis is shown once: keep it where {agent} finds it. It works in {} / {environment}{until}.\nTry it:\n  \
         curl -H \"Authorization: Bearer $KEY\" -H \"Content-Type: application/json\" \\\n    \
         -d '{{\"resource\": \"…\", \"permission\": \"Read\", \"user\": \"…@…\"}}' {}/v1/access/check\n",
        secret,
        key.organization_slug,
        app.config.base_url.as_str(),
    )
}

async fn rotate(app: &App, id: &str, overlap: i64, json: Json) -> Result {
    let unknown = || Failure::new(format!("There is no key {id}. `interlock keys list` has them all."));
    let parsed: ApiKeyId = id.parse().map_err(|_| unknown())?;
    let old = api_keys::anywhere(&mut app.db.read().await?, parsed).await?.ok_or_else(unknown)?;
    let operator = Operator::sysadmin();
    let new = api_keys::rotate_by_sysadmin(app, old.organization, old.id, overlap, &operator).await?;
    let key = api_keys::anywhere(&mut app.db.read().await?, new.key.id).await?.ok_or_else(unknown)?;
    if json.json {
        let listed = Listed::new(&key, app.db.now());
        return output::json(&Listed { key: Some(new.secret.expose()), ..listed });
    }
    let until = match overlap {
        0 => "has ended".to_owned(),
        1 => "goes on for an hour".to_owned(),
        hours => format!("goes on for {hours} hours"),
    };
    print(&format!("{}\nThe old key {until}.\n", made(app, &key, new.secret.expose())))
}

async fn list(app: &App, slug: Option<&str>, limit: u32, json: Json) -> Result {
    let organization = match slug {
        Some(slug) => Some(org::find(app, slug).await?.id),
        None => None,
    };
    let now = app.db.now();
    let keys = api_keys::list(&mut app.db.read().await?, organization, i64::from(limit)).await?;
    if json.json {
        return output::json(&keys.iter().map(|key| Listed::new(key, now)).collect::<Vec<_>>());
    }
    let row = |key: &Key| {
        [
            key.id.to_string(),
            key.organization_slug.clone(),
            key.name.clone(),
            key.agent.clone().or_else(|| key.owner.clone()).unwrap_or_default(),
            key.environment.clone(),
            key.kind.code().to_owned(),
            key.shown.clone(),
            key.state(now).code().to_owned(),
            minute_or(key.expires_at, "never"),
            minute_or(key.last_used_at, "never"),
        ]
    };
    let heads = [
        "id",
        "organization",
        "name",
        "held by",
        "environment",
        "kind",
        "key",
        "state",
        "expires",
        "last used",
    ];
    table(
        heads,
        &keys.iter().map(row).collect::<Vec<_>>(),
        "There are no keys. `interlock keys create` makes one.",
    )
}

async fn revoke(app: &App, id: &str, json: Json) -> Result {
    let unknown = || Failure::new(format!("There is no key {id}. `interlock keys list` has them all."));
    let parsed: ApiKeyId = id.parse().map_err(|_| unknown())?;
    let key = api_keys::anywhere(&mut app.db.read().await?, parsed).await?.ok_or_else(unknown)?;
    let revoked = api_keys::revoke(app, key.organization, key.id, &Operator::sysadmin()).await?;
    let key = api_keys::anywhere(&mut app.db.read().await?, parsed).await?.ok_or_else(unknown)?;
    if json.json {
        return output::json(&Listed::new(&key, app.db.now()));
    }
    print(&match revoked {
        true => format!("The key {} of {} opens nothing any more.\n", key.name, key.organization_slug),
        false => format!("The key {} was revoked before: nothing was changed.\n", key.name),
    })
}
