//! `Idempotency-Key`: what is sent twice is done once. And how fast a key may go.

use interlock::clock::{DAY, HOUR, MINUTE};
use serde_json::{Value, json};

use super::{CHECK, admin, call, call_with, json_of, post, problem};
use crate::support::database::{count, dump, execute};
use crate::support::keys::{self, Row};
use crate::support::{Answer, TestApp, on_both};

const AMARA: &str = "amara@halden.example";

async fn create(app: &TestApp, key: &str, name: &str, body: &Value) -> Answer {
    call_with(app, key, "POST", "/v1/teams", Some(body), &[("idempotency-key", name)]).await
}

on_both! {
    /// The same again is answered the same and done once; other things under the name are refused, another key's name is
    /// its own, and after a day it is free.
    async fn a_creation_is_done_once(app: TestApp) {
        let owner = app.owner().await;
        let (key, other) = (admin(&app, &owner.org, AMARA).await, admin(&app, &owner.org, AMARA).await);
        let night = json!({"name": "Night shift"});
        let first = create(&app, &key, "a-1", &night).await.is(201);
        assert!(first.headers.get("idempotency-replayed").is_none());
        for _ in 0..3 {
            let again = create(&app, &key, "a-1", &night).await.is(201);
            assert_eq!((again.body.as_str(), again.header("location"), again.header("idempotency-replayed")), (first.body.as_str(), "/v1/teams/night-shift", "true"));
            assert_eq!(again.header("content-type"), "application/json");
            assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
        }
        assert_eq!((count(&app, "teams").await, count(&app, "audit_events where kind = 'team.created'").await), (1, 1));
        problem(&create(&app, &key, "a-1", &json!({"name": "Day shift"})).await, 422, "idempotency-mismatch");
        let elsewhere = call_with(&app, &key, "POST", "/v1/resources", Some(&night), &[("idempotency-key", "a-1")]).await;
        problem(&elsewhere, 422, "idempotency-mismatch");
        // A name of another key's is another's.
        create(&app, &other, "a-1", &json!({"name": "Day shift"})).await.is(201);
        app.clock.advance(DAY);
        assert_eq!(json_of(&create(&app, &key, "a-1", &night).await.is(201))["slug"], "night-shift-2");
        app.clock.advance(DAY + HOUR);
        interlock::domain::housekeeping::sweep(&app.app).await.expect("it sweeps");
        assert_eq!(count(&app, "idempotency_keys").await, 0);
    }

    /// What is refused is not done, so that the same name serves once it is right. Names are names.
    async fn a_refusal_keeps_no_name(app: TestApp) {
        let owner = app.owner().await;
        let key = admin(&app, &owner.org, AMARA).await;
        problem(&create(&app, &key, "b", &json!({"name": ""})).await, 422, "invalid");
        create(&app, &key, "b", &json!({"name": "B", "slug": "b"})).await.is(201);
        problem(&create(&app, &key, "c", &json!({"name": "C", "slug": "b"})).await, 409, "slug-taken");
        create(&app, &key, "c", &json!({"name": "C", "slug": "c"})).await.is(201);
        for name in ["", &"a".repeat(256), "\u{e9}", "a b"] {
            problem(&create(&app, &key, name, &json!({"name": "D"})).await, 400, "idempotency-key");
        }
        let twice = [("idempotency-key", "d"), ("idempotency-key", "e")];
        problem(&call_with(&app, &key, "POST", "/v1/teams", Some(&json!({"name": "D"})), &twice).await, 400, "idempotency-key");
        let large = json!({"name": "a".repeat(70_000)});
        problem(&create(&app, &key, "f", &large).await, 413, "too-large");
        // What a key does not open keeps nothing.
        let (_, live) = keys::insert(&app, &Row::live(&owner.org, None)).await;
        problem(&create(&app, &live, "g", &json!({"name": "G"})).await, 403, "wrong-key");
        assert_eq!((count(&app, "teams").await, count(&app, "idempotency_keys").await), (2, 2));
    }

    /// Of many at once, on two replicas, one is done; the others get its answer, or are told to wait.
    async fn many_at_once_are_one(app: TestApp) {
        let owner = app.owner().await;
        let key = admin(&app, &owner.org, AMARA).await;
        let replica = app.replica().await;
        let invite = json!({"email": "rui@halden.example", "role": "member"});
        let calls = (0..12).map(|number| {
            let (app, key, invite) = (if number % 2 == 0 { &app } else { &replica }, &key, &invite);
            async move { call_with(app, key, "POST", "/v1/users/invite", Some(invite), &[("idempotency-key", "once")]).await }
        });
        let answers = futures(calls).await;
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        assert!(made >= 1);
        for answer in &answers {
            if answer.status != 201 {
                problem(answer, 409, "idempotency-in-flight");
                assert_eq!(answer.header("retry-after"), "1");
            }
        }
        assert_eq!((count(&app, "invitations").await, app.count_mails_to("rui@halden.example").await), (1, 1));
        let again = call_with(&app, &key, "POST", "/v1/users/invite", Some(&invite), &[("idempotency-key", "once")]).await.is(201);
        assert_eq!(again.header("idempotency-replayed"), "true");
    }

    /// A process that dies between doing and answering hides nothing: if the audit log has the request's row, it was done,
    /// and is not done again; if not, it is.
    async fn a_lost_answer_is_told(app: TestApp) {
        let owner = app.owner().await;
        let key = admin(&app, &owner.org, AMARA).await;
        let (one, two) = (json!({"name": "One"}), json!({"name": "Two"}));
        create(&app, &key, "one", &one).await.is(201);
        create(&app, &key, "two", &two).await.is(201);
        // As it was before the answer was kept; of the second, before anything was done.
        execute(&app, "update idempotency_keys set status = null, body = null, location = null").await;
        execute(&app, "update idempotency_keys set request = 'gone' where value = 'two'; delete from teams where name = 'Two'").await;
        problem(&create(&app, &key, "one", &one).await, 409, "idempotency-in-flight");
        app.clock.advance(MINUTE);
        let lost = problem(&create(&app, &key, "one", &one).await, 409, "idempotency-lost");
        assert!(lost["detail"].as_str().is_some_and(|text| text.contains("of the audit log")), "{lost}");
        create(&app, &key, "two", &two).await.is(201);
        create(&app, &key, "two", &two).await.is(201);
        assert_eq!(count(&app, "teams").await, 2);
    }

    /// What is kept for the answer is what was answered, without the link that was mailed.
    async fn no_secret_is_kept(app: TestApp) {
        let owner = app.owner().await;
        let key = admin(&app, &owner.org, AMARA).await;
        let invite = json!({"email": "rui@halden.example", "role": "member"});
        call_with(&app, &key, "POST", "/v1/users/invite", Some(&invite), &[("idempotency-key", "x")]).await.is(201);
        let link = app.mail_to("rui@halden.example").await.path("/invite/");
        assert!(!dump(&app).await.contains(link.trim_start_matches("/invite/")));
    }

    /// A key makes so many requests a minute, and is told how many are left; checks pay nothing, and other keys have their
    /// own minute.
    async fn a_key_goes_so_fast(app: TestApp) {
        let owner = app.owner().await;
        let (key, other) = (admin(&app, &owner.org, AMARA).await, admin(&app, &owner.org, AMARA).await);
        let first = call(&app, &key, "GET", "/v1/teams", None).await.is(200);
        assert_eq!((first.header("ratelimit-policy"), first.header("ratelimit")), ("\"key\";q=600;w=60", "\"key\";r=599;t=60"));
        for _ in 0..599 {
            call(&app, &key, "GET", "/v1/teams", None).await.is(200);
        }
        let refused = call(&app, &key, "GET", "/v1/teams", None).await;
        problem(&refused, 429, "too-many-requests");
        assert!(refused.header("ratelimit").starts_with("\"key\";r=0;t=") && !refused.header("retry-after").is_empty());
        call(&app, &other, "GET", "/v1/teams", None).await.is(200);
        app.clock.advance(MINUTE);
        call(&app, &key, "GET", "/v1/teams", None).await.is(200);
        let (_, live) = keys::insert(&app, &Row::live(&owner.org, None)).await;
        let checked = post(&app, &live, CHECK, &json!({"resource": "x", "permission": "Read", "user": null})).await;
        assert!(checked.headers.get("ratelimit").is_none());
    }
}

/// All of them at once.
async fn futures<F: Future<Output = Answer>>(calls: impl Iterator<Item = F>) -> Vec<Answer> {
    use std::pin::Pin;
    use std::task::Poll;

    let mut open: Vec<(Pin<Box<F>>, Option<Answer>)> = calls.map(|call| (Box::pin(call), None)).collect();
    std::future::poll_fn(|context| {
        for (call, answer) in open.iter_mut().filter(|(_, answer)| answer.is_none()) {
            if let Poll::Ready(ready) = call.as_mut().poll(context) {
                *answer = Some(ready);
            }
        }
        if open.iter().all(|(_, answer)| answer.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    open.into_iter().filter_map(|(_, answer)| answer).collect()
}
