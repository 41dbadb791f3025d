//! A person's own page, leaving, and what people set about themselves.

use interlock::clock::{DAY, HOUR, MINUTE};
use interlock::domain::access::Role;

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::browser::Browser;
use crate::support::{TestApp, Visitor};

const AMARA: &str = "amara@halden.example";
const JONAS: &str = "jonas@halden.example";

async fn stage() -> Stage {
    Stage { app: TestApp::served_in_test_time(&[]).await, looks: true }
}

/// An Admin who has been here for a while, with two sessions and a few invites.
async fn jonas(app: &TestApp, owner: &mut Visitor) -> String {
    let mut jonas = app.member(owner, "Jonas Lindqvist", JONAS, Role::Developer).await;
    let id = app.id_of(owner, "Jonas Lindqvist").await;
    let page = format!("{}/users/{id}", owner.org);
    app.clock.advance(3 * DAY);
    owner.sign_in(AMARA, PASSWORD).await.leads_to("/");
    owner.post(&format!("{page}/role"), &[("role", "admin")]).await.is(303);
    app.clock.advance(DAY);
    jonas.sign_in(JONAS, PASSWORD).await.leads_to("/");
    app.member(&mut jonas, "Priya Raman", "priya@halden.example", Role::Developer).await;
    app.invited(&mut jonas, "dana.kovac@halden.example", Role::Reviewer).await;
    app.invited(&mut jonas, "r.osei@partner.example", Role::Auditor).await;
    app.clock.advance(2 * HOUR);
    let mut phone = app.visitor();
    phone.address = [203, 0, 113, 20].into();
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 \
                 Mobile/15E148 Safari/604.1";
    phone.headers = vec![("user-agent".to_owned(), agent.to_owned())];
    phone.sign_in(JONAS, PASSWORD).await.leads_to("/");
    app.clock.advance(10 * MINUTE);
    jonas.get(&format!("{}/users", jonas.org)).await.ok();
    app.clock.advance(MINUTE);
    page
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_page_and_their_leaving() {
    let stage = stage().await;
    let (app, browser) = (&stage.app, Browser::start().await);
    let mut owner = app.owner().await;
    let page = jonas(app, &mut owner).await;
    stage.sign_in(&browser, AMARA, PASSWORD).await;
    browser.press("Jonas Lindqvist").await;
    browser.arrive(&page).await;
    browser.see("last seen here 1 minute ago").await;
    stage.look(&browser, "person").await;
    browser.press_key("End").await;
    stage.look(&browser, "person-end").await;

    browser.press("Suspend").await;
    browser.see("Suspend Jonas Lindqvist?").await;
    stage.look(&browser, "person-suspend").await;
    browser.press_near("Suspend Jonas Lindqvist?", "Cancel").await;
    browser.press("Sign out everywhere").await;
    browser.see("Sign Jonas Lindqvist out everywhere?").await;
    browser.press("Sign out").await;
    browser.see("Jonas Lindqvist is signed out of Halden Freight").await;
    browser.arrive(&page).await;
    browser.see("None is open now.").await;
    browser.press("Suspend").await;
    browser.press_near("Suspend Jonas Lindqvist?", "Suspend").await;
    browser.see("Jonas Lindqvist is suspended").await;
    browser.see("None: they can't open Halden Freight").await;
    stage.look(&browser, "person-suspended").await;
    browser.press("Reactivate").await;
    browser.see("Jonas Lindqvist is active again").await;
    browser.select("Role of Jonas Lindqvist", "Reviewer").await;
    browser.press("Change role").await;
    browser.see("Jonas Lindqvist is now a Reviewer").await;
    browser.arrive(&page).await;

    let mut jonas = app.visitor();
    jonas.sign_in(JONAS, PASSWORD).await.leads_to("/");
    jonas.get(&owner.org).await.ok();
    stage.open(&browser, &page).await;
    browser.press("Remove").await;
    browser.see("2 are pending.").await;
    stage.look(&browser, "leaving").await;
    browser.press("Hand over to me You answer for 2 invites. Links that were sent stay valid.").await;
    browser.press("Remove from organization").await;
    browser.see("Jonas Lindqvist is removed, and you answer for 2 invites now").await;
    stage.open(&browser, &page).await;
    browser.see("Removed").await;
    stage.look(&browser, "person-removed").await;
    stage.open(&browser, "/o/halden-freight/invitations").await;
    browser.see("dana.kovac@halden.example").await;
    browser.see_not("Void").await;
    nothing_broke(&browser).await;
}
