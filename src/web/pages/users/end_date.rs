//! The day after which a membership is over: asked for in a dialog, on a page of its own, and on the person's page.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::acts::{Begun, asked_about, done, user_id};
use crate::app::Shared;
use crate::domain::users::{self, Member, MemberError};
use crate::domain::values::{Day, NotADay};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::Result;
use crate::web::forms::{Field, Form};
use crate::web::gate::Inside;
use crate::web::html;

/// The form of `users/_end_date.html`.
pub struct EndDate {
    pub action: String,
    pub name: String,
    pub ends: Field,
    /// The first day that can be chosen.
    pub today: Day,
    /// The member's row, where the answer goes.
    pub row: String,
    pub back: String,
}

impl EndDate {
    pub fn new(app: &Shared, inside: &Inside, begun: &Begun, member: &Member) -> EndDate {
        let zone = &inside.actor.person.time_zone;
        let last = member.ends_at.map(|end| Day::ending(end, zone).to_string());
        EndDate {
            action: begun.path(inside, member.user_id, "end-date"),
            name: member.name.clone(),
            ends: Field::new(last.unwrap_or_default()),
            today: Day::of(app.db.now(), zone),
            row: format!("#user-{}", member.user_id),
            back: begun.back(inside, member.user_id),
        }
    }
}

#[derive(Template)]
#[template(path = "users/end_date.html")]
struct Page {
    chrome: Chrome,
    end_date: EndDate,
}

#[derive(Template)]
#[template(path = "users/_end_date_dialog.html")]
struct Dialog {
    end_date: EndDate,
}

fn show(inside: Inside, context: &Context, status: StatusCode, end_date: EndDate) -> Response {
    if !context.fragment {
        return html::page_with(status, &Page { chrome: inside.chrome, end_date });
    }
    let mut response = html::page_with(status, &Dialog { end_date });
    // The dialog's form aims at the row, where a refusal has no place.
    for (name, value) in [("hx-retarget", "#dialog-slot"), ("hx-reswap", "innerHTML")] {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

pub async fn end_date_form(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Query(begun): Query<Begun>,
) -> Result {
    let member = asked_about(&app, &inside, &user).await?;
    let end_date = EndDate::new(&app, &inside, &begun, &member);
    Ok(show(inside, &context, StatusCode::OK, end_date))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    ends: String,
}

pub async fn change_end_date(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Query(begun): Query<Begun>,
    Form(typed): Form<Typed>,
) -> Result {
    let day = match typed.ends.as_str() {
        "" => Ok(None),
        text => text.parse::<Day>().map(Some),
    };
    let wrong = match day {
        Ok(day) => match users::change_end_date(&app, &inside.actor, user_id(&user)?, day).await {
            Ok(change) => {
                let ends = change.member.ends_at.map(|end| inside.times(&app).last_minute(end));
                let title = match ends {
                    Some(last) => format!("{}’s membership lasts until {last}", change.member.name),
                    None => format!("{}’s membership has no end date", change.member.name),
                };
                let text = if change.from == change.member.ends_at {
                    "Nothing has changed."
                } else {
                    "They get a mail that says so."
                };
                return done(&app, &inside, &context, &begun, change.member, &title, text).await;
            }
            Err(MemberError::EndDate(error)) => error.to_string(),
            Err(error) => return Err(error.into()),
        },
        Err(NotADay) => NotADay.to_string(),
    };
    let member = asked_about(&app, &inside, &user).await?;
    let ends = Field { value: typed.ends, ..Field::wrong(wrong) };
    let end_date = EndDate { ends, ..EndDate::new(&app, &inside, &begun, &member) };
    Ok(show(inside, &context, StatusCode::UNPROCESSABLE_ENTITY, end_date))
}
