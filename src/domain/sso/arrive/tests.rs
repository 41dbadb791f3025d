//! The judgment over everything that can be so, beside a reference that is as slow as it is plain.

use super::judge::{Asserted, Facts, Refusal, Standing, Who, judge};
use crate::clock::{DAY, Timestamp};
use crate::domain::access::Role;
use crate::domain::organizations::{self, Organization};
use crate::domain::sso::{Connection, ConnectionKind, Domain};
use crate::domain::users::{self, Member, MemberState, User};
use crate::ids::{ConnectionId, DomainId, OrganizationId};
use crate::oidc::Claims;

const NOW: Timestamp = Timestamp(100 * DAY);

fn connection(kind: ConnectionKind, admits_newcomers: bool) -> Connection {
    Connection {
        id: ConnectionId::generate(),
        organization: OrganizationId::nobody(),
        kind,
        name: "Halden ID".to_owned(),
        issuer: "https://id.example".to_owned(),
        tenant: Some("72f988bf-86f1-41af-91ab-2d7cd011db47".to_owned()),
        hosted_domain: None,
        client_id: String::new(),
        scopes: String::new(),
        enabled: true,
        admits_newcomers,
        newcomer_role: Role::Member,
        enforces_mfa: false,
        created_at: NOW,
        changed_at: NOW,
        last_used_at: None,
        problem: None,
        problem_at: None,
    }
}

fn domain(verified: bool, failing_since: Option<Timestamp>) -> Domain {
    Domain {
        id: DomainId::generate(),
        organization: OrganizationId::nobody(),
        connection: ConnectionId::generate(),
        domain: "halden.example".to_owned(),
        record: String::new(),
        created_at: NOW,
        verified_at: verified.then_some(NOW),
        checked_at: None,
        failing_since,
    }
}

/// None, an active one, one past its end date, a suspended one, a removed one.
fn members() -> Vec<Option<Member>> {
    let (_, member) = users::sample(NOW);
    let with = |state, ends_at| Some(Member { state, ends_at, ..member.clone() });
    vec![
        None,
        with(MemberState::Active, None),
        with(MemberState::Active, Some(NOW)),
        with(MemberState::Suspended, None),
        with(MemberState::Removed, None),
    ]
}

/// What the rule says, a sentence a line.
fn reference(asserted: &Asserted<'_>, facts: &Facts<'_>) -> Option<(Who, Standing)> {
    let state = facts.member.map(|member| (member.state, member.is_active(NOW)));
    let active = state == Some((MemberState::Active, true));
    let email = asserted.email.as_ref()?;
    facts.domain?;
    let undoes = facts.known.is_some() && active;
    if !facts.organization.is_open() && !undoes {
        return None;
    }
    let linked_at_entra = facts.known.is_some() && facts.connection.kind == ConnectionKind::Entra;
    if !asserted.verified && !linked_at_entra {
        return None;
    }
    let outside = matches!(state, None | Some((MemberState::Removed, _)));
    if let Some(known) = facts.known {
        let invited = facts.invited && asserted.verified && known.email_canonical == email.canonical();
        return match () {
            () if active => Some((Who::Known, Standing::Member)),
            () if outside && invited => Some((Who::Known, Standing::Invited)),
            () => None,
        };
    }
    if facts.other_subject || !facts.domain?.vouches(NOW) {
        return None;
    }
    let who = if facts.account.is_some() { Who::Account } else { Who::Nobody };
    match () {
        () if active => Some((who, Standing::Member)),
        () if outside && facts.invited => Some((who, Standing::Invited)),
        () if state.is_none() && facts.connection.admits_newcomers => {
            Some((who, Standing::Newcomer(Role::Member)))
        }
        () => None,
    }
}

/// O2, O3, R8, SSO-05, SSO-09, SSO-10, SSO-17: all of it at once.
#[test]
fn it_lets_in_whom_the_rule_lets_in() {
    let (user, _) = users::sample(NOW);
    let other = User { email_canonical: "other@halden.example".to_owned(), ..user.clone() };
    let own = user.email_canonical.clone();
    let domains = [
        None,
        Some(domain(false, None)),
        Some(domain(true, None)),
        Some(domain(true, Some(NOW.plus(-14 * DAY)))),
    ];
    let open = organizations::sample();
    let closed = Organization { closed_at: Some(NOW.plus(-31 * DAY)), ..open.clone() };
    let mut let_in = 0;
    for bits in 0..128_u32 {
        let bit = |number: u32| bits & (1 << number) != 0;
        let kind = if bit(0) { ConnectionKind::Entra } else { ConnectionKind::Oidc };
        let connection = connection(kind, bit(1));
        let email = bit(2).then(|| own.parse().expect("an address"));
        let asserted = Asserted { issuer: "i", subject: "s", email, verified: bit(3) };
        let organization = if bit(4) { &open } else { &closed };
        for (known, account) in
            [(None, None), (None, Some(&user)), (Some(&user), Some(&user)), (Some(&other), Some(&user))]
        {
            for domain in &domains {
                for member in members().iter().filter(|m| m.is_none() || known.or(account).is_some()) {
                    let facts = Facts {
                        now: NOW,
                        organization,
                        connection: &connection,
                        domain: domain.as_ref(),
                        known,
                        account,
                        other_subject: bit(5) && known.is_none() && account.is_some(),
                        member: member.as_ref(),
                        invited: bit(6),
                    };
                    // Nobody undoes the deletion of what was erased in the meantime.
                    let expected = reference(&asserted, &facts).filter(|_| organization.is_open());
                    let verdict = judge(&asserted, &facts);
                    assert_eq!(verdict.clone().ok(), expected, "{verdict:?} {asserted:?} {facts:?}");
                    let_in += usize::from(expected.is_some());
                }
            }
        }
    }
    assert!(let_in > 100, "{let_in}");
}

/// SSO-08: at Entra it is the tenant's object, and nobody without one; elsewhere the subject, of this issuer.
#[test]
fn who_is_asserted() {
    let entra = connection(ConnectionKind::Entra, false);
    let whole = Claims {
        issuer: entra.issuer.clone(),
        subject: "s".to_owned(),
        tenant: entra.tenant.clone(),
        object_id: Some("o".to_owned()),
        email: Some("not an address".to_owned()),
        owns_email_domain: true,
        ..Claims::default()
    };
    let asserted = Asserted::by(&entra, &whole).expect("it is whole");
    assert_eq!((asserted.subject, asserted.email.is_none(), asserted.verified), ("o", true, true));
    let oidc = connection(ConnectionKind::Oidc, false);
    let asserted = Asserted::by(&oidc, &whole).expect("it is whole");
    // Only Entra's word for that is known to be one.
    assert_eq!((asserted.subject, asserted.verified), ("s", false));
    for broken in [
        Claims { object_id: None, ..whole.clone() },
        Claims { object_id: Some(String::new()), ..whole.clone() },
        Claims { tenant: Some("another".to_owned()), ..whole.clone() },
        Claims { tenant: None, ..whole.clone() },
        Claims { issuer: "https://another.example".to_owned(), ..whole.clone() },
    ] {
        assert_eq!(Asserted::by(&entra, &broken).err(), Some(Refusal::Nameless));
    }
    let tenantless = Connection { tenant: None, ..entra.clone() };
    assert_eq!(Asserted::by(&tenantless, &whole).err(), Some(Refusal::Nameless), "a broken row denies");
}

/// R2: no row says so; one that did would make nobody an Owner.
#[test]
fn no_newcomer_is_an_owner_or_admin() {
    let domain = domain(true, None);
    let organization = organizations::sample();
    for newcomer_role in [Role::Owner, Role::Admin] {
        let connection = Connection { newcomer_role, ..connection(ConnectionKind::Oidc, true) };
        let email = "new@halden.example".parse().ok();
        let asserted = Asserted { issuer: "i", subject: "s", email, verified: true };
        let facts = Facts {
            now: NOW,
            organization: &organization,
            connection: &connection,
            domain: Some(&domain),
            known: None,
            account: None,
            other_subject: false,
            member: None,
            invited: false,
        };
        assert_eq!(judge(&asserted, &facts), Err(Refusal::Uninvited));
    }
}
