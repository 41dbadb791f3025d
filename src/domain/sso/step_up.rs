//! Proving once more who one is without a password and without a factor (S12): a fresh way to a provider, or a
//! mailed code.

use super::arrive::vouches_again;
use super::{Attempt, Connection, Refusal, enabled, find_identity, google_works, identities_of, mails, sql};
use crate::app::App;
use crate::clock::MINUTE;
use crate::domain::access::Person;
use crate::domain::sessions::{self, ProofKind};
use crate::domain::throttle::{self, SpendError, Throttled};
use crate::domain::users;
use crate::ids::{OrganizationId, SessionId};
use crate::mail;
use crate::oidc::Claims;
use crate::secrets::{TokenHash, random_digits};
use crate::storage::Lends;

const CODE_LIFE: i64 = 10 * MINUTE;

/// What a person without a password and without a factor may prove themselves by, the first that there is.
#[derive(Debug, Default)]
pub struct Rounds {
    /// Their own Google account: for what is theirs, nothing of an organization's will do (S8).
    pub google: bool,
    /// For what is an organization's, its own providers.
    pub connections: Vec<Connection>,
    /// Nothing else is there.
    pub code: bool,
}

/// The ways of a person to prove themselves, for their own things or an organization's.
pub async fn rounds(
    app: &App,
    on: &mut impl Lends,
    person: &Person,
    organization: Option<OrganizationId>,
) -> sqlx::Result<Rounds> {
    if person.has_password || person.factors.any() {
        return Ok(Rounds::default());
    }
    let identities = identities_of(on, person.user).await?;
    let known_at = |connection| identities.iter().any(|identity| identity.connection == connection);
    let google = google_works(app) && known_at(None);
    let mut connections = match organization {
        Some(organization) => enabled(on, organization).await?,
        None => Vec::new(),
    };
    connections.retain(|connection| known_at(Some(connection.id)));
    let code = !google && connections.is_empty();
    Ok(Rounds { google, connections, code })
}

#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    #[error("You signed in at the provider as somebody else, or are signed out here by now.")]
    NotYou,
    /// They are who they were, and would not be let in by it any more.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Notes what a provider has said of the person whose session went there (S12). An identity of anybody else proves
/// nothing, and neither does one that would not sign in now (O2).
pub async fn prove(
    app: &App,
    person: &Person,
    attempt: &Attempt,
    claims: &Claims,
    token: &TokenHash,
) -> Result<(), ProveError> {
    if attempt.session != Some(person.session) {
        return Err(ProveError::NotYou);
    }
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let proven = match &attempt.connection {
        None => {
            let identity = find_identity(&mut tx, None, &claims.issuer, &claims.subject).await?;
            identity.is_some_and(|identity| identity.user == person.user)
                && sessions::prove(&mut tx, person, ProofKind::Google, token, now).await?
        }
        Some(connection) => {
            let vouched = vouches_again(&mut tx, person, connection.id, claims, now).await?;
            sessions::prove_vouched(&mut tx, person, vouched, token, now).await?
        }
    };
    if !proven {
        return Err(ProveError::NotYou);
    }
    tx.commit().await?;
    Ok(())
}

#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    #[error("This is not the code, or it has ended. Check the newest mail, or ask for another code.")]
    Wrong,
    #[error("You have another way to prove who you are. Use that.")]
    NotAsked,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error("You are signed out. Sign in again.")]
    SignedOut,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for CodeError {
    fn from(error: SpendError) -> CodeError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

fn code_place(session: SessionId) -> String {
    format!("mailed_codes.code:{session}")
}

/// Mails a code to the address of a person who has nothing else to prove themselves by.
pub async fn mail_code(app: &App, person: &Person) -> Result<(), CodeError> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    if !rounds(app, &mut tx, person, None).await?.code {
        return Err(CodeError::NotAsked);
    }
    throttle::spend(&mut tx, now, throttle::STEP_UP_CODE, &person.user.to_string()).await?;
    let code = random_digits(8);
    let sealed = app.sealer.seal(&code_place(person.session), code.as_bytes());
    sql::keep_code(&mut tx, person.session, &sealed, now).await?;
    mail::queue(&mut tx, app, None, &mails::step_up_code(&person.email, &code)).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes the code, once. A guess is counted before it is judged.
pub async fn confirm_code(
    app: &App,
    person: &Person,
    code: &str,
    token: &TokenHash,
) -> Result<(), CodeError> {
    let key = person.user.to_string();
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let spent = throttle::spend(&mut tx, now, throttle::STEP_UP_CODE_GUESS, &key).await;
    tx.commit().await?;
    spent?;
    let typed: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let mut tx = app.db.write().await?;
    let now = tx.now();
    // Whoever has set a password or a factor up meanwhile proves that.
    let user = users::hold(&mut tx, person.user).await?.ok_or(CodeError::SignedOut)?;
    if user.password_hash.is_some() || user.factors.any() || !rounds(app, &mut tx, person, None).await?.code {
        return Err(CodeError::NotAsked);
    }
    let sealed = sql::kept_code(&mut tx, person.session, now.plus(-CODE_LIFE)).await?;
    let right = sealed.and_then(|sealed| app.sealer.open(&code_place(person.session), &sealed).ok());
    if right.as_deref() != Some(typed.as_bytes()) || !sql::drop_code(&mut tx, person.session).await? {
        return Err(CodeError::Wrong);
    }
    throttle::clear(&mut tx, throttle::STEP_UP_CODE_GUESS, &key).await?;
    if !sessions::prove(&mut tx, person, ProofKind::MailedCode, token, now).await? {
        return Err(CodeError::SignedOut);
    }
    tx.commit().await?;
    Ok(())
}
