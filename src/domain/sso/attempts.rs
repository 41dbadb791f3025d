//! A way to a provider and back: once, within ten minutes, in the browser that began it (SSO-01 to SSO-04).

use serde::{Deserialize, Serialize};

use super::arrive::note_problem;
use super::connections::ClientError;
use super::{Connection, google, google_client, sql};
use crate::app::App;
use crate::clock::{MINUTE, Timestamp};
use crate::domain::throttle::{self, SpendError, Throttled};
use crate::ids::{ConnectionId, SessionId};
use crate::oidc::{Ask, Claims, Client, DiscoveryError, FinishError, Returned};
use crate::secrets::TokenHash;
use crate::storage::Tx;

/// How long someone may take at the provider.
const LIFE: i64 = 10 * MINUTE;

/// What a way to a provider is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Purpose {
    /// To sign in, or to add the proof to a session that is there.
    SignIn,
    /// To see what a connection says, by whoever manages it.
    Test,
    /// To link an identity to the account of the session that began it.
    Link,
    /// To prove once more who this is (S12).
    StepUp,
    /// To make an account and an organization.
    SignUp,
    /// To accept an invitation.
    Invite,
}

impl Purpose {
    /// Whether the provider is to ask for the password, though it may know the browser.
    fn asks_anew(self) -> bool {
        matches!(self, Purpose::StepUp | Purpose::Link)
    }
}

/// A way to a provider, as it is begun.
#[derive(Clone, Copy, Debug)]
pub struct Landing<'a> {
    pub purpose: Purpose,
    /// The session that begins it, for what is done to its person.
    pub session: Option<SessionId>,
    /// Where it leads in the end: one of our own paths.
    pub next: &'a str,
    /// Of an invitation that is to be accepted.
    pub invite: Option<&'a str>,
    pub login_hint: Option<&'a str>,
}

/// A way that someone came back from.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub connection: Option<Connection>,
    pub purpose: Purpose,
    pub session: Option<SessionId>,
    pub next: String,
    pub invite: Option<String>,
    pub begun_at: Timestamp,
}

/// What is kept of a way meanwhile, sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    nonce: String,
    verifier: String,
    next: String,
    invite: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    #[error("There is no such way to sign in.")]
    NotFound,
    #[error(transparent)]
    Provider(#[from] DiscoveryError),
    #[error("This connection can't be used: what is stored of it can't be read.")]
    Broken,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for BeginError {
    fn from(error: SpendError) -> BeginError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

impl From<ClientError> for BeginError {
    fn from(error: ClientError) -> BeginError {
        match error {
            ClientError::Sealed(_) => BeginError::Broken,
            ClientError::Database(error) => error.into(),
        }
    }
}

fn kept_place(state: &TokenHash) -> String {
    format!("sso_attempts.sealed:{}", state.as_str())
}

/// The client of a connection that may be used, or the installation's at Google. To those who test it, a
/// disabled one is there too.
async fn client(
    app: &App,
    connection: Option<ConnectionId>,
    purpose: Purpose,
) -> Result<(Option<Connection>, Client), BeginError> {
    let Some(id) = connection else {
        return Ok((None, google_client(app).ok_or(BeginError::NotFound)?));
    };
    let mut reader = app.db.read().await?;
    let connection = sql::connection(&mut reader, id).await?.ok_or(BeginError::NotFound)?;
    if !connection.enabled && purpose != Purpose::Test {
        return Err(BeginError::NotFound);
    }
    let client = connection.client(app, &mut reader).await?;
    Ok((Some(connection), client))
}

/// Begins a way to a provider, and says where the browser goes. `browser` is the hash of its cookie.
pub async fn begin(
    app: &App,
    connection: Option<ConnectionId>,
    landing: Landing<'_>,
    browser: &TokenHash,
    network: &str,
) -> Result<String, BeginError> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let spent = throttle::spend(&mut tx, now, throttle::SSO_BEGUN, network).await;
    tx.commit().await?;
    spent?;
    let (_, client) = client(app, connection, landing.purpose).await?;
    let login_hint = landing.login_hint.map(str::to_owned);
    let begun = app.oidc.begin(&client, &Ask { login_hint, fresh: landing.purpose.asks_anew() }).await?;
    let kept = Kept {
        nonce: begun.nonce,
        verifier: begun.verifier,
        next: landing.next.to_owned(),
        invite: landing.invite.map(str::to_owned),
    };
    let kept = serde_json::to_vec(&kept).expect("texts are JSON");
    let state = TokenHash::of(&begun.state);
    let sealed = app.sealer.seal(&kept_place(&state), &kept);
    let mut tx = app.db.write().await?;
    let now = tx.now();
    sql::insert_attempt(&mut tx, &state, browser, connection, landing, &sealed, now).await?;
    tx.commit().await?;
    Ok(begun.url)
}

/// What a browser brings back from a provider.
#[derive(Clone, Copy, Debug)]
pub struct Back<'a> {
    /// The connection in the address that it came back to.
    pub connection: Option<ConnectionId>,
    pub state: &'a str,
    pub code: &'a str,
    pub iss: Option<&'a str>,
    /// The provider's word for what went wrong there, such as "access_denied".
    pub error: &'a str,
}

#[derive(Debug, thiserror::Error)]
pub enum ReturnError {
    /// Unknown, used, outlived, another browser's or another connection's (SSO-01, SSO-02, SSO-04).
    #[error("This sign-in was not begun here, or took too long. Begin again.")]
    Unknown,
    #[error("The sign-in was cancelled at the provider.")]
    Cancelled(Box<Attempt>),
    #[error("{1}")]
    Provider(Box<Attempt>, FinishError),
    #[error("This connection can't be used: what is stored of it can't be read.")]
    Broken,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Takes a way that came back, once, and asks the provider who it is. What that means is for others.
pub async fn come_back(
    app: &App,
    back: Back<'_>,
    browser: Option<&TokenHash>,
) -> Result<(Attempt, Claims), ReturnError> {
    let state = TokenHash::of(back.state);
    let browser = browser.ok_or(ReturnError::Unknown)?;
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let row = sql::take_attempt(&mut tx, &state, browser, now, now.plus(-LIFE)).await?;
    // Committed even when it is refused below: a state is answered once.
    tx.commit().await?;
    let row = row.filter(|row| row.connection == back.connection).ok_or(ReturnError::Unknown)?;
    let kept = app.sealer.open(&kept_place(&state), &row.sealed).map_err(|_| ReturnError::Unknown)?;
    let kept: Kept = serde_json::from_slice(&kept).map_err(|_| ReturnError::Unknown)?;
    let (connection, client) = match client(app, row.connection, row.purpose).await {
        Ok(found) => found,
        Err(BeginError::Database(error)) => return Err(error.into()),
        Err(BeginError::Broken) => return Err(ReturnError::Broken),
        Err(_) => return Err(ReturnError::Unknown),
    };
    let attempt = Attempt {
        connection,
        purpose: row.purpose,
        session: row.session,
        next: kept.next,
        invite: kept.invite,
        begun_at: row.created_at,
    };
    if !back.error.is_empty() || back.code.is_empty() {
        return Err(ReturnError::Cancelled(Box::new(attempt)));
    }
    let returned = Returned {
        code: back.code,
        iss: back.iss,
        nonce: &kept.nonce,
        verifier: &kept.verifier,
        fresh_since: row.purpose.asks_anew().then_some(row.created_at),
    };
    match app.oidc.finish(&client, returned, app.db.now()).await {
        Ok(claims) => Ok((attempt, claims)),
        Err(error) => {
            if let Some(connection) = &attempt.connection {
                note_problem(app, connection.id, attempt.purpose, &error).await?;
            }
            Err(ReturnError::Provider(Box::new(attempt), error))
        }
    }
}

/// Drops ways that nobody comes back from any more.
pub(super) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let before = tx.now().plus(-24 * 60 * MINUTE);
    sql::drop_attempts(tx, before).await?;
    google::sweep(tx).await?;
    sql::drop_codes(tx, before).await
}
