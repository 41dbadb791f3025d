//! "Why can (not) X?", and who may open a resource through what (A14).

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::{Named, path_of};
use crate::app::Shared;
use crate::csv;
use crate::domain::access::{Actor, Capability};
use crate::domain::api_keys::{self, Filter, Standing};
use crate::domain::environments::Place;
use crate::domain::resources::explain::{self, Explanation, Opener, Whole};
use crate::domain::resources::{self, Permission, asking};
use crate::domain::values::Email;
use crate::ids::UserId;
use crate::web::chrome::Chrome;
use crate::web::error::{Error, Result};
use crate::web::export::{self, BATCH, Batches, Format};
use crate::web::forms::Field;
use crate::web::gate::Inside;
use crate::web::html::{self, Moment};
use crate::web::pages::resources::{Head, Tab};

const PAGE: usize = 50;
/// So many keys are offered.
const MOST_KEYS: usize = 200;

#[derive(Template)]
#[template(path = "opening/why.html")]
struct Page {
    chrome: Chrome,
    head: Head,
    path: String,
    email: Field,
    keys: Vec<KeyChoice>,
    /// Whether there are more of them than are offered.
    more_keys: bool,
    permissions: [Permission; 4],
    permission: Permission,
    answer: Option<Explanation>,
    asked: Vec<Asks>,
    anyone: Option<String>,
    openers: Vec<Row>,
    summary: String,
    first: bool,
    next: Option<String>,
    csv: String,
}

/// A key that somebody may ask about.
struct KeyChoice {
    id: String,
    title: String,
    chosen: bool,
}

struct Asks {
    name: String,
    email: String,
    note: String,
    at: Moment,
    /// Where it is dismissed, by whoever may.
    dismissal: Option<String>,
}

struct Row {
    name: String,
    email: String,
    path: Option<String>,
    role: &'static str,
    permissions: String,
    via: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    email: String,
    key: String,
    permission: String,
    after: String,
}

fn after(text: &str) -> Result<Option<UserId>> {
    match text {
        "" => Ok(None),
        id => id.parse().map(Some).map_err(|_| Error::Malformed("There is no such place in the list.")),
    }
}

pub async fn show(
    State(app): State<Shared>,
    inside: Inside,
    Path(named): Path<Named>,
    Query(asked): Query<Asked>,
) -> Result {
    let after = after(&asked.after)?;
    let whole = explain::whole(&app.db, &inside.actor, &inside.place(), &named.key).await?;
    let mut email = Field::new(asked.email.trim());
    let permission = permission(&asked.permission)?;
    let answer = match (email.value.as_str(), asked.key.as_str()) {
        ("", "") => None,
        ("", key) => {
            let key = key.parse().map_err(|_| Error::NotFound)?;
            Some(api_keys::why(&app, &inside.actor, &whole, key, permission).await?)
        }
        (_, "") => match email.parse::<Email>() {
            Some(email) => Some(explain::why(&app.db, &whole, &email, permission).await?),
            None => None,
        },
        _ => email.note(Err("Type an address or choose a key, not both.")),
    };
    let status = if email.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let reach = explain::who_may(&app.db, &whole, after, PAGE).await?;
    let path = path_of(&inside, &named.key, "why");
    let (keys, more_keys) = keys(&app, &inside, &asked.key).await?;
    let page = Page {
        head: Head::new(&inside, &whole.resource, Tab::Why),
        answer,
        keys,
        more_keys,
        permissions: Permission::ALL,
        permission,
        asked: asks(&app, &inside, &whole).await?,
        anyone: whole.anyone(),
        summary: html::people(i64::try_from(reach.openers.len()).unwrap_or(i64::MAX)),
        openers: reach.openers.into_iter().map(|opener| row(&inside, opener)).collect(),
        first: after.is_none(),
        next: reach.next.map(|id| format!("{path}?after={id}")),
        csv: format!("{path}.csv"),
        path,
        email,
        chrome: inside.chrome,
    };
    Ok(html::page_with(status, &page))
}

/// Read, where nothing is chosen.
fn permission(word: &str) -> Result<Permission> {
    let word = if word.is_empty() { Permission::Read.word() } else { word };
    let found = Permission::ALL.into_iter().find(|permission| permission.word() == word);
    found.ok_or(Error::Malformed("There is no such permission."))
}

/// The keys that work and that the person sees under Keys, the newest first.
async fn keys(app: &Shared, inside: &Inside, chosen: &str) -> Result<(Vec<KeyChoice>, bool)> {
    if inside.actor.may(Capability::OwnDevelopmentKey).is_err() {
        return Ok((Vec::new(), false));
    }
    let filter = Filter { state: Some(Standing::Working), ..Filter::default() };
    let page = api_keys::page(app, &inside.actor, &filter, None, MOST_KEYS).await?;
    let choices = page.keys.into_iter().map(|key| {
        let id = key.id.to_string();
        let holder = key.owner_name.or(key.agent_name).unwrap_or_default();
        KeyChoice { chosen: id == chosen, title: format!("{}, {holder} ({})", key.name, key.shown), id }
    });
    Ok((choices.collect(), page.next.is_some()))
}

async fn asks(app: &Shared, inside: &Inside, whole: &Whole) -> Result<Vec<Asks>> {
    let may = resources::may_change_access(&inside.actor, &whole.resource);
    let times = inside.times(app);
    let requests = asking::requests(&app.db, &whole.resource).await?;
    let asks = requests.into_iter().map(|request| Asks {
        at: times.moment(request.created_at),
        dismissal: may
            .then(|| path_of(inside, &whole.resource.key, &format!("requests/{}/dismissal", request.id))),
        name: request.name,
        email: request.email,
        note: request.note,
    });
    Ok(asks.collect())
}

fn row(inside: &Inside, opener: Opener) -> Row {
    let may_see = inside.actor.role.may(Capability::ReadUsers);
    Row {
        path: opener.user.filter(|_| may_see).map(|id| inside.path(&format!("users/{id}/access"))),
        role: opener.role.map_or("Guest", |role| role.name()),
        permissions: opener.permissions.to_string(),
        name: if opener.name.is_empty() { opener.email.clone() } else { opener.name },
        email: opener.email,
        via: opener.via,
    }
}

/// The same as a file: who may open it is read anew for each batch, as who reads it is (RES-11).
struct Rows {
    place: Place,
    key: String,
    after: Option<UserId>,
    begun: bool,
    over: bool,
}

impl Batches for Rows {
    async fn next(&mut self, app: &Shared, reader: &Actor) -> std::result::Result<Option<Vec<u8>>, Error> {
        if self.over {
            return Ok(None);
        }
        let whole = explain::whole(&app.db, reader, &self.place, &self.key).await?;
        let reach = explain::who_may(&app.db, &whole, self.after, BATCH).await?;
        self.after = reach.next;
        self.over = reach.next.is_none();
        let head = (!std::mem::replace(&mut self.begun, true))
            .then(|| ["name", "email", "role", "permissions", "through"].map(str::to_owned));
        let rows = reach.openers.into_iter().map(|opener| {
            let role = opener.role.map_or("guest", |role| role.code());
            [opener.name, opener.email, role.to_owned(), opener.permissions.to_string(), opener.via]
        });
        Ok(Some(csv::rows(head.into_iter().chain(rows))))
    }
}

pub async fn export(State(app): State<Shared>, inside: Inside, Path(named): Path<Named>) -> Result {
    let what = format!("access-{}", named.key.replace('/', "-"));
    // A key that is none gives no file name.
    explain::whole(&app.db, &inside.actor, &inside.place(), &named.key).await?;
    let rows = Rows { place: inside.place(), key: named.key, after: None, begun: false, over: false };
    export::stream(&app, &inside, &what, Format::Csv, rows).await
}
