//! What there is of keys, and what each opens (K3).

use super::KeyError;
use crate::domain::access::Capability;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Kind {
    /// A shared agent's, in one environment.
    Live,
    /// A developer's own, in their Dev mode.
    Development,
    /// Made from a live or a development key, for a short time and less.
    Ephemeral,
    /// Acts for the Owner or Admin who made it, on the organization itself.
    Admin,
}

/// What a route under `/v1` is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// Asking whether somebody may do something; leases.
    Check,
    /// Making ephemeral keys.
    Mint,
    /// What any key learns of itself.
    Itself,
    /// What the key's minter may do in the organization.
    Manages(Capability),
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Live, Kind::Development, Kind::Ephemeral, Kind::Admin];

    /// As it stands in tables, the API and audit rows.
    pub fn code(self) -> &'static str {
        match self {
            Kind::Live => "live",
            Kind::Development => "development",
            Kind::Ephemeral => "ephemeral",
            Kind::Admin => "admin",
        }
    }

    /// With its article: "a live key".
    pub fn in_words(self) -> &'static str {
        match self {
            Kind::Live => "a live key",
            Kind::Development => "a development key",
            Kind::Ephemeral => "an ephemeral key",
            Kind::Admin => "an admin API key",
        }
    }

    /// What a key of this kind begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Kind::Live => "il_live_",
            Kind::Development => "il_dev_",
            Kind::Ephemeral => "il_temp_",
            Kind::Admin => "il_admin_",
        }
    }

    /// Whether it acts for a person, with whose membership it dies (K5).
    pub fn is_personal(self) -> bool {
        matches!(self, Kind::Development | Kind::Admin)
    }

    /// What whoever a personal key acts for has to be allowed, for it to work (K5, K6). An ephemeral key made from one
    /// asks for the same.
    pub(super) fn asks_of_owner(self) -> Capability {
        match self {
            Kind::Admin => Capability::ManageLiveKeys,
            Kind::Live | Kind::Development | Kind::Ephemeral => Capability::OwnDevelopmentKey,
        }
    }

    /// Whether a key of this kind opens what is for `scope`, else why not. What an admin key may then do is its
    /// minter's capabilities' matter.
    pub fn opens(self, scope: KeyScope) -> Result<(), KeyError> {
        let opens = match scope {
            KeyScope::Check => self != Kind::Admin,
            KeyScope::Mint => matches!(self, Kind::Live | Kind::Development),
            KeyScope::Itself => true,
            KeyScope::Manages(_) => self == Kind::Admin,
        };
        if opens { Ok(()) } else { Err(KeyError::WrongKind { is: self, scope }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// K3, KEY-06: which kind opens what.
    #[test]
    fn each_kind_opens_what_it_is_for() {
        let manages = KeyScope::Manages(Capability::ReadUsers);
        for (kind, check, mint, manage) in [
            (Kind::Live, true, true, false),
            (Kind::Development, true, true, false),
            (Kind::Ephemeral, true, false, false),
            (Kind::Admin, false, false, true),
        ] {
            assert_eq!(kind.opens(KeyScope::Check).is_ok(), check, "{kind:?}");
            assert_eq!(kind.opens(KeyScope::Mint).is_ok(), mint, "{kind:?}");
            assert_eq!(kind.opens(manages).is_ok(), manage, "{kind:?}");
            assert!(kind.opens(KeyScope::Itself).is_ok(), "{kind:?}");
        }
    }
}
