//! Keys: what opens `/v1`, and what does not.

use axum::http::Method;
use interlock::clock::{DAY, MINUTE};
use interlock::domain::access::Operator;
use interlock::domain::api_keys;
use interlock::domain::resources::Audience;
use serde_json::json;

use super::{BATCH, CHECK, key, post, problem, send};
use crate::support::access::{self, Thing, resource};
use crate::support::database::{count, dump, execute, only, texts};
use crate::support::{TestApp, on_both};

const AMARA: &str = "amara@halden.example";

async fn asked(app: &TestApp) -> (crate::support::Visitor, String, String) {
    let owner = app.owner().await;
    resource(
        app,
        &owner.org,
        AMARA,
        &Thing::tool("wiki", "https://wiki.example/", Audience::EntireOrganization),
    )
    .await;
    let (key, id) = key(app, &owner.org, "production", None).await;
    (owner, key, id)
}

fn question() -> serde_json::Value {
    json!({"resource": "wiki", "permission": "Read", "user": AMARA})
}

on_both! {
    /// K1, KEY-03, KEY-04, KEY-09: a key opens in one header alone, and what is none is told alike.
    async fn only_a_bearer_key_opens(app: TestApp) {
        let (mut owner, key, _) = asked(&app).await;
        post(&app, &key, CHECK, &question()).await.is(200);
        let body = question().to_string();
        let mut odd = String::new();
        for (headers, status, kind) in [
            (vec![], 401, "no-key"),
            (vec![("authorization", key.clone())], 401, "no-key"),
            (vec![("authorization", format!("Basic {key}"))], 401, "no-key"),
            (vec![("authorization", "Basic aWxfbGl2ZV86eA==".to_owned())], 401, "no-key"),
            (vec![("cookie", format!("key={key}; authorization={key}"))], 401, "no-key"),
            (vec![("x-api-key", key.clone())], 401, "no-key"),
            (vec![("authorization", format!("Bearer  {key}"))], 401, "unknown-key"),
            (vec![("authorization", format!("Bearer {key}="))], 401, "unknown-key"),
            (vec![("authorization", format!("Bearer {}", key.to_uppercase()))], 401, "unknown-key"),
            (vec![("authorization", format!("Bearer {}", "a".repeat(10_000)))], 401, "unknown-key"),
            (vec![("authorization", format!("Bearer il_test_{}", &key[8..]))], 401, "unknown-key"),
            (vec![("authorization", format!("Bearer {}", api_keys::Secret::generate(api_keys::Kind::Live).expose()))], 401, "unknown-key"),
            (vec![("authorization", format!("Bearer {key}")), ("authorization", "Bearer x".to_owned())], 400, "two-authorizations"),
        ] {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = send(&app, Method::POST, CHECK, &headers, &body).await;
            let said = problem(&answer, status, kind);
            if kind == "unknown-key" {
                let said = said.to_string();
                assert!(odd.is_empty() || odd == said, "all that are none are told alike");
                odd = said;
            }
        }
        let in_address = format!("{CHECK}?key={key}&authorization=Bearer%20{key}");
        problem(&send(&app, Method::POST, &in_address, &[], &body).await, 401, "no-key");
        send(&app, Method::POST, CHECK, &[("authorization", &format!("bEARER {key}"))], &body).await.is(200);
        // A session opens nothing here, and a key nothing elsewhere.
        owner.send_raw(Method::POST, CHECK, &[], body.clone()).await.is(401);
        send(&app, Method::GET, &format!("{}/users", owner.org), &[("authorization", &format!("Bearer {key}"))], "").await.is(303);
    }

    /// KEY-01, K4: a key is stored as its hash alone, and used keys say when and from where, once a minute.
    async fn a_key_is_stored_as_a_hash(app: TestApp) {
        let (_, key, id) = asked(&app).await;
        let all = dump(&app).await;
        assert!(!all.contains(&key) && !all.contains(&key[8..30]) && all.contains(&key[key.len() - 4..]));
        assert_eq!(count(&app, "audit_events where kind = 'key.created' and operator_name = 'Sysadmin'").await, 1);
        let used = format!("select coalesce(cast(last_used_at as text) || ' ' || last_used_from, '') from api_keys where id = '{id}'");
        assert_eq!(only(texts(&app, &used).await), "");
        post(&app, &key, CHECK, &question()).await.is(200);
        let first = only(texts(&app, &used).await);
        assert!(first.ends_with(" 127.0.0.1"), "{first}");
        post(&app, &key, CHECK, &question()).await.is(200);
        assert_eq!(only(texts(&app, &used).await), first);
        app.clock.advance(MINUTE);
        post(&app, &key, CHECK, &question()).await.is(200);
        assert_ne!(only(texts(&app, &used).await), first);
    }

    /// KEY-02, K4, R12: what is revoked, has expired or is of a deleted organization opens nothing, on any replica.
    async fn a_key_ends_at_once(app: TestApp) {
        let (owner, lasting, id) = asked(&app).await;
        let replica = app.replica().await;
        let soon = app.app.db.now().plus(DAY);
        let (ending, _) = key(&app, &owner.org, "production", Some(soon)).await;
        post(&replica, &ending, CHECK, &question()).await.is(200);
        app.clock.advance(DAY);
        problem(&post(&replica, &ending, CHECK, &question()).await, 401, "expired-key");
        execute(&app, "update organizations set closed_at = 1").await;
        problem(&post(&replica, &lasting, CHECK, &question()).await, 401, "unknown-key");
        execute(&app, "update organizations set closed_at = null").await;
        post(&replica, &lasting, CHECK, &question()).await.is(200);
        let organization = access::organization(&app, &owner.org).await.parse().expect("an id");
        let key_id = id.parse().expect("an id");
        assert!(api_keys::revoke(&app.app, organization, key_id, &Operator::sysadmin()).await.expect("it answers"));
        problem(&post(&replica, &lasting, CHECK, &question()).await, 401, "revoked-key");
        problem(&post(&replica, &lasting, BATCH, &json!({"checks": [question()]})).await, 401, "revoked-key");
        assert!(!api_keys::revoke(&app.app, organization, key_id, &Operator::sysadmin()).await.expect("it answers"));
        assert_eq!(count(&app, "audit_events where kind = 'key.revoked'").await, 1);
    }

    /// KEY-03: whoever tries keys is slowed, and a key that is one works all the same.
    async fn tries_are_budgeted(app: TestApp) {
        let (_, key, _) = asked(&app).await;
        execute(&app, "delete from throttles").await;
        let unknown = api_keys::Secret::generate(api_keys::Kind::Live).expose().to_owned();
        problem(&post(&app, &unknown, CHECK, &question()).await, 401, "unknown-key");
        execute(&app, "update throttles set used = 600").await;
        let answer = post(&app, &unknown, CHECK, &question()).await;
        problem(&answer, 429, "too-many-tries");
        assert!(!answer.header("retry-after").is_empty());
        post(&app, &key, CHECK, &question()).await.is(200);
    }

    /// RFC 9457: every refusal under /v1 is a problem that says what to change.
    async fn problems_say_what_to_change(app: TestApp) {
        let (_, key, _) = asked(&app).await;
        let bearer = format!("Bearer {key}");
        let with_key = [("authorization", bearer.as_str())];
        problem(&send(&app, Method::GET, "/v1/nothing", &[], "").await, 404, "not-found");
        problem(&send(&app, Method::GET, "/v1", &[], "").await, 404, "not-found");
        let answer = send(&app, Method::GET, CHECK, &with_key, "").await;
        problem(&answer, 405, "method-not-allowed");
        assert_eq!(answer.header("allow"), "POST");
        let form = [with_key[0], ("content-type", "application/x-www-form-urlencoded")];
        problem(&send(&app, Method::POST, CHECK, &form, "resource=wiki").await, 415, "not-json");
        for body in ["", "{", "nonsense", "{\"resource\": }"] {
            problem(&send(&app, Method::POST, CHECK, &with_key, body).await, 400, "malformed-json");
        }
        let long = format!("{{\"resource\": \"{}\"}}", "a".repeat(70_000));
        problem(&send(&app, Method::POST, CHECK, &with_key, &long).await, 413, "too-large");
        for (body, pointers) in [
            (json!([]), vec![""]),
            (json!({}), vec!["/resource", "/permission", "/user"]),
            (json!({"resource": 1, "permission": null, "user": []}), vec!["/resource", "/permission", "/user"]),
            (json!({"resource": "wiki", "permission": "read", "user": AMARA}), vec!["/permission"]),
            (json!({"resource": "wiki", "permission": "Read", "user": AMARA, "a/b~": 1}), vec!["/a~1b~0"]),
            (json!({"resource": "\u{0}", "permission": "Read", "user": AMARA}), vec!["/resource"]),
        ] {
            let said = problem(&post(&app, &key, CHECK, &body).await, 422, "invalid");
            let at: Vec<&str> = said["errors"].as_array().expect("errors").iter().filter_map(|error| error["pointer"].as_str()).collect();
            assert_eq!(at, pointers, "{body}");
        }
        let said = problem(&post(&app, &key, BATCH, &json!({"checks": [question(), {"resource": "wiki"}]})).await, 422, "invalid");
        assert_eq!(said["errors"][0]["pointer"], "/checks/1/permission");
        for checks in [json!([]), json!(vec![question(); 101]), json!("x")] {
            let said = problem(&post(&app, &key, BATCH, &json!({ "checks": checks })).await, 422, "invalid");
            assert_eq!(said["errors"][0]["pointer"], "/checks");
        }
        problem(&post(&app, &key, CHECK, &json!({"resource": "nothing", "permission": "Read", "user": AMARA})).await, 404, "unknown-resource");
    }
}
