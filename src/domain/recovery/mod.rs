//! Forgotten passwords (S5): a mailed link, one hour, once.

mod mails;
mod sql;
mod sysadmin;

pub(crate) use self::mails::samples;
pub use self::sysadmin::{AskedReset, SysadminResetError, reset_by_sysadmin};
use crate::app::App;
use crate::clock::{HOUR, Timestamp};
use crate::domain::access::{Operator, Origin};
use crate::domain::account;
use crate::domain::audit::Kind;
use crate::domain::organizations;
use crate::domain::passwords::{Busy, PasswordError};
use crate::domain::sessions;
use crate::domain::sign_in;
use crate::domain::throttle::{self, SpendError, Throttled};
use crate::domain::users::{self, User};
use crate::domain::values::Email;
use crate::ids::UserId;
use crate::mail;
use crate::secrets::{Token, TokenHash};
use crate::storage::{Change, Lends, Tx};

const LIFE: i64 = HOUR;

#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for RequestError {
    fn from(error: SpendError) -> RequestError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

/// Why a link does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    Unknown,
    /// Used, outlived, or replaced by a newer one.
    Spent,
}

#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    #[error("This link does not work any more.")]
    Dead(Dead),
    #[error(transparent)]
    Unfit(#[from] PasswordError),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Spends what strangers may cause in mail, by recipient and by address on the network.
pub(crate) async fn spend_mail(app: &App, email: &Email, address: &str) -> Result<(), RequestError> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let spent = async {
        throttle::spend(&mut tx, now, throttle::MAIL_ADDRESS, address).await?;
        throttle::spend(&mut tx, now, throttle::MAIL_RECIPIENT, &email.canonical()).await
    }
    .await;
    tx.commit().await?;
    spent?;
    Ok(())
}

/// Mails a link, or says in a mail that there is no account: whoever asks learns nothing (S4). The
/// same statements run for both.
pub async fn request(app: &App, email: &Email, address: &str) -> Result<(), RequestError> {
    spend_mail(app, email, address).await?;
    let token = Token::generate();
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let user = users::by_email(&mut tx, &email.canonical()).await?;
    let may = match &user {
        Some(user) => may_set_password(&mut tx, user, now).await?,
        None => false,
    };
    keep(&mut tx, &token, &email.canonical(), user.as_ref().filter(|_| may), now).await?;
    let message = match &user {
        Some(user) if may => mails::reset(app, &user.email, &token),
        Some(user) => mails::by_provider(app, &user.email),
        None => mails::no_account(app, email),
    };
    mail::queue(&mut tx, app, None, &message).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether a mailed link may set a person's password. Whoever has none may have one so, unless they have
/// memberships, each of these requires single sign-on, and no invite or entry elsewhere awaits them (S5, RST-04).
pub async fn may_set_password(on: &mut impl Lends, user: &User, now: Timestamp) -> sqlx::Result<bool> {
    if user.password_hash.is_some() {
        return Ok(true);
    }
    let required = sql::sso_required(on, user.id).await?;
    let by_provider_alone = !required.is_empty() && required.iter().all(|required| *required);
    Ok(!by_provider_alone || sql::is_awaited(on, user.id, &user.email_canonical, now).await?)
}

/// Keeps a link's hash; whatever was asked for before stops working.
async fn keep(
    on: &mut impl Lends,
    token: &Token,
    email_canonical: &str,
    user: Option<&User>,
    now: Timestamp,
) -> sqlx::Result<()> {
    sql::replace(on, email_canonical, now).await?;
    let reset = sql::NewReset {
        token: &token.hash(),
        email_canonical,
        user: user.map(|user| user.id),
        password_changed_at: user.map_or(Timestamp::ZERO, |user| user.password_changed_at),
        now,
        expires_at: now.plus(LIFE),
    };
    sql::insert(on, &reset).await
}

/// Whose link it is, if it still works. Changes nothing.
pub async fn look(app: &App, token: &str) -> Result<User, ResetError> {
    let now = app.db.now();
    usable(&mut app.db.read().await?, token, now).await.map(|(user, _)| user)
}

async fn usable(on: &mut impl Lends, token: &str, now: Timestamp) -> Result<(User, TokenHash), ResetError> {
    let hash = Token::parse(token).ok_or(ResetError::Dead(Dead::Unknown))?.hash();
    let reset = sql::find(on, &hash).await?.ok_or(ResetError::Dead(Dead::Unknown))?;
    let user: Option<UserId> = reset.user_id.filter(|_| reset.used_at.is_none() && now < reset.expires_at);
    let user = match user {
        Some(user) => users::by_id(on, user).await?,
        None => None,
    };
    // Bound to the address and the password that it was made for (ASVS 6.6.2).
    let user = user.filter(|user| {
        user.email_canonical == reset.email_canonical && user.password_changed_at == reset.password_changed_at
    });
    let user = user.ok_or(ResetError::Dead(Dead::Spent))?;
    // What holds of them may have changed since the link was mailed.
    if !may_set_password(on, &user, now).await? {
        return Err(ResetError::Dead(Dead::Spent));
    }
    Ok((user, hash))
}

/// Sets the password, ends all sessions and signs nobody in (RST-03).
pub async fn reset(app: &App, token: &str, password: &str, origin: &Origin) -> Result<(), ResetError> {
    let user = look(app, token).await?;
    let mut reader = app.db.read().await?;
    let organizations = organizations::of_user(&mut reader, user.id, app.db.now()).await?;
    let shortest = organizations::shortest_password(&mut reader, user.id).await?;
    drop(reader);
    let mut context: Vec<&str> =
        organizations.iter().map(|organization| organization.name.as_str()).collect();
    context.extend([user.name.as_str(), user.email.as_str()]);
    let password = app.passwords.fit(password, &context, shortest).await??;
    let password_hash = app.passwords.hash(&password).await?;

    let mut change = app.db.account(Some(user.id), &[]).await?;
    let now = change.now();
    let (user, hash) = usable(&mut change, token, now).await?;
    sql::mark_used(&mut change, &hash, now).await?;
    users::set_password(&mut change, user.id, &password_hash, password.length_class()).await?;
    sessions::end_all(&mut change, user.id, None, now).await?;
    sign_in::forgive(&mut change, &user.email_canonical).await?;
    let operator = Operator::of(&user, origin.clone());
    account::password_was_set(app, &mut change, &user, &operator, Kind::PasswordReset).await?;
    change.commit().await?;
    Ok(())
}

/// Ends the links that were mailed for an address: it belongs to the account no more, or belongs to it anew.
pub(crate) async fn end_links(change: &mut Change, email_canonical: &str) -> sqlx::Result<()> {
    let now = change.now();
    sql::replace(change, email_canonical, now).await
}

/// Drops links that ended a week ago; until then their page says that they are spent.
pub(crate) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let before = tx.now().plus(-7 * crate::clock::DAY);
    sql::drop_old(tx, before).await
}
