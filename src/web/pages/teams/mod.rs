//! Teams: the list, one team, and what is done to them.

mod editing;
mod export;
mod invite;
mod members;
mod pasted;
mod show;

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;

pub use self::editing::{change, confirm_deletion, create, delete, form, settings};
pub use self::export::{export, export_members};
pub use self::invite::{invite, invite_form};
pub use self::members::{add, add_form, confirm_removal, remove, set_maintainer};
pub use self::pasted::add_pasted;
pub use self::show::show;
use crate::app::Shared;
use crate::domain::access::Capability;
use crate::domain::teams::{self, Listed, TeamError};
use crate::domain::values::Place;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::lists;

const PAGE: usize = 50;

impl From<TeamError> for Error {
    fn from(error: TeamError) -> Error {
        match error {
            TeamError::Denied(denied) => denied.into(),
            TeamError::NotFound => Error::NotFound,
            TeamError::Maintainer(_) => Error::Forbidden(Some(error.to_string())),
            TeamError::Nobody => Error::Unfit("Choose at least one person."),
            TeamError::NoAddress => Error::Unfit("Paste at least one address."),
            TeamError::TooMany => Error::Unfit("At most 200 people are added at once."),
            TeamError::SlugTaken(_) | TeamError::SlugInUse | TeamError::Auditor(_) => {
                Error::Conflict(error.to_string())
            }
            TeamError::Database(error) => error.into(),
        }
    }
}

/// What the list is searched for, and where one is in it.
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

    /// The same view at another place.
    fn link(&self, path: &str, place: Option<&Place>) -> String {
        let at = place.map(Place::encode).unwrap_or_default();
        lists::address(path, &[("q", &self.q), ("at", &at)])
    }
}

/// The list as both the page and its fragment show it.
struct Table {
    path: String,
    asked: Asked,
    rows: Vec<Row>,
    previous: Option<String>,
    next: Option<String>,
    csv: String,
    may_manage: bool,
}

impl Table {
    fn summary(&self) -> String {
        html::count(i64::try_from(self.rows.len()).unwrap_or(i64::MAX), "team")
    }
}

struct Row {
    name: String,
    slug: String,
    path: String,
    people: String,
    /// "Ana Silva, Bo Bright +2"
    maintainers: String,
}

#[derive(Template)]
#[template(path = "teams/index.html")]
struct Index {
    chrome: Chrome,
    organization: String,
    table: Table,
}

#[derive(Template)]
#[template(path = "teams/_table.html")]
struct TableFragment {
    table: Table,
}

/// At most two names, and how many more there are.
pub(super) fn few(names: &[String]) -> String {
    match names {
        [first, second, more @ ..] if !more.is_empty() => format!("{first}, {second} +{}", more.len()),
        names => names.join(", "),
    }
}

pub async fn index(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Query(asked): Query<Asked>,
) -> Result {
    let place = asked.place()?;
    let page = teams::list(&app.db, &inside.actor, asked.search()?, place.as_ref(), PAGE).await?;
    let path = inside.path("teams");
    let row = |Listed { team, maintainers }: Listed| Row {
        path: format!("{path}/{}", team.slug),
        people: html::number(team.people),
        maintainers: few(&maintainers),
        name: team.name,
        slug: team.slug,
    };
    let table = Table {
        previous: page.previous.map(|place| asked.link(&path, Some(&place))),
        next: page.next.map(|place| asked.link(&path, Some(&place))),
        rows: page.rows.into_iter().map(row).collect(),
        csv: asked.link(&inside.path("teams.csv"), None),
        may_manage: inside.actor.role.may(Capability::ManageTeams),
        asked,
        path,
    };
    if context.fragment && context.target == "teams-table" {
        return Ok(html::page(&TableFragment { table }));
    }
    let organization = inside.organization.name.clone();
    Ok(html::page(&Index { chrome: inside.chrome, organization, table }))
}

/// What is asked before something ends: whom and what it touches, in numbers (V4).
struct Question {
    title: String,
    facts: Vec<String>,
    /// What is touched, by name.
    names: Vec<String>,
    verb: &'static str,
    action: String,
    back: String,
}

#[derive(Template)]
#[template(path = "teams/question.html")]
struct QuestionPage {
    chrome: Chrome,
    question: Question,
}

#[derive(Template)]
#[template(path = "teams/_question.html")]
struct QuestionDialog {
    question: Question,
}

fn ask(inside: Inside, context: &Context, question: Question) -> Result {
    Ok(match context.fragment {
        true => html::page(&QuestionDialog { question }),
        false => html::page(&QuestionPage { chrome: inside.chrome, question }),
    })
}
