use super::members::{Member, MemberError, MemberState};
use super::sql;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability};
use crate::ids::UserId;
use crate::storage::Db;

/// A member, and how they came to be what they are. Removed ones have theirs too.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Profile {
    #[sqlx(flatten)]
    pub member: Member,
    pub role_since: Timestamp,
    role_by: Option<UserId>,
    role_by_name: Option<String>,
    pub state_since: Timestamp,
    state_by: Option<UserId>,
    state_by_name: Option<String>,
    invited_by: Option<UserId>,
    invited_by_name: Option<String>,
}

/// Who did something to a membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A member, under the name that they have or had here.
    Member(UserId, String),
    Themselves,
    Interlock,
    Sysadmin,
}

impl Profile {
    /// Who gave the role; nobody gave it to who made the organization.
    pub fn role_by(&self) -> Option<By> {
        match self.member_named(self.role_by, self.role_by_name.as_ref()) {
            Some(by) => Some(by),
            None if self.role_since == self.member.joined_at => None,
            None => Some(By::Sysadmin),
        }
    }

    /// Who made the membership active, suspended or removed.
    pub fn state_by(&self) -> Option<By> {
        if let Some(by) = self.member_named(self.state_by, self.state_by_name.as_ref()) {
            return Some(by);
        }
        match self.member.state {
            MemberState::Active if self.state_since == self.member.joined_at => None,
            MemberState::Active | MemberState::Suspended => Some(By::Sysadmin),
            MemberState::Removed if self.member.ends_at.is_some_and(|end| end <= self.state_since) => {
                Some(By::Interlock)
            }
            MemberState::Removed => Some(By::Themselves),
        }
    }

    pub fn invited_by(&self) -> Option<By> {
        self.member_named(self.invited_by, self.invited_by_name.as_ref())
    }

    fn member_named(&self, id: Option<UserId>, name: Option<&String>) -> Option<By> {
        match (id, name) {
            (Some(id), _) if id == self.member.user_id => Some(By::Themselves),
            (Some(id), Some(name)) => Some(By::Member(id, name.clone())),
            _ => None,
        }
    }
}

pub async fn profile(db: &Db, actor: &Actor, user: UserId) -> Result<Profile, MemberError> {
    actor.may(Capability::ReadUsers)?;
    sql::profile(&mut db.read().await?, actor.organization, user).await?.ok_or(MemberError::NotFound)
}
