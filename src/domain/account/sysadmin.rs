//! What the sysadmin does to a person in one of their organizations, or in all of them.

use crate::app::App;
use crate::domain::access::Operator;
use crate::domain::factors;
use crate::domain::sessions;
use crate::domain::users::{self, Member, MemberError, MemberState};
use crate::ids::{OrganizationId, UserId};

/// What was done: each organization with the member as they were before, and the sessions that ended.
#[derive(Debug)]
pub struct StateChange {
    pub members: Vec<(OrganizationId, Member)>,
    pub sessions_ended: u64,
}

/// Suspends a person in one organization; without one in all of theirs, which also ends their sessions.
/// Unless `last_owner_too`, refuses to leave an organization without an active Owner.
pub async fn suspend(
    app: &App,
    operator: &Operator,
    user: UserId,
    organization: Option<OrganizationId>,
    last_owner_too: bool,
) -> Result<StateChange, MemberError> {
    set_state(app, operator, user, organization, MemberState::Suspended, last_owner_too).await
}

/// Makes a suspended person active again, in one organization or in all.
pub async fn reactivate(
    app: &App,
    operator: &Operator,
    user: UserId,
    organization: Option<OrganizationId>,
) -> Result<StateChange, MemberError> {
    set_state(app, operator, user, organization, MemberState::Active, false).await
}

async fn set_state(
    app: &App,
    operator: &Operator,
    user: UserId,
    organization: Option<OrganizationId>,
    state: MemberState,
    last_owner_too: bool,
) -> Result<StateChange, MemberError> {
    let mut change = match organization {
        Some(organization) => app.db.change(organization).await?,
        None => app.db.account(Some(user), &[]).await?,
    };
    let mut members = Vec::new();
    for id in change.organizations().to_vec() {
        let before =
            users::sysadmin::set_state(&mut change, operator, id, user, state, last_owner_too).await?;
        members.push((id, before));
    }
    let now = change.now();
    let sessions_ended = match (organization, state) {
        (None, MemberState::Suspended) => {
            factors::forget_devices(&mut change, user).await?;
            sessions::end_all(&mut change, user, None, now).await?
        }
        _ => 0,
    };
    change.commit().await?;
    Ok(StateChange { members, sessions_ended })
}
