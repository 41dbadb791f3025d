//! The email domains of connections (O2): each is proven by a TXT record at the domain itself.

mod checks;
mod mails;
mod sql;

pub use self::checks::{CheckError, Checked, check, check_due};
pub(super) use self::mails::samples;
use super::requirement::{self, Without};
use super::{Domain, setup};
use crate::app::App;
use crate::domain::access::{Actor, Capability, Denied, StepUpNeeded};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::users::{self, MemberError};
use crate::domain::values::DomainName;
use crate::ids::{ConnectionId, DomainId};
use crate::secrets::{random_bytes, sha256_hex};

/// An organization has at most so many.
pub const MOST_DOMAINS: i64 = 50;

#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("There is no such domain.")]
    NotFound,
    #[error("There is no such connection.")]
    NoConnection,
    #[error("This domain is on the list already.")]
    Known,
    #[error("An organization has at most {MOST_DOMAINS} domains. Remove one first.")]
    TooMany,
    #[error(
        "Single sign-on is required, and no other proven domain belongs to an enabled connection. Stop requiring \
         it first."
    )]
    LastOne,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for DomainError {
    fn from(error: MemberError) -> DomainError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

impl From<setup::SetupError> for DomainError {
    fn from(error: setup::SetupError) -> DomainError {
        match error {
            setup::SetupError::Denied(denied) => denied.into(),
            setup::SetupError::Database(error) => error.into(),
            _ => DomainError::NoConnection,
        }
    }
}

/// What the DNS is to say: 128 random bits, so that nobody can have put it there before.
fn new_record() -> String {
    format!("interlock-verify={}", &sha256_hex(&random_bytes::<32>())[..32])
}

/// Adds a domain to a connection. It routes and admits nobody until it is proven.
pub async fn add_domain(
    app: &App,
    actor: &Actor,
    connection: ConnectionId,
    name: &DomainName,
) -> Result<Domain, DomainError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    let connection = setup::within(&mut change, actor, connection).await?;
    if sql::named(&mut change, actor.organization, name.as_str()).await? {
        return Err(DomainError::Known);
    }
    if sql::count(&mut change, actor.organization).await? >= MOST_DOMAINS {
        return Err(DomainError::TooMany);
    }
    actor.stepped_up(now)?;
    let domain = Domain {
        id: DomainId::generate(),
        organization: actor.organization,
        connection: connection.id,
        domain: name.to_string(),
        record: new_record(),
        created_at: now,
        verified_at: None,
        checked_at: None,
        failing_since: None,
    };
    sql::insert(&mut change, &domain, checks::next(&domain, now)).await?;
    let entry = Entry::new(Kind::DomainAdded, domain.id, name).with("connection", &connection.name);
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(domain)
}

/// A domain of the actor's organization.
pub async fn domain(app: &App, actor: &Actor, id: DomainId) -> Result<Domain, DomainError> {
    actor.may(Capability::ManageSettings)?;
    let found = sql::find(&mut app.db.read().await?, actor.organization, id).await?;
    found.ok_or(DomainError::NotFound)
}

/// Takes a domain from its connection: nobody is routed, linked or admitted by it any more (O4).
pub async fn remove_domain(app: &App, actor: &Actor, id: DomainId) -> Result<Domain, DomainError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    let domain = sql::find(&mut change, actor.organization, id).await?.ok_or(DomainError::NotFound)?;
    if !requirement::is_usable_without(&mut change, actor.organization, Without::Domain(id)).await? {
        return Err(DomainError::LastOne);
    }
    actor.stepped_up(now)?;
    sql::delete(&mut change, id).await?;
    let state = if domain.verified_at.is_some() { "proven" } else { "not proven" };
    let entry = Entry::new(Kind::DomainRemoved, id, &domain.domain).without("state", state);
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(domain)
}
