//! Decisions as the API says them. The codes never change.

use super::super::access::Permissions;
use super::super::decide::{Admission, Decision, Refusal};
use crate::ids::TeamId;

pub(super) fn code(decision: &Decision) -> &'static str {
    match (decision.refusal, decision.grant.map(|grant| grant.admission)) {
        (Some(refusal), _) => match refusal {
            Refusal::Archived => "archived",
            Refusal::OtherDeveloper => "other_developer",
            Refusal::SignedOut => "signed_out",
            Refusal::Suspended => "suspended",
            Refusal::Ended => "ended",
            Refusal::Removed => "removed",
            Refusal::NoMember => "no_member",
            Refusal::Role(_) => "role",
            Refusal::NotInAudience(_) => "not_in_audience",
            Refusal::NotPermitted => "not_permitted",
        },
        (None, Some(admission)) => match admission {
            Admission::Creator => "creator",
            Admission::Public => "public",
            Admission::Link => "link",
            Admission::Domain => "domain",
            Admission::Entry => "entry",
            Admission::Team(_) => "team",
            Admission::Organization => "organization",
        },
        (None, None) => "not_in_audience",
    }
}

pub(super) fn sentence(decision: &Decision, asked: Permissions, team: impl Fn(TeamId) -> String) -> String {
    let way_in = match decision.grant.map(|grant| grant.admission) {
        Some(Admission::Creator) => "It is their own".to_owned(),
        Some(Admission::Public) => "It is public".to_owned(),
        Some(Admission::Link) => "They have a link to it".to_owned(),
        Some(Admission::Domain) => "Their address is of the domain that it is for".to_owned(),
        Some(Admission::Entry) => "It is shared with them by email".to_owned(),
        Some(Admission::Team(id)) => format!("They are in the team {}", team(id)),
        Some(Admission::Organization) => "It is for the entire organization".to_owned(),
        None => String::new(),
    };
    let permissions = decision.permissions();
    match decision.refusal {
        None => format!("{way_in}, which gives {permissions}."),
        Some(Refusal::NotPermitted) => format!("{way_in}, which gives {permissions}, and not {asked}."),
        Some(Refusal::Archived) => "It is archived.".to_owned(),
        Some(Refusal::OtherDeveloper) => "It is in another developer’s Dev mode.".to_owned(),
        Some(Refusal::SignedOut) => "It takes somebody who is signed in.".to_owned(),
        Some(Refusal::Suspended) => "Their membership is suspended.".to_owned(),
        Some(Refusal::Ended) => "Their membership has ended.".to_owned(),
        Some(Refusal::Removed) => "They were removed from the organization.".to_owned(),
        Some(Refusal::NoMember) => "It is for members of the organization.".to_owned(),
        Some(Refusal::Role(role)) => format!("Their role, {role}, does not open resources."),
        Some(Refusal::NotInAudience(_)) => "They are not among those whom it is for.".to_owned(),
    }
}
