//! `interlock keys …`

use serde_json::json;

use super::{on_both_now, program, table};
use crate::api::{CHECK, post};
use crate::support::TestApp;
use crate::support::access::{Thing, resource};
use crate::support::database::{count, dump, texts};
use interlock::domain::resources::Audience;

const AMARA: &str = "amara@halden.example";

on_both_now! {
    /// Issue 6, K4, KEY-01: made once for an agent, listed without its secret, and ended at once; each is audited.
    async fn keys_are_made_and_revoked(app: TestApp) {
        let owner = app.owner().await;
        resource(&app, &owner.org, AMARA, &Thing::tool("wiki", "https://wiki.example/", Audience::EntireOrganization)).await;
        let said = program(&app, "keys create --org halden-freight --agent Gateway").ok();
        let key = said.lines().next().expect("a line").to_owned();
        assert!(key.starts_with("il_live_") && said.contains("shown once") && said.contains("/v1/access/check"), "{said}");
        let question = json!({"resource": "wiki", "permission": "Read", "user": AMARA});
        post(&app, &key, CHECK, &question).await.is(200);

        let made = program(&app, "keys create --org halden-freight --agent Gateway --name Nightly --expires 2099-03-31 --json").json();
        assert_eq!((&made["agent"], &made["name"], &made["environment"], &made["state"]), (&json!("Gateway"), &json!("Nightly"), &json!("production"), &json!("works")));
        assert_eq!(made["expires_at"], json!("2099-04-01T00:00:00Z"));
        assert_eq!(count(&app, "agents").await, 1);
        let listed = program(&app, "keys list --org halden-freight --json").json();
        assert_eq!(listed.as_array().map(Vec::len), Some(2));
        assert!(listed[0]["key"].is_null() && listed[1]["last_used_at"].is_string(), "{listed}");
        let rows = table(&program(&app, "keys list").ok());
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0][1..5], ["halden-freight", "Nightly", "Gateway", "production"]);
        assert!(!program(&app, "keys list").ok().contains(&key) && !dump(&app).await.contains(&key));

        let id = texts(&app, "select id from api_keys where name = 'Gateway'").await.remove(0);
        assert!(program(&app, &format!("keys revoke {id}")).ok().contains("opens nothing any more"));
        post(&app, &key, CHECK, &question).await.is(401);
        assert!(program(&app, &format!("keys revoke {id}")).ok().contains("was revoked before"));
        assert_eq!(program(&app, &format!("keys revoke {id} --json")).json()["state"], "revoked");
        assert_eq!(texts(&app, "select kind from audit_events where kind like 'key.%' or kind like 'agent.%' order by seq").await, ["agent.added", "key.created", "key.created", "key.revoked"]);
    }

    async fn what_makes_no_key(app: TestApp) {
        app.owner().await;
        let create = "keys create --agent Gateway --org";
        program(&app, &format!("{create} nowhere")).fails(1, "There is no organization nowhere");
        program(&app, &format!("{create} halden-freight --env development")).fails(1, "not to development");
        program(&app, &format!("{create} halden-freight --env staging")).fails(1, "There is no environment staging");
        program(&app, &format!("{create} halden-freight --expires 2020-01-01")).fails(1, "Choose a later day");
        program(&app, &format!("{create} halden-freight --expires tomorrow")).fails(2, "--expires");
        program(&app, "keys revoke 01a20000-0000-7000-8000-000000000000").fails(1, "There is no key");
        program(&app, "keys revoke x").fails(1, "There is no key x");
        assert!(program(&app, "keys list").ok().contains("There are no keys"));
        assert_eq!(count(&app, "api_keys").await + count(&app, "agents").await, 0);
    }
}
