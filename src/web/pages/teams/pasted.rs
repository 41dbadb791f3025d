//! Pasting the addresses of members who are to be in a team: each line gets its own answer.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::members::after_pasting;
use crate::app::Shared;
use crate::domain::resources::joining;
use crate::domain::teams::{Added, Line, Outcome, TeamError};
use crate::web::error::Result;
use crate::web::forms::{Field, Form};
use crate::web::gate::Inside;

/// As much as inviting many takes.
const MOST_BYTES: usize = 60_000;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    emails: String,
}

/// What has become of each line.
pub(super) struct Results {
    pub added: usize,
    pub sum: String,
    pub rows: Vec<Row>,
}

pub(super) struct Row {
    pub text: String,
    pub tone: &'static str,
    pub state: &'static str,
    /// Who it is, or why it is nobody.
    pub more: String,
}

impl Results {
    fn of(added: &Added) -> Results {
        let count = added.count();
        let mut sum = match count {
            0 => format!("Nobody is new in {}", added.team.name),
            1 => format!("1 person is in {} now", added.team.name),
            more => format!("{more} people are in {} now", added.team.name),
        };
        if added.rest > 0 {
            sum.push_str(&format!(". {} more were not looked at: paste fewer at once", added.rest));
        }
        Results { added: count, sum, rows: added.lines.iter().map(row).collect() }
    }
}

fn row(Line { text, outcome }: &Line) -> Row {
    let (tone, state, more) = match outcome {
        Outcome::Added(name) => ("ok", "Added", name),
        Outcome::Inside(name) => ("none", "In it already", name),
        Outcome::Refused(why) => ("bad", "Not added", why),
    };
    Row { text: text.clone(), tone, state, more: more.clone() }
}

/// The box keeps the lines that led to nobody, to be mended and pasted again.
fn kept(added: &Added) -> String {
    let refused = added.lines.iter().filter(|line| matches!(line.outcome, Outcome::Refused(_)));
    refused.map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

pub async fn add_pasted(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, slug)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let mut emails = Field::new(&typed.emails);
    if typed.emails.len() > MOST_BYTES {
        emails.error = Some("This is too much at once. Paste fewer.".to_owned());
        return after_pasting(&app, inside, &slug, emails, None).await;
    }
    match joining::add_pasted_to_team(&app, &inside.actor, &slug, &typed.emails).await {
        Ok(added) => {
            let results = Results::of(&added);
            after_pasting(&app, inside, &slug, Field::new(kept(&added)), Some(results)).await
        }
        Err(error @ TeamError::NoAddress) => {
            emails.error = Some(error.to_string());
            emails.focus = true;
            after_pasting(&app, inside, &slug, emails, None).await
        }
        Err(error) => Err(error.into()),
    }
}
