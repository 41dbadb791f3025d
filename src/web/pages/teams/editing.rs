//! Making, renaming and deleting a team.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{Question, ask};
use crate::app::Shared;
use crate::domain::teams::{self, Deletion, Grant, TeamError};
use crate::domain::values::{Handle, TeamName};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::Result;
use crate::web::forms::{Field, Form, Nothing};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::session;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    name: String,
    slug: String,
}

/// The form of a team that is made or renamed.
struct TeamForm {
    title: String,
    verb: &'static str,
    /// Where it goes, where one comes from, and where a slug is suggested.
    action: String,
    back: String,
    suggests: Option<String>,
    name: Field,
    slug: Field,
    /// Whether the slug stays, as something is granted to the team by it.
    fixed: bool,
}

impl TeamForm {
    fn is_wrong(&self) -> bool {
        self.name.error.is_some() || self.slug.error.is_some()
    }

    fn new_team(inside: &Inside, typed: &Typed) -> TeamForm {
        TeamForm {
            title: "New team".to_owned(),
            verb: "Create team",
            action: inside.path("teams"),
            back: inside.path("teams"),
            suggests: Some(inside.path("teams/new")),
            name: Field::new(&typed.name),
            slug: Field::new(typed.slug.trim()),
            fixed: false,
        }
    }

    async fn of_team(app: &Shared, inside: &Inside, slug: &str) -> Result<TeamForm> {
        let Deletion { team, is_granted, .. } = teams::deletion(&app.db, &inside.actor, slug).await?;
        let path = inside.path(&format!("teams/{}", team.slug));
        Ok(TeamForm {
            title: format!("Settings of {}", team.name),
            verb: "Save",
            action: format!("{path}/settings"),
            back: path,
            suggests: None,
            name: Field::new(team.name),
            slug: Field::new(team.slug),
            fixed: is_granted,
        })
    }

    /// The name, and the slug if one was typed; nothing if something is wrong.
    fn read(&mut self) -> Option<(TeamName, Option<Handle>)> {
        let name = self.name.parse::<TeamName>();
        let slug = match self.slug.value.as_str() {
            "" => Some(None),
            _ => self.slug.parse::<Handle>().map(Some),
        };
        name.zip(slug)
    }
}

#[derive(Template)]
#[template(path = "teams/edit.html")]
struct Edit {
    chrome: Chrome,
    form: TeamForm,
}

#[derive(Template)]
#[template(path = "teams/_edit.html")]
struct EditDialog {
    form: TeamForm,
}

#[derive(Template)]
#[template(path = "teams/_slug.html")]
struct SlugField {
    form: TeamForm,
}

fn show_form(inside: Inside, context: &Context, status: StatusCode, mut form: TeamForm) -> Response {
    Field::focus_first([&mut form.name, &mut form.slug]);
    match context.fragment {
        true => html::page_with(status, &EditDialog { form }),
        false => html::page_with(status, &Edit { chrome: inside.chrome, form }),
    }
}

const WRONG: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// The form; for a name that was typed, with the slug that it suggests.
pub async fn form(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Query(typed): Query<Typed>,
) -> Result {
    let mut form = TeamForm::new_team(&inside, &typed);
    if form.slug.value.is_empty()
        && let Ok(name) = typed.name.parse::<TeamName>()
    {
        form.slug.value = teams::suggestion(&app.db, &inside.actor, &name).await?.to_string();
    }
    if context.fragment && context.target == "slug-field" {
        return Ok(html::page(&SlugField { form }));
    }
    Ok(show_form(inside, &context, StatusCode::OK, form))
}

pub async fn create(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    let mut form = TeamForm::new_team(&inside, &typed);
    let Some((name, slug)) = form.read() else {
        return Ok(show_form(inside, &context, WRONG, form));
    };
    match teams::create(&app, &inside.actor, &name, slug.as_ref()).await {
        Ok(team) => {
            let response = html::go(context.fragment, &inside.path(&format!("teams/{}", team.slug)));
            Ok(session::with_flash(&app, response, &format!("{} is there. Add its people now", team.name)))
        }
        Err(error @ TeamError::SlugTaken(_)) => {
            form.slug.note::<()>(Err(error));
            Ok(show_form(inside, &context, WRONG, form))
        }
        Err(error) => Err(error.into()),
    }
}

pub async fn settings(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, slug)): Path<(String, String)>,
) -> Result {
    let form = TeamForm::of_team(&app, &inside, &slug).await?;
    Ok(show_form(inside, &context, StatusCode::OK, form))
}

pub async fn change(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, slug)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result {
    let mut form = TeamForm::of_team(&app, &inside, &slug).await?;
    form.name = Field::new(&typed.name);
    if !typed.slug.is_empty() {
        form.slug = Field::new(typed.slug.trim());
    }
    let Some((name, new_slug)) = form.read() else {
        return Ok(show_form(inside, &context, WRONG, form));
    };
    match teams::change(&app, &inside.actor, &slug, &name, new_slug.as_ref()).await {
        Ok(team) => {
            let response = html::go(context.fragment, &inside.path(&format!("teams/{}", team.slug)));
            Ok(session::with_flash(&app, response, &format!("{} is saved", team.name)))
        }
        Err(error @ (TeamError::SlugTaken(_) | TeamError::SlugInUse)) => {
            form.slug.note::<()>(Err(error));
            Ok(show_form(inside, &context, WRONG, form))
        }
        Err(error) => Err(error.into()),
    }
}

pub async fn confirm_deletion(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, slug)): Path<(String, String)>,
) -> Result {
    let Deletion { team, grants, invitations, .. } = teams::deletion(&app.db, &inside.actor, &slug).await?;
    let path = inside.path(&format!("teams/{}", team.slug));
    let resources = html::count(i64::try_from(grants.len()).unwrap_or(i64::MAX), "resource");
    let mut facts = vec![match (team.people, grants.len()) {
        (0, 0) => "Nobody is in it, and nothing is granted to it.".to_owned(),
        (people, 0) => format!("{} in it. Nothing is granted to it.", html::are(people)),
        (people, _) => {
            format!("{} in it. What it gives on {resources} ends with it, at once.", html::are(people))
        }
    }];
    if !grants.is_empty() {
        facts.push("Whoever has the same in another way keeps it.".to_owned());
    }
    if invitations > 0 {
        let (invites, that) =
            (html::count(invitations, "pending invite"), if invitations == 1 { "that" } else { "those" });
        facts.push(format!(
            "{invites} would bring people into it: {that} of its maintainers {} void, and others give their role \
             without it.",
            if invitations == 1 { "becomes" } else { "become" }
        ));
    }
    facts.push(
        "Its people stay in the organization. Another team of this slug gets nothing of it.".to_owned(),
    );
    let named = |grant: &Grant| match grant.environment.as_str() {
        "production" => grant.name.clone(),
        other => format!("{} ({other})", grant.name),
    };
    let question = Question {
        title: format!("Delete {}?", team.name),
        facts,
        names: grants.iter().map(named).collect(),
        verb: "Delete team",
        action: format!("{path}/deletion"),
        back: path,
    };
    ask(inside, &context, question)
}

pub async fn delete(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, slug)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let Deletion { team, grants, .. } = teams::delete(&app, &inside.actor, &slug).await?;
    let response = html::go(context.fragment, &inside.path("teams"));
    let ended = match grants.len() {
        0 => String::new(),
        count => format!(
            ", and what it gave on {}",
            html::count(i64::try_from(count).unwrap_or(i64::MAX), "resource")
        ),
    };
    Ok(session::with_flash(&app, response, &format!("{} is deleted{ended}", team.name)))
}
