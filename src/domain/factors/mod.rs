//! Second factors: authenticator apps, passkeys and recovery codes (M1, M2), and browsers that are not asked again.
//! They belong to the person: no organization sees or sets them (S13), but for a reset (M7).

mod authenticators;
mod devices;
mod mails;
mod passkeys;
mod recovery_codes;
mod removal;
mod resets;
mod sql;

pub use self::authenticators::{Confirmed, Enrolment, begin, confirm, enrolment, rename};
pub use self::devices::{LIFE as DEVICE_LIFE, RememberedDevice, forget, may_be_remembered};
pub(crate) use self::devices::{forget_all as forget_devices, is_recognized, remember};
pub(crate) use self::mails::samples;
pub use self::passkeys::{
    Answered, Posed, passkeys_work, pose_registration, pose_to, register, rename_passkey,
};
pub(crate) use self::passkeys::{pose_to_anyone, take_from_anyone};
pub use self::recovery_codes::regenerate;
pub use self::removal::{Factor, remove};
pub use self::resets::{ResetError, may_reset, reset, reset_by_sysadmin};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Factors, Operator, Origin, Person, StepUpNeeded};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::sessions::{self, ProofKind};
use crate::domain::throttle::{self, Budget, SpendError, Throttled};
use crate::domain::users;
use crate::ids::{AuthenticatorId, PasskeyId, UserId};
use crate::mail;
use crate::secrets::TokenHash;
use crate::storage::{Change, Conn, Db, Lends, Tx};

/// An authenticator app in its owner's list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Authenticator {
    pub id: AuthenticatorId,
    pub name: String,
    pub confirmed_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// A passkey in its owner's list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Passkey {
    pub id: PasskeyId,
    pub name: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// What a person's page about their own factors shows.
#[derive(Debug)]
pub struct Overview {
    pub authenticators: Vec<Authenticator>,
    pub passkeys: Vec<Passkey>,
    pub codes_left: i64,
    pub devices: Vec<RememberedDevice>,
}

#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    #[error(
        "This is not the code that the app shows now. Type the newest one; the phone's clock must be right."
    )]
    Wrong,
    #[error("That code was already used. Wait for the next one.")]
    Used,
    #[error("A code has 6 digits. Type the one that the app shows now.")]
    NoCode,
    #[error("This recovery code is none of yours, or was used. Take another one from your list.")]
    NoRecoveryCode,
    #[error("You have no authenticator app. Choose another way.")]
    NoAuthenticator,
    #[error("This passkey was not accepted. Try again, or choose another way.")]
    Refused,
    #[error("The browser gave no passkey. Try again, or choose another way.")]
    NoAnswer,
    #[error("This took longer than five minutes, or was answered already. Try again.")]
    Unasked,
    #[error("You have no passkey. Choose another way.")]
    NoPasskey,
    #[error("This passkey was added before, to an account here.")]
    Known,
    #[error("You have twenty passkeys. Remove one first.")]
    TooManyPasskeys,
    #[error("Passkeys need a server with a name: this one is reached by an address of numbers.")]
    NoPasskeysHere,
    #[error("This took longer than ten minutes. Begin again.")]
    Outlived,
    #[error("You have ten authenticator apps. Remove one first.")]
    TooMany,
    #[error("{0} requires a factor of this kind, so the last one stays. Add another one first.")]
    Enforced(String),
    #[error(
        "This passkey is your last way in. Set a password or link Google first, under Account → Sign-in methods."
    )]
    LastWay,
    #[error(
        "{0} requires single sign-on, and you are its last Owner with break-glass access, which needs a factor. Add \
         another one first."
    )]
    BreakGlass(String),
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("You are signed out. Sign in again.")]
    SignedOut,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for FactorError {
    fn from(error: SpendError) -> FactorError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

/// What a person types to prove a factor, or has a device say.
#[derive(Clone, Copy)]
pub enum Typed<'a> {
    Code(&'a str),
    RecoveryCode(&'a str),
    Passkey(Answered<'a>),
}

impl Typed<'_> {
    /// What a try is counted in, with its keys.
    fn budgets(self, user: UserId, origin: &Origin) -> Vec<(Budget, String)> {
        let user = user.to_string();
        match self {
            Typed::Code(_) => {
                vec![(throttle::FACTOR_CODE, user.clone()), (throttle::FACTOR_CODE_DAY, user)]
            }
            Typed::RecoveryCode(_) => {
                let here = format!("{user} {}", origin.network());
                vec![(throttle::RECOVERY_CODE, here), (throttle::RECOVERY_CODE_PERSON, user)]
            }
            // A signature is not guessed.
            Typed::Passkey(_) => Vec::new(),
        }
    }
}

/// What a person has. The page is theirs alone.
pub async fn overview(db: &Db, user: UserId) -> sqlx::Result<Overview> {
    let now = db.now();
    let mut reader = db.read().await?;
    Ok(Overview {
        authenticators: sql::authenticators(&mut reader, user).await?,
        passkeys: sql::passkeys(&mut reader, user).await?,
        codes_left: sql::codes_left(&mut reader, user).await?,
        devices: sql::devices(&mut reader, user, now).await?,
    })
}

/// A transaction in which something typed was used up as a proof. Committed with what the proof opens;
/// dropped, it was not used.
pub(crate) struct Taken {
    proof: ProofKind,
    within: Within,
}

/// A recovery code's use is audited, and so holds the chains of its person's organizations; a code's is
/// not, so that sign-ins don't wait for each other.
enum Within {
    Tx(Tx),
    Change(Change),
}

/// Judges what was typed for a person, and uses it up. The try is counted before it is judged, over all
/// sessions and addresses, and a new sign-in by password gives none back (M2, MFA-04).
pub(crate) async fn take(
    app: &App,
    user: UserId,
    operator: &Operator,
    typed: Typed<'_>,
) -> Result<Taken, FactorError> {
    let budgets = typed.budgets(user, &operator.origin);
    spend_try(app, &budgets).await?;
    let mut taken = match typed {
        Typed::Code(code) => {
            let mut tx = app.db.write().await?;
            let now = tx.now();
            match authenticators::take_code(app, &mut tx, user, code, now).await {
                Ok(()) => Taken { proof: ProofKind::Totp, within: Within::Tx(tx) },
                Err(FactorError::Used) => {
                    drop(tx);
                    replayed(app, user, operator).await?;
                    return Err(FactorError::Used);
                }
                Err(error) => return Err(error),
            }
        }
        Typed::RecoveryCode(code) => {
            let mut change = app.db.account(Some(user), &[]).await?;
            recovery_codes::take(app, &mut change, user, operator, code).await?;
            Taken { proof: ProofKind::RecoveryCode, within: Within::Change(change) }
        }
        Typed::Passkey(answered) => passkeys::take(app, user, answered).await?,
    };
    for (budget, key) in &budgets {
        throttle::clear(&mut taken, *budget, key).await?;
    }
    Ok(taken)
}

async fn spend_try(app: &App, budgets: &[(Budget, String)]) -> Result<(), FactorError> {
    if budgets.is_empty() {
        return Ok(());
    }
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let mut spent = Ok(());
    // In this order, and no further than the first that refuses: what is not judged spends nothing of the day.
    for (budget, key) in budgets {
        spent = throttle::spend(&mut tx, now, *budget, key).await.map(|_| ());
        if spent.is_err() {
            break;
        }
    }
    // Committed even when refused: a refusal counts too.
    tx.commit().await?;
    Ok(spent?)
}

/// A code that was used before is somebody's who saw it: the log says so (MFA-01).
async fn replayed(app: &App, user: UserId, operator: &Operator) -> sqlx::Result<()> {
    let mut change = app.db.account(Some(user), &[]).await?;
    let Some(owner) = users::by_id(&mut change, user).await? else { return Ok(()) };
    audit::record_account(&mut change, operator, Entry::new(Kind::CodeReplayed, user, &owner.name)).await?;
    change.commit().await
}

impl Taken {
    pub(crate) fn proof(&self) -> ProofKind {
        self.proof
    }

    pub(crate) fn now(&self) -> Timestamp {
        match &self.within {
            Within::Tx(tx) => tx.now(),
            Within::Change(change) => change.now(),
        }
    }

    pub(crate) async fn commit(self) -> sqlx::Result<()> {
        match self.within {
            Within::Tx(tx) => tx.commit().await,
            Within::Change(change) => change.commit().await,
        }
    }
}

impl mail::Queues for Taken {}

impl Lends for Taken {
    fn conn(&mut self) -> Conn<'_> {
        match &mut self.within {
            Within::Tx(tx) => tx.conn(),
            Within::Change(change) => change.conn(),
        }
    }
}

/// Proves a factor of a signed-in person again, for a step-up (S12) or for an organization that asks (M5).
/// The session goes on under another cookie.
pub async fn prove(
    app: &App,
    person: &Person,
    typed: Typed<'_>,
    new_token: &TokenHash,
) -> Result<(), FactorError> {
    let mut taken = take(app, person.user, &person.operator(), typed).await?;
    let (proof, now) = (taken.proof(), taken.now());
    if !sessions::prove(&mut taken, person, proof, new_token, now).await? {
        return Err(FactorError::SignedOut);
    }
    taken.commit().await?;
    Ok(())
}

/// Notes what a person has now, in each of their organizations too.
async fn note(change: &mut Change, user: UserId) -> sqlx::Result<Factors> {
    let now = change.now();
    let factors = sql::present(change, user).await?;
    let until = sql::remembered_until(change, user, now).await?.unwrap_or(Timestamp::ZERO);
    users::set_factors(change, user, factors, until).await?;
    Ok(factors)
}

/// Drops what ended: enrolments that nobody confirmed, challenges that nobody answered, devices that are not
/// remembered any more.
pub(crate) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    authenticators::sweep(tx).await?;
    passkeys::sweep(tx).await?;
    devices::sweep(tx).await
}
