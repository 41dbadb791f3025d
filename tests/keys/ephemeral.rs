//! Ephemeral keys: for a short time, and less than the key that they are made from (CAP-01, CAP-02).

use serde_json::{Value, json};

use super::{admin, asks, audited, current, development, live, people, works};
use crate::api::{post, problem};
use crate::support::database::{count, dump, execute};
use crate::support::{Answer, keys, on_both};

const MINT: &str = "/v1/keys/ephemeral";

fn value(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).expect("it is JSON")
}

fn pointers(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().expect("errors");
    errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
}

/// So many scopes of their own.
fn scopes(number: usize) -> Value {
    (0..number).map(|at| (format!("task_type:a{at}"), json!([]))).collect::<serde_json::Map<_, _>>().into()
}

const SCOPES: &str =
    r#"{"source_type:icloud.*":[{"level":"user","type":"count","value":3}],"task_type:a":[]}"#;

on_both! {
    /// K3: it asks, says what it is, and does nothing else; its secret is in one answer; it stands in no audit log.
    async fn it_opens_checks_alone(app: TestApp) {
        let (mut owner, mut ad, mut dev) = people(&app).await;
        let (_, parent) = live(&mut owner, &[]).await;
        let (_, own) = development(&mut dev).await;
        let (_, admin_key) = admin(&mut ad, "90").await;
        let before = audited(&app).await;
        let minted = post(&app, &parent, MINT, &json!({"ttl": 600, "name": "Browser"})).await.is(201);
        let minted = value(&minted);
        let key = minted["key"].as_str().expect("a key").to_owned();
        assert!(key.starts_with("il_temp_") && minted["scopes"].is_null() && minted["max_uses"].is_null());
        assert_eq!(minted["expires_at"], app.app.db.now().plus(600_000).rfc3339());
        asks(&app, &key).await.is(200);
        let told = works(&app, &key).await;
        assert_eq!((&told["kind"], &told["id"], &told["name"]), (&"ephemeral".into(), &minted["id"], &"Browser".into()));
        assert_eq!((&told["agent"], &told["environment"]), (&"Gateway".into(), &"production".into()));
        problem(&post(&app, &key, MINT, &json!({"ttl": 600})).await, 403, "wrong-key");
        problem(&post(&app, &admin_key, MINT, &json!({"ttl": 600})).await, 403, "wrong-key");
        let of_dev = value(&post(&app, &own, MINT, &json!({"ttl": 600})).await.is(201));
        let told = works(&app, of_dev["key"].as_str().expect("a key")).await;
        assert_eq!(told["environment"], "development");
        assert_eq!(audited(&app).await, before);
        assert!(!dump(&app).await.contains(&key));
        // Nor is it a row of the list.
        owner.get(&format!("{}/keys", owner.org)).await.ok().says_not("Browser");
        owner.get(&format!("{}/keys/{}", owner.org, minted["id"].as_str().expect("an id"))).await.is(404);
        app.clock.advance(600_000);
        problem(&asks(&app, &key).await, 401, "expired-key");
    }

    /// A number of uses is exact, also where the last ones are asked for at once.
    async fn uses_are_counted(app: TestApp) {
        let (mut owner, _, _) = people(&app).await;
        let (_, parent) = live(&mut owner, &[]).await;
        let minted = value(&post(&app, &parent, MINT, &json!({"ttl": 600, "max_uses": 3})).await.is(201));
        let key = minted["key"].as_str().expect("a key").to_owned();
        assert_eq!(works(&app, &key).await["uses_left"], 3);
        let ask = || asks(&app, &key);
        let (a, b, c, d, e) = tokio::join!(ask(), ask(), ask(), ask(), ask());
        let passed = [a, b, c, d, e].iter().filter(|answer| answer.status.as_u16() == 200).count();
        assert_eq!(passed, 3);
        problem(&asks(&app, &key).await, 401, "used-up-key");
        assert_eq!(works(&app, &key).await["uses_left"], 0);
        asks(&app, &parent).await.is(200);
    }

    /// CAP-01, CAP-02: it never goes beyond its parent's permission nor the base, which cap it on the next call.
    async fn it_is_within_its_parent(app: TestApp) {
        let (mut owner, _, mut dev) = people(&app).await;
        let permission = keys::permission(&app, &owner.org, "Backups", SCOPES).await.to_string();
        let (_, parent) = live(&mut owner, &[("permission", &permission)]).await;
        let narrower = json!({"source_type:icloud.account": [{"level": "user", "type": "count", "value": 2}]});
        let minted = value(&post(&app, &parent, MINT, &json!({"ttl": 60, "scopes": narrower})).await.is(201));
        assert_eq!(minted["scopes"], narrower);
        let told = works(&app, minted["key"].as_str().expect("a key")).await;
        assert_eq!(told["scopes"][2], json!({"from": "ephemeral", "scopes": narrower}));
        assert_eq!(told["permission"], permission.as_str());
        let beyond = json!({
            "source_type:*": [], "task_type:b": [], "task_type:a": [],
            "source_type:icloud.mail": [{"level": "user", "type": "count", "value": 4}],
        });
        let said = problem(&post(&app, &parent, MINT, &json!({"ttl": 60, "scopes": beyond})).await, 422, "invalid");
        assert_eq!(pointers(&said), ["/scopes/source_type:*", "/scopes/source_type:icloud.mail/0/value", "/scopes/task_type:b"]);
        // A live key without a permission grants none.
        let (_, without) = live(&mut owner, &[]).await;
        let said = problem(&post(&app, &without, MINT, &json!({"ttl": 60, "scopes": {"task_type:a": []}})).await, 422, "invalid");
        assert_eq!(pointers(&said), ["/scopes/task_type:a"]);
        // A development key has the base.
        let (_, own) = development(&mut dev).await;
        post(&app, &own, MINT, &json!({"ttl": 60, "scopes": {"task_type:a": []}})).await.is(201);
        keys::set_base(&app, &owner.org, r#"{"source_type:icloud.*":[]}"#).await;
        for key in [&own, &parent] {
            let said = problem(&post(&app, key, MINT, &json!({"ttl": 60, "scopes": {"task_type:a": []}})).await, 422, "invalid");
            assert_eq!(pointers(&said), ["/scopes/task_type:a"]);
        }
    }

    /// LIM-07: each wrong value is named, and nothing is made.
    async fn bad_bodies_make_nothing(app: TestApp) {
        let (mut owner, _, _) = people(&app).await;
        let (_, parent) = live(&mut owner, &[]).await;
        for (body, at) in [
            (json!({}), vec!["/ttl"]),
            (json!({"ttl": 9}), vec!["/ttl"]),
            (json!({"ttl": 86_401, "max_uses": 0, "name": ""}), vec!["/ttl", "/max_uses", "/name"]),
            (json!({"ttl": "60", "max_uses": 1.5}), vec!["/ttl", "/max_uses"]),
            (json!({"ttl": 60, "scopes": []}), vec!["/scopes"]),
            (json!({"ttl": 60, "scopes": {"nothing": []}}), vec!["/scopes/nothing"]),
            (json!({"ttl": 60, "kind": "admin"}), vec!["/kind"]),
            (json!({"ttl": 60, "scopes": scopes(21)}), vec!["/scopes"]),
        ] {
            let said = problem(&post(&app, &parent, MINT, &body).await, 422, "invalid");
            assert_eq!(pointers(&said), at, "{body}");
        }
        assert_eq!(count(&app, "api_keys").await, 1);
        // What is within bounds goes on to be weighed against the parent, which has no permission.
        let said = problem(&post(&app, &parent, MINT, &json!({"ttl": 60, "scopes": scopes(20)})).await, 422, "invalid");
        assert_eq!(pointers(&said).len(), 20);
        execute(&app, "delete from throttles").await;
        post(&app, &parent, MINT, &json!({"ttl": 60})).await.is(201);
        execute(&app, "update throttles set used = 10000").await;
        problem(&post(&app, &parent, MINT, &json!({"ttl": 60})).await, 429, "too-many-tries");
        current(&app, &parent).await.ok();
    }
}
