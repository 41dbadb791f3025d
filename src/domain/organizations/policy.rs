//! What an organization asks of the sessions that open it (S9, S10, M3).

use crate::clock::{DAY, HOUR, Timestamp};
use crate::domain::access::Factors;

/// Which factors an organization asks for, from the least to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum MfaRule {
    #[default]
    Optional,
    /// Any factor; a recovery code too.
    Any,
    /// A passkey. A recovery code then opens enrolment only (M6).
    Passkey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Policy {
    pub mfa: MfaRule,
    /// When a grace period ends; the rule holds from then on.
    pub mfa_from: Option<Timestamp>,
    /// The rule that holds until then: a grace period never loosens what is asked for already.
    pub mfa_before: MfaRule,
    /// Milliseconds without a click inside the organization.
    pub session_idle: i64,
    /// Milliseconds since the proof that opened it.
    pub session_absolute: i64,
    /// Whether a browser may be remembered in place of a factor.
    pub remembers_devices: bool,
    /// How many characters a member's password has at least.
    pub shortest_password: i64,
    /// Whether only a proof of the organization's own provider opens it, but for break-glass people (O4).
    pub sso_required: bool,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            mfa: MfaRule::Optional,
            mfa_from: None,
            mfa_before: MfaRule::Optional,
            session_idle: Policy::IDLE,
            session_absolute: Policy::ABSOLUTE,
            remembers_devices: true,
            shortest_password: 15,
            sso_required: false,
        }
    }
}

impl Policy {
    /// Where nothing else was chosen (S10).
    pub const IDLE: i64 = 8 * HOUR;
    pub const ABSOLUTE: i64 = 24 * HOUR;
    /// What may be chosen for either (S10).
    pub const SESSION_LENGTHS: [i64; 10] = [
        HOUR,
        2 * HOUR,
        4 * HOUR,
        Policy::IDLE,
        12 * HOUR,
        Policy::ABSOLUTE,
        3 * DAY,
        7 * DAY,
        14 * DAY,
        Policy::LONGEST_SESSION,
    ];
    pub const LONGEST_SESSION: i64 = 30 * DAY;

    /// The length of a session: "8 hours", "7 days".
    pub fn length_in_words(length: i64) -> String {
        let (number, unit) = match length / HOUR {
            hours if hours > 24 => (hours / 24, "day"),
            hours => (hours, "hour"),
        };
        if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
    }

    /// The rule that holds at a moment: during a grace period still the one before.
    pub fn mfa_now(&self, now: Timestamp) -> MfaRule {
        match self.mfa_from {
            Some(from) if now < from => self.mfa_before,
            _ => self.mfa,
        }
    }

    /// Whether it ever asks for more than another one does, now or once a grace period is over.
    pub fn asks_for_more_than(&self, other: &Policy, now: Timestamp) -> bool {
        [Some(now), self.mfa_from, other.mfa_from]
            .into_iter()
            .flatten()
            .filter(|at| *at >= now)
            .any(|at| self.mfa_now(at) > other.mfa_now(at))
    }

    /// Since when the rule has held that holds now, where this policy takes another's place: from now on, if it asks for
    /// more at once; from the end of the other's grace period, if that is over and said no longer. Else nothing changes.
    pub fn holds_since(&self, other: &Policy, now: Timestamp) -> Option<Timestamp> {
        if self.mfa_now(now) > other.mfa_now(now) {
            return Some(now);
        }
        other.mfa_from.filter(|from| *from <= now && self.mfa_from != other.mfa_from)
    }

    /// When the rule begins to hold, if that is to come.
    pub fn grace_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.mfa_from.filter(|from| self.mfa != MfaRule::Optional && now < *from)
    }
}

impl MfaRule {
    /// Whether these are factors of the kind that is asked for. A session must have proven one as well.
    pub fn is_met_with(self, factors: Factors) -> bool {
        match self {
            MfaRule::Optional => true,
            MfaRule::Any => factors.any(),
            MfaRule::Passkey => factors.passkey,
        }
    }

    /// As it stands in tables, forms and the audit log.
    pub fn code(self) -> &'static str {
        match self {
            MfaRule::Optional => "optional",
            MfaRule::Any => "any",
            MfaRule::Passkey => "passkey",
        }
    }
}

impl std::str::FromStr for MfaRule {
    type Err = ();

    fn from_str(text: &str) -> Result<MfaRule, ()> {
        [MfaRule::Optional, MfaRule::Any, MfaRule::Passkey]
            .into_iter()
            .find(|rule| rule.code() == text)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(mfa: MfaRule, mfa_from: Option<i64>, mfa_before: MfaRule) -> Policy {
        Policy { mfa, mfa_from: mfa_from.map(Timestamp), mfa_before, ..Policy::default() }
    }

    /// M3, M4: before its date a rule asks for what the one before it did, and then for its own.
    #[test]
    fn a_grace_period_keeps_the_rule_before() {
        let passkeys = policy(MfaRule::Passkey, Some(10), MfaRule::Any);
        assert_eq!(passkeys.mfa_now(Timestamp(9)), MfaRule::Any);
        assert_eq!(passkeys.mfa_now(Timestamp(10)), MfaRule::Passkey);
        assert_eq!(passkeys.grace_until(Timestamp(9)), Some(Timestamp(10)));
        assert_eq!(passkeys.grace_until(Timestamp(10)), None);
    }

    #[test]
    fn what_asks_for_more() {
        use MfaRule::{Any, Optional, Passkey};
        let now = Timestamp(5);
        let more = |new: Policy, old: Policy| new.asks_for_more_than(&old, now);
        let (none, any) = (policy(Optional, None, Optional), policy(Any, None, Optional));
        let (passkey, later) = (policy(Passkey, None, Optional), policy(Any, Some(10), Optional));
        assert!(more(any, none) && more(passkey, any) && more(passkey, none) && more(later, none));
        assert!(!more(none, any) && !more(any, passkey) && !more(none, later) && !more(any, any));
        // Sooner is more, later is not.
        assert!(more(any, later) && !more(later, any));
        assert!(more(policy(Any, Some(7), Optional), later) && !more(policy(Any, Some(20), Optional), later));
        // A date that is over makes no difference.
        assert!(!more(any, policy(Any, Some(3), Optional)));
        assert!(more(policy(Passkey, Some(10), Any), any) && !more(any, policy(Passkey, Some(10), Any)));
        // Less now, and more later.
        assert!(more(policy(Passkey, Some(10), Optional), any));
    }

    #[test]
    fn since_when_a_rule_holds() {
        use MfaRule::{Any, Optional, Passkey};
        let now = Timestamp(5);
        let since = |new: Policy, old: Policy| new.holds_since(&old, now);
        let (none, any) = (policy(Optional, None, Optional), policy(Any, None, Optional));
        assert_eq!(since(any, none), Some(now));
        assert_eq!(since(any, any), None);
        assert_eq!(since(none, any), None);
        // What is announced begins when it begins, and not at all where that is taken back.
        let announced = policy(Passkey, Some(10), Any);
        assert_eq!(since(announced, any), None);
        assert_eq!(since(any, announced), None);
        // A date that is over is remembered when another takes its place.
        let begun = policy(Any, Some(3), Optional);
        assert_eq!(since(policy(Passkey, Some(10), Any), begun), Some(Timestamp(3)));
        assert_eq!(since(begun, begun), None);
    }
}
