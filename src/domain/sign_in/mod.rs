//! Signing in by password (S1, S4), by a factor after it (S11), and by a passkey alone.

mod challenge;
mod mails;
mod passkey;

pub use self::challenge::{Finished, finish};
pub(crate) use self::mails::{is_known, queue_new_device, samples};
pub use self::passkey::{pose, with_passkey};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::Origin;
use crate::domain::factors;
use crate::domain::passwords::{self, Busy, Verified};
use crate::domain::sessions::{self, Device, Opened, ProofKind};
use crate::domain::throttle::{self, SpendError, Throttled};
use crate::domain::users::{self, User};
use crate::domain::values::Email;
use crate::mail::Queues;
use crate::secrets::TokenHash;
use crate::storage::Lends;

#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    #[error("That email and password do not match.")]
    Wrong {
        /// Tries until the pause, told alike for accounts that don't exist.
        left: i64,
    },
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for SignInError {
    fn from(error: SpendError) -> SignInError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

/// The cookies of a sign-in: the new session's, and the one that the browser had before.
pub struct Cookies<'a> {
    pub new: &'a TokenHash,
    pub old: Option<&'a TokenHash>,
    /// Of a browser that was to be remembered.
    pub device: Option<&'a TokenHash>,
}

/// Opens a session for whoever knows the password, or, where they have factors, the challenge, and counts
/// how that went.
pub async fn with_password(
    app: &App,
    typed: &str,
    password: &str,
    device: &Device,
    origin: &Origin,
    cookies: Cookies<'_>,
) -> Result<Opened, SignInError> {
    let result = try_password(app, typed, password, device, origin, cookies).await;
    let word = match &result {
        Ok(Opened::Session) => "signed_in",
        Ok(Opened::Half) => "half_finished",
        Err(SignInError::Wrong { .. }) => "wrong",
        Err(SignInError::Throttled(_)) => "throttled",
        Err(SignInError::Busy(_)) => "busy",
        Err(SignInError::Database(_)) => "failed",
    };
    app.metrics.sign_ins.with_label_values(&[word]).inc();
    result
}

/// Unknown addresses cost the same and look the same
/// (ENU-01), and a try is counted before it is judged.
async fn try_password(
    app: &App,
    typed: &str,
    password: &str,
    device: &Device,
    origin: &Origin,
    cookies: Cookies<'_>,
) -> Result<Opened, SignInError> {
    let email = typed.parse::<Email>();
    // What is no address still has a budget, its own, and costs a comparison: the answer must not differ.
    let key = match &email {
        Ok(email) => email.canonical(),
        Err(_) => typed.to_ascii_lowercase(),
    };
    let from = origin.network();
    let left = spend(app, &key, &from).await?;
    let user = match &email {
        Ok(_) => users::by_email(&mut app.db.read().await?, &key).await?,
        Err(_) => None,
    };
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let verified = app.passwords.verify(password, hash.as_deref()).await?;
    let (Some(user), Some(hash), true) = (user, hash, verified != Verified::Wrong) else {
        tracing::info!(request = origin.request, "sign-in refused");
        return Err(SignInError::Wrong { left });
    };
    let newer = match verified {
        Verified::RightButOld => Some(app.passwords.rehash(password).await?),
        _ => None,
    };

    let mut tx = app.db.write().await?;
    let now = tx.now();
    // The password may have been reset while this one was compared.
    let still = users::hold(&mut tx, user.id).await?;
    let Some(user) = still.filter(|still| still.password_hash.as_deref() == Some(&hash)) else {
        return Err(SignInError::Wrong { left });
    };
    let length = passwords::length_class(password);
    if user.password_length != length {
        users::note_password_length(&mut tx, user.id, &hash, length).await?;
    }
    if let Some(newer) = newer {
        users::rehash_password(&mut tx, user.id, &hash, &newer).await?;
    }
    let opened = enter(app, &mut tx, &user, ProofKind::Password, device, &cookies, now).await?;
    // In the order in which they are spent: two sign-ins at once must not wait for each other in a ring.
    throttle::give_back(&mut tx, throttle::SIGN_IN_ADDRESS, &from).await?;
    forgive(&mut tx, &key).await?;
    tx.commit().await?;
    tracing::info!(request = origin.request, user = %user.id, ?opened, "signed in by password");
    Ok(opened)
}

/// Opens what a person's first proof opens, in place of the session that the browser had before (S11). A browser
/// that was not seen lately is told to them. The user is held.
pub(crate) async fn enter(
    app: &App,
    on: &mut impl Queues,
    user: &User,
    proof: ProofKind,
    device: &Device,
    cookies: &Cookies<'_>,
    now: Timestamp,
) -> sqlx::Result<Opened> {
    if let Some(old) = cookies.old {
        sessions::end_replaced(on, old, now).await?;
    }
    let mut proofs = vec![proof];
    if let Some(cookie) = cookies.device.filter(|_| user.factors.any())
        && factors::is_recognized(on, user.id, cookie, now).await?
    {
        proofs.push(ProofKind::RememberedDevice);
    }
    let known = mails::is_known(on, user.id, device, now).await?;
    let opened = sessions::open(on, user, cookies.new, device, &proofs, now).await?;
    if opened == Opened::Session && !known {
        mails::queue_new_device(app, on, &user.email, device, now).await?;
    }
    Ok(opened)
}

async fn spend(app: &App, account: &str, address: &str) -> Result<i64, SignInError> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let spent = async {
        throttle::spend(&mut tx, now, throttle::SIGN_IN_ADDRESS, address).await?;
        let left = throttle::spend(&mut tx, now, throttle::SIGN_IN_ACCOUNT, account).await?;
        throttle::spend(&mut tx, now, throttle::SIGN_IN_STREAK, account).await?;
        Ok::<_, SpendError>(left)
    }
    .await;
    // Committed even when refused: a refusal counts too.
    tx.commit().await?;
    Ok(spent?)
}

/// Whoever signed in, or reset their password by mail, has all tries again (DOS-05).
pub(crate) async fn forgive(on: &mut impl Lends, account: &str) -> sqlx::Result<()> {
    throttle::clear(on, throttle::SIGN_IN_ACCOUNT, account).await?;
    throttle::clear(on, throttle::SIGN_IN_STREAK, account).await
}
