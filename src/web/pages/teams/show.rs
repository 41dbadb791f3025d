//! One team: what it is, and who is in it.

use askama::Template;
use axum::extract::{Path, Query, State};

use super::{Asked, PAGE};
use crate::app::Shared;
use crate::domain::access::{Capability, Role};
use crate::domain::teams::{self, MemberPage, TeamMember};
use crate::domain::users::MemberState;
use crate::web::chrome::Chrome;
use crate::web::error::Result;
use crate::web::gate::Inside;
use crate::web::html::{self, Moment, Times};

#[derive(Template)]
#[template(path = "teams/show.html")]
struct Show {
    chrome: Chrome,
    teams_path: String,
    path: String,
    name: String,
    slug: String,
    people: String,
    made: Moment,
    rows: Vec<Row>,
    summary: String,
    first: bool,
    previous: Option<String>,
    next: Option<String>,
    /// Adds and removes people (R9).
    manages: bool,
    /// Renames, deletes, and says who maintains.
    may_manage: bool,
    /// What the team opens, for whoever may see that.
    access: Option<String>,
    /// The same people in the list of users, for whoever may see that.
    in_users: Option<String>,
}

struct Row {
    name: String,
    you: bool,
    maintainer: bool,
    added: Moment,
    /// What whoever manages the team sees of them.
    seen: Option<Seen>,
    path: String,
    /// Their page, for whoever may see that.
    page: Option<String>,
    /// Whether the reader may take them out.
    removable: bool,
}

struct Seen {
    email: String,
    role: Role,
    state: &'static str,
    tone: &'static str,
}

impl Row {
    fn new(inside: &Inside, times: &Times, path: &str, manages: bool, member: TeamMember) -> Row {
        let actor = &inside.actor;
        let you = member.user_id == actor.person.user;
        let ended = member.ends_at.is_some_and(|end| !times.is_ahead(end));
        let (state, tone) = match member.state {
            MemberState::Active if ended => ("Ended", "none"),
            MemberState::Active => ("Active", "ok"),
            MemberState::Suspended => ("Suspended", "warn"),
            MemberState::Removed => ("Removed", "none"),
        };
        let sees = manages || you;
        Row {
            path: format!("{path}/members/{}", member.user_id),
            page: actor
                .role
                .may(Capability::ReadUsers)
                .then(|| inside.path(&format!("users/{}", member.user_id))),
            removable: manages && (!member.maintainer || you || actor.role.may(Capability::ManageTeams)),
            added: times.moment(member.added_at),
            seen: sees.then(|| Seen { email: member.email.clone(), role: member.role, state, tone }),
            name: member.name,
            maintainer: member.maintainer,
            you,
        }
    }

    fn is_auditor(&self) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.role == Role::Auditor)
    }
}

pub async fn show(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, slug)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result {
    let place = asked.place()?;
    let MemberPage { team, page, manages } =
        teams::members(&app.db, &inside.actor, &slug, place.as_ref(), PAGE).await?;
    let (times, path) = (inside.times(&app), inside.path(&format!("teams/{}", team.slug)));
    let role = inside.actor.role;
    let row = |member| Row::new(&inside, &times, &path, manages, member);
    Ok(html::page(&Show {
        teams_path: inside.path("teams"),
        people: html::number(team.people),
        made: times.moment(team.created_at),
        summary: html::people(i64::try_from(page.rows.len()).unwrap_or(i64::MAX)),
        rows: page.rows.into_iter().map(row).collect(),
        first: place.is_none(),
        previous: page.previous.map(|place| asked.link(&path, Some(&place))),
        next: page.next.map(|place| asked.link(&path, Some(&place))),
        manages,
        may_manage: role.may(Capability::ManageTeams),
        access: role.may(Capability::WriteResources).then(|| format!("{path}/access")),
        in_users: role.may(Capability::ReadUsers).then(|| inside.path(&format!("users?team={}", team.slug))),
        name: team.name,
        slug: team.slug,
        path,
        chrome: inside.chrome,
    }))
}
