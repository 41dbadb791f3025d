//! What a change of access is called in the audit log, and what tells two apart.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Stated;
use crate::domain::audit::{Entry, Kind};
use crate::domain::resources::{Audience, Permissions, Resource};
use crate::secrets::sha256_hex;

fn entries(stated: &Stated) -> BTreeMap<String, String> {
    let words = |permissions: Option<Permissions>| {
        permissions.map_or_else(|| "the default".to_owned(), |permissions| permissions.to_string())
    };
    let people = stated.people.iter().map(|entry| (entry.email.clone(), words(entry.permissions)));
    let teams = stated.teams.iter().map(|entry| (format!("team {}", entry.slug), words(entry.permissions)));
    people.chain(teams).collect()
}

/// One row for each save, old and new in words.
pub(super) fn entry(resource: &Resource, before: &Stated, after: &Stated) -> Entry {
    let mut entry = Entry::new(Kind::ResourceAccessChanged, resource.id, &resource.name);
    let audience = |stated: &Stated| stated.audience.map_or("not said", Audience::code);
    let default = |stated: &Stated| {
        stated.default.map_or_else(|| "not said".to_owned(), |permissions| permissions.to_string())
    };
    let domain = |stated: &Stated| stated.domain.clone().unwrap_or_else(|| "none".to_owned());
    for (field, old, new) in [
        ("audience", audience(before).to_owned(), audience(after).to_owned()),
        ("default permissions", default(before), default(after)),
        ("domain", domain(before), domain(after)),
    ] {
        if old != new {
            entry = entry.changed(field, old, new);
        }
    }
    let (old, new) = (entries(before), entries(after));
    let list = |parts: Vec<String>| parts.join("; ");
    let added = |a: &BTreeMap<String, String>, b: &BTreeMap<String, String>| {
        let added = b.iter().filter(|(name, _)| !a.contains_key(*name));
        list(added.map(|(name, may)| format!("{name}: {may}")).collect())
    };
    let (more, less) = (added(&old, &new), added(&new, &old));
    if !more.is_empty() {
        entry = entry.with("entries added", more);
    }
    if !less.is_empty() {
        entry = entry.without("entries removed", less);
    }
    let both: Vec<_> = old
        .iter()
        .filter_map(|(name, may)| Some((name, may, new.get(name)?)))
        .filter(|(_, old, new)| old != new)
        .collect();
    if !both.is_empty() {
        let of = |at: fn((&String, &String, &String)) -> String| {
            list(both.iter().map(|(name, old, new)| at((name, old, new))).collect())
        };
        entry = entry.changed(
            "entries changed",
            of(|(name, old, _)| format!("{name}: {old}")),
            of(|(name, _, new)| format!("{name}: {new}")),
        );
    }
    entry
}

/// What is shown and what is saved are the same if this is: the resource with what it says, and what it is to say. To
/// whom an entry is bound is no part of it: that would tell whether an address has an account (S4).
pub(super) fn digest(resource: &Resource, before: &Stated, after: &Stated) -> String {
    let mut text = format!("{} {}\n", resource.id, resource.creator);
    for stated in [before, after] {
        let _ = writeln!(text, "{:?} {:?} {:?}", stated.audience, stated.domain, stated.default);
        for entry in &stated.people {
            let _ = writeln!(text, "{} {:?}", entry.email_canonical, entry.permissions);
        }
        for entry in &stated.teams {
            let _ = writeln!(text, "{} {:?}", entry.team, entry.permissions);
        }
    }
    sha256_hex(text.as_bytes())
}
