//! A permission from its first form, with two limits, to a change that was looked at before it was saved; and as JSON.

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::TestApp;
use crate::support::browser::Browser;
use crate::support::keys::{self, Row};

const WRONG: &str = r#"{"resource": "permission", "name": "Exports", "scopes": {"task_type:export": [{"level": "key", "type": "inflight", "value": 1.5}]}}"#;

async fn the_way(stage: &Stage, browser: &Browser) {
    let app = &stage.app;
    app.owner().await;
    stage.sign_in(browser, "amara@halden.example", PASSWORD).await;
    browser.arrive("/o/halden-freight").await;
    browser.press("Permissions").await;
    browser.see("Make the first permission").await;
    stage.look(browser, "permissions-empty").await;
    browser.press("New permission").await;
    browser.see("Granted without limit.").await;
    browser.fill("Name", "iCloud import").await;
    browser.fill("Scope 1", "icloud.account").await;
    browser.press("Add a limit to scope 1").await;
    browser.see("At most").await;
    browser.press("Add a limit to scope 1").await;
    browser.see("Remove limit 2 of scope 1").await;
    browser.type_into("#value-0-0", "3").await;
    browser.select("Counted for , limit 2 of scope 1", "All keys together").await;
    browser.select("How , limit 2 of scope 1", "In a period (interval)").await;
    browser.type_into("#value-0-1", "-1").await;
    browser.type_into("#period-0-1", "1 month").await;
    browser.press("Create permission").await;
    browser.see("Enter a whole number from 0 on").await;
    stage.look(browser, "permission-new-error").await;
    browser.type_into("#value-0-1", "50000").await;
    browser.press("Create permission").await;
    browser.see("iCloud import is made").await;
    browser.see("each user: 3 ever").await;
    browser.see("all keys together: 50,000 per month").await;

    let id = crate::support::database::only(
        crate::support::database::texts(app, "select id from permissions").await,
    );
    let permission = id.parse().expect("an id");
    keys::insert(app, &Row::live("halden-freight", Some(permission))).await;
    let path = format!("/o/halden-freight/permissions/{id}");
    stage.open(browser, &path).await;
    browser.see("1 live key uses it").await;
    stage.look(browser, "permission").await;
    browser.press("Edit").await;
    browser.see("Edit iCloud import").await;
    browser.press("Add a scope").await;
    browser.see("Remove scope 2").await;
    browser.type_into("#scope-1", "icloud.*").await;
    browser.press("Add a limit to scope 2").await;
    browser.see("covers: icloud.account; and any later name below icloud").await;
    browser.type_into("#value-1-0", "20").await;
    browser.press("Remove limit 1 of scope 1").await;
    browser.see_not("Remove limit 2 of scope 1").await;
    stage.look(browser, "permission-edit").await;
    browser.press("See the difference").await;
    browser.see("What this changes").await;
    browser.see("each user: 3 ever → no such limit").await;
    browser.see("Granted, each user: 20 ever").await;
    stage.look(browser, "permission-difference").await;
    browser.press("Save").await;
    browser.see("iCloud import is saved").await;
    browser.see("Amara Okafor: Changed a permission").await;

    stage.open(browser, "/o/halden-freight/permissions/new/json").await;
    browser.fill("Permission", WRONG).await;
    browser.press("Create permission").await;
    browser.see("/scopes/task_type:export/0/value").await;
    stage.look(browser, "permission-json-error").await;
    browser.fill("Permission", &WRONG.replace("1.5", "2")).await;
    browser.press("Create permission").await;
    browser.see("Exports is made").await;
    stage.open(browser, "/o/halden-freight/permissions").await;
    browser.see("2 permissions").await;
    stage.look(browser, "permissions").await;
    keys::set_base(
        app,
        "halden-freight",
        r#"{"source_type:*":[{"level":"user","type":"count","value":3}],"task_type:*":[{"level":"key","type":"inflight","value":1},{"level":"organisation","period":"1 day","type":"interval","value":50000}]}"#,
    )
    .await;
    stage.open(browser, "/o/halden-freight/settings/plan").await;
    browser.see("2 permissions say more than the base allows").await;
    stage.look(browser, "plan").await;
    nothing_broke(browser).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permission_is_made_and_changed() {
    let stage = Stage { app: TestApp::served(None, &[]).await, looks: true };
    the_way(&stage, &Browser::start().await).await;
}

/// The same without script.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_plain_forms() {
    let stage = Stage { app: TestApp::served(None, &[]).await, looks: false };
    the_way(&stage, &Browser::start_without_javascript().await).await;
}
