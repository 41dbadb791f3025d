//! API keys: the list with one's own development key, one key, making, rotating and revoking them.

mod development;
mod export;
mod lifetime;
mod made;
mod making;
mod show;
mod words;

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;

pub use self::development::{create_development, development_form};
pub use self::export::export;
pub use self::lifetime::{change_lifetime, lifetime};
pub use self::making::{admin_form, create, create_admin, form};
pub use self::show::{confirm_revocation, revoke, rotate, rotation, show};
pub(super) use self::words::{Row, row};
use crate::app::Shared;
use crate::domain::access::Capability;
use crate::domain::api_keys::{self, ActError, Filter, Kind, Place, Standing};
use crate::domain::environments::{self, Environment};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::lists;

const PAGE: usize = 50;

impl From<ActError> for Error {
    fn from(error: ActError) -> Error {
        match error {
            ActError::Denied(denied) => denied.into(),
            ActError::NotFound => Error::NotFound,
            ActError::NotOwn => Error::Forbidden(Some(error.to_string())),
            ActError::Database(error) => error.into(),
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
    environment: String,
    state: String,
    at: String,
}

impl Asked {
    fn filter(&self) -> Result<Filter> {
        let kind = Kind::ALL.into_iter().find(|kind| kind.code() == self.kind);
        if kind.is_none() && !self.kind.is_empty() {
            return Err(Error::Malformed("There is no such kind of key."));
        }
        let state = Standing::ALL.into_iter().find(|state| state.code() == self.state);
        if state.is_none() && !self.state.is_empty() {
            return Err(Error::Malformed("There is no such state of a key."));
        }
        let (search, environment) = (lists::searched(&self.q)?, lists::searched(&self.environment)?);
        let environment = Some(environment.to_owned()).filter(|slug| !slug.is_empty());
        Ok(Filter { kind, state, environment, search: search.to_owned(), ..Filter::default() })
    }

    fn place(&self) -> Result<Option<Place>> {
        lists::place(&self.at, Place::decode)
    }

    /// The same view at another place.
    fn link(&self, path: &str, place: Option<&Place>) -> String {
        let at = place.map(Place::encode).unwrap_or_default();
        let (kind, environment, state) = (&self.kind, &self.environment, &self.state);
        let query =
            [("q", &self.q), ("kind", kind), ("environment", environment), ("state", state), ("at", &at)];
        lists::address(path, &query.map(|(name, value)| (name, value.as_str())))
    }

    fn narrows(&self) -> bool {
        [&self.q, &self.kind, &self.environment, &self.state].iter().any(|field| !field.trim().is_empty())
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
    /// Sees all keys, and makes them.
    manages: bool,
}

impl Table {
    fn summary(&self) -> String {
        html::count(i64::try_from(self.rows.len()).unwrap_or(i64::MAX), "key")
    }
}

#[derive(Template)]
#[template(path = "keys/index.html")]
struct Index {
    chrome: Chrome,
    table: Table,
    environments: Vec<Environment>,
    own: Option<Row>,
    rule: Option<i64>,
    may_set_rule: bool,
}

impl Index {
    /// What the organization's rule says, in words.
    fn rule(&self) -> String {
        match self.rule {
            Some(days) => {
                format!("Keys live for {days} days at most: older ones are blocked until they are rotated.")
            }
            None => "Keys live as long as they are made for.".to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "keys/_table.html")]
struct TableFragment {
    table: Table,
}

pub async fn index(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Query(asked): Query<Asked>,
) -> Result {
    let (filter, place) = (asked.filter()?, asked.place()?);
    let page = api_keys::page(&app, &inside.actor, &filter, place.as_ref(), PAGE).await?;
    let path = inside.path("keys");
    let table = Table {
        previous: page.previous.map(|place| asked.link(&path, Some(&place))),
        next: page.next.map(|place| asked.link(&path, Some(&place))),
        rows: page.keys.into_iter().map(|key| row(&app, &inside, key)).collect(),
        csv: asked.link(&inside.path("keys.csv"), None),
        manages: inside.actor.role.may(Capability::ManageLiveKeys),
        asked,
        path,
    };
    if context.fragment && context.target == "keys-table" {
        return Ok(html::page(&TableFragment { table }));
    }
    let own = api_keys::development(&app, &inside.actor).await?;
    let rule = api_keys::longest_days(&app, &inside.actor).await?;
    let environments = environments::all(&mut app.db.read().await?, inside.organization.id).await?;
    Ok(html::page(&Index {
        own: own.map(|key| row(&app, &inside, key)),
        may_set_rule: inside.actor.role.may(Capability::ManageSettings),
        chrome: inside.chrome,
        table,
        environments,
        rule,
    }))
}
