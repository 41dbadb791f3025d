//! Random organizations: `decide()`, and what is loaded for it, against the reference.

use interlock::domain::access::Role;
use interlock::domain::environments::Place;
use interlock::domain::resources::{
    self, Access, Facts, Kind, Permission, Permissions, Standing, Subject, decide,
};
use interlock::ids::{OrganizationId, TeamId, UserId};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use super::reference::{self, Membership, Person, Said, Thing};
use crate::support::database::execute;
use crate::support::{access, on_both};

const TEAMS: usize = 4;
const KEYS: [&str; 7] = ["a", "a/b", "a/b/c", "a/b/c/d", "a/c", "ab", "tool"];
/// The rule's own, and those that only look like it (RES-04).
const DOMAINS: [&str; 5] =
    ["example.com", "evil-example.com", "sub.example.com", "example.com.evil.org", "xn--exmple-4nf.com"];
const MEMBERSHIPS: [Membership; 5] =
    [Membership::Never, Membership::Active, Membership::Suspended, Membership::Ended, Membership::Removed];

#[derive(Clone, Debug)]
struct World {
    people: Vec<Person>,
    things: Vec<Thing>,
}

fn permissions() -> impl Strategy<Value = Option<Vec<Permission>>> {
    prop::option::of(prop::sample::subsequence(Permission::ALL.to_vec(), 0..=4))
}

fn person(number: usize) -> impl Strategy<Value = Person> {
    // Half of them are active members: they are what most rules are about.
    let membership = prop_oneof![Just(Membership::Active), prop::sample::select(MEMBERSHIPS.to_vec())];
    let teams = prop::sample::subsequence((0..TEAMS).collect::<Vec<_>>(), 0..=TEAMS);
    let role = prop::sample::select(Role::ALL.to_vec());
    (membership, role, prop::sample::select(DOMAINS.to_vec()), teams, any::<bool>()).prop_map(
        move |(membership, role, domain, teams, has_link)| {
            let teams = if membership == Membership::Never { Vec::new() } else { teams };
            Person { number: Some(number), membership, role, domain: domain.to_owned(), teams, has_link }
        },
    )
}

fn said(kind: Kind, people: usize) -> impl Strategy<Value = Said> {
    let teams = prop::collection::btree_map(0..TEAMS, permissions(), 0..3);
    let entries = prop::collection::btree_map(0..people, permissions(), 0..4);
    let domain = prop::option::of(prop::sample::select(vec!["example.com"]));
    let audience = prop::sample::select(kind.audiences().to_vec());
    (audience, permissions(), domain, teams, entries).prop_map(
        |(audience, default, domain, teams, entries)| Said {
            audience,
            default,
            domain: domain.map(str::to_owned),
            teams: teams.into_iter().collect(),
            people: entries.into_iter().collect(),
        },
    )
}

fn thing(key: &'static str, people: usize) -> impl Strategy<Value = Thing> {
    let rare = || prop::bool::weighted(0.1);
    (prop::sample::select(Kind::ALL.to_vec()), 0..people, rare(), rare()).prop_flat_map(
        move |(kind, creator, archived, in_development)| {
            prop::option::weighted(0.7, said(kind, people)).prop_map(move |said| Thing {
                key: key.to_owned(),
                kind,
                creator,
                archived,
                developer: in_development.then_some(creator),
                said,
            })
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    (2..8_usize)
        .prop_flat_map(|people| {
            let everybody: Vec<_> = (0..people).map(person).collect();
            let keys = prop::sample::subsequence(KEYS.to_vec(), 1..=KEYS.len());
            let things = keys.prop_flat_map(move |keys| {
                keys.into_iter().map(|key| thing(key, people)).collect::<Vec<_>>()
            });
            (everybody, things, any::<bool>())
        })
        .prop_map(|(mut people, things, has_link)| {
            people.push(Person {
                number: None,
                membership: Membership::Never,
                role: Role::Owner,
                domain: String::new(),
                teams: Vec::new(),
                has_link,
            });
            World { people, things }
        })
}

fn user(number: usize) -> UserId {
    UserId::from(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + number as u128))
}

fn team(number: usize) -> TeamId {
    TeamId::from(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + number as u128))
}

fn set(list: &Option<Vec<Permission>>) -> Option<Permissions> {
    list.as_ref().map(|list| Permissions::of(list.iter().copied()))
}

fn standing(person: &Person) -> Standing {
    match person.membership {
        Membership::Never => Standing::Outside,
        Membership::Active => Standing::Active(person.role),
        Membership::Suspended => Standing::Suspended,
        Membership::Ended => Standing::Ended,
        Membership::Removed => Standing::Removed,
    }
}

fn facts(thing: &Thing, said: &Said) -> Facts {
    Facts {
        kind: thing.kind,
        creator: user(thing.creator),
        is_archived: thing.archived,
        developer: thing.developer.map(user),
        access: Access {
            audience: said.audience,
            default: set(&said.default).unwrap_or(Permissions::READ),
            domain: said.domain.clone(),
            teams: said.teams.iter().map(|(number, entry)| (team(*number), set(entry))).collect(),
            people: said.people.iter().map(|(number, entry)| (user(*number), set(entry))).collect(),
        },
    }
}

/// Every question that there is about four permissions.
fn questions() -> impl Iterator<Item = Permissions> {
    (1..16_u8)
        .map(|bits| Permissions::of(Permission::ALL.into_iter().filter(|one| bits >> (*one as u8) & 1 == 1)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A1 to A9: one answer for each question, the reference's.
    #[test]
    fn decides_as_the_rules_say(world in world()) {
        for thing in &world.things {
            let said = reference::in_force(thing, &world.things);
            let facts = facts(thing, &said);
            for person in &world.people {
                let teams: Vec<TeamId> = person.teams.iter().copied().map(team).collect();
                let subject = Subject {
                    user: person.number.map(user),
                    standing: standing(person),
                    domain: &person.domain,
                    teams: &teams,
                    has_link: person.has_link,
                };
                for asked in questions() {
                    let decision = decide(&facts, &subject, asked);
                    let expected = reference::allows(person, thing, &said, asked);
                    prop_assert_eq!(
                        decision.allowed, expected,
                        "{} of {:?} for {:?}: {:?}", asked, thing, person, decision
                    );
                    prop_assert!(decision.allowed == decision.refusal.is_none(), "it says why, and only then: {:?}", decision);
                    prop_assert!(!decision.allowed || decision.grant.is_some());
                }
            }
        }
    }
}

/// The world as rows, of an organization of its own.
fn rows(world: &World, organization: OrganizationId, number: usize) -> String {
    let base = number * 1_000;
    let mut sql = format!(
        "insert into organizations (id, slug, name, created_at) values ('{organization}', 'world-{number}', 'World', 0);"
    );
    for (at, person) in world.people.iter().enumerate().filter(|(_, person)| person.number.is_some()) {
        let (id, email) = (user(base + at), format!("p{at}-{number}@{}", person.domain));
        sql += &format!(
            "insert into users (id, email, email_canonical, name, password_changed_at, created_at) \
             values ('{id}', '{email}', '{email}', 'P', 0, 0);"
        );
        let state = match person.membership {
            Membership::Never => continue,
            Membership::Active | Membership::Ended => "active",
            Membership::Suspended => "suspended",
            Membership::Removed => "removed",
        };
        let ends = if person.membership == Membership::Ended { "1" } else { "null" };
        sql += &format!(
            "insert into memberships (organization, user_id, role, state, ends_at, joined_at, last_active_at, name, \
             name_key, email, search) values ('{organization}', '{id}', '{}', '{state}', {ends}, 0, 0, 'P', 'p', \
             '{email}', '{email}');",
            person.role.code()
        );
    }
    for at in 0..TEAMS {
        let id = team(base + at);
        sql += &format!(
            "insert into teams (id, organization, slug, name, name_key, created_at) \
             values ('{id}', '{organization}', 't{at}', 'T', 't', 0);"
        );
        for (number, _) in world.people.iter().enumerate().filter(|(_, person)| person.teams.contains(&at)) {
            sql += &format!(
                "insert into team_members (team, organization, user_id, added_at) \
                 values ('{id}', '{organization}', '{}', 0);",
                user(base + number)
            );
        }
    }
    world.things.iter().for_each(|thing| sql += &rows_of(thing, organization, base));
    sql
}

fn rows_of(thing: &Thing, organization: OrganizationId, base: usize) -> String {
    let developer = thing.developer.map(|number| user(base + number).to_string());
    let row = access::Thing {
        environment: if developer.is_some() { "development" } else { "production" },
        developer: developer.as_deref().unwrap_or_default(),
        domain: thing.said.as_ref().and_then(|said| said.domain.as_deref()),
        default: thing.said.as_ref().and_then(|said| set(&said.default)),
        archived: thing.archived,
        ..access::Thing::new(&thing.key, thing.kind, thing.said.as_ref().map(|said| said.audience))
    };
    let creator = user(base + thing.creator).to_string();
    let (id, mut sql) = access::insert(&organization.to_string(), &creator, &row);
    let Some(said) = &thing.said else { return sql };
    for (number, entry) in &said.teams {
        sql += &format!(
            "insert into resource_teams (resource, organization, team, permissions) \
             values ('{id}', '{organization}', '{}', {});",
            team(base + number),
            access::column(set(entry))
        );
    }
    for (number, entry) in &said.people {
        sql += &format!(
            "insert into resource_people (resource, organization, email, email_canonical, user_id, permissions, created_at) \
             values ('{id}', '{organization}', 'e{number}', 'e{number}', '{}', {}, 0);",
            user(base + number),
            access::column(set(entry))
        );
    }
    sql
}

on_both! {
    /// A1 to A12, TEN-01: what is loaded for one person, and for anybody, decides as the rules say: pages above, unbound
    /// entries, memberships in every state, and none of the organizations beside it.
    async fn what_is_loaded_decides_alike(app: TestApp) {
        let mut runner = TestRunner::deterministic();
        let worlds: Vec<(World, OrganizationId)> = (0..12)
            .map(|_| (world().new_tree(&mut runner).expect("a world").current(), OrganizationId::generate()))
            .collect();
        let sql: String = worlds.iter().enumerate().map(|(at, (world, id))| rows(world, *id, at)).collect();
        execute(&app, &sql).await;
        let now = app.app.db.now();
        let mut reader = app.app.db.read().await.expect("the database answers");
        let mut asked = 0;
        for (number, (world, organization)) in worlds.iter().enumerate() {
            for thing in &world.things {
                let said = reference::in_force(thing, &world.things);
                let developer = thing.developer.map(|at| user(number * 1_000 + at).to_string()).unwrap_or_default();
                let environment = if developer.is_empty() { "production" } else { "development" }.to_owned();
                let place = Place { organization: *organization, environment, developer };
                let found = resources::find(&mut reader, &place, &thing.key).await.expect("it answers").expect("it is there");
                let whole = resources::whole_facts(&mut reader, &found).await.expect("it answers");
                for (at, person) in world.people.iter().enumerate() {
                    let mut who = match person.number {
                        Some(_) => resources::who(&mut reader, *organization, user(number * 1_000 + at), now).await.expect("it answers"),
                        None => resources::Who::nobody(),
                    };
                    who.has_link = person.has_link;
                    let facts = resources::facts(&mut reader, &found, &who).await.expect("it answers");
                    for question in questions() {
                        let expected = reference::allows(person, thing, &said, question);
                        let one = decide(&facts, &who.subject(), question);
                        assert_eq!(one.allowed, expected, "{question} of {thing:?} for {person:?}: {one:?}");
                        assert_eq!(one, decide(&whole, &who.subject(), question), "{thing:?} {person:?}");
                        asked += 1;
                    }
                }
            }
        }
        assert!(asked > 1_000, "{asked}");
    }
}
