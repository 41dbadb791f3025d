//! A key in words.

use crate::app::Shared;
use crate::domain::access::Capability;
use crate::domain::api_keys::{Kind, Listed, State};
use crate::domain::users::MemberState;
use crate::web::gate::Inside;
use crate::web::html::{self, Moment, Times};

/// A key as lists and pages show it.
pub struct Row {
    pub path: String,
    pub name: String,
    pub shown: String,
    pub kind: Kind,
    /// The agent, or whom it acts for.
    pub holder: String,
    pub environment: String,
    /// Its name, and where it is.
    pub permission: Option<(String, String)>,
    pub made_by: String,
    pub made: Moment,
    pub used: Option<Moment>,
    pub used_from: String,
    pub calls: String,
    pub state: String,
    pub tone: &'static str,
    pub ends: String,
    /// Whether the reader may give its place to a new one, and whether there is something to end.
    pub rotates: bool,
    pub stands: bool,
}

impl Row {
    pub fn kind_name(&self) -> &'static str {
        kind_name(self.kind)
    }

    /// "1 call", "1,284 calls": today's.
    pub fn calls_in_words(&self) -> String {
        if self.calls == "1" { "1 call".to_owned() } else { format!("{} calls", self.calls) }
    }

    pub fn used_today(&self) -> String {
        match self.calls.as_str() {
            "0" => "It was not used today.".to_owned(),
            "1" => "It was used once today.".to_owned(),
            times => format!("It was used {times} times today."),
        }
    }

    /// What it may, where no permission says so.
    pub fn without_permission(&self) -> String {
        match self.kind {
            Kind::Live => "None: no scope".to_owned(),
            Kind::Development | Kind::Ephemeral => "All of the plan".to_owned(),
            Kind::Admin => format!("What {} may", self.holder),
        }
    }
}

pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Live => "Live",
        Kind::Development => "Development",
        Kind::Ephemeral => "Ephemeral",
        Kind::Admin => "Admin",
    }
}

fn state(key: &Listed, state: State, times: &Times) -> (String, &'static str) {
    let owner = || key.owner_name.as_deref().unwrap_or("its person");
    match state {
        State::Works => ("Works".to_owned(), "ok"),
        State::Soon(at) => (format!("Ends {}", times.until(at).within()), "warn"),
        State::Replaced(at) => (format!("Replaced: works until {}", times.minute(at)), "warn"),
        State::TooOld => ("Blocked: too old".to_owned(), "bad"),
        State::OwnerGone => {
            let suspended = key.owner_stands.state == Some(MemberState::Suspended);
            let why = if suspended { "suspended" } else { "no member" };
            (format!("Blocked: {} is {why}", owner()), "bad")
        }
        State::OwnerRole => (format!("Blocked: the role of {} has no such keys", owner()), "bad"),
        State::Expired if key.replaced_at.is_some() => ("Replaced".to_owned(), "none"),
        State::Expired => ("Expired".to_owned(), "none"),
        State::Revoked if key.replaced_at.is_some() => ("Replaced".to_owned(), "none"),
        State::Revoked => ("Revoked".to_owned(), "none"),
    }
}

pub fn row(app: &Shared, inside: &Inside, key: Listed) -> Row {
    let (now, times) = (app.db.now(), inside.times(app));
    let is = key.state(now);
    let (state, tone) = state(&key, is, &times);
    let is_personal = key.kind.is_personal();
    let holder = if is_personal { key.owner_name.clone() } else { key.agent_name.clone() };
    let reads_permissions = inside.actor.role.may(Capability::ReadPermissions);
    let permission = key.permission_name.clone().zip(key.permission).map(|(name, id)| {
        let link = if reads_permissions { inside.path(&format!("permissions/{id}")) } else { String::new() };
        (name, link)
    });
    Row {
        path: inside.path(&format!("keys/{}", key.id)),
        rotates: key.is_rotated_by(&inside.actor, now),
        stands: !matches!(is, State::Revoked | State::Expired),
        ends: key.ends_at().map_or_else(|| "Never".to_owned(), |at| times.day(at)),
        made: times.moment(key.created_at),
        used: key.last_used_at.map(|at| times.moment(at)),
        used_from: key.last_used_from.unwrap_or_default(),
        calls: html::number(key.calls),
        made_by: key.created_by_name.unwrap_or_else(|| "Sysadmin".to_owned()),
        holder: holder.unwrap_or_default(),
        name: key.name,
        shown: key.shown,
        kind: key.kind,
        environment: key.environment,
        permission,
        state,
        tone,
    }
}
