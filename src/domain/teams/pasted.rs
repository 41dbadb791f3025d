//! Adding the members whose addresses are pasted to a team, each line on its own.

use super::members::put_in;
use super::{Team, TeamError, by_slug, may_manage, sql};
use crate::domain::access::Actor;
use crate::domain::users;
use crate::domain::values::Pasted;
use crate::ids::UserId;
use crate::storage::Change;

/// What has become of what was pasted.
#[derive(Debug)]
pub struct Added {
    pub team: Team,
    pub lines: Vec<Line>,
    /// How many entries were not looked at.
    pub rest: usize,
}

impl Added {
    pub fn count(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line.outcome, Outcome::Added(_))).count()
    }
}

/// One entry, as far as it can be shown.
#[derive(Debug)]
pub struct Line {
    pub text: String,
    pub outcome: Outcome,
}

#[derive(Debug)]
pub enum Outcome {
    /// They are in the team now, by name.
    Added(String),
    /// They were in it already.
    Inside(String),
    Refused(String),
}

/// Adds the active members among the addresses; an address of anybody else stops none of the others. Whether it has
/// an account somewhere is not told (S4).
pub(crate) async fn add_pasted(
    change: &mut Change,
    actor: &Actor,
    slug: &str,
    text: &str,
) -> Result<Added, TeamError> {
    let Pasted { entries, rest } = Pasted::read(text);
    if entries.is_empty() {
        return Err(TeamError::NoAddress);
    }
    let actor = &users::current_actor(change, actor).await?;
    let team = by_slug(change, actor.organization, slug).await?;
    may_manage(change, actor, team.id).await?;
    let now = change.now();
    let addresses: Vec<String> =
        entries.iter().filter_map(|entry| entry.email.as_ref().ok().map(|email| email.canonical())).collect();
    let members = sql::members_at(change, actor.organization, &addresses, now).await?;
    let by = Some(actor.person.user);
    let mut lines = Vec::new();
    for entry in entries {
        let member = entry.email.map(|email| member_at(&members, &email.canonical()));
        let outcome = match member {
            Err(why) => Outcome::Refused(why.to_string()),
            Ok(None) => Outcome::Refused("No active member has this address.".to_owned()),
            Ok(Some((user, name))) => {
                match put_in(change, actor.organization, &team, user, &name, by, &actor.operator()).await? {
                    true => Outcome::Added(name),
                    false => Outcome::Inside(name),
                }
            }
        };
        lines.push(Line { text: entry.text, outcome });
    }
    Ok(Added { team, lines, rest })
}

fn member_at(members: &[(String, UserId, String)], address: &str) -> Option<(UserId, String)> {
    let found = members.iter().find(|(at, _, _)| at == address)?;
    Some((found.1, found.2.clone()))
}
