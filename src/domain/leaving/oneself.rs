//! Leaving an organization, by oneself (R3, R4).

use super::behind::{self, Behind};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Person};
use crate::domain::organizations::{self, Organization};
use crate::domain::users::{self, Member};
use crate::ids::OrganizationId;
use crate::storage::Lends;

/// What a person is about to leave, and as what.
#[derive(Debug)]
pub struct Leaving {
    pub organization: Organization,
    pub member: Member,
    pub behind: Behind,
    /// Whether they may not: the last Owner can't (R3), nor the last with break-glass access while single sign-on
    /// is required (O4).
    pub kept: Option<Kept>,
}

/// Why a person can't leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    LastOwner,
    LastBreakGlass,
}

impl Kept {
    pub fn refusal(self, organization: &str) -> LeaveError {
        match self {
            Kept::LastOwner => LeaveError::LastOwner(organization.to_owned()),
            Kept::LastBreakGlass => LeaveError::LastBreakGlass(organization.to_owned()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    #[error("You are in no organization of this id.")]
    NotFound,
    #[error("You are the last Owner of {0}. Hand it over or delete it, in its settings, and then leave.")]
    LastOwner(String),
    #[error(
        "{0} requires single sign-on, and you are its last Owner with break-glass access. Give it to another Owner, \
         in its settings, and then leave."
    )]
    LastBreakGlass(String),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// What leaving would end, for the page that asks first.
pub async fn leaving(
    on: &mut impl Lends,
    person: &Person,
    organization: OrganizationId,
    now: Timestamp,
) -> Result<Leaving, LeaveError> {
    let member = users::member_of(on, organization, person.user).await?;
    let member = member.filter(|member| member.is_active(now)).ok_or(LeaveError::NotFound)?;
    let kept = match users::is_last_owner(on, organization, &member).await? {
        true => Some(Kept::LastOwner),
        false if users::is_last_break_glass(on, organization, &member).await? => Some(Kept::LastBreakGlass),
        false => None,
    };
    let organization = organizations::by_id(on, organization).await?;
    if !organization.is_open() {
        return Err(LeaveError::NotFound);
    }
    let behind = Behind::of(on, organization.id, person.user, now).await?;
    Ok(Leaving { organization, member, behind, kept })
}

/// Ends a person's own membership, an Auditor's too. Their account and other organizations stay.
pub async fn leave(
    app: &App,
    person: &Person,
    organization: OrganizationId,
) -> Result<Organization, LeaveError> {
    let now = app.db.now();
    // An organization that they are not in may be none at all, and has no head to lock.
    leaving(&mut app.db.read().await?, person, organization, now).await?;
    let mut change = app.db.account(Some(person.user), &[organization]).await?;
    let now = change.now();
    let Leaving { organization, member, kept, .. } = leaving(&mut change, person, organization, now).await?;
    if let Some(kept) = kept {
        return Err(kept.refusal(&organization.name));
    }
    let actor = Actor { person: person.clone(), organization: organization.id, role: member.role };
    let heir = behind::longest_standing(&mut change, organization.id, person.user).await?;
    behind::settle(&mut change, organization.id, &actor.operator(), &member, heir.as_ref()).await?;
    users::leave(&mut change, &actor, &member).await?;
    change.commit().await?;
    Ok(organization)
}
