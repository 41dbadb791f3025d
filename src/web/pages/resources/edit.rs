//! Resources are made, described, archived and taken back.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::access::Key;
use super::{Head, Tab, path_of};
use crate::app::Shared;
use crate::domain::access::Capability;
use crate::domain::resources::editing::{self, About, Amendment, EditError, New};
use crate::domain::resources::{self, Kind, Resource, granting};
use crate::domain::values::{Note, ResourceKey, ResourceName, ToolUrl};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form, Nothing};
use crate::web::gate::Inside;
use crate::web::{html, session};

#[derive(Template)]
#[template(path = "resources/new.html")]
struct NewForm {
    chrome: Chrome,
    path: String,
    kind: String,
    name: Field,
    key: Field,
    description: Field,
    url: Field,
    environment: String,
    has_error: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    kind: String,
    name: String,
    key: String,
    description: String,
    url: String,
}

impl NewForm {
    fn new(inside: Inside, typed: Typed) -> NewForm {
        NewForm {
            path: inside.path_here("resources"),
            environment: inside.environment().name.clone(),
            kind: typed.kind,
            name: Field::new(typed.name),
            key: Field::new(typed.key.trim()),
            description: Field::new(typed.description),
            url: Field::new(typed.url.trim()),
            has_error: false,
            chrome: inside.chrome,
        }
    }

    /// The resource that was typed, or nothing, with what is wrong by its field.
    fn parse(&mut self) -> Result<Option<New>> {
        let kind: Kind = self.kind.parse().map_err(|_| Error::Unfit("There is no such kind."))?;
        let name = self.name.parse::<ResourceName>();
        if let (Some(name), true) = (&name, self.key.value.is_empty()) {
            self.key.value = ResourceKey::suggested_by(name.as_str()).to_string();
        }
        let key = if self.key.value.is_empty() { None } else { self.key.parse::<ResourceKey>() };
        let description = self.description.parse::<Note>();
        let url = match (kind, self.url.value.is_empty()) {
            (Kind::Tool, _) => self.url.parse::<ToolUrl>().map(Some),
            (_, true) => Some(None),
            (_, false) => self.url.note(Err(EditError::UrlOfNoTool)),
        };
        let (Some(name), Some(key), Some(description), Some(url)) = (name, key, description, url) else {
            return Ok(None);
        };
        let about = About { name, description, url, definition: None };
        Ok(Some(New { key, kind, about, access: None }))
    }

    fn refused(mut self) -> Result {
        let fields = [&mut self.name, &mut self.key, &mut self.description, &mut self.url];
        Field::focus_first(fields);
        self.has_error = true;
        Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &self))
    }
}

pub async fn new_form(inside: Inside) -> Result {
    let typed = Typed { kind: Kind::Tool.code().to_owned(), ..Typed::default() };
    Ok(html::page(&NewForm::new(inside, typed)))
}

pub async fn create(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    let (actor, place) = (inside.actor.clone(), inside.place());
    let list = inside.path_here("resources");
    let mut form = NewForm::new(inside, typed);
    let Some(new) = form.parse()? else { return form.refused() };
    match editing::create(&app, &actor, &place, &new).await {
        Ok(resource) => {
            let to = format!("{list}/{}/access", resource.key.replace('/', "%2F"));
            let said = format!("{} is made. Say who may open it", resource.name);
            Ok(session::with_flash(&app, html::go(context.fragment, &to), &said))
        }
        Err(error @ (EditError::KeyTaken | EditError::TooMany)) => {
            form.key.note::<()>(Err(error));
            form.refused()
        }
        Err(
            error @ (EditError::HostElsewhere
            | EditError::HostOfOthers
            | EditError::NoUrl
            | EditError::UrlOfNoTool),
        ) => {
            form.url.note::<()>(Err(error));
            form.refused()
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "resources/settings.html")]
struct Settings {
    chrome: Chrome,
    head: Head,
    path: String,
    name: Field,
    description: Field,
    url: Field,
    is_tool: bool,
    may_write: bool,
    may_archive: bool,
    is_archived: bool,
    environment: String,
    has_error: bool,
}

impl Settings {
    fn new(inside: Inside, resource: &Resource) -> Settings {
        Settings {
            head: Head::new(&inside, resource, Tab::Settings),
            path: path_of(&inside, &resource.key),
            name: Field::new(&resource.name),
            description: Field::new(&resource.description),
            url: Field::new(resource.url.as_deref().unwrap_or_default()),
            is_tool: resource.kind == Kind::Tool,
            may_write: resources::may_write(&inside.actor, resource),
            may_archive: resources::may_write(&inside.actor, resource)
                && resources::may_change_access(&inside.actor, resource),
            is_archived: resource.archived_at.is_some(),
            environment: inside.environment().name.clone(),
            has_error: false,
            chrome: inside.chrome,
        }
    }
}

pub async fn settings(State(app): State<Shared>, inside: Inside, key: Key) -> Result {
    let resource = editing::configured(&app, &inside.actor, &inside.place(), key.last()).await?;
    Ok(html::page(&Settings::new(inside, &resource)))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TypedAbout {
    name: String,
    description: String,
    url: String,
}

pub async fn edit(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    key: Key,
    Form(typed): Form<TypedAbout>,
) -> Result {
    let (actor, place) = (inside.actor.clone(), inside.place());
    let resource = editing::configured(&app, &actor, &place, key.last()).await?;
    let mut page = Settings::new(inside, &resource);
    page.name.value = typed.name;
    page.description.value = typed.description;
    page.url.value = typed.url.trim().to_owned();
    let name = page.name.parse::<ResourceName>();
    let description = page.description.parse::<Note>();
    let url = if page.is_tool { page.url.parse::<ToolUrl>().map(Some) } else { Some(None) };
    if let (Some(name), Some(description), Some(url)) = (name, description, url) {
        let (name, description) = (Some(name), Some(description));
        let said = Amendment { name, description, url, ..Amendment::default() };
        match editing::amend(&app, &actor, &place, &resource.key, &said).await {
            Ok(_) => {
                let to = html::go(context.fragment, &format!("{}/settings", page.path));
                return Ok(session::with_flash(&app, to, "Saved"));
            }
            Err(error @ (EditError::HostElsewhere | EditError::HostOfOthers | EditError::UrlOfOthers)) => {
                page.url.note::<()>(Err(error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Field::focus_first([&mut page.name, &mut page.description, &mut page.url]);
    page.has_error = true;
    Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

#[derive(Template)]
#[template(path = "resources/archive.html")]
struct Confirm {
    chrome: Chrome,
    title: String,
    facts: Vec<String>,
    action: String,
    back: String,
}

/// Who loses it, in numbers (V4).
pub async fn confirm_archiving(State(app): State<Shared>, inside: Inside, key: Key) -> Result {
    let resource = editing::configured(&app, &inside.actor, &inside.place(), key.last()).await?;
    inside.actor.may(Capability::WriteResources)?;
    let stated = granting::stated(&app, &inside.actor, &resource).await?;
    let tally = granting::tally(&app, &inside.actor, &resource, &stated).await?;
    let mut facts = vec![format!(
        "{} may open it now, and can’t any more. Its entries are kept, and hold again once it is taken back.",
        html::people(tally.open)
    )];
    let inheriting = granting::inheriting(&app, &inside.actor, &resource).await?;
    if inheriting > 0 {
        facts.push(format!(
            "{} take their access from this page. They then take it from the page above, or are open to everyone in \
             the organization.",
            html::count(inheriting, "resource")
        ));
    }
    facts.push("Its key stays taken. You find it among the archived ones.".to_owned());
    let path = path_of(&inside, &resource.key);
    Ok(html::page(&Confirm {
        title: format!("Archive {}?", resource.name),
        facts,
        action: format!("{path}/archive"),
        back: format!("{path}/settings"),
        chrome: inside.chrome,
    }))
}

async fn set_archived(app: &Shared, inside: &Inside, context: &Context, key: &Key, archived: bool) -> Result {
    let changed = editing::set_archived(app, &inside.actor, &inside.place(), key.last(), archived).await?;
    let to = html::go(context.fragment, &format!("{}/settings", path_of(inside, &changed.key)));
    let what = if archived { "archived" } else { "back in use" };
    Ok(session::with_flash(app, to, &format!("{} is {what}", changed.name)))
}

pub async fn archive(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    key: Key,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    set_archived(&app, &inside, &context, &key, true).await
}

pub async fn unarchive(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    key: Key,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    set_archived(&app, &inside, &context, &key, false).await
}
