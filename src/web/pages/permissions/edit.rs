//! The editor: rows of scopes and limits, added and removed by buttons that post.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;

use super::typed::Typed;
use super::{id_of, shown};
use crate::app::Shared;
use crate::domain::permissions::ScopeType;
use crate::domain::permitting::{self, Known, PermitError, Said};
use crate::ids::PermissionId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::Form;
use crate::web::gate::Inside;
use crate::web::{html, session};

const LEVELS: [(&str, &str); 3] =
    [("user", "Each user"), ("key", "Each key"), ("organisation", "All keys together")];
const MEASURES: [(&str, &str); 3] =
    [("count", "Ever (count)"), ("interval", "In a period (interval)"), ("inflight", "At once (inflight)")];

/// The rows, as the page and its fragment show them.
struct Rows {
    path: String,
    covers: String,
    typed: Typed,
    kinds: [ScopeType; 4],
    levels: [(&'static str, &'static str); 3],
    measures: [(&'static str, &'static str); 3],
    names: Vec<String>,
}

#[derive(Template)]
#[template(path = "permissions/edit.html")]
struct Edit {
    chrome: Chrome,
    list: String,
    back: String,
    is_new: bool,
    /// The name as it is kept; nothing of a new one.
    kept: String,
    here: &'static str,
    document: String,
    rows: Rows,
}

#[derive(Template)]
#[template(path = "permissions/_scopes.html")]
struct RowsFragment {
    rows: Rows,
}

#[derive(Template)]
#[template(path = "permissions/_covers.html")]
struct Covers {
    covers: Option<String>,
}

/// Which permission is edited.
struct Editing {
    id: PermissionId,
    name: String,
}

async fn page(
    app: &Shared,
    inside: Inside,
    context: &Context,
    editing: Option<Editing>,
    mut typed: Typed,
    status: StatusCode,
) -> Result {
    let known = Known::load(&mut app.db.read().await?, inside.organization.id).await?;
    let known = typed.explain(known);
    typed.focus_first();
    let list = inside.path("permissions");
    let (path, back, document) = match &editing {
        Some(Editing { id, .. }) => {
            (format!("{list}/{id}/edit"), format!("{list}/{id}"), format!("{list}/{id}/json"))
        }
        None => (list.clone(), list.clone(), format!("{list}/new/json")),
    };
    let rows = Rows {
        path,
        covers: format!("{list}/new/covers"),
        typed,
        kinds: ScopeType::ALL,
        levels: LEVELS,
        measures: MEASURES,
        names: known.names().into_iter().collect(),
    };
    if context.fragment && context.target == "scopes" {
        return Ok(html::page_with(status, &RowsFragment { rows }));
    }
    let is_new = editing.is_none();
    let here = if is_new { "New permission" } else { "Edit" };
    let kept = editing.map(|editing| editing.name).unwrap_or_default();
    let page = Edit { list, back, is_new, kept, here, document, rows, chrome: inside.chrome };
    Ok(html::page_with(status, &page))
}

const WRONG: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

pub async fn new_form(State(app): State<Shared>, inside: Inside, context: Context) -> Result {
    page(&app, inside, &context, None, Typed::new(), StatusCode::OK).await
}

/// What a wildcard covers, while it is typed: the fields are those of its row.
pub async fn covers(
    State(app): State<Shared>,
    inside: Inside,
    Query(asked): Query<Vec<(String, String)>>,
) -> Result {
    let known = Known::load(&mut app.db.read().await?, inside.organization.id).await?;
    let of = |lead: &str| {
        let field = asked.iter().find(|(name, _)| name.starts_with(lead));
        field.map_or("", |(_, value)| value.trim())
    };
    let scope = of("scope-");
    let whole = if scope.contains(':') { scope.to_owned() } else { format!("{}:{scope}", of("type-")) };
    let covers = whole.parse().ok().and_then(|pattern| known.covered(&pattern));
    Ok(html::page(&Covers { covers }))
}

/// Notes beside the fields what can't be saved, or passes the error on.
fn noted(typed: &mut Typed, error: PermitError) -> Result<()> {
    match error {
        PermitError::Beyond(over) => typed.note_over(&over),
        error @ (PermitError::NameTaken | PermitError::TooMany) => {
            typed.name.note::<()>(Err(error));
        }
        error => return Err(error.into()),
    }
    Ok(())
}

pub async fn create(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result {
    let mut typed = Typed::read(&pairs)?;
    if typed.is_being_edited() {
        return page(&app, inside, &context, None, typed, StatusCode::OK).await;
    }
    if let Some(said) = typed.said()? {
        match permitting::create(&app, &inside.actor, &said).await {
            Ok(made) => {
                let to = html::go(context.fragment, &inside.path(&format!("permissions/{}", made.id)));
                return Ok(session::with_flash(&app, to, &format!("{} is made", made.name)));
            }
            Err(error) => noted(&mut typed, error)?,
        }
    }
    page(&app, inside, &context, None, typed, WRONG).await
}

/// The permission that is edited, if this person may: one that a live key uses takes more than others.
async fn editing(app: &Shared, inside: &Inside, id: &str) -> Result<(Editing, Typed)> {
    let permission = permitting::to_change(&app.db, &inside.actor, id_of(id)?).await?;
    let typed = Typed::of(&permission.name, &permission.scopes);
    Ok((Editing { id: permission.id, name: permission.name }, typed))
}

pub async fn edit(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let (editing, typed) = editing(&app, &inside, &id).await?;
    page(&app, inside, &context, Some(editing), typed, StatusCode::OK).await
}

/// Shows what a change does; and makes it, if it is posted as it was shown.
pub async fn change(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result {
    let mut typed = Typed::read(&pairs)?;
    let (editing, _) = editing(&app, &inside, &id).await?;
    if typed.is_being_edited() {
        return page(&app, inside, &context, Some(editing), typed, StatusCode::OK).await;
    }
    let Some(said) = typed.said()? else {
        return page(&app, inside, &context, Some(editing), typed, WRONG).await;
    };
    let saving = (typed.act == "save").then_some(typed.digest.as_str());
    match saved_or_shown(&app, inside.clone(), &context, editing.id, &said, "edit", typed.pairs(), saving)
        .await
    {
        Ok(response) => Ok(response),
        Err(Refused::Error(error)) => Err(error),
        Err(Refused::Said(error)) => {
            noted(&mut typed, error)?;
            page(&app, inside, &context, Some(editing), typed, WRONG).await
        }
    }
}

/// Why what was said is not taken.
pub(super) enum Refused {
    Error(Error),
    /// By what it says.
    Said(PermitError),
}

impl From<PermitError> for Refused {
    fn from(error: PermitError) -> Refused {
        match error {
            PermitError::Beyond(_) | PermitError::NameTaken => Refused::Said(error),
            error => Refused::Error(error.into()),
        }
    }
}

/// Saves a change that was shown, or shows it: for the form and for the document alike.
#[expect(clippy::too_many_arguments, reason = "both editors end here")]
pub(super) async fn saved_or_shown(
    app: &Shared,
    inside: Inside,
    context: &Context,
    id: PermissionId,
    said: &Said,
    to: &str,
    fields: Vec<(String, String)>,
    saving: Option<&str>,
) -> std::result::Result<axum::response::Response, Refused> {
    let mut changed_meanwhile = false;
    if let Some(digest) = saving {
        match permitting::save(app, &inside.actor, id, said, digest).await {
            Ok(saved) => {
                let to = html::go(context.fragment, &inside.path(&format!("permissions/{id}")));
                return Ok(session::with_flash(app, to, &format!("{} is saved", saved.name)));
            }
            Err(PermitError::Changed) => changed_meanwhile = true,
            Err(error) => return Err(error.into()),
        }
    }
    let preview = permitting::preview(app, &inside.actor, id, said).await?;
    let status = if changed_meanwhile { StatusCode::CONFLICT } else { StatusCode::OK };
    let page = shown(inside, preview, to, said.name.as_str(), fields, changed_meanwhile);
    Ok(html::page_with(status, &page))
}
