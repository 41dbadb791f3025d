//! Deleting an organization (R12): closed for 30 days, then erased. The slug and the audit log stay.

use super::sql;
use crate::app::App;
use crate::clock::DAY;
use crate::domain::access::Operator;
use crate::domain::audit::{self, Entry, Kind};
use crate::ids::OrganizationId;

/// How long a closed organization can be reopened.
const UNDO: i64 = 30 * DAY;

#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    #[error("This organization is deleted already.")]
    Closed,
    #[error("This organization's deletion can't be undone any more.")]
    TooLate,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Closes it: its Owners can undo that for 30 days.
pub async fn close_by_sysadmin(app: &App, id: OrganizationId, operator: &Operator) -> Result<(), CloseError> {
    let mut change = app.db.change(id).await?;
    let now = change.now();
    let organization = sql::standing(&mut change, id).await?;
    if organization.closed_at.is_some() {
        return Err(CloseError::Closed);
    }
    sql::set_closed(&mut change, id, Some(now)).await?;
    let entry = Entry::new(Kind::OrganizationClosed, id, &organization.name)
        .with("can be undone until", now.plus(UNDO).rfc3339());
    audit::record(&mut change, id, operator, entry).await?;
    Ok(change.commit().await?)
}

pub async fn reopen_by_sysadmin(
    app: &App,
    id: OrganizationId,
    operator: &Operator,
) -> Result<(), CloseError> {
    let mut change = app.db.change(id).await?;
    let organization = sql::standing(&mut change, id).await?;
    match organization.closed_at {
        None => return Ok(()),
        Some(_) if organization.erased_at.is_some() => return Err(CloseError::TooLate),
        Some(_) => sql::set_closed(&mut change, id, None).await?,
    }
    let entry = Entry::new(Kind::OrganizationReopened, id, &organization.name);
    audit::record(&mut change, id, operator, entry).await?;
    Ok(change.commit().await?)
}

/// Erases a closed organization without waiting. Says whether it was there to be erased.
pub async fn erase_by_sysadmin(app: &App, id: OrganizationId, operator: &Operator) -> sqlx::Result<bool> {
    let mut change = app.db.account(None, &[id]).await?;
    let now = change.now();
    let organization = sql::standing(&mut change, id).await?;
    if organization.closed_at.is_none() || organization.erased_at.is_some() {
        return Ok(false);
    }
    sql::erase(&mut change, id, now).await?;
    let entry = Entry::new(Kind::OrganizationErased, id, &organization.name)
        .without("people", organization.people)
        .without("pending invites", organization.pending);
    audit::record(&mut change, id, operator, entry).await?;
    change.commit().await?;
    Ok(true)
}
