//! Proofs: what a session knows of who its person is, and what each of them counts for (S7–S9, S11, S12).

use crate::clock::Timestamp;
use crate::domain::access::Factors;
use crate::ids::{ConnectionId, OrganizationId};

/// How a session was proven to be its person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum ProofKind {
    Password,
    /// The link that made the account, or that confirmed its address.
    MailedLink,
    Totp,
    /// Always with user verification: none other is taken.
    Passkey,
    RecoveryCode,
    /// A browser that proved a factor lately and was to be remembered. It stands in for a factor at the
    /// gate of an organization that allows it, and nowhere else.
    RememberedDevice,
    /// The person's own Google account.
    Google,
    /// A code that was mailed to someone who has nothing else (S12).
    MailedCode,
    /// An organization's own provider. It opens that organization, and nothing else (S8).
    Sso,
    /// The same, where the provider said that it asked for more than one factor.
    SsoMfa,
    /// A test sign-in at a connection by whoever set it up (O4). It opens nothing.
    SsoTest,
}

impl ProofKind {
    /// Whether the proof meets an organization's sign-in policy while that asks for nothing special (S9), and
    /// is the person's own.
    pub(super) fn meets_policy(self) -> bool {
        match self {
            ProofKind::Password | ProofKind::MailedLink | ProofKind::Passkey | ProofKind::Google => true,
            ProofKind::Totp
            | ProofKind::RecoveryCode
            | ProofKind::RememberedDevice
            | ProofKind::MailedCode
            | ProofKind::Sso
            | ProofKind::SsoMfa
            | ProofKind::SsoTest => false,
        }
    }

    /// Whether the proof is the person's own, so that their account opens with it (S8).
    pub(super) fn is_own(self) -> bool {
        match self {
            ProofKind::Password
            | ProofKind::MailedLink
            | ProofKind::Totp
            | ProofKind::Passkey
            | ProofKind::RecoveryCode
            | ProofKind::Google
            | ProofKind::MailedCode => true,
            ProofKind::RememberedDevice | ProofKind::Sso | ProofKind::SsoMfa | ProofKind::SsoTest => false,
        }
    }

    /// Whether the proof is one of a factor of the person's own.
    pub(super) fn is_factor(self) -> bool {
        match self {
            ProofKind::Totp | ProofKind::Passkey | ProofKind::RecoveryCode => true,
            ProofKind::Password
            | ProofKind::MailedLink
            | ProofKind::RememberedDevice
            | ProofKind::Google
            | ProofKind::MailedCode
            | ProofKind::Sso
            | ProofKind::SsoMfa
            | ProofKind::SsoTest => false,
        }
    }

    /// Whether the proof counts for a step-up of a person's own things: of whoever has factors only one of these
    /// does, else of whoever has a password only that (S12).
    pub(super) fn steps_up(self, factors: Factors, has_password: bool) -> bool {
        match self {
            _ if factors.any() => self.is_factor(),
            ProofKind::Password => true,
            ProofKind::Google | ProofKind::MailedCode | ProofKind::MailedLink => !has_password,
            _ => false,
        }
    }

    /// Whether a sign-in that begins with the proof is whole, though the person has factors (S11).
    pub(super) fn needs_no_factor(self) -> bool {
        matches!(self, ProofKind::Passkey | ProofKind::RememberedDevice | ProofKind::SsoMfa)
    }
}

/// A proof in a session.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Proof {
    pub kind: ProofKind,
    pub at: Timestamp,
    /// Whose provider gave it. None for a person's own, and for one of a connection that is disabled or gone:
    /// that proves nothing any more. The same for more factors than one, once the connection's word for that is
    /// not taken any more (M5).
    #[sqlx(rename = "proof_for")]
    pub organization: Option<OrganizationId>,
}

/// A proof that is given now, and the connection that gave it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    pub kind: ProofKind,
    pub connection: Option<ConnectionId>,
}

impl From<ProofKind> for Given {
    fn from(kind: ProofKind) -> Given {
        Given { kind, connection: None }
    }
}

/// What a connection's provider has said of a person.
#[derive(Clone, Copy, Debug)]
pub struct Vouched {
    pub connection: ConnectionId,
    /// That it asked them for more than one factor, and the connection says that this counts.
    pub multi_factor: bool,
}

impl Vouched {
    pub(super) fn proofs(self) -> Vec<Given> {
        let given = |kind| Given { kind, connection: Some(self.connection) };
        let kinds: &[ProofKind] =
            if self.multi_factor { &[ProofKind::Sso, ProofKind::SsoMfa] } else { &[ProofKind::Sso] };
        kinds.iter().copied().map(given).collect()
    }
}
