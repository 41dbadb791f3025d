//! Personal keys and whom they act for: KEY-08, K5, R8, M3.

use interlock::clock::DAY;
use interlock::domain::access::Role;
use interlock::domain::leaving;

use super::{ADMIN, AMARA, DEV, admin, audited, current, development, live, people};
use crate::api::{json_of, problem};
use crate::support::database::{count, execute, texts};
use crate::support::{PASSWORD, Visitor, on_both};

on_both! {
    /// KEY-08: demoted, suspended, or ended by date: a person's keys open nothing from the next request on.
    async fn a_key_is_what_its_person_is(app: TestApp) {
        let (mut owner, mut ad, mut dev) = people(&app).await;
        let (_, admin_key) = admin(&mut ad, "90").await;
        let (_, dev_key) = development(&mut dev).await;
        let (_, own) = development(&mut ad).await;
        let asks = crate::api::admin(&app, &owner.org, AMARA).await;
        let shown = async |owner: &mut Visitor, name: &str| {
            let listed = json_of(&crate::api::call(&app, &asks, "GET", "/v1/keys", None).await.ok());
            let row = listed["data"].as_array().expect("a list").iter().find(|row| row["name"] == name).expect("it is listed");
            let state = row["state"].as_str().expect("a state").to_owned();
            let file = owner.get(&format!("{}/keys.csv", owner.org)).await.ok().body;
            let line = file.lines().find(|line| line.contains(name)).expect("it is in the file");
            assert!(line.ends_with(&state), "{line}: {state}");
            // What the list is narrowed to by state is what the state says.
            let filter = if state == "works" { "works" } else { "owner" };
            for code in ["works", "too_old", "owner", "ended"] {
                let file = owner.get(&format!("{}/keys.csv?state={code}", owner.org)).await.ok().body;
                assert_eq!(file.lines().any(|line| line.contains(name)), code == filter, "{name} by {code}: {file}");
            }
            state
        };
        let users = format!("{}/users", owner.org);
        let (ad_id, dev_id) = (app.id_of(&mut owner, "Ad Min").await, app.id_of(&mut owner, "De Vel").await);
        // A Developer has a development key and no admin one; a Member has none.
        owner.step_up().await;
        owner.post(&format!("{users}/{ad_id}/role"), &[("role", "developer")]).await.is(303);
        problem(&current(&app, &admin_key).await, 403, "key-owner-role");
        assert_eq!(shown(&mut owner, "Provisioning").await, "owner_role");
        owner.get(&format!("{}/keys", owner.org)).await.ok().says("Blocked: the role of Ad Min has no such keys");
        current(&app, &own).await.ok();
        ad.get(&format!("{}/keys", ad.org)).await.ok().says("Provisioning");
        owner.post(&format!("{users}/{ad_id}/role"), &[("role", "member")]).await.is(303);
        problem(&current(&app, &own).await, 403, "key-owner-role");
        owner.post(&format!("{users}/{ad_id}/role"), &[("role", "admin")]).await.is(303);
        current(&app, &admin_key).await.ok();
        assert_eq!(shown(&mut owner, "Provisioning").await, "works");
        execute(&app, "delete from api_keys where kind = 'development' and owner = (select id from users where email = 'admin@halden.example')").await;
        assert_eq!(shown(&mut owner, "Development key").await, "works");
        owner.post(&format!("{users}/{dev_id}/suspension"), &[]).await.is(303);
        problem(&current(&app, &dev_key).await, 401, "key-owner-gone");
        owner.get(&format!("{}/keys", owner.org)).await.ok().says("Blocked: De Vel is suspended");
        assert_eq!(shown(&mut owner, "Development key").await, "owner_inactive");
        owner.post(&format!("{users}/{dev_id}/reactivation"), &[]).await.is(303);
        current(&app, &dev_key).await.ok();
        execute(&app, &format!("update memberships set ends_at = {} where user_id = '{dev_id}'", app.app.db.now().0)).await;
        problem(&current(&app, &dev_key).await, 401, "key-owner-gone");
        assert_eq!(shown(&mut owner, "Development key").await, "owner_inactive");
        owner.get(&format!("{}/keys", owner.org)).await.ok().says("Blocked: De Vel is no member");
    }

    /// M3: where a factor is asked for, a personal key works once its owner has met that at the gate, and as long as
    /// they have one; a live key goes on.
    async fn a_personal_key_owes_a_factor(app: TestApp) {
        let (mut owner, mut ad, mut dev) = people(&app).await;
        let (_, admin_key) = admin(&mut ad, "90").await;
        let (_, dev_key) = development(&mut dev).await;
        let (_, lives) = live(&mut owner, &[]).await;
        let child = crate::api::post(&app, &dev_key, "/v1/keys/ephemeral", &serde_json::json!({"ttl": 600})).await.is(201);
        let child = serde_json::from_str::<serde_json::Value>(&child.body).expect("it is JSON")["key"].as_str().expect("a key").to_owned();
        owner.enable_mfa(&app.clock).await;
        let security = format!("{}/settings/security", owner.org);
        let required = [("required", "yes"), ("factors", "any"), ("when", "now"), ("day", ""), ("confirmed", "yes")];
        owner.post(&format!("{security}/mfa"), &required).await.leads_to(&security);
        let now = app.app.db.now().0;
        for key in [&admin_key, &dev_key, &child] {
            problem(&current(&app, key).await, 403, "mfa-required");
        }
        current(&app, &lives).await.ok();
        // A factor alone is not enough: they have not been at the gate since.
        execute(&app, &format!("update users set has_authenticator = true where email in ('{DEV}', '{ADMIN}')")).await;
        execute(&app, &format!("update memberships set last_active_at = {}", now - 1)).await;
        problem(&current(&app, &dev_key).await, 403, "mfa-required");
        execute(&app, &format!("update memberships set last_active_at = {now} where user_id = (select id from users where email = '{DEV}')")).await;
        current(&app, &dev_key).await.ok();
        current(&app, &child).await.ok();
        problem(&current(&app, &admin_key).await, 403, "mfa-required");
        // Where a passkey is asked for, an authenticator app is none.
        execute(&app, "update organizations set mfa = 'passkey'").await;
        problem(&current(&app, &dev_key).await, 403, "mfa-required");
        execute(&app, "update organizations set mfa = 'any'").await;
        current(&app, &dev_key).await.ok();
        // Lost again.
        execute(&app, "update users set has_authenticator = false").await;
        problem(&current(&app, &dev_key).await, 403, "mfa-required");
    }

    /// R8, K5, V4: the screen says which keys end and which go on; the removal ends them in the same change, and a new
    /// membership begins without them.
    async fn a_leavers_keys_end(app: TestApp) {
        let (mut owner, mut ad, _) = people(&app).await;
        let (_, admin_key) = admin(&mut ad, "90").await;
        let (_, dev_key) = development(&mut ad).await;
        let (_, lives) = live(&mut ad, &[("name", "Theirs"), ("agent_name", "Scanners")]).await;
        let id = app.id_of(&mut owner, "Ad Min").await;
        let removal = format!("{}/users/{id}/removal", owner.org);
        owner.get(&removal).await.ok()
            .says("Their 2 own keys end at once.")
            .says("1 live key that they made goes on.")
            .says("An Owner answers for Scanners from now on.")
            .says("Provisioning").says("Development key");
        owner.post(&removal, &[]).await.is(303);
        for key in [&admin_key, &dev_key] {
            problem(&current(&app, key).await, 401, "revoked-key");
        }
        current(&app, &lives).await.ok();
        let rows = audited(&app).await;
        for row in ["key.revoked Provisioning by Amara Okafor", "key.revoked Development key by Amara Okafor", "agent.archived Ad Min by Amara Okafor", "agent.handed_over Scanners by Amara Okafor"] {
            assert!(rows.iter().any(|other| other == row), "{row}: {rows:?}");
        }
        let answers = texts(&app, "select a.name || ' ' || u.name from agents a join users u on u.id = a.created_by where a.archived_at is null").await;
        assert_eq!(answers, ["Scanners Amara Okafor"]);
        // Back again: nothing of it works, and the agent is the old one.
        let link = app.invited(&mut owner, ADMIN, Role::Developer).await;
        let mut back = app.visitor();
        back.org.clone_from(&owner.org);
        back.sign_in(ADMIN, PASSWORD).await;
        back.post(&link, &[]).await.is(303);
        problem(&current(&app, &admin_key).await, 401, "revoked-key");
        problem(&current(&app, &dev_key).await, 401, "revoked-key");
        let (_, new) = development(&mut back).await;
        current(&app, &new).await.ok();
        assert_eq!(count(&app, "agents where is_default").await, 1);
    }

    /// R8: by oneself, and by an end date, it is the same.
    async fn whichever_way_they_leave(app: TestApp) {
        let (mut owner, mut ad, mut dev) = people(&app).await;
        let (_, dev_key) = development(&mut dev).await;
        let (_, ad_key) = development(&mut ad).await;
        let organization = texts(&app, "select id from organizations").await.remove(0);
        let leave = format!("/account/organizations/{organization}/leaving");
        dev.get(&leave).await.ok().says("Your own key il_dev_");
        dev.post(&leave, &[]).await.is(303);
        problem(&current(&app, &dev_key).await, 401, "revoked-key");
        let id = app.id_of(&mut owner, "Ad Min").await;
        execute(&app, &format!("update memberships set ends_at = {} where user_id = '{id}'", app.app.db.now().plus(DAY).0)).await;
        app.clock.advance(DAY);
        leaving::end_due(&app.app).await.expect("it ends");
        problem(&current(&app, &ad_key).await, 401, "revoked-key");
        assert_eq!(texts(&app, "select operator_name from audit_events where kind = 'key.revoked' order by seq").await, ["De Vel", "Interlock"]);
        assert_eq!(count(&app, "agents where archived_at is null").await, 0);
    }
}
