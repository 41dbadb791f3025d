//! Random limits, keys, users, objects, costs and clocks, against a reference that is slow, simple, and shares no code
//! with what it is held against: it keeps every event, and counts them anew each time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use interlock::app::App;
use interlock::domain::access::Origin;
use interlock::domain::api_keys::{self, Caller, Secret, Source};
use interlock::domain::permissions::Measure;
use interlock::domain::spending::{self, Answer, LeaseError, LeaseFailure, Question, Refused};
use interlock::ids::LeaseId;
use serde_json::{Map, Value, json};

use super::{ephemeral, key, rewrite};
use crate::support::database::execute;
use crate::support::keys::{Row, insert, set_base};
use crate::support::{TestApp, on_both};

const SEEDS: u64 = 3;
const STEPS: usize = 220;
const NEVER: i64 = i64::MAX;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn number(&mut self, sides: u64) -> i64 {
        i64::try_from(self.below(sides)).expect("it is small")
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[usize::try_from(self.below(all.len() as u64)).expect("it is small")]
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

const PATTERNS: [&str; 5] =
    ["source_type:*", "source_type:a.*", "source_type:a.b", "source_type:c", "task_type:*"];
const SCOPES: [&str; 6] = [
    "source_type:a.b",
    "source_type:a.b",
    "source_type:a.d",
    "source_type:c",
    "source_type:ab",
    "task_type:t",
];

/// Different kinds and periods of one pattern: 60 seconds are a minute in another document.
fn document(dice: &mut Dice, minute: Value) -> Value {
    let mut scopes = Map::new();
    for pattern in PATTERNS {
        if dice.once_in(4) {
            continue;
        }
        let mut limits = Vec::new();
        for level in ["organisation", "key", "user"] {
            let value = dice.number(6);
            match dice.below(9) {
                0 => limits.push(json!({"level": level, "type": "count", "value": value * 4})),
                1 => {
                    limits.push(json!({"level": level, "type": "interval", "value": value, "period": minute}))
                }
                2 => limits.push(json!({"level": level, "type": "interval", "value": value, "period": 7})),
                3 => limits.push(json!({"level": level, "type": "inflight", "value": value})),
                _ => {}
            }
        }
        scopes.insert(pattern.to_owned(), Value::Array(limits));
    }
    Value::Object(scopes)
}

#[derive(Clone)]
struct Spent {
    frees: i64,
    amount: i64,
    object: Option<String>,
    lease: Option<LeaseId>,
}

/// What a limit of a document is, in the reference's own words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place(String);

struct Bound {
    place: Place,
    kind: &'static str,
    seconds: i64,
    value: i64,
}

#[derive(Default)]
struct Reference {
    spent: BTreeMap<Place, Vec<Spent>>,
}

enum Expected {
    NotCovered,
    NoUser,
    /// When it frees, by each limit that may be named.
    Short(Vec<Option<i64>>),
    /// What is used of each.
    Allowed(BTreeMap<Place, (i64, Option<i64>)>),
}

fn covers(pattern: &str, scope: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == scope, |beginning| scope.starts_with(beginning))
}

fn whole(at: i64) -> i64 {
    if at % 1_000 == 0 { at } else { at - at % 1_000 + 1_000 }
}

/// The limits that hold, each place once with its lowest value.
fn bounds(layers: &[(Value, String)], question: &Question) -> Result<Vec<Bound>, Expected> {
    let mut bounds: Vec<Bound> = Vec::new();
    let scope = question.scope.to_string();
    let covering: Vec<Vec<(&String, &Value, &String)>> = layers
        .iter()
        .map(|(document, holder)| {
            let all = document.as_object().expect("an object").iter();
            all.filter(|(pattern, _)| covers(pattern, &scope))
                .map(|(pattern, limits)| (pattern, limits, holder))
                .collect()
        })
        .collect();
    if covering.iter().any(Vec::is_empty) {
        return Err(Expected::NotCovered);
    }
    for (pattern, limits, holder) in covering.into_iter().flatten() {
        for limit in limits.as_array().expect("a list") {
            let holder = match limit["level"].as_str() {
                Some("key") => holder.clone(),
                Some("user") => question.user.clone().ok_or(Expected::NoUser)?,
                _ => String::new(),
            };
            let (kind, seconds) = match (limit["type"].as_str(), &limit["period"]) {
                (Some("count"), _) => ("count", 0),
                (Some("inflight"), _) => ("inflight", 0),
                (_, Value::String(_)) => ("interval", 60),
                (_, period) => ("interval", period.as_i64().expect("seconds")),
            };
            let place = Place(format!("{pattern} {} {kind} {seconds} {holder}", limit["level"]));
            let value = limit["value"].as_i64().expect("a number");
            match bounds.iter_mut().find(|bound| bound.place == place) {
                Some(bound) => bound.value = bound.value.min(value),
                None => bounds.push(Bound { place, kind, seconds, value }),
            }
        }
    }
    Ok(bounds)
}

impl Reference {
    fn used(&self, place: &Place) -> i64 {
        self.spent.get(place).into_iter().flatten().map(|spent| spent.amount).sum()
    }

    /// Whoever looks at a counter sees what has freed by then, and that stays free.
    fn look(&mut self, places: impl IntoIterator<Item = Place>, now: i64) {
        for place in places {
            self.spent.entry(place).or_default().retain(|spent| spent.frees > now);
        }
    }

    fn holding(&self, lease: LeaseId) -> BTreeSet<Place> {
        let holds = |spent: &Vec<Spent>| spent.iter().any(|spent| spent.lease == Some(lease));
        self.spent.iter().filter(|(_, spent)| holds(spent)).map(|(place, _)| place.clone()).collect()
    }

    /// When so much has freed.
    fn freed(&self, place: &Place, amount: i64) -> Option<i64> {
        let mut all: Vec<(i64, i64)> =
            self.spent.get(place).into_iter().flatten().map(|spent| (spent.frees, spent.amount)).collect();
        all.sort_unstable();
        let mut total = 0;
        let found = all.into_iter().find(|(_, more)| {
            total += more;
            total >= amount
        });
        found.map(|(at, _)| at).filter(|at| *at != NEVER)
    }

    fn ask(
        &mut self,
        layers: &[(Value, String)],
        question: &Question,
        now: i64,
    ) -> (Expected, Vec<(Place, Spent)>) {
        let bounds = match bounds(layers, question) {
            Ok(bounds) => bounds,
            Err(refused) => return (refused, Vec::new()),
        };
        self.look(bounds.iter().map(|bound| bound.place.clone()), now);
        let (mut short, mut spending, mut used) = (Vec::new(), Vec::new(), BTreeMap::new());
        for bound in &bounds {
            let known = bound.kind != "inflight"
                && question.object.is_some()
                && self
                    .spent
                    .get(&bound.place)
                    .into_iter()
                    .flatten()
                    .any(|spent| spent.object == question.object);
            let cost = if known { 0 } else { question.cost };
            let over = self.used(&bound.place) + cost - bound.value;
            if over > 0 {
                let hopeless = bound.kind == "count" || cost > bound.value || bound.value == 0;
                short.push(if hopeless { None } else { self.freed(&bound.place, over) });
                continue;
            }
            let frees = match bound.kind {
                "count" => NEVER,
                "interval" => whole(now + bound.seconds * 1_000),
                _ => whole(now + question.ttl),
            };
            let object = question.object.clone().filter(|_| bound.kind != "inflight");
            if cost > 0 {
                spending.push((bound.place.clone(), Spent { frees, amount: cost, object, lease: None }));
            }
            let first = self.freed(&bound.place, 1);
            let next = if cost > 0 && frees != NEVER {
                Some(first.map_or(frees, |first| first.min(frees)))
            } else {
                first
            };
            used.insert(bound.place.clone(), (self.used(&bound.place) + cost, next));
        }
        if short.is_empty() {
            (Expected::Allowed(used), spending)
        } else {
            (Expected::Short(short), Vec::new())
        }
    }
}

/// A key as the test knows it.
struct Known {
    secret: String,
    layers: Vec<usize>,
    holder: String,
    own: String,
}

struct World {
    app: TestApp,
    dice: Dice,
    keys: Vec<Known>,
    /// The base permission, two permissions and an ephemeral key's.
    documents: Vec<Value>,
    reference: Reference,
    /// Whose they are, whether they were given back, and which places they are of.
    leases: Vec<(LeaseId, usize, bool, Vec<Place>)>,
}

async fn caller(app: &Arc<App>, secret: &str) -> Caller {
    let origin = Origin { address: None, request: "a test".to_owned(), by_key: None };
    let secret = Secret::parse(secret).expect("it is a key");
    api_keys::authenticate(app, &secret, &origin).await.expect("it works")
}

impl World {
    async fn new(app: TestApp, seed: u64) -> World {
        let owner = app.owner().await;
        let mut dice = Dice(seed);
        let documents: Vec<Value> = [json!(60), json!("1 minute"), json!(60), json!("60 seconds")]
            .into_iter()
            .map(|minute| document(&mut dice, minute))
            .collect();
        set_base(&app, &owner.org, &documents[0].to_string()).await;
        let one = key(&app, &owner.org, "P1", &documents[1]).await;
        let two = key(&app, &owner.org, "P2", &documents[2]).await;
        // Takes the first one's place.
        let (id, rotated) = insert(&app, &Row::live(&owner.org, None)).await;
        execute(&app, &format!("update api_keys set permission = (select id from permissions where name = 'P1'), family = (select k.id from api_keys k \
            join permissions p on p.id = k.permission where p.name = 'P1') where id = '{id}'")).await;
        let child = ephemeral(&app, &owner.org, "P2", &documents[3], None).await;
        let known = |secret: String, layers: &[usize], holder: &str, own: &str| Known {
            secret,
            layers: layers.to_vec(),
            holder: holder.to_owned(),
            own: own.to_owned(),
        };
        let keys = vec![
            known(one, &[0, 1], "first", ""),
            known(two, &[0, 2], "second", ""),
            known(rotated, &[0, 1], "first", ""),
            known(child, &[0, 2, 3], "second", "child"),
        ];
        World { app, dice, keys, documents, reference: Reference::default(), leases: Vec::new() }
    }

    async fn step(&mut self, number: usize) {
        match self.dice.below(20) {
            0 => self.app.clock.advance(-self.dice.number(90_000)),
            1..4 => self.app.clock.advance(self.dice.number(9_000)),
            4 => self.app.clock.advance(self.dice.number(70_000)),
            5 => self.rewrite().await,
            6 | 7 => self.lease().await,
            _ => self.question(number).await,
        }
    }

    async fn rewrite(&mut self) {
        let at = 1 + usize::try_from(self.dice.below(2)).expect("it is small");
        let minute = if at == 1 { json!("1 minute") } else { json!(60) };
        self.documents[at] = document(&mut self.dice, minute);
        rewrite(&self.app, &format!("P{at}"), &self.documents[at]).await;
    }

    fn pick(&mut self) -> usize {
        usize::try_from(self.dice.below(self.keys.len() as u64)).expect("it is small")
    }

    async fn lease(&mut self) {
        let Some((lease, key, over, places)) = self.leases.pop() else { return };
        let now = self.app.app.db.now().0;
        let caller = caller(&self.app.app, &self.keys[key].secret).await;
        self.reference.look(places.clone(), now);
        let held = self.reference.holding(lease);
        // One place that was seen to free, before the clock stepped back, is the end of it.
        let alive = !over && held.len() == places.len();
        if self.dice.once_in(2) {
            let ttl = 1_000 + 1_000 * self.dice.number(60);
            let renewed = spending::renew(&self.app.app, &caller, lease, ttl).await;
            if alive {
                assert_eq!(renewed.expect("it lives").expires_at.0, whole(now + ttl));
                for spent in
                    self.reference.spent.values_mut().flatten().filter(|spent| spent.lease == Some(lease))
                {
                    spent.frees = whole(now + ttl);
                }
            } else {
                assert_eq!(renewed, Err(LeaseFailure::Lease(LeaseError::Over)));
            }
            self.leases.insert(0, (lease, key, over, places));
        } else {
            spending::release(&self.app.app, &caller, lease).await.expect("it is given back");
            for spent in self.reference.spent.values_mut() {
                spent.retain(|spent| spent.lease != Some(lease));
            }
            self.leases.insert(0, (lease, key, true, places));
        }
    }

    async fn question(&mut self, number: usize) {
        let key = self.pick();
        let dice = &mut self.dice;
        let question = Question {
            scope: dice.of(&SCOPES).parse().expect("it is a scope"),
            user: (!dice.once_in(8)).then(|| dice.of(&["ann", "bob", "cy"]).to_owned()),
            object: dice.once_in(3).then(|| dice.of(&["x", "y", "z"]).to_owned()),
            cost: 1 + if dice.once_in(4) { dice.number(4) } else { 0 },
            idempotency_key: None,
            dry_run: dice.once_in(6),
            ttl: 1_000 + 500 * dice.number(60),
        };
        let known = &self.keys[key];
        let layers: Vec<(Value, String)> = known
            .layers
            .iter()
            .map(|at| {
                (self.documents[*at].clone(), if *at == 3 { known.own.clone() } else { known.holder.clone() })
            })
            .collect();
        let now = self.app.app.db.now().0;
        let (expected, mut spending) = self.reference.ask(&layers, &question, now);
        let caller = caller(&self.app.app, &self.keys[key].secret).await;
        let answer = spending::check(&self.app.app, &caller, std::slice::from_ref(&question)).await;
        let answer = answer.expect("it is answered").pop().expect("one answer");
        let lease = answer.as_ref().ok().and_then(|granted| granted.lease);
        compare(&answer, &expected, &format!("step {number} at {now}: {question:?} of {layers:?}"));
        if question.dry_run || answer.is_err() {
            assert_eq!(lease, None);
            return;
        }
        for (place, spent) in &mut spending {
            if place.0.contains(" inflight ") {
                spent.lease = Some(lease.expect("there is a lease").id);
            }
        }
        assert_eq!(lease.is_some(), spending.iter().any(|(_, spent)| spent.lease.is_some()));
        let held = spending.iter().filter(|(_, spent)| spent.lease.is_some());
        let places: Vec<Place> = held.map(|(place, _)| place.clone()).collect();
        self.leases.extend(lease.map(|lease| (lease.id, key, false, places)));
        for (place, spent) in spending {
            self.reference.spent.entry(place).or_default().push(spent);
        }
    }
}

#[track_caller]
fn compare(answer: &Answer, expected: &Expected, what: &str) {
    match (answer, expected) {
        (Err(Refused::NotCovered { by, .. }), Expected::NotCovered) => {
            assert!([Source::Base, Source::Permission, Source::Ephemeral].contains(by));
        }
        (Err(Refused::NoUser { .. }), Expected::NoUser) => {}
        (Err(Refused::Exceeded(exceeded)), Expected::Short(short)) => {
            let longest = short.iter().map(|at| at.unwrap_or(NEVER)).max().expect("there is one");
            let said = exceeded.standing.resets_at.map_or(NEVER, |at| at.0);
            assert_eq!(said, longest, "{exceeded:?} {what}");
        }
        (Ok(granted), Expected::Allowed(used)) => {
            let said: Vec<(i64, Option<i64>)> = granted
                .limits
                .iter()
                .map(|standing| (standing.used, standing.resets_at.map(|at| at.0)))
                .collect();
            let (mut said, mut used): (Vec<_>, Vec<_>) = (said, used.values().copied().collect());
            said.sort_unstable();
            used.sort_unstable();
            assert_eq!(said, used, "{granted:?} {what}");
            let intervals = granted
                .limits
                .iter()
                .filter(|standing| matches!(standing.limit.measure, Measure::Interval(_)));
            assert!(intervals.into_iter().all(|standing| standing.used <= standing.limit.value));
        }
        (answer, _) => panic!("{answer:?} {what}"),
    }
}

async fn play(app: TestApp, seed: u64) {
    let mut world = World::new(app, seed).await;
    for number in 0..STEPS {
        world.step(number).await;
    }
    let (allowed, places) = (world.leases.len(), world.reference.spent.len());
    assert!(places > 5, "the dice of {seed} say something: {allowed} {places}");
}

on_both! {
    /// L1 to L6, LIM-03, LIM-04, LIM-05, LIM-07, LIM-08
    async fn the_limiter_is_as_the_reference(app: TestApp) {
        let database = app.app.db.is_shared();
        play(app, 1).await;
        for seed in 2..=SEEDS {
            play(if database { TestApp::postgres().await } else { TestApp::sqlite().await }, seed).await;
        }
    }
}
