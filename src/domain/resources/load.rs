//! What [`decide`](super::decide) rests on, read from the database.

use super::access::{Access, Audience, Permissions};
use super::decide::{Facts, Standing, Subject};
use super::{Resource, sql};
use crate::clock::Timestamp;
use crate::domain::access::Role;
use crate::domain::users::MemberState;
use crate::ids::{OrganizationId, ResourceId, TeamId, UserId};
use crate::storage::Lends;

/// Somebody, as decisions of one organization know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    pub user: Option<UserId>,
    pub standing: Standing,
    /// The canonical domain of their verified address; empty for nobody.
    pub domain: String,
    /// Sorted.
    pub teams: Vec<TeamId>,
    pub has_link: bool,
}

impl Who {
    pub fn nobody() -> Who {
        Who {
            user: None,
            standing: Standing::Outside,
            domain: String::new(),
            teams: Vec::new(),
            has_link: false,
        }
    }

    /// Somebody with an address and no membership. Whether they have an account is told to nobody (S4): without one
    /// they are answered as whoever has proven the address.
    pub(super) fn stranger(account: Option<UserId>, canonical: &str) -> Who {
        let user = account.unwrap_or_else(UserId::nobody);
        Who { user: Some(user), domain: domain_of(canonical), ..Who::nobody() }
    }

    pub fn subject(&self) -> Subject<'_> {
        Subject {
            user: self.user,
            standing: self.standing,
            domain: &self.domain,
            teams: &self.teams,
            has_link: self.has_link,
        }
    }
}

fn domain_of(canonical: &str) -> String {
    canonical.rsplit_once('@').map_or("", |(_, domain)| domain).to_owned()
}

/// Counts an entry that waits for an address as its person's: whom it waits for is who has proven it (A12).
pub(super) fn with_waiting(facts: &mut Facts, who: &Who, waits: Option<Option<Permissions>>) {
    if let (Some(permissions), Some(user)) = (waits, who.user)
        && facts.access.of_person(user).is_none()
    {
        let people = &mut facts.access.people;
        let at = people.partition_point(|(other, _)| *other < user);
        people.insert(at, (user, permissions));
    }
}

/// How a membership stands now.
pub(super) fn standing(
    state: MemberState,
    role: Role,
    ends_at: Option<Timestamp>,
    now: Timestamp,
) -> Standing {
    match state {
        MemberState::Removed => Standing::Removed,
        MemberState::Suspended => Standing::Suspended,
        MemberState::Active if ends_at.is_some_and(|end| end <= now) => Standing::Ended,
        MemberState::Active => Standing::Active(role),
    }
}

/// A user as an organization's decisions know them, a member or not. Somebody unknown is nobody.
pub async fn who(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<Who> {
    let Some(found) = sql::who(on, organization, user).await? else { return Ok(Who::nobody()) };
    let standing = match (found.state, found.role) {
        (Some(state), Some(role)) => standing(state, role, found.ends_at, now),
        _ => Standing::Outside,
    };
    let mut teams = match standing {
        Standing::Active(_) => found.teams.0,
        _ => Vec::new(),
    };
    teams.sort_unstable();
    let domain = domain_of(&found.email_canonical);
    Ok(Who { user: Some(user), standing, domain, teams, has_link: false })
}

/// The resource whose access is in force: its own, or that of the nearest page above it that says any (A2).
async fn source(on: &mut impl Lends, resource: &Resource) -> sqlx::Result<Option<Resource>> {
    if resource.audience.is_some() || !resource.kind.is_for_members() {
        return Ok(None);
    }
    let parents = resource.parents();
    if parents.is_empty() {
        return Ok(None);
    }
    sql::nearest_saying(on, resource, &parents).await
}

/// The facts for a question about one person: of the entries only theirs and their teams'.
pub async fn facts(on: &mut impl Lends, resource: &Resource, who: &Who) -> sqlx::Result<Facts> {
    let source = source(on, resource).await?;
    let saying = source.as_ref().unwrap_or(resource);
    let (people, teams) = match (saying.audience, who.user) {
        (Some(_), Some(user)) => {
            let people = sql::entry_of(on, saying.id, user).await?;
            let teams = match who.teams.is_empty() {
                true => Vec::new(),
                false => sql::team_entries_of(on, saying.id, saying.organization, user).await?,
            };
            (people, teams)
        }
        _ => (Vec::new(), Vec::new()),
    };
    Ok(assembled(resource, saying, people, teams))
}

/// The facts of a tool or an interface, which takes no page's access, with the entries that a caller has read: both
/// lists sorted by id.
pub(crate) fn facts_with(
    resource: &Resource,
    people: Vec<(UserId, Option<Permissions>)>,
    teams: Vec<(TeamId, Option<Permissions>)>,
) -> Facts {
    assembled(resource, resource, people, teams)
}

/// The facts for questions about anybody: all entries.
pub async fn whole_facts(on: &mut impl Lends, resource: &Resource) -> sqlx::Result<Facts> {
    let source = source(on, resource).await?;
    let saying = source.as_ref().unwrap_or(resource);
    let people = sql::bound_entries(on, saying.id).await?;
    let teams = sql::team_entries(on, saying.id).await?;
    Ok(assembled(resource, saying, people, teams))
}

/// Both lists sorted by id.
pub(super) fn assembled(
    resource: &Resource,
    saying: &Resource,
    people: Vec<(UserId, Option<Permissions>)>,
    teams: Vec<(TeamId, Option<Permissions>)>,
) -> Facts {
    let access = match saying.audience {
        None => Access::unsaid(resource.kind),
        Some(audience) => {
            Access { audience, default: saying.defaults(), domain: saying.domain.clone(), teams, people }
        }
    };
    Facts {
        kind: resource.kind,
        creator: resource.creator,
        is_archived: resource.archived_at.is_some(),
        developer: resource.developer(),
        access,
    }
}

/// Whose access is in force where a resource has none of its own, for pages that say so.
pub async fn inherited_from(
    on: &mut impl Lends,
    resource: &Resource,
) -> sqlx::Result<Option<(ResourceId, String)>> {
    Ok(source(on, resource).await?.map(|page| (page.id, page.key)))
}

/// The audience that is in force, and the key of the page that it comes from, where the resource says none itself (A2).
pub async fn in_force(on: &mut impl Lends, resource: &Resource) -> sqlx::Result<(Audience, Option<String>)> {
    let source = source(on, resource).await?;
    let saying = source.as_ref().unwrap_or(resource);
    let audience = saying.audience.unwrap_or(resource.kind.default_audience());
    Ok((audience, source.map(|page| page.key)))
}
