//! Making one's own development key.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::made::answer;
use super::making::{Form, refused};
use crate::app::Shared;
use crate::domain::api_keys::{self, ActError};
use crate::ids::PermissionId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::Result;
use crate::web::forms::{self, Field};
use crate::web::gate::Inside;
use crate::web::html;

#[derive(Template)]
#[template(path = "keys/development.html")]
struct Development {
    chrome: Chrome,
    path: String,
    form: String,
    permission: Field,
    permissions: Vec<(PermissionId, String)>,
}

async fn development(app: &Shared, inside: Inside, form: String, permission: Field) -> Result {
    let permissions = api_keys::permissions(app, &inside.actor).await?;
    let wrong = permission.error.is_some();
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let path = inside.path("keys");
    let page = Development { chrome: inside.chrome, path, form, permission, permissions };
    Ok(html::page_with(status, &page))
}

pub async fn development_form(State(app): State<Shared>, inside: Inside) -> Result {
    if let Some(own) = api_keys::development(&app, &inside.actor).await? {
        return Ok(html::redirect(&inside.path(&format!("keys/{}", own.id))));
    }
    development(&app, inside, Form::new_id(), Field::default()).await
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TypedDevelopment {
    form: String,
    permission: String,
}

pub async fn create_development(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    forms::Form(typed): forms::Form<TypedDevelopment>,
) -> Result {
    let id = Form::id(&typed.form)?;
    let mut field = Field::new(typed.permission);
    let read = match field.value.as_str() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| ActError::NoPermission),
    };
    let Some(permission) = field.note(read) else {
        return development(&app, inside, typed.form, field).await;
    };
    match api_keys::create_development(&app, &inside.actor, id, permission).await {
        Ok(made) => Ok(answer(&app, inside, made)),
        Err(error @ ActError::NoPermission) => {
            field.note::<()>(Err(error));
            development(&app, inside, typed.form, field).await
        }
        Err(error) => refused(&app, &inside, &context, error),
    }
}
