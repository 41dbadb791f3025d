//! What the sysadmin does to a person.

use serde::Serialize;

use super::find;
use crate::app::App;
use crate::cli::output::{count, minute, print, table};
use crate::cli::{Failure, Json, Result, confirm, org, output};
use crate::domain::access::Operator;
use crate::domain::account;
use crate::domain::factors;
use crate::domain::recovery;
use crate::domain::users::MemberState;
use crate::domain::users::sysadmin::{self, Account, Membership};

#[derive(Serialize)]
struct Link {
    email: String,
    mailed: bool,
    link: Option<String>,
    expires_at: String,
}

pub async fn reset_password(app: &App, who: &str, mailed: bool, json: Json) -> Result {
    let account = find(app, who).await?;
    let asked = recovery::reset_by_sysadmin(app, &Operator::sysadmin(), account.id, mailed).await?;
    if json.json {
        let expires_at = asked.expires_at.rfc3339();
        return output::json(&Link { email: account.email, mailed, link: asked.link, expires_at });
    }
    let until = minute(asked.expires_at);
    print(&match asked.link {
        Some(link) => format!(
            "{link}\n\nWhoever opens it sets the password of {}: once, until {until} (UTC).\n",
            account.email
        ),
        None => format!("The link is mailed to {} and works once, until {until} (UTC).\n", account.email),
    })
}

#[derive(Serialize)]
struct Reset {
    id: String,
    email: String,
    reset: bool,
}

pub async fn reset_factors(app: &App, who: &str, yes: bool, json: Json) -> Result {
    let account = find(app, who).await?;
    let locked = locked_out(app, &account, &places(app, &account, None).await?).await?;
    if !locked.is_empty() {
        let warning = format!("Without a factor {}", break_glass_warning(&account, &locked));
        confirm::ask(&warning, "reset", yes.then_some("reset"), "--yes")?;
    }
    let reset = factors::reset_by_sysadmin(app, &Operator::sysadmin(), account.id).await?;
    if json.json {
        return output::json(&Reset { id: account.id.to_string(), email: account.email, reset });
    }
    print(&match reset {
        true => {
            format!("{} has no factors any more, and its sessions ended. A mail says so.\n", account.email)
        }
        false => format!("{} has no factors: nothing was changed.\n", account.email),
    })
}

pub async fn suspend(app: &App, who: &str, org: Option<&str>, yes: bool, json: Json) -> Result {
    let account = find(app, who).await?;
    let places = places(app, &account, org).await?;
    let mut orphaned = Vec::new();
    for place in &places {
        if sysadmin::is_last_owner(&mut app.db.read().await?, place.organization, account.id).await? {
            orphaned.push(place.organization_name.as_str());
        }
    }
    if !orphaned.is_empty() {
        let warning = format!(
            "{} is the last active Owner of {}. Until you reactivate them nobody there can make another.",
            account.name,
            orphaned.join(", ")
        );
        confirm::ask(&warning, "suspend", yes.then_some("suspend"), "--yes")?;
    }
    let locked = locked_out(app, &account, &places).await?;
    if !locked.is_empty() {
        let warning = format!("Suspended, {}", break_glass_warning(&account, &locked));
        confirm::ask(&warning, "suspend", yes.then_some("suspend"), "--yes")?;
    }
    let only = org.and_then(|_| places.first()).map(|place| place.organization);
    let last_owner_too = yes || !orphaned.is_empty() || !locked.is_empty();
    let done = account::suspend(app, &Operator::sysadmin(), account.id, only, last_owner_too).await?;
    report(&account, &places, &done, MemberState::Suspended, org.is_some(), json)
}

/// Where single sign-on is required and nobody else could come in without it (O4).
async fn locked_out(app: &App, account: &Account, places: &[Membership]) -> Result<Vec<String>> {
    let mut reader = app.db.read().await?;
    let mut locked = Vec::new();
    for place in places {
        if sysadmin::is_last_break_glass(&mut reader, place.organization, account.id).await? {
            locked.push(place.organization_name.clone());
        }
    }
    Ok(locked)
}

fn break_glass_warning(account: &Account, locked: &[String]) -> String {
    format!(
        "{} can't come into {} by break-glass access, and no other Owner can: if the provider fails, only \
         `interlock org lift` opens it.",
        account.name,
        locked.join(", ")
    )
}

pub async fn reactivate(app: &App, who: &str, org: Option<&str>, json: Json) -> Result {
    let account = find(app, who).await?;
    let places = places(app, &account, org).await?;
    let only = org.and_then(|_| places.first()).map(|place| place.organization);
    let done = account::reactivate(app, &Operator::sysadmin(), account.id, only).await?;
    report(&account, &places, &done, MemberState::Active, true, json)
}

/// The organizations that the act is about: those that the person is in, or the one that was named.
async fn places(app: &App, account: &Account, org: Option<&str>) -> Result<Vec<Membership>> {
    let mut places = sysadmin::memberships(&mut app.db.read().await?, account.id).await?;
    places.retain(|place| place.state != MemberState::Removed);
    if let Some(slug) = org {
        let organization = org::find(app, slug).await?;
        places.retain(|place| place.organization == organization.id);
        if places.is_empty() {
            return Err(Failure::new(format!("{} is not in {}.", account.email, organization.name)));
        }
    }
    Ok(places)
}

#[derive(Serialize)]
struct Done<'a> {
    id: String,
    email: &'a str,
    organizations: Vec<DoneIn>,
    sessions_ended: u64,
}

#[derive(Serialize)]
struct DoneIn {
    organization: String,
    role: &'static str,
    /// The role for people, in a table.
    #[serde(skip)]
    title: &'static str,
    before: &'static str,
    state: &'static str,
}

fn report(
    account: &Account,
    places: &[Membership],
    done: &account::StateChange,
    state: MemberState,
    sessions_stay: bool,
    json: Json,
) -> Result {
    let slug = |id| places.iter().find(|place| place.organization == id).map(|place| place.slug.clone());
    let done_in = done.members.iter().map(|(organization, before)| DoneIn {
        organization: slug(*organization).unwrap_or_else(|| organization.to_string()),
        role: before.role.code(),
        title: before.role.name(),
        before: before.state.code(),
        state: state.code(),
    });
    let organizations: Vec<DoneIn> = done_in.collect();
    if json.json {
        let sessions_ended = done.sessions_ended;
        let (id, email) = (account.id.to_string(), account.email.as_str());
        return output::json(&Done { id, email, organizations, sessions_ended });
    }
    let row =
        |one: DoneIn| [one.organization, one.title.to_owned(), one.before.to_owned(), one.state.to_owned()];
    let rows: Vec<_> = organizations.into_iter().map(row).collect();
    table(["organization", "role", "before", "now"], &rows, "They are in no organization.")?;
    if sessions_stay {
        return Ok(());
    }
    print(&format!("{} ended.\n", count(done.sessions_ended, "session")))
}
