use std::fmt;
use std::str::FromStr;

/// A set of capabilities (R2): sets, not a ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Role {
    Owner,
    Admin,
    Developer,
    Member,
    Reviewer,
    Auditor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    DeleteOrganization,
    ReadUsers,
    ManageUsers,
    ReadTeams,
    ManageTeams,
    ManageSettings,
    ReadPlan,
    OwnDevelopmentKey,
    ManageLiveKeys,
    ReadAgents,
    ReadPermissions,
    WritePermissions,
    ReadResources,
    WriteResources,
    ChangeAccess,
    OpenResources,
    DevelopResources,
    ManageCredentials,
    ReadInboundRoutes,
    WriteInboundRoutes,
    AskApproval,
    ReadApprovals,
    DecideApprovals,
    ReadIncidents,
    MoveIncidents,
    ReadActivity,
    ReadAudit,
}

/// How far a role has a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    None,
    /// Only what the word says: "own", "decided", "closed", "redacted".
    Part(&'static str),
    Full,
}

impl Extent {
    fn within(self, other: Extent) -> bool {
        self == Extent::None || other == Extent::Full || self == other
    }
}

pub struct RowOfTable {
    pub capability: Capability,
    /// What it lets one do, as a sentence's end: "can …".
    pub what: &'static str,
    /// In the order of [`Role::ALL`].
    extents: [Extent; 6],
}

impl RowOfTable {
    pub fn extent(&self, role: Role) -> Extent {
        self.extents[role as usize]
    }

    /// How far each role has it, in the order of [`Role::ALL`].
    pub fn cells(&self) -> impl Iterator<Item = (Role, Extent)> {
        Role::ALL.into_iter().zip(self.extents)
    }
}

const fn row(capability: Capability, what: &'static str, extents: [Extent; 6]) -> RowOfTable {
    RowOfTable { capability, what, extents }
}

const Y: Extent = Extent::Full;
const N: Extent = Extent::None;

/// The table of R. The gate, the domain functions, the sidebar and the roles page read it.
///
/// Columns: Owner, Admin, Developer, Member, Reviewer, Auditor.
pub static TABLE: [RowOfTable; 27] = [
    row(Capability::DeleteOrganization, "delete or hand over the organization", [Y, N, N, N, N, N]),
    row(Capability::ReadUsers, "see users and invitations", [Y, Y, N, N, N, N]),
    row(Capability::ManageUsers, "invite people, change roles, suspend and remove", [Y, Y, N, N, N, N]),
    row(Capability::ReadTeams, "see teams", [Y, Y, Y, Y, Y, N]),
    row(Capability::ManageTeams, "manage teams", [Y, Y, N, N, N, N]),
    row(
        Capability::ManageSettings,
        "change settings, security, single sign-on, environments and alerts",
        [Y, Y, N, N, N, N],
    ),
    row(Capability::ReadPlan, "see the plan", [Y, Y, N, N, N, N]),
    row(Capability::OwnDevelopmentKey, "have a development key of their own", [Y, Y, Y, N, N, N]),
    row(
        Capability::ManageLiveKeys,
        "manage live keys, shared agents and the admin API key",
        [Y, Y, N, N, N, N],
    ),
    row(Capability::ReadAgents, "see agents", [Y, Y, Y, N, Y, Y]),
    row(Capability::ReadPermissions, "see permissions", [Y, Y, Y, N, Y, Y]),
    row(Capability::WritePermissions, "write permissions", [Y, Y, Y, N, N, N]),
    row(Capability::ReadResources, "see how resources are configured", [Y, Y, Y, N, N, Y]),
    row(Capability::WriteResources, "configure resources", [Y, Y, Y, N, N, N]),
    row(Capability::ChangeAccess, "change who may open a resource", [Y, Y, Extent::Part("own"), N, N, N]),
    row(Capability::OpenResources, "open and run resources in Live, as a member", [Y, Y, Y, Y, N, N]),
    row(Capability::DevelopResources, "develop resources in Dev mode", [Y, Y, Y, N, N, N]),
    row(Capability::ManageCredentials, "write and rotate resource credentials", [Y, Y, N, N, N, N]),
    row(Capability::ReadInboundRoutes, "see inbound routes", [Y, Y, Y, N, Y, Y]),
    row(Capability::WriteInboundRoutes, "write inbound routes", [Y, Y, N, N, N, N]),
    row(Capability::AskApproval, "ask for approvals", [Y, Y, Y, Y, N, N]),
    row(Capability::ReadApprovals, "see approvals", [Y, Y, N, N, Y, Extent::Part("decided")]),
    row(Capability::DecideApprovals, "decide approvals", [Y, Y, N, N, Y, N]),
    row(Capability::ReadIncidents, "see incidents", [Y, Y, N, N, Y, Extent::Part("closed")]),
    row(Capability::MoveIncidents, "note and move incidents", [Y, Y, N, N, Y, N]),
    row(
        Capability::ReadActivity,
        "see activity",
        [Y, Y, Y, N, Extent::Part("redacted"), Extent::Part("redacted")],
    ),
    row(Capability::ReadAudit, "read the audit log and export evidence", [Y, Y, N, N, N, Y]),
];

impl Role {
    pub const ALL: [Role; 6] =
        [Role::Owner, Role::Admin, Role::Developer, Role::Member, Role::Reviewer, Role::Auditor];

    /// As it stands in tables, URLs and forms.
    pub fn code(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Admin => "admin",
            Role::Developer => "developer",
            Role::Member => "member",
            Role::Reviewer => "reviewer",
            Role::Auditor => "auditor",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Role::Owner => "Owner",
            Role::Admin => "Admin",
            Role::Developer => "Developer",
            Role::Member => "Member",
            Role::Reviewer => "Reviewer",
            Role::Auditor => "Auditor",
        }
    }

    /// The name with its article: "an Owner", "a Member".
    pub fn with_article(self) -> String {
        let article = if matches!(self, Role::Owner | Role::Admin | Role::Auditor) { "an" } else { "a" };
        format!("{article} {}", self.name())
    }

    /// Whom the role is best for (R1).
    pub fn best_for(self) -> &'static str {
        match self {
            Role::Owner => {
                "Whoever answers for the organization. Everything an Admin can do, and its existence."
            }
            Role::Admin => "Those who run access from day to day: people, teams, keys and settings.",
            Role::Developer => "Those who build the internal tools and say who may open their own.",
            Role::Member => "Everyone who uses the tools.",
            Role::Reviewer => "Those on call who decide requests for access and look into incidents.",
            Role::Auditor => "Visitors who check what happened. They read and export, and change nothing.",
        }
    }

    pub fn extent(self, capability: Capability) -> Extent {
        TABLE.iter().find(|row| row.capability == capability).map_or(Extent::None, |row| row.extent(self))
    }

    /// Whether the role has the capability, wholly or in part.
    pub fn may(self, capability: Capability) -> bool {
        self.extent(capability) != Extent::None
    }

    /// Whether everything this role may do, `other` may do too (R2).
    pub fn is_within(self, other: Role) -> bool {
        TABLE.iter().all(|row| row.extent(self).within(row.extent(other)))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("This is not a role.")]
pub struct NotARole;

impl FromStr for Role {
    type Err = NotARole;

    /// Exactly the code: " OWNER" is not a role (ROL-11).
    fn from_str(text: &str) -> Result<Role, NotARole> {
        Role::ALL.into_iter().find(|role| role.code() == text).ok_or(NotARole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_capability_once() {
        for row in &TABLE {
            assert_eq!(TABLE.iter().filter(|other| other.capability == row.capability).count(), 1);
        }
        for (index, role) in Role::ALL.into_iter().enumerate() {
            assert_eq!(role as usize, index);
        }
    }

    /// R2: everyone's set is within the Owner's, all but the Owner's within the Admin's, and the rest don't compare.
    #[test]
    fn roles_are_sets_not_a_ladder() {
        for role in Role::ALL {
            assert!(role.is_within(Role::Owner));
            assert_eq!(role.is_within(Role::Admin), role != Role::Owner);
        }
        assert!(!Role::Reviewer.is_within(Role::Developer));
        assert!(!Role::Developer.is_within(Role::Reviewer));
        assert!(!Role::Auditor.is_within(Role::Reviewer));
        assert!(Role::Member.is_within(Role::Developer));
    }

    /// R4: the Auditor's row holds nothing that changes anything.
    #[test]
    fn an_auditor_only_reads() {
        let changing = [
            Capability::ManageUsers,
            Capability::ManageTeams,
            Capability::ManageSettings,
            Capability::WritePermissions,
            Capability::WriteResources,
            Capability::ChangeAccess,
            Capability::DecideApprovals,
            Capability::MoveIncidents,
            Capability::AskApproval,
        ];
        assert!(changing.into_iter().all(|capability| !Role::Auditor.may(capability)));
    }

    /// ROL-11
    #[test]
    fn a_role_has_one_spelling() {
        for text in [" OWNER", "Owner", "root", "", "owner ", "[\"owner\"]", "null"] {
            assert!(text.parse::<Role>().is_err(), "{text:?}");
        }
        assert_eq!("reviewer".parse::<Role>().ok(), Some(Role::Reviewer));
    }
}
