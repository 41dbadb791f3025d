//! Leaving (R8), by an Admin's decision or one's own: what someone leaves behind in an organization, and
//! what becomes of it. Nobody is removed in another way, so that nothing is left without anyone deciding.

mod mails;
mod oneself;

pub(crate) use self::mails::samples;
pub use self::oneself::{Kept, LeaveError, Leaving, leave, leaving};
use crate::app::App;
use crate::domain::access::{Actor, Denied};
use crate::domain::invitations::{self, Fate, InviteError, Left, Settled};
use crate::domain::organizations;
use crate::domain::sessions::{self, OpeningSession};
use crate::domain::users::{self, Member, MemberError, MemberState};
use crate::ids::UserId;
use crate::mail;
use crate::storage::Db;

/// What a removal would touch, before it happens (V4). What later features leave behind stands beside.
#[derive(Debug)]
pub struct Preview {
    pub member: Member,
    pub sessions: Vec<OpeningSession>,
    pub invitations: Left,
}

pub async fn preview(db: &Db, actor: &Actor, user: UserId) -> Result<Preview, MemberError> {
    let now = db.now();
    let mut reader = db.read().await?;
    let member = users::removable(&mut reader, actor, user).await?;
    let sessions = sessions::opening(&mut reader, actor.organization, &member, now).await?;
    let invitations = invitations::left_by(&mut reader, actor, user).await?;
    Ok(Preview { member, sessions, invitations })
}

/// Ends a membership and settles what the person leaves behind, all at once or nothing.
pub async fn remove(
    app: &App,
    actor: &Actor,
    user: UserId,
    invites: Fate,
) -> Result<(Member, Settled), MemberError> {
    let mut change = app.db.account(Some(user), &[actor.organization]).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let member = users::removable(&mut change, actor, user).await?;
    let settled = invitations::settle(&mut change, actor, &member, invites).await.map_err(unsettled)?;
    users::remove(&mut change, actor, &member).await?;
    let organization = organizations::by_id(&mut change, actor.organization).await?;
    let message = mails::removed(app, &member, &organization, &actor.person.name);
    mail::queue(&mut change, app, Some(organization.id), &message).await?;
    change.commit().await?;
    Ok((Member { state: MemberState::Removed, ..member }, settled))
}

fn unsettled(error: InviteError) -> MemberError {
    match error {
        InviteError::Database(error) => error.into(),
        InviteError::StepUp(needed) => needed.into(),
        // No other answer says anything of an invite that is there.
        _ => Denied.into(),
    }
}
