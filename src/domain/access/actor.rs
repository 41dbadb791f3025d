use std::net::IpAddr;

use super::table::{Capability, Role};
use crate::clock::{MINUTE, Timestamp};
use crate::domain::values::{Theme, TimeZone};
use crate::ids::{OrganizationId, SessionId, UserId};
use crate::secrets::TokenHash;

/// How old a proof may be that opens what asks for a step-up (S12).
pub const STEP_UP_AGE: i64 = 10 * MINUTE;

/// Where a request came from, for the audit log.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub address: Option<IpAddr>,
    /// The request's id, which its log lines carry too.
    pub request: String,
    /// The API key that the request came with, as an audit row names it.
    pub by_key: Option<String>,
}

impl Origin {
    /// What an address on the network is counted as: an IPv6 customer has a whole /64 to try from.
    pub fn network(&self) -> String {
        match self.address {
            Some(IpAddr::V6(address)) => format!("{:x?}", &address.segments()[..4]),
            Some(address) => address.to_string(),
            None => String::new(),
        }
    }
}

/// Which factors a person has. Whether a session proved one is in its proofs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Factors {
    #[sqlx(rename = "has_authenticator")]
    pub authenticator: bool,
    #[sqlx(rename = "has_passkey")]
    pub passkey: bool,
}

impl Factors {
    pub fn any(self) -> bool {
        self.authenticator || self.passkey
    }
}

/// A signed-in person.
#[derive(Clone, Debug)]
pub struct Person {
    pub user: UserId,
    pub name: String,
    pub email: String,
    pub time_zone: TimeZone,
    pub theme: Theme,
    pub session: SessionId,
    /// The cookie that the request came with.
    pub token: TokenHash,
    pub origin: Origin,
    pub factors: Factors,
    /// When the session last proved who this is, by a proof that counts for a step-up.
    pub proven_at: Option<Timestamp>,
    /// When the session last proved a factor of the person's own: no remembered device.
    pub factor_proven_at: Option<Timestamp>,
    /// The same, for a passkey.
    pub passkey_proven_at: Option<Timestamp>,
    pub has_password: bool,
    /// Whether the session holds any proof of the person's own. One by an organization's provider alone opens
    /// that organization, and of the account hardly more than its name (S8).
    pub has_own_proof: bool,
    /// When an organization's own provider last said who this is.
    pub provider_proven_at: Vec<(OrganizationId, Timestamp)>,
}

/// A signed-in person as an active member of one organization, past its gate.
#[derive(Clone, Debug)]
pub struct Actor {
    pub person: Person,
    pub organization: OrganizationId,
    pub role: Role,
}

/// Who the audit log says did it.
#[derive(Clone, Debug)]
pub struct Operator {
    pub user: Option<UserId>,
    pub name: String,
    pub origin: Origin,
}

impl Operator {
    /// Whoever installed the instance, at its command line: no user, and on no network.
    pub fn sysadmin() -> Operator {
        let origin = Origin { request: "command line".to_owned(), ..Origin::default() };
        Operator { user: None, name: "Sysadmin".to_owned(), origin }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Your role does not let you do this.")]
pub struct Denied;

/// The act needs a proof of the last ten minutes (S12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Confirm that it is you to go on.")]
pub struct StepUpNeeded;

impl Operator {
    /// Interlock itself: what comes by time, or of what others did before.
    pub fn interlock() -> Operator {
        Operator { user: None, name: "Interlock".to_owned(), origin: Origin::default() }
    }
}

impl Person {
    /// Whom an API key acts for: without a session, and without any proof of theirs.
    pub fn by_key(user: UserId, name: String, email: String, origin: Origin) -> Person {
        Person {
            user,
            name,
            email,
            time_zone: TimeZone::utc(),
            theme: Theme::System,
            session: SessionId::nobody(),
            token: TokenHash::of(""),
            origin,
            factors: Factors::default(),
            proven_at: None,
            factor_proven_at: None,
            passkey_proven_at: None,
            // So that no way of proving stands open for the lack of one.
            has_password: true,
            has_own_proof: false,
            provider_proven_at: Vec::new(),
        }
    }

    pub fn stepped_up(&self, now: Timestamp) -> Result<(), StepUpNeeded> {
        match self.proven_at {
            Some(at) if now.since(at) <= STEP_UP_AGE => Ok(()),
            _ => Err(StepUpNeeded),
        }
    }

    /// Whether the session may know that the person is in an organization (S8).
    pub fn may_know_of(&self, organization: OrganizationId) -> bool {
        self.has_own_proof || self.provider_proven_at.iter().any(|(other, _)| *other == organization)
    }

    pub fn operator(&self) -> Operator {
        Operator { user: Some(self.user), name: self.name.clone(), origin: self.origin.clone() }
    }
}

/// What an admin key does not do for its minter: other keys, and what is the Owner's (K3).
const NEVER_BY_KEY: [Capability; 2] = [Capability::DeleteOrganization, Capability::ManageLiveKeys];

impl Actor {
    /// Checked in the domain again: the route is not the only door.
    pub fn may(&self, capability: Capability) -> Result<(), Denied> {
        let by_key = self.is_key() && NEVER_BY_KEY.contains(&capability);
        if self.role.may(capability) && !by_key { Ok(()) } else { Err(Denied) }
    }

    /// R2: nobody gives or touches a role that is not within their own; a key, within what it has of its minter's.
    pub fn may_handle(&self, role: Role) -> Result<(), Denied> {
        let beyond_key = self.is_key() && NEVER_BY_KEY.into_iter().any(|capability| role.may(capability));
        if role.is_within(self.role) && !beyond_key { Ok(()) } else { Err(Denied) }
    }

    /// Whether an API key acts for the person.
    pub fn is_key(&self) -> bool {
        self.person.origin.by_key.is_some()
    }

    /// A step-up for what is the organization's: whoever has no password and no factor may come back from its
    /// provider instead. For what is the person's own, [`Person::stepped_up`] (S8, S12).
    pub fn stepped_up(&self, now: Timestamp) -> Result<(), StepUpNeeded> {
        let person = &self.person;
        let by_provider = person
            .provider_proven_at
            .iter()
            .any(|(organization, at)| *organization == self.organization && now.since(*at) <= STEP_UP_AGE);
        match person.stepped_up(now) {
            Err(StepUpNeeded) if by_provider && !person.has_password && !person.factors.any() => Ok(()),
            stepped_up => stepped_up,
        }
    }

    pub fn operator(&self) -> Operator {
        self.person.operator()
    }
}

/// A person whom nobody is, for the previews of mails.
pub(crate) fn sample_person() -> Person {
    let (name, email) = ("Amara Okafor".to_owned(), "amara@halden.example".to_owned());
    Person { has_own_proof: true, ..Person::by_key(UserId::nobody(), name, email, Origin::default()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// K3: an admin key has its minter's capabilities, less keys and what is the Owner's, and touches neither Owners
    /// nor Admins.
    #[test]
    fn a_key_has_less_than_its_minter() {
        let by_key = Origin { by_key: Some("Provisioning".to_owned()), ..Origin::default() };
        let actor = |role, origin: &Origin| Actor {
            person: Person { origin: origin.clone(), ..sample_person() },
            organization: OrganizationId::nobody(),
            role,
        };
        for role in [Role::Owner, Role::Admin] {
            let key = actor(role, &by_key);
            assert!(key.may(Capability::ManageUsers).is_ok() && key.may(Capability::ReadAudit).is_ok());
            assert!(key.may(Capability::ManageLiveKeys).is_err());
            assert!(key.may(Capability::DeleteOrganization).is_err());
            for touched in Role::ALL {
                let is_less = !matches!(touched, Role::Owner | Role::Admin);
                assert_eq!(key.may_handle(touched).is_ok(), is_less, "{touched}");
                assert!(
                    actor(role, &Origin::default()).may_handle(touched).is_ok() || touched == Role::Owner
                );
            }
            assert!(key.stepped_up(Timestamp::ZERO).is_err());
        }
    }
}
