//! The audit log over the API.

use interlock::clock::{DAY, HOUR};
use interlock::domain::access::Role;
use serde_json::{Value, json};

use super::{admin, call, json_of, pointers, problem};
use crate::support::access::user;
use crate::support::{TestApp, on_both};

const AMARA: &str = "amara@halden.example";

async fn seqs(app: &TestApp, key: &str, query: &str) -> Vec<i64> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page =
            json_of(&call(app, key, "GET", &format!("/v1/audit?limit=3{query}{cursor}"), None).await.is(200));
        found.extend(page["data"].as_array().expect("data").iter().filter_map(|row| row["seq"].as_i64()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

on_both! {
    /// U1, U5, TEN-05: rows newest first, by page, kind, person and time; what a key did names it.
    async fn the_log_is_read(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana Sousa", "ana@halden.example", Role::Member).await;
        let bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let key = admin(&app, &owner.org, AMARA).await;
        app.clock.advance(3 * DAY);
        let noon = app.app.db.now();
        for name in ["One", "Two", "Three", "Four"] {
            call(&app, &key, "POST", "/v1/teams", Some(&json!({ "name": name }))).await.is(201);
        }
        app.clock.advance(5 * HOUR);
        let later = app.app.db.now();
        let ana = user(&app, "ana@halden.example").await;
        call(&app, &key, "PATCH", &format!("/v1/users/{ana}/role"), Some(&json!({"role": "reviewer"}))).await.is(200);
        let every = seqs(&app, &key, "").await;
        assert!(every.len() > 6 && every.windows(2).all(|pair| pair[0] == pair[1] + 1) && every.last() == Some(&1));
        let at = |at: interlock::clock::Timestamp| at.rfc3339();
        assert_eq!(seqs(&app, &key, "&kind=team.created").await.len(), 4);
        assert_eq!(seqs(&app, &key, &format!("&since={}", at(noon))).await.len(), 5);
        assert_eq!(seqs(&app, &key, &format!("&since={}&until={}", at(noon), at(later))).await.len(), 4);
        assert_eq!(seqs(&app, &key, &format!("&until={}", at(noon))).await.len(), every.len() - 5);
        assert_eq!(seqs(&app, &key, "&since=2126-01-01T00:00:00Z").await, Vec::<i64>::new());
        assert_eq!(seqs(&app, &key, "&until=1970-01-01T00:00:00Z").await, Vec::<i64>::new());
        let of_ana = json_of(&call(&app, &key, "GET", &format!("/v1/audit?user={ana}&limit=1"), None).await.is(200));
        let row: &Value = &of_ana["data"][0];
        assert_eq!((&row["kind"], &row["operator"]["name"], &row["target"]["id"]), (&json!("member.role_changed"), &json!("Amara Okafor"), &json!(ana)));
        assert_eq!(row["changes"]["role"], json!({"old": "Member", "new": "Reviewer"}));
        assert!(row["changes"]["by_key"]["new"].as_str().is_some_and(|name| name.contains("il_admin_")));
        assert!(row["request"].is_string() && row["hash"].as_str().is_some_and(|hash| hash.len() == 64));
        for (query, at) in [("kind=nothing", "?kind"), ("since=yesterday", "?since"), ("user=me", "?user"), ("cursor=x", "?cursor")] {
            assert_eq!(pointers(&problem(&call(&app, &key, "GET", &format!("/v1/audit?{query}"), None).await, 422, "invalid")), [at]);
        }
        let theirs = admin(&app, &bo.org, "bo@brightwater.example").await;
        let others = call(&app, &theirs, "GET", &format!("/v1/audit?user={ana}"), None).await.is(200);
        assert_eq!(json_of(&others)["data"], json!([]));
    }
}
