//! Notices before keys end, calls that are counted, and what is swept.

use interlock::clock::{DAY, HOUR};
use interlock::domain::{api_keys, housekeeping};

use super::{ADMIN, AMARA, admin, current, live, people, rotated};
use crate::support::database::{count, execute, only, texts};
use crate::support::{PASSWORD, TestApp, on_both};

/// The mails about keys that end, to whom.
async fn told(app: &TestApp) -> Vec<String> {
    api_keys::tell_due(&app.app).await.expect("they are told");
    let mails = app.mails().await.into_iter().filter(|mail| mail.text.contains("stops working"));
    let mut to: Vec<String> = mails.map(|mail| mail.to).collect();
    to.sort();
    to
}

on_both! {
    /// K4: Owners are mailed seven days before a live key ends, whom it acts for before a personal one does, each once;
    /// of what lives for a week, or was replaced or revoked, nobody is.
    async fn a_keys_end_is_told_once(app: TestApp) {
        let (mut owner, mut ad, _) = people(&app).await;
        live(&mut owner, &[("days", "30")]).await;
        live(&mut owner, &[("name", "Never ends")]).await;
        live(&mut owner, &[("name", "Short"), ("days", "7")]).await;
        let (gone, _) = live(&mut owner, &[("name", "Gone"), ("days", "30")]).await;
        let (old, _) = live(&mut owner, &[("name", "Old"), ("days", "30")]).await;
        admin(&mut ad, "30").await;
        owner.post(&format!("{gone}/revocation"), &[]).await.is(303);
        rotated(&mut owner, &old, "24").await;
        assert!(told(&app).await.is_empty());
        app.clock.advance(23 * DAY - HOUR);
        assert!(told(&app).await.is_empty());
        app.clock.advance(HOUR);
        assert_eq!(told(&app).await, [ADMIN, AMARA, AMARA], "Gateway's, and that of what took Old's place");
        let replica = app.replica().await;
        api_keys::tell_due(&replica.app).await.expect("they are told");
        assert_eq!(told(&app).await.len(), 3);
        let mail = app.mail_to(ADMIN).await;
        assert!(mail.text.contains("/keys/") && mail.text.contains("Provisioning"), "{}", mail.text);
        // The rule ends keys too.
        execute(&app, &format!("update organizations set longest_key = {}", 29 * DAY)).await;
        assert_eq!(told(&app).await.len(), 4, "Never ends");
    }

    /// Calls are counted, by day, ephemeral ones with the key that they were made from; a deleted key's are dropped.
    async fn calls_are_counted(app: TestApp) {
        let (mut owner, _, _) = people(&app).await;
        let (path, key) = live(&mut owner, &[]).await;
        let child = crate::api::post(&app, &key, "/v1/keys/ephemeral", &serde_json::json!({"ttl": 3600})).await.is(201);
        let child = serde_json::from_str::<serde_json::Value>(&child.body).expect("it is JSON")["key"].as_str().expect("a key").to_owned();
        for _ in 0..3 {
            current(&app, &key).await.ok();
        }
        current(&app, &child).await.ok();
        owner.get(&path).await.ok().says("5 calls");
        app.app.calls.write(&app.app).await.expect("they are written");
        owner.get(&path).await.ok().says("5 calls");
        current(&app, &key).await.ok();
        app.app.calls.write(&app.app).await.expect("they are written");
        assert_eq!(only(texts(&app, "select cast(calls as text) from api_key_calls").await), "6");
        owner.get(&format!("{}/keys.csv", owner.org)).await.ok().says(",6,works");
        app.clock.advance(DAY);
        owner.sign_in(AMARA, PASSWORD).await;
        owner.get(&path).await.ok().says("0 calls");
        // Written of a key that is gone: nothing, and nothing fails.
        current(&app, &key).await.ok();
        execute(&app, "update api_keys set parent = null; delete from api_key_calls; delete from api_keys").await;
        app.app.calls.write(&app.app).await.expect("they are written");
        assert_eq!(count(&app, "api_key_calls").await, 0);
    }

    /// Ephemeral keys go a week after their end, and counts after a month.
    async fn what_has_ended_is_swept(app: TestApp) {
        let (mut owner, _, _) = people(&app).await;
        let (_, key) = live(&mut owner, &[]).await;
        crate::api::post(&app, &key, "/v1/keys/ephemeral", &serde_json::json!({"ttl": 60})).await.is(201);
        app.app.calls.write(&app.app).await.expect("they are written");
        app.clock.advance(7 * DAY);
        housekeeping::sweep(&app.app).await.expect("it sweeps");
        assert_eq!((count(&app, "api_keys").await, count(&app, "api_key_calls").await), (2, 1));
        app.clock.advance(HOUR);
        housekeeping::sweep(&app.app).await.expect("it sweeps");
        assert_eq!((count(&app, "api_keys").await, count(&app, "api_key_calls").await), (1, 1));
        app.clock.advance(30 * DAY);
        housekeeping::sweep(&app.app).await.expect("it sweeps");
        assert_eq!((count(&app, "api_keys").await, count(&app, "api_key_calls").await), (1, 0));
    }
}
