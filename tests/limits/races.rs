//! Exactly as many as there are, however many ask at once: on SQLite in one process, on PostgreSQL in two.

use axum::http::Method;
use serde_json::{Value, json};

use super::{CHECK, ICLOUD, ask, delete, ephemeral, interval, key, limit};
use crate::support::database::{only, texts};
use crate::support::{Answer, TestApp, on_both};

const MANY: usize = 100;

/// The application, and a second process beside it where the database is shared.
struct House {
    app: TestApp,
    replica: Option<TestApp>,
}

impl House {
    async fn new(app: TestApp) -> House {
        let replica = if app.app.db.is_shared() { Some(app.replica().await) } else { None };
        House { app, replica }
    }

    /// Asks all of these at once, each at one process or the other.
    async fn at_once(&self, questions: Vec<(String, Value)>) -> Vec<Answer> {
        let mut running = Vec::new();
        for (number, (key, question)) in questions.into_iter().enumerate() {
            let at = self.replica.as_ref().filter(|_| number % 2 == 1).unwrap_or(&self.app);
            let (mut program, bearer) = (at.visitor(), format!("Bearer {key}"));
            program.origin = None;
            running.push(tokio::spawn(async move {
                program
                    .send_raw(Method::POST, CHECK, &[("authorization", &bearer)], question.to_string())
                    .await
            }));
        }
        let mut answers = Vec::new();
        for one in running {
            answers.push(one.await.expect("a request does not panic"));
        }
        answers
    }
}

/// How many were allowed; all others were refused with this status.
#[track_caller]
fn passed(answers: &[Answer], refused: u16) -> usize {
    let allowed = answers.iter().filter(|answer| answer.status.as_u16() == 200).count();
    let not = answers.iter().filter(|answer| {
        answer.status.as_u16() == refused && answer.body.contains("urn:interlock:problem:limit-exceeded")
    });
    assert_eq!(
        allowed + not.count(),
        answers.len(),
        "{:?}",
        answers.iter().find(|answer| answer.status.as_u16() >= 500).map(|answer| &answer.body)
    );
    allowed
}

async fn total(app: &TestApp) -> String {
    only(texts(app, "select cast(coalesce(sum(used), 0) as text) from limit_counters").await)
}

on_both! {
    /// LIM-01, L6: of a hundred at once exactly ten pass, and ten are counted; by ten keys as by one.
    async fn exactly_ten_pass(app: TestApp) {
        let house = House::new(app).await;
        let owner = house.app.owner().await;
        for (at, (level, kind, refused)) in [("user", "count", 403), ("organisation", "count", 403), ("organisation", "interval", 429), ("user", "inflight", 429)].into_iter().enumerate() {
            let limit = if kind == "interval" { interval(level, 10, "1 day") } else { limit(level, kind, 10) };
            let scopes = json!({format!("task_type:t{at}.*"): [limit]});
            let mut keys = Vec::new();
            for number in 0..10 {
                keys.push(key(&house.app, &owner.org, &format!("P{at}-{number}"), &scopes).await);
            }
            let before: usize = total(&house.app).await.parse().expect("a number");
            let question = json!({"scope": format!("task_type:t{at}.x"), "user": "u"});
            let answers = house.at_once((0..MANY).map(|number| (keys[number % 10].clone(), question.clone())).collect()).await;
            assert_eq!(passed(&answers, refused), 10, "{level} {kind}");
            assert_eq!(total(&house.app).await, (before + 10).to_string());
        }
    }

    /// L5: different users at once, each with a limit, under one that all share, in an order that would make two
    /// processes wait for each other.
    async fn all_levels_at_once(app: TestApp) {
        let house = House::new(app).await;
        let owner = house.app.owner().await;
        let scopes = json!({"source_type:*": [limit("organisation", "count", 25), limit("user", "count", 4), limit("key", "count", 20)], "source_type:icloud.*": [limit("user", "inflight", 3)]});
        let keys = [key(&house.app, &owner.org, "P", &scopes).await, key(&house.app, &owner.org, "Q", &scopes).await];
        let question = |number: usize| json!({"scope": ICLOUD, "user": format!("u{}", number * 7 % 10)});
        let questions = (0..MANY).map(|number| (keys[number % 2].clone(), question(number))).collect();
        let answers = house.at_once(questions).await;
        let allowed = answers.iter().filter(|answer| answer.status.as_u16() == 200).count();
        assert!(answers.iter().all(|answer| [200, 403, 429].contains(&answer.status.as_u16())));
        assert_eq!(allowed, 25);
        let used = |level: &'static str| {
            let app = &house.app;
            async move { only(texts(app, &format!("select cast(sum(used) as text) || ' ' || cast(max(used) as text) from limit_counters where limited like '%{level}'")).await) }
        };
        assert_eq!(used("organisation count").await, "25 25");
        assert!(used("user count").await.starts_with("25 "));
        assert!(used("key count").await.starts_with("25 "));
        assert!(["25 3"].contains(&used("user inflight").await.as_str()));
    }

    /// LIM-05: at no time are more than three under way; each that is given back lets one more in.
    async fn places_are_given_back_at_once(app: TestApp) {
        let house = House::new(app).await;
        let owner = house.app.owner().await;
        let key = key(&house.app, &owner.org, "P", &json!({"task_type:x": [limit("organisation", "inflight", 3)]})).await;
        let question = json!({"scope": "task_type:x"});
        for _ in 0..5 {
            let answers = house.at_once(vec![(key.clone(), question.clone()); 20]).await;
            assert_eq!(passed(&answers, 429), 3);
            for answer in answers.iter().filter(|answer| answer.status.as_u16() == 200) {
                let said: Value = serde_json::from_str(&answer.body).expect("it is JSON");
                delete(&house.app, &key, &format!("/v1/leases/{}", said["lease"]["id"].as_str().expect("a lease"))).await.is(204);
            }
        }
        assert_eq!(total(&house.app).await, "0");
    }

    /// K3: a key of ten uses is used ten times.
    async fn a_key_is_used_as_often_as_it_may(app: TestApp) {
        let house = House::new(app).await;
        let owner = house.app.owner().await;
        key(&house.app, &owner.org, "P", &json!({"task_type:*": []})).await;
        let mut keys = Vec::new();
        for _ in 0..4 {
            keys.push(ephemeral(&house.app, &owner.org, "P", &json!({"task_type:*": []}), Some(10)).await);
        }
        let questions = (0..MANY).map(|number| (keys[number % 4].clone(), json!({"scope": "task_type:x"}))).collect();
        let answers = house.at_once(questions).await;
        let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
        assert_eq!((count(200), count(401)), (40, 60));
        assert_eq!(ask(&house.app, &keys[0], json!({"scope": "task_type:x"})).await.status.as_u16(), 401);
    }
}
