//! Setting a connection up: its client at the provider, newcomers, and its end.

mod fields;
mod record;
mod sql;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

pub use self::fields::{ClientId, ClientSecret, FieldError, Issuer, Scopes};
use super::connections::secret_place;
use super::requirement::{self, Without};
use super::{Connection, ConnectionKind, domains_of, of_organization};
use crate::app::App;
use crate::clock::{DAY, Timestamp};
use crate::domain::access::{Actor, Capability, Denied, Role, StepUpNeeded};
use crate::domain::audit;
use crate::domain::sessions;
use crate::domain::throttle::{self, SpendError, Throttled};
use crate::domain::users::{self, MemberError};
use crate::domain::values::{DomainName, ProviderName};
use crate::ids::{ConnectionId, OrganizationId};
use crate::oidc::{Discovered, DiscoveryError};
use crate::storage::{Change, Lends};

/// An organization has at most so many.
pub const MOST_CONNECTIONS: i64 = 10;
/// How long the form of a new one can be sent: its id is given before it is saved.
const DRAFT_LIFE: i64 = DAY;

/// Who newcomers may become (R2): never an Owner or Admin.
pub const NEWCOMER_ROLES: [Role; 4] = [Role::Developer, Role::Member, Role::Reviewer, Role::Auditor];

/// Where people are asked who they are.
#[derive(Clone, Debug)]
pub enum Provider {
    Google { hosted_domain: DomainName },
    Entra { tenant: String },
    Oidc { name: ProviderName, issuer: Issuer, scopes: Scopes },
}

impl Provider {
    pub fn kind(&self) -> ConnectionKind {
        match self {
            Provider::Google { .. } => ConnectionKind::Google,
            Provider::Entra { .. } => ConnectionKind::Entra,
            Provider::Oidc { .. } => ConnectionKind::Oidc,
        }
    }
}

/// A client secret as a form brings it.
#[derive(Clone, Debug)]
pub enum NewSecret {
    /// The one that is there stays.
    Kept,
    Typed(ClientSecret),
    /// Sealed by [`seal_secret`], on its way through a step-up.
    Sealed(String),
}

/// A connection as it is to be.
#[derive(Clone, Debug)]
pub struct Setup {
    pub provider: Provider,
    pub client_id: ClientId,
    pub secret: NewSecret,
    pub enabled: bool,
    pub admits_newcomers: bool,
    pub newcomer_role: Role,
    pub enforces_mfa: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("There is no such connection.")]
    NotFound,
    #[error("An organization has at most {MOST_CONNECTIONS} connections. Remove one first.")]
    TooMany,
    #[error("This connection is of another kind.")]
    OtherKind,
    #[error("Newcomers become a Developer, Member, Reviewer or Auditor.")]
    NoSuchRole,
    #[error("The secret could not be kept meanwhile. Type it again.")]
    Secret,
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Provider(#[from] DiscoveryError),
    /// Who is linked is known by issuer and subject (O3): at another issuer they would be strangers here.
    #[error(
        "People are linked at the provider as it is. Connect the other one beside it, and disconnect this one when \
         everyone has moved."
    )]
    OtherProvider,
    #[error(
        "Single sign-on is required, and nobody could sign in by another connection with a proven domain. Stop \
         requiring it first."
    )]
    LastOne,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for SetupError {
    fn from(error: MemberError) -> SetupError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

impl From<SpendError> for SetupError {
    fn from(error: SpendError) -> SetupError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

/// What a provider said of itself when its connection was saved, for the page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    pub issuer: String,
    pub authorization: String,
    pub token: String,
    pub algorithms: Vec<String>,
}

impl Found {
    fn of(discovered: &Discovered) -> Found {
        let host = |address: &str| {
            let url = url::Url::parse(address).ok();
            url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
        };
        Found {
            issuer: discovered.issuer.clone(),
            authorization: host(&discovered.authorization_endpoint),
            token: host(&discovered.token_endpoint),
            algorithms: discovered.algorithms.clone(),
        }
    }
}

fn draft_place(organization: OrganizationId) -> String {
    format!("id of a new connection in {organization}")
}

/// The id of a connection that is to be made, and a text for its form that only we can have written: the address
/// to come back to is given to the provider before anything is saved.
pub async fn draft(app: &App, actor: &Actor) -> Result<(ConnectionId, String), SetupError> {
    actor.may(Capability::ManageSettings)?;
    if sql::count(&mut app.db.read().await?, actor.organization).await? >= MOST_CONNECTIONS {
        return Err(SetupError::TooMany);
    }
    let id = ConnectionId::generate();
    let draft = format!("{id} {}", app.db.now().0);
    Ok((id, app.sealer.seal(&draft_place(actor.organization), draft.as_bytes())))
}

/// The id in such a text, if it is one of this organization and of today.
pub fn drafted(app: &App, actor: &Actor, sealed: &str) -> Option<ConnectionId> {
    let draft = app.sealer.open(&draft_place(actor.organization), sealed).ok()?;
    let draft = String::from_utf8(draft).ok()?;
    let (id, at) = draft.split_once(' ')?;
    let age = app.db.now().since(Timestamp(at.parse().ok()?));
    (age <= DRAFT_LIFE).then(|| id.parse().ok())?
}

/// A typed secret, sealed for its row: so it waits for a step-up in no readable form.
pub fn seal_secret(app: &App, id: ConnectionId, secret: &ClientSecret) -> String {
    app.sealer.seal(&secret_place(id), secret.expose().as_bytes())
}

/// A connection of the actor's organization.
pub async fn connection(app: &App, actor: &Actor, id: ConnectionId) -> Result<Connection, SetupError> {
    actor.may(Capability::ManageSettings)?;
    let found = sql::find(&mut app.db.read().await?, actor.organization, id).await?;
    found.ok_or(SetupError::NotFound)
}

/// The same, inside a change.
pub(super) async fn within(
    change: &mut Change,
    actor: &Actor,
    id: ConnectionId,
) -> Result<Connection, SetupError> {
    sql::find(change, actor.organization, id).await?.ok_or(SetupError::NotFound)
}

/// What its provider said when it was saved last, and when that was.
pub async fn found(on: &mut impl Lends, id: ConnectionId) -> sqlx::Result<Option<(Found, Timestamp)>> {
    let row = sql::found(on, id).await?;
    Ok(row.and_then(|(json, at)| Some((serde_json::from_str(&json).ok()?, at))))
}

/// How many people are linked by a connection.
pub async fn linked(on: &mut impl Lends, id: ConnectionId) -> sqlx::Result<i64> {
    sql::count_linked(on, id).await
}

/// The same for each connection of an organization that has any.
pub async fn linked_at_each(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<HashMap<ConnectionId, i64>> {
    Ok(sql::count_linked_at_each(on, organization).await?.into_iter().collect())
}

/// The connection under a setup. `before` is the one that it changes.
fn under(
    app: &App,
    actor: &Actor,
    id: ConnectionId,
    setup: &Setup,
    before: Option<&Connection>,
    now: Timestamp,
) -> Result<Connection, SetupError> {
    let kind = setup.provider.kind();
    if before.is_some_and(|before| before.kind != kind) {
        return Err(SetupError::OtherKind);
    }
    if !NEWCOMER_ROLES.contains(&setup.newcomer_role) {
        return Err(SetupError::NoSuchRole);
    }
    let (name, issuer, tenant, hosted_domain, scopes) = match &setup.provider {
        Provider::Google { hosted_domain } => {
            let issuer = app.oidc.google_issuer().to_owned();
            ("Google".to_owned(), issuer, None, Some(hosted_domain.to_string()), String::new())
        }
        Provider::Entra { tenant } => {
            let tenant = tenant.to_ascii_lowercase();
            let issuer = app.oidc.entra_issuer(&tenant)?;
            ("Microsoft".to_owned(), issuer, Some(tenant), None, String::new())
        }
        Provider::Oidc { name, issuer, scopes } => {
            (name.to_string(), issuer.to_string(), None, None, scopes.to_string())
        }
    };
    Ok(Connection {
        id,
        organization: actor.organization,
        kind,
        name,
        issuer,
        tenant,
        hosted_domain,
        client_id: setup.client_id.to_string(),
        scopes,
        enabled: setup.enabled,
        admits_newcomers: setup.admits_newcomers,
        newcomer_role: setup.newcomer_role,
        enforces_mfa: setup.enforces_mfa,
        created_at: before.map_or(now, |before| before.created_at),
        changed_at: before.map_or(now, |before| before.changed_at),
        last_used_at: before.and_then(|before| before.last_used_at),
        problem: None,
        problem_at: None,
    })
}

/// Whether what a test sign-in proves is another than before.
fn asks_otherwise(before: &Connection, after: &Connection, secret: &NewSecret) -> bool {
    let asked = |connection: &Connection| {
        let Connection { issuer, tenant, hosted_domain, client_id, scopes, .. } = connection.clone();
        (issuer, tenant, hosted_domain, client_id, scopes)
    };
    !matches!(secret, NewSecret::Kept) || asked(before) != asked(after)
}

/// Whether a sign-in through it proves another thing than before. What it proved so far is then proven no more, and
/// neither is it once the connection was off: what somebody saw fit to end does not come back by itself.
fn proves_otherwise(before: &Connection, after: &Connection) -> bool {
    before.issuer != after.issuer
        || before.tenant != after.tenant
        || before.hosted_domain != after.hosted_domain
        || before.client_id != after.client_id
}

/// Makes a connection, or changes one. The provider is asked first what it says of itself, unless nothing of it
/// changed: newcomers can be turned away, and the connection disabled, though the provider is down.
pub async fn save(
    app: &App,
    actor: &Actor,
    id: ConnectionId,
    is_new: bool,
    setup: &Setup,
) -> Result<Connection, SetupError> {
    actor.may(Capability::ManageSettings)?;
    let now = app.db.now();
    let before = sql::find(&mut app.db.read().await?, actor.organization, id).await?;
    if before.is_none() && !is_new {
        return Err(SetupError::NotFound);
    }
    if before.is_none() && matches!(setup.secret, NewSecret::Kept) {
        return Err(FieldError::NoSecret.into());
    }
    let after = under(app, actor, id, setup, before.as_ref(), now)?;
    if let Some(before) = &before {
        same_for_linked(&mut app.db.read().await?, before, &after).await?;
        own_secret(before, &after, &setup.secret)?;
    }
    actor.stepped_up(now)?;
    let ask = before.as_ref().is_none_or(|before| {
        asks_otherwise(before, &after, &setup.secret) || (after.enabled && !before.enabled)
    });
    let found = if ask { Some(discover(app, actor, &after.issuer).await?) } else { None };
    let sealed = sealed_secret(app, id, &setup.secret)?;
    keep(app, actor, id, is_new, setup, sealed.as_deref(), found.as_ref()).await
}

async fn discover(app: &App, actor: &Actor, issuer: &str) -> Result<Found, SetupError> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let spent = throttle::spend(&mut tx, now, throttle::SSO_SAVED, &actor.organization.to_string()).await;
    tx.commit().await?;
    spent?;
    Ok(Found::of(&app.oidc.discover(issuer, true).await?))
}

fn sealed_secret(app: &App, id: ConnectionId, secret: &NewSecret) -> Result<Option<String>, SetupError> {
    match secret {
        NewSecret::Kept => Ok(None),
        NewSecret::Typed(secret) => Ok(Some(seal_secret(app, id, secret))),
        NewSecret::Sealed(sealed) => match app.sealer.open(&secret_place(id), sealed) {
            Ok(_) => Ok(Some(sealed.clone())),
            Err(_) => Err(SetupError::Secret),
        },
    }
}

/// Writes it down. What its provider said of itself is the caller's business.
pub(crate) async fn keep(
    app: &App,
    actor: &Actor,
    id: ConnectionId,
    is_new: bool,
    setup: &Setup,
    sealed: Option<&str>,
    found: Option<&Found>,
) -> Result<Connection, SetupError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    let before = sql::find(&mut change, actor.organization, id).await?;
    let mut after = under(app, actor, id, setup, before.as_ref(), now)?;
    let entry = match (&before, sealed) {
        (None, Some(sealed)) if is_new => {
            if sql::count(&mut change, actor.organization).await? >= MOST_CONNECTIONS {
                return Err(SetupError::TooMany);
            }
            sql::insert(&mut change, &after, sealed).await?;
            record::added(&after)
        }
        (None, _) => return Err(SetupError::NotFound),
        (Some(before), sealed) => {
            same_for_linked(&mut change, before, &after).await?;
            own_secret(before, &after, &setup.secret)?;
            if before.enabled && !after.enabled {
                another_stays(&mut change, actor.organization, id).await?;
            }
            if asks_otherwise(before, &after, &setup.secret) {
                after.changed_at = now;
            }
            if (before.enabled && !after.enabled) || proves_otherwise(before, &after) {
                sessions::drop_proofs_of(&mut change, id).await?;
            }
            sql::update(&mut change, &after).await?;
            if let Some(sealed) = sealed {
                sql::set_secret(&mut change, id, sealed).await?;
            }
            match record::changed(before, &after, sealed.is_some()) {
                Some(entry) => entry,
                None => return Ok(after),
            }
        }
    };
    actor.stepped_up(now)?;
    if let Some(found) = found {
        let json = serde_json::to_string(found).expect("texts are JSON");
        sql::set_found(&mut change, id, &json, now).await?;
    }
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(after)
}

/// The provider of a connection stays the same while anybody is linked by it.
async fn same_for_linked(
    on: &mut impl Lends,
    before: &Connection,
    after: &Connection,
) -> Result<(), SetupError> {
    match before.issuer == after.issuer || sql::count_linked(on, before.id).await? == 0 {
        true => Ok(()),
        false => Err(SetupError::OtherProvider),
    }
}

/// What one provider gave is never sent to another, which whoever changes the settings could run: they are not to
/// learn a secret that they did not type (SSO-16).
fn own_secret(before: &Connection, after: &Connection, secret: &NewSecret) -> Result<(), FieldError> {
    let same = before.issuer == after.issuer && before.tenant == after.tenant;
    match secret {
        NewSecret::Kept if !same => Err(FieldError::OldSecret),
        _ => Ok(()),
    }
}

/// A test has worked: whatever was wrong is right again.
pub(super) async fn clear_problem(on: &mut impl Lends, id: ConnectionId) -> sqlx::Result<()> {
    sql::clear_problem(on, id).await
}

async fn another_stays(
    change: &mut Change,
    organization: OrganizationId,
    id: ConnectionId,
) -> Result<(), SetupError> {
    match requirement::is_usable_without(change, organization, Without::Connection(id)).await? {
        true => Ok(()),
        false => Err(SetupError::LastOne),
    }
}

/// Ends a connection with its domains and what links people to it (O4).
pub async fn remove(app: &App, actor: &Actor, id: ConnectionId) -> Result<Connection, SetupError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    let connection = sql::find(&mut change, actor.organization, id).await?.ok_or(SetupError::NotFound)?;
    another_stays(&mut change, actor.organization, id).await?;
    actor.stepped_up(now)?;
    let linked = sql::count_linked(&mut change, id).await?;
    let domains = domains_of(&mut change, actor.organization).await?;
    let domains = domains.into_iter().filter(|domain| domain.connection == id).map(|domain| domain.domain);
    let entry = record::removed(&connection, linked, &domains.collect::<Vec<_>>());
    sessions::drop_proofs_of(&mut change, id).await?;
    sql::delete(&mut change, id).await?;
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(connection)
}

/// All of an organization that is erased (R12).
pub(crate) async fn erase(change: &mut Change, organization: OrganizationId) -> sqlx::Result<()> {
    for connection in of_organization(change, organization).await? {
        sessions::drop_proofs_of(change, connection.id).await?;
        sql::delete(change, connection.id).await?;
    }
    Ok(())
}
