//! How many may open a resource, without asking about each member: whoever has nothing of their own there is one of
//! many whom `decide` answers alike, by how they stand and whether their address is at the domain.

use std::collections::{HashMap, HashSet};

use super::difference::{self, ByAddress, own_teams};
use super::{Stated, Tally, sql};
use crate::clock::Timestamp;
use crate::domain::resources::load::standing;
use crate::domain::resources::{Audience, Permissions, Resource, Standing, Subject, decide};
use crate::ids::UserId;
use crate::storage::Lends;

pub(super) async fn of(
    on: &mut impl Lends,
    resource: &Resource,
    stated: &Stated,
    now: Timestamp,
) -> sqlx::Result<Tally> {
    let by_address = ByAddress::new(stated, stated);
    let facts = difference::facts(on, resource, stated, &by_address).await?;
    let access = &facts.access;
    let mut tally = Tally::default();

    // Those who are named: the creator, whoever has an entry, and the teams that do.
    let mut named: HashSet<UserId> = access.people.iter().map(|(user, _)| *user).collect();
    named.insert(facts.creator);
    named.extend(facts.developer);
    named.extend(by_address.ids.values());
    let named: Vec<UserId> = named.into_iter().collect();
    let teams: Vec<_> = access.teams.iter().map(|(team, _)| *team).collect();
    let members = sql::named_members(on, resource.organization, &named, &teams).await?;
    let team_rows = sql::members_of(on, resource.organization, &teams).await?;
    let mut rest = team_rows.as_slice();
    let restricting = access.domain.as_deref().filter(|_| access.audience == Audience::DomainRestricted);
    let domain = restricting.unwrap_or_default();
    let mut judged: HashMap<(sql::Class, bool), i64> = HashMap::new();
    let mut guests: HashMap<UserId, &str> =
        by_address.ids.iter().map(|(email, user)| (*user, *email)).collect();
    for member in &members {
        guests.remove(&member.user_id);
        let own = own_teams(&mut rest, member.user_id);
        let at = member.email_canonical.rsplit_once('@').map_or("", |(_, domain)| domain);
        let standing = standing(member.state, member.role, member.ends_at, now);
        let who = Subject { user: Some(member.user_id), standing, domain: at, teams: &own, has_link: false };
        tally.count(decide(&facts, &who, Permissions::READ).permissions(), 1);
        let class = sql::Class::of(member, now);
        *judged.entry((class, !domain.is_empty() && at == domain)).or_default() += 1;
    }
    for (user, email) in guests {
        let at = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        let who = Subject {
            user: Some(user),
            standing: Standing::Outside,
            domain: at,
            teams: &[],
            has_link: false,
        };
        tally.count(decide(&facts, &who, Permissions::READ).permissions(), 1);
    }

    // All others, as many as there are of each class.
    let opens_to_others = matches!(
        access.audience,
        Audience::Public | Audience::EntireOrganization | Audience::DomainRestricted
    );
    if !opens_to_others {
        return Ok(tally);
    }
    let nobody = UserId::generate();
    for (class, is_at_domain, people) in sql::classes(on, resource.organization, domain, now).await? {
        let left = people - judged.get(&(class, is_at_domain)).copied().unwrap_or_default();
        let standing = class.standing();
        let domain = if is_at_domain { domain } else { "" };
        let who = Subject { user: Some(nobody), standing, domain, teams: &[], has_link: false };
        tally.count(decide(&facts, &who, Permissions::READ).permissions(), left);
    }
    Ok(tally)
}
