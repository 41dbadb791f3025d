macro_rules! kinds {
    ($($variant:ident $code:literal $title:literal),* $(,)?) => {
        /// What happened. The code stands in the chain: it never changes once written.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($variant),* }

        impl Kind {
            pub const ALL: &[Kind] = &[$(Kind::$variant),*];

            pub fn code(self) -> &'static str {
                match self { $(Kind::$variant => $code),* }
            }

            /// What the audit page calls it.
            pub fn title(self) -> &'static str {
                match self { $(Kind::$variant => $title),* }
            }

            pub fn from_code(code: &str) -> Option<Kind> {
                match code { $($code => Some(Kind::$variant),)* _ => None }
            }
        }
    };
}

kinds! {
    OrganizationCreated "organization.created" "Created the organization",
    OrganizationChanged "organization.changed" "Changed the organization",
    SecurityChanged "organization.security_changed" "Changed security settings",
    OrganizationHandedOver "organization.handed_over" "Handed over the organization",
    OrganizationClosed "organization.closed" "Deleted the organization",
    OrganizationReopened "organization.reopened" "Undid the deletion",
    OrganizationErased "organization.erased" "Erased the organization's data",
    InvitationSent "invitation.sent" "Sent invite",
    InvitationResent "invitation.resent" "Sent invite again",
    InvitationLinkCopied "invitation.link_copied" "Copied invite link",
    InvitationRevoked "invitation.revoked" "Revoked invite",
    InvitationVoided "invitation.voided" "Invite became void",
    InvitationHandedOver "invitation.handed_over" "Took over invite",
    InvitationNoticeConfirmed "invitation.notice_confirmed" "Confirmed the notice",
    InvitationAccepted "invitation.accepted" "Accepted invite",
    RoleChanged "member.role_changed" "Changed role",
    MemberSuspended "member.suspended" "Suspended",
    MemberReactivated "member.reactivated" "Reactivated",
    MemberSignedOut "member.signed_out" "Signed out everywhere",
    MemberRemoved "member.removed" "Removed",
    MemberLeft "member.left" "Left",
    MemberEnded "member.ended" "Membership ended",
    EndDateChanged "member.end_date_changed" "Changed end date",
    AccountCreated "account.created" "Created account",
    TeamCreated "team.created" "Created a team",
    TeamChanged "team.changed" "Changed a team",
    TeamDeleted "team.deleted" "Deleted a team",
    TeamMemberAdded "team.member_added" "Added to a team",
    TeamMemberRemoved "team.member_removed" "Removed from a team",
    TeamMaintainerChanged "team.maintainer_changed" "Changed who maintains a team",
    ResourceHandedOver "resource.handed_over" "Handed over a resource",
    ResourceLeft "resource.left" "Archived a leaver's resource in Dev mode",
    ResourceEntryEnded "resource.entry_ended" "Ended a leaver's entry",
    ConnectionAdded "sso.connection_added" "Connected a provider",
    ConnectionChanged "sso.connection_changed" "Changed a provider",
    ConnectionRemoved "sso.connection_removed" "Disconnected a provider",
    DomainAdded "sso.domain_added" "Added a domain",
    DomainProven "sso.domain_proven" "Proved a domain",
    DomainFailing "sso.domain_failing" "Proof of a domain failed",
    DomainRemoved "sso.domain_removed" "Removed a domain",
    SsoRequired "sso.requirement_changed" "Changed whether single sign-on is required",
    BreakGlassNamed "sso.break_glass_named" "Changed break-glass access",
    BreakGlassUsed "sso.break_glass_used" "Came in by break-glass",
    IdentityLinked "account.identity_linked" "Linked a way to sign in",
    IdentityUnlinked "account.identity_unlinked" "Unlinked a way to sign in",
    IdentityRefused "sso.identity_refused" "Refused a sign-in by a provider",
    NewcomerAdmitted "sso.newcomer_admitted" "Joined by single sign-on",
    AgentAdded "agent.added" "Added an agent",
    AgentChanged "agent.changed" "Renamed an agent",
    AgentArchived "agent.archived" "Archived an agent",
    AgentHandedOver "agent.handed_over" "Handed over an agent",
    KeyCreated "key.created" "Made an API key",
    KeyRotated "key.rotated" "Rotated an API key",
    KeyRevoked "key.revoked" "Revoked an API key",
    PermissionCreated "permission.created" "Made a permission",
    PermissionChanged "permission.changed" "Changed a permission",
    PermissionDeleted "permission.deleted" "Deleted a permission",
    BasePermissionChanged "organization.base_permission_changed" "Changed the base permission",
    NameChanged "account.name_changed" "Changed name",
    PasswordChanged "account.password_changed" "Changed password",
    PasswordReset "account.password_reset" "Reset password",
    PasswordResetAsked "account.password_reset_asked" "Made a link to reset the password",
    FactorAdded "account.factor_added" "Added a factor",
    FactorRemoved "account.factor_removed" "Removed a factor",
    FactorsReset "account.factors_reset" "Reset factors",
    RecoveryCodesReplaced "account.recovery_codes_replaced" "Made new recovery codes",
    RecoveryCodeUsed "account.recovery_code_used" "Used a recovery code",
    CodeReplayed "account.code_replayed" "Typed a code that was used before",
    EmailChanged "account.email_changed" "Changed email address",
    LinkCreated "resource.link_created" "Made a link",
    LinkRevoked "resource.link_revoked" "Revoked a link",
    EmailChangeUndone "account.email_change_undone" "Undid change of email address",
    ResourceCreated "resource.created" "Created a resource",
    ResourceChanged "resource.changed" "Changed a resource",
    ResourceAccessChanged "resource.access_changed" "Changed who may open a resource",
    ResourceArchived "resource.archived" "Archived a resource",
    ResourceUnarchived "resource.unarchived" "Took a resource back into use",
    HostTaken "resource.host_taken" "Took over a tool's host",
    HostLost "resource.host_lost" "Lost a tool's host to whoever has proven its domain",
    HostReleased "resource.host_released" "Gave a tool's host free",
    EnvironmentAdded "environment.added" "Added an environment",
    EnvironmentChanged "environment.changed" "Changed an environment",
    EnvironmentRemoved "environment.removed" "Removed an environment",
}
