//! `interlock org set-base-permission`

use std::fs;

use serde_json::json;

use super::{on_both_now, program};
use crate::support::database::{count, only, texts};
use crate::support::keys;
use crate::support::{TestApp, everything};

/// A file with a base permission, in the program's own folder.
fn file(app: &TestApp, name: &str, text: &str) -> String {
    let path = app.app.config.data_dir.join(name);
    fs::write(&path, text).expect("it can be written");
    path.display().to_string()
}

const BASE: &str = r#"// Ours
{ resource: "permission", scopes: { "source_type:icloud.*": [{ level: "user", type: "count", value: 3 }] } }"#;

on_both_now! {
    /// L7: the sysadmin sets it; it says what changes and what goes beyond it, is audited, and holds at once.
    async fn the_base_permission_is_set(app: TestApp) {
        let mut owner = app.owner().await;
        keys::permission(&app, "halden-freight", "Import", r#"{"source_type:icloud.account":[{"level":"user","type":"count","value":9}]}"#).await;
        keys::permission(&app, "halden-freight", "Modest", r#"{"source_type:icloud.account":[]}"#).await;
        let base = file(&app, "base.json", BASE);
        let before = everything(&app).await;
        let shown = program(&app, "org show halden-freight").ok();
        assert!(shown.contains("source_type:*") && shown.contains("without limit"), "{shown}");
        let dry = program(&app, &format!("org set-base-permission halden-freight {base} --dry-run")).ok();
        assert!(dry.contains("Nothing was changed") && dry.contains("file_type:*: No longer granted"), "{dry}");
        assert!(dry.contains("1 permission beyond it") && dry.contains("Import") && !dry.contains("Modest"), "{dry}");
        assert_eq!(everything(&app).await, before);
        let set = program(&app, &format!("org set-base-permission halden-freight {base}")).ok();
        assert!(set.contains("The base permission of Halden Freight is set"), "{set}");
        let audited = "audit_events where kind = 'organization.base_permission_changed' and operator_name = 'Sysadmin' \
                       and target_name = 'Halden Freight'";
        assert_eq!(count(&app, audited).await, 1);
        let changes = only(texts(&app, &format!("select changes from {audited}")).await);
        assert!(changes.contains("source_type:* (without limit)") && changes.contains("source_type:icloud.* (each user: 3 ever)"), "{changes}");
        owner.get("/o/halden-freight/settings/plan").await.ok().says("each user: 3 ever").says("by the sysadmin").says("Import");
        let shown = program(&app, "org show halden-freight --json").json();
        assert_eq!(shown["base_permission"], json!({"source_type:icloud.*": [{"level": "user", "type": "count", "value": 3}]}));
        // The same again is no change, and no row.
        let again = program(&app, &format!("org set-base-permission halden-freight {base}")).ok();
        assert!(again.contains("nothing changes"), "{again}");
        assert_eq!(count(&app, audited).await, 1);
        let wider = file(&app, "wider.json", r#"{"scopes": {"source_type:*": []}}"#);
        let set = program(&app, &format!("org set-base-permission halden-freight {wider} --json")).json();
        assert_eq!((&set["organization"], &set["saved"], &set["beyond"]), (&json!("halden-freight"), &json!(true), &json!([])));
        assert_eq!(set["gained"].as_array().map(Vec::len), Some(2));
        program(&app, "audit verify").ok();
    }

    /// What new organizations begin with, in the instance's chain; those that are there keep theirs.
    async fn new_organizations_begin_with_the_default(app: TestApp) {
        app.owner().await;
        let base = file(&app, "base.json", BASE);
        let set = program(&app, &format!("org set-base-permission --default {base}")).ok();
        assert!(set.contains("The base permission of new organizations is set"), "{set}");
        assert_eq!(count(&app, "audit_events where kind = 'organization.base_permission_changed' and chain = 'instance'").await, 1);
        let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        bo.get(&format!("{}/settings/plan", bo.org)).await.ok().says("each user: 3 ever");
        let shown = program(&app, "org show halden-freight --json").json();
        assert_eq!(shown["base_permission"].as_object().map(serde_json::Map::len), Some(4));
        program(&app, "audit verify").ok();
    }

    /// What can't be taken is said with its place, and changes nothing.
    async fn what_is_wrong_is_said(app: TestApp) {
        app.owner().await;
        let before = everything(&app).await;
        let base = file(&app, "base.json", BASE);
        let wrong = file(&app, "wrong.json", r#"{"scopes": {"source_type:a": [{"level": "user", "type": "count", "value": -1}]}}"#);
        program(&app, &format!("org set-base-permission halden-freight {wrong}")).fails(1, "/scopes/source_type:a/0/value value is a whole number");
        let other = file(&app, "other.json", r#"{"organisation": "brightwater", "scopes": {}}"#);
        program(&app, &format!("org set-base-permission halden-freight {other}")).fails(1, "/organisation This organization is");
        program(&app, "org set-base-permission halden-freight /nowhere.json").fails(1, "can't be read");
        program(&app, &format!("org set-base-permission nowhere {base}")).fails(1, "There is no organization nowhere");
        program(&app, &format!("org set-base-permission {base}")).fails(2, "Give an organization and a file");
        program(&app, &format!("org set-base-permission --default halden-freight {base}")).fails(2, "Give an organization and a file");
        assert_eq!(everything(&app).await, before);
    }
}
