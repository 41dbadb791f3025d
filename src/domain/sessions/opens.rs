//! Whether a session opens an organization, and what it lacks if it does not (S9, M3, M5, M6, R10).

use super::{Place, Proof, ProofKind, Session, sql};
use crate::clock::Timestamp;
use crate::domain::access::Factors;
use crate::domain::organizations::{self, MfaRule, Policy};
use crate::domain::passwords;
use crate::domain::users::Member;
use crate::ids::OrganizationId;
use crate::storage::Lends;

/// What a session lacks for an organization, in the order in which it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// A proof that meets the sign-in policy, new enough.
    Proof,
    /// A factor that the person has and this session has not proven.
    Factor,
    /// A factor that the person does not have.
    Enrolment,
    /// The password that the person signed in with is too short here (S6).
    LongerPassword,
}

/// What the gate judges a session by.
struct Judged<'a> {
    proofs: &'a [Proof],
    member: &'a Member,
    policy: &'a Policy,
    now: Timestamp,
}

impl Judged<'_> {
    /// The newest proof that counts, is newer than `proofs_after` and within the absolute limit.
    fn newest(&self, counts: impl Fn(ProofKind) -> bool) -> Option<Timestamp> {
        let within = |at: Timestamp| {
            at > self.member.proofs_after && self.now.since(at) < self.policy.session_absolute
        };
        self.proofs.iter().filter(|proof| counts(proof.kind) && within(proof.at)).map(|proof| proof.at).max()
    }

    /// The moment of the proof that meets the sign-in policy, unless the session has idled since.
    fn opened_at(&self, last_click: Option<Timestamp>) -> Option<Timestamp> {
        let newest = self.newest(ProofKind::meets_policy)?;
        let active = last_click.map_or(newest, |click| click.max(newest));
        (self.now.since(active) < self.policy.session_idle).then_some(newest)
    }

    fn meets_mfa(&self) -> bool {
        match self.policy.mfa_now(self.now) {
            MfaRule::Optional => true,
            MfaRule::Any => self
                .newest(|kind| match kind {
                    ProofKind::RememberedDevice => self.policy.remembers_devices,
                    kind => kind.is_factor(),
                })
                .is_some(),
            MfaRule::Passkey => self.newest(|kind| kind == ProofKind::Passkey).is_some(),
        }
    }

    /// M5: no factor of the kind that is asked for is enrolled, one that is there is challenged.
    fn factor_or_enrolment(&self, factors: Factors) -> Lack {
        let rule = self.policy.mfa_now(self.now);
        if rule.is_met_with(factors) { Lack::Factor } else { Lack::Enrolment }
    }
}

impl Session {
    /// What this session lacks to open a place of its person's; nothing, if it opens it.
    pub fn lacks(&self, place: &Place, now: Timestamp) -> Option<Lack> {
        let Place { organization, member, last_click } = place;
        let policy = &organization.policy;
        let judged = Judged { proofs: &self.proofs, member, policy, now };
        if judged.opened_at(*last_click).is_none() {
            return Some(Lack::Proof);
        }
        if !judged.meets_mfa() {
            return Some(judged.factor_or_enrolment(self.factors));
        }
        let by_password = self.proofs.iter().any(|proof| proof.kind == ProofKind::Password);
        match self.password_length {
            _ if !by_password => None,
            // Whoever asks for more than everybody does has it typed, so that its length is known.
            0 if policy.shortest_password > passwords::LENGTHS[0] => Some(Lack::Proof),
            1.. if self.password_length < policy.shortest_password => Some(Lack::LongerPassword),
            _ => None,
        }
    }
}

impl Session {
    /// Whether the person has no factor of the kind that a place asks for, now or after its grace period.
    pub fn owes_enrolment(&self, place: &Place) -> bool {
        !place.organization.policy.mfa.is_met_with(self.factors)
    }
}

/// A session that opens an organization, as that organization may know it: what it does elsewhere is
/// not in it.
#[derive(Clone, Debug)]
pub struct OpeningSession {
    pub address: Option<String>,
    pub agent: String,
    /// The proof that opens it.
    pub proven_at: Timestamp,
    /// The last click inside the organization.
    pub clicked_at: Option<Timestamp>,
}

/// The sessions that open an organization for a member, by the gate's own rule (S9, R10), newest use
/// of it first.
pub async fn opening(
    on: &mut impl Lends,
    organization: OrganizationId,
    member: &Member,
    now: Timestamp,
) -> sqlx::Result<Vec<OpeningSession>> {
    let policy = organizations::by_id(on, organization).await?.policy;
    let rows = sql::with_proofs(on, member.user_id, organization, now).await?;
    let mut sessions: Vec<OpeningSession> = rows
        .chunk_by(|one, other| one.id == other.id)
        .filter_map(|rows| {
            let proofs: Vec<Proof> = rows.iter().map(|row| row.proof.clone()).collect();
            let first = rows.first()?;
            let judged = Judged { proofs: &proofs, member, policy: &policy, now };
            let proven_at = judged.opened_at(first.clicked_at).filter(|_| judged.meets_mfa())?;
            Some(OpeningSession {
                address: first.address.clone(),
                agent: first.agent.clone(),
                proven_at,
                clicked_at: first.clicked_at,
            })
        })
        .collect();
    sessions.sort_by_key(|session| std::cmp::Reverse(session.clicked_at.max(Some(session.proven_at))));
    Ok(sessions)
}
