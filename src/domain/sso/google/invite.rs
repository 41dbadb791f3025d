//! Accepting an invite with a Google account of the invited address (I2, S3).

use super::{SignedIn, arrivals, enter, is_authoritative, known, verified_email};
use crate::app::App;
use crate::domain::access::{Origin, Person};
use crate::domain::identities::{self, Seen};
use crate::domain::invitations::{self, Newcomer};
use crate::domain::organizations::Organization;
use crate::domain::sessions::{Device, ProofKind};
use crate::domain::sign_in::Cookies;
use crate::domain::values::{Email, PersonName, TimeZone};
use crate::oidc::Claims;
use crate::secrets::{Token, TokenHash};

/// What has come of somebody's way back from Google with an invite.
#[derive(Debug)]
pub enum Invited {
    /// They have an account and are in it, or almost: the invite's page goes on from there.
    SignedIn(SignedIn),
    /// Google does not say that their address is theirs.
    Unverified,
    /// Their Google account has another address than the invite.
    Other { google: Email, invited: String },
    /// The address has an account that this Google account is not linked to: they sign in to it first (SSO-09).
    /// Only where Google answers for the address; of others no more is said than the link's own page says (S4).
    HasAccount(Email),
    /// The link proves nothing, and Google does not answer for the address: a mailed code does (S3).
    Unproven,
    /// The link leads nowhere any more, or its organization takes no Google accounts: its own page says so.
    SeeInvite,
    /// They may go on under this token, which is for a cookie.
    Arrived(Token),
}

/// Whoever the identity is linked to is signed in; anybody else must have the invited address.
pub async fn invited(
    app: &App,
    claims: &Claims,
    link: &str,
    person: Option<&Person>,
    device: &Device,
    cookies: Cookies<'_>,
) -> sqlx::Result<Invited> {
    if let Some(identity) = known(app, claims).await?
        && let Some(signed_in) = enter(app, claims, &identity, person, device, cookies).await?
    {
        return Ok(Invited::SignedIn(signed_in));
    }
    let found = match invitations::look(app, link).await {
        Ok(found) => found,
        Err(invitations::AcceptError::Database(error)) => return Err(error),
        Err(_) => return Ok(Invited::SeeInvite),
    };
    let Some(email) = verified_email(claims) else { return Ok(Invited::Unverified) };
    if email.canonical() != found.invitation.email_canonical {
        return Ok(Invited::Other { google: email, invited: found.invitation.email });
    }
    if found.organization.policy.sso_required {
        return Ok(Invited::SeeInvite);
    }
    let proven = is_authoritative(claims, &email);
    match invitations::may_make_account(&found, proven) {
        Ok(()) => Ok(Invited::Arrived(arrivals::keep(app, claims, &email, Some(link), None).await?)),
        Err(invitations::AcceptError::AccountExists) if proven => Ok(Invited::HasAccount(email)),
        Err(invitations::AcceptError::Unproven) => Ok(Invited::Unproven),
        Err(_) => Ok(Invited::SeeInvite),
    }
}

#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    #[error("What Google said was used already, or is too old. Go there again.")]
    Ended,
    #[error(transparent)]
    Invite(#[from] invitations::AcceptError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Makes the account, without a password, and the membership. Two at once: one of each (I3).
pub async fn accept(
    app: &App,
    token: &TokenHash,
    name: &PersonName,
    time_zone: &TimeZone,
    device: &Device,
    origin: &Origin,
    cookies: Cookies<'_>,
) -> Result<Organization, AcceptError> {
    let arrived = arrivals::arrived(app, token).await?.ok_or(AcceptError::Ended)?;
    let link = arrived.invite.as_deref().ok_or(AcceptError::Ended)?;
    let joining = invitations::look(app, link).await?.organization;
    let mut change = app.db.account(None, &[joining.id]).await?;
    let now = change.now();
    let arrived = arrivals::take(app, &mut change, token, now).await?.ok_or(AcceptError::Ended)?;
    let (issuer, subject) = (arrived.issuer.as_str(), arrived.subject.as_str());
    if identities::find_identity(&mut change, None, issuer, subject).await?.is_some() {
        return Err(AcceptError::Ended);
    }
    let address_proven = arrived.authoritative;
    let newcomer = Newcomer { name, password_hash: None, time_zone, address_proven };
    let (mut change, found, user) = invitations::join_new(app, change, link, newcomer, origin).await?;
    // The address of now (I4).
    if !arrived.email.eq_ignore_ascii_case(&found.invitation.email_canonical) {
        return Err(AcceptError::Ended);
    }
    let seen = Seen { connection: None, issuer, subject, email: &arrived.email };
    identities::insert_identity(&mut change, user.id, seen).await?;
    let proofs: &[ProofKind] = &[ProofKind::Google];
    invitations::sign_in_new(&mut change, &user, device, cookies, proofs).await?;
    change.commit().await?;
    Ok(found.organization)
}
