//! Making, renaming and archiving shared agents.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::agent_id;
use crate::app::Shared;
use crate::domain::agents::{self, AgentError};
use crate::domain::api_keys;
use crate::domain::values::ShortName;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form, Nothing};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::session;

#[derive(Template)]
#[template(path = "agents/edit.html")]
struct Edit {
    chrome: Chrome,
    title: String,
    verb: &'static str,
    action: String,
    back: String,
    name: Field,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    name: String,
}

fn new_page(inside: Inside, name: Field) -> Response {
    let path = inside.path("agents");
    let page = Edit {
        chrome: inside.chrome,
        title: "New agent".to_owned(),
        verb: "Add agent",
        action: path.clone(),
        back: path,
        name,
    };
    shown(&page)
}

fn shown(page: &Edit) -> Response {
    let status = if page.name.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html::page_with(status, page)
}

pub async fn form(inside: Inside) -> Response {
    new_page(inside, Field::default())
}

pub async fn create(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    let mut field = Field::new(typed.name.trim());
    let Some(name) = field.parse::<ShortName>() else { return Ok(new_page(inside, field)) };
    match agents::create(&app, &inside.actor, &name).await {
        Ok(id) => {
            let response = html::go(context.fragment, &inside.path(&format!("agents/{id}")));
            Ok(session::with_flash(&app, response, &format!("{name} is there. Make its first key now")))
        }
        Err(error @ AgentError::NameTaken(_)) => {
            field.note::<()>(Err(error));
            Ok(new_page(inside, field))
        }
        Err(error) => Err(error.into()),
    }
}

async fn rename_page(app: &Shared, inside: Inside, id: &str, typed: Option<Field>) -> Result {
    let listed = agents::one(&app.db, &inside.actor, agent_id(id)?).await?;
    if listed.agent.owner.is_some() {
        return Err(Error::Conflict(AgentError::Personal.to_string()));
    }
    let back = inside.path(&format!("agents/{}", listed.agent.id));
    let page = Edit {
        title: format!("Rename {}", listed.agent.name),
        verb: "Save",
        action: format!("{back}/name"),
        back,
        name: typed.unwrap_or_else(|| Field::new(listed.agent.name)),
        chrome: inside.chrome,
    };
    Ok(shown(&page))
}

pub async fn rename_form(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    rename_page(&app, inside, &id, None).await
}

pub async fn rename(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result {
    let mut field = Field::new(typed.name.trim());
    let Some(name) = field.parse::<ShortName>() else {
        return rename_page(&app, inside, &id, Some(field)).await;
    };
    let agent = agent_id(&id)?;
    match agents::rename(&app, &inside.actor, agent, &name).await {
        Ok(()) => {
            let response = html::go(context.fragment, &inside.path(&format!("agents/{agent}")));
            Ok(session::with_flash(&app, response, &format!("{name} is saved")))
        }
        Err(error @ AgentError::NameTaken(_)) => {
            field.note::<()>(Err(error));
            rename_page(&app, inside, &id, Some(field)).await
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "agents/archive.html")]
struct Archive {
    chrome: Chrome,
    name: String,
    action: String,
    back: String,
    /// What ends: names, and what is shown of each.
    keys: Vec<(String, String)>,
}

impl Archive {
    fn count(&self) -> String {
        html::count(i64::try_from(self.keys.len()).unwrap_or(i64::MAX), "key")
    }
}

pub async fn confirm_archiving(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let (agent, keys) = api_keys::archiving(&app, &inside.actor, agent_id(&id)?).await?;
    let back = inside.path(&format!("agents/{}", agent.id));
    Ok(html::page(&Archive {
        action: format!("{back}/archiving"),
        chrome: inside.chrome,
        name: agent.name,
        back,
        keys,
    }))
}

pub async fn archive(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let (agent, ended) = api_keys::archive(&app, &inside.actor, agent_id(&id)?).await?;
    let ended = match ended {
        0 => String::new(),
        count => {
            format!(", and {} of it ended", html::count(i64::try_from(count).unwrap_or(i64::MAX), "key"))
        }
    };
    let response = html::go(context.fragment, &inside.path("agents"));
    Ok(session::with_flash(&app, response, &format!("{} is archived{ended}", agent.name)))
}
