//! Who gains and who loses: `decide` before and after, for every member and every entry.

use std::collections::HashMap;

use super::{Stated, sql};
use crate::clock::Timestamp;
use crate::domain::resources::load::standing;
use crate::domain::resources::{
    self, Access, Facts, Permission, Permissions, Resource, Standing, Subject, decide,
};
use crate::ids::{TeamId, UserId};
use crate::storage::Lends;

/// So many members are looked at at once: a hundred thousand take the memory of these.
const BATCH: i64 = 1_000;
/// So many are named; all are counted.
const NAMED: usize = 20;

/// How many may see it, and how many may change what is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub open: i64,
    pub change: i64,
}

impl Tally {
    /// Counts so many people who may do this.
    pub(super) fn count(&mut self, permissions: Permissions, people: i64) {
        let changing = Permissions::of([Permission::Create, Permission::Update, Permission::Delete]);
        self.open += people * i64::from(permissions.has(Permission::Read));
        self.change += people * i64::from(!permissions.within(changing).is_empty());
    }
}

/// Somebody whose access changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub before: Permissions,
    pub after: Permissions,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub count: i64,
    /// The first of them.
    pub named: Vec<Named>,
}

/// What a change of access does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub before: Tally,
    pub after: Tally,
    pub gain: Names,
    pub lose: Names,
    /// They keep something, and other things than before.
    pub change: Names,
}

impl Difference {
    pub fn is_none(&self) -> bool {
        self.gain.count + self.lose.count + self.change.count == 0
    }

    fn note(&mut self, name: &str, before: Permissions, after: Permissions) {
        self.before.count(before, 1);
        self.after.count(after, 1);
        let names = match (before.is_empty(), after.is_empty()) {
            _ if before == after => return,
            (true, _) => &mut self.gain,
            (_, true) => &mut self.lose,
            _ => &mut self.change,
        };
        names.count += 1;
        if names.named.len() < NAMED {
            names.named.push(Named { name: name.to_owned(), before, after });
        }
    }
}

/// What somebody may do before and after.
pub fn compare(before: &Facts, after: &Facts, who: &Subject) -> (Permissions, Permissions) {
    let of = |facts| decide(facts, who, Permissions::READ).permissions();
    (of(before), of(after))
}

/// Entries by address are people too, whether somebody has proven the address or not: what an organization is
/// shown does not tell which addresses have an account.
pub(super) struct ByAddress<'a> {
    pub(super) ids: HashMap<&'a str, UserId>,
}

impl<'a> ByAddress<'a> {
    pub(super) fn new(before: &'a Stated, after: &'a Stated) -> ByAddress<'a> {
        // What is to hold knows best whom an address is bound to.
        let entries = after.people.iter().chain(&before.people);
        let mut ids = HashMap::new();
        for entry in entries {
            ids.entry(entry.email_canonical.as_str())
                .or_insert_with(|| entry.user_id.unwrap_or_else(UserId::generate));
        }
        ByAddress { ids }
    }

    fn access(&self, resource: &Resource, stated: &Stated) -> Access {
        let Some(audience) = stated.audience else { return Access::unsaid(resource.kind) };
        let mut people: Vec<_> = stated
            .people
            .iter()
            .filter_map(|entry| Some((*self.ids.get(entry.email_canonical.as_str())?, entry.permissions)))
            .collect();
        people.sort_by_key(|(user, _)| *user);
        let mut teams: Vec<_> = stated.teams.iter().map(|entry| (entry.team, entry.permissions)).collect();
        teams.sort_by_key(|(team, _)| *team);
        let default = stated.default.unwrap_or(Permissions::READ);
        Access { audience, default, domain: stated.domain.clone(), teams, people }
    }
}

/// The facts that hold with what is said, as if nobody had archived it.
pub(super) async fn facts(
    on: &mut impl Lends,
    resource: &Resource,
    stated: &Stated,
    by_address: &ByAddress<'_>,
) -> sqlx::Result<Facts> {
    let as_said = Resource { audience: stated.audience, archived_at: None, ..resource.clone() };
    let facts = resources::whole_facts(on, &as_said).await?;
    match stated.audience {
        // As the page above says, or by default (A2).
        None => Ok(facts),
        Some(_) => Ok(Facts { access: by_address.access(resource, stated), ..facts }),
    }
}

/// The difference between two statements, over all members and everyone who has an entry.
pub(super) async fn between(
    on: &mut impl Lends,
    resource: &Resource,
    before: &Stated,
    after: &Stated,
    now: Timestamp,
) -> sqlx::Result<Difference> {
    let by_address = ByAddress::new(before, after);
    let facts_before = facts(on, resource, before, &by_address).await?;
    let facts_after = facts(on, resource, after, &by_address).await?;
    let mut guests: HashMap<UserId, &str> =
        by_address.ids.iter().map(|(email, user)| (*user, *email)).collect();
    let mut difference = Difference::default();
    let has_teams = !(facts_before.access.teams.is_empty() && facts_after.access.teams.is_empty());
    let mut last = UserId::nobody();
    loop {
        let members = sql::members_after(on, resource.organization, last, BATCH).await?;
        let Some(end) = members.last().map(|member| member.user_id) else { break };
        let teams = match has_teams {
            true => sql::teams_between(on, resource.organization, last, end).await?,
            false => Vec::new(),
        };
        let mut teams = teams.as_slice();
        for member in &members {
            let own = own_teams(&mut teams, member.user_id);
            guests.remove(&member.user_id);
            let domain = member.email_canonical.rsplit_once('@').map_or("", |(_, domain)| domain);
            let standing = standing(member.state, member.role, member.ends_at, now);
            let who = Subject { user: Some(member.user_id), standing, domain, teams: &own, has_link: false };
            let (may, will) = compare(&facts_before, &facts_after, &who);
            difference.note(&member.name, may, will);
        }
        last = end;
        if members.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) {
            break;
        }
    }
    let mut guests: Vec<(&str, UserId)> = guests.into_iter().map(|(user, email)| (email, user)).collect();
    guests.sort_unstable();
    for (email, user) in guests {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        let standing = Standing::Outside;
        let who = Subject { user: Some(user), standing, domain, teams: &[], has_link: false };
        let (may, will) = compare(&facts_before, &facts_after, &who);
        difference.note(email, may, will);
    }
    Ok(difference)
}

/// Takes a person's teams from the front: both lists go by person.
pub(super) fn own_teams(rows: &mut &[(UserId, TeamId)], user: UserId) -> Vec<TeamId> {
    let start = rows.iter().take_while(|(other, _)| *other < user).count();
    let own: Vec<TeamId> =
        rows[start..].iter().take_while(|(other, _)| *other == user).map(|(_, team)| *team).collect();
    *rows = &rows[start + own.len()..];
    own
}
