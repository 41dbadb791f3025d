//! Asking for access that one lacks (A13): a record, and a mail to whoever manages the resource. It changes no
//! access by itself.

mod closing;
mod mails;
mod sql;

use std::collections::HashMap;

pub(super) use self::closing::{close_of_person, close_of_team, close_under};
pub(crate) use self::mails::samples;
use super::{
    Permissions, Resource, ResourceError, Standing, Who, decide, find, managed, opening, who, whole_facts,
};
use crate::app::App;
use crate::clock::{DAY, Timestamp};
use crate::domain::access::{Actor, Capability, Role};
use crate::domain::environments::Place;
use crate::domain::throttle;
use crate::domain::values::Note;
use crate::domain::{organizations, users};
use crate::ids::{AccessRequestId, OrganizationId, ResourceId, TeamId, UserId};
use crate::mail;
use crate::storage::{Db, Lends};

/// So many Owners and Admins are mailed where the creator is gone.
const MOST_MAILS: usize = 5;

/// Somebody who asks, as whoever manages the resource sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Request {
    pub id: AccessRequestId,
    pub user_id: UserId,
    pub name: String,
    pub email: String,
    email_canonical: String,
    pub role: Role,
    pub note: String,
    pub created_at: Timestamp,
}

/// After so long a request is asked anew, with another mail.
pub const STALE: i64 = 7 * DAY;

/// When somebody asked for a resource, as long as that is open.
pub(super) async fn asked_at(
    on: &mut impl Lends,
    resource: ResourceId,
    user: UserId,
) -> sqlx::Result<Option<Timestamp>> {
    sql::asked_at(on, resource, user).await
}

/// What somebody has asked for, and does not ask for anew yet.
pub(super) async fn asked_by(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<Vec<ResourceId>> {
    sql::asked_by(on, organization, user, now.plus(-STALE)).await
}

/// Asks for a resource that the actor may know of and not open. Asking twice is asking once, within a week.
pub async fn ask(
    app: &App,
    actor: &Actor,
    place: &Place,
    key: &str,
    note: &Note,
) -> Result<Resource, ResourceError> {
    let mut tx = app.db.change(actor.organization).await?;
    let now = tx.now();
    let actor = &users::current_actor(&mut tx, actor).await?;
    actor.may(Capability::AskApproval)?;
    let resource = find(&mut tx, place, key).await?.ok_or(ResourceError::NotFound)?;
    let who = who(&mut tx, actor.organization, actor.person.user, now).await?;
    let seen = opening::see(&mut tx, resource, &who).await?;
    if seen.decision.allowed {
        return Err(ResourceError::Conflict("You may open this already."));
    }
    if !seen.is_known() {
        return Err(ResourceError::NotFound);
    }
    let resource = seen.resource;
    sql::close_before(&mut tx, resource.id, actor.person.user, now.plus(-STALE), now).await?;
    if !sql::insert(&mut tx, actor.organization, resource.id, actor.person.user, note.as_str(), now).await? {
        return Ok(resource);
    }
    throttle::spend(&mut tx, now, throttle::ACCESS_ASK, &actor.person.user.to_string()).await?;
    let organization = organizations::by_id(&mut tx, actor.organization).await?;
    for to in managers(&mut tx, &resource, now).await? {
        let message = mails::asked(app, &to, &organization, &resource, &actor.person, note.as_str());
        mail::queue(&mut tx, app, Some(actor.organization), &message).await?;
    }
    tx.commit().await?;
    Ok(resource)
}

/// Whoever manages a resource, by mail: its creator, or a few of the Owners and Admins.
async fn managers(on: &mut impl Lends, resource: &Resource, now: Timestamp) -> sqlx::Result<Vec<String>> {
    if let Some(creator) = sql::mail_of_creator(on, resource.organization, resource.creator, now).await? {
        return Ok(vec![creator]);
    }
    let mut admins = users::mail_of_admins(on, resource.organization).await?;
    admins.truncate(MOST_MAILS);
    Ok(admins)
}

/// Who asks for a resource and may not open it yet.
pub async fn requests(db: &Db, resource: &Resource) -> sqlx::Result<Vec<Request>> {
    let mut reader = db.read().await?;
    let now = db.now();
    waiting(&mut reader, resource, now).await
}

/// The open requests of a resource of those who may not open it. At most 200.
async fn waiting(on: &mut impl Lends, resource: &Resource, now: Timestamp) -> sqlx::Result<Vec<Request>> {
    let mut open = sql::open_of(on, resource.organization, resource.id, now).await?;
    if open.is_empty() {
        return Ok(open);
    }
    let facts = whole_facts(on, resource).await?;
    let mut teams: HashMap<UserId, Vec<TeamId>> = HashMap::new();
    for (user, team) in sql::teams_of_askers(on, resource.organization, resource.id).await? {
        teams.entry(user).or_default().push(team);
    }
    let may_open = |request: &Request| {
        let who = Who {
            user: Some(request.user_id),
            standing: Standing::Active(request.role),
            domain: request.email_canonical.rsplit_once('@').map_or("", |(_, domain)| domain).to_owned(),
            teams: teams.get(&request.user_id).cloned().unwrap_or_default(),
            has_link: false,
        };
        decide(&facts, &who.subject(), Permissions::READ).allowed
    };
    open.retain(|request| !may_open(request));
    Ok(open)
}

/// Closes a request without giving anything.
pub async fn dismiss(
    app: &App,
    actor: &Actor,
    place: &Place,
    key: &str,
    id: AccessRequestId,
) -> Result<(), ResourceError> {
    let mut tx = app.db.change(actor.organization).await?;
    let now = tx.now();
    let actor = &users::current_actor(&mut tx, actor).await?;
    let resource = managed(&mut tx, actor, place, key).await?;
    if !sql::close(&mut tx, actor.organization, resource.id, id, now).await? {
        return Err(ResourceError::NotFound);
    }
    tx.commit().await?;
    Ok(())
}

/// Closes somebody's request as they open what they asked for: whoever loses it again may ask again.
pub(super) async fn got(db: &Db, resource: ResourceId, user: UserId) -> sqlx::Result<()> {
    let mut tx = db.write().await?;
    let now = tx.now();
    sql::close_before(&mut tx, resource, user, now, now).await?;
    tx.commit().await
}
