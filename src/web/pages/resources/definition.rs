//! A resource as a definition: pasted to make one, shown back to copy, pasted again to change one (A10).

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::access::Key;
use super::{Head, Tab, path_of};
use crate::app::Shared;
use crate::domain::resources::definition::{self as definitions, Definition};
use crate::domain::resources::editing::{self, Amendment, EditError, New};
use crate::domain::resources::granting::{self, Said};
use crate::domain::resources::{self, Resource};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::Form;
use crate::web::gate::Inside;
use crate::web::{html, session};

#[derive(Template)]
#[template(path = "resources/new_definition.html")]
struct Paste {
    chrome: Chrome,
    path: String,
    text: String,
    problems: Vec<String>,
    /// What is kept and does nothing: it is made once that was read.
    warnings: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    definition: String,
    understood: String,
}

pub async fn new_definition(inside: Inside) -> Result {
    Ok(html::page(&Paste {
        path: inside.path_here("resources"),
        text: String::new(),
        problems: Vec::new(),
        warnings: Vec::new(),
        chrome: inside.chrome,
    }))
}

/// What a definition makes, or what is wrong with it.
fn new_of(definition: &Definition) -> std::result::Result<New, Vec<String>> {
    definition.to_make().map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// What is wrong with a resource that can't be made so, by the field.
fn problem(error: EditError) -> Result<Vec<String>> {
    let field = match &error {
        EditError::KeyTaken => "key",
        EditError::NoUrl
        | EditError::UrlOfNoTool
        | EditError::HostElsewhere
        | EditError::HostOfOthers
        | EditError::UrlOfOthers => "url",
        EditError::Access(_) | EditError::PageOfOthers => "access",
        EditError::TooMany | EditError::NoEnvironment => return Ok(vec![error.to_string()]),
        EditError::OldUrl | EditError::Denied(_) | EditError::NotFound | EditError::Database(_) => {
            return Err(error.into());
        }
    };
    Ok(vec![format!("{field}: {error}")])
}

pub async fn from_definition(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    let (actor, place, path) = (inside.actor.clone(), inside.place(), inside.path_here("resources"));
    let again = |inside: Inside, problems: Vec<String>, warnings: Vec<String>, text: String| {
        let page =
            Paste { path: inside.path_here("resources"), text, problems, warnings, chrome: inside.chrome };
        Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
    };
    let new = match definitions::parse(&typed.definition).and_then(|definition| new_of(&definition)) {
        Ok(new) => new,
        Err(problems) => return again(inside, problems, Vec::new(), typed.definition),
    };
    if let (Some(said), true) = (&new.access, typed.understood.is_empty()) {
        match granting::warnings(&app, &actor, new.kind, said).await {
            Ok(warnings) if warnings.is_empty() => {}
            Ok(warnings) => return again(inside, Vec::new(), warnings, typed.definition),
            Err(error) => {
                let problems = problem(error.into())?;
                return again(inside, problems, Vec::new(), typed.definition);
            }
        }
    }
    match editing::create(&app, &actor, &place, &new).await {
        Ok(resource) => {
            let to = format!("{path}/{}/access", resource.key.replace('/', "%2F"));
            let said = format!("{} is made", resource.name);
            Ok(session::with_flash(&app, html::go(context.fragment, &to), &said))
        }
        Err(error) => again(inside, problem(error)?, Vec::new(), typed.definition),
    }
}

#[derive(Template)]
#[template(path = "resources/definition.html")]
struct Shown {
    chrome: Chrome,
    head: Head,
    path: String,
    written: String,
    text: String,
    problems: Vec<String>,
    may_write: bool,
}

async fn page(
    app: &Shared,
    inside: Inside,
    resource: &Resource,
    typed: Option<String>,
    problems: Vec<String>,
) -> Result<Shown> {
    let stated = granting::stated(app, &inside.actor, resource).await?;
    let written = definitions::written(resource, &stated);
    Ok(Shown {
        head: Head::new(&inside, resource, Tab::Settings),
        path: path_of(&inside, &resource.key),
        text: typed.unwrap_or_else(|| written.clone()),
        written,
        problems,
        may_write: resources::may_write(&inside.actor, resource),
        chrome: inside.chrome,
    })
}

pub async fn definition(State(app): State<Shared>, inside: Inside, key: Key) -> Result {
    let resource = editing::configured(&app, &inside.actor, &inside.place(), key.last()).await?;
    Ok(html::page(&page(&app, inside, &resource, None, Vec::new()).await?))
}

/// Entries in one order, to compare.
fn sorted(said: &Said) -> Said {
    let mut said = said.clone();
    said.people.sort_by_key(|(email, _)| email.canonical());
    said.teams.sort_by(|(a, _), (b, _)| a.cmp(b));
    said
}

/// What the pasted definition says anew of the resource. Who may open it is not changed here.
async fn amendment(
    app: &Shared,
    inside: &Inside,
    resource: &Resource,
    text: &str,
) -> Result<std::result::Result<Amendment, Vec<String>>> {
    let definition = match definitions::parse(text) {
        Ok(definition) => definition,
        Err(problems) => return Ok(Err(problems)),
    };
    let mut problems = Vec::new();
    if definition.key.as_ref().is_some_and(|key| key.as_str() != resource.key) {
        problems.push(format!("key: It is {} and stays so. Another key is another resource.", resource.key));
    }
    if definition.kind.is_some_and(|kind| kind != resource.kind) {
        problems.push(format!("kind: It is {} and stays so.", resource.kind.code()));
    }
    if let Some(said) = &definition.access {
        let stated = granting::stated(app, &inside.actor, resource).await?;
        if sorted(said) != sorted(&stated.said()) {
            problems.push(
                "access: It is not what is stored. Change it under Access, where you see first who gains and who loses."
                    .to_owned(),
            );
        }
    }
    Ok(if problems.is_empty() { Ok(definition.amendment()) } else { Err(problems) })
}

pub async fn redefine(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    key: Key,
    Form(typed): Form<Typed>,
) -> Result {
    let resource = editing::configured(&app, &inside.actor, &inside.place(), key.last()).await?;
    if !resources::may_write(&inside.actor, &resource) {
        return Err(Error::Forbidden(None));
    }
    let problems = match amendment(&app, &inside, &resource, &typed.definition).await? {
        Err(problems) => problems,
        Ok(said) => match editing::amend(&app, &inside.actor, &inside.place(), &resource.key, &said).await {
            Ok(saved) => {
                let to = format!("{}/definition", path_of(&inside, &saved.key));
                return Ok(session::with_flash(&app, html::go(context.fragment, &to), "Saved"));
            }
            Err(error) => problem(error)?,
        },
    };
    let page = page(&app, inside, &resource, Some(typed.definition), problems).await?;
    Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}
