//! One key: what it is, giving its place to a new one, and ending it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::made;
use super::making::{self, Form as Nonce};
use super::words::{Row, row};
use crate::app::Shared;
use crate::domain::api_keys::{self, ActError, Ends, Kind, Listed, OVERLAPS};
use crate::ids::ApiKeyId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Form, Nothing};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::pages::step_up::{self, Act};
use crate::web::session;

#[derive(Template)]
#[template(path = "keys/show.html")]
struct Show {
    chrome: Chrome,
    keys_path: String,
    row: Row,
    addresses: Vec<String>,
    /// The agent's page, for whoever sees agents.
    agent: Option<(String, String)>,
    replaced_by: Option<String>,
    family: Option<String>,
    ephemeral: String,
    /// The one-time id of the form that rotates.
    form: String,
    is_blocked: bool,
    own: bool,
}

pub(super) fn key_id(text: &str) -> Result<ApiKeyId> {
    text.parse().map_err(|_| Error::NotFound)
}

/// "no ephemeral key", "1 ephemeral key", "more than 1000 ephemeral keys".
fn ephemeral(count: i64) -> String {
    match count {
        0 => "No ephemeral key".to_owned(),
        count if count > Ends::COUNTED => format!("More than {} ephemeral keys", html::number(Ends::COUNTED)),
        count => html::count(count, "ephemeral key"),
    }
}

pub async fn show(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let Ends { key, ephemeral: count } = api_keys::ends(&app, &inside.actor, key_id(&id)?).await?;
    let path = |id: ApiKeyId| inside.path(&format!("keys/{id}"));
    let agent = key.agent.zip(key.agent_name.clone());
    Ok(html::page(&Show {
        keys_path: inside.path("keys"),
        addresses: key.addresses(),
        agent: agent.map(|(id, name)| (name, inside.path(&format!("agents/{id}")))),
        replaced_by: key.replaced_by.map(path),
        family: (key.family != key.id).then(|| path(key.family)),
        ephemeral: ephemeral(count),
        form: Nonce::new_id(),
        is_blocked: key.state(app.db.now()) == api_keys::State::TooOld,
        own: key.owner == Some(inside.actor.person.user),
        row: row(&app, &inside, key),
        chrome: inside.chrome,
    }))
}

/// The address of a rotation's answer, come to without its form: the key's page has that.
pub async fn rotation(inside: Inside, Path((_, id)): Path<(String, String)>) -> Result {
    Ok(html::redirect(&inside.path(&format!("keys/{}", key_id(&id)?))))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rotation {
    form: String,
    overlap: String,
}

pub async fn rotate(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(typed): Form<Rotation>,
) -> Result {
    let id = key_id(&id)?;
    let overlap = typed.overlap.parse::<i64>().ok().filter(|hours| OVERLAPS.contains(hours));
    let overlap = overlap.ok_or(Error::Unfit("Choose how long the old key goes on, from the list."))?;
    let new = Nonce::id(&typed.form)?;
    match api_keys::rotate(&app, &inside.actor, id, new, overlap).await {
        Ok(new_key) => Ok(made::answer(&app, inside, new_key)),
        Err(ActError::StepUp(_)) => {
            let key = api_keys::one(&app, &inside.actor, id).await?;
            let what = format!("Rotate the admin API key {}", key.name);
            let act = Act { what: &what, verb: "Rotate" };
            let path = inside.path(&format!("keys/{id}/rotation"));
            let fields = [("form", typed.form.as_str()), ("overlap", &typed.overlap)];
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &fields).await
        }
        Err(error) => making::refused(&app, &inside, &context, error),
    }
}

/// What is asked before a key ends (V4).
struct Question {
    title: String,
    facts: Vec<String>,
    action: String,
    back: String,
}

#[derive(Template)]
#[template(path = "keys/revoke.html")]
struct QuestionPage {
    chrome: Chrome,
    question: Question,
}

#[derive(Template)]
#[template(path = "keys/_revoke.html")]
struct QuestionDialog {
    question: Question,
}

fn facts(key: &Listed, count: i64) -> Vec<String> {
    let mut facts = vec![match key.calls {
        0 => format!("{} was not used today.", key.shown),
        1 => format!("{} was used once today.", key.shown),
        calls => format!("{} was used {} times today.", key.shown, html::number(calls)),
    }];
    facts.push(match (&key.agent_name, key.kind) {
        (Some(agent), Kind::Live) => {
            format!(
                "{agent} gets no answer by it any more, in {}, from its next request on.",
                key.environment
            )
        }
        _ => "Whatever holds it gets no answer any more, from its next request on.".to_owned(),
    });
    if count > 0 {
        let ends = if count == 1 { "ends" } else { "end" };
        facts.push(format!("{} made from it {ends} with it.", ephemeral(count)));
    }
    facts.push("Nothing brings it back. What it did stays in the records.".to_owned());
    facts
}

pub async fn confirm_revocation(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let Ends { key, ephemeral } = api_keys::ends(&app, &inside.actor, key_id(&id)?).await?;
    let path = inside.path(&format!("keys/{}", key.id));
    let question = Question {
        title: format!("Revoke {}?", key.name),
        facts: facts(&key, ephemeral),
        action: format!("{path}/revocation"),
        back: path,
    };
    Ok(match context.fragment {
        true => html::page(&QuestionDialog { question }),
        false => html::page(&QuestionPage { chrome: inside.chrome, question }),
    })
}

pub async fn revoke(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response> {
    let key = api_keys::revoke_by(&app, &inside.actor, key_id(&id)?).await?;
    let response = html::go(context.fragment, &inside.path("keys"));
    Ok(session::with_flash(&app, response, &format!("{} opens nothing any more", key.name)))
}
