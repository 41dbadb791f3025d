//! Who reads and writes how a resource is configured (R, A11). None of that opens it.

use super::{Audience, Resource};
use crate::domain::access::{Actor, Capability, Extent, Role};

impl Resource {
    /// Whom it is for by what it says itself. Nothing for an action that takes it from the page above.
    pub fn stated_audience(&self) -> Option<Audience> {
        self.audience.or((!self.kind.is_for_members()).then(|| self.kind.default_audience()))
    }

    /// Whether other Developers do not know of it (A11).
    pub fn is_hidden(&self) -> bool {
        matches!(self.stated_audience(), Some(Audience::Private | Audience::Unlisted))
    }
}

/// Whether someone reads how hidden resources of others are configured (A11): whoever does not, does not know of
/// them.
pub(super) fn sees_hidden(role: Role) -> bool {
    matches!(role, Role::Owner | Role::Admin | Role::Auditor)
}

/// Whether someone may read how a resource is configured (A11).
pub fn may_read(actor: &Actor, resource: &Resource) -> bool {
    let is_known = !resource.is_hidden() || resource.creator == actor.person.user || sees_hidden(actor.role);
    actor.role.may(Capability::ReadResources) && is_known
}

/// Whether someone may write its name, address and definition (A11).
pub fn may_write(actor: &Actor, resource: &Resource) -> bool {
    actor.role.may(Capability::WriteResources) && may_read(actor, resource)
}

/// Whether someone may see who opens it, and try a person (A14).
pub fn may_explain(actor: &Actor, resource: &Resource) -> bool {
    may_change_access(actor, resource) || (may_read(actor, resource) && actor.role.may(Capability::ReadAudit))
}

/// Whether someone may say who opens it: Developers of their own.
pub fn may_change_access(actor: &Actor, resource: &Resource) -> bool {
    match actor.role.extent(Capability::ChangeAccess) {
        Extent::Full => true,
        Extent::Part(_) => resource.creator == actor.person.user,
        Extent::None => false,
    }
}
