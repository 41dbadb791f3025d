//! Asking for access, and answering that.

use askama::Template;
use axum::extract::{Path, State};

use super::{Named, NamedWith, path_of, show};
use crate::app::Shared;
use crate::domain::resources::{ResourceError, asking, explain, opening};
use crate::domain::values::Note;
use crate::ids::AccessRequestId;
use crate::web::chrome::Chrome;
use crate::web::error::{self, Error, Result};
use crate::web::forms::{Field, Form, Nothing};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::session;

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    note: String,
}

pub async fn ask(
    State(app): State<Shared>,
    inside: Inside,
    Path(named): Path<Named>,
    Form(typed): Form<Typed>,
) -> Result {
    let place = inside.place();
    let mut field = Field::new(typed.note);
    let Some(note) = field.parse::<Note>() else { return again(&app, inside, &named.key, field).await };
    match asking::ask(&app, &inside.actor, &place, &named.key, &note).await {
        Ok(resource) => {
            let to = html::redirect(&path_of(&inside, &resource.key, ""));
            Ok(session::with_flash(&app, to, &format!("Asked for access to {}", resource.name)))
        }
        Err(ResourceError::Throttled(throttled)) => {
            let why = format!("You have asked for a lot today. {}", error::too_many_in_words(throttled));
            field.note::<()>(Err(why));
            let page = again(&app, inside, &named.key, field).await?;
            Ok(error::too_many_on(page, throttled))
        }
        Err(error) => Err(error.into()),
    }
}

/// The page with what was typed.
async fn again(app: &Shared, inside: Inside, key: &str, note: Field) -> Result {
    let user = inside.actor.person.user;
    let seen = opening::look(&app.db, &inside.place(), key, Some(user)).await?;
    let seen = seen.filter(|seen| seen.is_open() || seen.is_known()).ok_or(Error::NotFound)?;
    Ok(show::no_access(app, inside, &seen, note))
}

#[derive(Template)]
#[template(path = "opening/confirm.html")]
pub(super) struct Confirm {
    pub chrome: Chrome,
    pub title: String,
    pub facts: Vec<String>,
    pub action: String,
    pub back: String,
    pub verb: &'static str,
}

fn request_id(text: &str) -> Result<AccessRequestId> {
    text.parse().map_err(|_| Error::NotFound)
}

pub async fn confirm_dismissal(
    State(app): State<Shared>,
    inside: Inside,
    Path(named): Path<NamedWith>,
) -> Result {
    let id = request_id(&named.id)?;
    let whole = explain::whole(&app.db, &inside.actor, &inside.place(), &named.key).await?;
    let requests = asking::requests(&app.db, &whole.resource).await?;
    let request = requests.into_iter().find(|request| request.id == id).ok_or(Error::NotFound)?;
    Ok(html::page(&Confirm {
        title: format!("Dismiss the request of {}?", request.name),
        facts: vec![
            format!("{} asked for access to {}. One request is closed.", request.name, whole.resource.name),
            "They keep the access that they have, get no mail about it, and may ask again.".to_owned(),
        ],
        action: path_of(&inside, &named.key, &format!("requests/{id}/dismissal")),
        back: path_of(&inside, &named.key, "why"),
        verb: "Dismiss request",
        chrome: inside.chrome,
    }))
}

pub async fn dismiss(
    State(app): State<Shared>,
    inside: Inside,
    Path(named): Path<NamedWith>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let id = request_id(&named.id)?;
    asking::dismiss(&app, &inside.actor, &inside.place(), &named.key, id).await?;
    let to = html::redirect(&path_of(&inside, &named.key, "why"));
    Ok(session::with_flash(&app, to, "The request is dismissed"))
}
