//! Deleting a permission: only when no key uses it, which the page says beforehand.

use askama::Template;
use axum::extract::{Path, State};

use super::{KeyRow, id_of, key_rows, used_by};
use crate::app::Shared;
use crate::domain::permitting::{self, Deletion};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::Result;
use crate::web::forms::{Form, Nothing};
use crate::web::gate::Inside;
use crate::web::{html, session};

#[derive(Template)]
#[template(path = "permissions/deletion.html")]
struct Question {
    chrome: Chrome,
    list: String,
    back: String,
    name: String,
    scopes: String,
    used_by: String,
    is_used: bool,
    keys: Option<Vec<KeyRow>>,
    more_keys: i64,
}

pub async fn confirm_deletion(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let Deletion { permission, uses, keys } = permitting::deletion(&app, &inside.actor, id_of(&id)?).await?;
    let named = keys.as_ref().map_or(0, Vec::len);
    Ok(html::page(&Question {
        list: inside.path("permissions"),
        back: inside.path(&format!("permissions/{}", permission.id)),
        scopes: html::count(i64::try_from(permission.scopes.len()).unwrap_or(0), "scope"),
        used_by: used_by(uses),
        is_used: uses.all() > 0,
        more_keys: uses.all() - i64::try_from(named).unwrap_or(0),
        keys: keys.map(key_rows),
        name: permission.name,
        chrome: inside.chrome,
    }))
}

pub async fn delete(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let deleted = permitting::delete(&app, &inside.actor, id_of(&id)?).await?;
    let to = html::go(context.fragment, &inside.path("permissions"));
    Ok(session::with_flash(&app, to, &format!("{} is deleted", deleted.name)))
}
