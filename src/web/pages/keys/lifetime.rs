//! The organization's rule for the longest life of a key: each choice says what it blocks at once (V4).

use askama::Template;
use axum::extract::State;
use serde::Deserialize;

use crate::app::Shared;
use crate::domain::api_keys::{self, LONGEST};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::Form;
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::session;

struct Choice {
    days: i64,
    title: String,
    what: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "keys/lifetime.html")]
struct Page {
    chrome: Chrome,
    path: String,
    choices: Vec<Choice>,
}

fn blocks(count: i64) -> String {
    match count {
        0 => "Blocks none of the keys that work now.".to_owned(),
        1 => "Blocks 1 key that works now, at once.".to_owned(),
        count => format!("Blocks {} keys that work now, at once.", html::number(count)),
    }
}

pub async fn lifetime(State(app): State<Shared>, inside: Inside) -> Result {
    let rule = api_keys::rule(&app, &inside.actor).await?;
    let mut choices = vec![Choice {
        days: 0,
        title: "No rule".to_owned(),
        what: "Keys live as long as they are made for.".to_owned(),
        chosen: rule.longest.is_none(),
    }];
    choices.extend(LONGEST.into_iter().zip(rule.blocks).map(|(days, count)| Choice {
        days,
        title: format!("{days} days"),
        what: blocks(count),
        chosen: rule.longest == Some(days),
    }));
    Ok(html::page(&Page { path: inside.path("keys"), chrome: inside.chrome, choices }))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    days: String,
}

pub async fn change_lifetime(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    let days = match typed.days.parse::<i64>() {
        Ok(0) => None,
        Ok(days) if LONGEST.contains(&days) => Some(days),
        _ => return Err(Error::Unfit("Choose how long keys live at most, from the list.")),
    };
    api_keys::set_rule(&app, &inside.actor, days).await?;
    let said = match days {
        Some(days) => format!("Keys live for {days} days at most"),
        None => "Keys live as long as they are made for".to_owned(),
    };
    Ok(session::with_flash(&app, html::go(context.fragment, &inside.path("keys")), &said))
}
