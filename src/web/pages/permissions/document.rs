//! A permission as JSON in the source's form: pasted to make one, or to change one.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::edit::{Refused, saved_or_shown};
use super::id_of;
use crate::app::Shared;
use crate::domain::permissions::Permission;
use crate::domain::permitting::document::{self as documents, Document, Whose};
use crate::domain::permitting::{self, PermitError, Said};
use crate::domain::values::{Fault, PermissionName};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::Result;
use crate::web::forms::Form;
use crate::web::gate::Inside;
use crate::web::{html, session};

#[derive(Template)]
#[template(path = "permissions/json.html")]
struct Paste {
    chrome: Chrome,
    list: String,
    back: String,
    path: String,
    form: String,
    is_new: bool,
    /// The name as it is kept; nothing of a new one.
    kept: String,
    here: &'static str,
    text: String,
    problems: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    document: String,
    act: String,
    digest: String,
}

const EXAMPLE: &str = r#"{
  "resource": "permission",
  "name": "iCloud import",
  "scopes": {
    "source_type:icloud.account": [
      {"level": "user", "type": "count", "value": 3}
    ]
  }
}"#;

fn new_page(inside: Inside, text: String, problems: Vec<String>) -> Paste {
    let list = inside.path("permissions");
    Paste {
        back: list.clone(),
        path: format!("{list}/new/json"),
        form: format!("{list}/new"),
        list,
        is_new: true,
        kept: String::new(),
        here: "New permission",
        text,
        problems,
        chrome: inside.chrome,
    }
}

fn edit_page(inside: Inside, permission: &Permission, text: String, problems: Vec<String>) -> Paste {
    let list = inside.path("permissions");
    let back = format!("{list}/{}", permission.id);
    Paste {
        path: format!("{back}/json"),
        form: format!("{back}/edit"),
        is_new: false,
        kept: permission.name.clone(),
        here: "JSON",
        list,
        back,
        text,
        problems,
        chrome: inside.chrome,
    }
}

/// Each fault with its pointer before it.
fn in_words(faults: Vec<Fault>) -> Vec<String> {
    let words = |fault: Fault| match fault.pointer.as_str() {
        "" => fault.detail,
        pointer => format!("{pointer}: {}", fault.detail),
    };
    faults.into_iter().map(words).collect()
}

/// What can't be saved of it, by its pointer; or the error.
fn problems(error: PermitError) -> Result<Vec<String>> {
    match error {
        PermitError::Beyond(over) => Ok(in_words(over.into_iter().map(|over| over.fault).collect())),
        error @ (PermitError::NameTaken | PermitError::TooMany) => Ok(vec![format!("/name: {error}")]),
        error => Err(error.into()),
    }
}

/// What a document says, under the name that it had, if it says none.
fn said(
    text: &str,
    whose: Whose<'_>,
    named: Option<PermissionName>,
) -> std::result::Result<Said, Vec<String>> {
    let Document { name, scopes } = documents::parse(text, whose).map_err(in_words)?;
    let name = name.or(named).ok_or_else(|| vec!["/name: A new permission has a name.".to_owned()])?;
    Ok(Said { name, scopes })
}

pub async fn new_document(inside: Inside) -> Result {
    Ok(html::page(&new_page(inside, EXAMPLE.to_owned(), Vec::new())))
}

pub async fn create_from_document(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    let organization = Some((inside.organization.id, inside.organization.slug.as_str()));
    let problems = match said(&typed.document, Whose { organization, id: None }, None) {
        Ok(said) => match permitting::create(&app, &inside.actor, &said).await {
            Ok(made) => {
                let to = html::go(context.fragment, &inside.path(&format!("permissions/{}", made.id)));
                return Ok(session::with_flash(&app, to, &format!("{} is made", made.name)));
            }
            Err(error) => problems(error)?,
        },
        Err(problems) => problems,
    };
    let page = new_page(inside, typed.document, problems);
    Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

async fn editing(app: &Shared, inside: &Inside, id: &str) -> Result<Permission> {
    Ok(permitting::to_change(&app.db, &inside.actor, id_of(id)?).await?)
}

pub async fn document(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let permission = editing(&app, &inside, &id).await?;
    let text = documents::written(&permission);
    Ok(html::page(&edit_page(inside, &permission, text, Vec::new())))
}

/// Shows what the document changes; and saves it, if it is posted as it was shown.
pub async fn change_document(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result {
    let permission = editing(&app, &inside, &id).await?;
    let organization = Some((inside.organization.id, inside.organization.slug.as_str()));
    let whose = Whose { organization, id: Some(permission.id) };
    let problems = match said(&typed.document, whose, permission.name.parse().ok()) {
        _ if typed.act == "edit" => {
            return Ok(html::page(&edit_page(inside, &permission, typed.document, Vec::new())));
        }
        Ok(said) => {
            let fields = vec![("document".to_owned(), typed.document.clone())];
            let saving = (typed.act == "save").then_some(typed.digest.as_str());
            let (inside, id) = (inside.clone(), permission.id);
            match saved_or_shown(&app, inside, &context, id, &said, "json", fields, saving).await {
                Ok(response) => return Ok(response),
                Err(Refused::Error(error)) => return Err(error),
                Err(Refused::Said(error)) => problems(error)?,
            }
        }
        Err(problems) => problems,
    };
    let page = edit_page(inside, &permission, typed.document, problems);
    Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}
