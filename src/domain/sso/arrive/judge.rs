//! Whom an organization's provider lets in, and as what (O2, O3, R8). It looks nothing up and writes nothing.

use crate::clock::Timestamp;
use crate::domain::access::Role;
use crate::domain::organizations::Organization;
use crate::domain::sso::{Connection, ConnectionKind, Domain};
use crate::domain::users::{Member, MemberState, User};
use crate::domain::values::Email;
use crate::oidc::Claims;

/// Who the provider says came.
#[derive(Clone, Debug)]
pub struct Asserted<'a> {
    pub issuer: &'a str,
    /// Entra's subjects differ from application to application: there it is the account's object id.
    pub subject: &'a str,
    /// None, if it is no address, or none came.
    pub email: Option<Email>,
    /// Whether the provider vouches that the address is this person's.
    pub verified: bool,
}

/// Why somebody is not let in. Each says what is so; what to do next is the page's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("This way to sign in was switched off a moment ago.")]
    Disconnected,
    #[error("This organization was deleted.")]
    Closed,
    #[error("The provider did not say who you are.")]
    Nameless,
    #[error("The provider did not say what your email address is.")]
    NoEmail,
    #[error("The provider did not say that your email address is verified.")]
    Unverified,
    #[error(
        "Your account at the provider has an address at {0}, which is none of the organization's domains."
    )]
    OtherDomain(String),
    /// Alike with and without an account of this address: whoever runs a provider could ask for anybody (S4).
    #[error("The organization has not proven that the domain {0} is its own.")]
    Unproven(String),
    /// The same email with another subject: told to the admins.
    #[error("Another account at the provider is linked to your email address.")]
    OtherSubject,
    #[error("Your membership is suspended.")]
    Suspended,
    #[error("Your membership has ended.")]
    Ended,
    #[error("You are not a member any more.")]
    Removed,
    #[error("Only people who were invited get in.")]
    Uninvited,
    #[error("This invite is for another address than the one that you have at the provider.")]
    OtherAddress,
    #[error("This invite does not work any more.")]
    InviteOver,
}

/// Whose account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The one that the identity is linked to, whatever its email says now (SSO-10).
    Known,
    /// The one that has the address: the identity is linked to it.
    Account,
    /// Nobody's yet: it is made.
    Nobody,
}

/// As what they come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Member,
    Invited,
    Newcomer(Role),
}

/// What is so at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub now: Timestamp,
    pub organization: &'a Organization,
    pub connection: &'a Connection,
    /// The connection's domain that the asserted address is in.
    pub domain: Option<&'a Domain>,
    pub known: Option<&'a User>,
    /// Who has the asserted address.
    pub account: Option<&'a User>,
    /// Whether that one has another identity at this connection.
    pub other_subject: bool,
    /// The membership of the one who is known, or else of the one who has the address.
    pub member: Option<&'a Member>,
    /// Whether the organization has invited the asserted address, and that still works.
    pub invited: bool,
}

impl<'a> Asserted<'a> {
    pub fn by(connection: &Connection, claims: &'a Claims) -> Result<Asserted<'a>, Refusal> {
        let entra = connection.kind == ConnectionKind::Entra;
        // The client has checked both. A rule that stands on them does not take its word.
        let tenant =
            |tenant: &str| claims.tenant.as_deref().is_some_and(|of| of.eq_ignore_ascii_case(tenant));
        if claims.issuer != connection.issuer || (entra && !connection.tenant.as_deref().is_some_and(tenant))
        {
            return Err(Refusal::Nameless);
        }
        let subject = if entra { claims.object_id.as_deref() } else { Some(claims.subject.as_str()) };
        Ok(Asserted {
            issuer: &claims.issuer,
            subject: subject.filter(|subject| !subject.is_empty()).ok_or(Refusal::Nameless)?,
            email: claims.email.as_deref().and_then(|email| email.parse().ok()),
            verified: claims.email_verified || (entra && claims.owns_email_domain),
        })
    }
}

/// The rule, in the order in which it refuses.
pub fn judge(asserted: &Asserted<'_>, facts: &Facts<'_>) -> Result<(Who, Standing), Refusal> {
    let active = facts.member.is_some_and(|member| member.is_active(facts.now));
    // Owners of a deleted organization reach the page that undoes that (R12).
    let reopens = |member: &Member| facts.organization.is_there_for(member.role, facts.now);
    let undoes = facts.known.is_some() && active && facts.member.is_some_and(reopens);
    if !facts.organization.is_open() && !undoes {
        return Err(Refusal::Closed);
    }
    let email = asserted.email.as_ref().ok_or(Refusal::NoEmail)?;
    // Entra says it only where an administrator has made it: it names a linked person without.
    let entra_knows = facts.known.is_some() && facts.connection.kind == ConnectionKind::Entra;
    if !asserted.verified && !entra_knows {
        return Err(Refusal::Unverified);
    }
    let at = || email.domain().to_ascii_lowercase();
    let domain = facts.domain.ok_or_else(|| Refusal::OtherDomain(at()))?;
    if let Some(known) = facts.known {
        // By an invitation for their own address alone: the provider's may be somebody else's by now.
        let own = asserted.verified && known.email_canonical == email.canonical();
        return standing(facts, facts.invited && own, false).map(|standing| (Who::Known, standing));
    }
    if facts.other_subject {
        return Err(Refusal::OtherSubject);
    }
    if !domain.vouches(facts.now) {
        return Err(Refusal::Unproven(at()));
    }
    let who = if facts.account.is_some() { Who::Account } else { Who::Nobody };
    standing(facts, facts.invited, facts.connection.admits_newcomers).map(|standing| (who, standing))
}

/// Whoever was removed comes back by an invitation alone, never as a newcomer (R8, SSO-17).
fn standing(facts: &Facts<'_>, invited: bool, admits_newcomers: bool) -> Result<Standing, Refusal> {
    let member = facts.member;
    match member.map(|member| member.state) {
        Some(MemberState::Active) if member.is_some_and(|member| member.is_active(facts.now)) => {
            Ok(Standing::Member)
        }
        Some(MemberState::Active) => Err(Refusal::Ended),
        Some(MemberState::Suspended) => Err(Refusal::Suspended),
        Some(MemberState::Removed) | None if invited => Ok(Standing::Invited),
        Some(MemberState::Removed) => Err(Refusal::Removed),
        None => match facts.connection.newcomer_role {
            // No row holds these. Should one, it denies (R2).
            Role::Owner | Role::Admin => Err(Refusal::Uninvited),
            role if admits_newcomers => Ok(Standing::Newcomer(role)),
            _ => Err(Refusal::Uninvited),
        },
    }
}
