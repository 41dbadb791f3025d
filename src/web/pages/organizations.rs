//! A person's own organizations: making another, seeing them, leaving one.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::app::Shared;
use crate::config::SignUp;
use crate::domain::leaving::{self, Behind, LeaveError, Leaving};
use crate::domain::organizations::{self, Own};
use crate::domain::sign_up::{self, FoundError};
use crate::domain::values::OrganizationName;
use crate::domain::{invitations, sessions};
use crate::ids::OrganizationId;
use crate::web::chrome::Chrome;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form, Nothing};
use crate::web::gate::SignedIn;
use crate::web::html::{self, Moment};
use crate::web::session;

#[derive(Template)]
#[template(path = "organizations/new.html")]
struct New {
    chrome: Chrome,
    name: Field,
}

impl From<FoundError> for Error {
    fn from(error: FoundError) -> Error {
        match error {
            FoundError::Closed => Error::Forbidden(Some(error.to_string())),
            FoundError::Throttled(throttled) => throttled.into(),
            FoundError::Database(error) => error.into(),
        }
    }
}

pub async fn form(State(app): State<Shared>, signed_in: SignedIn) -> Result {
    if app.config.sign_up == SignUp::Closed {
        return Err(FoundError::Closed.into());
    }
    Ok(html::page(&New { chrome: signed_in.chrome, name: Field::default() }))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NameTyped {
    name: String,
}

pub async fn create(State(app): State<Shared>, signed_in: SignedIn, Form(typed): Form<NameTyped>) -> Result {
    if app.config.sign_up == SignUp::Closed {
        return Err(FoundError::Closed.into());
    }
    let mut name = Field::new(typed.name);
    let Some(parsed) = name.parse::<OrganizationName>() else {
        let page = New { chrome: signed_in.chrome, name };
        return Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    let organization = sign_up::found_another(&app, &signed_in.person, &parsed).await?;
    let text = format!("{} is ready, and you are its Owner", organization.name);
    Ok(session::with_flash(&app, html::redirect(&format!("/o/{}/users", organization.slug)), &text))
}

#[derive(Template)]
#[template(path = "organizations/index.html")]
struct Index {
    chrome: Chrome,
    rows: Vec<(Own, Moment)>,
    deleted: Vec<(Own, String)>,
}

/// `/account/organizations`: those that one is in, and those that one may have back.
pub async fn index(State(app): State<Shared>, signed_in: SignedIn) -> Result {
    let (now, times) = (app.db.now(), signed_in.times(&app));
    let mut reader = app.db.read().await?;
    let rows = organizations::of_user(&mut reader, signed_in.person.user, now).await?;
    let deleted = organizations::undoable_by(&mut reader, signed_in.person.user, now).await?;
    let until = |own: Own| {
        let until = own.closed_at.map(|at| times.minute(at.plus(organizations::UNDO)));
        (own, until.unwrap_or_default())
    };
    let since = |own: Own| {
        let since = times.moment(own.joined_at);
        (own, since)
    };
    Ok(html::page(&Index {
        rows: rows.into_iter().map(since).collect(),
        deleted: deleted.into_iter().map(until).collect(),
        chrome: signed_in.chrome,
    }))
}

#[derive(Template)]
#[template(path = "organizations/leave.html")]
struct Leave {
    chrome: Chrome,
    organization: String,
    slug: String,
    action: String,
    facts: Vec<String>,
    /// Why it can't be left, in place of the button.
    refused: Option<String>,
}

impl From<LeaveError> for Error {
    fn from(error: LeaveError) -> Error {
        match error {
            LeaveError::NotFound => Error::NotFound,
            LeaveError::LastOwner(_) | LeaveError::LastBreakGlass(_) => Error::Conflict(error.to_string()),
            LeaveError::Database(error) => error.into(),
        }
    }
}

fn organization_id(text: &str) -> Result<OrganizationId> {
    text.parse().map_err(|_| Error::NotFound)
}

/// Says what leaving ends, in numbers (V4).
pub async fn confirm_leaving(
    State(app): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result {
    let id = organization_id(&id)?;
    let (now, person) = (app.db.now(), &signed_in.person);
    let mut reader = app.db.read().await?;
    let Leaving { organization, member, behind, kept } =
        leaving::leaving(&mut reader, person, id, now).await?;
    let open = sessions::count(&mut reader, person.user, member.proofs_after, now).await?;
    let sent = invitations::count_sent_by_oneself(&mut reader, person, id).await?;
    let name = &organization.name;
    let mut facts = vec![format!(
        "You stop being {} of {name} at once, in {}.",
        member.role.with_article(),
        html::count(open, "open session")
    )];
    if sent > 0 {
        facts.push(format!(
            "{} that you sent {} working until someone else resends {}.",
            html::count(sent, "pending invite"),
            if sent == 1 { "stops" } else { "stop" },
            if sent == 1 { "it" } else { "them" },
        ));
    }
    facts.extend(behind_in_words(&behind));
    facts.push(
        "Your account and other organizations stay, and its audit log keeps what you did. Only a new invite \
         brings you back."
            .to_owned(),
    );
    let refused = kept.map(|kept| kept.refusal(name).to_string());
    Ok(html::page(&Leave {
        chrome: signed_in.chrome,
        action: format!("/account/organizations/{id}/leaving"),
        organization: organization.name,
        slug: organization.slug,
        facts,
        refused,
    }))
}

/// What of teams, keys and resources ends, or goes to an Owner; nothing, if there is none.
fn behind_in_words(behind: &Behind) -> Option<String> {
    let mut ends = Vec::new();
    match behind.teams.len() {
        0 => {}
        teams => ends.push(html::count(i64::try_from(teams).unwrap_or(i64::MAX), "team")),
    }
    if behind.entries > 0 {
        ends.push(format!("your own entry on {}", html::count(behind.entries, "resource")));
    }
    let mut facts = Vec::new();
    if !ends.is_empty() {
        facts.push(format!("You leave {}.", ends.join(" and ")));
    }
    match behind.keys.personal.len() {
        0 => {}
        1 => facts.push(format!("Your own key {} ends.", behind.keys.personal[0].2)),
        count => facts.push(format!("Your {count} own keys end.")),
    }
    if !behind.agents.is_empty() {
        facts.push(format!(
            "The Owner who has been one for the longest answers for {}.",
            html::count(i64::try_from(behind.agents.len()).unwrap_or(i64::MAX), "shared agent")
        ));
    }
    if behind.made.count > 0 {
        facts.push(format!(
            "{} that you made {} to the Owner who has been one for the longest.",
            html::count(behind.made.count, "resource"),
            if behind.made.count == 1 { "goes" } else { "go" }
        ));
    }
    (!facts.is_empty()).then(|| facts.join(" "))
}

pub async fn leave(
    State(app): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let organization = leaving::leave(&app, &signed_in.person, organization_id(&id)?).await?;
    let text = format!("You have left {}", organization.name);
    Ok(session::with_flash(&app, html::redirect("/account/organizations"), &text))
}
