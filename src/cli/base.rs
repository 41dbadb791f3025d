//! `interlock org set-base-permission`, and how a base permission is shown.

use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::output::{self, count, print, table};
use super::{Failure, Json, Result, org};
use crate::app::App;
use crate::domain::access::Operator;
use crate::domain::permissions::Scopes;
use crate::domain::permitting::difference::{self, Line};
use crate::domain::permitting::document::{self, LONGEST, Whose};
use crate::domain::permitting::{self, BaseChange, OverBase};

/// What is asked for: whose base permission, from where, and whether it is only looked at.
pub struct Asked<'a> {
    /// The organization; without one, what new organizations begin with.
    pub slug: Option<&'a str>,
    pub file: &'a Path,
    pub dry_run: bool,
    pub json: Json,
}

#[derive(Serialize)]
struct Moved<'a> {
    scope: String,
    what: &'a str,
}

#[derive(Serialize)]
struct Beyond<'a> {
    id: String,
    name: &'a str,
    beyond: Vec<Where<'a>>,
}

#[derive(Serialize)]
struct Where<'a> {
    pointer: &'a str,
    detail: &'a str,
}

#[derive(Serialize)]
struct Set<'a> {
    organization: Option<&'a str>,
    saved: bool,
    base_permission: Value,
    gained: Vec<Moved<'a>>,
    lost: Vec<Moved<'a>>,
    beyond: Vec<Beyond<'a>>,
}

/// What a file says, or stdin: at most as much as a document may.
fn text(file: &Path) -> Result<String> {
    let unreadable = |error: io::Error| Failure::new(format!("{} can't be read: {error}", file.display()));
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX) + 1;
    let mut text = String::new();
    match file == Path::new("-") {
        true => io::stdin().lock().take(most).read_to_string(&mut text),
        false => std::fs::File::open(file).map_err(unreadable)?.take(most).read_to_string(&mut text),
    }
    .map_err(unreadable)?;
    Ok(text)
}

pub async fn set(app: &App, asked: &Asked<'_>) -> Result {
    let organization = match asked.slug {
        Some(slug) => Some(org::find(app, slug).await?),
        None => None,
    };
    if let Some(erased) = organization.as_ref().filter(|one| one.erased_at.is_some()) {
        return Err(Failure::new(format!("The data of {} is erased: it has no keys.", erased.name)));
    }
    let whose = organization.as_ref().map(|one| (one.id, one.slug.as_str()));
    let document = document::parse(&text(asked.file)?, Whose { organization: whose, id: None });
    let scopes = document.map_err(|faults| {
        let line = |fault: &crate::domain::values::Fault| format!("\n  {} {}", fault.pointer, fault.detail);
        let lines: String = faults.iter().map(line).collect();
        Failure::new(format!("{} is no base permission. Nothing was changed.{lines}", asked.file.display()))
    })?;
    let (id, scopes) = (organization.as_ref().map(|one| one.id), scopes.scopes);
    let done = match asked.dry_run {
        true => permitting::preview_base(&app.db, id, &scopes).await?,
        false => permitting::set_base(app, id, &scopes, &Operator::sysadmin()).await?,
    };
    let slug = organization.as_ref().map(|one| one.slug.as_str());
    match asked.json.json {
        true => output::json(&as_json(slug, &scopes, &done, !asked.dry_run)),
        false => tell(organization.as_ref().map(|one| one.name.as_str()), &done, asked.dry_run),
    }
}

fn as_json<'a>(slug: Option<&'a str>, scopes: &Scopes, done: &'a BaseChange, saved: bool) -> Set<'a> {
    let moved = |lines: &'a [Line]| {
        lines.iter().map(|line| Moved { scope: line.pattern.to_string(), what: &line.words }).collect()
    };
    let beyond = |over: &'a OverBase| Beyond {
        id: over.id.to_string(),
        name: &over.name,
        beyond: over
            .over
            .iter()
            .map(|over| Where { pointer: &over.fault.pointer, detail: &over.fault.detail })
            .collect(),
    };
    Set {
        organization: slug,
        saved,
        base_permission: scopes.to_json(),
        gained: moved(&done.difference.gained),
        lost: moved(&done.difference.lost),
        beyond: done.over.iter().map(beyond).collect(),
    }
}

fn tell(name: Option<&str>, done: &BaseChange, dry_run: bool) -> Result {
    let whose = name.map_or_else(|| "new organizations".to_owned(), str::to_owned);
    let difference = &done.difference;
    if difference.is_none() {
        return print(&format!("The base permission of {whose} is this already: nothing changes.\n"));
    }
    let heading = match dry_run {
        true => format!("This would change the base permission of {whose}. Nothing was changed.\n"),
        false => format!("The base permission of {whose} is set. It holds from the next request on.\n"),
    };
    print(&heading)?;
    for (title, lines) in [
        ("Gained", &difference.gained),
        ("Lost", &difference.lost),
        ("Said in another way", &difference.same),
    ] {
        if !lines.is_empty() {
            let line = |line: &Line| format!("  {}: {}\n", line.pattern, line.words);
            print(&format!("{title}:\n{}", lines.iter().map(line).collect::<String>()))?;
        }
    }
    if done.over.is_empty() {
        return Ok(());
    }
    let permissions = count(u64::try_from(done.over.len()).unwrap_or(u64::MAX), "permission");
    print(&format!("{permissions} beyond it, which grant no more than it:\n"))?;
    let row = |over: &OverBase| {
        let places =
            over.over.iter().map(|over| over.fault.pointer.trim_start_matches("/scopes/").to_owned());
        [over.name.clone(), places.collect::<Vec<_>>().join(", ")]
    };
    let rows: Vec<_> = done.over.iter().map(row).collect();
    table(["permission", "beyond it"], &rows, "")
}

/// The scopes of a base permission under an organization's facts.
pub fn show(scopes: &Scopes) -> Result {
    let rows: Vec<_> =
        scopes.iter().map(|(pattern, limits)| [pattern.to_string(), difference::in_words(limits)]).collect();
    table(["base permission", "limits"], &rows, "Its base permission grants nothing.")
}
