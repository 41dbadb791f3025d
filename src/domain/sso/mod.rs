//! Single sign-on (O1–O4): an organization's connections to its providers, their domains, who is who there,
//! and the ways to a provider and back. A person's own Google account is a way without a connection.

mod arrive;
mod attempts;
mod break_glass;
mod connections;
mod domains;
pub mod google;
mod linking;
mod mails;
mod requirement;
mod setup;
mod sql;
mod step_up;
mod trial;

pub use self::arrive::{ArriveError, Arrived, Arriving, Refusal, arrive};
pub use self::attempts::{Attempt, Back, BeginError, Landing, Purpose, ReturnError, begin, come_back};
pub use self::break_glass::note_break_glass;
pub use self::connections::{Connection, ConnectionKind, google_client, redirect_uri};
pub use self::domains::{
    CheckError, Checked, DomainError, add_domain, check, check_due, domain, remove_domain,
};
pub use self::linking::{LinkError, Methods, OwnConnection, UnlinkError, link, methods, unlink};
pub(crate) use self::requirement::lift;
pub use self::requirement::{
    BreakGlassError, BreakGlassPerson, Interrupted, RequirementError, break_glass_people, interrupted,
    may_require, members_on, name_break_glass, require,
};
pub use self::setup::{
    ClientId, ClientSecret, FieldError, Found, Issuer, MOST_CONNECTIONS, NEWCOMER_ROLES, NewSecret, Provider,
    Scopes, Setup, SetupError, connection, draft, drafted, found, linked, linked_at_each, remove, save,
    seal_secret,
};
pub(crate) use self::setup::{erase, keep};
pub use self::step_up::{CodeError, ProveError, Rounds, confirm_code, mail_code, prove, rounds};
pub use self::trial::{Trial, TrialError, judge_trial};
use crate::app::App;
use crate::clock::{DAY, Timestamp};
pub use crate::domain::identities::{
    Identity, Seen, find_identity, google_works, identities_of, identity_of,
};
use crate::domain::organizations::{self, Organization};
use crate::domain::values::Email;
use crate::ids::{ConnectionId, DomainId, OrganizationId};
use crate::mail::Message;
use crate::storage::{Db, Lends, Tx};

/// How long a proven domain may fail its checks before it admits and links nobody any more (O2).
pub const GRACE: i64 = 14 * DAY;

/// An email domain of a connection.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Domain {
    pub id: DomainId,
    pub organization: OrganizationId,
    pub connection: ConnectionId,
    /// In lower-case ASCII.
    pub domain: String,
    /// What its DNS must say.
    pub record: String,
    pub created_at: Timestamp,
    pub verified_at: Option<Timestamp>,
    pub checked_at: Option<Timestamp>,
    pub failing_since: Option<Timestamp>,
}

impl Domain {
    /// Whether it admits newcomers and links accounts: it is proven, and has not failed for too long (O2).
    pub fn vouches(&self, now: Timestamp) -> bool {
        self.verified_at.is_some() && self.failing_since.is_none_or(|since| now.since(since) < GRACE)
    }
}

/// One of each mail, for the previews.
pub(crate) fn samples(app: &App) -> Vec<Message> {
    [mails::samples(app), requirement::samples(app), domains::samples(app)].concat()
}

/// Drops what nobody comes back for any more.
pub(crate) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    attempts::sweep(tx).await
}

/// Where people of an address sign in, the same for every address of its domain (S4): the connection that has
/// proven the domain, if it is enabled and its organization open.
pub async fn route(db: &Db, email: &Email) -> sqlx::Result<Option<Connection>> {
    let domain = email.domain().to_ascii_lowercase();
    sql::connection_of_proven(&mut db.read().await?, &domain).await
}

/// What an organization's own sign-in page offers to anyone: of one that is closed, or that there is not, nothing.
pub async fn at_door(db: &Db, slug: &str) -> sqlx::Result<Vec<Connection>> {
    let mut reader = db.read().await?;
    let organization = organizations::by_slug(&mut reader, slug).await?;
    let Some(organization) = organization.filter(Organization::is_open) else { return Ok(Vec::new()) };
    enabled(&mut reader, organization.id).await
}

/// The connection that may bring somebody of an address into an organization: it is enabled, and the domain is
/// proven (O2).
pub async fn vouching(
    db: &Db,
    organization: &Organization,
    address: &str,
) -> sqlx::Result<Option<Connection>> {
    let Ok(address) = address.parse::<Email>() else { return Ok(None) };
    let now = db.now();
    let mut reader = db.read().await?;
    let domains = sql::domains(&mut reader, organization.id).await?;
    let own = |domain: &Domain| domain.domain.eq_ignore_ascii_case(address.domain()) && domain.vouches(now);
    let Some(domain) = domains.into_iter().find(own) else { return Ok(None) };
    let connections = enabled(&mut reader, organization.id).await?;
    Ok(connections.into_iter().find(|connection| connection.id == domain.connection))
}

/// The connections of an organization that people can sign in by.
pub async fn enabled(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Vec<Connection>> {
    let mut connections = sql::connections(on, organization).await?;
    connections.retain(|connection| connection.enabled);
    Ok(connections)
}

/// The connections of an organization, oldest first.
pub async fn of_organization(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<Connection>> {
    sql::connections(on, organization).await
}

/// The domains of an organization's connections, by name.
pub async fn domains_of(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Vec<Domain>> {
    sql::domains(on, organization).await
}

/// The domains that an organization's connections cover, proven or not, by name: only their addresses come in
/// by single sign-on (O2).
pub async fn covered_domains(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Vec<String>> {
    sql::covered_domains(on, organization).await
}
