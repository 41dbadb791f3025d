//! The launcher, being refused, asking, being let in; why; links; guests.

use interlock::domain::access::Role;

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::TestApp;
use crate::support::browser::Browser;
use crate::support::page::between;
use crate::support::resources::{New, entry, resource, set_audience, team, team_entry};

const ORG: &str = "/o/halden-freight";
const NOOR: &str = "noor@halden.example";
const AMARA: &str = "amara@halden.example";

/// A company with a few things to open, and two teams.
async fn furnish(app: &TestApp) {
    let everyone = New { audience: "entire-organization", ..New::default() };
    for key in ["dispatch-board", "route-planner", "wiki"] {
        resource(app, New { key, ..everyone }).await;
    }
    let definition = r#"{"fields": {"order": "string", "amount": {"type": "number", "label": "Amount in cents"},
        "reason": {"type": "string", "max": 200}}, "requests": {"read": {"path": "/refunds"}, "create": {"path": "/refunds"},
        "delete": {"path": "/refunds/:id"}}}"#;
    resource(app, New { kind: "interface", audience: "teams", definition, ..New::default() }).await;
    resource(app, New { key: "customs", kind: "interface", audience: "InviteRestricted", ..New::default() })
        .await;
    resource(app, New { key: "payroll", audience: "teams", ..New::default() }).await;
    resource(app, New { key: "ops", kind: "page", audience: "entire-organization", ..New::default() }).await;
    resource(app, New { key: "ops/restart", kind: "action", audience: "", ..New::default() }).await;
    team(app, "halden-freight", "support", "Support", &[NOOR]).await;
    team_entry(app, "refunds", "support", Some(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_is_refused_asks_and_opens() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    let (app, browser) = (&stage.app, Browser::start().await);
    let mut owner = app.owner().await;
    app.member(&mut owner, "Noor Rahman", NOOR, Role::Member).await;
    stage.sign_in(&browser, NOOR, PASSWORD).await;
    browser.see("There is nothing for you to open yet").await;
    stage.look(&browser, "home-empty").await;
    furnish(app).await;
    stage.open(&browser, ORG).await;
    browser.see("Dispatch-board").await;
    browser.see("Not open to you").await;
    stage.look(&browser, "home").await;
    browser.press_key("/").await;
    browser.type_text("refu").await;
    browser.arrive("?q=refu").await;
    browser.see_not("Dispatch-board").await;
    stage.look(&browser, "home-search").await;
    stage.open(&browser, &format!("{ORG}/resources/refunds")).await;
    browser.see("Amount in cents").await;
    stage.look(&browser, "resource-interface").await;
    stage.open(&browser, &format!("{ORG}/resources/ops%2Frestart")).await;
    browser.see("as soon as a host that offers it is connected").await;
    stage.look(&browser, "resource-action").await;
    stage.open(&browser, &format!("{ORG}/resources/wiki")).await;
    browser.see("Open Wiki").await;
    stage.look(&browser, "resource-tool").await;

    stage.open(&browser, ORG).await;
    browser.press("Ask for access to Payroll").await;
    browser.see("You can’t open Payroll").await;
    stage.look(&browser, "resource-no-access").await;
    browser.fill("What you need it for, if you want to say", "I close the month from Monday on.").await;
    browser.press("Ask for access").await;
    browser.see("You asked for access").await;
    stage.look(&browser, "resource-asked").await;

    let mail = app.mail_to(AMARA).await.path("/o/");
    let manager = Browser::start().await;
    stage.sign_in(&manager, AMARA, PASSWORD).await;
    manager.see("Dispatch-board").await;
    stage.open(&manager, &mail).await;
    manager.see("I close the month from Monday on.").await;
    manager.fill("Email", NOOR).await;
    manager.press("Explain").await;
    manager.see("Noor Rahman may not open Payroll.").await;
    stage.look(&manager, "resource-why").await;
    manager.press("Dismiss the request of Noor Rahman").await;
    manager.see("Dismiss the request of Noor Rahman?").await;
    stage.look(&manager, "resource-dismissal").await;
    entry(app, "payroll", NOOR, None).await;
    stage.open(&manager, &format!("{ORG}/resources/payroll/why?email={NOOR}")).await;
    manager.see("Noor Rahman may open Payroll: Read.").await;
    manager.see_not("Asked for access").await;
    let id = app.id_of(&mut owner, "Noor Rahman").await;
    stage.open(&manager, &format!("{ORG}/users/{id}/access")).await;
    manager.see("What Noor Rahman may open").await;
    stage.look(&manager, "person-access").await;
    stage.open(&manager, &format!("{ORG}/teams/support/access")).await;
    manager.see("What Support opens").await;
    stage.look(&manager, "team-access").await;

    stage.open(&browser, &format!("{ORG}/resources/payroll")).await;
    browser.see("Open Payroll").await;
    nothing_broke(&browser).await;
    nothing_broke(&manager).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_and_guests() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    let (app, browser, guest) = (&stage.app, Browser::start().await, Browser::start().await);
    let owner = app.owner().await;
    resource(app, New { audience: "Unlisted", ..New::default() }).await;
    resource(app, New { key: "price-list", audience: "InviteRestricted", ..New::default() }).await;
    entry(app, "price-list", "gus@elsewhere.example", None).await;
    stage.sign_in(&browser, AMARA, PASSWORD).await;
    browser.press("Refunds Tool What Refunds is for").await;
    browser.press("Links").await;
    browser.see("There is no link yet").await;
    stage.look(&browser, "links-empty").await;
    browser.fill("Name", "For the press").await;
    browser.press("Make link").await;
    browser.see("It is shown this once").await;
    stage.look(&browser, "links-made").await;
    let mut visitor = app.visitor();
    visitor.cookies = owner.cookies.clone();
    let made = visitor
        .post(&format!("{ORG}/resources/refunds/links"), &[("name", "Second"), ("expires", "")])
        .await
        .ok();
    let path = between(&made.body, "/i/", "<")
        .first()
        .map(|token| format!("/i/{token}"))
        .expect("the link is shown");
    stage.open(&guest, &path).await;
    guest.see("Open Refunds").await;
    stage.look(&guest, "link-outside").await;
    stage.open(&browser, &format!("{ORG}/resources/refunds/links")).await;
    browser.see("Used 1 time").await;
    stage.look(&browser, "links").await;
    browser.press("Revoke Second").await;
    browser.see("Revoke the link Second?").await;
    stage.look(&browser, "links-revoke").await;
    browser.press("Revoke link").await;
    browser.see("The link Second is revoked").await;
    stage.open(&guest, &path).await;
    guest.see("There is nothing here").await;

    set_audience(app, "refunds", "Public").await;
    stage.open(&guest, &format!("{ORG}/resources/price-list")).await;
    guest.press("Create one").await;
    guest.see("Create an account").await;
    stage.look(&guest, "sign-up-guest").await;
    guest.fill("Your name", "Gus Guest").await;
    guest.fill("Work email", "gus@elsewhere.example").await;
    guest.fill("Password", PASSWORD).await;
    guest.press("Create account").await;
    guest.see("Check your mail").await;
    stage.open(&guest, &app.mail_to("gus@elsewhere.example").await.path("/verify/")).await;
    guest.press("Confirm and create account").await;
    guest.see("Your account is ready").await;
    stage.open(&guest, "/").await;
    guest.see("Shared with you").await;
    guest.see("Price-list").await;
    stage.look(&guest, "shared-with-you").await;
    stage.open(&guest, &format!("{ORG}/resources/price-list")).await;
    guest.see("Open Price-list").await;
    stage.look(&guest, "resource-guest").await;
    nothing_broke(&browser).await;
    nothing_broke(&guest).await;
}
