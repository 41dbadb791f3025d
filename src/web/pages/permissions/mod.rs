//! Permissions: what keys, and the users behind them, may do, and how often.

pub mod bars;
mod deletion;
mod document;
mod edit;
mod show;
mod typed;

use std::fmt::Write as _;

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;

pub use self::deletion::{confirm_deletion, delete};
pub use self::document::{change_document, create_from_document, document, new_document};
pub use self::edit::{change, covers, create, edit, new_form};
pub use self::show::show;
use crate::app::Shared;
use crate::csv;
use crate::domain::access::{Actor, Capability};
use crate::domain::api_keys::Kind;
use crate::domain::permissions::Scopes;
use crate::domain::permitting::{self, Difference, Listed, PermitError, Preview, Uses, difference};
use crate::domain::values::Place;
use crate::ids::PermissionId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::export::{self, BATCH, Batches, Format};
use crate::web::gate::Inside;
use crate::web::html::{self, Moment};
use crate::web::lists;

const PAGE: usize = 50;
/// So many scopes stand in a row of the list.
const IN_SHORT: usize = 3;

impl From<PermitError> for Error {
    fn from(error: PermitError) -> Error {
        match error {
            PermitError::Denied(denied) => denied.into(),
            PermitError::NotFound => Error::NotFound,
            PermitError::LiveKey => Error::Forbidden(Some(error.to_string())),
            PermitError::Database(error) => error.into(),
            error => Error::Conflict(error.to_string()),
        }
    }
}

/// The id in an address: what is none is not there.
pub(super) fn id_of(text: &str) -> Result<PermissionId> {
    text.parse().map_err(|_| Error::NotFound)
}

/// The address of a view of the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    at: String,
}

impl Asked {
    fn search(&self) -> Result<&str> {
        lists::searched(&self.q)
    }

    fn place(&self) -> Result<Option<Place>> {
        lists::place(&self.at, Place::decode)
    }

    fn link(&self, path: &str, place: Option<&Place>) -> String {
        let at = place.map(Place::encode).unwrap_or_default();
        lists::address(path, &[("q", &self.q), ("at", &at)])
    }
}

struct Row {
    path: String,
    name: String,
    scopes: Vec<(String, String)>,
    more: usize,
    keys: String,
    keys_path: Option<String>,
    changed: Moment,
    by: String,
}

/// The list as both the page and its fragment show it.
struct Table {
    path: String,
    asked: Asked,
    rows: Vec<Row>,
    summary: String,
    previous: Option<String>,
    next: Option<String>,
    csv: String,
    may_write: bool,
}

#[derive(Template)]
#[template(path = "permissions/index.html")]
struct Index {
    chrome: Chrome,
    table: Table,
    plan: Option<String>,
}

#[derive(Template)]
#[template(path = "permissions/_table.html")]
struct TableFragment {
    table: Table,
}

pub async fn index(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Query(asked): Query<Asked>,
) -> Result {
    let place = asked.place()?;
    let page = permitting::list(&app.db, &inside.actor, asked.search()?, place.as_ref(), PAGE).await?;
    let (path, times) = (inside.path("permissions"), inside.times(&app));
    let row = |listed: Listed| {
        let scopes = listed.scopes();
        let short = scopes.iter().take(IN_SHORT);
        let in_short = short.map(|(pattern, limits)| (pattern.to_string(), difference::in_words(limits)));
        let row_path = format!("{path}/{}", listed.id);
        Row {
            scopes: in_short.collect(),
            more: scopes.len().saturating_sub(IN_SHORT),
            keys: html::count(listed.keys, "key"),
            keys_path: (listed.keys > 0).then(|| format!("{row_path}#keys")),
            changed: times.moment(listed.changed_at),
            by: listed.changed_by.unwrap_or_default(),
            name: listed.name,
            path: row_path,
        }
    };
    let table = Table {
        summary: html::count(i64::try_from(page.rows.len()).unwrap_or(0), "permission"),
        previous: page.previous.as_ref().map(|place| asked.link(&path, Some(place))),
        next: page.next.as_ref().map(|place| asked.link(&path, Some(place))),
        rows: page.rows.into_iter().map(row).collect(),
        csv: asked.link(&inside.path("permissions.csv"), None),
        may_write: inside.actor.role.may(Capability::WritePermissions),
        path,
        asked,
    };
    if context.fragment && context.target == "permissions-table" {
        return Ok(html::page(&TableFragment { table }));
    }
    let plan = inside.actor.role.may(Capability::ReadPlan).then(|| inside.path("settings/plan"));
    Ok(html::page(&Index { table, plan, chrome: inside.chrome }))
}

const COLUMNS: [&str; 7] = ["id", "name", "scopes", "keys", "created", "changed", "changed_by"];

struct Rows {
    search: String,
    /// Where to go on; nothing after the last batch.
    place: Option<Option<Place>>,
    begun: bool,
}

impl Batches for Rows {
    async fn next(&mut self, app: &Shared, reader: &Actor) -> std::result::Result<Option<Vec<u8>>, Error> {
        let Some(place) = self.place.take() else { return Ok(None) };
        let page = permitting::list(&app.db, reader, &self.search, place.as_ref(), BATCH).await?;
        self.place = page.next.map(Some);
        let head = (!std::mem::replace(&mut self.begun, true)).then(|| COLUMNS.map(str::to_owned));
        let cells = |listed: &Listed| {
            [
                listed.id.to_string(),
                listed.name.clone(),
                in_one_cell(&listed.scopes()),
                listed.keys.to_string(),
                listed.created_at.rfc3339(),
                listed.changed_at.rfc3339(),
                listed.changed_by.clone().unwrap_or_default(),
            ]
        };
        Ok(Some(csv::rows(head.into_iter().chain(page.rows.iter().map(cells)))))
    }
}

fn in_one_cell(scopes: &Scopes) -> String {
    let mut text = String::new();
    for (pattern, limits) in scopes.iter() {
        let lead = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{lead}{pattern} ({})", difference::in_words(limits));
    }
    text
}

/// All that match, from the list's beginning.
pub async fn export(State(app): State<Shared>, inside: Inside, Query(asked): Query<Asked>) -> Result {
    let search = asked.search()?.to_owned();
    let rows = Rows { search, place: Some(None), begun: false };
    export::stream(&app, &inside, "permissions", Format::Csv, rows).await
}

/// "2 live keys and 1 development key use it".
fn used_by(uses: Uses) -> String {
    let parts: Vec<String> =
        [(uses.live, "live key"), (uses.development, "development key"), (uses.other, "other key")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| html::count(count, what))
            .collect();
    match parts.as_slice() {
        [] => "No key uses it".to_owned(),
        [only] if uses.all() == 1 => format!("{only} uses it"),
        [only] => format!("{only} use it"),
        [rest @ .., last] => format!("{} and {last} use it", rest.join(", ")),
    }
}

/// A key as its row says it.
struct KeyRow {
    name: String,
    kind: &'static str,
    shown: String,
    about: String,
}

fn key_rows(keys: Vec<permitting::KeyUsing>) -> Vec<KeyRow> {
    let row = |key: permitting::KeyUsing| KeyRow {
        kind: match key.kind {
            Kind::Live => "Live",
            Kind::Development => "Development",
            Kind::Ephemeral => "Ephemeral",
            Kind::Admin => "Admin",
        },
        about: match key.agent.filter(|agent| *agent != key.name) {
            Some(agent) => format!("{agent}, {}", key.environment),
            None => key.environment,
        },
        name: key.name,
        shown: key.shown,
    };
    keys.into_iter().map(row).collect()
}

/// What is gained, lost, or said in another way: scopes, each with what changes of it.
struct Moved {
    title: &'static str,
    tone: &'static str,
    lines: Vec<(String, String)>,
}

fn moved(difference: Difference) -> Vec<Moved> {
    let of = |title, tone, lines: Vec<difference::Line>| Moved {
        title,
        tone,
        lines: lines.into_iter().map(|line| (line.pattern.to_string(), line.words)).collect(),
    };
    let mut moved = vec![
        of("Gained", "ok", difference.gained),
        of("Lost", "bad", difference.lost),
        of("Said in another way", "warn", difference.same),
    ];
    moved.retain(|moved| !moved.lines.is_empty());
    moved
}

/// The page before a change is saved: what it gives and takes, and whom it touches.
#[derive(Template)]
#[template(path = "permissions/difference.html")]
struct Shown {
    chrome: Chrome,
    list: String,
    back: String,
    path: String,
    name: String,
    renamed: Option<String>,
    moved: Vec<Moved>,
    used_by: String,
    is_used: bool,
    keys: Option<Vec<KeyRow>>,
    more_keys: i64,
    fields: Vec<(String, String)>,
    digest: String,
    changed_meanwhile: bool,
    nothing: bool,
}

fn shown(
    inside: Inside,
    preview: Preview,
    to: &str,
    name: &str,
    fields: Vec<(String, String)>,
    changed_meanwhile: bool,
) -> Shown {
    let back = inside.path(&format!("permissions/{}", preview.before.id));
    let keys = preview.keys.as_ref().map_or(0, Vec::len);
    Shown {
        list: inside.path("permissions"),
        path: format!("{back}/{to}"),
        back,
        nothing: preview.is_nothing(),
        renamed: preview.renamed.then(|| name.to_owned()),
        used_by: used_by(preview.uses),
        is_used: preview.uses.all() > 0,
        more_keys: preview.uses.all() - i64::try_from(keys).unwrap_or(0),
        keys: preview.keys.map(key_rows),
        name: preview.before.name,
        moved: moved(preview.difference),
        digest: preview.digest,
        fields,
        changed_meanwhile,
        chrome: inside.chrome,
    }
}
