//! What somebody leaves behind of teams, resources, agents and keys, and what becomes of it, whichever way they leave.

use super::RemoveError;
use crate::clock::Timestamp;
use crate::domain::access::Operator;
use crate::domain::agents;
use crate::domain::api_keys::{self, Held};
use crate::domain::resources::leaving::{self as resources, Made};
use crate::domain::teams;
use crate::domain::users::{self, Member};
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Change, Lends};

/// What ends with a membership, and what goes to an Owner.
#[derive(Debug, Default)]
pub struct Behind {
    /// The teams that they are in, by name.
    pub teams: Vec<String>,
    /// On how many resources they have an entry of their own.
    pub entries: i64,
    /// What they have made.
    pub made: Made,
    /// Their own keys, which end, and those that they made for others, which go on.
    pub keys: Held,
    /// The shared agents that they answer for, by name.
    pub agents: Vec<String>,
    /// Who could have that: the other active Owners, by name.
    pub heirs: Vec<(UserId, String)>,
    /// The Owner who has it, if nobody chooses.
    pub heir: Option<UserId>,
}

impl Behind {
    pub(super) async fn of(
        on: &mut impl Lends,
        organization: OrganizationId,
        user: UserId,
        now: Timestamp,
    ) -> sqlx::Result<Behind> {
        let teams = teams::of_people(on, organization, &[user]).await?;
        let agents = agents::answered_for(on, organization, user).await?;
        Ok(Behind {
            keys: api_keys::held_by(on, organization, user, now).await?,
            agents: agents.into_iter().map(|(_, name)| name).collect(),
            teams: teams.into_iter().map(|team| team.name).collect(),
            entries: resources::count_entries(on, organization, user).await?,
            made: resources::made_by(on, organization, user).await?,
            heirs: users::owners_beside(on, organization, user).await?,
            heir: users::longest_owner(on, organization, user).await?,
        })
    }
}

/// Who has what a leaver has made: an id and a name.
pub(super) type Heir = (UserId, String);

/// The Owner who was chosen, who must be one now; else the longest-standing one.
pub(super) async fn heir(
    change: &mut Change,
    organization: OrganizationId,
    leaver: UserId,
    chosen: Option<UserId>,
) -> Result<Option<Heir>, RemoveError> {
    match chosen {
        None => Ok(longest_standing(change, organization, leaver).await?),
        Some(chosen) => {
            let owners = users::owners_beside(change, organization, leaver).await?;
            let heir = owners.into_iter().find(|(user, _)| *user == chosen);
            heir.map(Some).ok_or(RemoveError::NotAnOwner)
        }
    }
}

/// The active Owner who has been one for the longest.
pub(super) async fn longest_standing(
    change: &mut Change,
    organization: OrganizationId,
    leaver: UserId,
) -> sqlx::Result<Option<Heir>> {
    let Some(user) = users::longest_owner(change, organization, leaver).await? else { return Ok(None) };
    let member = users::member_of(change, organization, user).await?;
    Ok(member.map(|member| (user, member.name)))
}

/// Takes a leaver out of their teams, ends their entries and keys, hands what they made to an Owner and archives their
/// Dev mode: in the change that ends the membership, so that a new one begins with nothing of it (R8).
pub(super) async fn settle(
    change: &mut Change,
    organization: OrganizationId,
    operator: &Operator,
    leaver: &Member,
    heir: Option<&Heir>,
) -> sqlx::Result<()> {
    teams::leave_all(change, organization, leaver.user_id, &leaver.name, operator).await?;
    let heir = heir.map(|(user, name)| (*user, name.as_str()));
    api_keys::settle(change, organization, leaver.user_id, operator).await?;
    agents::settle(change, organization, leaver.user_id, &leaver.name, heir, operator).await?;
    resources::settle(change, organization, leaver.user_id, &leaver.name, heir, operator).await
}
