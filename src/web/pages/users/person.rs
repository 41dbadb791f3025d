//! A member's own page: what they are here and since when, and what they have done.

use askama::Template;
use axum::extract::{Path, State};

use super::Row;
use super::acts::{Begun, user_id};
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::domain::access::{Capability, Role};
use crate::domain::audit::{self as audit_log, Filter};
use crate::domain::invitations::{self, Sent};
use crate::domain::sessions::{self, OpeningSession, agent};
use crate::domain::teams;
use crate::domain::users::{self, By, Member, MemberState, Profile};
use crate::web::chrome::Chrome;
use crate::web::error::Result;
use crate::web::gate::Inside;
use crate::web::html::{self, Moment, Times};
use crate::web::pages::audit;
use crate::web::pages::invitations::refused;

/// How many invitations of each state, and how many rows of the audit log.
const INVITATIONS: i64 = 10;
const ROWS: usize = 20;

#[derive(Template)]
#[template(path = "users/person.html")]
struct Person {
    chrome: Chrome,
    organization: String,
    users_path: String,
    row: Row,
    /// Whether they can be here now.
    active: bool,
    facts: Facts,
    sessions: Vec<OpenSession>,
    /// Name, path and whether they maintain it.
    teams: Vec<(String, String, bool)>,
    invitations: Vec<SentRow>,
    audit: Option<Records>,
}

/// Since when, and by whom.
struct Facts {
    role: Since,
    /// Unless they are active since they joined, which stands beside.
    state: Option<Since>,
    invited_by: Option<Whom>,
}

struct Since {
    at: Moment,
    by: Option<Whom>,
}

/// Somebody's name, and their page, if they have one.
struct Whom {
    name: String,
    path: Option<String>,
}

struct SentRow {
    email: String,
    role: Role,
    state: &'static str,
    tone: &'static str,
    /// "Ends", "Accepted"; nothing where the time says it.
    verb: &'static str,
    at: Moment,
    path: Option<String>,
}

struct Records {
    rows: Vec<audit::Row>,
    all: String,
}

/// A session that opens this organization, in words.
pub(in crate::web::pages) struct OpenSession {
    pub device: String,
    pub phone: bool,
    pub address: String,
    pub since: Moment,
    /// The last click in here.
    pub seen: Option<Moment>,
}

impl OpenSession {
    pub(in crate::web::pages) fn in_words(session: OpeningSession, times: &Times) -> OpenSession {
        OpenSession {
            device: agent::in_words(&session.agent),
            phone: agent::is_phone(&session.agent),
            address: session.address.unwrap_or_else(|| "Unknown address".to_owned()),
            since: times.moment(session.proven_at),
            seen: session.clicked_at.map(|at| times.moment(at)),
        }
    }
}

pub async fn show(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, user)): Path<(String, String)>,
) -> Result {
    let user = user_id(&user)?;
    let (now, times) = (app.db.now(), inside.times(&app));
    let profile = users::profile(&app.db, &inside.actor, user).await?;
    let member = &profile.member;
    let active = member.is_active(now);
    let sessions = if active {
        sessions::opening(&mut app.db.read().await?, inside.organization.id, member, now).await?
    } else {
        Vec::new()
    };
    let sent = invitations::sent_by(&app.db, &inside.actor, user, INVITATIONS).await.map_err(refused)?;
    let sent = sent.pending.into_iter().chain(sent.accepted);
    let found = teams::of_people(&mut app.db.read().await?, inside.organization.id, &[user]).await?;
    let in_teams = found
        .into_iter()
        .map(|team| (team.name, inside.path(&format!("teams/{}", team.slug)), team.maintainer))
        .collect();
    let audit = if inside.actor.role.may(Capability::ReadAudit) {
        let rows = audit_log::list(
            &app.db,
            &inside.actor,
            &Filter { person: Some(user), ..Filter::default() },
            ROWS,
        )
        .await?
        .rows;
        let all = format!("{}?person={user}", inside.path("audit"));
        Some(Records { rows: rows.into_iter().map(audit::in_words).collect(), all })
    } else {
        None
    };
    Ok(html::page(&Person {
        organization: inside.organization.name.clone(),
        users_path: inside.path("users"),
        active,
        teams: in_teams,
        facts: facts(&inside, &times, &profile),
        sessions: sessions.into_iter().map(|session| OpenSession::in_words(session, &times)).collect(),
        invitations: sent.map(|sent| sent_row(&inside, &times, member, now, sent)).collect(),
        audit,
        row: Row::new(&inside, &Begun::default(), profile.member, &times),
        chrome: inside.chrome,
    }))
}

fn facts(inside: &Inside, times: &Times, profile: &Profile) -> Facts {
    let whom = |by: By| match by {
        By::Member(id, name) => Whom { name, path: Some(inside.path(&format!("users/{id}"))) },
        By::Themselves => Whom { name: "themselves".to_owned(), path: None },
        By::Interlock => Whom { name: "Interlock, on their end date".to_owned(), path: None },
        By::Sysadmin => Whom { name: "the sysadmin".to_owned(), path: None },
    };
    let state = Since { at: times.moment(profile.state_since), by: profile.state_by().map(whom) };
    let member = &profile.member;
    let as_joined = member.state == MemberState::Active && profile.state_since == member.joined_at;
    Facts {
        role: Since { at: times.moment(profile.role_since), by: profile.role_by().map(whom) },
        state: (!as_joined).then_some(state),
        invited_by: profile.invited_by().map(whom),
    }
}

fn sent_row(inside: &Inside, times: &Times, sender: &Member, now: Timestamp, sent: Sent) -> SentRow {
    let Sent { invitation, closed_at, accepted_by, maintained } = sent;
    let expires = times.until(invitation.expires_at);
    let (state, tone, verb, at) = match closed_at {
        Some(at) => ("Accepted", "ok", "Accepted", times.moment(at)),
        None if invitation.has_expired(now) => ("Expired", "warn", "", expires),
        None if !invitation.is_grantable_by(Some(sender), maintained, now) => {
            ("Void", "bad", "Ends", expires)
        }
        None => ("Pending", "none", "Ends", expires),
    };
    SentRow {
        email: invitation.email,
        role: invitation.role,
        state,
        tone,
        verb,
        at,
        path: accepted_by.map(|id| inside.path(&format!("users/{id}"))),
    }
}
