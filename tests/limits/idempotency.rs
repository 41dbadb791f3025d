//! The same question with the same idempotency key gets the same answer.

use axum::http::Method;
use interlock::clock::{DAY, MINUTE, SECOND};
use serde_json::{Value, json};

use super::{CHECK, ICLOUD, allowed, and, ask, delete, key, limit, of, rewrite, used};
use crate::api::{post, problem};
use crate::support::database::{count, execute, only, texts};
use crate::support::keys::{Row, insert};
use crate::support::on_both;

on_both! {
    /// The same answer, to the letter, spent once; kept for a day, by the key's family; another question is refused.
    async fn asked_again_it_is_spent_once(app: TestApp) {
        let owner = app.owner().await;
        let key_ = key(&app, &owner.org, "P", &json!({"source_type:*": [limit("user", "count", 3), limit("user", "inflight", 5), crate::limits::interval("user", 3, 60)]})).await;
        let question = and(of(ICLOUD, "u"), "idempotency_key", "k1");
        let first = ask(&app, &key_, question.clone()).await;
        allowed(&first);
        app.clock.advance(30 * SECOND);
        for _ in 0..3 {
            let again = ask(&app, &key_, question.clone()).await;
            assert_eq!((again.status, &again.body), (first.status, &first.body));
        }
        assert_eq!(count(&app, "limit_counters where used = 1").await, 3);
        assert_eq!(count(&app, "limit_leases").await, 1);
        for (name, value) in [("user", json!("v")), ("cost", json!(2)), ("object", json!("o")), ("ttl", json!(61)), ("scope", json!("source_type:other"))] {
            let said = problem(&ask(&app, &key_, and(question.clone(), name, value)).await, 422, "idempotency-mismatch");
            assert_eq!(said["errors"][0]["pointer"], "/idempotency_key", "{name}");
        }
        // Said in other words it is the same: what is left out is what is usual.
        let usual = and(and(and(question.clone(), "cost", 1), "ttl", 60), "object", Value::Null);
        assert_eq!(ask(&app, &key_, usual).await.body, first.body);
        assert_eq!(count(&app, "limit_counters where used = 1").await, 3);

        let neighbour = key(&app, &owner.org, "Q", &json!({"source_type:*": [limit("user", "count", 3)]})).await;
        assert_eq!(used(&ask(&app, &neighbour, question.clone()).await), 2);
        let (new, rotated) = insert(&app, &Row::live(&owner.org, None)).await;
        execute(&app, &format!("update api_keys set permission = (select id from permissions where name = 'P'), family = (select k.id from api_keys k \
            join permissions p on p.id = k.permission where p.name = 'P') where id = '{new}'")).await;
        assert_eq!(ask(&app, &rotated, question.clone()).await.body, first.body);

        app.clock.advance(DAY - MINUTE);
        assert_eq!(ask(&app, &key_, question.clone()).await.body, first.body);
        app.clock.advance(MINUTE);
        let later = ask(&app, &key_, question.clone()).await;
        assert_eq!(allowed(&later)["limits"][0]["used"], 3);
        assert_eq!(ask(&app, &key_, question).await.body, later.body);
        app.clock.advance(2 * DAY);
        interlock::domain::housekeeping::sweep(&app.app).await.expect("it sweeps");
        assert_eq!(count(&app, "limit_answers").await, 0);
    }

    /// A refusal spent nothing: asked again later, with the same key, it may be allowed. Nothing is kept of it.
    async fn a_refusal_is_not_remembered(app: TestApp) {
        let owner = app.owner().await;
        let key = key(&app, &owner.org, "P", &json!({ICLOUD: [limit("user", "count", 0)]})).await;
        let question = and(of(ICLOUD, "u"), "idempotency_key", "k1");
        problem(&ask(&app, &key, question.clone()).await, 403, "limit-exceeded");
        problem(&ask(&app, &key, and(question.clone(), "cost", 2)).await, 403, "limit-exceeded");
        assert_eq!(count(&app, "limit_answers").await, 0);
        rewrite(&app, "P", &json!({ICLOUD: [limit("user", "count", 1)]})).await;
        assert_eq!(used(&ask(&app, &key, question.clone()).await), 1);
        assert_eq!(used(&ask(&app, &key, question.clone()).await), 1);
        let batch = json!({"checks": [question, and(of(ICLOUD, "v"), "idempotency_key", "k2"), and(of(ICLOUD, "v"), "idempotency_key", "k2"), and(of(ICLOUD, "w"), "idempotency_key", "k2")]});
        let answer = post(&app, &key, crate::limits::BATCH, &batch).await.is(200);
        let said: Value = serde_json::from_str(&answer.body).expect("it is JSON");
        assert_eq!(said["results"][1], said["results"][2]);
        assert_eq!(said["results"][3]["problem"]["type"], "urn:interlock:problem:idempotency-mismatch");
        assert_eq!(count(&app, "limit_counters where used = 1").await, 2);
    }

    /// Thirty at once with one idempotency key, at two processes where the database is shared: one is spent.
    async fn asked_at_once_it_is_spent_once(app: TestApp) {
        let owner = app.owner().await;
        let replica = if app.app.db.is_shared() { Some(app.replica().await) } else { None };
        let key = key(&app, &owner.org, "P", &json!({"source_type:*": [limit("user", "count", 30), limit("user", "inflight", 30)]})).await;
        let bearer = format!("Bearer {key}");
        let mut running = Vec::new();
        for number in 0..30 {
            let at = replica.as_ref().filter(|_| number % 2 == 1).unwrap_or(&app);
            let (mut program, bearer) = (at.visitor(), bearer.clone());
            program.origin = None;
            let body = and(of(ICLOUD, "u"), "idempotency_key", "k").to_string();
            running.push(tokio::spawn(async move { program.send_raw(Method::POST, CHECK, &[("authorization", &bearer)], body).await }));
        }
        let mut bodies = Vec::new();
        for one in running {
            let answer = one.await.expect("it does not panic");
            allowed(&answer);
            bodies.push(answer.body);
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "{bodies:?}");
        assert_eq!(only(texts(&app, "select cast(sum(used) as text) from limit_counters").await), "2");
        let lease: Value = serde_json::from_str(&bodies[0]).expect("it is JSON");
        delete(&app, &key, &format!("/v1/leases/{}", lease["lease"]["id"].as_str().expect("a lease"))).await.is(204);
    }
}
