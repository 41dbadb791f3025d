use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::app::Shared;
use crate::csv;
use crate::domain::access::{Actor, Capability};
use crate::domain::audit::{self, Filter, Kind, People};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::export::{self, BATCH, Batches, Format};
use crate::web::gate::Inside;
use crate::web::html;

const PAGE: usize = 50;

/// The address of a view of the log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    person: String,
    kind: String,
    before: String,
    after: String,
}

struct Table {
    path: String,
    summary: String,
    rows: Vec<Row>,
    older: Option<String>,
    newer: Option<String>,
    /// The same rows as files.
    csv: String,
    json: String,
    filtered: bool,
}

/// A row in words. Times are in UTC, as in exports (V1).
pub(super) struct Row {
    seq: i64,
    pub who: String,
    pub what: &'static str,
    pub target: String,
    pub details: Vec<String>,
    pub when: String,
    pub iso: String,
    pub from: String,
    hash: String,
}

#[derive(Template)]
#[template(path = "audit/index.html")]
struct Index {
    chrome: Chrome,
    asked: Asked,
    table: Table,
    people: People,
    /// Where everybody is found, for whoever may read that.
    users_path: Option<String>,
    kinds: &'static [Kind],
}

#[derive(Template)]
#[template(path = "audit/_table.html")]
struct TableFragment {
    table: Table,
}

fn number(text: &str) -> Result<Option<i64>> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| Error::Malformed("There is no such place in the log.")),
    }
}

impl Asked {
    fn filter(&self) -> Result<Filter> {
        let person = match self.person.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| Error::Malformed("There is no such person."))?),
        };
        let kind = match self.kind.as_str() {
            "" => None,
            code => Some(Kind::from_code(code).ok_or(Error::Malformed("There is no such kind of change."))?),
        };
        let (before, after) = (number(&self.before)?, number(&self.after)?);
        Ok(Filter { person, kind, before, after, ..Filter::default() })
    }

    /// The same filter, from the beginning.
    fn link(&self, path: &str) -> String {
        let query = self.query().finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// The same filter at another place.
    fn link_at(&self, path: &str, place: &str, seq: i64) -> String {
        let mut query = self.query();
        query.append_pair(place, &seq.to_string());
        format!("{path}?{}", query.finish())
    }

    fn query(&self) -> url::form_urlencoded::Serializer<'static, String> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("person", &self.person), ("kind", &self.kind)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query
    }
}

pub async fn index(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Query(asked): Query<Asked>,
) -> Result {
    let filter = asked.filter()?;
    let page = audit::list(&app.db, &inside.actor, &filter, PAGE).await?;
    let path = inside.path("audit");
    let summary = match page.rows.len() {
        1 => "1 entry".to_owned(),
        more => format!("{more} entries"),
    };
    let table = Table {
        summary,
        older: page.rows.last().filter(|_| page.older).map(|row| asked.link_at(&path, "before", row.seq)),
        newer: page.rows.first().filter(|_| page.newer).map(|row| asked.link_at(&path, "after", row.seq)),
        rows: page.rows.into_iter().map(in_words).collect(),
        csv: asked.link(&inside.path("audit.csv")),
        json: asked.link(&inside.path("audit.json")),
        filtered: filter.person.is_some() || filter.kind.is_some(),
        path,
    };
    if context.fragment && context.target == "audit-table" {
        return Ok(html::page(&TableFragment { table }));
    }
    let people = audit::people(&app.db, &inside.actor, filter.person).await?;
    let users_path = inside.actor.role.may(Capability::ReadUsers).then(|| inside.path("users"));
    Ok(html::page(&Index { chrome: inside.chrome, asked, table, people, users_path, kinds: Kind::ALL }))
}

pub(super) fn in_words(row: audit::Row) -> Row {
    // Stored as RFC 3339 in UTC, read as the times beside it: "2026-11-29 09:00".
    let shown = |field: &str, value: Option<String>| match value {
        Some(at) if matches!(field, "expires" | "end date" | "undo until" | "required from") => {
            Some(at.chars().take(16).collect::<String>().replace('T', " "))
        }
        value => value,
    };
    let details =
        row.changes().into_iter().map(|(field, old, new)| match (shown(&field, old), shown(&field, new)) {
            (Some(old), Some(new)) => format!("{field}: {old} → {new}"),
            (None, Some(new)) => format!("{field}: {new}"),
            (Some(old), None) => format!("{field}: {old} → none"),
            (None, None) => field,
        });
    Row {
        seq: row.seq,
        details: details.collect(),
        what: row.what(),
        who: row.operator_name,
        target: row.target_name,
        when: html::exact(row.at).trim_end_matches(" UTC").to_owned(),
        iso: row.at.rfc3339(),
        from: row.address.unwrap_or_default(),
        hash: row.hash.chars().take(8).collect(),
    }
}

struct Rows {
    /// What is left to read; nothing after the last batch.
    filter: Option<Filter>,
    format: Format,
    begun: bool,
}

impl Batches for Rows {
    async fn next(&mut self, app: &Shared, reader: &Actor) -> std::result::Result<Option<Vec<u8>>, Error> {
        let Some(filter) = self.filter.take() else { return Ok(None) };
        let page = audit::list(&app.db, reader, &filter, BATCH).await?;
        let last = page.rows.last().filter(|_| page.older).map(|row| row.seq);
        self.filter = last.map(|seq| Filter { before: Some(seq), ..filter });
        let first = !std::mem::replace(&mut self.begun, true);
        Ok(Some(match self.format {
            Format::Csv => {
                let head = first.then(|| audit::COLUMNS.map(str::to_owned));
                csv::rows(head.into_iter().chain(page.rows.iter().map(audit::Row::cells)))
            }
            Format::Json => json(&page.rows, first, self.filter.is_none()),
        }))
    }
}

/// A part of one array: its beginning, its end, or what is between.
fn json(rows: &[audit::Row], first: bool, last: bool) -> Vec<u8> {
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        text.push_str(if first && number == 0 { "[\n" } else { ",\n" });
        text.push_str(&row.object().to_string());
    }
    if first && rows.is_empty() {
        text.push('[');
    }
    if last {
        text.push_str("\n]\n");
    }
    text.into_bytes()
}

pub async fn export_csv(State(app): State<Shared>, inside: Inside, Query(asked): Query<Asked>) -> Result {
    export(&app, &inside, &asked, Format::Csv).await
}

pub async fn export_json(State(app): State<Shared>, inside: Inside, Query(asked): Query<Asked>) -> Result {
    export(&app, &inside, &asked, Format::Json).await
}

/// All rows that match, newest first, wherever in the log the reader stands.
async fn export(app: &Shared, inside: &Inside, asked: &Asked, format: Format) -> Result {
    let filter = Filter { before: None, after: None, ..asked.filter()? };
    let rows = Rows { filter: Some(filter), format, begun: false };
    export::stream(app, inside, "audit", format, rows).await
}
