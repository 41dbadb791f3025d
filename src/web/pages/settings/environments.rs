//! Environments: the two that are always there, and those that the organization adds.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::sso::Confirm;
use crate::app::Shared;
use crate::domain::environments::{self, Color, Environment};
use crate::domain::settings::{self, EnvironmentError};
use crate::domain::values::{Handle, ShortName};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form, Nothing};
use crate::web::gate::Inside;
use crate::web::{html, session};

#[derive(Template)]
#[template(path = "settings/environments.html")]
struct Index {
    chrome: Chrome,
    settings: String,
    path: String,
    added: Vec<Environment>,
    name: Field,
    slug: Field,
    color: String,
}

#[derive(Template)]
#[template(path = "settings/environment.html")]
struct Edit {
    chrome: Chrome,
    settings: String,
    path: String,
    slug: String,
    name: Field,
    color: String,
    in_use: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    name: String,
    slug: String,
    color: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Changed {
    name: String,
    color: String,
}

impl From<EnvironmentError> for Error {
    fn from(error: EnvironmentError) -> Error {
        match error {
            EnvironmentError::Denied(denied) => denied.into(),
            EnvironmentError::NotFound => Error::NotFound,
            EnvironmentError::Database(error) => error.into(),
            error => Error::Conflict(error.to_string()),
        }
    }
}

async fn page(app: &Shared, inside: Inside, typed: Typed) -> Result<Index> {
    let added = environments::added(&mut app.db.read().await?, inside.organization.id).await?;
    Ok(Index {
        settings: inside.path("settings"),
        path: inside.path("settings/environments"),
        added,
        name: Field::new(typed.name),
        slug: Field::new(typed.slug.trim()),
        color: typed.color,
        chrome: inside.chrome,
    })
}

fn color(code: &str) -> Result<Color> {
    code.parse().map_err(|_| Error::Unfit("There is no such colour."))
}

pub async fn environments(State(app): State<Shared>, inside: Inside) -> Result {
    let typed = Typed { color: Color::Blue.code().to_owned(), ..Typed::default() };
    Ok(html::page(&page(&app, inside, typed).await?))
}

pub async fn add_environment(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    let actor = inside.actor.clone();
    let color = color(&typed.color)?;
    let mut page = page(&app, inside, typed).await?;
    let name = page.name.parse::<ShortName>();
    if let (Some(name), true) = (&name, page.slug.value.is_empty()) {
        page.slug.value = Handle::suggested_by(name.as_str(), "environment").to_string();
    }
    let slug = if page.slug.value.is_empty() { None } else { page.slug.parse::<Handle>() };
    if let (Some(name), Some(slug)) = (name, slug) {
        match settings::add_environment(&app, &actor, &slug, &name, color).await {
            Ok(environment) => {
                let to = html::go(context.fragment, &page.path);
                return Ok(session::with_flash(&app, to, &format!("{} is there", environment.name)));
            }
            Err(error @ EnvironmentError::Known) => {
                page.slug.note::<()>(Err(error));
            }
            Err(error @ EnvironmentError::TooMany) => {
                page.name.note::<()>(Err(error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Field::focus_first([&mut page.name, &mut page.slug]);
    Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

fn editing(inside: Inside, environment: &Environment, in_use: bool) -> Edit {
    Edit {
        settings: inside.path("settings"),
        path: inside.path(&format!("settings/environments/{}", environment.slug)),
        slug: environment.slug.clone(),
        name: Field::new(&environment.name),
        color: environment.color.code().to_owned(),
        in_use,
        chrome: inside.chrome,
    }
}

pub async fn environment(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, slug)): Path<(String, String)>,
) -> Result {
    let (environment, in_use) = settings::environment(&app, &inside.actor, &slug).await?;
    Ok(html::page(&editing(inside, &environment, in_use)))
}

pub async fn change_environment(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, slug)): Path<(String, String)>,
    Form(typed): Form<Changed>,
) -> Result {
    let (environment, in_use) = settings::environment(&app, &inside.actor, &slug).await?;
    let color = color(&typed.color)?;
    let actor = inside.actor.clone();
    let mut page = editing(inside, &environment, in_use);
    page.name.value = typed.name;
    page.color = color.code().to_owned();
    let Some(name) = page.name.parse::<ShortName>() else {
        return Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    settings::change_environment(&app, &actor, &slug, &name, color).await?;
    let to = html::go(context.fragment, &format!("{}/environments", page.settings));
    Ok(session::with_flash(&app, to, "Saved"))
}

pub async fn confirm_environment_removal(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, slug)): Path<(String, String)>,
) -> Result {
    let environment = settings::removable(&app, &inside.actor, &slug).await?;
    Ok(html::page(&Confirm {
        title: format!("Remove {}?", environment.name),
        facts: vec![
            "It has no resources and no keys that work, so nobody loses access to any.".to_owned(),
            "Its addresses lead nowhere any more.".to_owned(),
        ],
        action: inside.path(&format!("settings/environments/{slug}/removal")),
        verb: "Remove environment",
        back: inside.path("settings/environments"),
        fields: Vec::new(),
        heading: String::new(),
        members: Vec::new(),
        more: None,
        chrome: inside.chrome,
    }))
}

pub async fn remove_environment(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, slug)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let removed = settings::remove_environment(&app, &inside.actor, &slug).await?;
    let to = html::go(context.fragment, &inside.path("settings/environments"));
    Ok(session::with_flash(&app, to, &format!("{} is removed", removed.name)))
}
