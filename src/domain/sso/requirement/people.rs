//! Break-glass people (O4): who comes in by password and factor though single sign-on is required.

use super::sql;
use crate::app::App;
use crate::domain::access::{Actor, Capability, Denied, Factors, Role, StepUpNeeded};
use crate::domain::users::{self, BreakGlass, MemberError, MemberState};
use crate::domain::values::Email;
use crate::ids::{OrganizationId, UserId};
use crate::storage::Lends;

/// Someone who is named.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct BreakGlassPerson {
    pub user_id: UserId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub state: MemberState,
    pub has_password: bool,
    #[sqlx(flatten)]
    pub factors: Factors,
}

impl BreakGlassPerson {
    /// Whether they could come in.
    pub fn is_ready(&self) -> bool {
        self.state == MemberState::Active && self.has_password && self.factors.any()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BreakGlassError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("Only an Owner gives break-glass access and takes it.")]
    NotOwner,
    #[error("Nobody who is active here has this address.")]
    Nobody,
    #[error("{0} has no password. Break-glass access needs one, and a factor.")]
    NoPassword(String),
    #[error("{0} has no factor. They set up multi-factor authentication in their account first.")]
    NoFactor(String),
    #[error("{0}")]
    Last(MemberError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for BreakGlassError {
    fn from(error: MemberError) -> BreakGlassError {
        match error {
            MemberError::Database(error) => error.into(),
            error @ MemberError::LastBreakGlass(_) => BreakGlassError::Last(error),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

/// Who is named, suspended people too.
pub async fn break_glass_people(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<BreakGlassPerson>> {
    sql::people(on, organization).await
}

/// Gives an active member with password and factor break-glass access, or takes it from anybody. All Owners
/// hear of it. Gives the person's name, and nothing if it was so already.
pub async fn name_break_glass(
    app: &App,
    actor: &Actor,
    email: &Email,
    named: bool,
) -> Result<Option<String>, BreakGlassError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    if actor.role != Role::Owner {
        return Err(BreakGlassError::NotOwner);
    }
    let user = users::by_email(&mut change, &email.canonical()).await?.ok_or(BreakGlassError::Nobody)?;
    let member = users::member_of(&mut change, actor.organization, user.id).await?;
    let here = |member: &users::Member| match named {
        true => member.is_active(now),
        false => member.state != MemberState::Removed,
    };
    let member = member.filter(here).ok_or(BreakGlassError::Nobody)?;
    if member.break_glass == named {
        return Ok(None);
    }
    match named {
        true if user.password_hash.is_none() => return Err(BreakGlassError::NoPassword(member.name)),
        true if !user.factors.any() => return Err(BreakGlassError::NoFactor(member.name)),
        false if users::is_last_break_glass(&mut change, actor.organization, &member).await? => {
            return Err(MemberError::LastBreakGlass(member.name).into());
        }
        _ => {}
    }
    actor.stepped_up(now)?;
    let access = if named { BreakGlass::Given } else { BreakGlass::Taken };
    users::name_break_glass(app, &mut change, actor.organization, &member, access, &actor.operator()).await?;
    change.commit().await?;
    Ok(Some(member.name))
}
