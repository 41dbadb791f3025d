//! Signing up (S2): a pending sign-up, a mailed link, and only then a user and an organization.

mod another;
mod google;
mod mails;
mod setup;
mod sql;

pub use self::another::{FoundError, found_another};
pub(crate) use self::google::{ByGoogle, found_by_google, start_by_google, takes_by_google};
pub(crate) use self::mails::samples;
pub use self::setup::{SetupError, is_open, prepare_setup, setup};
use crate::app::App;
use crate::clock::{DAY, Timestamp};
use crate::config;
use crate::domain::access::{Operator, Origin, Role};
use crate::domain::identities::{self, Seen};
use crate::domain::organizations::{self, Organization};
use crate::domain::passwords::{Busy, NewPassword, PasswordError, Verified};
use crate::domain::recovery::{self, RequestError};
use crate::domain::resources::{self, opening};
use crate::domain::sessions::{self, Device, Opened, ProofKind};
use crate::domain::sign_in::Cookies;
use crate::domain::throttle::{self, SpendError, Throttled};
use crate::domain::users;
use crate::domain::values::{Email, OrganizationName, PersonName, Theme, TimeZone};
use crate::ids::UserId;
use crate::mail;
use crate::secrets::{Token, TokenHash};
use crate::storage::{Change, Lends, Tx};

/// How long the mailed link works.
const LIFE: i64 = DAY;

/// What a person asks for.
pub struct NewSignUp {
    /// None, where somebody comes from a resource's page: they become a guest.
    pub organization: Option<OrganizationName>,
    pub name: PersonName,
    pub email: Email,
    pub password: NewPassword,
    /// As the browser guessed it.
    pub time_zone: TimeZone,
    /// The resource's page that they come from, and land on.
    pub next: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for StartError {
    fn from(error: SpendError) -> StartError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

impl From<RequestError> for StartError {
    fn from(error: RequestError) -> StartError {
        match error {
            RequestError::Throttled(throttled) => throttled.into(),
            RequestError::Database(error) => error.into(),
        }
    }
}

/// Checks a new password against what an attacker would try for this very person, within a budget:
/// anyone may ask. The outer error is not the password's.
pub async fn check_password(
    app: &App,
    address: &str,
    password: &str,
    organization: Option<&OrganizationName>,
    name: &PersonName,
    email: &Email,
) -> Result<Result<NewPassword, PasswordError>, StartError> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let spent = throttle::spend(&mut tx, now, throttle::NEW_PASSWORD, address).await;
    tx.commit().await?;
    spent?;
    let organization = organization.map_or("", OrganizationName::as_str);
    Ok(app.passwords.fit(password, &[organization, name.as_str(), email.as_str()], 0).await?)
}

/// Stores a pending sign-up and mails its link. An address that has an account gets another mail, and
/// the page can't tell the two apart (S4). `browser` remembers who began.
pub async fn start(
    app: &App,
    asked: &NewSignUp,
    browser: &TokenHash,
    address: &str,
) -> Result<(), StartError> {
    recovery::spend_mail(app, &asked.email, address).await?;
    // Hashed for known addresses too: the time must not tell.
    let password_hash = app.passwords.hash(&asked.password).await?;
    let token = Token::generate();
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let known = users::by_email(&mut tx, &asked.email.canonical()).await?;
    let open = takes(app, &mut tx, asked.organization.is_some(), &asked.email.canonical()).await?;
    let message = match (&known, open) {
        (Some(user), _) => mails::known(app, &user.email),
        (None, false) => mails::closed(app, &asked.email),
        (None, true) => mails::confirm(app, asked.organization.as_ref(), &asked.email, &token),
    };
    // A row that no link leads to: the same work, nothing to confirm, and no password kept.
    let leads_nowhere = known.is_some() || !open;
    let pending = sql::NewPending {
        token: &token.hash(),
        browser,
        organization: asked.organization.as_ref(),
        name: &asked.name,
        email: &asked.email,
        time_zone: &asked.time_zone,
        identity: None,
        next: kept(asked.next.as_deref()),
        password_hash: if leads_nowhere { "" } else { &password_hash },
        now,
        expires_at: now.plus(LIFE),
        used_at: leads_nowhere.then_some(now),
    };
    sql::insert(&mut tx, &pending).await?;
    mail::queue(&mut tx, app, None, &message).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether a sign-up is taken: any, while it is open; closed, only a guest's whom some resource lets in (S2).
async fn takes(app: &App, on: &mut impl Lends, founds: bool, canonical: &str) -> sqlx::Result<bool> {
    Ok(app.config.sign_up == config::SignUp::Open || (!founds && opening::awaits(on, canonical).await?))
}

/// What is kept of where somebody comes from, while their sign-up waits. A link to a resource is not: its token is stored
/// nowhere (A7), and the browser holds it meanwhile.
fn kept(next: Option<&str>) -> Option<&str> {
    next.filter(|next| !next.starts_with("/i/"))
}

/// What a confirmation made, and where to land.
#[derive(Debug)]
pub struct Confirmed {
    /// Nothing, of a guest's.
    pub organization: Option<Organization>,
    /// The page that a guest came from.
    pub next: Option<String>,
}

/// A sign-up that waits for its confirmation.
#[derive(Debug)]
pub struct Pending {
    pub email: String,
    /// Nothing, of a guest's.
    pub organization: Option<String>,
    pub lacks: Lacks,
}

/// What a browser lacks to confirm a sign-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacks {
    Nothing,
    /// Another browser began it: this one must know the password.
    Password,
    /// Another browser began it, and by Google: there is nothing that this one could know.
    Browser,
}

impl Lacks {
    fn of(pending: &sql::Pending, browser: Option<&TokenHash>) -> Lacks {
        match browser {
            Some(browser) if *browser == pending.browser_hash => Lacks::Nothing,
            _ if pending.identity().is_some() => Lacks::Browser,
            _ => Lacks::Password,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    #[error("Nobody was given this link.")]
    Unknown,
    #[error("This link has been used, or has ended.")]
    Spent,
    #[error("This is not the password that you signed up with.")]
    WrongPassword,
    #[error("Open the link in the browser that you signed up in.")]
    OtherBrowser,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for ConfirmError {
    fn from(error: SpendError) -> ConfirmError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

/// What a link would confirm. Changes nothing, however often a mail scanner comes.
pub async fn look(app: &App, token: &str, browser: Option<&TokenHash>) -> Result<Pending, ConfirmError> {
    let now = app.db.now();
    let pending = usable(app, &mut app.db.read().await?, token, now).await?;
    Ok(Pending {
        lacks: Lacks::of(&pending, browser),
        email: pending.email,
        organization: Some(pending.organization).filter(|name| !name.is_empty()),
    })
}

async fn usable(
    app: &App,
    on: &mut impl Lends,
    token: &str,
    now: Timestamp,
) -> Result<sql::Pending, ConfirmError> {
    let hash = Token::parse(token).ok_or(ConfirmError::Unknown)?.hash();
    let pending = sql::find(on, &hash).await?.ok_or(ConfirmError::Unknown)?;
    // Closing sign-up ends what was pending: no organization is made after it (S2).
    let closed = !takes(app, on, !pending.organization.is_empty(), &pending.email_canonical).await?;
    if closed || pending.used_at.is_some() || now >= pending.expires_at {
        return Err(ConfirmError::Spent);
    }
    Ok(pending)
}

/// Makes the user and the organization, if they asked for one, and signs them in by the link that made the account.
pub async fn confirm(
    app: &App,
    token: &str,
    browser: Option<&TokenHash>,
    password: &str,
    device: &Device,
    origin: &Origin,
    cookies: Cookies<'_>,
) -> Result<Confirmed, ConfirmError> {
    let now = app.db.now();
    let pending = usable(app, &mut app.db.read().await?, token, now).await?;
    let mut proofs = vec![ProofKind::MailedLink];
    match Lacks::of(&pending, browser) {
        Lacks::Nothing => {}
        Lacks::Browser => return Err(ConfirmError::OtherBrowser),
        Lacks::Password => {
            let mut tx = app.db.write().await?;
            let spent = throttle::spend(&mut tx, now, throttle::CONFIRM_PASSWORD, token).await;
            tx.commit().await?;
            spent?;
            if app.passwords.verify(password, Some(&pending.password_hash)).await? == Verified::Wrong {
                return Err(ConfirmError::WrongPassword);
            }
            proofs.push(ProofKind::Password);
        }
    }

    let mut change = app.db.account(None, &[]).await?;
    let pending = usable(app, &mut change, token, now).await?;
    if users::by_email(&mut change, &pending.email_canonical).await?.is_some() {
        return Err(ConfirmError::Spent);
    }
    // Whose Google account it is may have changed since.
    if let Some((issuer, subject)) = pending.identity()
        && identities::find_identity(&mut change, None, issuer, subject).await?.is_some()
    {
        return Err(ConfirmError::Spent);
    }
    let asked = Founding {
        organization: match pending.organization.as_str() {
            "" => None,
            name => Some(parsed(name)?),
        },
        name: parsed(&pending.name)?,
        email: parsed(&pending.email)?,
        password_hash: Some(pending.password_hash.as_str()).filter(|hash| !hash.is_empty()),
        identity: pending.identity(),
        time_zone: &pending.time_zone,
    };
    let organization = found(&mut change, &asked, device, origin, cookies, &proofs).await?;
    change.commit().await?;
    Ok(Confirmed { organization, next: pending.next })
}

/// What was stored was parsed before it was.
fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, sqlx::Error>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|error: T::Err| sqlx::Error::Decode(error.into()))
}

struct Founding<'a> {
    organization: Option<OrganizationName>,
    name: PersonName,
    email: Email,
    password_hash: Option<&'a str>,
    /// At Google: issuer and subject.
    identity: Option<(&'a str, &'a str)>,
    time_zone: &'a TimeZone,
}

/// The user, their organization and their membership as its Owner, if they asked for one, and their session.
async fn found(
    change: &mut Change,
    asked: &Founding<'_>,
    device: &Device,
    origin: &Origin,
    cookies: Cookies<'_>,
    proofs: &[ProofKind],
) -> sqlx::Result<Option<Organization>> {
    let now = change.now();
    let id = UserId::generate();
    let operator = Operator { user: Some(id), name: asked.name.to_string(), origin: origin.clone() };
    let organization = match &asked.organization {
        Some(name) => Some(organizations::create(change, &operator, name).await?),
        None => None,
    };
    let user = users::create(change, id, &operator, &asked.email, &asked.name, asked.password_hash).await?;
    users::set_preferences(change, id, asked.time_zone, Theme::default()).await?;
    if let Some(organization) = &organization {
        let joining = users::Joining { role: Role::Owner, ends_at: None, invited_by: None };
        users::join(change, organization.id, &user, joining).await?;
    }
    if let Some((issuer, subject)) = asked.identity {
        let seen = Seen { connection: None, issuer, subject, email: asked.email.as_str() };
        identities::insert_identity(change, user.id, seen).await?;
    }
    address_verified(change, &asked.email.canonical()).await?;
    if let Some(old) = cookies.old {
        sessions::end_replaced(change, old, now).await?;
    }
    let opened = sessions::open(change, &user, cookies.new, device, proofs, now).await?;
    debug_assert_eq!(opened, Opened::Session, "a new account has no factors");
    Ok(organization)
}

/// Pending sign-ups die when their address is verified another way (S2), and the entries that wait for the address
/// become those of whoever proved it (A12).
pub(crate) async fn address_verified(change: &mut Change, email_canonical: &str) -> sqlx::Result<()> {
    let now = change.now();
    sql::close_all(change, email_canonical, now).await?;
    match users::by_email(change, email_canonical).await? {
        Some(user) => resources::bind_entries(change, user.id, email_canonical).await,
        None => Ok(()),
    }
}

/// Drops sign-ups that ended a week ago; until then their page says so.
pub(crate) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let before = tx.now().plus(-7 * DAY);
    sql::drop_old(tx, before).await
}
