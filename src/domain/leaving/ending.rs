//! Memberships that end by their date.

use super::behind;
use crate::app::App;
use crate::domain::access::Operator;
use crate::domain::users;
use crate::ids::{OrganizationId, UserId};

/// Ends what is due, and tells whom an end is near. Killed at any moment it goes on where it was, and several
/// replicas do each thing once.
pub async fn end_due(app: &App) -> sqlx::Result<()> {
    loop {
        let due = users::ended(app).await?;
        for (organization, user) in &due {
            end(app, *organization, *user).await?;
        }
        if due.is_empty() {
            break;
        }
    }
    users::tell_of_ends(app).await
}

async fn end(app: &App, organization: OrganizationId, user: UserId) -> sqlx::Result<()> {
    let mut change = app.db.account(Some(user), &[organization]).await?;
    let Some(member) = users::due(&mut change, organization, user).await? else { return Ok(()) };
    let operator = Operator::interlock();
    let heir = behind::longest_standing(&mut change, organization, user).await?;
    behind::settle(&mut change, organization, &operator, &member, heir.as_ref()).await?;
    users::end(&mut change, organization, &operator, &member).await?;
    change.commit().await
}
