//! Requests are closed in the change that lets their people in, whichever it is: whoever loses the access again may
//! ask again.

use std::collections::HashMap;

use super::sql::{self, Waiting};
use crate::domain::access::Role;
use crate::domain::resources::load::assembled;
use crate::domain::resources::{Permissions, Resource, Standing, Who, decide};
use crate::ids::{AccessRequestId, OrganizationId, ResourceId, TeamId, UserId};
use crate::storage::Change;

/// What a person's entry says on a resource.
type OnResource<T> = HashMap<(ResourceId, UserId), T>;

/// What the entries give to whom: on a resource, somebody's own and their teams'.
#[derive(Default)]
struct Entries {
    own: OnResource<Option<Permissions>>,
    teams: OnResource<Vec<(TeamId, Option<Permissions>)>>,
}

/// Of whoever may open a resource by now, or what is under it and takes its access (A2).
pub(in crate::domain::resources) async fn close_under(
    change: &mut Change,
    resource: &Resource,
) -> sqlx::Result<()> {
    let now = change.now();
    let waiting = sql::waiting_under(change, resource, now).await?;
    close_answered(change, resource.organization, waiting).await
}

/// Of the members of a team, once some have joined it.
pub(in crate::domain::resources) async fn close_of_team(
    change: &mut Change,
    organization: OrganizationId,
    team: TeamId,
) -> sqlx::Result<()> {
    let now = change.now();
    let waiting = sql::waiting_of_team(change, organization, team, now).await?;
    close_answered(change, organization, waiting).await
}

/// Of somebody, once they have been made the creator of resources.
pub(in crate::domain::resources) async fn close_of_person(
    change: &mut Change,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<()> {
    let now = change.now();
    let waiting = sql::waiting_of_person(change, organization, user, now).await?;
    close_answered(change, organization, waiting).await
}

/// Five statements, however many wait.
async fn close_answered(
    change: &mut Change,
    organization: OrganizationId,
    waiting: Vec<Waiting>,
) -> sqlx::Result<()> {
    if waiting.is_empty() {
        return Ok(());
    }
    let inherits = waiting.iter().any(|one| takes_from_a_page(&one.resource));
    let pages = if inherits { sql::saying_pages(change, organization).await? } else { Vec::new() };
    let mut entries = Entries::default();
    for (resource, user, permissions) in sql::own_entries(change, organization).await? {
        entries.own.insert((resource, user), permissions);
    }
    for (resource, user, team, permissions) in sql::team_entries(change, organization).await? {
        entries.teams.entry((resource, user)).or_default().push((team, permissions));
    }
    let answered = waiting.iter().filter(|one| may_open(one, &pages, &entries));
    let ids: Vec<AccessRequestId> = answered.map(|one| one.request).collect();
    let now = change.now();
    sql::close_all(change, organization, &ids, now).await
}

fn takes_from_a_page(resource: &Resource) -> bool {
    resource.audience.is_none() && resource.kind.is_for_members()
}

/// The nearest page above it that says who may open it, or itself.
fn saying<'a>(resource: &'a Resource, pages: &'a [Resource]) -> &'a Resource {
    if !takes_from_a_page(resource) {
        return resource;
    }
    let above = |page: &&Resource, key: &str| {
        page.key == key && page.environment == resource.environment && page.developer == resource.developer
    };
    let mut parents = resource.parents().into_iter();
    parents.find_map(|key| pages.iter().find(|page| above(page, key))).unwrap_or(resource)
}

fn may_open(one: &Waiting, pages: &[Resource], entries: &Entries) -> bool {
    let saying = saying(&one.resource, pages);
    let at = (saying.id, one.asker);
    let own = entries.own.get(&at).map(|permissions| (one.asker, *permissions));
    let granted = entries.teams.get(&at).cloned().unwrap_or_default();
    let who = asker(one.asker, one.asker_role, &one.asker_email, &granted);
    let facts = assembled(&one.resource, saying, own.into_iter().collect(), granted);
    decide(&facts, &who.subject(), Permissions::READ).allowed
}

/// Of their teams only those matter that have an entry.
fn asker(user: UserId, role: Role, canonical: &str, granted: &[(TeamId, Option<Permissions>)]) -> Who {
    Who {
        user: Some(user),
        standing: Standing::Active(role),
        domain: canonical.rsplit_once('@').map_or("", |(_, domain)| domain).to_owned(),
        teams: granted.iter().map(|(team, _)| *team).collect(),
        has_link: false,
    }
}
