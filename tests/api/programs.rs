//! The document, tried by programs of other people's: one that sends whatever the document allows and what it forbids,
//! and one that makes a client's types of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use interlock::domain::access::Role;
use serde_json::Value;
use tokio::process::Command;

use super::{call, json_of};
use crate::support::TestApp;
use crate::support::access::{self, Thing, resource, team};
use crate::support::keys::{self, Row};
use interlock::domain::resources::Audience;

const AMARA: &str = "amara@halden.example";

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools")
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/api")
}

struct Served {
    app: TestApp,
    admin: String,
    live: String,
    /// A plain member's id.
    member: String,
}

async fn served() -> Served {
    let app = TestApp::served(None, &[("INTERLOCK_API_RATE", "1000000")]).await;
    let mut owner = app.owner().await;
    app.member(&mut owner, "Ana Sousa", "ana@halden.example", Role::Member).await;
    team(&app, &owner.org, "support", &["ana@halden.example"]).await;
    let thing = Thing::tool("refunds", "https://refunds.example/", Audience::EntireOrganization);
    resource(&app, &owner.org, AMARA, &thing).await;
    let everything = r#"{"data_type:*": []}"#;
    let permission = keys::permission(&app, &owner.org, "Everything", everything).await;
    let (_, admin) = keys::insert(&app, &Row::admin(&owner.org, AMARA)).await;
    let (_, live) = keys::insert(&app, &Row::live(&owner.org, Some(permission))).await;
    let member = access::user(&app, "ana@halden.example").await;
    Served { app, admin, live, member }
}

async fn done(command: &mut Command) -> Output {
    let output = tokio::time::timeout(Duration::from_secs(600), command.kill_on_drop(true).output()).await;
    output.expect("it ends in time").expect("it is installed, by tests/run")
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn document(app: &TestApp) -> Value {
    json_of(&call(app, "", "GET", "/v1/openapi.json", None).await.is(200))
}

/// The operations that a kind of key opens, as their method and path.
fn opened_by(document: &Value, kind: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let kinds = operation["x-opened-by"].as_array().expect("kinds");
            if kinds.iter().any(|one| one == kind) {
                found.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    found
}

/// How many requests of a report its key let in, for each operation: neither 401 nor 403.
fn let_in(report: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in report.lines() {
        let event: Value = serde_json::from_str(line).expect("a line is JSON");
        let recorder = &event["ScenarioFinished"]["recorder"];
        let Some(label) = recorder["label"].as_str() else { continue };
        let interactions = recorder["interactions"].as_object().into_iter().flat_map(|all| all.values());
        let statuses = interactions.filter_map(|one| one["response"]["status_code"].as_u64());
        *counts.entry(label.to_owned()).or_default() +=
            statuses.filter(|status| !matches!(status, 401 | 403)).count();
    }
    counts
}

/// Sends what an operation may be sent, and what not, and judges each answer by the document.
async fn tried(served: &Served, kind: &str, key: &str, operations: &[(String, String)]) {
    let dir = served.app.app.config.data_dir.join(kind);
    let report = dir.join("report.ndjson");
    std::fs::create_dir_all(&dir).expect("a folder can be made");
    let mut command = Command::new(tools().join("python/bin/schemathesis"));
    command.arg("run").arg(format!("{}/v1/openapi.json", served.app.url));
    for (method, path) in operations {
        command.args(["--include-name", &format!("{method} {path}")]);
    }
    command
        .args(["--header", &format!("Authorization: Bearer {key}")])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "7", "--no-color"])
        .args([
            "--max-response-time",
            "20",
            "--request-timeout",
            "60",
            "--workers",
            "1",
            "--continue-on-failure",
        ])
        // A value may be refused though its schema allows it, as a team that is not there: that is no fault.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--suppress-health-check", "all", "--report", "ndjson", "--report-ndjson-path"])
        .arg(&report)
        .env("SCHEMATHESIS_HOOKS", sources().join("hooks.py"))
        .env("KNOWN_ID", &served.member)
        .current_dir(&dir);
    let output = done(&mut command).await;
    assert!(output.status.success(), "{}", words(&output));
    let report = std::fs::read_to_string(&report).expect("there is a report");
    let let_in = let_in(&report);
    for (method, path) in operations {
        let name = format!("{method} {path}");
        assert!(let_in.get(&name).is_some_and(|count| *count > 0), "{name} was not tried: {let_in:?}");
    }
}

/// K1: whatever is sent, the server answers as the document says, and never with an error of its own. Each operation is
/// tried with a key that opens it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_is_true_whatever_is_sent() {
    let served = served().await;
    let document = document(&served.app).await;
    let (admin, live) = (opened_by(&document, "admin"), opened_by(&document, "live"));
    assert!(admin.len() > 20 && !live.is_empty());
    tried(&served, "live", &served.live, &live).await;
    let managing: Vec<(String, String)> =
        admin.into_iter().filter(|operation| !live.contains(operation)).collect();
    tried(&served, "admin", &served.admin, &managing).await;
}

/// A client's types are made of the document; a program that uses them compiles, one that misuses them does not, and the
/// real server does what the types say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_made_of_the_document_is_served() {
    let served = served().await;
    let dir = served.app.app.config.data_dir.join("client");
    std::fs::create_dir_all(&dir).expect("a folder can be made");
    std::fs::write(dir.join("package.json"), "{\"type\": \"module\"}").expect("it can be written");
    for file in ["client.ts", "wrong.ts"] {
        std::fs::copy(sources().join(file), dir.join(file)).expect("it can be copied");
    }
    let document = format!("{}/v1/openapi.json", served.app.url);
    let modules = tools().join("node_modules");
    let mut generate = Command::new("node");
    generate
        .arg(modules.join("openapi-typescript/bin/cli.js"))
        .args([&document, "-o", "api.ts"])
        .current_dir(&dir);
    let output = done(&mut generate).await;
    assert!(output.status.success(), "{}", words(&output));
    let mut compile = Command::new("node");
    compile
        .arg(modules.join("typescript/bin/tsc"))
        .args(["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext"])
        .args(["--lib", "es2022,dom", "--outDir", "out", "client.ts", "wrong.ts"])
        .current_dir(&dir);
    let output = done(&mut compile).await;
    assert!(output.status.success(), "{}", words(&output));
    let mut run = Command::new("node");
    run.arg("out/client.js").env("SERVER", &served.app.url).env("ADMIN_KEY", &served.admin);
    run.env("LIVE_KEY", &served.live).current_dir(&dir);
    let output = done(&mut run).await;
    assert!(output.status.success(), "{}", words(&output));
    assert!(words(&output).contains("the client is served"), "{}", words(&output));
}
