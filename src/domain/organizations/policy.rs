//! What an organization asks of the sessions that open it (S9, S10, M3).

use crate::clock::{DAY, HOUR, Timestamp};

/// Which factors an organization asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::Type)]
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
    /// Milliseconds without a click inside the organization.
    pub session_idle: i64,
    /// Milliseconds since the proof that opened it.
    pub session_absolute: i64,
    /// Whether a browser may be remembered in place of a factor.
    pub remembers_devices: bool,
    /// How many characters a member's password has at least.
    pub shortest_password: i64,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            mfa: MfaRule::Optional,
            mfa_from: None,
            session_idle: Policy::IDLE,
            session_absolute: Policy::ABSOLUTE,
            remembers_devices: true,
            shortest_password: 15,
        }
    }
}

impl Policy {
    /// Where nothing else was chosen (S10).
    pub const IDLE: i64 = 8 * HOUR;
    pub const ABSOLUTE: i64 = 24 * HOUR;
    /// What may be chosen for either (S10).
    pub const SHORTEST_SESSION: i64 = HOUR;
    pub const LONGEST_SESSION: i64 = 30 * DAY;

    /// The rule that holds at a moment: during a grace period there is none yet.
    pub fn mfa_now(&self, now: Timestamp) -> MfaRule {
        match self.mfa_from {
            Some(from) if now < from => MfaRule::Optional,
            _ => self.mfa,
        }
    }

    /// When the rule begins to hold, if that is to come.
    pub fn grace_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.mfa_from.filter(|from| self.mfa != MfaRule::Optional && now < *from)
    }
}

impl MfaRule {
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
