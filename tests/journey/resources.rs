//! A resource from its first form to an access that was looked at before it was saved, and an environment.

use interlock::domain::access::Role;

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::TestApp;
use crate::support::browser::Browser;

const LIST: &str = "/o/halden-freight/resources";

async fn the_way(stage: &Stage, browser: &Browser) {
    let app = &stage.app;
    let mut owner = app.owner().await;
    app.member(&mut owner, "Ann Lee", "ann@halden.example", Role::Member).await;
    stage.sign_in(browser, "amara@halden.example", PASSWORD).await;
    browser.arrive("/o/halden-freight").await;
    browser.press("Resources").await;
    browser.see("Add the first resource").await;
    stage.look(browser, "resources-empty").await;
    browser.press("New resource").await;
    browser.see("begins Private").await;
    browser.fill("Name", "Stock counts").await;
    browser.fill("Address", "nowhere").await;
    browser.press("Create").await;
    browser.see("Enter a whole address").await;
    stage.look(browser, "resource-new").await;
    browser.fill("Address", "https://stock.halden.example/").await;
    browser.press("Create").await;
    browser.see("Stock counts is made").await;
    browser.see("1 person may open this; 1 may change it").await;
    let everyone = "Everyone in the organization Every member whose role opens resources: Owners, Admins, Developers and Members.";
    browser.press(everyone).await;
    stage.look(browser, "resource-access").await;
    browser.press("See the difference").await;
    browser.see("Gain access").await;
    browser.see("nothing → Read").await;
    stage.look(browser, "resource-difference").await;
    browser.press("Save").await;
    browser.see("2 people may open this; 1 may change it").await;
    stage.open(browser, "/o/halden-freight/resources/stock-counts/settings").await;
    browser.see("Name and address").await;
    stage.look(browser, "resource-settings").await;
    browser.press("Show the definition").await;
    browser.see("As it is stored").await;
    stage.look(browser, "resource-definition").await;
    stage.open(browser, LIST).await;
    browser.see("Stock counts").await;
    stage.look(browser, "resources").await;

    stage.open(browser, "/o/halden-freight/settings/environments").await;
    browser.fill("Name", "Staging").await;
    browser.press("Add environment").await;
    browser.see("Staging is there").await;
    stage.look(browser, "environments").await;
    stage.open(browser, "/o/halden-freight/e/staging/resources").await;
    browser.see("in Staging, and who may open each").await;
    stage.look(browser, "resources-staging").await;
    nothing_broke(browser).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resource_is_made_and_restricted() {
    let stage = Stage { app: TestApp::served(None, &[]).await, looks: true };
    the_way(&stage, &Browser::start().await).await;
}

/// The same without script.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_plain_forms() {
    let stage = Stage { app: TestApp::served(None, &[]).await, looks: false };
    the_way(&stage, &Browser::start_without_javascript().await).await;
}
