//! What a person may open, and what a team's members may: through what.

use askama::Template;
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use super::kind_in_words;
use crate::app::Shared;
use crate::csv;
use crate::domain::access::Actor;
use crate::domain::environments::PRODUCTION;
use crate::domain::resources::explain::{self, Through};
use crate::domain::resources::opening::Spot;
use crate::ids::UserId;
use crate::web::chrome::Chrome;
use crate::web::error::{Error, Result};
use crate::web::export::{self, BATCH, Batches, Format};
use crate::web::gate::Inside;
use crate::web::html;

const PAGE: usize = 100;
const COLUMNS: [&str; 6] = ["environment", "key", "kind", "name", "permissions", "through"];

#[derive(Template)]
#[template(path = "opening/reach.html")]
struct Page {
    chrome: Chrome,
    /// Title and path of what it is about, above the heading.
    back: (String, String),
    title: String,
    about: String,
    nothing: String,
    rows: Vec<Row>,
    summary: String,
    first: bool,
    next: Option<String>,
    csv: String,
}

struct Row {
    name: String,
    key: String,
    path: String,
    kind: &'static str,
    environment: Option<String>,
    permissions: String,
    via: String,
}

fn row(inside: &Inside, through: Through) -> Row {
    let key = html::query_value(&through.key);
    let is_live = through.environment == PRODUCTION;
    Row {
        path: match is_live {
            true => inside.path(&format!("resources/{key}")),
            false => inside.path(&format!("e/{}/resources/{key}", through.environment)),
        },
        kind: kind_in_words(through.kind).0,
        environment: (!is_live).then_some(through.environment),
        permissions: through.permissions.to_string(),
        name: through.name,
        key: through.key,
        via: through.via,
    }
}

fn cells(through: Through) -> [String; 6] {
    let Through { environment, key, kind, name, permissions, via } = through;
    [environment, key, kind.code().to_owned(), name, permissions.to_string(), via]
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    name: String,
    after: String,
}

fn user_id(text: &str) -> Result<UserId> {
    text.parse().map_err(|_| Error::NotFound)
}

pub async fn of_person(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, user)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result {
    let user = user_id(&user)?;
    let first = asked.after.is_empty();
    let after = Spot { name_key: asked.name, id: asked.after };
    let (member, rows, next) = explain::of_person(&app.db, &inside.actor, user, &after, PAGE).await?;
    let path = inside.path(&format!("users/{user}/access"));
    Ok(html::page(&Page {
        back: (member.name.clone(), inside.path(&format!("users/{user}"))),
        title: format!("What {} may open", member.name),
        about: "Everything outside Dev mode that is open to them now, and what lets them in.".to_owned(),
        nothing: format!("Nothing here is open to {}", member.name),
        summary: html::count(i64::try_from(rows.len()).unwrap_or(i64::MAX), "resource"),
        rows: rows.into_iter().map(|through| row(&inside, through)).collect(),
        first,
        next: next.map(|spot| format!("{path}?name={}&after={}", html::query_value(&spot.name_key), spot.id)),
        csv: format!("{path}.csv"),
        chrome: inside.chrome,
    }))
}

struct PersonRows {
    user: UserId,
    after: Option<Spot>,
    begun: bool,
}

impl Batches for PersonRows {
    async fn next(&mut self, app: &Shared, reader: &Actor) -> std::result::Result<Option<Vec<u8>>, Error> {
        let Some(after) = self.after.take() else { return Ok(None) };
        let (_, rows, next) = explain::of_person(&app.db, reader, self.user, &after, BATCH).await?;
        self.after = next;
        let head = (!std::mem::replace(&mut self.begun, true)).then(|| COLUMNS.map(str::to_owned));
        Ok(Some(csv::rows(head.into_iter().chain(rows.into_iter().map(cells)))))
    }
}

pub async fn of_person_csv(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, user)): Path<(String, String)>,
) -> Result {
    let user = user_id(&user)?;
    let rows = PersonRows { user, after: Some(Spot::default()), begun: false };
    export::stream(&app, &inside, "access-of-a-person", Format::Csv, rows).await
}

pub async fn of_team(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, slug)): Path<(String, String)>,
) -> Result {
    let (team, rows) = explain::of_team(&app.db, &inside.actor, &slug).await?;
    let path = inside.path(&format!("teams/{}/access", team.slug));
    Ok(html::page(&Page {
        back: (team.name.clone(), inside.path(&format!("teams/{}", team.slug))),
        title: format!("What {} opens", team.name),
        about: format!(
            "What the {} may open by being in the team, if their role opens resources.",
            html::people(team.people)
        ),
        nothing: format!("Nothing lists {}", team.name),
        summary: html::count(i64::try_from(rows.len()).unwrap_or(i64::MAX), "resource"),
        rows: rows.into_iter().map(|through| row(&inside, through)).collect(),
        first: true,
        next: None,
        csv: format!("{path}.csv"),
        chrome: inside.chrome,
    }))
}

/// A team opens as much as fits in one batch.
struct TeamRows {
    slug: Option<String>,
}

impl Batches for TeamRows {
    async fn next(&mut self, app: &Shared, reader: &Actor) -> std::result::Result<Option<Vec<u8>>, Error> {
        let Some(slug) = self.slug.take() else { return Ok(None) };
        let (_, rows) = explain::of_team(&app.db, reader, &slug).await?;
        Ok(Some(csv::rows(std::iter::once(COLUMNS.map(str::to_owned)).chain(rows.into_iter().map(cells)))))
    }
}

pub async fn of_team_csv(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, slug)): Path<(String, String)>,
) -> Result {
    let (team, _) = explain::of_team(&app.db, &inside.actor, &slug).await?;
    let rows = TeamRows { slug: Some(team.slug.clone()) };
    export::stream(&app, &inside, &format!("access-of-{}", team.slug), Format::Csv, rows).await
}
