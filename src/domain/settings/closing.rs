//! Deleting an organization: 30 days in which its Owners can undo it, and then the end of its data (R12).

use super::mails;
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Denied, Operator, StepUpNeeded};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations::{self, Organization, UNDO};
use crate::domain::users::{self, MemberError};
use crate::domain::{agents, api_keys, invitations, permissions, resources, sessions, spending, sso, teams};
use crate::ids::OrganizationId;
use crate::mail::{self, Message};
use crate::storage::Change;

#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("This is neither its slug nor its name. Type one of them exactly.")]
    Unconfirmed,
    #[error("This organization is deleted already.")]
    Closed,
    #[error("This organization's deletion can't be undone any more.")]
    TooLate,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for CloseError {
    fn from(error: MemberError) -> CloseError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

/// Deletes the organization for an Owner who has typed its slug or name. From now on it refuses everything.
pub async fn close(app: &App, actor: &Actor, confirmation: &str) -> Result<Organization, CloseError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::DeleteOrganization)?;
    let organization = organizations::by_id(&mut change, actor.organization).await?;
    if ![organization.slug.as_str(), &organization.name].contains(&confirmation.trim()) {
        return Err(CloseError::Unconfirmed);
    }
    actor.stepped_up(change.now())?;
    close_in(app, change, organization, &actor.operator()).await
}

/// The same for the sysadmin, who has found the organization by its slug.
pub async fn close_by_sysadmin(
    app: &App,
    id: OrganizationId,
    operator: &Operator,
) -> Result<Organization, CloseError> {
    let mut change = app.db.change(id).await?;
    let organization = organizations::by_id(&mut change, id).await?;
    if !organization.is_open() {
        return Err(CloseError::Closed);
    }
    close_in(app, change, organization, operator).await
}

async fn close_in(
    app: &App,
    mut change: Change,
    organization: Organization,
    operator: &Operator,
) -> Result<Organization, CloseError> {
    let now = change.now();
    organizations::set_closed_at(&mut change, organization.id, Some(now)).await?;
    let entry = Entry::new(Kind::OrganizationClosed, organization.id, &organization.name)
        .with("undo until", now.plus(UNDO).rfc3339());
    audit::record(&mut change, organization.id, operator, entry).await?;
    let tell = |to| mails::closed(app, to, &organization, &operator.name, now.plus(UNDO));
    tell_owners(app, &mut change, organization.id, tell).await?;
    change.commit().await?;
    Ok(Organization { closed_at: Some(now), ..organization })
}

/// Undoes the deletion: everything is as it was. One that was undone already stays so.
pub async fn reopen(app: &App, actor: &Actor) -> Result<Organization, CloseError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    // Not `current_actor`, which lets nobody act in a deleted organization.
    let member = users::member_of(&mut change, actor.organization, actor.person.user).await?;
    let may =
        member.is_some_and(|member| member.is_active(now) && member.role.may(Capability::DeleteOrganization));
    if !may {
        return Err(Denied.into());
    }
    reopen_in(app, change, actor.organization, &actor.operator()).await
}

/// The same for the sysadmin.
pub async fn reopen_by_sysadmin(
    app: &App,
    id: OrganizationId,
    operator: &Operator,
) -> Result<Organization, CloseError> {
    let change = app.db.change(id).await?;
    reopen_in(app, change, id, operator).await
}

async fn reopen_in(
    app: &App,
    mut change: Change,
    id: OrganizationId,
    operator: &Operator,
) -> Result<Organization, CloseError> {
    let organization = organizations::by_id(&mut change, id).await?;
    match organization.undo_until() {
        None => return Ok(organization),
        Some(until) if change.now() >= until => return Err(CloseError::TooLate),
        Some(_) => {}
    }
    if !organizations::set_closed_at(&mut change, id, None).await? {
        return Err(CloseError::TooLate);
    }
    let entry = Entry::new(Kind::OrganizationReopened, id, &organization.name);
    audit::record(&mut change, id, operator, entry).await?;
    let tell = |to| mails::reopened(app, to, &organization, &operator.name);
    tell_owners(app, &mut change, id, tell).await?;
    change.commit().await?;
    Ok(Organization { closed_at: None, ..organization })
}

async fn tell_owners(
    app: &App,
    change: &mut Change,
    organization: OrganizationId,
    message: impl Fn(String) -> Message,
) -> sqlx::Result<()> {
    for (_, email) in users::owners(change, organization).await? {
        mail::queue(change, app, Some(organization), &message(email)).await?;
    }
    Ok(())
}

/// Erases what was deleted too long ago to be undone.
pub(crate) async fn erase_due(app: &App) -> sqlx::Result<()> {
    let before = app.db.now().plus(-UNDO);
    let due = organizations::to_erase(&mut app.db.read().await?, before).await?;
    for id in due {
        erase(app, id, before, &Operator::interlock()).await?;
    }
    Ok(())
}

/// Erases a deleted organization without waiting for its 30 days. Says whether it was there to be erased.
pub async fn erase_by_sysadmin(app: &App, id: OrganizationId, operator: &Operator) -> sqlx::Result<bool> {
    let now = app.db.now();
    erase(app, id, now, operator).await
}

/// The data goes. The organization's row stays, so that its slugs stay reserved, and so does its audit log.
async fn erase(
    app: &App,
    id: OrganizationId,
    closed_before: Timestamp,
    operator: &Operator,
) -> sqlx::Result<bool> {
    let mut change = app.db.account(None, &[id]).await?;
    let organization = organizations::by_id(&mut change, id).await?;
    // Undone meanwhile, or erased by another replica.
    if !organizations::set_erased(&mut change, id, closed_before).await? {
        return Ok(false);
    }
    sessions::erase_visits(&mut change, id).await?;
    invitations::erase(&mut change, id).await?;
    sso::erase(&mut change, id).await?;
    spending::erase(&mut change, id).await?;
    api_keys::erase(&mut change, id).await?;
    agents::erase(&mut change, id).await?;
    permissions::erase(&mut change, id).await?;
    resources::erase(&mut change, id).await?;
    teams::erase(&mut change, id).await?;
    users::erase(&mut change, id).await?;
    mail::erase(&mut change, id).await?;
    let entry = Entry::new(Kind::OrganizationErased, id, &organization.name)
        .without("people", organization.people)
        .without("pending invites", organization.pending);
    audit::record(&mut change, id, operator, entry).await?;
    change.commit().await?;
    Ok(true)
}
