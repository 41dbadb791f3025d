//! Agents: who holds API keys, developers' own and shared ones.

mod editing;
mod export;

use askama::Template;
use axum::extract::{Path, Query, State};
use serde::Deserialize;

pub use self::editing::{archive, confirm_archiving, create, form, rename, rename_form};
pub use self::export::export;
use super::keys::{self, Row as KeyRow};
use crate::app::Shared;
use crate::domain::access::{Capability, Role};
use crate::domain::agents::{self, AgentError, Listed};
use crate::domain::api_keys;
use crate::domain::values::Place;
use crate::ids::AgentId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::gate::Inside;
use crate::web::html::{self, Moment};
use crate::web::lists;

const PAGE: usize = 50;
/// How many keys an agent's page shows.
const KEYS: i64 = 100;

impl From<AgentError> for Error {
    fn from(error: AgentError) -> Error {
        match error {
            AgentError::Denied(denied) => denied.into(),
            AgentError::NotFound => Error::NotFound,
            AgentError::Database(error) => error.into(),
            error => Error::Conflict(error.to_string()),
        }
    }
}

/// The address of a view of the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    archived: String,
    at: String,
}

impl Asked {
    fn search(&self) -> Result<&str> {
        lists::searched(&self.q)
    }

    fn place(&self) -> Result<Option<Place>> {
        lists::place(&self.at, Place::decode)
    }

    fn is_archived(&self) -> bool {
        self.archived == "1"
    }

    fn link(&self, path: &str, archived: bool, place: Option<&Place>) -> String {
        let at = place.map(Place::encode).unwrap_or_default();
        let archived = if archived { "1" } else { "" };
        lists::address(path, &[("q", &self.q), ("archived", archived), ("at", &at)])
    }
}

struct Row {
    path: String,
    name: String,
    /// "Shared", or whose it is.
    whose: String,
    answers: String,
    keys: String,
    used: Option<Moment>,
}

/// The list as both the page and its fragment show it.
struct Table {
    path: String,
    asked: Asked,
    rows: Vec<Row>,
    previous: Option<String>,
    next: Option<String>,
    csv: String,
    others: String,
    archived: bool,
    manages: bool,
}

impl Table {
    fn summary(&self) -> String {
        html::count(i64::try_from(self.rows.len()).unwrap_or(i64::MAX), "agent")
    }
}

#[derive(Template)]
#[template(path = "agents/index.html")]
struct Index {
    chrome: Chrome,
    table: Table,
}

#[derive(Template)]
#[template(path = "agents/_table.html")]
struct TableFragment {
    table: Table,
}

/// Whose an agent is, and who answers for it.
fn whose(listed: &Listed) -> (String, String) {
    let answers = listed.created_by_name.clone().unwrap_or_else(|| "Sysadmin".to_owned());
    match (&listed.owner_name, listed.agent.owner) {
        (Some(owner), _) => (format!("{owner}’s own"), owner.clone()),
        (None, _) => ("Shared".to_owned(), answers),
    }
}

pub async fn index(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Query(asked): Query<Asked>,
) -> Result {
    let (place, archived) = (asked.place()?, asked.is_archived());
    let page = agents::list(&app.db, &inside.actor, asked.search()?, archived, place.as_ref(), PAGE).await?;
    let (path, times) = (inside.path("agents"), inside.times(&app));
    let row = |listed: Listed| {
        let (whose, answers) = whose(&listed);
        Row {
            path: format!("{path}/{}", listed.agent.id),
            keys: html::number(listed.keys),
            used: listed.last_used_at.map(|at| times.moment(at)),
            name: listed.agent.name,
            whose,
            answers,
        }
    };
    let table = Table {
        previous: page.previous.map(|place| asked.link(&path, archived, Some(&place))),
        next: page.next.map(|place| asked.link(&path, archived, Some(&place))),
        rows: page.rows.into_iter().map(row).collect(),
        csv: asked.link(&inside.path("agents.csv"), archived, None),
        others: asked.link(&path, !archived, None),
        manages: inside.actor.role.may(Capability::ManageLiveKeys),
        archived,
        asked,
        path,
    };
    if context.fragment && context.target == "agents-table" {
        return Ok(html::page(&TableFragment { table }));
    }
    Ok(html::page(&Index { chrome: inside.chrome, table }))
}

#[derive(Template)]
#[template(path = "agents/show.html")]
struct Show {
    chrome: Chrome,
    agents_path: String,
    path: String,
    keys_path: String,
    name: String,
    whose: String,
    answers: String,
    made: Moment,
    archived: Option<Moment>,
    keys: Vec<KeyRow>,
    /// May be renamed and archived by the reader.
    changeable: bool,
    makes_keys: bool,
}

impl Show {
    /// Whether the reader has keys' pages: a developer has those of their own alone.
    fn opens(&self, key: &KeyRow) -> bool {
        self.makes_keys || key.rotates
    }
}

fn agent_id(text: &str) -> Result<AgentId> {
    text.parse().map_err(|_| Error::NotFound)
}

pub async fn show(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let listed = agents::one(&app.db, &inside.actor, agent_id(&id)?).await?;
    let found = api_keys::of_agent(&app, &inside.actor, listed.agent.id, KEYS).await?;
    let (whose, answers) = whose(&listed);
    let (role, times): (Role, _) = (inside.actor.role, inside.times(&app));
    let manages = role.may(Capability::ManageLiveKeys);
    let agent = listed.agent;
    Ok(html::page(&Show {
        agents_path: inside.path("agents"),
        path: inside.path(&format!("agents/{}", agent.id)),
        keys_path: inside.path("keys"),
        made: times.moment(agent.created_at),
        archived: agent.archived_at.map(|at| times.moment(at)),
        keys: found.into_iter().map(|key| keys::row(&app, &inside, key)).collect(),
        changeable: manages && agent.owner.is_none() && agent.archived_at.is_none(),
        makes_keys: manages,
        name: agent.name,
        whose,
        answers,
        chrome: inside.chrome,
    }))
}
