//! What can't be asked: each wrong field is named with its place, and nothing is spent.

use axum::http::Method;
use serde_json::{Value, json};

use super::{BATCH, CHECK, ICLOUD, allowed, ask, interval, key, limit, of};
use crate::api::{post, problem, send};
use crate::support::database::count;
use crate::support::on_both;

#[track_caller]
fn pointers(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().expect("errors");
    errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
}

on_both! {
    /// LIM-07, INJ: each wrong value has its pointer, all of them at once, alone and in a batch.
    async fn what_is_wrong_is_said_with_its_place(app: TestApp) {
        let owner = app.owner().await;
        let key = key(&app, &owner.org, "P", &json!({"source_type:*": [limit("organisation", "count", 9), limit("organisation", "inflight", 9)]})).await;
        let long = "x".repeat(501);
        for (body, places) in [
            (json!([]), vec![""]),
            (json!({}), vec!["/scope"]),
            (json!({"scope": null}), vec!["/scope"]),
            (json!({"scope": 5}), vec!["/scope"]),
            (json!({"scope": "source_type:*"}), vec!["/scope"]),
            (json!({"scope": "source_type:a.*"}), vec!["/scope"]),
            (json!({"scope": "kind:a"}), vec!["/scope"]),
            (json!({"scope": "source_type:a b"}), vec!["/scope"]),
            (json!({"scope": "source_type:"}), vec!["/scope"]),
            (json!({"scope": ICLOUD, "user": ""}), vec!["/user"]),
            (json!({"scope": ICLOUD, "user": 7}), vec!["/user"]),
            (json!({"scope": ICLOUD, "user": long, "object": long, "idempotency_key": long}), vec!["/user", "/object", "/idempotency_key"]),
            (json!({"scope": ICLOUD, "cost": 0}), vec!["/cost"]),
            (json!({"scope": ICLOUD, "cost": -1}), vec!["/cost"]),
            (json!({"scope": ICLOUD, "cost": 1.5}), vec!["/cost"]),
            (json!({"scope": ICLOUD, "cost": 1e30}), vec!["/cost"]),
            (json!({"scope": ICLOUD, "cost": 9_007_199_254_740_993_i64}), vec!["/cost"]),
            (json!({"scope": ICLOUD, "cost": "1"}), vec!["/cost"]),
            (json!({"scope": ICLOUD, "ttl": 0}), vec!["/ttl"]),
            (json!({"scope": ICLOUD, "ttl": 3_601}), vec!["/ttl"]),
            (json!({"scope": ICLOUD, "dry_run": "yes"}), vec!["/dry_run"]),
            (json!({"scope": ICLOUD, "organization": "x", "a/b": 1}), vec!["/a~1b", "/organization"]),
            (json!({"scope": "x", "user": "", "cost": 0, "ttl": 0}), vec!["/scope", "/user", "/cost", "/ttl"]),
        ] {
            let said = problem(&post(&app, &key, CHECK, &body).await, 422, "invalid");
            assert_eq!(pointers(&said), places, "{body}");
            let said = problem(&post(&app, &key, BATCH, &json!({"checks": [of(ICLOUD, "u"), body]})).await, 422, "invalid");
            let places: Vec<String> = places.iter().map(|place| format!("/checks/1{place}")).collect();
            assert_eq!(pointers(&said), places, "{body}");
        }
        for checks in [json!([]), json!(vec![of(ICLOUD, "u"); 101]), json!("x"), Value::Null] {
            let said = problem(&post(&app, &key, BATCH, &json!({"checks": checks})).await, 422, "invalid");
            assert_eq!(pointers(&said), ["/checks"]);
        }
        let bearer = format!("Bearer {key}");
        let with_key = [("authorization", bearer.as_str())];
        problem(&send(&app, Method::POST, CHECK, &with_key, "{\"scope\": ").await, 400, "malformed-json");
        let form = [with_key[0], ("content-type", "text/plain")];
        problem(&send(&app, Method::POST, CHECK, &form, "{}").await, 415, "not-json");
        problem(&send(&app, Method::GET, CHECK, &with_key, "").await, 405, "method-not-allowed");
        assert_eq!(count(&app, "limit_counters").await, 0);
        // A hundred are taken, of names of any characters.
        post(&app, &key, BATCH, &json!({"checks": vec![json!({"scope": ICLOUD, "dry_run": true}); 100]})).await.is(200);
        let names = json!({"scope": ICLOUD, "user": "ü\u{0}\n'; drop table limit_counters; --", "object": "\u{0}", "idempotency_key": "\u{0}"});
        assert_eq!(allowed(&ask(&app, &key, names).await)["limits"][0]["used"], 1);
        assert_eq!(count(&app, "limit_counters").await, 2);
    }

    /// LIM-07: what would be weighed by thousands of limits together is refused, and nothing of it is spent.
    async fn a_batch_has_an_end(app: TestApp) {
        let owner = app.owner().await;
        let names = ["*", "a.*", "a.b.*", "a.b.c.*"];
        let limits: Vec<Value> = ["organisation", "key", "user"].iter().flat_map(|level| {
            [limit(level, "count", 900), interval(level, 900, "1 hour"), interval(level, 900, "1 day")]
        }).collect();
        let scopes = names.iter().map(|name| (format!("source_type:{name}"), json!(limits)));
        let scopes = Value::Object(scopes.collect());
        let key = key(&app, &owner.org, "P", &scopes).await;
        let question = |user: usize| json!({"scope": "source_type:a.b.c.d", "user": format!("u{user}"), "object": "o"});
        let weighed = names.len() * limits.len();
        let checks = |number: usize| json!({"checks": (0..number).map(question).collect::<Vec<_>>()});
        let most = 2_000 / weighed;
        let said = problem(&post(&app, &key, BATCH, &checks(most + 1)).await, 422, "invalid");
        assert_eq!(pointers(&said), ["/checks"]);
        assert_eq!(count(&app, "limit_counters").await, 0);
        post(&app, &key, BATCH, &checks(most)).await.is(200);
        assert_ne!(count(&app, "limit_counters").await, 0);
    }
}
