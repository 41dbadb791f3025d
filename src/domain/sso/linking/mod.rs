//! Account → Sign-in methods: linking an identity to an account, and unlinking it (S8, S12).

mod mails;
mod sql;

pub(super) use self::mails::samples;
use super::google::verified_email;
use super::{Attempt, Connection, Identity};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Person, StepUpNeeded};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::factors;
use crate::domain::identities::{self, Seen};
use crate::domain::recovery;
use crate::domain::sessions;
use crate::domain::users::{self, User};
use crate::domain::values::Email;
use crate::ids::{IdentityId, UserId};
use crate::mail;
use crate::oidc::Claims;
use crate::storage::Change;

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Another session came back than the one that went, or it has ended.
    #[error("This was begun in another session. Begin again.")]
    OtherSession,
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("The provider does not say that your address there is yours. Verify it there, and try again.")]
    Unverified,
    #[error("That account signs in another person here. They unlink it first.")]
    SomebodyElses,
    #[error("You have another account linked there. Unlink it first.")]
    HasAnother,
    #[error("You are not in the organization of this connection, or it can't be used now.")]
    NotThere,
    #[error("{0} is on none of the domains of this connection.")]
    OtherDomain(Email),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Links what a session has come back with to its person. The step-up is the one that the way began with.
pub async fn link(
    app: &App,
    person: &Person,
    attempt: &Attempt,
    claims: &Claims,
) -> Result<Identity, LinkError> {
    if attempt.session != Some(person.session) {
        return Err(LinkError::OtherSession);
    }
    person.stepped_up(attempt.begun_at)?;
    let email = verified_email(claims).ok_or(LinkError::Unverified)?;
    let mut change = app.db.account(Some(person.user), &[]).await?;
    let user = users::hold(&mut change, person.user).await?.ok_or(LinkError::OtherSession)?;
    let now = change.now();
    if let Some(connection) = &attempt.connection {
        may_link(&mut change, &user, connection, &email, now).await?;
    }
    let subject = match &attempt.connection {
        Some(connection) => connection.subject(claims).ok_or(LinkError::Unverified)?,
        None => &claims.subject,
    };
    let id = attempt.connection.as_ref().map(|connection| connection.id);
    let known = identities::find_identity(&mut change, id, &claims.issuer, subject).await?;
    match known {
        // Again: there is nothing to do.
        Some(identity) if identity.user == user.id => return Ok(identity),
        Some(_) => return Err(LinkError::SomebodyElses),
        None if identities::identity_of(&mut change, user.id, id).await?.is_some() => {
            return Err(LinkError::HasAnother);
        }
        None => {}
    }
    let seen = Seen { connection: id, issuer: &claims.issuer, subject, email: email.as_str() };
    let identity = identities::insert_identity(&mut change, user.id, seen).await?;
    let provider = provider(attempt.connection.as_ref());
    let entry = Entry::new(Kind::IdentityLinked, user.id, &user.name).with("provider", provider);
    audit::record_account(&mut change, &person.operator(), entry).await?;
    let message = mails::linked(app, &user.email, provider, email.as_str());
    mail::queue(&mut change, app, None, &message).await?;
    change.commit().await?;
    Ok(identity)
}

/// What the audit log and mails call it: the log of one organization must not name another's connection.
fn provider(connection: Option<&Connection>) -> &'static str {
    connection.map_or("Google", |connection| connection.kind.name())
}

/// An active member links themselves, with an address on one of the connection's own domains (O2, SSO-12). Before
/// a domain is proven this is the one way to be known there; one that has failed its checks for too long links
/// nobody.
async fn may_link(
    change: &mut Change,
    user: &User,
    connection: &Connection,
    email: &Email,
    now: Timestamp,
) -> Result<(), LinkError> {
    let still = super::sql::connection(change, connection.id).await?.filter(|connection| connection.enabled);
    let organization = still.ok_or(LinkError::NotThere)?.organization;
    let member = users::member_of(change, organization, user.id).await?;
    if !member.is_some_and(|member| member.is_active(now)) {
        return Err(LinkError::NotThere);
    }
    let domains = super::domains_of(change, organization).await?;
    let there = domains.iter().any(|domain| {
        let links = domain.verified_at.is_none() || domain.vouches(now);
        domain.connection == connection.id && links && domain.domain.eq_ignore_ascii_case(email.domain())
    });
    if there { Ok(()) } else { Err(LinkError::OtherDomain(email.clone())) }
}

#[derive(Debug, thiserror::Error)]
pub enum UnlinkError {
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("It is your last way in. Set a password or add a passkey first.")]
    LastWay,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Unlinks one of a person's identities, unless it is their last way in. Other sessions end: they may have been
/// opened by it. An unknown one is `false`.
pub async fn unlink(app: &App, person: &Person, id: IdentityId) -> Result<bool, UnlinkError> {
    let mut change = app.db.account(Some(person.user), &[]).await?;
    let now = change.now();
    person.stepped_up(now)?;
    let Some(user) = users::hold(&mut change, person.user).await? else { return Ok(false) };
    let Some(identity) = identities::delete_identity(&mut change, user.id, id).await? else {
        return Ok(false);
    };
    if !identities::ways(app, &mut change, &user, Some(id), now).await?.any() {
        return Err(UnlinkError::LastWay);
    }
    let provider = match identity.connection {
        None => provider(None),
        // Its organization may be gone.
        Some(connection) => super::sql::connection(&mut change, connection)
            .await?
            .map_or("Single sign-on", |connection| connection.kind.name()),
    };
    sessions::end_all(&mut change, user.id, Some(person.session), now).await?;
    let entry = Entry::new(Kind::IdentityUnlinked, user.id, &user.name).without("provider", provider);
    audit::record_account(&mut change, &person.operator(), entry).await?;
    let message = mails::unlinked(app, &user.email, provider, &identity.email);
    mail::queue(&mut change, app, None, &message).await?;
    change.commit().await?;
    Ok(true)
}

/// A connection of one of a person's organizations, and who they are there.
#[derive(Clone, Debug)]
pub struct OwnConnection {
    pub connection: Connection,
    pub organization: String,
    pub identity: Option<Identity>,
}

/// What a person's page of sign-in methods shows.
#[derive(Debug)]
pub struct Methods {
    pub ways: identities::Ways,
    pub google: Option<Identity>,
    /// The identities of which each is the last way in. Looked at again when one is unlinked.
    pub last: Vec<IdentityId>,
    /// By organization.
    pub connections: Vec<OwnConnection>,
    pub passkeys: usize,
    /// Whether a mailed link may set a password (S5).
    pub may_set_password: bool,
}

/// All that a person signs in by, or could.
pub async fn methods(app: &App, user: UserId) -> sqlx::Result<Methods> {
    let now = app.db.now();
    let mut reader = app.db.read().await?;
    let user = users::by_id(&mut reader, user).await?.ok_or(sqlx::Error::RowNotFound)?;
    let ways = identities::ways(app, &mut reader, &user, None, now).await?;
    let mut own = identities::identities_of(&mut reader, user.id).await?;
    let mut last = Vec::new();
    for id in own.iter().map(|identity| identity.id) {
        if !identities::ways(app, &mut reader, &user, Some(id), now).await?.any() {
            last.push(id);
        }
    }
    let mut connections = Vec::new();
    for (id, organization) in sql::connections_to_show(&mut reader, user.id, now).await? {
        let Some(connection) = super::sql::connection(&mut reader, id).await? else { continue };
        let at = own.iter().position(|identity| identity.connection == Some(id));
        let identity = at.map(|at| own.swap_remove(at));
        connections.push(OwnConnection { connection, organization, identity });
    }
    let google = own.into_iter().find(|identity| identity.connection.is_none());
    let may_set_password = recovery::may_set_password(&mut reader, &user, now).await?;
    drop(reader);
    let passkeys = factors::overview(&app.db, user.id).await?.passkeys.len();
    Ok(Methods { ways, google, last, connections, passkeys, may_set_password })
}
