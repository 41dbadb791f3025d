//! Who may do what with a resource, read off the rules A1 to A9 one sentence after the other. Slow and plain:
//! it shares nothing with what it judges but the words.

use interlock::domain::access::Role;
use interlock::domain::resources::{Audience, Kind, Permission, Permissions};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    Never,
    Active,
    Suspended,
    Ended,
    Removed,
}

#[derive(Clone, Debug)]
pub struct Person {
    /// Which of the organization's people; nobody, where nobody is signed in.
    pub number: Option<usize>,
    pub membership: Membership,
    pub role: Role,
    pub domain: String,
    /// Which teams they are in. Only who is an active member is in any.
    pub teams: Vec<usize>,
    pub has_link: bool,
}

#[derive(Clone, Debug)]
pub struct Said {
    pub audience: Audience,
    /// Nothing, where it was not said; an empty list is none.
    pub default: Option<Vec<Permission>>,
    pub domain: Option<String>,
    pub teams: Vec<(usize, Option<Vec<Permission>>)>,
    pub people: Vec<(usize, Option<Vec<Permission>>)>,
}

#[derive(Clone, Debug)]
pub struct Thing {
    pub key: String,
    pub kind: Kind,
    pub creator: usize,
    pub archived: bool,
    /// Whose Dev mode it is in.
    pub developer: Option<usize>,
    pub said: Option<Said>,
}

/// A2: the thing's own access; an action's, and a page's, else that of its nearest parent page that says any.
pub fn in_force(thing: &Thing, all: &[Thing]) -> Said {
    if let Some(said) = &thing.said {
        return said.clone();
    }
    let grouped = matches!(thing.kind, Kind::Action | Kind::Page);
    if grouped {
        let mut key = thing.key.as_str();
        while let Some((parent, _)) = key.rsplit_once('/') {
            key = parent;
            let page = all.iter().find(|other| {
                other.key == key
                    && other.kind == Kind::Page
                    && !other.archived
                    && other.developer == thing.developer
            });
            if let Some(said) = page.and_then(|page| page.said.clone()) {
                return said;
            }
        }
    }
    let audience = if grouped { Audience::EntireOrganization } else { Audience::Private };
    Said { audience, default: None, domain: None, teams: Vec::new(), people: Vec::new() }
}

/// What a person may do with a thing whose access in force is `said`.
pub fn may(person: &Person, thing: &Thing, said: &Said) -> Vec<Permission> {
    // What is archived opens for nobody (A12).
    if thing.archived {
        return Vec::new();
    }
    let active = person.membership == Membership::Active;
    // Dev mode is its developer's own, while their role develops.
    let develops = active && matches!(person.role, Role::Owner | Role::Admin | Role::Developer);
    if thing.developer.is_some() && !(develops && person.number == thing.developer) {
        return Vec::new();
    }
    let grouped = matches!(thing.kind, Kind::Action | Kind::Page);
    // A9: signed-in members alone.
    if grouped && !active {
        return Vec::new();
    }
    // A3: what comes as a member takes a role that opens resources.
    let opens = active && matches!(person.role, Role::Owner | Role::Admin | Role::Developer | Role::Member);
    // A3: what comes as a person. Of the entries of suspended and ended members nothing counts; a removed one's were
    // made since. A9: on actions there are none.
    let entry_counts =
        matches!(person.membership, Membership::Never | Membership::Active | Membership::Removed) && !grouped;
    let own_entry = said.people.iter().find(|(number, _)| entry_counts && Some(*number) == person.number);
    let team_entries: Vec<_> =
        said.teams.iter().filter(|(team, _)| opens && person.teams.contains(team)).collect();
    let guest_or_active = matches!(person.membership, Membership::Never | Membership::Active);
    let is_creator = guest_or_active && person.number == Some(thing.creator);

    let entries_admit =
        matches!(said.audience, Audience::DomainRestricted | Audience::InviteRestricted | Audience::Teams);
    let let_in = is_creator
        || entries_admit && (own_entry.is_some() || !team_entries.is_empty())
        || match said.audience {
            Audience::Private | Audience::InviteRestricted | Audience::Teams => false,
            Audience::Public => true,
            Audience::Unlisted => person.has_link,
            Audience::DomainRestricted => {
                guest_or_active && person.number.is_some() && said.domain.as_ref() == Some(&person.domain)
            }
            Audience::EntireOrganization => opens,
        };
    if !let_in {
        return Vec::new();
    }

    // A4: the creator has all; else the nearest entry decides.
    let default = said.default.clone().unwrap_or_else(|| vec![Permission::Read]);
    let of_entry = |entry: &Option<Vec<Permission>>| match entry {
        Some(said) if !said.is_empty() => said.clone(),
        _ => default.clone(),
    };
    let mut given = if is_creator {
        Permission::ALL.to_vec()
    } else if let Some((_, entry)) = own_entry {
        of_entry(entry)
    } else if !team_entries.is_empty() {
        team_entries.iter().flat_map(|(_, entry)| of_entry(entry)).collect()
    } else {
        default.clone()
    };
    // A7: nobody signed in has more than Read. A3: an Auditor changes nothing.
    if person.number.is_none() || (active && person.role == Role::Auditor) {
        given.retain(|permission| *permission == Permission::Read);
    }
    given
}

/// Whether they may do all that is asked.
pub fn allows(person: &Person, thing: &Thing, said: &Said, asked: Permissions) -> bool {
    let may = may(person, thing, said);
    asked.iter().all(|permission| may.contains(&permission))
}
