//! Who someone is at a provider (O3): an issuer and a subject, never an email. A person's own Google account is
//! an identity without a connection.

mod sql;
mod ways;

pub use self::ways::{Ways, ways};
use crate::app::App;
use crate::clock::Timestamp;
use crate::ids::{ConnectionId, IdentityId, UserId};
use crate::storage::{Change, Lends};

/// Who someone is at a provider (O3).
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Identity {
    pub id: IdentityId,
    #[sqlx(rename = "user_id")]
    pub user: UserId,
    /// None: their own Google account.
    pub connection: Option<ConnectionId>,
    pub issuer: String,
    pub subject: String,
    /// As the provider last said it. It names nobody.
    pub email: String,
    pub linked_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// An identity as its provider has just said it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// None: at Google, the person's own.
    pub connection: Option<ConnectionId>,
    pub issuer: &'a str,
    pub subject: &'a str,
    pub email: &'a str,
}

/// Whether people may sign in with their own Google account here.
pub fn google_works(app: &App) -> bool {
    app.config.google_client_id.is_some() && app.config.google_client_secret.is_some()
}

/// Whose an identity is. Without a connection it is one of Google's, and another than the same at a connection.
pub async fn find_identity(
    on: &mut impl Lends,
    connection: Option<ConnectionId>,
    issuer: &str,
    subject: &str,
) -> sqlx::Result<Option<Identity>> {
    match connection {
        None => sql::at_google(on, issuer, subject).await,
        Some(connection) => sql::at_connection(on, connection, issuer, subject).await,
    }
}

/// The one that a person has at Google, or at a connection.
pub async fn identity_of(
    on: &mut impl Lends,
    user: UserId,
    connection: Option<ConnectionId>,
) -> sqlx::Result<Option<Identity>> {
    let identities = sql::of_user(on, user).await?;
    Ok(identities.into_iter().find(|identity| identity.connection == connection))
}

/// A person's identities: Google's first, then those at connections.
pub async fn identities_of(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<Identity>> {
    sql::of_user(on, user).await
}

/// Links an identity, used at this moment. That it is nobody's, and that the person has none there, is looked at
/// inside the same change.
pub(crate) async fn insert_identity(
    change: &mut Change,
    user: UserId,
    seen: Seen<'_>,
) -> sqlx::Result<Identity> {
    let identity = Identity {
        id: IdentityId::generate(),
        user,
        connection: seen.connection,
        issuer: seen.issuer.to_owned(),
        subject: seen.subject.to_owned(),
        email: seen.email.to_owned(),
        linked_at: change.now(),
        last_used_at: Some(change.now()),
    };
    sql::insert(change, &identity).await?;
    Ok(identity)
}

/// Unlinks one of a person's identities. Another's is not there.
pub(crate) async fn delete_identity(
    change: &mut Change,
    user: UserId,
    id: IdentityId,
) -> sqlx::Result<Option<Identity>> {
    sql::delete(change, user, id).await
}

/// Notes that an identity was used, and the email that it has now: that names nobody (SSO-10). Says whether it is
/// there still: whoever opens a session by it asks this with its user held.
pub(crate) async fn touch_identity(
    on: &mut impl Lends,
    id: IdentityId,
    email: Option<&str>,
    now: Timestamp,
) -> sqlx::Result<bool> {
    sql::touch(on, id, email, now).await
}
