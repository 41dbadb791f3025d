//! How a key stands, in one place for lists, pages, mails and the command line.

use super::Kind;
use crate::clock::{DAY, Timestamp};
use crate::domain::access::Role;
use crate::domain::users::MemberState;

/// How long before its end a key is said to expire soon, and its people are mailed.
pub const SOON: i64 = 7 * DAY;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Works,
    /// It ends within a week.
    Soon(Timestamp),
    /// Another took its place, and it works beside that one until then.
    Replaced(Timestamp),
    /// Older than the organization lets keys become: blocked, and not deleted (K4).
    TooOld,
    /// Whoever it acts for is no active member.
    OwnerGone,
    /// The role of whoever it acts for does not let them have it.
    OwnerRole,
    Expired,
    Revoked,
}

impl State {
    /// Whether a key is answered now.
    pub fn works(self) -> bool {
        matches!(self, State::Works | State::Soon(_) | State::Replaced(_))
    }
}

/// Whom a key acts for, as a member of its organization now: nothing of all this, where they are none.
#[derive(Clone, Copy, Debug, Default, sqlx::FromRow)]
pub struct Owner {
    #[sqlx(rename = "owner_role")]
    pub role: Option<Role>,
    #[sqlx(rename = "owner_state")]
    pub state: Option<MemberState>,
    #[sqlx(rename = "owner_ends_at")]
    pub ends_at: Option<Timestamp>,
}

impl Owner {
    /// Their role, while they are an active member.
    pub fn active(&self, now: Timestamp) -> Option<Role> {
        let is_active = self.state == Some(MemberState::Active) && self.ends_at.is_none_or(|ends| now < ends);
        self.role.filter(|_| is_active)
    }
}

/// What a key's state follows from.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub kind: Kind,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub replaced_at: Option<Timestamp>,
    /// The organization's rule.
    pub longest: Option<i64>,
    /// Of whom it acts for, if that is somebody.
    pub owner: Option<Owner>,
}

impl Facts {
    /// When it ends, by its own date or by the organization's rule.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let by_rule = self.longest.map(|longest| self.created_at.plus(longest));
        [self.expires_at, by_rule].into_iter().flatten().min()
    }

    pub fn state(&self, now: Timestamp) -> State {
        if self.revoked_at.is_some() {
            return State::Revoked;
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return State::Expired;
        }
        if self.ends_at().is_some_and(|at| at <= now) {
            return State::TooOld;
        }
        match self.owner.map(|owner| owner.active(now)) {
            Some(None) => return State::OwnerGone,
            Some(Some(role)) if !role.may(self.kind.asks_of_owner()) => return State::OwnerRole,
            _ => {}
        }
        match (self.replaced_at, self.ends_at()) {
            (Some(_), Some(at)) => State::Replaced(at),
            (None, Some(at)) if at.since(now) <= SOON => State::Soon(at),
            _ => State::Works,
        }
    }
}

impl State {
    /// As it stands in the API, in CSV and on the command line.
    pub fn code(self) -> &'static str {
        match self {
            State::Works | State::Soon(_) => "works",
            State::Replaced(_) => "replaced",
            State::TooOld => "too_old",
            State::OwnerGone => "owner_inactive",
            State::OwnerRole => "owner_role",
            State::Expired => "expired",
            State::Revoked => "revoked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// K4: what a list says of a key.
    #[test]
    fn a_key_stands_as_its_facts_say() {
        let now = Timestamp(1_000 * DAY);
        let plain = Facts {
            kind: Kind::Development,
            created_at: now.plus(-100 * DAY),
            expires_at: None,
            revoked_at: None,
            replaced_at: None,
            longest: None,
            owner: None,
        };
        let ends = |at| Facts { expires_at: Some(at), ..plain };
        assert_eq!(plain.state(now), State::Works);
        assert_eq!(ends(now.plus(SOON + 1)).state(now), State::Works);
        assert_eq!(ends(now.plus(SOON)).state(now), State::Soon(now.plus(SOON)));
        assert_eq!(ends(now).state(now), State::Expired);
        assert_eq!(
            Facts { replaced_at: Some(now), ..ends(now.plus(1)) }.state(now),
            State::Replaced(now.plus(1))
        );
        assert_eq!(Facts { longest: Some(100 * DAY), ..plain }.state(now), State::TooOld);
        let near = Facts { longest: Some(105 * DAY), ..plain };
        assert_eq!(near.state(now), State::Soon(now.plus(5 * DAY)));
        assert_eq!(Facts { revoked_at: Some(now), ..ends(now) }.state(now), State::Revoked);
    }

    /// K5, KEY-08: a person's key is what its person is.
    #[test]
    fn a_key_stands_as_its_owner_does() {
        let now = Timestamp(1_000 * DAY);
        let of = |kind, owner| {
            let (expires_at, revoked_at, replaced_at, longest) = (None, None, None, None);
            let facts = Facts {
                kind,
                created_at: now,
                expires_at,
                revoked_at,
                replaced_at,
                longest,
                owner: Some(owner),
            };
            facts.state(now)
        };
        let active = |role| Owner { role: Some(role), state: Some(MemberState::Active), ends_at: None };
        let developer = active(Role::Developer);
        assert_eq!(of(Kind::Development, developer), State::Works);
        assert_eq!(of(Kind::Admin, developer), State::OwnerRole);
        assert_eq!(of(Kind::Admin, active(Role::Admin)), State::Works);
        assert_eq!(of(Kind::Development, active(Role::Member)), State::OwnerRole);
        assert_eq!(of(Kind::Development, Owner { ends_at: Some(now.plus(1)), ..developer }), State::Works);
        for gone in [
            Owner::default(),
            Owner { ends_at: Some(now), ..developer },
            Owner { state: Some(MemberState::Suspended), ..developer },
            Owner { state: Some(MemberState::Removed), ..developer },
        ] {
            assert_eq!(of(Kind::Development, gone), State::OwnerGone, "{gone:?}");
        }
    }
}
