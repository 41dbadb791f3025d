//! Telling members of a factor that their organization asks for, or is to: by a worker, a mail a transaction,
//! since there may be ten thousand of them.

use super::mails;
use crate::app::App;
use crate::clock::DAY;
use crate::domain::organizations;
use crate::domain::users::{self, MfaMail};
use crate::ids::OrganizationId;
use crate::mail;

const AT_ONCE: i64 = 100;

/// Marks whom a grace period's end is near, and mails all who are marked. Killed at any moment it goes on
/// where it was, and several replicas do each thing once.
pub async fn tell_due(app: &App) -> sqlx::Result<()> {
    // The day's first: whoever was not told three days before has no use for that mail any more.
    remind(app, 1).await?;
    remind(app, 3).await?;
    loop {
        let due = users::mfa_mails_due(&mut app.db.read().await?, AT_ONCE).await?;
        for mail in &due {
            tell(app, mail).await?;
        }
        if due.is_empty() {
            return Ok(());
        }
    }
}

/// Marks those who lack a factor where a grace period has at most so many days left.
async fn remind(app: &App, days: i64) -> sqlx::Result<()> {
    let now = app.db.now();
    let near = organizations::near_mfa(&mut app.db.read().await?, days, now, now.plus(days * DAY)).await?;
    for organization in near {
        remind_in(app, organization, days).await?;
    }
    Ok(())
}

async fn remind_in(app: &App, organization: OrganizationId, days: i64) -> sqlx::Result<()> {
    let mut tx = app.db.change(organization).await?;
    let now = tx.now();
    let rule = organizations::note_mfa_notice(&mut tx, organization, days, now, now.plus(days * DAY)).await?;
    let Some(rule) = rule else { return Ok(()) };
    users::mark_for_mfa_mail(&mut tx, organization, rule, now).await?;
    tx.commit().await
}

async fn tell(app: &App, due: &MfaMail) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    if let Some((to, zone)) = users::take_mfa_mail(&mut tx, due).await? {
        let organization = organizations::by_id(&mut tx, due.organization).await?;
        let message = mails::factor_asked(app, to, &organization, due.rule, &zone, now);
        mail::queue(&mut tx, app, Some(organization.id), &message).await?;
    }
    tx.commit().await
}
