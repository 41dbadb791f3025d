//! Authenticator apps: time-based one-time codes (RFC 6238) of 6 digits, SHA-1 and 30 seconds, which every
//! app can make.

use totp_rs::{Builder, Secret, Totp};

use super::{FactorError, mails, note, recovery_codes, sql};
use crate::app::App;
use crate::clock::{MINUTE, Timestamp};
use crate::domain::access::Person;
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::sessions::{self, ProofKind};
use crate::domain::values::FactorName;
use crate::ids::{AuthenticatorId, UserId};
use crate::mail;
use crate::secrets::{TokenHash, random_bytes};
use crate::storage::{Change, Lends, Tx};

/// An enrolment that is not confirmed by then is over.
const ENROLMENT: i64 = 10 * MINUTE;
/// More than anybody carries; each sign-in looks through them.
const MOST: i64 = 10;

/// An enrolment in progress: what the app scans, and what a person types instead.
#[derive(Debug)]
pub struct Enrolment {
    pub id: AuthenticatorId,
    /// An `otpauth:` address: secret, issuer and account.
    pub address: String,
    /// The secret in groups of four, in the alphabet of RFC 4648, base32.
    pub secret: String,
}

/// A factor that was added.
#[derive(Debug)]
pub struct Confirmed {
    /// Given with the first factor, and shown this once.
    pub recovery_codes: Option<Vec<String>>,
    /// How many other sessions ended: they were opened without it.
    pub ended: u64,
}

fn place(id: AuthenticatorId) -> String {
    format!("authenticators.secret:{id}")
}

/// Neither name nor address may hold a colon: it parts them in the label.
fn totp(app: &App, secret: Vec<u8>, email: &str) -> Option<Totp> {
    let host = app.config.base_url.host();
    let issuer = if host == "localhost" { "Interlock".to_owned() } else { format!("Interlock {host}") };
    let without_colon = |text: &str| text.replace(':', " ");
    Builder::new()
        .with_secret(secret)
        .with_issuer(Some(without_colon(&issuer)))
        .with_account_name(without_colon(email))
        .build()
        .ok()
}

fn opened(app: &App, id: AuthenticatorId, sealed: &str, email: &str) -> Result<Totp, FactorError> {
    let secret = app.sealer.open(&place(id), sealed).map_err(|error| sqlx::Error::Decode(error.into()))?;
    totp(app, secret, email).ok_or_else(|| sqlx::Error::Decode("the secret is no key".into()).into())
}

/// Begins an enrolment: a new secret, which is nobody's factor until a code confirms it (MFA-10).
pub async fn begin(app: &App, person: &Person) -> Result<AuthenticatorId, FactorError> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    person.stepped_up(now)?;
    if sql::count_authenticators(&mut tx, person.user).await? >= MOST {
        return Err(FactorError::TooMany);
    }
    sql::drop_unconfirmed(&mut tx, Some(person.user), now).await?;
    let id = AuthenticatorId::generate();
    // 160 bits, as RFC 4226 (4, R6) recommends.
    let sealed = app.sealer.seal(&place(id), &random_bytes::<20>());
    sql::insert_authenticator(&mut tx, id, person.user, &sealed, now).await?;
    tx.commit().await?;
    Ok(id)
}

/// A person's own enrolment in progress.
pub async fn enrolment(app: &App, person: &Person, id: AuthenticatorId) -> Result<Enrolment, FactorError> {
    let since = app.db.now().plus(-ENROLMENT);
    let sealed = sql::unconfirmed(&mut app.db.read().await?, id, person.user, since)
        .await?
        .ok_or(FactorError::Outlived)?;
    let totp = opened(app, id, &sealed, &person.email)?;
    let bytes = app.sealer.open(&place(id), &sealed).map_err(|error| sqlx::Error::Decode(error.into()))?;
    let secret = Secret::from(bytes).to_base32();
    let groups: Vec<&str> =
        secret.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    let address = totp.to_url().map_err(|error| sqlx::Error::Decode(error.to_string().into()))?;
    Ok(Enrolment { id, address, secret: groups.join(" ") })
}

/// Makes an enrolment a factor by its first code, which is used up by that. It proves the factor in this
/// session, which goes on under another cookie.
pub async fn confirm(
    app: &App,
    person: &Person,
    id: AuthenticatorId,
    code: &str,
    name: &FactorName,
    new_token: &TokenHash,
) -> Result<Confirmed, FactorError> {
    let mut change = app.db.account(Some(person.user), &[]).await?;
    let now = change.now();
    let sealed = sql::unconfirmed(&mut change, id, person.user, now.plus(-ENROLMENT))
        .await?
        .ok_or(FactorError::Outlived)?;
    let code = digits(code)?;
    let step =
        matching_step(&opened(app, id, &sealed, &person.email)?, &code, now).ok_or(FactorError::Wrong)?;
    sql::confirm(&mut change, id, name.as_str(), step, now).await?;
    let confirmed = added(app, change, person, name.as_str(), ProofKind::Totp, new_token).await?;
    Ok(confirmed)
}

/// What goes with every new factor, whatever its kind: recovery codes with the first, the end of sessions
/// that were opened without it, the proof, the audit row and the mail. Commits.
pub(super) async fn added(
    app: &App,
    mut change: Change,
    person: &Person,
    name: &str,
    proof: ProofKind,
    new_token: &TokenHash,
) -> Result<Confirmed, FactorError> {
    let now = change.now();
    let before = sql::flags(&mut change, person.user).await?;
    note(&mut change, person.user).await?;
    let recovery_codes = match before.any() {
        true => None,
        false => Some(recovery_codes::replace(&mut change, person.user, now).await?),
    };
    if !sessions::prove(&mut change, person, proof, new_token, now).await? {
        return Err(FactorError::SignedOut);
    }
    let ended = match before.any() {
        true => 0,
        false => sessions::end_all(&mut change, person.user, Some(person.session), now).await?,
    };
    let word = kind_word(proof);
    let entry = Entry::new(Kind::FactorAdded, person.user, &person.name).with(word, name);
    audit::record_account(&mut change, &person.operator(), entry).await?;
    mail::queue(&mut change, app, None, &mails::added(app, &person.email, word, name)).await?;
    change.commit().await?;
    Ok(Confirmed { recovery_codes, ended })
}

/// What the audit log and mails call a kind of factor.
pub(super) fn kind_word(proof: ProofKind) -> &'static str {
    match proof {
        ProofKind::Passkey => "passkey",
        _ => "authenticator app",
    }
}

/// Gives an authenticator another name.
pub async fn rename(
    app: &App,
    person: &Person,
    id: AuthenticatorId,
    name: &FactorName,
) -> sqlx::Result<bool> {
    let mut tx = app.db.write().await?;
    let renamed = sql::rename_authenticator(&mut tx, id, person.user, name.as_str()).await?;
    tx.commit().await?;
    Ok(renamed)
}

/// Takes a code of any of a person's authenticators, once: the step of the last accepted code only grows
/// (RFC 6238, 5.2; MFA-01, MFA-02).
pub(super) async fn take_code(
    app: &App,
    on: &mut impl Lends,
    user: UserId,
    code: &str,
    now: Timestamp,
) -> Result<(), FactorError> {
    let code = digits(code)?;
    let enrolled = sql::confirmed(on, user).await?;
    if enrolled.is_empty() {
        return Err(FactorError::NoAuthenticator);
    }
    let mut used = false;
    for one in enrolled {
        let totp = opened(app, one.id, &one.secret, "")?;
        let Some(step) = matching_step(&totp, &code, now) else { continue };
        if sql::accept(on, one.id, step, now).await? {
            return Ok(());
        }
        used = true;
    }
    Err(if used { FactorError::Used } else { FactorError::Wrong })
}

/// The step within one of now whose code this is: phones' clocks differ (RFC 6238, 5.2).
fn matching_step(totp: &Totp, code: &str, now: Timestamp) -> Option<i64> {
    let seconds = u64::try_from(now.0 / 1_000).ok()?;
    totp.check(code, seconds).and_then(|step| i64::try_from(step).ok())
}

/// Six ASCII digits; spaces and dashes are as apps and people group them (MFA-12).
fn digits(typed: &str) -> Result<String, FactorError> {
    let code: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(7).collect();
    let right = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
    if right { Ok(code) } else { Err(FactorError::NoCode) }
}

pub(super) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let before = tx.now().plus(-ENROLMENT);
    sql::drop_unconfirmed(tx, None, before).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS_PER_STEP: i64 = 30;

    /// MFA-12
    #[test]
    fn codes_are_typed_in_many_ways() {
        for typed in ["123456", "123 456", "12-34-56", " 123456\n"] {
            assert_eq!(digits(typed).ok().as_deref(), Some("123456"), "{typed}");
        }
        for typed in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "１２３４５６", "-"] {
            assert!(digits(typed).is_err(), "{typed}");
        }
    }

    /// MFA-03: one step of drift, either way. RFC 6238, appendix B has the secret and the times.
    #[test]
    fn one_step_of_drift() {
        let totp = Builder::new().with_secret(b"12345678901234567890".to_vec()).build().expect("a key");
        let at = |step: i64| Timestamp(step * SECONDS_PER_STEP * 1_000);
        let step = 37_037_036;
        let code = totp.generate(u64::try_from(step * SECONDS_PER_STEP).expect("a time")).to_string();
        for (drift, right) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            assert_eq!(matching_step(&totp, &code, at(step + drift)).is_some(), right, "{drift}");
        }
    }
}
