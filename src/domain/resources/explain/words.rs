//! A decision in sentences: the rule that made it, step by step (A14).

use crate::domain::access::Role;
use crate::domain::resources::{
    Admission, Audience, Basis, Cap, Decision, Facts, Permission, Permissions, Refusal, Standing, Who,
};
use crate::ids::TeamId;

/// What the things that a decision is about are called.
#[derive(Clone, Debug)]
pub struct Names<'a> {
    /// "Ana Perić", or an address.
    pub who: &'a str,
    pub resource: &'a str,
    pub organization: &'a str,
    /// Of all teams that the access names; others are not asked for.
    pub teams: &'a [(TeamId, String)],
    /// The page whose access is in force, where the resource has none of its own.
    pub inherited: Option<&'a str>,
}

/// Why somebody may do something with a resource, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub allowed: bool,
    /// "Ana Perić may open Refunds: Read and Update."
    pub verdict: String,
    /// How that came about; each is a sentence.
    pub steps: Vec<String>,
}

impl Names<'_> {
    pub fn team(&self, id: TeamId) -> &str {
        self.teams.iter().find(|(team, _)| *team == id).map_or("a team", |(_, name)| name)
    }
}

/// The decision on one permission, in sentences.
pub(super) fn explain(
    facts: &Facts,
    who: &Who,
    asked: Permission,
    decision: &Decision,
    names: &Names<'_>,
) -> Explanation {
    let mut steps = Vec::new();
    steps.push(standing(who, names));
    if let Some(page) = names.inherited {
        steps.push(format!(
            "{} says nothing of its own, so the access of the page {page} holds.",
            names.resource
        ));
    }
    steps.push(audience(facts, names));
    match decision.grant {
        Some(grant) => {
            steps.push(admission(facts, grant.admission, names));
            steps.extend(basis(facts, who, grant.basis, names));
            steps.extend(grant.cap.map(|cap| capped(cap, names)));
        }
        None => steps.extend(decision.refusal.map(|refusal| refused(refusal, facts, names))),
    }
    let permissions = decision.permissions();
    let (who, act, resource) = (names.who, asked.act(), names.resource);
    let verdict = match (decision.allowed, permissions.is_empty()) {
        (true, _) => format!("{who} may {act} {resource}: {permissions}."),
        (false, false) => {
            let takes = asked.word();
            format!("{who} may not {act} {resource}, which takes {takes}. They have {permissions}.")
        }
        (false, true) => format!("{who} may not {act} {resource}."),
    };
    Explanation { allowed: decision.allowed, verdict, steps }
}

fn standing(who: &Who, names: &Names<'_>) -> String {
    let Names { who: name, organization, .. } = names;
    match who.standing {
        _ if who.user.is_none() => "Nobody is signed in.".to_owned(),
        Standing::Outside => format!("{name} has no membership in {organization}: a guest, if anything."),
        Standing::Active(role) => format!("{name} is {} in {organization}.", role.with_article()),
        Standing::Suspended => format!("{name} is suspended in {organization}."),
        Standing::Ended => format!("{name}’s membership in {organization} has ended."),
        Standing::Removed => format!("{name} was removed from {organization}."),
    }
}

/// Whom an audience is for, as a sentence on one resource.
fn audience(facts: &Facts, names: &Names<'_>) -> String {
    let resource = names.resource;
    if facts.developer.is_some() {
        return format!("{resource} is in Dev mode, which is its developer’s own.");
    }
    match facts.access.audience {
        Audience::Private => format!("{resource} is Private: for whoever made it."),
        Audience::Unlisted => format!("{resource} is Unlisted: for anyone with a link that works."),
        Audience::Public => format!("{resource} is Public: for anyone."),
        Audience::DomainRestricted => format!(
            "{resource} is for verified addresses at {}, and for those whom it lists.",
            facts.access.domain.as_deref().unwrap_or("no domain")
        ),
        Audience::InviteRestricted => format!("{resource} is for those whom it lists."),
        Audience::EntireOrganization => {
            format!("{resource} is for everyone in {} whose role opens resources.", names.organization)
        }
        Audience::Teams => format!("{resource} is for the teams that it lists, and for those whom it lists."),
    }
}

fn admission(facts: &Facts, admission: Admission, names: &Names<'_>) -> String {
    let name = names.who;
    match admission {
        Admission::Creator if facts.developer.is_some() => format!("It is {name}’s own."),
        Admission::Creator => format!("{name} made it, or had it handed over: that lets them in."),
        Admission::Public => "That includes them.".to_owned(),
        Admission::Link => "They hold a link that works.".to_owned(),
        Admission::Domain => format!("{name}’s verified address is at that domain."),
        Admission::Entry => format!("{name} is listed by email."),
        Admission::Team(team) => format!("{name} is in {}, which is listed.", names.team(team)),
        Admission::Organization => "Their role does.".to_owned(),
    }
}

/// What each of somebody's entries gives, the nearest first.
fn basis(facts: &Facts, who: &Who, basis: Basis, names: &Names<'_>) -> Vec<String> {
    let default = facts.access.default;
    let mut said = Vec::new();
    let as_member = matches!(who.standing, Standing::Active(_));
    let teams: Vec<(&str, Permissions)> = match basis {
        Basis::Entry | Basis::Teams if as_member => {
            let own = who.teams.iter().filter_map(|team| Some((*team, facts.access.of_team(*team)?)));
            own.map(|(team, permissions)| (names.team(team), permissions)).collect()
        }
        _ => Vec::new(),
    };
    for (team, permissions) in &teams {
        said.push(format!("{} is in {team}, which is granted {permissions}.", names.who));
    }
    match basis {
        Basis::Creator => said.push("Whoever made it may do all within their role.".to_owned()),
        Basis::Entry => {
            let own = who.user.and_then(|user| facts.access.of_person(user)).unwrap_or(default);
            let replaces = match teams.len() {
                0 => "",
                1 => " and replaces it",
                _ => " and replaces these",
            };
            said.push(format!("Their own entry gives {own}{replaces}."));
        }
        Basis::Teams if teams.len() > 1 => said.push("What their teams are granted adds up.".to_owned()),
        Basis::Teams => {}
        Basis::Default => {
            said.push(format!("No entry is about them, so the default permissions hold: {default}."));
        }
    }
    said
}

fn capped(cap: Cap, names: &Names<'_>) -> String {
    match cap {
        Cap::SignedOut => "Nobody signed in has more than Read.".to_owned(),
        Cap::Auditor => format!("{} is an Auditor, who changes nothing: at most Read is left.", names.who),
    }
}

fn refused(refusal: Refusal, facts: &Facts, names: &Names<'_>) -> String {
    let name = names.who;
    match refusal {
        Refusal::Archived => format!("{} is archived: nobody opens it.", names.resource),
        Refusal::OtherDeveloper => format!("It is not {name}’s."),
        Refusal::SignedOut => "It takes somebody who is signed in.".to_owned(),
        Refusal::Suspended => "Whoever is suspended has nothing but what is Public or Unlisted.".to_owned(),
        Refusal::Ended => {
            "A membership that has ended leaves nothing but what is Public or Unlisted.".to_owned()
        }
        Refusal::Removed => {
            "Whoever was removed has only what is Public or Unlisted, and entries made for them since."
                .to_owned()
        }
        Refusal::NoMember => "What is for members comes to members alone.".to_owned(),
        Refusal::Role(role) => by_role(role),
        Refusal::NotInAudience(Audience::Private) => format!("{name} did not make it."),
        Refusal::NotInAudience(Audience::Unlisted) => {
            format!("Nothing but a link lets {name} in, and it is not known here whether they have one.")
        }
        Refusal::NotInAudience(Audience::DomainRestricted) => {
            format!("{name}’s address is at another domain, and no entry is about them.")
        }
        Refusal::NotInAudience(Audience::Teams)
            if facts.access.teams.is_empty() && facts.access.people.is_empty() =>
        {
            "No team is listed: that is nobody.".to_owned()
        }
        Refusal::NotInAudience(Audience::Teams) => {
            format!("{name} is in none of these teams, and no entry is about them.")
        }
        Refusal::NotInAudience(_) => format!("No entry is about {name}."),
        Refusal::NotPermitted => "They are let in, and were not given this.".to_owned(),
    }
}

fn by_role(role: Role) -> String {
    format!("The role of {role} does not open resources as a member.")
}

/// Through what somebody gets in, in a few words: for tables and files.
pub fn via(domain: Option<&str>, decision: &Decision, names: &Names<'_>) -> String {
    let Some(grant) = decision.grant else { return String::new() };
    let way = match grant.admission {
        Admission::Creator => "Made it".to_owned(),
        Admission::Public => "Public".to_owned(),
        Admission::Link => "Link".to_owned(),
        Admission::Domain => format!("Address at {}", domain.unwrap_or_default()),
        Admission::Entry => "Own entry".to_owned(),
        Admission::Team(team) => format!("Team {}", names.team(team)),
        Admission::Organization => "Everyone in the organization".to_owned(),
    };
    let basis = match (grant.basis, grant.admission) {
        (Basis::Entry, Admission::Entry) | (Basis::Teams, Admission::Team(_)) => "",
        (Basis::Entry, _) => "; own entry",
        (Basis::Teams, _) => "; team entry",
        _ => "",
    };
    let inherited = names.inherited.map(|page| format!(", by the page {page}")).unwrap_or_default();
    format!("{way}{basis}{inherited}")
}
