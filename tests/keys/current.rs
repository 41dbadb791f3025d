//! `GET /v1/keys` and `GET /v1/keys/current`.

use axum::http::Method;
use serde_json::Value;

use super::{admin, current, live, people};
use crate::api::{problem, send};
use crate::support::database::execute;
use crate::support::{Answer, TestApp, on_both};

async fn listed(app: &TestApp, key: &str, query: &str) -> Answer {
    let bearer = format!("Bearer {key}");
    send(app, Method::GET, &format!("/v1/keys{query}"), &[("authorization", &bearer)], "").await
}

fn value(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).expect("it is JSON")
}

on_both! {
    /// K1: the list goes by cursor, has each key once and no secret, and none of another organization.
    async fn keys_are_listed_by_cursor(app: TestApp) {
        let (mut owner, mut ad, _) = people(&app).await;
        let mut stranger = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        live(&mut stranger, &[("name", "Theirs")]).await;
        let (_, key) = admin(&mut ad, "90").await;
        let mut secrets = vec![key.clone()];
        for number in 0..4 {
            secrets.push(live(&mut owner, &[("name", &format!("Key {number}"))]).await.1);
        }
        // Some of one moment: the cursor tells them apart.
        execute(&app, "update api_keys set created_at = 5 where name like 'Key %'").await;
        let (mut names, mut query) = (Vec::new(), "?limit=2".to_owned());
        loop {
            let answer = listed(&app, &key, &query).await.ok();
            assert!(secrets.iter().all(|secret| !answer.body.contains(&secret[10..40])));
            let page = value(&answer);
            let data = page["data"].as_array().expect("a list");
            assert!(data.len() <= 2 && data.iter().all(|key| key.get("key").is_none() && key["state"] == "works"));
            names.extend(data.iter().map(|key| key["name"].as_str().expect("a name").to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            assert!(answer.header("link").contains(cursor) && answer.header("link").contains("limit=2"));
            query = format!("?limit=2&cursor={cursor}");
        }
        names.sort();
        assert_eq!(names, ["Key 0", "Key 1", "Key 2", "Key 3", "Provisioning"]);
        for wrong in ["?cursor=x", "?limit=0", "?limit=101"] {
            problem(&listed(&app, &key, wrong).await, 422, "invalid");
        }
    }

    /// KEY-01: what a key learns of itself is not the key.
    async fn a_key_learns_what_it_is(app: TestApp) {
        let (mut owner, _, _) = people(&app).await;
        let (path, key) = live(&mut owner, &[("days", "30")]).await;
        let first = value(&current(&app, &key).await.ok());
        assert_eq!(first["id"], path.rsplit('/').next().expect("an id"));
        assert!(first["shown"].as_str().is_some_and(|shown| shown.ends_with(&key[key.len() - 4..])));
        assert!(first["expires_at"].as_str().is_some_and(|at| at.ends_with('Z')) && first["uses_left"].is_null());
        // It grants no scope without a permission.
        assert_eq!(first["scopes"][1]["scopes"], serde_json::json!({}));
        assert!(!first.to_string().contains(&key[9..40]));
        assert!(value(&current(&app, &key).await.ok())["last_used_at"].is_string());
        owner.get("/v1/keys/current").await.is(401);
    }
}
