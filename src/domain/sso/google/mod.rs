//! A person's own Google account: to sign in with, to sign up with, to accept an invite with.

mod arrivals;
mod invite;
mod sql;

pub(super) use self::arrivals::sweep;
pub use self::arrivals::{ARRIVAL_LIFE, Arrived, Asked, FoundError, Founded, arrived, found};
pub use self::invite::{AcceptError, Invited, accept, invited};
use crate::app::App;
use crate::config::SignUp;
use crate::domain::access::Person;
use crate::domain::identities::{self, Identity};
use crate::domain::sessions::{self, Device, Opened, ProofKind};
use crate::domain::sign_in::{self, Cookies};
use crate::domain::users;
use crate::domain::values::Email;
use crate::oidc::Claims;
use crate::secrets::Token;

/// What has come of somebody's way back from Google.
#[derive(Debug)]
pub enum SignedIn {
    /// The identity is linked to an account: that is open now, or waits for a factor (S11).
    Opened(Opened),
    /// The browser's session is the same person's: it holds the proof now, under another cookie.
    Proven,
    /// The identity is nobody's.
    Stranger(Stranger),
}

/// Somebody whose Google account is linked to no account here.
#[derive(Debug)]
pub enum Stranger {
    /// Google does not say that their address is theirs.
    Unverified,
    /// The address has an account: whoever proves that in another way may link it (SSO-09). Only who comes with an
    /// address that Google answers for learns it: others may hold an address there that is somebody else's by now
    /// (S4).
    HasAccount(Email),
    /// Nobody signs up here.
    Closed,
    /// They may go on under this token, which is for a cookie.
    Arrived(Token),
}

/// Whether Google answers for an address: it is Google's own, or of the domain whose Workspace the account is in (S2).
fn is_authoritative(claims: &Claims, email: &Email) -> bool {
    let domain = email.domain().to_ascii_lowercase();
    let hosted = claims.hosted_domain.as_ref().is_some_and(|hosted| hosted.eq_ignore_ascii_case(&domain));
    claims.email_verified && (hosted || ["gmail.com", "googlemail.com"].contains(&domain.as_str()))
}

/// The address that a provider says is verified: JSON's true, and nothing like it (SSO-05).
pub(super) fn verified_email(claims: &Claims) -> Option<Email> {
    claims.email.as_deref().filter(|_| claims.email_verified)?.parse().ok()
}

/// Signs in whoever the identity is linked to, and counts how that went. `person` is whose session the browser has;
/// `guest_at` is the resource's page that they come from, if they do (S2).
pub async fn sign_in(
    app: &App,
    claims: &Claims,
    person: Option<&Person>,
    guest_at: Option<&str>,
    device: &Device,
    cookies: Cookies<'_>,
) -> sqlx::Result<SignedIn> {
    let result = try_sign_in(app, claims, person, guest_at, device, cookies).await;
    let word = match &result {
        Ok(SignedIn::Opened(Opened::Session) | SignedIn::Proven) => "signed_in",
        Ok(SignedIn::Opened(Opened::Half)) => "half_finished",
        Ok(SignedIn::Stranger(_)) => "provider_unknown",
        Err(_) => "failed",
    };
    app.metrics.sign_ins.with_label_values(&[word]).inc();
    result
}

async fn try_sign_in(
    app: &App,
    claims: &Claims,
    person: Option<&Person>,
    guest_at: Option<&str>,
    device: &Device,
    cookies: Cookies<'_>,
) -> sqlx::Result<SignedIn> {
    match known(app, claims).await? {
        Some(identity) => match enter(app, claims, &identity, person, device, cookies).await? {
            Some(signed_in) => Ok(signed_in),
            // Unlinked at this moment.
            None => Ok(SignedIn::Stranger(stranger(app, claims, guest_at).await?)),
        },
        None => Ok(SignedIn::Stranger(stranger(app, claims, guest_at).await?)),
    }
}

async fn known(app: &App, claims: &Claims) -> sqlx::Result<Option<Identity>> {
    identities::find_identity(&mut app.db.read().await?, None, &claims.issuer, &claims.subject).await
}

async fn enter(
    app: &App,
    claims: &Claims,
    identity: &Identity,
    person: Option<&Person>,
    device: &Device,
    cookies: Cookies<'_>,
) -> sqlx::Result<Option<SignedIn>> {
    let email = verified_email(claims);
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let Some(user) = users::hold(&mut tx, identity.user).await? else { return Ok(None) };
    let email = email.as_ref().map(Email::as_str);
    if !identities::touch_identity(&mut tx, identity.id, email, now).await? {
        return Ok(None);
    }
    let own = person.filter(|person| person.user == user.id);
    if let Some(person) = own
        && sessions::prove(&mut tx, person, ProofKind::Google, cookies.new, now).await?
    {
        tx.commit().await?;
        return Ok(Some(SignedIn::Proven));
    }
    let opened = sign_in::enter(app, &mut tx, &user, ProofKind::Google, device, &cookies, now).await?;
    tx.commit().await?;
    tracing::info!(user = %user.id, ?opened, "signed in by Google");
    Ok(Some(SignedIn::Opened(opened)))
}

async fn stranger(app: &App, claims: &Claims, guest_at: Option<&str>) -> sqlx::Result<Stranger> {
    let Some(email) = verified_email(claims) else { return Ok(Stranger::Unverified) };
    let account = users::by_email(&mut app.db.read().await?, &email.canonical()).await?;
    if account.is_some() && is_authoritative(claims, &email) {
        return Ok(Stranger::HasAccount(email));
    }
    // Whether a resource awaits a guest is looked at once they have said that they want an account.
    if app.config.sign_up == SignUp::Closed && guest_at.is_none() {
        return Ok(Stranger::Closed);
    }
    Ok(Stranger::Arrived(arrivals::keep(app, claims, &email, None, guest_at).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(email: &str, hosted: Option<&str>, verified: bool) -> (Claims, Email) {
        let claims = Claims {
            email: Some(email.to_owned()),
            email_verified: verified,
            hosted_domain: hosted.map(str::to_owned),
            ..Claims::default()
        };
        (claims, email.parse().expect("an address"))
    }

    /// S2: gmail.com, or `hd` equal to the address's domain.
    #[test]
    fn google_answers_for_its_own_addresses_and_its_customers() {
        for (email, hosted, verified, authoritative) in [
            ("ann@gmail.com", None, true, true),
            ("ann@GMAIL.com", None, true, true),
            ("ann@googlemail.com", None, true, true),
            ("ann@halden.example", Some("halden.example"), true, true),
            ("ann@Halden.example", Some("HALDEN.example"), true, true),
            ("ann@gmail.com", None, false, false),
            ("ann@halden.example", Some("halden.example"), false, false),
            ("ann@halden.example", None, true, false),
            ("ann@halden.example", Some("example"), true, false),
            ("ann@sub.halden.example", Some("halden.example"), true, false),
            ("ann@halden.example", Some("evil-halden.example"), true, false),
            ("ann@gmail.com.example", None, true, false),
            ("ann@notgmail.com", None, true, false),
        ] {
            let (claims, email) = claims(email, hosted, verified);
            assert_eq!(is_authoritative(&claims, &email), authoritative, "{email} {hosted:?} {verified}");
        }
    }
}
