//! Sessions and the proofs that they carry (S7, S10). Policies read proofs, never a flag.

pub mod agent;
mod half;
mod kept;
mod opens;
mod proofs;
mod sql;

use std::net::IpAddr;
use std::sync::Arc;

pub(crate) use self::half::finish;
pub use self::half::{Half, LIFE as HALF_LIFE, end as end_half, half};
pub use self::kept::{KeptForm, keep_form, kept_form};
pub use self::opens::{Lack, OpeningSession, opening};
use self::proofs::Given;
pub use self::proofs::{Proof, ProofKind, Vouched};
use crate::app::App;
use crate::clock::{DAY, HOUR, MINUTE, Timestamp};
use crate::domain::access::{Factors, Origin, Person};
use crate::domain::organizations::{Organization, Policy};
use crate::domain::resources;
use crate::domain::users::{Member, User};
use crate::domain::values::{Theme, TimeZone};
use crate::ids::{ConnectionId, OrganizationId, SessionId, UserId};
use crate::secrets::TokenHash;
use crate::storage::{Change, Lends, Tx};

/// How often "last seen" is written.
const NOTED_EVERY: i64 = MINUTE;
/// How long an ended session is kept, for whoever looks into an incident.
const KEPT: i64 = 30 * DAY;
/// A browser's own description is kept up to this length.
const LONGEST_AGENT: usize = 300;

/// A live session with its person and proofs, as they are when a request comes.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    token: TokenHash,
    pub user: UserId,
    pub user_name: String,
    pub user_email: String,
    pub time_zone: TimeZone,
    pub theme: Theme,
    pub factors: Factors,
    has_password: bool,
    /// The length class of the password; 0 while that is unknown.
    password_length: i64,
    pub last_seen_at: Timestamp,
    /// The address that the person's account would change to, while its confirmation is awaited.
    pub new_email: Option<NewEmail>,
    pub proofs: Vec<Proof>,
    /// The organizations that the person is an active member of, by name.
    pub places: Vec<Place>,
}

/// An address that waits for its confirmation, free or taken alike (EML-02).
#[derive(Clone, Debug)]
pub struct NewEmail {
    pub address: String,
    pub expires_at: Timestamp,
}

/// An organization that a session's person is in.
#[derive(Clone, Debug)]
pub struct Place {
    pub organization: Organization,
    pub member: Member,
    /// The session's last click inside it.
    pub last_click: Option<Timestamp>,
    /// When it first came in by break-glass, and that was noted.
    pub break_glass_at: Option<Timestamp>,
}

/// Where a session is opened: the browser's description of itself, and the address.
#[derive(Clone, Debug, Default)]
pub struct Device {
    pub agent: String,
    pub address: Option<IpAddr>,
}

/// A session in its person's list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ListedSession {
    pub id: SessionId,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub address: Option<String>,
    pub agent: String,
}

/// What a sign-in has opened. The cookie's value is the caller's business: only its hash comes here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Opened {
    Session,
    /// A factor is missing still: the cookie opens the challenge alone (S11).
    Half,
}

/// Opens a session for who has given these proofs, or a half-finished sign-in: each way in comes through
/// here, so that none forgets to ask for a factor (S11). The user is read in the same transaction.
pub(crate) async fn open(
    on: &mut impl Lends,
    user: &User,
    token: &TokenHash,
    device: &Device,
    proofs: &[ProofKind],
    now: Timestamp,
) -> sqlx::Result<Opened> {
    let proofs: Vec<Given> = proofs.iter().copied().map(Given::from).collect();
    let opened = open_with(on, user, token, device, &proofs, now).await?;
    if opened == Opened::Session {
        resources::bind_own_entries(on, user.id).await?;
    }
    Ok(opened)
}

/// The same for whom an organization's provider has vouched for.
pub(crate) async fn open_vouched(
    on: &mut impl Lends,
    user: &User,
    token: &TokenHash,
    device: &Device,
    vouched: Vouched,
    now: Timestamp,
) -> sqlx::Result<Opened> {
    open_with(on, user, token, device, &vouched.proofs(), now).await
}

async fn open_with(
    on: &mut impl Lends,
    user: &User,
    token: &TokenHash,
    device: &Device,
    proofs: &[Given],
    now: Timestamp,
) -> sqlx::Result<Opened> {
    // Nobody is let in without any proof, not even halfway.
    let [first, ..] = proofs else { return Err(sqlx::Error::InvalidArgument("no proof".to_owned())) };
    if user.factors.any() && !proofs.iter().any(|proof| proof.kind.needs_no_factor()) {
        half::insert(on, user.id, token, *first, now).await?;
        return Ok(Opened::Half);
    }
    let proofs: Vec<(Given, Timestamp)> = proofs.iter().map(|given| (*given, now)).collect();
    write(on, user.id, token, device, &proofs, now).await?;
    Ok(Opened::Session)
}

async fn write(
    on: &mut impl Lends,
    user: UserId,
    token: &TokenHash,
    device: &Device,
    proofs: &[(Given, Timestamp)],
    now: Timestamp,
) -> sqlx::Result<()> {
    let id = SessionId::generate();
    let agent = device.kept_agent();
    let address = device.address.map(|address| address.to_string());
    sql::insert(on, id, user, token, &agent, address, now).await?;
    for (given, at) in proofs {
        sql::add_proof(on, id, *given, *at).await?;
    }
    Ok(())
}

impl Device {
    /// The browser's description of itself, as it is kept.
    pub(crate) fn kept_agent(&self) -> String {
        self.agent.chars().filter(|c| !c.is_control()).take(LONGEST_AGENT).collect()
    }
}

/// The live session behind a cookie, or nothing: unknown, ended and outlived ones look alike. All that
/// the gate judges by, and a person's own pages show, comes in one query: it is asked on every request.
pub async fn current(
    on: &mut impl Lends,
    token: &TokenHash,
    now: Timestamp,
) -> sqlx::Result<Option<Session>> {
    Ok(known(on, token, now).await?.and_then(|known| known.at(now)))
}

/// The same for a request, outside a transaction.
pub async fn of_request(app: &App, token: &TokenHash) -> sqlx::Result<Option<Session>> {
    let now = app.db.now();
    let read = async || {
        let known = known(&mut app.db.read().await?, token, now).await?;
        Ok(known.map(Arc::new))
    };
    let known = app.sessions.get(&app.db, token, read).await?;
    Ok(known.and_then(|known| known.at(now)))
}

/// A session as its rows say, live or not.
pub struct Known {
    session: Session,
    created_at: Timestamp,
}

async fn known(on: &mut impl Lends, token: &TokenHash, now: Timestamp) -> sqlx::Result<Option<Known>> {
    let mut rows = sql::current(on, token, now, now.plus(-Policy::LONGEST_SESSION)).await?;
    rows.sort_by(|one, other| one.by_name().cmp(&other.by_name()));
    let Some(first) = rows.first() else { return Ok(None) };
    let mut session = Session {
        id: first.id,
        token: token.clone(),
        user: first.user_id,
        user_name: first.user_name.clone(),
        user_email: first.user_email.clone(),
        time_zone: first.time_zone.clone(),
        theme: first.theme,
        factors: first.factors,
        has_password: first.has_password,
        password_length: first.password_length,
        last_seen_at: first.last_seen_at,
        new_email: first.new_email(),
        proofs: rows.iter().filter(|row| row.id_here == first.id_here).filter_map(sql::Row::proof).collect(),
        places: Vec::new(),
    };
    let here = rows.chunk_by(|one, other| one.id_here == other.id_here);
    session.places = here.filter_map(|rows| rows.first()?.place()).collect();
    Ok(Some(Known { session, created_at: first.created_at }))
}

impl Known {
    /// What there is of it at a moment.
    fn at(&self, now: Timestamp) -> Option<Session> {
        let Known { session, created_at } = self;
        // A session lives as long as the longest of its person's organizations allows (S10).
        let longest = |limit: fn(&Policy) -> i64, default| {
            session.places.iter().map(|place| limit(&place.organization.policy)).max().unwrap_or(default)
        };
        let absolute = longest(|policy| policy.session_absolute, Policy::ABSOLUTE);
        let idle = longest(|policy| policy.session_idle, Policy::IDLE);
        let lives = now.since(*created_at) < absolute && now.since(session.last_seen_at) < idle;
        if !lives || !session.is_proven() {
            return None;
        }
        let mut session = session.clone();
        session.new_email = session.new_email.filter(|change| now < change.expires_at);
        Some(session)
    }
}

impl Session {
    /// The organization of this slug, if the person is in it.
    pub fn place(&self, slug: &str) -> Option<&Place> {
        self.places.iter().find(|place| place.organization.slug == slug)
    }

    /// Whether the person's account opens with it, and what they are in elsewhere (S8).
    pub fn has_own_proof(&self) -> bool {
        self.holds_own_proof() && is_whole(&self.proofs, self.factors)
    }

    /// Whether a factor is all that it takes for the account to open.
    pub fn owes_factor(&self) -> bool {
        self.holds_own_proof() && !is_whole(&self.proofs, self.factors)
    }

    fn holds_own_proof(&self) -> bool {
        self.proofs.iter().any(|proof| proof.kind.is_own())
    }

    /// Whether it holds any proof that counts: with its connection a provider's proof goes, and with its only
    /// proof a session.
    fn is_proven(&self) -> bool {
        let by_provider = |proof: &Proof| proof.kind == ProofKind::Sso && proof.organization.is_some();
        self.holds_own_proof() || self.proofs.iter().any(by_provider)
    }

    fn is_vouched_for(&self, organization: OrganizationId) -> bool {
        let here = |proof: &Proof| proof.kind == ProofKind::Sso && proof.organization == Some(organization);
        self.proofs.iter().any(here)
    }

    /// Whether the session may know that the person is in a place (S8).
    pub fn may_know_of(&self, place: &Place) -> bool {
        self.has_own_proof() || self.is_vouched_for(place.organization.id)
    }

    /// The places that the session may know of: to a provider alone, only its own organization (S8).
    pub fn known_places(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(|place| self.may_know_of(place))
    }

    pub fn person(&self, origin: Origin) -> Person {
        let newest = |counts: &dyn Fn(ProofKind) -> bool| {
            self.proofs.iter().filter(|proof| counts(proof.kind)).map(|proof| proof.at).max()
        };
        let by_provider = self.proofs.iter().filter(|proof| proof.kind == ProofKind::Sso);
        Person {
            user: self.user,
            name: self.user_name.clone(),
            email: self.user_email.clone(),
            time_zone: self.time_zone.clone(),
            theme: self.theme,
            session: self.id,
            token: self.token.clone(),
            origin,
            factors: self.factors,
            proven_at: newest(&|kind| kind.steps_up(self.factors, self.has_password)),
            factor_proven_at: newest(&ProofKind::is_factor),
            passkey_proven_at: newest(&|kind| kind == ProofKind::Passkey),
            has_password: self.has_password,
            has_own_proof: self.has_own_proof(),
            provider_proven_at: by_provider
                .filter_map(|proof| Some((proof.organization?, proof.at)))
                .collect(),
        }
    }
}

/// Whether what a person with factors knows or is mailed counts in a session: beside one of their factors, or in a
/// remembered browser. An organization's provider may stand in for a factor in its own organization; a session
/// that it opened is not whole for anything else, though a password was typed into it since (S8, S11).
fn is_whole(proofs: &[Proof], factors: Factors) -> bool {
    let stands = |kind: ProofKind| kind.is_factor() || kind == ProofKind::RememberedDevice;
    !factors.any() || proofs.iter().any(|proof| stands(proof.kind))
}

/// Whether a click at `now` needs to be written, given the last one that was.
pub fn worth_noting(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| now.since(last) >= NOTED_EVERY)
}

/// Notes a click of the session, and in the organization if it was inside one.
pub async fn note_click(
    tx: &mut Tx,
    session: SessionId,
    organization: Option<OrganizationId>,
    now: Timestamp,
) -> sqlx::Result<()> {
    sql::seen(tx, session, now).await?;
    if let Some(organization) = organization {
        sql::clicked(tx, session, organization, now).await?;
    }
    Ok(())
}

/// Drops the clicks inside an organization that is erased (R12).
pub(crate) async fn erase_visits(change: &mut Change, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase_visits(change, organization).await
}

/// Adds a proof to a person's session and gives it another cookie: an id from before a proof is dead
/// after it (SES-02), and so can't prove a second time. Says whether that was done.
pub(crate) async fn prove(
    on: &mut impl Lends,
    person: &Person,
    proof: ProofKind,
    token: &TokenHash,
    now: Timestamp,
) -> sqlx::Result<bool> {
    if !sql::rotate(on, person.session, &person.token, token).await? {
        return Ok(false);
    }
    sql::add_proof(on, person.session, proof.into(), now).await?;
    Ok(true)
}

/// The same for what an organization's provider says.
pub(crate) async fn prove_vouched(
    on: &mut impl Lends,
    person: &Person,
    vouched: Vouched,
    token: &TokenHash,
    now: Timestamp,
) -> sqlx::Result<bool> {
    if !sql::rotate(on, person.session, &person.token, token).await? {
        return Ok(false);
    }
    for given in vouched.proofs() {
        sql::add_proof(on, person.session, given, now).await?;
    }
    Ok(true)
}

/// Notes in a session that its person has tried a connection. It proves nothing about them (O4).
pub(crate) async fn note_test(
    on: &mut impl Lends,
    session: SessionId,
    connection: ConnectionId,
    now: Timestamp,
) -> sqlx::Result<()> {
    let given = Given { kind: ProofKind::SsoTest, connection: Some(connection) };
    sql::add_proof(on, session, given, now).await
}

/// When a session last tried a connection.
pub(crate) async fn tested_at(
    on: &mut impl Lends,
    session: SessionId,
    connection: ConnectionId,
) -> sqlx::Result<Option<Timestamp>> {
    sql::tested_at(on, session, connection).await
}

/// Whatever a connection has proven is proven no more, in sign-ins that are half-finished too: it ends, is switched
/// off, or stands for another provider from now on.
pub(crate) async fn drop_proofs_of(on: &mut impl Lends, connection: ConnectionId) -> sqlx::Result<()> {
    sql::drop_proofs_of(on, connection).await
}

/// Notes that a session has come into an organization by break-glass: says whether that is the first time.
pub(crate) async fn note_break_glass(
    on: &mut impl Lends,
    session: SessionId,
    organization: OrganizationId,
    now: Timestamp,
) -> sqlx::Result<bool> {
    sql::note_break_glass(on, session, organization, now).await
}

/// A person's live sessions, newest use first.
pub async fn list(app: &App, user: UserId) -> sqlx::Result<Vec<ListedSession>> {
    let now = app.db.now();
    sql::list(&mut app.db.read().await?, user, now).await
}

/// What the browsers of a person's sessions of the last month said of themselves.
pub(crate) async fn agents(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<String>> {
    sql::agents(on, user).await
}

/// How many of a person's live sessions have a proof newer than a moment: since the beginning of time,
/// all of them.
pub async fn count(
    on: &mut impl Lends,
    user: UserId,
    proven_after: Timestamp,
    now: Timestamp,
) -> sqlx::Result<i64> {
    sql::count(on, user, proven_after, now).await
}

/// Ends one of a person's own sessions. An unknown one, or another's, is not there.
pub async fn end(app: &App, user: UserId, session: SessionId) -> sqlx::Result<bool> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let ended = sql::end(&mut tx, user, session, now).await?;
    tx.commit().await?;
    Ok(ended)
}

/// Ends the session behind a cookie, whoever's it is: signing out.
pub async fn end_by_token(app: &App, token: &TokenHash) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    sql::end_by_token(&mut tx, token, now).await?;
    tx.commit().await
}

/// The same inside another transaction: a browser that signs in again leaves its old session.
pub(crate) async fn end_replaced(on: &mut impl Lends, token: &TokenHash, now: Timestamp) -> sqlx::Result<()> {
    sql::end_by_token(on, token, now).await
}

/// Ends all of a person's sessions, or all but one, inside a change of their credentials, and what sign-ins
/// are half-finished.
pub(crate) async fn end_all(
    on: &mut impl Lends,
    user: UserId,
    kept: Option<SessionId>,
    now: Timestamp,
) -> sqlx::Result<u64> {
    half::end_all(on, user, now).await?;
    sql::end_all(on, user, kept, now).await
}

/// Whether a cookie's session is live, for the cookie's own bookkeeping.
pub async fn is_live(app: &App, token: &TokenHash) -> sqlx::Result<bool> {
    let now = app.db.now();
    sql::is_live(&mut app.db.read().await?, token, now).await
}

/// Drops what ended long ago.
pub(crate) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let now = tx.now();
    half::sweep(tx).await?;
    sql::drop_old_forms(tx, now.plus(-HOUR)).await?;
    sql::drop_old(tx, now.plus(-KEPT)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session of nobody's with these proofs, for those who judge it.
    pub(super) fn session(proofs: Vec<Proof>, factors: Factors) -> Session {
        Session {
            id: SessionId::nobody(),
            token: TokenHash::of(""),
            user: UserId::nobody(),
            user_name: String::new(),
            user_email: String::new(),
            time_zone: TimeZone::utc(),
            theme: Theme::System,
            factors,
            has_password: true,
            password_length: 15,
            last_seen_at: Timestamp::ZERO,
            new_email: None,
            proofs,
            places: Vec::new(),
        }
    }
}
