//! `interlock org …`

use std::collections::BTreeMap;
use std::io::{self, BufWriter};
use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use super::export::{self, Format};
use super::output::{count, facts, minute, minute_or, print, table};
use super::{Failure, Json, Result, base, confirm, hosts, output};
use crate::app::{self, App};
use crate::aside::Aside;
use crate::clock::Timestamp;
use crate::domain::access::{Operator, Role};
use crate::domain::audit;
use crate::domain::organizations::sysadmin::{self, Standing};
use crate::domain::permitting;
use crate::domain::settings::{self, Lifted};
use crate::domain::users::{self, MemberState};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// All organizations, closed and erased ones too.
    #[command(after_help = "Example:\n  interlock org list --json")]
    List {
        #[command(flatten)]
        json: Json,
    },
    /// One organization: people by role, Owners, pending invites, the head of its audit log.
    #[command(after_help = "Example:\n  interlock org show halden-freight")]
    Show {
        /// Its slug, or one that it had before
        slug: String,
        #[command(flatten)]
        json: Json,
    },
    /// Its whole audit log as CSV or JSON. Works for closed and erased organizations too.
    #[command(after_help = "Examples:\n  \
        interlock org export-audit halden-freight --output halden.csv\n  \
        interlock org export-audit halden-freight --format json > halden.json\n\n\
        In CSV a cell that a spreadsheet would take for a formula begins with a quote.")]
    ExportAudit {
        /// Its slug, or one that it had before
        slug: String,
        #[arg(long, default_value = "csv")]
        format: Format,
        /// Where to; without it, stdout
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Replace a file that is there already
        #[arg(long, requires = "output")]
        force: bool,
    },
    /// Close an organization. Its Owners can undo it for 30 days; then its data is erased.
    #[command(after_help = "Examples:\n  interlock org delete halden-freight\n  \
        interlock org delete halden-freight --yes halden-freight\n  \
        interlock org delete halden-freight --now --yes halden-freight\n\n\
        Its slug stays reserved and its audit log can be exported, for ever.")]
    Delete {
        /// Its slug
        slug: String,
        /// The slug again, where nobody is asked to type it
        #[arg(long, value_name = "SLUG")]
        yes: Option<String>,
        /// Erase its data at once. Nothing brings it back
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        json: Json,
    },
    /// Stop requiring single sign-on and multi-factor authentication, for an organization that is locked out.
    #[command(after_help = "Examples:\n  interlock org lift halden-freight\n  \
        interlock org lift halden-freight --sso --yes halden-freight\n\n\
        Without --sso and --mfa both are lifted. It is audited, and the Owners are told by mail.")]
    Lift {
        /// Its slug
        slug: String,
        /// Only that single sign-on is required
        #[arg(long)]
        sso: bool,
        /// Only that multi-factor authentication is required
        #[arg(long)]
        mfa: bool,
        /// The slug again, where nobody is asked to type it
        #[arg(long, value_name = "SLUG")]
        yes: Option<String>,
        #[command(flatten)]
        json: Json,
    },
    /// The hosts of tools that reverse proxies ask about, and whose they are.
    #[command(after_help = "Example:\n  interlock org hosts --json")]
    Hosts {
        #[command(flatten)]
        json: Json,
    },
    /// Take a host away from the organization that has it: any may put a tool there then.
    #[command(after_help = "Examples:\n  interlock org release-host wiki.example.org\n  \
        interlock org release-host wiki.example.org:8443 --yes wiki.example.org:8443\n\n\
        Its tools there stay listed; proxies are told that there is no tool, until one is archived and taken back.")]
    ReleaseHost {
        /// The host as `interlock org hosts` shows it
        host: String,
        /// The host again, where nobody is asked to type it
        #[arg(long, value_name = "HOST")]
        yes: Option<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Set what an organization's keys may do at most. Prints what changes and which permissions go beyond it.
    #[command(
        after_help = "Examples:\n  interlock org set-base-permission halden-freight base.json --dry-run\n  \
        interlock org set-base-permission halden-freight base.json\n  \
        interlock org set-base-permission --default - < base.json\n\n\
        The file is JSON: {\"scopes\": {\"source_type:*\": [{\"level\": \"user\", \"type\": \"count\", \"value\": 3}]}}.\n\
        It holds from the next request on. Permissions beyond it stay written, and grant no more than it."
    )]
    SetBasePermission {
        /// Its slug, and the file; - is stdin. With --default the file alone
        #[arg(num_args = 1..=2, value_names = ["ORG", "FILE"], required = true)]
        what: Vec<PathBuf>,
        /// What new organizations begin with
        #[arg(long)]
        default: bool,
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        json: Json,
    },
    /// Undo the deletion of an organization that is not erased yet.
    #[command(after_help = "Example:\n  interlock org reopen halden-freight")]
    Reopen {
        /// Its slug
        slug: String,
        #[command(flatten)]
        json: Json,
    },
}

pub async fn run(command: Command, app: &App) -> Result {
    match command {
        Command::List { json } => list(app, json).await,
        Command::Show { slug, json } => show(app, &slug, json).await,
        Command::ExportAudit { slug, format, output, force } => {
            export_audit(app, &slug, format, output, force).await
        }
        Command::Delete { slug, yes, now, json } => delete(app, &slug, yes.as_deref(), now, json).await,
        Command::Lift { slug, sso, mfa, yes, json } => {
            lift(app, &slug, Lifted { sso, mfa }, yes.as_deref(), json).await
        }
        Command::Hosts { json } => hosts::list(app, json).await,
        Command::ReleaseHost { host, yes, json } => hosts::release(app, &host, yes.as_deref(), json).await,
        Command::SetBasePermission { what, default, dry_run, json } => {
            let (slug, file) = match (what.as_slice(), default) {
                ([file], true) => (None, file.as_path()),
                ([slug, file], false) => (slug.to_str(), file.as_path()),
                _ => {
                    let usage = "Give an organization and a file, or --default and a file. Nothing was done.";
                    return Err(Failure::usage(usage));
                }
            };
            if !default && slug.is_none() {
                return Err(Failure::new("This is no organization's slug."));
            }
            base::set(app, &base::Asked { slug, file, dry_run, json }).await
        }
        Command::Reopen { slug, json } => reopen(app, &slug, json).await,
    }
}

pub async fn find(app: &App, slug: &str) -> Result<Standing> {
    let found = sysadmin::with_slug(&app.db, slug).await?;
    found.ok_or_else(|| {
        Failure::new(format!("There is no organization {slug}. `interlock org list` has them all."))
    })
}

#[derive(Serialize)]
struct Listed {
    id: String,
    slug: String,
    name: String,
    state: &'static str,
    people: i64,
    pending_invitations: i64,
    created_at: String,
    closed_at: Option<String>,
    erased_at: Option<String>,
}

impl Listed {
    fn new(organization: &Standing) -> Listed {
        Listed {
            id: organization.id.to_string(),
            slug: organization.slug.clone(),
            name: organization.name.clone(),
            state: organization.word(),
            people: organization.people,
            pending_invitations: organization.pending,
            created_at: organization.created_at.rfc3339(),
            closed_at: organization.closed_at.map(Timestamp::rfc3339),
            erased_at: organization.erased_at.map(Timestamp::rfc3339),
        }
    }
}

const BATCH: i64 = 1_000;

async fn list(app: &App, json: Json) -> Result {
    let mut organizations: Vec<Standing> = Vec::new();
    loop {
        let after = organizations.last().map_or("", |last| last.slug.as_str());
        let more = sysadmin::all(&app.db, after, BATCH).await?;
        if more.is_empty() {
            break;
        }
        organizations.extend(more);
    }
    if json.json {
        return output::json(&organizations.iter().map(Listed::new).collect::<Vec<_>>());
    }
    let row = |one: &Standing| {
        let (people, pending) = (one.people.to_string(), one.pending.to_string());
        [one.slug.clone(), one.name.clone(), one.word().to_owned(), people, pending, minute(one.created_at)]
    };
    let rows: Vec<_> = organizations.iter().map(row).collect();
    let heads = ["slug", "name", "state", "people", "pending invites", "since (utc)"];
    table(heads, &rows, "There are no organizations yet.")
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    organization: Listed,
    people_by_role: BTreeMap<&'static str, i64>,
    suspended: i64,
    owners: Vec<Owner>,
    base_permission: serde_json::Value,
    audit: Head,
}

#[derive(Serialize)]
struct Owner {
    name: String,
    email: String,
    state: &'static str,
}

#[derive(Serialize)]
struct Head {
    rows: i64,
    hash: String,
}

async fn show(app: &App, slug: &str, json: Json) -> Result {
    let organization = find(app, slug).await?;
    let heads = users::sysadmin::headcount(&app.db, organization.id).await?;
    let here = |state| heads.iter().filter(move |head| head.state == state);
    let people_by_role: BTreeMap<&str, i64> = Role::ALL
        .into_iter()
        .map(|role| {
            let of_role = heads.iter().filter(|head| head.role == role && head.state != MemberState::Removed);
            (role.code(), of_role.map(|head| head.people).sum())
        })
        .collect();
    let suspended: i64 = here(MemberState::Suspended).map(|head| head.people).sum();
    let owners = users::sysadmin::owners(&app.db, organization.id).await?;
    let (rows, hash) = audit::head(&mut app.db.read().await?, organization.id).await?;
    let allowed = permitting::base_of(&app.db, organization.id).await?;
    if json.json {
        let owner =
            |(name, email, state): (String, String, MemberState)| Owner { name, email, state: state.code() };
        return output::json(&Shown {
            organization: Listed::new(&organization),
            people_by_role,
            suspended,
            owners: owners.into_iter().map(owner).collect(),
            base_permission: allowed.to_json(),
            audit: Head { rows, hash },
        });
    }
    let roles = Role::ALL.into_iter().filter_map(|role| {
        let people = people_by_role[role.code()];
        (people > 0).then(|| count(people.unsigned_abs(), role.name()))
    });
    let by_role = roles.collect::<Vec<_>>().join(", ");
    facts(&[
        ("Name", organization.name.clone()),
        ("Slug", organization.slug.clone()),
        ("Id", organization.id.to_string()),
        ("State", organization.word().to_owned()),
        ("Since (UTC)", minute(organization.created_at)),
        ("Closed (UTC)", minute_or(organization.closed_at, "no")),
        ("Erased (UTC)", minute_or(organization.erased_at, "no")),
        ("People", format!("{}, of whom {suspended} suspended", organization.people)),
        ("By role", by_role),
        ("Pending invites", organization.pending.to_string()),
        ("Audit log", format!("{}, newest hash {hash}", count(rows.unsigned_abs(), "row"))),
    ])?;
    print("\n")?;
    let rows: Vec<_> =
        owners.into_iter().map(|(name, email, state)| [name, email, state.code().to_owned()]).collect();
    table(["owner", "email", "state"], &rows, "It has no Owner.")?;
    print("\n")?;
    base::show(&allowed)
}

async fn export_audit(app: &App, slug: &str, format: Format, output: Option<PathBuf>, force: bool) -> Result {
    let id = find(app, slug).await?.id;
    let Some(file) = output else {
        return export::write(app, id, format, &mut BufWriter::new(io::stdout().lock())).await.map(|_| ());
    };
    if app::is_own_file(&app.config, &file) {
        return Err(Failure::new(format!(
            "{} is what Interlock itself runs on: an export there would destroy it. Choose another name.",
            file.display()
        )));
    }
    let exists = || Failure::new(format!("{} is there already. Give --force to replace it.", file.display()));
    if !force && file.exists() {
        return Err(exists());
    }
    let unwritable = |error| Failure::new(format!("{} can't be written: {error}", file.display()));
    let mut aside = Aside::beside(&file).map_err(unwritable)?;
    let rows = export::write(app, id, format, &mut BufWriter::new(aside.file())).await?;
    match aside.keep(force) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists()),
        kept => kept.map_err(unwritable)?,
    }
    print(&format!("{} has {}.\n", file.display(), count(rows, "row")))
}

async fn delete(app: &App, slug: &str, yes: Option<&str>, now: bool, json: Json) -> Result {
    let organization = find(app, slug).await?;
    let (name, slug, sysadmin) = (&organization.name, &organization.slug, Operator::sysadmin());
    match (organization.word(), now) {
        ("erased", _) => return Err(Failure::new(format!("The data of {name} is erased already."))),
        ("closed", false) => {
            return Err(Failure::new(format!(
                "{name} is deleted already. With --now its data is erased at once."
            )));
        }
        _ => {}
    }
    let option = format!("--yes {slug}");
    if organization.word() == "open" {
        let people = match organization.people {
            1 => "1 person".to_owned(),
            more => format!("{more} people"),
        };
        let pending = count(organization.pending.unsigned_abs(), "pending invite");
        let warning =
            format!("{name} is closed at once. It has {people} and {pending}, and opens for none of them.");
        confirm::ask(&warning, slug, yes, &option)?;
    }
    if now {
        let warning = format!("With --now the data of {name} is erased at once. Nothing brings it back.");
        confirm::ask(&warning, slug, yes, &option)?;
    }
    if organization.word() == "open" {
        settings::close_by_sysadmin(app, organization.id, &sysadmin).await?;
    }
    if now && !settings::erase_by_sysadmin(app, organization.id, &sysadmin).await? {
        return Err(Failure::new(format!("Somebody has just reopened or erased {name}. Look at it again.")));
    }
    tell(app, &organization, json).await
}

async fn reopen(app: &App, slug: &str, json: Json) -> Result {
    let organization = find(app, slug).await?;
    let name = &organization.name;
    match organization.word() {
        "open" => return Err(Failure::new(format!("{name} is not deleted."))),
        "erased" => {
            return Err(Failure::new(format!("The data of {name} is erased. Nothing brings it back.")));
        }
        _ => settings::reopen_by_sysadmin(app, organization.id, &Operator::sysadmin()).await?,
    };
    tell(app, &organization, json).await
}

#[derive(Serialize)]
struct Opened {
    id: String,
    slug: String,
    sso_lifted: bool,
    mfa_lifted: bool,
}

async fn lift(app: &App, slug: &str, asked: Lifted, yes: Option<&str>, json: Json) -> Result {
    let organization = find(app, slug).await?;
    let (name, slug) = (&organization.name, &organization.slug);
    if organization.word() == "erased" {
        return Err(Failure::new(format!("The data of {name} is erased: nobody can be let in.")));
    }
    // Neither named means both.
    let asked = if asked.sso || asked.mfa { asked } else { Lifted { sso: true, mfa: true } };
    let what = match asked {
        Lifted { sso: true, mfa: true } => "neither single sign-on nor multi-factor authentication",
        Lifted { sso: true, mfa: false } => "no single sign-on",
        Lifted { sso: false, .. } => "no multi-factor authentication",
    };
    let warning = format!("{name} then requires {what}: a password opens it, and so does a stolen one.");
    confirm::ask(&warning, slug, yes, &format!("--yes {slug}"))?;
    let done = settings::lift(app, organization.id, &Operator::sysadmin(), asked).await?;
    if json.json {
        let Lifted { sso, mfa } = done;
        let id = organization.id.to_string();
        return output::json(&Opened { id, slug: slug.clone(), sso_lifted: sso, mfa_lifted: mfa });
    }
    print(&match done {
        Lifted { sso: false, mfa: false } => format!("{name} required none of that: nothing was changed.\n"),
        Lifted { sso, mfa } => {
            let lifted = [(sso, "Single sign-on"), (mfa, "Multi-factor authentication")];
            let lifted = lifted.into_iter().filter(|(lifted, _)| *lifted);
            let lines = lifted.map(|(_, what)| format!("{what} is no longer required in {name}.\n"));
            format!("{}Its Owners are told by mail.\n", lines.collect::<String>())
        }
    })
}

/// How it stands now.
async fn tell(app: &App, before: &Standing, json: Json) -> Result {
    let organization = find(app, &before.slug).await?;
    if json.json {
        return output::json(&Listed::new(&organization));
    }
    print(&match organization.word() {
        "closed" => format!(
            "{0} is closed. For 30 days its Owners, or `interlock org reopen {1}`, can undo that.\n",
            organization.name, organization.slug
        ),
        "erased" => format!(
            "The data of {} is erased. Its audit log stays: interlock org export-audit {}.\n",
            organization.name, organization.slug
        ),
        _ => format!("{} is open again.\n", organization.name),
    })
}
