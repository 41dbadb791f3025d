//! The one screen before someone is removed: what they leave behind, and what becomes of it (R8).

use askama::Template;
use axum::extract::{Path, State};
use serde::Deserialize;

use super::step_up::{self, Act};
use super::users::{OpenSession, user_id};
use crate::app::Shared;
use crate::domain::invitations::{Fate, Left, Settled};
use crate::domain::leaving::{self, Behind, RemoveError};
use crate::domain::resources::leaving::Made;
use crate::domain::users::{self, Member, MemberError};
use crate::ids::UserId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::Form;
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::session;

#[derive(Template)]
#[template(path = "leaving/index.html")]
struct Page {
    chrome: Chrome,
    organization: String,
    users_path: String,
    path: String,
    member: Member,
    in_sessions: String,
    sessions: Vec<OpenSession>,
    left: Left,
    behind: Behind,
}

impl Page {
    /// Which teams they leave, in words.
    fn teams(&self) -> String {
        match self.behind.teams.as_slice() {
            [] => "They are in no team.".to_owned(),
            [team] => format!("They leave {team}."),
            teams => {
                let count = i64::try_from(teams.len()).unwrap_or(i64::MAX);
                format!("They leave {}: {}.", html::count(count, "team"), teams.join(", "))
            }
        }
    }

    fn entries(&self) -> String {
        match self.behind.entries {
            0 => "No resource names them in an entry.".to_owned(),
            entries => format!("Their own entry on {} ends.", html::count(entries, "resource")),
        }
    }

    /// What they have made, in numbers.
    fn made(&self) -> String {
        let Made { count, in_dev_mode, .. } = &self.behind.made;
        let mut text = match count {
            0 => "They have made no resource that others have.".to_owned(),
            count => {
                format!("They have made {}: an Owner has it from now on.", html::count(*count, "resource"))
            }
        };
        if *count > 1 {
            text = text.replace("has it", "has them");
        }
        if *in_dev_mode > 0 {
            let are = if *in_dev_mode == 1 { "is" } else { "are" };
            let drafts = html::count(*in_dev_mode, "resource");
            text.push_str(&format!(" {drafts} in their Dev mode {are} archived."));
        }
        text
    }

    /// Which of their keys end, and what goes on.
    fn keys(&self) -> String {
        let held = &self.behind.keys;
        let mut text = match held.personal.len() {
            0 => "They have no development or admin key.".to_owned(),
            1 => "Their own key ends at once.".to_owned(),
            count => format!("Their {count} own keys end at once."),
        };
        match held.live {
            0 => {}
            1 => text.push_str(" 1 live key that they made goes on. Rotate it, if they may have kept it."),
            live => text.push_str(&format!(
                " {} live keys that they made go on. Rotate them, if they may have kept one.",
                html::number(live)
            )),
        }
        text
    }

    fn agents(&self) -> String {
        match self.behind.agents.as_slice() {
            [] => "They answer for no shared agent.".to_owned(),
            [agent] => format!("An Owner answers for {agent} from now on."),
            agents => format!("An Owner answers for {} from now on.", agents.join(", ")),
        }
    }

    /// Whether there is something that an Owner has from now on.
    fn hands_over(&self) -> bool {
        self.behind.made.count > 0 || !self.behind.agents.is_empty()
    }

    fn more_made(&self) -> Option<String> {
        let more = self.behind.made.more();
        (more > 0).then(|| html::number(more))
    }

    fn is_heir(&self, owner: &UserId) -> bool {
        self.behind.heir.as_ref() == Some(owner)
    }

    /// What they have sent that is still open, in numbers.
    fn summary(&self) -> String {
        let Left { pending, beyond, lists, queued, .. } = self.left;
        let mut text = match pending {
            0 => "None is pending.".to_owned(),
            1 => "1 is pending.".to_owned(),
            more => format!("{} are pending.", html::number(more)),
        };
        match beyond {
            0 => {}
            1 => text.push_str(
                " 1 gives a role that is not within yours: it is void until someone with that role resends it.",
            ),
            more => text.push_str(&format!(
                " {more} give a role that is not within yours: they are void until someone with that role resends them."
            )),
        }
        if lists > 0 {
            let (lists, queued) = (html::count(lists, "list"), html::count(queued, "invite"));
            text.push_str(&format!(" {lists} with {queued} left to send."));
        }
        text
    }

    /// What the choice is about.
    fn to_decide(&self) -> String {
        html::count(self.left.pending - self.left.beyond + self.left.queued, "invite")
    }

    fn more(&self) -> Option<String> {
        let more = self.left.pending - i64::try_from(self.left.newest.len()).unwrap_or(0);
        (more > 0).then(|| html::number(more))
    }
}

pub async fn show(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, user)): Path<(String, String)>,
) -> Result {
    let preview = leaving::preview(&app.db, &inside.actor, user_id(&user)?).await?;
    let times = inside.times(&app);
    let sessions = preview.sessions.into_iter().map(|session| OpenSession::in_words(session, &times));
    let sessions: Vec<OpenSession> = sessions.collect();
    Ok(html::page(&Page {
        organization: inside.organization.name.clone(),
        users_path: inside.path("users"),
        path: inside.path(&format!("users/{}", preview.member.user_id)),
        in_sessions: html::count(i64::try_from(sessions.len()).unwrap_or(i64::MAX), "open session"),
        member: preview.member,
        sessions,
        left: preview.invitations,
        behind: preview.behind,
        chrome: inside.chrome,
    }))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    invitations: String,
    /// Who has what they made: an Owner's id.
    heir: String,
}

pub async fn remove(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result {
    let user = user_id(&user)?;
    let invites = match typed.invitations.as_str() {
        "keep" => Fate::HandOver,
        // Nobody said that they answer for them.
        "revoke" | "" => Fate::Revoke,
        _ => return Err(Error::Unfit("Choose whether the pending invites are kept or revoked.")),
    };
    let heir = match typed.heir.as_str() {
        "" => None,
        id => {
            Some(id.parse().map_err(|_| Error::Unfit("This is no active Owner. Choose one from the list."))?)
        }
    };
    match leaving::remove(&app, &inside.actor, user, invites, heir).await {
        Ok((member, settled)) => {
            let response = html::go(context.fragment, &inside.path("users"));
            Ok(session::with_flash(&app, response, &said(&member, settled)))
        }
        Err(RemoveError::NotAnOwner) => {
            Err(Error::Unfit("This is no active Owner. Choose one from the list."))
        }
        Err(RemoveError::Member(MemberError::StepUp(_))) => {
            let path = inside.path(&format!("users/{user}/removal"));
            let fields = [("invitations", typed.invitations.as_str()), ("heir", typed.heir.as_str())];
            let member = users::member(&app.db, &inside.actor, user).await?;
            let what = format!("Remove {} from {}", member.name, inside.organization.name);
            let act = Act { what: &what, verb: "Remove" };
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &fields).await
        }
        Err(RemoveError::Member(error)) => Err(error.into()),
    }
}

fn said(member: &Member, settled: Settled) -> String {
    let invites = match settled {
        Settled { handed_over: 0, revoked: 0 } => String::new(),
        Settled { handed_over: 0, revoked } => format!(", and {} revoked", html::count(revoked, "invite")),
        Settled { handed_over, .. } => {
            format!(", and you answer for {} now", html::count(handed_over, "invite"))
        }
    };
    format!("{} is removed{invites}", member.name)
}
