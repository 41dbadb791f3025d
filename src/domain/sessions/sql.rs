use super::{Given, Half, ListedSession, NewEmail, Place, Proof, ProofKind};
use crate::clock::Timestamp;
use crate::domain::access::{Factors, Role};
use crate::domain::organizations::{MfaRule, Organization, Policy};
use crate::domain::users::{Member, MemberState};
use crate::domain::values::{Theme, TimeZone};
use crate::ids::{ConnectionId, OrganizationId, PendingFormId, SessionId, UserId};
use crate::secrets::TokenHash;
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

pub(super) async fn insert(
    on: &mut impl Lends,
    id: SessionId,
    user: UserId,
    token: &TokenHash,
    agent: &str,
    address: Option<String>,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into sessions (id, token_hash, user_id, created_at, last_seen_at, address, agent) \
         values ($1, $2, $3, $4, $4, $5, $6)",
        id,
        token,
        user,
        now,
        address,
        agent
    )?;
    Ok(())
}

pub(super) async fn add_proof(
    on: &mut impl Lends,
    session: SessionId,
    given: Given,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into session_proofs (session, kind, connection, at) values ($1, $2, $3, $4) \
         on conflict (session, kind, connection) do update set at = excluded.at",
        session,
        given.kind,
        given.connection.map(|connection| connection.to_string()).unwrap_or_default(),
        now
    )?;
    Ok(())
}

pub(super) async fn drop_proofs_of(on: &mut impl Lends, connection: ConnectionId) -> sqlx::Result<()> {
    // First these: whoever makes a session of one at this moment is waited for, and its proof found below.
    execute!(on, "delete from half_sign_ins where connection = $1", connection)?;
    execute!(on, "delete from session_proofs where connection = $1", connection)?;
    Ok(())
}

pub(super) async fn tested_at(
    on: &mut impl Lends,
    session: SessionId,
    connection: ConnectionId,
) -> sqlx::Result<Option<Timestamp>> {
    let row = fetch_optional!(
        on,
        (Timestamp,),
        "select at from session_proofs where session = $1 and kind = 'sso_test' and connection = $2",
        session,
        connection
    )?;
    Ok(row.map(|(at,)| at))
}

pub(super) async fn note_break_glass(
    on: &mut impl Lends,
    session: SessionId,
    organization: OrganizationId,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let noted = execute!(
        on,
        "insert into session_visits (session, organization, at, break_glass_at) values ($1, $2, $3, $3) \
         on conflict (session, organization) do update set break_glass_at = excluded.break_glass_at \
         where session_visits.break_glass_at is null",
        session,
        organization,
        now
    )?;
    Ok(noted == 1)
}

/// A session that is live at a moment, `$now`: as long as the longest of its person's organizations allows
/// (S10). The gate judges the same by the rows that it reads anyway.
macro_rules! live {
    ($now:literal) => {
        concat!(
            "s.ended_at is null and s.created_at > ",
            $now,
            " - coalesce((select max(o.session_absolute) from memberships m join organizations o \
             on o.id = m.organization where m.user_id = s.user_id and m.state = 'active'), 86400000) \
             and s.last_seen_at > ",
            $now,
            " - coalesce((select max(o.session_idle) from memberships m join organizations o \
             on o.id = m.organization where m.user_id = s.user_id and m.state = 'active'), 28800000)"
        )
    };
}

/// A session with one of its proofs and one of its person's organizations; any of these may be none.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub id: SessionId,
    pub user_id: UserId,
    pub user_name: String,
    pub user_email: String,
    pub time_zone: TimeZone,
    pub theme: Theme,
    #[sqlx(flatten)]
    pub factors: Factors,
    pub has_password: bool,
    pub password_length: i64,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    new_email: Option<String>,
    new_email_until: Option<Timestamp>,
    proof_kind: Option<ProofKind>,
    proof_at: Option<Timestamp>,
    proof_for: Option<OrganizationId>,
    pub id_here: Option<OrganizationId>,
    slug: Option<String>,
    name: Option<String>,
    people: Option<i64>,
    pending: Option<i64>,
    closed_at: Option<Timestamp>,
    mfa: Option<MfaRule>,
    mfa_from: Option<Timestamp>,
    mfa_before: Option<MfaRule>,
    session_idle: Option<i64>,
    session_absolute: Option<i64>,
    remembers_devices: Option<bool>,
    shortest_password: Option<i64>,
    sso_required: Option<bool>,
    role: Option<Role>,
    ends_at: Option<Timestamp>,
    proofs_after: Option<Timestamp>,
    joined_at: Option<Timestamp>,
    last_active_at: Option<Timestamp>,
    remembered_until: Option<Timestamp>,
    break_glass: Option<bool>,
    clicked_at: Option<Timestamp>,
    break_glass_at: Option<Timestamp>,
}

impl Row {
    pub(super) fn proof(&self) -> Option<Proof> {
        Some(Proof { kind: self.proof_kind?, at: self.proof_at?, organization: self.proof_for })
    }

    /// Organizations are in the order of this.
    pub(super) fn by_name(&self) -> (Option<&str>, Option<OrganizationId>) {
        (self.name.as_deref(), self.id_here)
    }

    pub(super) fn new_email(&self) -> Option<NewEmail> {
        Some(NewEmail { address: self.new_email.clone()?, expires_at: self.new_email_until? })
    }

    pub(super) fn place(&self) -> Option<Place> {
        let organization = Organization {
            id: self.id_here?,
            slug: self.slug.clone()?,
            name: self.name.clone()?,
            people: self.people?,
            pending: self.pending?,
            closed_at: self.closed_at,
            policy: Policy {
                mfa: self.mfa?,
                mfa_from: self.mfa_from,
                mfa_before: self.mfa_before?,
                session_idle: self.session_idle?,
                session_absolute: self.session_absolute?,
                remembers_devices: self.remembers_devices?,
                shortest_password: self.shortest_password?,
                sso_required: self.sso_required?,
            },
        };
        let member = Member {
            user_id: self.user_id,
            name: self.user_name.clone(),
            email: self.user_email.clone(),
            role: self.role?,
            // The query joins no others.
            state: MemberState::Active,
            ends_at: self.ends_at,
            proofs_after: self.proofs_after?,
            joined_at: self.joined_at?,
            last_active_at: self.last_active_at?,
            factors: self.factors,
            remembered_until: self.remembered_until?,
            break_glass: self.break_glass?,
        };
        Some(Place { organization, member, last_click: self.clicked_at, break_glass_at: self.break_glass_at })
    }
}

/// A row for each proof in each organization, in no order: to sort even one row of this many columns costs the
/// database more than to find it. Of a person's changes of address one waits at most.
pub(super) async fn current(
    on: &mut impl Lends,
    token: &TokenHash,
    now: Timestamp,
    begun_after: Timestamp,
) -> sqlx::Result<Vec<Row>> {
    fetch_all!(
        on,
        Row,
        "select s.id, s.user_id, u.name as user_name, u.email as user_email, u.time_zone, u.theme, \
         u.has_authenticator, u.has_passkey, u.password_hash is not null as has_password, u.password_length, s.created_at, s.last_seen_at, \
         e.new_email, e.expires_at as new_email_until, p.kind as proof_kind, p.at as proof_at, \
         c.organization as proof_for, o.id as id_here, \
         o.slug, o.name, o.people, o.pending, o.closed_at, \
         o.mfa, o.mfa_from, o.mfa_before, o.session_idle, o.session_absolute, o.remembers_devices, o.shortest_password, \
         o.sso_required, m.role, \
         m.ends_at, m.proofs_after, m.joined_at, m.last_active_at, m.remembered_until, m.break_glass, \
         v.at as clicked_at, v.break_glass_at \
         from sessions s join users u on u.id = s.user_id \
         left join email_changes e on e.user_id = s.user_id and e.closed_at is null and e.confirmed_at is null \
           and e.expires_at > $3 \
         left join session_proofs p on p.session = s.id \
         left join connections c on c.id = p.connection and c.enabled and (p.kind <> 'sso_mfa' or c.enforces_mfa) \
         left join memberships m on m.user_id = s.user_id and m.state = 'active' \
         left join organizations o on o.id = m.organization \
         left join session_visits v on v.session = s.id and v.organization = m.organization \
         where s.token_hash = $1 and s.ended_at is null and s.created_at > $2",
        token,
        begun_after,
        now
    )
}

#[derive(sqlx::FromRow)]
pub(super) struct WithProof {
    pub id: SessionId,
    pub address: Option<String>,
    pub agent: String,
    #[sqlx(flatten)]
    pub proof: Proof,
    pub clicked_at: Option<Timestamp>,
}

/// A row for each proof of each live session, with its last click inside one organization.
pub(super) async fn with_proofs(
    on: &mut impl Lends,
    user: UserId,
    organization: OrganizationId,
    now: Timestamp,
) -> sqlx::Result<Vec<WithProof>> {
    fetch_all!(
        on,
        WithProof,
        concat!(
            "select s.id, s.address, s.agent, p.kind, p.at, c.organization as proof_for, v.at as clicked_at from sessions s \
         join session_proofs p on p.session = s.id \
         left join connections c on c.id = p.connection and c.enabled and (p.kind <> 'sso_mfa' or c.enforces_mfa) \
         left join session_visits v on v.session = s.id and v.organization = $2 \
         where s.user_id = $1 and ",
            live!("$3"),
            " order by s.id limit 1000"
        ),
        user,
        organization,
        now
    )
}

pub(super) async fn is_live(on: &mut impl Lends, token: &TokenHash, now: Timestamp) -> sqlx::Result<bool> {
    let live = fetch_optional!(
        on,
        (SessionId,),
        concat!("select s.id from sessions s where s.token_hash = $1 and ", live!("$2")),
        token,
        now
    )?;
    Ok(live.is_some())
}

pub(super) async fn seen(on: &mut impl Lends, session: SessionId, now: Timestamp) -> sqlx::Result<()> {
    execute!(
        on,
        "update sessions set last_seen_at = $2 where id = $1 and ended_at is null and last_seen_at < $2",
        session,
        now
    )?;
    Ok(())
}

pub(super) async fn clicked(
    on: &mut impl Lends,
    session: SessionId,
    organization: OrganizationId,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into session_visits (session, organization, at) values ($1, $2, $3) \
         on conflict (session, organization) do update set at = excluded.at where session_visits.at < excluded.at",
        session,
        organization,
        now
    )?;
    Ok(())
}

pub(super) async fn erase_visits(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    execute!(on, "delete from session_visits where organization = $1", organization)?;
    Ok(())
}

pub(super) async fn rotate(
    on: &mut impl Lends,
    session: SessionId,
    old: &TokenHash,
    new: &TokenHash,
) -> sqlx::Result<bool> {
    let touched = execute!(
        on,
        "update sessions set token_hash = $3 where id = $1 and token_hash = $2 and ended_at is null",
        session,
        old,
        new
    )?;
    Ok(touched == 1)
}

pub(super) async fn list(
    on: &mut impl Lends,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<Vec<ListedSession>> {
    fetch_all!(
        on,
        ListedSession,
        concat!(
            "select s.id, s.created_at, s.last_seen_at, s.address, s.agent from sessions s \
             where s.user_id = $1 and ",
            live!("$2"),
            " order by s.last_seen_at desc, s.id desc limit 100"
        ),
        user,
        now
    )
}

pub(super) async fn count(
    on: &mut impl Lends,
    user: UserId,
    proven_after: Timestamp,
    now: Timestamp,
) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        concat!(
            "select count(*) from sessions s where s.user_id = $1 and ",
            live!("$3"),
            " and exists (select 1 from session_proofs p where p.session = s.id and p.at > $2)"
        ),
        user,
        proven_after,
        now
    )?;
    Ok(count)
}

pub(super) async fn end(
    on: &mut impl Lends,
    user: UserId,
    session: SessionId,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let touched = execute!(
        on,
        "update sessions set ended_at = $3 where id = $1 and user_id = $2 and ended_at is null",
        session,
        user,
        now
    )?;
    Ok(touched == 1)
}

pub(super) async fn end_by_token(on: &mut impl Lends, token: &TokenHash, now: Timestamp) -> sqlx::Result<()> {
    execute!(on, "update sessions set ended_at = $2 where token_hash = $1 and ended_at is null", token, now)?;
    Ok(())
}

pub(super) async fn end_all(
    on: &mut impl Lends,
    user: UserId,
    kept: Option<SessionId>,
    now: Timestamp,
) -> sqlx::Result<u64> {
    execute!(
        on,
        "update sessions set ended_at = $3 where user_id = $1 and id <> $2 and ended_at is null",
        user,
        kept.unwrap_or_else(SessionId::nobody),
        now
    )
}

pub(super) async fn keep_form(
    on: &mut impl Lends,
    id: PendingFormId,
    session: SessionId,
    path: &str,
    fields: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into pending_forms (id, session, path, fields, created_at) values ($1, $2, $3, $4, $5)",
        id,
        session,
        path,
        fields,
        now
    )?;
    Ok(())
}

pub(super) async fn kept_form(
    on: &mut impl Lends,
    id: PendingFormId,
    session: SessionId,
    since: Timestamp,
) -> sqlx::Result<Option<(String, String)>> {
    fetch_optional!(
        on,
        (String, String),
        "select path, fields from pending_forms where id = $1 and session = $2 and created_at > $3",
        id,
        session,
        since
    )
}

pub(super) async fn drop_old_forms(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(on, "delete from pending_forms where created_at < $1", before)?;
    Ok(())
}

/// Sessions are live for 30 days without a click at most: what was last seen before `before` is over.
pub(super) async fn drop_old(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(
        on,
        "delete from session_visits where session in (select id from sessions where last_seen_at < $1)",
        before
    )?;
    execute!(
        on,
        "delete from session_proofs where session in (select id from sessions where last_seen_at < $1)",
        before
    )?;
    execute!(
        on,
        "delete from pending_forms where session in (select id from sessions where last_seen_at < $1)",
        before
    )?;
    execute!(on, "delete from sessions where last_seen_at < $1", before)?;
    Ok(())
}

pub(super) async fn insert_half(
    on: &mut impl Lends,
    token: &TokenHash,
    user: UserId,
    proof: Given,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into half_sign_ins (token_hash, user_id, proof, connection, proven_at) values ($1, $2, $3, $4, $5)",
        token,
        user,
        proof.kind,
        proof.connection.map(|connection| connection.to_string()).unwrap_or_default(),
        now
    )?;
    Ok(())
}

/// What a connection's provider has proven counts only while that is enabled, as in a session.
pub(super) async fn half(
    on: &mut impl Lends,
    token: &TokenHash,
    proven_after: Timestamp,
) -> sqlx::Result<Option<Half>> {
    fetch_optional!(
        on,
        Half,
        "select h.user_id as \"user\", u.has_authenticator, u.has_passkey, h.proof, h.connection, h.proven_at \
         from half_sign_ins h join users u on u.id = h.user_id \
         left join connections c on c.id = h.connection and c.enabled \
         where h.token_hash = $1 and h.ended_at is null and h.proven_at > $2 \
         and (h.connection = '' or c.id is not null)",
        token,
        proven_after
    )
}

pub(super) async fn end_half(on: &mut impl Lends, token: &TokenHash, now: Timestamp) -> sqlx::Result<bool> {
    let ended = execute!(
        on,
        "update half_sign_ins set ended_at = $2 where token_hash = $1 and ended_at is null",
        token,
        now
    )?;
    Ok(ended == 1)
}

pub(super) async fn end_halves(on: &mut impl Lends, user: UserId, now: Timestamp) -> sqlx::Result<()> {
    execute!(
        on,
        "update half_sign_ins set ended_at = $2 where user_id = $1 and ended_at is null",
        user,
        now
    )?;
    Ok(())
}

pub(super) async fn drop_halves(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(on, "delete from half_sign_ins where proven_at < $1", before)?;
    Ok(())
}

pub(super) async fn agents(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<String>> {
    let rows =
        fetch_all!(on, (String,), "select distinct agent from sessions where user_id = $1 limit 200", user)?;
    Ok(rows.into_iter().map(|(agent,)| agent).collect())
}
