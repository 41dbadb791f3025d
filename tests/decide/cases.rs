//! Rules that are easily got wrong, one at a time.

use interlock::domain::access::Role;
use interlock::domain::resources::{
    Access, Audience, Basis, Cap, Facts, Kind, Permission, Permissions, Refusal, Standing, Subject, decide,
};
use interlock::ids::{TeamId, UserId};
use uuid::Uuid;

const READ: Permissions = Permissions::READ;

fn user(number: u128) -> UserId {
    UserId::from(Uuid::from_u128(number))
}

fn team(number: u128) -> TeamId {
    TeamId::from(Uuid::from_u128(number))
}

/// A tool that user 1 made.
fn tool(audience: Audience) -> Facts {
    Facts {
        kind: Kind::Tool,
        creator: user(1),
        is_archived: false,
        developer: None,
        access: Access { audience, ..Access::unsaid(Kind::Tool) },
    }
}

fn guest(domain: &'static str) -> Subject<'static> {
    Subject { user: Some(user(9)), standing: Standing::Outside, domain, teams: &[], has_link: false }
}

fn member(role: Role) -> Subject<'static> {
    Subject { standing: Standing::Active(role), ..guest("example.com") }
}

fn set(words: &str) -> Permissions {
    words
        .split_whitespace()
        .map(|word| word.parse::<Permissions>().expect("a permission"))
        .fold(Permissions::NONE, Permissions::and)
}

/// All that someone may do.
fn may(facts: &Facts, who: &Subject) -> Permissions {
    decide(facts, who, READ).permissions()
}

/// RES-04, A8: a domain matches whole, or not at all.
#[test]
fn a_domain_matches_exactly() {
    let mut facts = tool(Audience::DomainRestricted);
    facts.access.domain = Some("example.com".to_owned());
    for (domain, admitted) in [
        ("example.com", true),
        ("evil-example.com", false),
        ("example.com.evil.org", false),
        ("sub.example.com", false),
        ("example.co", false),
        ("xample.com", false),
        ("com", false),
        ("ex\u{430}mple.com", false),
        ("example.com@evil.org", false),
        (".example.com", false),
        ("", false),
    ] {
        assert_eq!(decide(&facts, &guest(domain), READ).allowed, admitted, "{domain}");
    }
    facts.access.domain = None;
    assert!(!decide(&facts, &guest(""), READ).allowed, "no domain is nobody's");
    facts.access.domain = Some(String::new());
    assert!(!decide(&facts, &guest(""), READ).allowed && !decide(&facts, &Subject::NOBODY, READ).allowed);
}

/// RES-08, A4: the person's own entry replaces what their teams and everybody have; empty is the default.
#[test]
fn the_nearest_entry_decides() {
    let teams = [team(1), team(2)];
    let who = Subject { teams: &teams, ..member(Role::Member) };
    let mut facts = tool(Audience::InviteRestricted);
    for (own, of_teams, default, expected, basis) in [
        (Some("Delete"), vec![], "Read", "Delete", Basis::Entry),
        (Some("Delete"), vec!["All"], "Read", "Delete", Basis::Entry),
        (Some("All"), vec![], "", "Create Read Update Delete", Basis::Entry),
        (Some(""), vec!["Delete"], "Read Update", "Read Update", Basis::Entry),
        (Some(""), vec![], "", "", Basis::Entry),
        (None, vec!["Create", "Update"], "Read", "Create Update", Basis::Teams),
        (None, vec!["Delete", ""], "Read", "Read Delete", Basis::Teams),
        (None, vec![""], "", "", Basis::Teams),
    ] {
        let entry = |words: &str| (!words.is_empty()).then(|| set(words));
        facts.access.default = set(default);
        facts.access.people = own.map(|own| (user(9), entry(own))).into_iter().collect();
        facts.access.teams = of_teams.iter().zip(1..).map(|(words, n)| (team(n), entry(words))).collect();
        let decision = decide(&facts, &who, READ);
        assert_eq!(decision.permissions(), set(expected), "{own:?} {of_teams:?} {default}");
        assert_eq!(decision.grant.map(|grant| grant.basis), Some(basis));
        assert_eq!(decision.allowed, set(expected).has(Permission::Read));
        if !decision.allowed {
            assert_eq!(decision.refusal, Some(Refusal::NotPermitted));
        }
    }
    // An entry that is there and empty is as good as one that says nothing.
    facts.access.default = set("Read");
    facts.access.people = vec![(user(9), Some(Permissions::NONE))];
    assert_eq!(may(&facts, &who), READ);
    for each in Permission::ALL {
        facts.access.people = vec![(user(9), Some(Permissions::ALL))];
        assert!(decide(&facts, &who, each.into()).allowed);
    }
}

/// RES-09, A12: access is the team's and not its slug's, and goes with it.
#[test]
fn a_team_made_anew_gives_nothing() {
    let mut facts = tool(Audience::Teams);
    assert!(!decide(&facts, &member(Role::Owner), READ).allowed, "no team is nobody");
    facts.access.teams = vec![(team(1), None)];
    let was_in = [team(1)];
    assert!(decide(&facts, &Subject { teams: &was_in, ..member(Role::Member) }, READ).allowed);
    assert!(!decide(&facts, &member(Role::Member), READ).allowed, "they left it");
    let anew = [team(2)];
    assert!(!decide(&facts, &Subject { teams: &anew, ..member(Role::Member) }, READ).allowed);
    // A3, R7: no role passes for a team, and some roles do not open what their team opens.
    for role in Role::ALL {
        assert!(!decide(&facts, &member(role), READ).allowed, "{role}");
        let inside = decide(&facts, &Subject { teams: &was_in, ..member(role) }, READ);
        let opens = matches!(role, Role::Owner | Role::Admin | Role::Developer | Role::Member);
        assert_eq!(inside.allowed, opens, "{role}");
    }
}

/// RES-10, A7: whoever is not signed in reads at most, whatever everybody may do.
#[test]
fn nobody_signed_in_reads_at_most() {
    for (audience, has_link) in [(Audience::Public, false), (Audience::Unlisted, true)] {
        let mut facts = tool(audience);
        facts.access.default = Permissions::ALL;
        let nobody = Subject { has_link, ..Subject::NOBODY };
        assert_eq!(may(&facts, &nobody), READ);
        let cap = decide(&facts, &nobody, READ).grant.and_then(|grant| grant.cap);
        assert_eq!(cap, Some(Cap::SignedOut));
        assert!(!decide(&facts, &nobody, Permission::Update.into()).allowed);
        facts.access.default = set("Update Delete");
        assert_eq!(may(&facts, &nobody), Permissions::NONE, "without Read there is nothing left");
        assert!(!decide(&facts, &nobody, READ).allowed);
        assert_eq!(may(&facts, &Subject { has_link, ..guest("x.example") }), set("Update Delete"));
    }
    assert_eq!(decide(&tool(Audience::Unlisted), &Subject::NOBODY, READ).refusal, Some(Refusal::SignedOut));
}

/// A5: without Read a thing does not open, and what else was given holds.
#[test]
fn without_read_the_rest_holds() {
    let mut facts = tool(Audience::EntireOrganization);
    facts.access.default = set("Create");
    let who = member(Role::Member);
    assert!(!decide(&facts, &who, READ).allowed);
    assert!(decide(&facts, &who, Permission::Create.into()).allowed);
    assert!(!decide(&facts, &who, set("Create Read")).allowed, "all that is asked, or nothing");
    assert!(!decide(&facts, &who, Permissions::NONE).allowed, "who asks for nothing gets nothing");
}

/// A6: where an entry admits, and where it only says what one may do.
#[test]
fn entries_admit_where_the_rules_say() {
    for audience in Audience::ALL {
        let mut facts = tool(audience);
        facts.access.people = vec![(user(9), Some(set("Update")))];
        let admits =
            matches!(audience, Audience::DomainRestricted | Audience::InviteRestricted | Audience::Teams);
        let got = may(&facts, &guest("elsewhere.example"));
        let expected = if admits || audience == Audience::Public { set("Update") } else { Permissions::NONE };
        assert_eq!(got, expected, "{audience:?}");
        let linked = Subject { has_link: true, ..guest("elsewhere.example") };
        let by_link = if audience == Audience::Unlisted { set("Update") } else { expected };
        assert_eq!(may(&facts, &linked), by_link, "{audience:?}: a link opens what is Unlisted alone");
    }
}

/// A3: whoever was a member has what is everybody's, and what was given to them since; suspended ones not even that.
#[test]
fn memberships_that_are_over() {
    for (standing, since) in
        [(Standing::Suspended, false), (Standing::Ended, false), (Standing::Removed, true)]
    {
        for audience in Audience::ALL {
            let mut facts = tool(audience);
            facts.access.domain = Some("example.com".to_owned());
            let who = Subject { standing, ..guest("example.com") };
            let without_entry = may(&facts, &who);
            assert_eq!(!without_entry.is_empty(), audience == Audience::Public, "{standing:?} {audience:?}");
            facts.access.people = vec![(user(9), Some(Permissions::ALL))];
            let expected = match audience {
                Audience::Public if !since => READ,
                Audience::Public => Permissions::ALL,
                _ if since && audience.admits_entries() => Permissions::ALL,
                _ => Permissions::NONE,
            };
            assert_eq!(may(&facts, &who), expected, "{standing:?} {audience:?}");
            facts.creator = user(9);
            assert_eq!(
                may(&facts, &who),
                expected,
                "having made it changes nothing: {standing:?} {audience:?}"
            );
        }
    }
}

/// A3, A4: an Auditor may be given a thing, and changes nothing in it all the same.
#[test]
fn an_auditor_reads() {
    let mut facts = tool(Audience::InviteRestricted);
    facts.access.people = vec![(user(9), Some(Permissions::ALL))];
    assert_eq!(may(&facts, &member(Role::Auditor)), READ);
    assert_eq!(may(&facts, &member(Role::Reviewer)), Permissions::ALL);
    facts.creator = user(9);
    assert_eq!(may(&facts, &member(Role::Auditor)), READ);
    facts.is_archived = true;
    for role in Role::ALL {
        assert_eq!(decide(&facts, &member(role), READ).refusal, Some(Refusal::Archived));
    }
}
