//! Who has come back from Google without an account: they say what they are called, and then have one (S2).

use serde::{Deserialize, Serialize};

use super::{is_authoritative, sql};
use crate::app::App;
use crate::clock::{DAY, HOUR, Timestamp};
use crate::config::SignUp;
use crate::domain::access::Origin;
use crate::domain::identities;
use crate::domain::organizations::Organization;
use crate::domain::recovery::{self, RequestError};
use crate::domain::sessions::Device;
use crate::domain::sign_in::Cookies;
use crate::domain::sign_up::{self, ByGoogle};
use crate::domain::throttle::Throttled;
use crate::domain::users;
use crate::domain::values::{Email, OrganizationName, PersonName, TimeZone};
use crate::oidc::Claims;
use crate::secrets::{Token, TokenHash};
use crate::storage::{Lends, Tx};

/// How long what Google said is kept, and its cookie.
pub const ARRIVAL_LIFE: i64 = HOUR;

/// What Google said of somebody, sealed meanwhile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Arrived {
    pub(super) issuer: String,
    pub(super) subject: String,
    /// Verified, by Google's word.
    pub email: String,
    pub name: String,
    /// Whether Google answers for the address.
    pub(super) authoritative: bool,
    /// The link of the invite that they come to accept, if they do.
    pub invite: Option<String>,
    /// The resource's page that they come from: they found no organization (S2).
    #[serde(default)]
    pub next: Option<String>,
}

fn place(token: &TokenHash) -> String {
    format!("arrivals.sealed:{}", token.as_str())
}

pub(super) async fn keep(
    app: &App,
    claims: &Claims,
    email: &Email,
    invite: Option<&str>,
    next: Option<&str>,
) -> sqlx::Result<Token> {
    let arrived = Arrived {
        issuer: claims.issuer.clone(),
        subject: claims.subject.clone(),
        email: email.to_string(),
        name: claims.name.clone().unwrap_or_default(),
        authoritative: is_authoritative(claims, email),
        invite: invite.map(str::to_owned),
        next: next.map(str::to_owned),
    };
    let json = serde_json::to_vec(&arrived).expect("texts are JSON");
    let token = Token::generate();
    let hash = token.hash();
    let mut tx = app.db.write().await?;
    let now = tx.now();
    sql::insert(&mut tx, &hash, &app.sealer.seal(&place(&hash), &json), now).await?;
    tx.commit().await?;
    Ok(token)
}

/// What Google said of the browser with this cookie, for an hour and until it is used. Changes nothing.
pub async fn arrived(app: &App, token: &TokenHash) -> sqlx::Result<Option<Arrived>> {
    let now = app.db.now();
    read(app, &mut app.db.read().await?, token, now).await
}

async fn read(
    app: &App,
    on: &mut impl Lends,
    token: &TokenHash,
    now: Timestamp,
) -> sqlx::Result<Option<Arrived>> {
    let sealed = sql::find(on, token, now.plus(-ARRIVAL_LIFE)).await?;
    // What can't be opened is not there.
    let json = sealed.and_then(|sealed| app.sealer.open(&place(token), &sealed).ok());
    Ok(json.and_then(|json| serde_json::from_slice(&json).ok()))
}

/// The same, used up by it, once.
pub(super) async fn take(
    app: &App,
    on: &mut impl Lends,
    token: &TokenHash,
    now: Timestamp,
) -> sqlx::Result<Option<Arrived>> {
    let arrived = read(app, on, token, now).await?;
    let taken = sql::take(on, token, now, now.plus(-ARRIVAL_LIFE)).await?;
    Ok(arrived.filter(|_| taken))
}

/// What somebody who comes from Google says of themselves.
pub struct Asked {
    /// Of whoever founds one: who comes from a resource's page does not.
    pub organization: Option<OrganizationName>,
    pub name: PersonName,
    /// As the browser guessed it.
    pub time_zone: TimeZone,
}

/// What has come of a sign-up by Google.
#[derive(Debug)]
pub enum Founded {
    Organization(Organization),
    /// An account without one, and the resource's page that it was made for.
    Guest(String),
    /// The address waits for its confirmation, by a link.
    Mailed,
}

#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    #[error("What Google said was used already, or is too old. Go there again.")]
    Ended,
    /// Said where Google answers for the address alone (S4).
    #[error("This address has an account.")]
    HasAccount(Email),
    #[error("Sign-up is closed here.")]
    Closed,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<RequestError> for FoundError {
    fn from(error: RequestError) -> FoundError {
        match error {
            RequestError::Throttled(throttled) => throttled.into(),
            RequestError::Database(error) => error.into(),
        }
    }
}

/// Makes the account and the organization, where Google is authoritative for the address; any other address is
/// confirmed by mail first, from the browser that `cookies.new` is not for but `browser` is.
pub async fn found(
    app: &App,
    token: &TokenHash,
    asked: &Asked,
    browser: &TokenHash,
    device: &Device,
    origin: &Origin,
    cookies: Cookies<'_>,
) -> Result<Founded, FoundError> {
    let arrived = arrived(app, token).await?.ok_or(FoundError::Ended)?;
    if app.config.sign_up == SignUp::Closed && arrived.next.is_none() {
        return Err(FoundError::Closed);
    }
    let organization = match &arrived.next {
        Some(_) => None,
        None => Some(asked.organization.as_ref().ok_or(FoundError::Ended)?),
    };
    let email: Email = arrived.email.parse().map_err(|_| FoundError::Ended)?;
    let by_google = ByGoogle {
        organization,
        name: &asked.name,
        email: &email,
        time_zone: &asked.time_zone,
        issuer: &arrived.issuer,
        subject: &arrived.subject,
        next: arrived.next.as_deref(),
    };
    if arrived.authoritative {
        let mut change = app.db.account(None, &[]).await?;
        let now = change.now();
        take_new(app, &mut change, token, now).await?;
        if users::by_email(&mut change, &email.canonical()).await?.is_some() {
            return Err(FoundError::HasAccount(email));
        }
        // Whoever Google answers for holds the address: they may learn that no resource awaits it (S4).
        if !sign_up::takes_by_google(app, &mut change, &by_google).await? {
            return Err(FoundError::Closed);
        }
        let organization = sign_up::found_by_google(&mut change, &by_google, device, origin, cookies).await?;
        change.commit().await?;
        return Ok(match organization {
            Some(organization) => Founded::Organization(organization),
            None => Founded::Guest(arrived.next.unwrap_or_else(|| "/".to_owned())),
        });
    }
    recovery::spend_mail(app, &email, &origin.network()).await?;
    let mut tx = app.db.write().await?;
    let now = tx.now();
    take_new(app, &mut tx, token, now).await?;
    sign_up::start_by_google(app, &mut tx, &by_google, browser).await?;
    tx.commit().await?;
    Ok(Founded::Mailed)
}

/// Uses an arrival up whose identity is nobody's still.
async fn take_new(
    app: &App,
    on: &mut impl Lends,
    token: &TokenHash,
    now: Timestamp,
) -> Result<(), FoundError> {
    let arrived = take(app, on, token, now).await?.ok_or(FoundError::Ended)?;
    match identities::find_identity(on, None, &arrived.issuer, &arrived.subject).await? {
        Some(_) => Err(FoundError::Ended),
        None => Ok(()),
    }
}

pub(in crate::domain::sso) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let before = tx.now().plus(-DAY);
    sql::drop_old(tx, before).await
}
