//! Whether a session opens an organization, and what it lacks if it does not (S9, M3, M5, M6, R10).

use super::{Place, Proof, ProofKind, Session, is_whole, sql};
use crate::clock::Timestamp;
use crate::domain::access::Factors;
use crate::domain::organizations::{self, MfaRule, Organization, Policy};
use crate::domain::passwords;
use crate::domain::users::Member;
use crate::ids::OrganizationId;
use crate::storage::Lends;

/// What a session lacks for an organization, in the order in which it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// A proof that meets the sign-in policy, new enough. Where single sign-on is required, this is what break-glass
    /// people lack: they have a factor, and may come by password or passkey too (O4).
    Proof,
    /// A proof of the organization's own provider.
    Provider,
    /// A factor that the person has and this session has not proven: the organization asks for one, or the proof
    /// that would meet its policy takes one (S8).
    Factor,
    /// A factor that the person does not have.
    Enrolment,
    /// The password that the person signed in with is too short here (S6).
    LongerPassword,
}

/// How a session opens an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As the policy asks for.
    Policy,
    /// By a password or passkey, though single sign-on is required (O4).
    BreakGlass,
}

/// What the gate judges a session by.
struct Judged<'a> {
    proofs: &'a [Proof],
    organization: OrganizationId,
    member: &'a Member,
    policy: &'a Policy,
    now: Timestamp,
}

impl Judged<'_> {
    /// The newest proof that counts, is newer than `proofs_after` and within the absolute limit.
    fn newest(&self, counts: impl Fn(&Proof) -> bool) -> Option<Timestamp> {
        let within = |at: Timestamp| {
            at > self.member.proofs_after && self.now.since(at) < self.policy.session_absolute
        };
        self.proofs.iter().filter(|proof| counts(proof) && within(proof.at)).map(|proof| proof.at).max()
    }

    /// A provider's proof counts in its own organization alone (S8, O3).
    fn is_here(&self, proof: &Proof) -> bool {
        proof.organization == Some(self.organization)
    }

    /// Whether the person comes in by break-glass: named for it, and with a factor of their own. Whoever has none
    /// sets none up on the way in: a password alone is not to open what requires single sign-on (O4, S9).
    fn may_break_glass(&self) -> bool {
        self.member.break_glass && self.member.factors.any()
    }

    /// Whether a password or Google, too, opens anything with this session (S8).
    fn is_whole(&self) -> bool {
        is_whole(self.proofs, self.member.factors)
    }

    /// Whether the session has not idled since its last click inside, and the proof that opens it.
    fn is_active(&self, newest: Timestamp, last_click: Option<Timestamp>) -> bool {
        let active = last_click.map_or(newest, |click| click.max(newest));
        self.now.since(active) < self.policy.session_idle
    }

    /// Whether a factor is all that is missing beside a proof that is there already.
    fn lacks_factor_alone(&self, last_click: Option<Timestamp>) -> bool {
        let own = self.newest(|proof| proof.kind.meets_policy());
        let is_there = own.is_some_and(|at| self.is_active(at, last_click));
        is_there && !self.policy.sso_required && !self.is_whole()
    }

    /// The moment of the proof that meets the sign-in policy, unless the session has idled since.
    fn opened(&self, last_click: Option<Timestamp>) -> Option<(Timestamp, Way)> {
        let active = |newest: &Timestamp| self.is_active(*newest, last_click);
        let by_provider =
            self.newest(|proof| proof.kind == ProofKind::Sso && self.is_here(proof)).filter(&active);
        let own = match (self.policy.sso_required, self.may_break_glass()) {
            (false, _) if !self.is_whole() => None,
            (false, _) => self.newest(|proof| proof.kind.meets_policy()),
            (true, true) => {
                self.newest(|proof| matches!(proof.kind, ProofKind::Password | ProofKind::Passkey))
            }
            (true, false) => None,
        };
        let way = if self.policy.sso_required { Way::BreakGlass } else { Way::Policy };
        match (by_provider, own.filter(&active)) {
            (Some(by_provider), Some(own)) if !self.policy.sso_required => {
                Some((by_provider.max(own), Way::Policy))
            }
            (Some(by_provider), _) => Some((by_provider, Way::Policy)),
            (None, own) => own.map(|own| (own, way)),
        }
    }

    /// Break-glass takes a factor of the person's own, whatever else the policy asks for (S9).
    fn meets_mfa(&self, way: Way) -> bool {
        let own_factor = || self.newest(|proof| proof.kind.is_factor()).is_some();
        let by_policy = match self.policy.mfa_now(self.now) {
            MfaRule::Optional => true,
            MfaRule::Any => self
                .newest(|proof| match proof.kind {
                    ProofKind::RememberedDevice => self.policy.remembers_devices,
                    ProofKind::SsoMfa => self.is_here(proof),
                    kind => kind.is_factor(),
                })
                .is_some(),
            MfaRule::Passkey => self.newest(|proof| proof.kind == ProofKind::Passkey).is_some(),
        };
        by_policy && (way == Way::Policy || own_factor())
    }

    /// M5: no factor of the kind that is asked for is enrolled, one that is there is challenged.
    fn factor_or_enrolment(&self, factors: Factors, way: Way) -> Lack {
        let rule = match self.policy.mfa_now(self.now) {
            MfaRule::Optional if way == Way::BreakGlass => MfaRule::Any,
            rule => rule,
        };
        if rule.is_met_with(factors) { Lack::Factor } else { Lack::Enrolment }
    }
}

impl Session {
    fn judged<'a>(&'a self, place: &'a Place, now: Timestamp) -> Judged<'a> {
        let Place { organization, member, .. } = place;
        let Organization { id, policy, .. } = organization;
        Judged { proofs: &self.proofs, organization: *id, member, policy, now }
    }

    /// What this session lacks to open a place of its person's; nothing, if it opens it.
    pub fn lacks(&self, place: &Place, now: Timestamp) -> Option<Lack> {
        let judged = self.judged(place, now);
        let policy = judged.policy;
        let Some((_, way)) = judged.opened(place.last_click) else {
            if judged.lacks_factor_alone(place.last_click) {
                return Some(judged.factor_or_enrolment(self.factors, Way::Policy));
            }
            let only_provider = policy.sso_required && !judged.may_break_glass();
            return Some(if only_provider { Lack::Provider } else { Lack::Proof });
        };
        if !judged.meets_mfa(way) {
            return Some(judged.factor_or_enrolment(self.factors, way));
        }
        let by_password = self.proofs.iter().any(|proof| proof.kind == ProofKind::Password);
        match self.password_length {
            _ if !by_password || (policy.sso_required && way == Way::Policy) => None,
            // Whoever asks for more than everybody does has it typed, so that its length is known.
            0 if policy.shortest_password > passwords::LENGTHS[0] => Some(Lack::Proof),
            1.. if self.password_length < policy.shortest_password => Some(Lack::LongerPassword),
            _ => None,
        }
    }

    /// Whether it opens a place by break-glass, which is audited before it lets anyone in (U3, O4).
    pub fn breaks_glass(&self, place: &Place, now: Timestamp) -> bool {
        self.judged(place, now).opened(place.last_click).is_some_and(|(_, way)| way == Way::BreakGlass)
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
    let policy = &organizations::by_id(on, organization).await?.policy;
    let rows = sql::with_proofs(on, member.user_id, organization, now).await?;
    let mut sessions: Vec<OpeningSession> = rows
        .chunk_by(|one, other| one.id == other.id)
        .filter_map(|rows| {
            let proofs: Vec<Proof> = rows.iter().map(|row| row.proof.clone()).collect();
            let first = rows.first()?;
            let judged = Judged { proofs: &proofs, organization, member, policy, now };
            let (proven_at, _) = judged.opened(first.clicked_at).filter(|(_, way)| judged.meets_mfa(*way))?;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::HOUR;
    use crate::domain::users;

    const NOW: Timestamp = Timestamp(1_000 * HOUR);
    const KINDS: [ProofKind; 11] = [
        ProofKind::Password,
        ProofKind::MailedLink,
        ProofKind::Totp,
        ProofKind::Passkey,
        ProofKind::RecoveryCode,
        ProofKind::RememberedDevice,
        ProofKind::Google,
        ProofKind::MailedCode,
        ProofKind::Sso,
        ProofKind::SsoMfa,
        ProofKind::SsoTest,
    ];

    /// A session, a place and a policy, as they may come.
    #[derive(Clone, Debug)]
    struct Case {
        /// Kind, hours ago, and for a provider's proof: none any more, this organization's, another's.
        proofs: Vec<(usize, i64, u8)>,
        required: bool,
        break_glass: bool,
        rule: MfaRule,
        remembers: bool,
        factors: Factors,
        idle: i64,
        absolute: i64,
        proofs_after: i64,
        clicked: Option<i64>,
    }

    fn case() -> impl Strategy<Value = Case> {
        let proofs = prop::collection::vec((0..KINDS.len(), 1..60_i64, 0..3_u8), 0..6);
        let rule = prop::sample::select(vec![MfaRule::Optional, MfaRule::Any, MfaRule::Passkey]);
        let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
        let times = (1..30_i64, 1..60_i64, 0..70_i64, prop::option::of(1..60_i64));
        (proofs, rule, flags, times).prop_map(|(proofs, rule, flags, times)| Case {
            proofs,
            rule,
            required: flags.0,
            break_glass: flags.1,
            remembers: flags.2,
            factors: Factors { authenticator: flags.3, passkey: flags.4 },
            idle: times.0,
            absolute: times.1,
            proofs_after: times.2,
            clicked: times.3,
        })
    }

    /// S9 as it is written, by counting: what opens, and by which kinds of proof.
    fn reference(case: &Case) -> (Option<Lack>, bool) {
        let fresh: Vec<(ProofKind, i64, bool)> = case
            .proofs
            .iter()
            .filter(|(_, ago, _)| *ago < case.absolute && *ago < case.proofs_after)
            .map(|(kind, ago, of)| (KINDS[*kind], *ago, *of == 1))
            .collect();
        let awake = |ago: i64| case.clicked.map_or(ago, |click| click.min(ago)) < case.idle;
        let has = |counts: &dyn Fn(ProofKind, bool) -> bool| {
            fresh.iter().any(|(kind, ago, here)| counts(*kind, *here) && awake(*ago))
        };
        let ever = |kinds: &[ProofKind]| fresh.iter().any(|(kind, ..)| kinds.contains(kind));
        let sso = has(&|kind, here| kind == ProofKind::Sso && here);
        let own = has(&|kind, _| {
            matches!(
                kind,
                ProofKind::Password | ProofKind::Passkey | ProofKind::Google | ProofKind::MailedLink
            )
        });
        // Of whoever has factors, one of them or a remembered browser is in the session, however old.
        let whole = !case.factors.any()
            || case.proofs.iter().any(|(kind, ..)| {
                matches!(
                    KINDS[*kind],
                    ProofKind::Totp
                        | ProofKind::Passkey
                        | ProofKind::RecoveryCode
                        | ProofKind::RememberedDevice
                )
            });
        let glass = case.break_glass
            && case.factors.any()
            && has(&|kind, _| matches!(kind, ProofKind::Password | ProofKind::Passkey));
        let by_glass = case.required && !sso && glass;
        let enrolled = match case.rule {
            MfaRule::Passkey => case.factors.passkey,
            _ => case.factors.any(),
        };
        let factor_lack = if enrolled { Lack::Factor } else { Lack::Enrolment };
        if !(sso || by_glass || (own && whole && !case.required)) {
            if own && !case.required {
                return (Some(factor_lack), false);
            }
            let glassy = case.break_glass && case.factors.any();
            let lack = if case.required && !glassy { Lack::Provider } else { Lack::Proof };
            return (Some(lack), false);
        }
        let factor = ever(&[ProofKind::Totp, ProofKind::Passkey, ProofKind::RecoveryCode]);
        let vouched = fresh.iter().any(|(kind, _, here)| *kind == ProofKind::SsoMfa && *here);
        let met = match case.rule {
            MfaRule::Optional => true,
            MfaRule::Any => factor || vouched || (case.remembers && ever(&[ProofKind::RememberedDevice])),
            MfaRule::Passkey => ever(&[ProofKind::Passkey]),
        };
        if met && (!by_glass || factor) {
            return (None, by_glass);
        }
        (Some(factor_lack), by_glass)
    }

    fn judged(case: &Case) -> (Option<Lack>, bool) {
        let ago = |hours: i64| NOW.plus(-hours * HOUR);
        let mut organization = organizations::sample();
        let (here, another) = (OrganizationId::generate(), OrganizationId::generate());
        organization.id = here;
        organization.policy = Policy {
            mfa: case.rule,
            sso_required: case.required,
            remembers_devices: case.remembers,
            session_idle: case.idle * HOUR,
            session_absolute: case.absolute * HOUR,
            ..Policy::default()
        };
        let (_, member) = users::sample(NOW);
        let member = Member {
            break_glass: case.break_glass,
            factors: case.factors,
            proofs_after: ago(case.proofs_after),
            ..member
        };
        let proofs = case.proofs.iter().map(|(kind, hours, of)| Proof {
            kind: KINDS[*kind],
            at: ago(*hours),
            organization: [None, Some(here), Some(another)][usize::from(*of)],
        });
        let session = super::super::tests::session(proofs.collect(), case.factors);
        let place = Place { organization, member, last_click: case.clicked.map(ago), break_glass_at: None };
        (session.lacks(&place, NOW), session.breaks_glass(&place, NOW))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        /// S8, S9, S10, M5, O4, R10: the gate's judgment over whatever sessions and policies there are.
        #[test]
        fn the_gate_judges_as_the_rule_is_written(case in case()) {
            prop_assert_eq!(judged(&case), reference(&case), "{:?}", case);
        }

        /// S8, O3: whatever another organization's provider says changes nothing here, and neither does a test.
        #[test]
        fn another_organizations_proofs_count_for_nothing(case in case()) {
            let own: Vec<_> = case.proofs.iter().copied().filter(|(kind, _, of)| match KINDS[*kind] {
                ProofKind::Sso | ProofKind::SsoMfa => *of == 1,
                ProofKind::SsoTest => false,
                _ => true,
            }).collect();
            let without = Case { proofs: own, ..case.clone() };
            prop_assert_eq!(judged(&case), judged(&without));
        }
    }
}
