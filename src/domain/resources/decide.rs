//! `decide`: who may do what with a resource, and why. Pages, the launcher, forward-auth, the API and "why?" ask
//! this one function (A).

use super::access::{Access, Audience, Kind, Permissions};
use crate::domain::access::{Capability, Role};
use crate::ids::{TeamId, UserId};

/// What of a resource a decision rests on. Its access is the one in force: its own, that of the page above it, or
/// what holds where nothing was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub kind: Kind,
    pub creator: UserId,
    pub is_archived: bool,
    /// Whose it is, of a resource in Dev mode.
    pub developer: Option<UserId>,
    pub access: Access,
}

/// How someone stands to the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Never a member: a guest, or nobody at all.
    Outside,
    /// A member whom the gate has let in, or would.
    Active(Role),
    Suspended,
    /// Past its end date.
    Ended,
    /// Removed, or gone by themselves. Entries that they had went with the membership (R8): those that are there
    /// were made since.
    Removed,
}

/// Whoever the question is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Nobody, where nobody is signed in.
    pub user: Option<UserId>,
    pub standing: Standing,
    /// The canonical domain of their verified address.
    pub domain: &'a str,
    /// Their teams, sorted.
    pub teams: &'a [TeamId],
    /// Whether they hold a link that works.
    pub has_link: bool,
}

impl Subject<'_> {
    /// Nobody signed in, and without a link.
    pub const NOBODY: Subject<'static> =
        Subject { user: None, standing: Standing::Outside, domain: "", teams: &[], has_link: false };
}

/// What lets someone in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// They made it, or it was handed to them.
    Creator,
    Public,
    Link,
    Domain,
    /// An entry of their own.
    Entry,
    /// A team of theirs: the first of those that admit.
    Team(TeamId),
    Organization,
}

/// What keeps someone out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Archived,
    /// Another developer's, in Dev mode; or theirs, and their role does not develop any more.
    OtherDeveloper,
    /// Nobody is signed in, and it takes somebody.
    SignedOut,
    Suspended,
    Ended,
    Removed,
    /// What would let them in takes a membership, or one whose role may open resources (A3).
    NoMember,
    Role(Role),
    /// The audience does not have them in it.
    NotInAudience(Audience),
    /// They are in, and may do other things than what was asked.
    NotPermitted,
}

/// Which line says what someone who is let in may do (A4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    Creator,
    Entry,
    /// The union of their teams' entries.
    Teams,
    Default,
}

/// What takes away from what the line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// Nobody signed in has more than Read (A7).
    SignedOut,
    /// An Auditor changes nothing (A3).
    Auditor,
}

/// The way in, and what it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    pub admission: Admission,
    pub basis: Basis,
    /// What the basis says.
    pub given: Permissions,
    /// What took away from it, if that did take something.
    pub cap: Option<Cap>,
    /// What is left: what they may do.
    pub permissions: Permissions,
}

/// The answer, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub allowed: bool,
    /// What lets them in, allowed or not.
    pub grant: Option<Grant>,
    /// Why not.
    pub refusal: Option<Refusal>,
}

impl Decision {
    /// All that they may do.
    pub fn permissions(&self) -> Permissions {
        self.grant.map_or(Permissions::NONE, |grant| grant.permissions)
    }
}

/// Whether someone may do all that is asked with a resource, and why (not). Asks no database and no clock: equal
/// facts give equal answers.
pub fn decide(facts: &Facts, who: &Subject, asked: Permissions) -> Decision {
    match grant(facts, who) {
        Ok(grant) => {
            let allowed = grant.permissions.cover(asked) && !asked.is_empty();
            let refusal = (!allowed).then_some(Refusal::NotPermitted);
            Decision { allowed, grant: Some(grant), refusal }
        }
        Err(refusal) => Decision { allowed: false, grant: None, refusal: Some(refusal) },
    }
}

fn grant(facts: &Facts, who: &Subject) -> Result<Grant, Refusal> {
    if facts.is_archived {
        return Err(Refusal::Archived);
    }
    let admission = admission(facts, who)?;
    let (basis, given) = match admission {
        Admission::Creator => (Basis::Creator, Permissions::ALL),
        _ => basis(facts, who),
    };
    let cap = match who.standing {
        _ if who.user.is_none() => Some(Cap::SignedOut),
        Standing::Active(Role::Auditor) => Some(Cap::Auditor),
        _ => None,
    };
    let permissions = if cap.is_some() { given.within(Permissions::READ) } else { given };
    let cap = cap.filter(|_| permissions != given);
    Ok(Grant { admission, basis, given, cap, permissions })
}

/// Whether what comes to members comes to them (A3).
fn is_member(who: &Subject) -> bool {
    matches!(who.standing, Standing::Active(role) if role.may(Capability::OpenResources))
}

/// Whether what comes to someone as a person comes to them: a membership that is over, or suspended, takes it
/// (A3). What was given to someone removed was given since.
fn is_person(who: &Subject) -> bool {
    who.user.is_some() && !matches!(who.standing, Standing::Suspended | Standing::Ended)
}

fn own_entry(facts: &Facts, who: &Subject) -> Option<Permissions> {
    if facts.kind.is_for_members() || !is_person(who) {
        return None;
    }
    facts.access.of_person(who.user?)
}

/// The entries of their teams, where these come to them, in the order of the teams. Both lists are sorted: the shorter
/// one is walked, and the other searched.
fn team_entries<'a>(facts: &'a Facts, who: &'a Subject) -> impl Iterator<Item = (TeamId, Permissions)> + 'a {
    let teams = if is_member(who) { who.teams } else { &[] };
    let entries = facts.access.teams.as_slice();
    let (teams_walked, entries_walked): (&[TeamId], &[_]) =
        if teams.len() <= entries.len() { (teams, &[]) } else { (&[], entries) };
    let listed = entries_walked.iter().map(|(team, _)| team).filter(|team| teams.binary_search(team).is_ok());
    let walked = teams_walked.iter().chain(listed);
    walked.filter_map(|team| facts.access.of_team(*team).map(|permissions| (*team, permissions)))
}

fn admission(facts: &Facts, who: &Subject) -> Result<Admission, Refusal> {
    if let Some(developer) = facts.developer {
        let develops =
            matches!(who.standing, Standing::Active(role) if role.may(Capability::DevelopResources));
        let own = who.user == Some(developer) && develops;
        return if own { Ok(Admission::Creator) } else { Err(Refusal::OtherDeveloper) };
    }
    let access = &facts.access;
    // What is one's own needs no membership (A3), but where only members get to it (A9).
    let keeps_own = match who.standing {
        Standing::Active(_) => true,
        Standing::Outside => !facts.kind.is_for_members(),
        Standing::Suspended | Standing::Ended | Standing::Removed => false,
    };
    if who.user == Some(facts.creator) && keeps_own {
        return Ok(Admission::Creator);
    }
    match access.audience {
        Audience::Public => return Ok(Admission::Public),
        Audience::Unlisted if who.has_link => return Ok(Admission::Link),
        _ => {}
    }
    if who.user.is_none() {
        return Err(Refusal::SignedOut);
    }
    let out = match who.standing {
        Standing::Suspended => return Err(Refusal::Suspended),
        Standing::Ended => return Err(Refusal::Ended),
        _ => Refusal::NotInAudience(access.audience),
    };
    if access.audience.admits_entries() {
        if own_entry(facts, who).is_some() {
            return Ok(Admission::Entry);
        }
        if let Some((team, _)) = team_entries(facts, who).next() {
            return Ok(Admission::Team(team));
        }
    }
    let of_domain = access.audience == Audience::DomainRestricted
        && access.domain.as_deref().is_some_and(|domain| domain == who.domain && !domain.is_empty());
    // Whoever was removed has only what was made for them since (A3).
    if of_domain && who.standing != Standing::Removed {
        return Ok(Admission::Domain);
    }
    match (access.audience, who.standing) {
        (Audience::EntireOrganization, _) if is_member(who) => Ok(Admission::Organization),
        (_, Standing::Removed) => Err(Refusal::Removed),
        (Audience::EntireOrganization | Audience::Teams, Standing::Active(role)) if !is_member(who) => {
            Err(Refusal::Role(role))
        }
        (Audience::EntireOrganization | Audience::Teams, Standing::Outside) => Err(Refusal::NoMember),
        _ => Err(out),
    }
}

/// The nearest entry: the person's own, else the union of their teams', else the default (A4).
fn basis(facts: &Facts, who: &Subject) -> (Basis, Permissions) {
    if let Some(own) = own_entry(facts, who) {
        return (Basis::Entry, own);
    }
    let of_teams = team_entries(facts, who).fold(None, |all: Option<Permissions>, (_, permissions)| {
        Some(all.unwrap_or_default().and(permissions))
    });
    match of_teams {
        Some(permissions) => (Basis::Teams, permissions),
        None => (Basis::Default, facts.access.default),
    }
}
