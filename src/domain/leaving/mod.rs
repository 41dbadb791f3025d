//! Leaving (R8), by an Admin's decision or one's own: what someone leaves behind in an organization, and
//! what becomes of it. Nobody is removed in another way, so that nothing is left without anyone deciding.

mod behind;
mod ending;
mod mails;
mod oneself;

pub use self::behind::Behind;
pub use self::ending::end_due;

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
    pub behind: Behind,
}

pub async fn preview(db: &Db, actor: &Actor, user: UserId) -> Result<Preview, MemberError> {
    let now = db.now();
    let mut reader = db.read().await?;
    let member = users::removable(&mut reader, actor, user).await?;
    let sessions = sessions::opening(&mut reader, actor.organization, &member, now).await?;
    let invitations = invitations::left_by(&mut reader, actor, user).await?;
    let behind = Behind::of(&mut reader, actor.organization, user, now).await?;
    Ok(Preview { member, sessions, invitations, behind })
}

#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    #[error(transparent)]
    Member(#[from] MemberError),
    #[error("This is no active Owner. Choose one from the list.")]
    NotAnOwner,
}

impl From<sqlx::Error> for RemoveError {
    fn from(error: sqlx::Error) -> RemoveError {
        RemoveError::Member(error.into())
    }
}

/// Ends a membership and settles what the person leaves behind, all at once or nothing. What they made goes to the
/// heir, an Owner; to the longest-standing one, if none is named.
pub async fn remove(
    app: &App,
    actor: &Actor,
    user: UserId,
    invites: Fate,
    heir: Option<UserId>,
) -> Result<(Member, Settled), RemoveError> {
    let mut change = app.db.account(Some(user), &[actor.organization]).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let member = users::removable(&mut change, actor, user).await?;
    let settled = invitations::settle(&mut change, actor, &member, invites).await.map_err(unsettled)?;
    let heir = behind::heir(&mut change, actor.organization, user, heir).await?;
    behind::settle(&mut change, actor.organization, &actor.operator(), &member, heir.as_ref()).await?;
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
