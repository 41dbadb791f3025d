//! Resetting another person's factors: a lost phone, and no recovery code (M7).

use super::{devices, mails, note, sql};
use crate::app::App;
use crate::domain::access::{Actor, Capability, Denied, Operator, Role, StepUpNeeded};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::sessions;
use crate::domain::users::{self, Member, MemberError, User};
use crate::ids::UserId;
use crate::mail;
use crate::storage::Change;

#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    #[error(transparent)]
    Member(#[from] MemberError),
    #[error(
        "Nobody's factors can be reset by themselves this way. Use a recovery code, or ask another Admin."
    )]
    Yourself,
    #[error("An Owner's factors can be reset by the sysadmin only: interlock user reset-factors.")]
    Owner,
    #[error(
        "{0} belongs to other organizations too, so only the sysadmin can do this: interlock user reset-factors."
    )]
    Elsewhere(String),
    #[error("{0} has no factor to reset.")]
    None(String),
}

impl From<Denied> for ResetError {
    fn from(denied: Denied) -> ResetError {
        MemberError::from(denied).into()
    }
}

impl From<StepUpNeeded> for ResetError {
    fn from(needed: StepUpNeeded) -> ResetError {
        MemberError::from(needed).into()
    }
}

impl From<sqlx::Error> for ResetError {
    fn from(error: sqlx::Error) -> ResetError {
        MemberError::from(error).into()
    }
}

/// Whether the actor may reset a member's factors, but for the step-up, for the page that asks.
pub async fn may_reset(app: &App, actor: &Actor, user: UserId) -> Result<(), ResetError> {
    let mut reader = app.db.read().await?;
    let member = users::find_member(&mut reader, actor, user).await?;
    let elsewhere = sql::memberships(&mut reader, user).await? > 1;
    resettable(actor, &member, elsewhere)?;
    match sql::flags(&mut reader, user).await?.any() {
        true => Ok(()),
        false => Err(ResetError::None(member.name)),
    }
}

/// M7: of a member within one's own role, somebody else, no Owner, and of this organization alone: other
/// organizations did not agree.
fn resettable(actor: &Actor, member: &Member, elsewhere: bool) -> Result<(), ResetError> {
    actor.may(Capability::ManageUsers)?;
    actor.may_handle(member.role)?;
    match member.role {
        _ if member.user_id == actor.person.user => Err(ResetError::Yourself),
        Role::Owner => Err(ResetError::Owner),
        _ if elsewhere => Err(ResetError::Elsewhere(member.name.clone())),
        _ => Ok(()),
    }
}

/// Resets the factors of a member, after a step-up. Their sessions end; enrolling anew is theirs.
pub async fn reset(app: &App, actor: &Actor, user: UserId) -> Result<Member, ResetError> {
    actor.may(Capability::ManageUsers)?;
    let mut change = app.db.account(Some(user), &[actor.organization]).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let member = users::find_member(&mut change, actor, user).await?;
    // The change holds all organizations of the person, those that suspended them too.
    let elsewhere = change.organizations() != [actor.organization];
    resettable(actor, &member, elsewhere)?;
    actor.stepped_up(change.now())?;
    let Some(owner) = users::by_id(&mut change, user).await? else {
        return Err(MemberError::NotFound.into());
    };
    if !all_gone(app, &mut change, &owner, &actor.operator()).await? {
        return Err(ResetError::None(member.name));
    }
    change.commit().await?;
    Ok(member)
}

/// The same by whoever runs the instance, for anybody. Says whether there was anything to reset.
pub async fn reset_by_sysadmin(app: &App, operator: &Operator, user: UserId) -> sqlx::Result<bool> {
    let mut change = app.db.account(Some(user), &[]).await?;
    let Some(owner) = users::by_id(&mut change, user).await? else { return Ok(false) };
    let done = all_gone(app, &mut change, &owner, operator).await?;
    change.commit().await?;
    Ok(done)
}

async fn all_gone(app: &App, change: &mut Change, user: &User, operator: &Operator) -> sqlx::Result<bool> {
    let now = change.now();
    if !sql::remove_all(change, user.id).await? {
        return Ok(false);
    }
    note(change, user.id).await?;
    users::end_break_glass(app, change, user.id, operator).await?;
    devices::forget_all(change, user.id).await?;
    sessions::end_all(change, user.id, None, now).await?;
    audit::record_account(change, operator, Entry::new(Kind::FactorsReset, user.id, &user.name)).await?;
    mail::queue(change, app, None, &mails::reset(app, &user.email)).await?;
    Ok(true)
}
