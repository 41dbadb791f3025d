//! One permission: its scopes and what is used of their limits, the keys that use it, its document, its changes.

use askama::Template;
use axum::extract::{Path, State};

use super::bars::{self, ScopeBars};
use super::{KeyRow, id_of, key_rows, used_by};
use crate::app::Shared;
use crate::domain::access::Capability;
use crate::domain::permitting::{self, PermitError, document};
use crate::web::chrome::Chrome;
use crate::web::error::Result;
use crate::web::gate::Inside;
use crate::web::html::{self, Moment};
use crate::web::pages::audit;

#[derive(Template)]
#[template(path = "permissions/show.html")]
struct Show {
    chrome: Chrome,
    list: String,
    path: String,
    name: String,
    changed: Moment,
    by: String,
    scopes: Vec<ScopeBars>,
    used_by: String,
    keys: Option<Vec<KeyRow>>,
    more_keys: i64,
    is_used: bool,
    written: String,
    may_write: bool,
    /// Why whoever writes permissions may not change this one.
    kept: Option<String>,
    is_over: bool,
    changes: Option<Vec<audit::Row>>,
}

pub async fn show(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let shown = permitting::show(&app.db, &inside.actor, id_of(&id)?).await?;
    let times = inside.times(&app);
    let over = permitting::beyond(&shown.permission.scopes, &shown.base);
    let kept = shown.is_kept_from(&inside.actor);
    let writes = inside.actor.role.may(Capability::WritePermissions);
    let named = shown.keys.as_ref().map_or(0, Vec::len);
    Ok(html::page(&Show {
        list: inside.path("permissions"),
        path: inside.path(&format!("permissions/{}", shown.permission.id)),
        scopes: bars::scopes(&shown.permission.scopes, &shown.usage, &over, &shown.known, &times),
        is_over: !over.is_empty(),
        changed: times.moment(shown.about.changed_at),
        by: shown.about.changed_by.unwrap_or_default(),
        used_by: used_by(shown.uses),
        is_used: shown.uses.all() > 0,
        more_keys: shown.uses.all() - i64::try_from(named).unwrap_or(0),
        keys: shown.keys.map(key_rows),
        written: document::written(&shown.permission),
        may_write: writes && kept.is_none(),
        kept: kept.filter(|why| matches!(why, PermitError::LiveKey)).map(|why| why.to_string()),
        changes: shown.changes.map(|rows| rows.into_iter().map(audit::in_words).collect()),
        name: shown.permission.name,
        chrome: inside.chrome,
    }))
}
