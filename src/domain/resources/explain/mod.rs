//! Who may open a resource, through what, and why (not) (A14). Pages and files say what [`words`] says of a
//! [`Decision`](super::Decision).

mod reach;
mod sql;
mod words;

pub use self::reach::{Opener, Reach, Through, of_person, of_team, who_may};
pub use self::words::{Explanation, Names, via};
use super::{
    Audience, Facts, Permission, Resource, ResourceError, Who, decide, find, inherited_from, may_explain,
    may_read, who, whole_facts,
};
use crate::domain::access::{Actor, Capability, Denied};
use crate::domain::environments::Place;
use crate::domain::values::Email;
use crate::domain::{organizations, teams, users};
use crate::ids::{TeamId, UserId};
use crate::storage::{Db, Lends};

/// A resource with all that its decisions rest on, and what things are called.
#[derive(Debug)]
pub struct Whole {
    pub resource: Resource,
    pub facts: Facts,
    pub organization: String,
    pub teams: Vec<(TeamId, String)>,
    pub inherited: Option<String>,
}

impl Whole {
    pub fn names<'a>(&'a self, who: &'a str) -> Names<'a> {
        Names {
            who,
            resource: &self.resource.name,
            organization: &self.organization,
            teams: &self.teams,
            inherited: self.inherited.as_deref(),
        }
    }

    /// The sentence on those who are in it without being listed by name, or on why nobody else is.
    pub fn anyone(&self) -> Option<String> {
        let access = &self.facts.access;
        let default = access.default;
        if self.facts.is_archived {
            return Some("It is archived: nobody opens it until it is taken back into use.".to_owned());
        }
        if self.facts.developer.is_some() {
            return Some(
                "It is in Dev mode: its developer alone opens it, whatever its access says.".to_owned(),
            );
        }
        match access.audience {
            Audience::Public => Some(format!(
                "Anyone may open it, signed in or not. Nobody signed in has more than Read; anyone else has {default}."
            )),
            Audience::Unlisted => Some(format!(
                "Anyone with a link that works may open it. Nobody signed in has more than Read; anyone else has \
                 {default}."
            )),
            Audience::DomainRestricted => Some(format!(
                "Anyone whose verified address is at {} may open it, with {default}, whether they are a member or not.",
                access.domain.as_deref().unwrap_or("no domain")
            )),
            _ => None,
        }
    }
}

/// A resource whose access may be explained to the actor. One that they may not know of is not there (A11).
pub async fn whole(db: &Db, actor: &Actor, place: &Place, key: &str) -> Result<Whole, ResourceError> {
    actor.may(Capability::ReadResources)?;
    let mut reader = db.read().await?;
    let resource = find(&mut reader, place, key).await?.ok_or(ResourceError::NotFound)?;
    match may_explain(actor, &resource) {
        true => {}
        false if may_read(actor, &resource) => return Err(Denied.into()),
        false => return Err(ResourceError::NotFound),
    }
    Ok(load(&mut reader, resource).await?)
}

async fn load(on: &mut impl Lends, resource: Resource) -> sqlx::Result<Whole> {
    let facts = whole_facts(on, &resource).await?;
    let organization = organizations::by_id(on, resource.organization).await?.name;
    let all = match facts.access.teams.is_empty() {
        true => Vec::new(),
        false => teams::all(on, resource.organization).await?,
    };
    let named = all.into_iter().filter(|team| facts.access.of_team(team.id).is_some());
    let teams = named.map(|team| (team.id, team.name)).collect();
    let inherited = inherited_from(on, &resource).await?.map(|(_, key)| key);
    Ok(Whole { resource, facts, organization, teams, inherited })
}

/// Why somebody may do something with a resource, or not. Of an address that is no member's it is not told whether it
/// has an account (S4): it is answered as that of somebody who has proven it.
pub async fn why(db: &Db, whole: &Whole, email: &Email, asked: Permission) -> sqlx::Result<Explanation> {
    let (organization, now) = (whole.resource.organization, db.now());
    let mut reader = db.read().await?;
    let canonical = email.canonical();
    let user = users::by_email(&mut reader, &canonical).await?;
    let member = match &user {
        Some(user) if sql::has_membership(&mut reader, organization, user.id).await? => Some(user),
        _ => None,
    };
    let (person, name) = match member {
        Some(user) => (who(&mut reader, organization, user.id, now).await?, user.name.clone()),
        None => (Who::stranger(user.as_ref().map(|user| user.id), &canonical), email.as_str().to_owned()),
    };
    let mut facts = whole.facts.clone();
    let waits = sql::waiting_entry(&mut reader, whole.resource.id, &canonical).await?;
    super::load::with_waiting(&mut facts, &person, waits);
    Ok(answer(whole, &facts, &person, &name, asked))
}

/// The same of a member whom something acts for.
pub(crate) async fn why_member(
    db: &Db,
    whole: &Whole,
    user: UserId,
    name: &str,
    asked: Permission,
) -> sqlx::Result<Explanation> {
    let person = who(&mut db.read().await?, whole.resource.organization, user, db.now()).await?;
    Ok(answer(whole, &whole.facts, &person, name, asked))
}

fn answer(whole: &Whole, facts: &Facts, person: &Who, name: &str, asked: Permission) -> Explanation {
    let decision = decide(facts, &person.subject(), asked.into());
    words::explain(facts, person, asked, &decision, &whole.names(name))
}
