//! `interlock org …`

use std::fs;

use interlock::domain::access::Role;
use serde_json::json;

use super::{on_both_now, program, table};
use crate::start::mode;
use crate::support::database::count;
use crate::support::{TestApp, everything};

const DANA: &str = "dana@halden.example";

/// The records of a CSV text (RFC 4180).
fn parsed(csv: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = csv.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => cell.push(chars.next().expect("a quote")),
            ('"', _) => quoted = !quoted,
            (',', false) => record.push(std::mem::take(&mut cell)),
            ('\r', false) if chars.peek() == Some(&'\n') => {
                chars.next();
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            (c, _) => cell.push(c),
        }
    }
    assert!(record.is_empty() && cell.is_empty() && !quoted, "it ends with a line");
    records
}

on_both_now! {
    async fn organizations_are_listed_and_shown(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Developer).await;
        app.invited(&mut owner, "new@halden.example", Role::Member).await;
        app.sign_up("Quill", "Noor Haddad", "noor@quill.example").await;
        let rows = table(&program(&app, "org list").ok());
        assert_eq!(rows[0][..5], ["halden-freight", "Halden Freight", "open", "2", "1"]);
        assert_eq!(rows[1][..5], ["quill", "Quill", "open", "1", "0"]);
        let list = program(&app, "org list --json").json();
        assert_eq!((&list[1]["slug"], &list[1]["closed_at"]), (&json!("quill"), &json!(null)));
        let shown = program(&app, "org show halden-freight --json").json();
        assert_eq!(shown["people_by_role"], json!({"admin": 0, "auditor": 0, "developer": 1, "member": 0, "owner": 1, "reviewer": 0}));
        assert_eq!(shown["owners"], json!([{"name": "Amara Okafor", "email": "amara@halden.example", "state": "active"}]));
        assert_eq!((&shown["people"], &shown["pending_invitations"], &shown["state"]), (&json!(2), &json!(1), &json!("open")));
        let heads = program(&app, "audit heads --json").json();
        assert_eq!((&shown["audit"]["rows"], &shown["audit"]["hash"]), (&heads[1]["seq"], &heads[1]["hash"]));
        let text = program(&app, "org show halden-freight").ok();
        assert!(text.contains("1 Owner, 1 Developer") && text.contains("Amara Okafor"), "{text}");
        program(&app, "org show nowhere").fails(1, "There is no organization nowhere");
    }

    /// Whose the hosts of tools are; one is given free with a row in the log.
    async fn hosts_are_listed_and_released(app: TestApp) {
        let mut owner = app.owner().await;
        let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let tool = |key: &'static str, url: &'static str| [("kind", "tool"), ("name", "Tool"), ("key", key), ("description", ""), ("url", url)];
        assert!(program(&app, "org hosts").ok().contains("No organization has a tool"));
        for (key, url) in [("a", "https://wiki.example:8443/"), ("b", "https://wiki.example:8443/b"), ("c", "https://crm.example/")] {
            owner.post(&format!("{}/resources", owner.org), &tool(key, url)).await.is(303);
        }
        let rows = table(&program(&app, "org hosts").ok());
        assert_eq!(rows[0][..3], ["crm.example", "halden-freight", "1"]);
        assert_eq!(rows[1][..3], ["wiki.example:8443", "halden-freight", "2"]);
        bo.post(&format!("{}/resources", bo.org), &tool("w", "https://wiki.example/")).await.is(422);
        program(&app, "org release-host wiki.example:8443").fails(1, "none of its 2 tools");
        program(&app, "org release-host wiki.example --yes wiki.example").fails(1, "No organization has the host");
        assert_eq!(table(&program(&app, "org hosts").ok()).len(), 2);
        let released = program(&app, "org release-host WIKI.example:8443 --yes wiki.example:8443 --json").json();
        assert_eq!((&released["host"], &released["organization"], &released["tools"]), (&json!("wiki.example:8443"), &json!("halden-freight"), &json!(2)));
        assert_eq!(count(&app, "audit_events where kind = 'resource.host_released' and operator_name = 'Sysadmin' and target_name = 'wiki.example:8443'").await, 1);
        bo.post(&format!("{}/resources", bo.org), &tool("w", "https://wiki.example/")).await.is(303);
        let listed = program(&app, "org hosts --json").json();
        assert_eq!((&listed[1]["host"], &listed[1]["organization"]), (&json!("wiki.example"), &json!("brightwater-labs")));
        program(&app, "audit verify").ok();
    }

    /// U5, AUD-08: the whole log as CSV that no spreadsheet computes, and as JSON, also once it is closed.
    async fn an_audit_log_is_exported(app: TestApp) {
        let mut owner = app.sign_up("=1+1 \"Ltd\", Oslo", "@SUM(A1)", "amara@halden.example").await;
        let slug = owner.org.trim_start_matches("/o/").to_owned();
        app.member(&mut owner, "=HYPERLINK(\"x\",\"y\")", "+dana@halden.example", Role::Member).await;
        program(&app, &format!("org delete {slug} --yes {slug}")).ok();
        let records = parsed(&program(&app, &format!("org export-audit {slug}")).ok());
        let rows = program(&app, &format!("org export-audit {slug} --format json")).json();
        let rows = rows.as_array().expect("a list");
        assert_eq!(records.len() - 1, rows.len());
        assert_eq!(records[0], ["seq", "at", "kind", "what", "operator_id", "operator", "target_id", "target", "changes", "address", "request", "hash"]);
        let mut disarmed = 0;
        for (record, row) in records[1..].iter().zip(rows) {
            for (name, cell) in records[0].iter().zip(record) {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
                let value = match &row[name.as_str()] {
                    serde_json::Value::String(text) => text.clone(),
                    serde_json::Value::Null => String::new(),
                    other => other.to_string(),
                };
                assert!(*cell == value || *cell == format!("'{value}"), "{cell} stands for {value}");
                disarmed += usize::from(*cell != value);
            }
        }
        assert!(disarmed >= 5, "{disarmed} cells");
        let numbers: Vec<i64> = rows.iter().filter_map(|row| row["seq"].as_i64()).collect();
        assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>());
        assert_eq!(records.last().map(|record| record[2].as_str()), Some("organization.closed"));
    }

    /// A file is written whole, for its owner's eyes, and replaces none by accident.
    async fn an_export_is_written_to_a_file(app: TestApp) {
        app.owner().await;
        let file = app.app.config.data_dir.join("halden.csv");
        let export = format!("org export-audit halden-freight --output {}", file.display());
        assert!(program(&app, &export).ok().contains("has 2 rows"));
        assert_eq!(mode(&file), 0o600);
        let text = fs::read_to_string(&file).expect("it is there");
        assert_eq!(parsed(&text).len(), 3);
        fs::write(&file, "mine").expect("it can be written");
        program(&app, &export).fails(1, "--force");
        assert_eq!(fs::read_to_string(&file).expect("it is there"), "mine");
        program(&app, &format!("{export} --force")).ok();
        assert_eq!(fs::read_to_string(&file).expect("it is there"), text);
        program(&app, "org export-audit halden-freight --output /nowhere/halden.csv").fails(1, "can't be written");
        let left: Vec<_> = fs::read_dir(&app.app.config.data_dir).expect("it can be read").flatten().filter(|entry| entry.file_name().to_string_lossy().ends_with(".part")).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// R12: deleting asks for the slug; it closes, and is undone.
    async fn an_organization_is_deleted_and_reopened(app: TestApp) {
        app.owner().await;
        let before = everything(&app).await;
        program(&app, "org delete halden-freight").fails(1, "1 person");
        program(&app, "org delete halden-freight --yes halden").fails(1, "Nothing was done");
        program(&app, "org reopen halden-freight").fails(1, "is not deleted");
        program(&app, "org delete nowhere --yes nowhere").fails(1, "There is no organization");
        assert_eq!(everything(&app).await, before);
        let closed = program(&app, "org delete halden-freight --yes halden-freight --json").json();
        assert_eq!((&closed["state"], closed["closed_at"].is_string()), (&json!("closed"), true));
        program(&app, "org delete halden-freight --yes halden-freight").fails(1, "deleted already");
        let open = program(&app, "org reopen halden-freight --json").json();
        assert_eq!((&open["state"], &open["closed_at"]), (&json!("open"), &json!(null)));
        for kind in ["organization.closed", "organization.reopened"] {
            assert_eq!(count(&app, &format!("audit_events where kind = '{kind}' and operator_name = 'Sysadmin'")).await, 1);
        }
        program(&app, "audit verify").ok();
    }

    /// R12: erased at once, the data is gone, the slug stays reserved and the log whole.
    async fn an_organization_is_erased_at_once(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Developer).await;
        app.invited(&mut owner, "new@halden.example", Role::Member).await;
        let mut quill = app.sign_up("Quill", "Noor Haddad", "noor@quill.example").await;
        let erased = program(&app, "org delete halden-freight --now --yes halden-freight --json").json();
        assert_eq!((&erased["state"], &erased["people"], &erased["pending_invitations"]), (&json!("erased"), &json!(0), &json!(0)));
        assert_eq!(count(&app, "memberships").await, 1, "Quill's Owner is left");
        assert_eq!(count(&app, "invitations").await, 0);
        assert_eq!(count(&app, "users").await, 3, "accounts are people's own");
        program(&app, "org reopen halden-freight").fails(1, "Nothing brings it back");
        let rows = program(&app, "org export-audit halden-freight --format json").json();
        assert_eq!(rows.as_array().and_then(|rows| rows.last()).map(|row| row["kind"].clone()), Some(json!("organization.erased")));
        program(&app, "audit verify").ok();
        quill.get(&format!("{}/users", quill.org)).await.ok();
        let again = app.sign_up("Halden Freight", "Ada Lund", "ada@halden.example").await;
        assert_eq!(again.org, "/o/halden-freight-2");
    }
}
