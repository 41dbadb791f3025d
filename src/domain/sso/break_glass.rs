//! Break-glass (O4): who comes in by password and factor though single sign-on is required.

use super::mails;
use crate::app::App;
use crate::domain::access::Actor;
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations;
use crate::domain::sessions;
use crate::domain::users;
use crate::mail;

/// Audits that a session comes in by break-glass and tells the Owners, once, before the gate lets it in (U3).
pub async fn note_break_glass(app: &App, actor: &Actor) -> sqlx::Result<()> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let person = &actor.person;
    if !sessions::note_break_glass(&mut change, person.session, actor.organization, now).await? {
        return Ok(());
    }
    let organization = organizations::by_id(&mut change, actor.organization).await?;
    let entry = Entry::new(Kind::BreakGlassUsed, person.user, &person.name);
    audit::record(&mut change, actor.organization, &person.operator(), entry).await?;
    for owner in users::mail_of_owners(&mut change, actor.organization).await? {
        let message = mails::break_glass_used(app, &owner, &organization, person, now);
        mail::queue(&mut change, app, Some(actor.organization), &message).await?;
    }
    change.commit().await
}
