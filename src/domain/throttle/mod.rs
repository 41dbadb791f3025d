//! Budgets: how often something may be tried, counted in the database, so that replicas and restarts
//! share them. A try is spent before it is known to be wrong: parallel guesses can't outrun the count.

mod rate;
mod sql;

pub use self::rate::{Rate, Rates};
use crate::clock::{DAY, HOUR, MINUTE, Timestamp};
use crate::secrets::sha256_hex;
use crate::storage::{Lends, Tx};

/// What is budgeted: `tries` within `window` milliseconds, for each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub name: &'static str,
    pub tries: i64,
    pub window: i64,
}

const fn budget(name: &'static str, tries: i64, window: i64) -> Budget {
    Budget { name, tries, window }
}

/// Wrong passwords for one account, known or not.
pub const SIGN_IN_ACCOUNT: Budget = budget("sign-in-account", 10, 15 * MINUTE);
/// Wrong passwords in a row for one account: then only a reset by mail helps (NIST 800-63B-4, 3.2.2).
pub const SIGN_IN_STREAK: Budget = budget("sign-in-streak", 100, i64::MAX);
/// Wrong passwords from one address.
pub const SIGN_IN_ADDRESS: Budget = budget("sign-in-address", 60, 15 * MINUTE);
/// Wrong current passwords in a session that is signed in: a stolen session must not guess either.
pub const CONFIRM_PASSWORD: Budget = budget("confirm-password", 10, 15 * MINUTE);
/// Codes typed for one person's authenticator apps, right or wrong, since the last right one.
pub const FACTOR_CODE: Budget = budget("factor-code", 5, 15 * MINUTE);
/// The same within a day: whoever has the password guesses one code in a million, and has few.
pub const FACTOR_CODE_DAY: Budget = budget("factor-code-day", 40, DAY);
/// Recovery codes typed for one person from one address, since the last right one. Apart from the codes', so
/// that this way stays open when those are used up, and by address, so that nobody else closes it: codes of 120
/// bits are not guessed.
pub const RECOVERY_CODE: Budget = budget("recovery-code", 10, 15 * MINUTE);
/// The same over all addresses.
pub const RECOVERY_CODE_PERSON: Budget = budget("recovery-code-person", 1_000, 15 * MINUTE);
/// Challenges for a passkey that one person asks for, or, signed out, one address: each is a row. Generous,
/// since every view of the sign-in page asks for one, and a whole office may have one address.
pub const PASSKEY_CHALLENGE: Budget = budget("passkey-challenge", 1_000, 15 * MINUTE);
/// Changes of the email address that one person asks for: each mails an address of their choice.
pub const EMAIL_CHANGE: Budget = budget("email-change", 5, DAY);
/// Mails that people can cause to one address: sign-up, reset and change of address.
pub const MAIL_RECIPIENT: Budget = budget("mail-recipient", 5, HOUR);
/// The same from one address on the network.
pub const MAIL_ADDRESS: Budget = budget("mail-address", 30, HOUR);
/// New passwords that are weighed for one address, at sign-up.
pub const NEW_PASSWORD: Budget = budget("new-password", 120, 15 * MINUTE);
/// Links that nobody was given.
pub const UNKNOWN_LINK: Budget = budget("unknown-link", 60, 15 * MINUTE);
/// Organizations that one person makes.
pub const NEW_ORGANIZATION: Budget = budget("new-organization", 10, DAY);
/// Invitations to one email address from one organization, resending included.
pub const INVITE_RECIPIENT: Budget = budget("invite-recipient", 10, DAY);
/// Invitations that one organization sends, resending included: a company of 10,000 is invited in two days.
pub const INVITE_ORGANIZATION: Budget = budget("invite-organization", 5_000, DAY);
/// Codes mailed for one copied link.
pub const INVITE_CODE: Budget = budget("invite-code", 5, HOUR);
/// Mails that ask an inviter for a new link.
pub const INVITE_ASK: Budget = budget("invite-ask", 2, DAY);
/// Guesses of such a code.
pub const INVITE_CODE_GUESS: Budget = budget("invite-code-guess", 5, 15 * MINUTE);

/// Mails by which one organization asks its members to set up a factor: each time all who lack it.
pub const MFA_MAIL: Budget = budget("mfa-mail", 3, DAY);
/// Ways to a provider that one address begins: each is a row, and may ask the provider for what it says of
/// itself. A whole office may have one address.
pub const SSO_BEGUN: Budget = budget("sso-begun", 600, 15 * MINUTE);
/// Connections that one organization saves anew: each asks a provider of its choice.
pub const SSO_SAVED: Budget = budget("sso-saved", 60, 15 * MINUTE);
/// Checks of its domains that one organization asks for.
pub const DOMAIN_CHECK: Budget = budget("domain-check", 60, 15 * MINUTE);

/// Codes mailed to one person who proves who they are without a password.
pub const STEP_UP_CODE: Budget = budget("step-up-code", 5, HOUR);
/// Guesses of such a code.
pub const STEP_UP_CODE_GUESS: Budget = budget("step-up-code-guess", 5, 15 * MINUTE);

/// How often an organization's admins hear of one person whose address somebody else at the provider has.
pub const SSO_REFUSED: Budget = budget("sso-refused", 1, DAY);

/// Resources that one person asks for: each mails whoever manages it.
pub const ACCESS_ASK: Budget = budget("access-ask", 20, DAY);
/// Times that one person has counted who might open a resource, as they type: each reads whom it names.
pub const ACCESS_COUNT: Budget = budget("access-count", 1_000, 15 * MINUTE);
/// Times that one person is shown who gains and who loses: each looks at every member.
pub const ACCESS_PREVIEW: Budget = budget("access-preview", 200, 15 * MINUTE);
/// API keys that nobody was given, well-formed all the same, from one address.
pub const UNKNOWN_KEY: Budget = budget("unknown-key", 600, 15 * MINUTE);

/// Ephemeral keys that are made from one key, and those that took its place: each is a row.
pub const EPHEMERAL_KEY: Budget = budget("ephemeral-key", 10_000, HOUR);

/// The table of the README and of its test.
pub const ALL: [Budget; 32] = [
    SIGN_IN_ACCOUNT,
    SIGN_IN_STREAK,
    SIGN_IN_ADDRESS,
    CONFIRM_PASSWORD,
    FACTOR_CODE,
    FACTOR_CODE_DAY,
    RECOVERY_CODE,
    RECOVERY_CODE_PERSON,
    PASSKEY_CHALLENGE,
    EMAIL_CHANGE,
    MAIL_RECIPIENT,
    MAIL_ADDRESS,
    NEW_PASSWORD,
    UNKNOWN_LINK,
    NEW_ORGANIZATION,
    INVITE_RECIPIENT,
    INVITE_ORGANIZATION,
    INVITE_CODE,
    INVITE_ASK,
    INVITE_CODE_GUESS,
    MFA_MAIL,
    SSO_BEGUN,
    SSO_REFUSED,
    STEP_UP_CODE,
    STEP_UP_CODE_GUESS,
    SSO_SAVED,
    DOMAIN_CHECK,
    ACCESS_ASK,
    ACCESS_COUNT,
    ACCESS_PREVIEW,
    UNKNOWN_KEY,
    EPHEMERAL_KEY,
];

/// Too many tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Too many tries. Wait a while and try again.")]
pub struct Throttled {
    /// Milliseconds until a try is open again; `None` if waiting does not help.
    pub wait: Option<i64>,
}

#[derive(Debug, thiserror::Error)]
pub enum SpendError {
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

fn key(budget: Budget, of: &str) -> String {
    format!("{}:{}", budget.name, sha256_hex(of.as_bytes()))
}

/// Takes one try, or refuses. Says how many are left. Commit the transaction: a try that is rolled
/// back was free.
pub async fn spend(on: &mut impl Lends, now: Timestamp, budget: Budget, of: &str) -> Result<i64, SpendError> {
    let window_start = Timestamp(now.0.saturating_sub(budget.window));
    let use_now = sql::spend(on, &key(budget, of), now, window_start, budget.tries).await?;
    if use_now.used > budget.tries {
        let wait =
            (budget.window < i64::MAX).then(|| use_now.since.plus(budget.window).since(now).max(1_000));
        return Err(Throttled { wait }.into());
    }
    Ok(budget.tries - use_now.used)
}

/// Gives one try back: it was right.
pub async fn give_back(tx: &mut Tx, budget: Budget, of: &str) -> sqlx::Result<()> {
    sql::give_back(tx, &key(budget, of)).await
}

/// Forgets all tries of a key: whoever held it has proved themselves.
pub async fn clear(on: &mut impl Lends, budget: Budget, of: &str) -> sqlx::Result<()> {
    sql::clear(on, &key(budget, of)).await
}

/// Drops windows that ended long ago, and streaks that began months ago and stopped nobody: strangers
/// make one for each address that they try. A streak that stops somebody ends by success or reset only.
pub async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let now = tx.now();
    let streaks = format!("{}:", SIGN_IN_STREAK.name);
    sql::sweep(tx, now.plus(-2 * DAY), now.plus(-90 * DAY), &streaks, SIGN_IN_STREAK.tries).await
}
