//! A live key from its form to its end: made, used, rotated, revoked; with scripts and without.

use axum::http::Method;
use interlock::domain::access::Role;

use super::{PASSWORD, Stage, nothing_broke};
use crate::api::{problem, send};
use crate::support::browser::Browser;
use crate::support::keys::permission;
use crate::support::{TestApp, Visitor};

const LIST: &str = "/o/halden-freight/keys";

async fn halden(app: &TestApp) -> Visitor {
    let mut owner = app.owner().await;
    app.member(&mut owner, "De Vel", "dev@halden.example", Role::Developer).await;
    permission(app, &owner.org, "Label printing", r#"{"task_type:labels.*":[]}"#).await;
    owner
}

/// What the key that the page shows is answered.
async fn current(app: &TestApp, key: &str) -> crate::support::Answer {
    let bearer = format!("Bearer {key}");
    send(app, Method::GET, "/v1/keys/current", &[("authorization", &bearer)], "").await
}

async fn the_way(stage: &Stage, browser: &Browser) {
    let app = &stage.app;
    halden(app).await;
    stage.sign_in(browser, "amara@halden.example", PASSWORD).await;
    browser.arrive("/o/halden-freight").await;
    browser.press("API keys").await;
    browser.see("Make the first live key").await;
    stage.look(browser, "keys-empty").await;
    browser.press("Make live key").await;
    browser.see("It belongs to a shared agent").await;
    browser.fill("Name", "Label printer").await;
    browser.fill("Agent", "Scanners").await;
    browser.select("Permission", "Label printing").await;
    browser.fill("Works from (optional)", "127.0.0.1\nhome").await;
    browser.press("Make live key").await;
    browser.see("line 2: home").await;
    stage.look(browser, "key-new").await;
    browser.fill("Works from (optional)", "127.0.0.1").await;
    browser.press("Make live key").await;
    browser.see("Label printer is ready").await;
    stage.look(browser, "key-made").await;
    let first = browser.text_of("#secret").await;
    assert!(browser.text_of("#curl").await.contains("task_type:labels.example"));
    current(app, &first).await.ok().says("Label printer");
    browser.press("See the key’s page").await;
    browser.see("1 call since midnight").await;
    stage.look(browser, "key").await;
    browser.select("The old key", "goes on for 6 hours").await;
    browser.press("Rotate").await;
    browser.see("Label printer is ready").await;
    let second = browser.text_of("#secret").await;
    assert_ne!(first, second);
    current(app, &first).await.ok();
    current(app, &second).await.ok();
    browser.press("I have copied it").await;
    browser.see("Replaced: works until").await;
    stage.look(browser, "keys").await;
    browser.press("Make development key").await;
    browser.see("You have one at a time").await;
    stage.look(browser, "key-development").await;
    browser.press("Make development key").await;
    browser.see("Development key is ready").await;
    browser.press("I have copied it").await;
    browser.see("It works in your Dev mode alone").await;
    browser.press("Admin API key").await;
    browser.see("It acts for you, Amara Okafor").await;
    stage.look(browser, "key-admin").await;
    stage.open(browser, &format!("{LIST}/lifetime")).await;
    browser.see("Blocks none of the keys that work now.").await;
    stage.look(browser, "keys-lifetime").await;

    let told = current(app, &second).await.ok().body;
    let id = serde_json::from_str::<serde_json::Value>(&told).expect("it is JSON")["id"].clone();
    stage.open(browser, &format!("{LIST}/{}", id.as_str().expect("an id"))).await;
    browser.see("An earlier key").await;
    browser.press("Revoke").await;
    browser.see("Scanners gets no answer by it any more").await;
    stage.look(browser, "key-revoke").await;
    browser.press("Revoke key").await;
    browser.see("Label printer opens nothing any more").await;
    problem(&current(app, &second).await, 401, "revoked-key");

    browser.press("Agents").await;
    browser.see("Answers for it").await;
    stage.look(browser, "agents").await;
    browser.press("Scanners").await;
    browser.see("Archive this agent").await;
    stage.look(browser, "agent").await;
    browser.press("Archive").await;
    browser.see("1 key of it ends at once").await;
    stage.look(browser, "agent-archive").await;
    browser.press("Archive agent").await;
    browser.see("Scanners is archived, and 1 key of it ended").await;
    problem(&current(app, &first).await, 401, "revoked-key");
    nothing_broke(browser).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_from_its_making_to_its_end() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    the_way(&stage, &Browser::start().await).await;
}

/// V2: the same without scripts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_without_scripts() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: false };
    the_way(&stage, &Browser::start_without_javascript().await).await;
}
