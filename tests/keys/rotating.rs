//! Rotation, and revoking.

use interlock::clock::HOUR;
use interlock::ids::ApiKeyId;

use super::{audited, current, development, form_of, live, path_of, people, rotated, secret_of, works};
use crate::api::{post, problem};
use crate::support::database::{count, texts};
use crate::support::{keys, on_both};
use serde_json::json;

on_both! {
    /// K4, L6: the new key has all that the old one had, and its family; the old one goes on for the overlap alone.
    async fn both_work_for_the_overlap(app: TestApp) {
        let (mut owner, _, _) = people(&app).await;
        let permission = keys::permission(&app, &owner.org, "Backups", r#"{"task_type:a":[]}"#).await.to_string();
        let more = [("permission", permission.as_str()), ("addresses", "127.0.0.0/8"), ("days", "90")];
        let (path, old) = live(&mut owner, &more).await;
        let minted = post(&app, &old, "/v1/keys/ephemeral", &json!({"ttl": 86_400})).await.is(201);
        let minted: serde_json::Value = serde_json::from_str(&minted.body).expect("it is JSON");
        let child = minted["key"].as_str().expect("a key").to_owned();
        app.clock.advance(HOUR);
        let (new_path, new) = rotated(&mut owner, &path, "6").await;
        assert_ne!(old, new);
        let (before, after) = (works(&app, &old).await, works(&app, &new).await);
        for same in ["kind", "name", "agent", "environment", "permission", "scopes"] {
            assert_eq!(before[same], after[same], "{same}");
        }
        assert_eq!(texts(&app, "select distinct family || addresses from api_keys where parent is null").await.len(), 1);
        owner.get(&path).await.ok().says("Replaced: works until").says("A newer key").says_not("The old key");
        owner.get(&new_path).await.ok().says("An earlier key");
        app.clock.advance(6 * HOUR - 5_000);
        current(&app, &old).await.ok();
        current(&app, &child).await.ok();
        app.clock.advance(5_000);
        problem(&current(&app, &old).await, 401, "expired-key");
        // What was made from it dies with it.
        problem(&current(&app, &child).await, 401, "expired-key");
        current(&app, &new).await.ok();
        assert_eq!(audited(&app).await[2..], ["key.rotated Gateway by Amara Okafor"]);
    }

    /// K4: without overlap the old key ends at once; a form that is sent again rotates nothing more.
    async fn without_overlap_it_ends_at_once(app: TestApp) {
        let (mut owner, _, _) = people(&app).await;
        let (path, old) = live(&mut owner, &[]).await;
        let form = form_of(&owner.get(&path).await.ok());
        let rotation = format!("{path}/rotation");
        let fields = [("form", form.as_str()), ("overlap", "0")];
        let made = owner.post(&rotation, &fields).await;
        let (new_path, new) = (path_of(&made), secret_of(&made));
        problem(&current(&app, &old).await, 401, "revoked-key");
        owner.post(&rotation, &fields).await.leads_to(&new_path);
        current(&app, &new).await.ok();
        assert_eq!(count(&app, "api_keys").await, 2);
        owner.get(&rotation).await.leads_to(&path);
        // Neither what was replaced nor what was revoked is rotated; nor for any other time.
        let another = ApiKeyId::generate().to_string();
        owner.post(&rotation, &[("form", &another), ("overlap", "0")]).await.is(409);
        owner.post(&format!("{new_path}/rotation"), &[("form", &another), ("overlap", "48")]).await.is(422);
        owner.post(&format!("{new_path}/revocation"), &[]).await.is(303);
        owner.post(&format!("{new_path}/rotation"), &[("form", &another), ("overlap", "0")]).await.is(409);
        assert_eq!(count(&app, "api_keys").await, 2);
    }

    /// S12: rotating an admin key takes a proof too, and is its owner's alone (K5).
    async fn an_admin_key_is_its_owners(app: TestApp) {
        let (mut owner, mut ad, _) = people(&app).await;
        let (path, old) = crate::keys::admin(&mut ad, "90").await;
        let form = form_of(&ad.get(&path).await.ok());
        let fields = [("form", form.as_str()), ("overlap", "0")];
        owner.step_up().await;
        owner.post(&format!("{path}/rotation"), &fields).await.is(403);
        app.clock.advance(11 * interlock::clock::MINUTE);
        ad.post(&format!("{path}/rotation"), &fields).await.leads_to("/step-up");
        current(&app, &old).await.ok();
        ad.step_up().await;
        let new = secret_of(&ad.post(&format!("{path}/rotation"), &fields).await);
        problem(&current(&app, &old).await, 401, "revoked-key");
        current(&app, &new).await.ok();
    }

    /// V4, KEY-02: before a key is revoked the page says what ends; then it opens nothing, on any replica.
    async fn revoking_says_what_ends(app: TestApp) {
        let (mut owner, _, mut dev) = people(&app).await;
        let replica = app.replica().await;
        let (path, key) = live(&mut owner, &[]).await;
        let minted = post(&app, &key, "/v1/keys/ephemeral", &json!({"ttl": 600})).await.is(201);
        let child = serde_json::from_str::<serde_json::Value>(&minted.body).expect("it is JSON")["key"].as_str().expect("a key").to_owned();
        current(&app, &key).await.ok();
        let question = owner.get(&format!("{path}/revocation")).await.ok();
        question.says("was used 2 times today").says("Gateway gets no answer by it any more").says("1 ephemeral key made from it ends with it");
        owner.get_fragment(&format!("{path}/revocation"), "dialog-slot").await.ok().says("Revoke Gateway?");
        owner.post(&format!("{path}/revocation"), &[]).await.leads_to(&format!("{}/keys", owner.org));
        for opened in [&key, &child] {
            problem(&current(&replica, opened).await, 401, "revoked-key");
        }
        let before = audited(&app).await;
        owner.post(&format!("{path}/revocation"), &[]).await.is(303);
        assert_eq!(audited(&app).await, before);
        owner.get(&format!("{}/keys?state=ended", owner.org)).await.ok().says("Revoked");
        let (own, secret) = development(&mut dev).await;
        dev.post(&format!("{own}/revocation"), &[]).await.is(303);
        problem(&current(&replica, &secret).await, 401, "revoked-key");
    }
}
