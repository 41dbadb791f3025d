//! Single sign-on (O1–O4): an organization's connections to its providers, their domains, who is who there,
//! and the ways to a provider and back. A person's own Google account is a way without a connection.

mod attempts;
mod break_glass;
mod connections;
mod domains;
mod mails;
mod requirement;
mod setup;
mod sql;
mod trial;

pub use self::attempts::{Attempt, Back, BeginError, Landing, Purpose, ReturnError, begin, come_back};
pub use self::break_glass::note_break_glass;
pub use self::connections::{Connection, ConnectionKind, google_client, google_works, redirect_uri};
pub use self::domains::{
    CheckError, Checked, DomainError, add_domain, check, check_due, domain, remove_domain,
};
pub use self::requirement::{
    BreakGlassError, BreakGlassPerson, Interrupted, RequirementError, break_glass_people, interrupted,
    may_require, members_on, name_break_glass, require,
};
pub(crate) use self::requirement::lift;
pub use self::setup::{
    ClientId, ClientSecret, FieldError, Found, Issuer, MOST_CONNECTIONS, NEWCOMER_ROLES, NewSecret, Provider,
    Scopes, Setup, SetupError, connection, draft, drafted, found, linked, remove, save, seal_secret,
};
pub(crate) use self::setup::erase;
pub use self::trial::{Trial, TrialError, judge_trial};
use crate::app::App;
use crate::clock::{DAY, Timestamp};
use crate::domain::values::Email;
use crate::ids::{ConnectionId, DomainId, IdentityId, OrganizationId, UserId};
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

/// A person's identities: Google's first, then those at connections.
pub async fn identities_of(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<Identity>> {
    sql::identities(on, user).await
}
