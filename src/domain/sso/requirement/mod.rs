//! Requiring single sign-on, and who comes in without it (O4).

mod mails;
mod people;
mod sql;

pub(super) use self::mails::samples;
pub use self::people::{BreakGlassError, BreakGlassPerson, break_glass_people, name_break_glass};
use super::{Connection, Domain, domains_of, of_organization};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Denied, Operator, Role, StepUpNeeded};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations::{self, Organization};
use crate::domain::sessions;
use crate::domain::users::{self, MemberError};
use crate::ids::{ConnectionId, DomainId, OrganizationId, UserId};
use crate::mail;
use crate::storage::{Change, Lends};

#[derive(Debug, thiserror::Error)]
pub enum RequirementError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("Only an Owner can require single sign-on, after a test sign-in of their own.")]
    NotOwner,
    #[error(
        "There is no enabled connection with a proven domain yet. Connect a provider and prove a domain first."
    )]
    NoConnection,
    #[error(
        "Nobody could come in if the provider fails. Give break-glass access to an Owner who has a password and a \
         factor first."
    )]
    NoBreakGlass,
    #[error("Test {0} first, in this session and as it is now: so you know that people can come in by it.")]
    Untested(String, ConnectionId),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for RequirementError {
    fn from(error: MemberError) -> RequirementError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

/// What is about to go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Without {
    Connection(ConnectionId),
    Domain(DomainId),
}

/// O4: whether people could come in by single sign-on without this, or need not. Counted inside the change, which
/// holds the organization's lock. Whatever disables or ends a connection or a domain asks here.
pub(super) async fn is_usable_without(
    on: &mut impl Lends,
    organization: OrganizationId,
    without: Without,
) -> sqlx::Result<bool> {
    if !organizations::by_id(on, organization).await?.policy.sso_required {
        return Ok(true);
    }
    let (connection, domain) = match without {
        Without::Connection(id) => (id.to_string(), String::new()),
        Without::Domain(id) => (String::new(), id.to_string()),
    };
    Ok(sql::count_usable(on, organization, &connection, &domain).await? > 0)
}

/// Whom requiring single sign-on would interrupt (V4).
#[derive(Debug)]
pub struct Interrupted {
    /// Active members.
    pub all: i64,
    /// Without an identity at an enabled connection: they are linked on their next sign-in, or can't come in.
    pub unlinked: i64,
    /// Of these, with an address on no proven domain: they can't come in until they are linked.
    pub stranded: i64,
    /// The first of these by name.
    pub members: Vec<(UserId, String)>,
}

pub async fn interrupted(app: &App, actor: &Actor, limit: i64) -> Result<Interrupted, RequirementError> {
    actor.may(Capability::ManageSettings)?;
    let now = app.db.now();
    let mut reader = app.db.read().await?;
    let (all, unlinked, stranded) = sql::interrupted(&mut reader, actor.organization, now).await?;
    let members = sql::stranded(&mut reader, actor.organization, now, limit).await?;
    Ok(Interrupted { all, unlinked, stranded, members })
}

/// How many members have an address at a domain, for the page that asks before it goes.
pub async fn members_on(app: &App, actor: &Actor, domain: &Domain) -> Result<i64, RequirementError> {
    actor.may(Capability::ManageSettings)?;
    let mut reader = app.db.read().await?;
    Ok(sql::members_on(&mut reader, actor.organization, &domain.domain).await?)
}

/// What keeps the actor from requiring single sign-on, but for the step-up.
pub async fn may_require(app: &App, actor: &Actor) -> Result<(), RequirementError> {
    actor.may(Capability::ManageSettings)?;
    let now = app.db.now();
    requirable(&mut app.db.read().await?, actor, now).await
}

/// The enabled connections that have a proven domain.
fn usable(connections: Vec<Connection>, domains: &[Domain]) -> Vec<Connection> {
    let has_domain = |connection: &Connection| {
        domains.iter().any(|domain| domain.connection == connection.id && domain.verified_at.is_some())
    };
    connections.into_iter().filter(|connection| connection.enabled && has_domain(connection)).collect()
}

async fn requirable(on: &mut impl Lends, actor: &Actor, now: Timestamp) -> Result<(), RequirementError> {
    if actor.role != Role::Owner {
        return Err(RequirementError::NotOwner);
    }
    let domains = domains_of(on, actor.organization).await?;
    let usable = usable(of_organization(on, actor.organization).await?, &domains);
    let Some(first) = usable.first() else { return Err(RequirementError::NoConnection) };
    let people = sql::people(on, actor.organization).await?;
    if !people.iter().any(|person| person.role == Role::Owner && person.is_ready()) {
        return Err(RequirementError::NoBreakGlass);
    }
    for connection in &usable {
        let tested = sessions::tested_at(on, actor.person.session, connection.id).await?;
        if tested.is_some_and(|at| at > connection.changed_at && at <= now) {
            return Ok(());
        }
    }
    Err(RequirementError::Untested(first.name.clone(), first.id))
}

/// Requires single sign-on, or stops. Says whether that changed anything. The Owners are told.
pub async fn require(app: &App, actor: &Actor, required: bool) -> Result<bool, RequirementError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    let organization = organizations::by_id(&mut change, actor.organization).await?;
    if organization.policy.sso_required == required {
        return Ok(false);
    }
    if required {
        requirable(&mut change, actor, now).await?;
    }
    actor.stepped_up(now)?;
    set(app, &mut change, &organization, required, &actor.operator()).await?;
    change.commit().await?;
    Ok(true)
}

async fn set(
    app: &App,
    change: &mut Change,
    organization: &Organization,
    required: bool,
    operator: &Operator,
) -> sqlx::Result<()> {
    sql::set_required(change, organization.id, required).await?;
    let word = |required: bool| if required { "required" } else { "optional" };
    let entry = Entry::new(Kind::SsoRequired, organization.id, &organization.name).changed(
        "single sign-on",
        word(!required),
        word(required),
    );
    audit::record(change, organization.id, operator, entry).await?;
    for owner in users::mail_of_owners(change, organization.id).await? {
        let message = mails::requirement(app, &owner, organization, required, &operator.name);
        mail::queue(change, app, Some(organization.id), &message).await?;
    }
    Ok(())
}

/// The same by the sysadmin, inside a change that holds the organization: it opens to passwords again. Says
/// whether it was required.
pub(crate) async fn lift(
    app: &App,
    change: &mut Change,
    organization: &Organization,
    operator: &Operator,
) -> sqlx::Result<bool> {
    if organization.policy.sso_required {
        set(app, change, organization, false, operator).await?;
    }
    Ok(organization.policy.sso_required)
}
