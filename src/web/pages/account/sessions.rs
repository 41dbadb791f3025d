use askama::Template;
use axum::extract::{Path, State};

use crate::app::Shared;
use crate::clock::Timestamp;
use crate::domain::account;
use crate::domain::organizations::{self, Policy, SessionLimits};
use crate::domain::sessions::{self, ListedSession, agent};
use crate::ids::SessionId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Form, Nothing};
use crate::web::gate::SignedIn;
use crate::web::html::{self, Moment};
use crate::web::session;

#[derive(Template)]
#[template(path = "account/sessions.html")]
struct Sessions {
    chrome: Chrome,
    rows: Vec<SessionRow>,
    limits: Limits,
}

/// How long a session lives, and the organizations that ask again sooner, in words.
struct Limits {
    idle: String,
    absolute: String,
    sooner: Vec<String>,
}

/// A session in words.
struct SessionRow {
    id: SessionId,
    own: bool,
    device: String,
    phone: bool,
    address: String,
    since: Moment,
    seen: Moment,
}

async fn rows(app: &Shared, signed_in: &SignedIn) -> Result<Vec<SessionRow>> {
    let times = signed_in.times(app);
    let sessions = sessions::list(app, signed_in.person.user).await?;
    let row = |session: ListedSession| SessionRow {
        own: session.id == signed_in.person.session,
        device: agent::in_words(&session.agent),
        phone: agent::is_phone(&session.agent),
        address: session.address.unwrap_or_else(|| "Unknown address".to_owned()),
        since: times.moment(session.created_at),
        seen: times.moment(session.last_seen_at),
        id: session.id,
    };
    let mut rows: Vec<SessionRow> = sessions.into_iter().map(row).collect();
    rows.sort_by_key(|row| !row.own);
    Ok(rows)
}

/// A session lives as long as the longest of its person's organizations allows (S10).
async fn limits(app: &Shared, signed_in: &SignedIn) -> Result<Limits> {
    let mut here = organizations::session_limits(&mut app.db.read().await?, signed_in.person.user).await?;
    here.retain(|one| signed_in.person.may_know_of(one.id));
    let idle = here.iter().map(|one| one.session_idle).max().unwrap_or(Policy::IDLE);
    let absolute = here.iter().map(|one| one.session_absolute).max().unwrap_or(Policy::ABSOLUTE);
    let in_words = Policy::length_in_words;
    let sooner = here
        .into_iter()
        .filter(|one| one.session_idle < idle || one.session_absolute < absolute)
        .map(|SessionLimits { name, session_idle, session_absolute, .. }| {
            let (idle, absolute) = (in_words(session_idle), in_words(session_absolute));
            format!("{name} asks you to sign in again after {idle} without a click there, and after {absolute} in all.")
        });
    Ok(Limits { sooner: sooner.collect(), idle: in_words(idle), absolute: in_words(absolute) })
}

pub async fn sessions(State(app): State<Shared>, signed_in: SignedIn) -> Result {
    let rows = rows(&app, &signed_in).await?;
    let limits = limits(&app, &signed_in).await?;
    Ok(html::page(&Sessions { rows, limits, chrome: signed_in.chrome }))
}

pub async fn end_session(
    State(app): State<Shared>,
    signed_in: SignedIn,
    context: Context,
    Path(id): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let id: SessionId = id.parse().map_err(|_| Error::NotFound)?;
    if !sessions::end(&app, signed_in.person.user, id).await? {
        return Err(Error::NotFound);
    }
    if id == signed_in.person.session {
        return Ok(html::go(context.fragment, "/sign-in"));
    }
    let response = html::go(context.fragment, "/account/sessions");
    Ok(session::with_flash(&app, response, "The session is ended"))
}

#[derive(Template)]
#[template(path = "account/end_others.html")]
struct EndOthers {
    chrome: Chrome,
    count: i64,
    sessions: String,
}

#[derive(Template)]
#[template(path = "account/_end_others.html")]
struct EndOthersDialog {
    count: i64,
    sessions: String,
}

pub async fn confirm_end_others(State(app): State<Shared>, signed_in: SignedIn, context: Context) -> Result {
    let count =
        sessions::count(&mut app.db.read().await?, signed_in.person.user, Timestamp::ZERO, app.db.now())
            .await?
            - 1;
    let sessions = html::count(count, "session");
    if context.fragment {
        return Ok(html::page(&EndOthersDialog { count, sessions }));
    }
    Ok(html::page(&EndOthers { chrome: signed_in.chrome, count, sessions }))
}

pub async fn end_others(
    State(app): State<Shared>,
    signed_in: SignedIn,
    context: Context,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let ended = account::end_other_sessions(&app, &signed_in.person).await?;
    let text = match ended {
        0 => "There was no other session".to_owned(),
        ended => format!("{} ended", html::count(ended.try_into().unwrap_or(0), "other session")),
    };
    let response = html::go(context.fragment, "/account/sessions");
    Ok(session::with_flash(&app, response, &text))
}
