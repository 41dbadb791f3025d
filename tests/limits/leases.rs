//! What may be done so often at once.

use interlock::clock::{HOUR, SECOND};
use serde_json::{Value, json};

use super::{allowed, and, ask, delete, ephemeral, key, limit};
use crate::api::{post, problem};
use crate::support::database::{count, execute};
use crate::support::keys::{Row, insert};
use crate::support::on_both;

const SCOPE: &str = "task_type:x";

fn scopes(value: i64) -> Value {
    json!({SCOPE: [limit("organisation", "inflight", value)]})
}

fn question() -> Value {
    json!({"scope": SCOPE})
}

fn path(said: &Value) -> String {
    format!("/v1/leases/{}", said["lease"]["id"].as_str().expect("a lease"))
}

fn seconds(text: &Value) -> i64 {
    let at = text.as_str().expect("a time");
    let at = time::OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339);
    at.expect("a time").unix_timestamp()
}

on_both! {
    /// LIM-05, LIM-09: a second one waits until the first is given back, or its holder says nothing any more.
    async fn a_place_frees(app: TestApp) {
        let owner = app.owner().await;
        let key = key(&app, &owner.org, "P", &scopes(1)).await;
        let held = ask(&app, &key, question()).await;
        let said = allowed(&held);
        assert_eq!(held.header("ratelimit-policy"), format!("\"organisation {SCOPE} inflight\";q=1;qu=\"concurrent-requests\""));
        assert_eq!(said["limits"][0]["resets_at"], said["lease"]["expires_at"]);
        let now = app.app.db.now().0;
        let left = seconds(&said["lease"]["expires_at"]) * SECOND - now;
        assert!((60 * SECOND..=61 * SECOND).contains(&left), "{left}");
        let answer = ask(&app, &key, question()).await;
        let refused = problem(&answer, 429, "limit-exceeded");
        assert_eq!((&refused["limit"]["type"], &refused["limit"]["resets_at"]), (&json!("inflight"), &said["lease"]["expires_at"]));
        assert!(["60", "61"].contains(&answer.header("retry-after")), "{}", answer.header("retry-after"));
        delete(&app, &key, &path(&said)).await.is(204);
        assert_eq!(count(&app, "limit_counters").await, 0);
        // Given back twice, and another's is not touched by it.
        let other = allowed(&ask(&app, &key, and(question(), "ttl", 5)).await);
        delete(&app, &key, &path(&said)).await.is(204);
        problem(&ask(&app, &key, question()).await, 429, "limit-exceeded");
        app.clock.advance(5 * SECOND + SECOND);
        let third = allowed(&ask(&app, &key, question()).await);
        // What has ended is known as such, and gives nothing back.
        problem(&post(&app, &key, &format!("{}/renew", path(&other)), &json!({})).await, 409, "lease-expired");
        problem(&post(&app, &key, &format!("{}/renew", path(&said)), &json!({})).await, 409, "lease-expired");
        delete(&app, &key, &path(&other)).await.is(204);
        problem(&ask(&app, &key, question()).await, 429, "limit-exceeded");
        delete(&app, &key, &path(&third)).await.is(204);
        app.clock.advance(3 * HOUR);
        interlock::domain::housekeeping::sweep(&app.app).await.expect("it sweeps");
        problem(&delete(&app, &key, &path(&third)).await, 404, "unknown-lease");
    }

    /// A lease lasts as long as it is renewed, by whoever holds it.
    async fn a_lease_is_renewed(app: TestApp) {
        let owner = app.owner().await;
        let key = key(&app, &owner.org, "P", &scopes(2)).await;
        let said = allowed(&ask(&app, &key, and(and(question(), "cost", 2), "ttl", 30)).await);
        let renew = format!("{}/renew", path(&said));
        for _ in 0..4 {
            app.clock.advance(25 * SECOND);
            let answer = post(&app, &key, &renew, &json!({"ttl": 30})).await.is(200);
            let lease: Value = serde_json::from_str(&answer.body).expect("it is JSON");
            assert_eq!(lease["id"], said["lease"]["id"]);
            let left = seconds(&lease["expires_at"]) * SECOND - app.app.db.now().0;
            assert!((30 * SECOND..=31 * SECOND).contains(&left), "{left}");
            let refused = problem(&ask(&app, &key, question()).await, 429, "limit-exceeded");
            assert_eq!((&refused["limit"]["used"], &refused["limit"]["resets_at"]), (&json!(2), &lease["expires_at"]));
        }
        // Without a body it is the usual minute.
        let bearer = format!("Bearer {key}");
        crate::api::send(&app, axum::http::Method::POST, &renew, &[("authorization", &bearer)], "").await.is(200);
        app.clock.advance(59 * SECOND);
        problem(&ask(&app, &key, question()).await, 429, "limit-exceeded");
        app.clock.advance(2 * SECOND);
        // Nobody has looked since.
        problem(&post(&app, &key, &renew, &json!({"ttl": 30})).await, 409, "lease-expired");
        allowed(&ask(&app, &key, and(question(), "cost", 2)).await);
        for ttl in [json!(0), json!(3_601), json!(-1), json!("60"), json!(1.5)] {
            let said = problem(&post(&app, &key, &renew, &json!({"ttl": ttl})).await, 422, "invalid");
            assert_eq!(said["errors"][0]["pointer"], "/ttl");
        }
    }

    /// TEN-01: another key's lease, and another organization's, is as one that never was; the key that took the place of
    /// the one that holds it has it too.
    async fn a_lease_is_its_keys(app: TestApp) {
        let owner = app.owner().await;
        let holder = key(&app, &owner.org, "P", &scopes(5)).await;
        let said = allowed(&ask(&app, &holder, question()).await);
        let neighbour = key(&app, &owner.org, "Q", &scopes(5)).await;
        let bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let stranger = key(&app, &bo.org, "R", &scopes(5)).await;
        let child = ephemeral(&app, &owner.org, "P", &scopes(5), Some(1)).await;
        let unknown = "/v1/leases/01a20000-0000-7000-8000-000000000000";
        let bodies = |answer: crate::support::Answer| (answer.status.as_u16(), answer.body);
        for other in [&neighbour, &stranger, &child] {
            let (theirs, none) = (delete(&app, other, &path(&said)).await, delete(&app, other, unknown).await);
            problem(&theirs, 404, "unknown-lease");
            assert_eq!(bodies(theirs), bodies(none));
            let theirs = post(&app, other, &format!("{}/renew", path(&said)), &json!({})).await;
            assert_eq!(bodies(theirs), bodies(post(&app, other, &format!("{unknown}/renew"), &json!({})).await));
            problem(&delete(&app, other, "/v1/leases/nonsense").await, 404, "unknown-lease");
        }
        assert_eq!(count(&app, "limit_counters where used = 1").await, 1);
        // A key that is used up still gives back what it holds.
        let held = allowed(&ask(&app, &child, question()).await);
        problem(&ask(&app, &child, question()).await, 401, "used-up-key");
        delete(&app, &child, &path(&held)).await.is(204);
        let (new, rotated) = insert(&app, &Row::live(&owner.org, None)).await;
        execute(&app, &format!("update api_keys set family = (select k.id from api_keys k join permissions p on p.id = k.permission \
            where p.name = 'P') where id = '{new}'")).await;
        delete(&app, &rotated, &path(&said)).await.is(204);
        assert_eq!(count(&app, "limit_counters").await, 0);
    }

    /// L5: a lease is of all limits of what may be at once, beside what is counted, which stays spent.
    async fn a_lease_holds_all_of_them(app: TestApp) {
        let owner = app.owner().await;
        let scopes = json!({SCOPE: [limit("organisation", "inflight", 3), limit("user", "inflight", 1), limit("user", "count", 2)]});
        let key = key(&app, &owner.org, "P", &scopes).await;
        let of = |user: &str| json!({"scope": SCOPE, "user": user, "object": "the same"});
        let said = allowed(&ask(&app, &key, of("a")).await);
        assert_eq!(problem(&ask(&app, &key, of("a")).await, 429, "limit-exceeded")["limit"]["level"], "user");
        allowed(&ask(&app, &key, of("b")).await);
        delete(&app, &key, &path(&said)).await.is(204);
        let again = allowed(&ask(&app, &key, of("a")).await);
        let told: Vec<i64> = again["limits"].as_array().expect("a list").iter().filter_map(|limit| limit["used"].as_i64()).collect();
        assert_eq!(told, [2, 1, 1]);
        // The clock steps back past the end of a lease that was seen to end: it does not come alive again.
        app.clock.advance(62 * SECOND);
        allowed(&ask(&app, &key, of("c")).await);
        app.clock.advance(-62 * SECOND);
        problem(&post(&app, &key, &format!("{}/renew", path(&again)), &json!({})).await, 409, "lease-expired");
        execute(&app, "delete from limit_leases").await;
        problem(&delete(&app, &key, &path(&again)).await, 404, "unknown-lease");
    }
}
