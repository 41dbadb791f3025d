//! Another email address for an account (EML-01, EML-02): asked for with a fresh proof, confirmed from
//! the new mailbox, told to the old one, and undone from there for three days.

mod mails;
mod sql;
mod undo;

pub(crate) use self::mails::samples;
pub use self::undo::{look_at_undo, undo};
use crate::app::App;
use crate::clock::{DAY, Timestamp};
use crate::domain::access::{Person, StepUpNeeded};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::recovery;
use crate::domain::sessions;
use crate::domain::sign_up;
use crate::domain::throttle::{self, SpendError, Throttled};
use crate::domain::users::{self, User};
use crate::domain::values::Email;
use crate::ids::UserId;
use crate::mail;
use crate::secrets::Token;
use crate::storage::{Change, Lends, Tx};

/// How long the link to the new address works.
const LIFE: i64 = DAY;
/// How long the old address can undo it.
const UNDO_LIFE: i64 = 3 * DAY;

#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("This is your address already.")]
    Same,
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

impl From<recovery::RequestError> for RequestError {
    fn from(error: recovery::RequestError) -> RequestError {
        match error {
            recovery::RequestError::Throttled(throttled) => throttled.into(),
            recovery::RequestError::Database(error) => error.into(),
        }
    }
}

/// Mails a link to the new address, and a word to the old one. A taken address gets another mail, by
/// the same statements: whoever asks learns nothing (EML-02). A newer request ends the older.
pub async fn request(app: &App, person: &Person, email: &Email, address: &str) -> Result<(), RequestError> {
    person.stepped_up(app.db.now())?;
    if person.email.eq_ignore_ascii_case(email.as_str()) {
        return Err(RequestError::Same);
    }
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let spent = throttle::spend(&mut tx, now, throttle::EMAIL_CHANGE, &person.user.to_string()).await;
    tx.commit().await?;
    spent?;
    recovery::spend_mail(app, email, address).await?;

    let token = Token::generate();
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let user = users::hold(&mut tx, person.user).await?.ok_or(sqlx::Error::RowNotFound)?;
    let taken = users::by_email(&mut tx, &email.canonical()).await?;
    sql::close_open(&mut tx, user.id, now).await?;
    // For a taken address nobody has the link.
    sql::insert(&mut tx, &token.hash(), &user, email, now, now.plus(LIFE)).await?;
    let message = match &taken {
        None => mails::confirm(app, &user, email, &token),
        Some(owner) => mails::taken(app, &owner.email),
    };
    mail::queue(&mut tx, app, None, &message).await?;
    mail::queue(&mut tx, app, None, &mails::asked(app, &user, email)).await?;
    tx.commit().await?;
    Ok(())
}

/// What a link would change.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct EmailChange {
    pub user_id: UserId,
    pub old_email: String,
    pub new_email: String,
    new_canonical: String,
    expires_at: Timestamp,
    closed_at: Option<Timestamp>,
    confirmed_at: Option<Timestamp>,
    undo_until: Option<Timestamp>,
    undone_at: Option<Timestamp>,
}

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("Nobody was given this link.")]
    Unknown,
    /// Used, outlived, or replaced by a newer one.
    #[error("This link does not work any more.")]
    Spent,
    #[error("This link is for another account.")]
    WrongAccount,
    #[error("You are signed out. Sign in again.")]
    SignedOut,
    #[error("{0} belongs to another account by now.")]
    Taken(String),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// What a link would confirm. Changes nothing, however often a mail scanner comes.
pub async fn look(app: &App, token: &str) -> Result<EmailChange, LinkError> {
    let now = app.db.now();
    usable(&mut app.db.read().await?, token, now).await.map(|(_, found)| found)
}

async fn usable(on: &mut impl Lends, token: &str, now: Timestamp) -> Result<(Token, EmailChange), LinkError> {
    let token = Token::parse(token).ok_or(LinkError::Unknown)?;
    let found = sql::find(on, &token.hash()).await?.ok_or(LinkError::Unknown)?;
    let open = found.closed_at.is_none() && found.confirmed_at.is_none() && now < found.expires_at;
    if open { Ok((token, found)) } else { Err(LinkError::Spent) }
}

/// Gives the account its new address, in a session of that very account alone: whoever got the link by
/// a slip of the pen gets no account by it. Of two accounts that confirm one address, one has it.
pub async fn confirm(app: &App, token: &str, person: &Person) -> Result<String, LinkError> {
    let found = look(app, token).await?;
    if found.user_id != person.user {
        return Err(LinkError::WrongAccount);
    }
    let mut change = app.db.account(Some(person.user), &[]).await?;
    let now = change.now();
    let (token, found) = usable(&mut change, token, now).await?;
    if sessions::current(&mut change, &person.token, now).await?.is_none() {
        return Err(LinkError::SignedOut);
    }
    let user = users::by_id(&mut change, person.user).await?.ok_or(LinkError::SignedOut)?;
    if users::by_email(&mut change, &found.new_canonical).await?.is_some() {
        sql::close_open(&mut change, user.id, now).await?;
        change.commit().await?;
        return Err(LinkError::Taken(found.new_email));
    }
    let email = move_to(&mut change, &user, &found.new_email).await?;
    let undo = undo::prepare(&mut change, &token.hash(), &user, &email).await?;
    let entry = Entry::new(Kind::EmailChanged, user.id, &user.name).changed("email", &user.email, &email);
    audit::record_account(&mut change, &person.operator(), entry).await?;
    mail::queue(&mut change, app, None, &mails::changed_from(app, &user, &email, undo.as_ref())).await?;
    mail::queue(&mut change, app, None, &mails::changed_to(app, &user, &email)).await?;
    change.commit().await?;
    Ok(found.new_email)
}

/// Moves an account to an address that was just proven and is free. Links that were mailed for the one
/// before die, and so does whatever else waited for either.
async fn move_to(change: &mut Change, user: &User, email: &str) -> sqlx::Result<Email> {
    let now = change.now();
    let email: Email = email.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    users::set_email(change, user, &email).await?;
    sign_up::address_verified(change, &email.canonical()).await?;
    recovery::end_links(change, &user.email_canonical).await?;
    sql::close_open(change, user.id, now).await?;
    Ok(email)
}

/// Drops changes of which no link has worked for a week; until then their page says so.
pub(crate) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let before = tx.now().plus(-7 * DAY);
    sql::drop_old(tx, before).await
}
