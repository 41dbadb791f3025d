//! Resources: the list, how each is configured, and who may open it.

mod access;
mod definition;
mod edit;
mod head;
mod typed;

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;

pub use self::access::{access, change_access, count};
pub use self::definition::{definition, from_definition, new_definition, redefine};
pub use self::edit::{archive, confirm_archiving, create, edit, new_form, settings, unarchive};
pub use self::head::{Head, Tab};
use crate::app::Shared;
use crate::csv;
use crate::domain::access::{Actor, Capability};
use crate::domain::environments::Place;
use crate::domain::resources::editing::EditError;
use crate::domain::resources::granting::SaveError;
use crate::domain::resources::listing::{self, AudienceFilter, ListError, ListQuery, Listed};
use crate::domain::resources::{Audience, Kind};
use crate::domain::values;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::export::{self, BATCH, Batches, Format};
use crate::web::gate::Inside;
use crate::web::html::{self, Moment};
use crate::web::lists;

const PAGE: usize = 50;

/// Where a resource is: its key is one segment, whatever slashes it holds.
pub fn path_of(inside: &Inside, key: &str) -> String {
    inside.path_here(&format!("resources/{}", key.replace('/', "%2F")))
}

pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Action => "Action",
        Kind::Page => "Page",
        Kind::Interface => "Interface",
        Kind::Tool => "Tool",
    }
}

/// An audience as people say it.
pub fn audience_name(audience: Audience) -> &'static str {
    match audience {
        Audience::Private => "Private",
        Audience::Unlisted => "Anyone with the link",
        Audience::Public => "Anyone",
        Audience::DomainRestricted => "Everyone at the creator’s domain",
        Audience::InviteRestricted => "Only people and teams listed",
        Audience::EntireOrganization => "Everyone in the organization",
        Audience::Teams => "Teams",
    }
}

impl From<ListError> for Error {
    fn from(error: ListError) -> Error {
        match error {
            ListError::Denied(denied) => denied.into(),
            ListError::Database(error) => error.into(),
        }
    }
}

impl From<EditError> for Error {
    fn from(error: EditError) -> Error {
        match error {
            EditError::Denied(denied) => denied.into(),
            EditError::NotFound => Error::NotFound,
            EditError::Database(error) => error.into(),
            error @ EditError::UrlOfOthers => Error::Forbidden(Some(error.to_string())),
            error => Error::Conflict(error.to_string()),
        }
    }
}

impl From<SaveError> for Error {
    fn from(error: SaveError) -> Error {
        match error {
            SaveError::Denied(denied) => denied.into(),
            SaveError::NotFound => Error::NotFound,
            SaveError::Throttled(throttled) => throttled.into(),
            SaveError::Database(error) => error.into(),
            error => Error::Conflict(error.to_string()),
        }
    }
}

/// The address of a view of the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    kind: String,
    audience: String,
    archived: String,
    at: String,
}

impl Asked {
    fn query(&self) -> Result<ListQuery> {
        let kind = match self.kind.as_str() {
            "" => None,
            kind => Some(kind.parse().map_err(|_| Error::Malformed("There is no such kind."))?),
        };
        let audience = match self.audience.as_str() {
            "" => None,
            "unsaid" => Some(AudienceFilter::Unsaid),
            code => {
                let audience = code.parse().map_err(|_| Error::Malformed("There is no such audience."))?;
                Some(AudienceFilter::Is(audience))
            }
        };
        let cursor = lists::place(&self.at, values::Place::decode)?;
        let search = lists::searched(&self.q)?.to_owned();
        Ok(ListQuery { search, kind, audience, archived: self.archived == "1", cursor })
    }

    /// The same view with one thing changed; the place in the list begins anew unless it is what changes.
    fn link(&self, path: &str, change: impl FnOnce(&mut Asked)) -> String {
        let mut asked = Asked { at: String::new(), ..self.clone() };
        change(&mut asked);
        let query = [
            ("q", &asked.q),
            ("kind", &asked.kind),
            ("audience", &asked.audience),
            ("archived", &asked.archived),
            ("at", &asked.at),
        ];
        lists::address(path, &query.map(|(name, value)| (name, value.as_str())))
    }
}

struct Row {
    path: String,
    name: String,
    key: String,
    kind: &'static str,
    about: String,
    phrase: String,
    creator: String,
    you: bool,
    is_archived: bool,
    changed: Moment,
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
    filtered: bool,
    archived: bool,
    may_write: bool,
    /// The same list of the ones in use, or of the archived ones.
    others: String,
}

#[derive(Template)]
#[template(path = "resources/index.html")]
struct Index {
    chrome: Chrome,
    table: Table,
    environment: String,
    is_development: bool,
}

#[derive(Template)]
#[template(path = "resources/_table.html")]
struct TableFragment {
    table: Table,
}

pub async fn index(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Query(asked): Query<Asked>,
) -> Result {
    let query = asked.query()?;
    let page = listing::list(&app.db, &inside.actor, &inside.place(), &query, PAGE).await?;
    let path = inside.path_here("resources");
    let times = inside.times(&app);
    let place = |cursor: Option<values::Place>| {
        cursor.map(|cursor| asked.link(&path, |asked| asked.at = cursor.encode()))
    };
    let row = |listed: Listed| Row {
        path: path_of(&inside, &listed.key),
        phrase: listed.phrase(),
        kind: kind_name(listed.kind),
        you: listed.creator == inside.actor.person.user,
        is_archived: listed.archived_at.is_some(),
        changed: times.moment(listed.changed_at),
        about: listed.url.unwrap_or(listed.description),
        creator: listed.creator_name,
        name: listed.name,
        key: listed.key,
    };
    let table = Table {
        summary: html::count(i64::try_from(page.rows.len()).unwrap_or(0), "resource"),
        previous: place(page.previous),
        next: place(page.next),
        rows: page.rows.into_iter().map(row).collect(),
        filtered: !query.search.is_empty() || query.kind.is_some() || query.audience.is_some(),
        archived: query.archived,
        may_write: inside.actor.role.may(Capability::WriteResources),
        csv: asked.link(&inside.path_here("resources.csv"), |_| ()),
        others: asked.link(&path, |asked| {
            asked.archived = if query.archived { String::new() } else { "1".to_owned() }
        }),
        path,
        asked,
    };
    if context.fragment && context.target == "resources-table" {
        return Ok(html::page(&TableFragment { table }));
    }
    Ok(html::page(&Index {
        table,
        environment: inside.environment().name.clone(),
        is_development: inside.environment().is_development(),
        chrome: inside.chrome,
    }))
}

const COLUMNS: [&str; 11] = [
    "key",
    "name",
    "kind",
    "environment",
    "url",
    "description",
    "creator",
    "audience",
    "who",
    "changed",
    "archived",
];

struct Rows {
    place: Place,
    /// What is left to read; nothing after the last batch.
    query: Option<ListQuery>,
    begun: bool,
}

impl Batches for Rows {
    async fn next(&mut self, app: &Shared, reader: &Actor) -> std::result::Result<Option<Vec<u8>>, Error> {
        let Some(query) = self.query.take() else { return Ok(None) };
        let page = listing::list(&app.db, reader, &self.place, &query, BATCH).await?;
        self.query = page.next.map(|cursor| ListQuery { cursor: Some(cursor), ..query });
        let head = (!std::mem::replace(&mut self.begun, true)).then(|| COLUMNS.map(str::to_owned));
        let cells = |listed: &Listed| {
            [
                listed.key.clone(),
                listed.name.clone(),
                listed.kind.code().to_owned(),
                self.place.environment.clone(),
                listed.url.clone().unwrap_or_default(),
                listed.description.clone(),
                listed.creator_name.clone(),
                listed.audience.map(Audience::code).unwrap_or_default().to_owned(),
                listed.phrase(),
                listed.changed_at.rfc3339(),
                listed.archived_at.map(|at| at.rfc3339()).unwrap_or_default(),
            ]
        };
        Ok(Some(csv::rows(head.into_iter().chain(page.rows.iter().map(cells)))))
    }
}

/// All that match, from the list's beginning.
pub async fn export(State(app): State<Shared>, inside: Inside, Query(asked): Query<Asked>) -> Result {
    let query = ListQuery { cursor: None, ..asked.query()? };
    let rows = Rows { place: inside.place(), query: Some(query), begun: false };
    export::stream(&app, &inside, "resources", Format::Csv, rows).await
}
