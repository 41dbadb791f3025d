//! Deleting an organization (R12): closed for 30 days, then erased. The slug and the audit log stay.

use super::sql;
use super::sysadmin::Standing;
use crate::app::App;
use crate::clock::DAY;
use crate::domain::access::Operator;
use crate::domain::audit::{self, Entry, Kind};
use crate::ids::OrganizationId;

/// How long a closed organization can be reopened.
pub const OPEN_AGAIN: i64 = 30 * DAY;

#[derive(Debug, thiserror::Error)]
pub enum ClosingError {
    #[error("{0} is deleted already, and can be reopened for 30 days.")]
    Closed(String),
    #[error("{0} is not deleted.")]
    Open(String),
    #[error("The data of {0} is erased. Nothing brings it back.")]
    Erased(String),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Closes it: everything of it refuses at once, and its Owners can undo that for 30 days.
pub async fn close(app: &App, operator: &Operator, id: OrganizationId) -> Result<(), ClosingError> {
    let mut change = app.db.change(id).await?;
    let now = change.now();
    let organization = standing(&mut change, id).await?;
    if organization.closed_at.is_some() {
        return Err(ClosingError::Closed(organization.name));
    }
    sql::set_closed(&mut change, id, Some(now)).await?;
    let entry = Entry::new(Kind::OrganizationClosed, id, &organization.name)
        .with("erased after", now.plus(OPEN_AGAIN).rfc3339());
    audit::record(&mut change, id, operator, entry).await?;
    Ok(change.commit().await?)
}

pub async fn reopen(app: &App, operator: &Operator, id: OrganizationId) -> Result<(), ClosingError> {
    let mut change = app.db.change(id).await?;
    let organization = standing(&mut change, id).await?;
    if organization.closed_at.is_none() {
        return Err(ClosingError::Open(organization.name));
    }
    sql::set_closed(&mut change, id, None).await?;
    let entry = Entry::new(Kind::OrganizationReopened, id, &organization.name);
    audit::record(&mut change, id, operator, entry).await?;
    Ok(change.commit().await?)
}

/// Erases everything of it but its slug, its name and its audit log, at once.
pub async fn erase(app: &App, operator: &Operator, id: OrganizationId) -> Result<(), ClosingError> {
    let mut change = app.db.change(id).await?;
    let now = change.now();
    let organization = standing(&mut change, id).await?;
    sql::erase(&mut change, id, now).await?;
    let entry = Entry::new(Kind::OrganizationErased, id, &organization.name)
        .without("people", organization.people)
        .without("pending invites", organization.pending);
    audit::record(&mut change, id, operator, entry).await?;
    Ok(change.commit().await?)
}

/// As it is inside the change; an erased one can't be changed any more.
async fn standing(change: &mut crate::storage::Change, id: OrganizationId) -> Result<Standing, ClosingError> {
    let organization = sql::standing(change, id).await?;
    match organization.erased_at {
        Some(_) => Err(ClosingError::Erased(organization.name)),
        None => Ok(organization),
    }
}
