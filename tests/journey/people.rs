//! A person's own page, leaving, and what people set about themselves.

use interlock::clock::{DAY, HOUR, MINUTE};
use interlock::domain::access::Role;

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::browser::Browser;
use crate::support::database::{execute, texts};
use crate::support::{TestApp, Visitor};

const AMARA: &str = "amara@halden.example";
const JONAS: &str = "jonas@halden.example";
const NEW: &str = "amara@okafor.example";

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
    stage.sign_in_to_users(&browser, AMARA, PASSWORD).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_and_appearance() {
    let stage = stage().await;
    let (app, browser) = (&stage.app, Browser::start().await);
    browser.be_in("America/New_York").await;
    stage.open(&browser, "/sign-up").await;
    browser.fill("Organization name", "Halden Freight").await;
    browser.fill("Your name", "Amara Okafor").await;
    browser.fill("Work email", AMARA).await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Create organization").await;
    browser.see("Check your mail").await;
    stage.open(&browser, &app.mail_to(AMARA).await.path("/verify/")).await;
    browser.press("Confirm and create Halden Freight").await;
    browser.see("Invite the first people").await;
    assert_eq!(texts(app, "select time_zone from users").await, ["America/New_York"]);

    // Someone who joined at 20:30 in UTC: that is the next day in Tokyo.
    let mut owner = app.visitor();
    owner.sign_in(AMARA, PASSWORD).await.leads_to("/");
    owner.org = "/o/halden-freight".to_owned();
    app.clock.advance(11 * HOUR + 30 * MINUTE);
    owner.sign_in(AMARA, PASSWORD).await.leads_to("/");
    app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Member).await;
    app.clock.advance(3 * DAY);
    stage.sign_in_to_users(&browser, AMARA, PASSWORD).await;
    browser.arrive("/o/halden-freight/users").await;
    stage.open(&browser, "/o/halden-freight/users?q=dana").await;
    browser.see("22 November").await;
    browser.see_not("23 November").await;

    stage.open(&browser, "/account").await;
    browser.see("Time and appearance").await;
    browser.press("Change time and appearance").await;
    browser.see("The audit log and exports stay in UTC.").await;
    stage.look(&browser, "preferences").await;
    browser.select("Time zone", "Tokyo").await;
    browser.press("Dark Always dark.").await;
    browser.press("Save time and appearance").await;
    browser.see("Your time zone and theme are saved").await;
    stage.look(&browser, "account-dark").await;
    browser.press_key("End").await;
    stage.look(&browser, "account-dark-end").await;
    stage.open(&browser, "/o/halden-freight/users?q=dana").await;
    browser.see("23 November").await;
    browser.see_not("22 November").await;
    stage.look(&browser, "users-dark").await;

    // The server says that it is dark: no script is needed for it.
    let plain = Browser::start_without_javascript().await;
    stage.sign_in_to_users(&plain, AMARA, PASSWORD).await;
    plain.arrive("/o/halden-freight/users").await;
    stage.open(&plain, "/account").await;
    plain.see("Time and appearance").await;
    plain.screenshot("plain-dark").await;
    plain.press("Change time and appearance").await;
    plain.see("The audit log and exports stay in UTC.").await;
    plain.press("Light Always light.").await;
    plain.press("Save time and appearance").await;
    plain.see("Your time zone and theme are saved").await;
    plain.screenshot("plain-light").await;
    nothing_broke(&browser).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_address_and_the_way_back() {
    let stage = stage().await;
    let (app, browser, other) = (&stage.app, Browser::start().await, Browser::start().await);
    app.owner().await;
    app.sign_up("Nordlicht Reederei", "Henrik Solberg", "henrik@nordlicht.example").await;
    stage.sign_in(&browser, AMARA, PASSWORD).await;
    app.clock.advance(HOUR);
    stage.open(&browser, "/account").await;
    browser.fill("New email address", "amara@okafor").await;
    browser.press("Change address").await;
    browser.see("Enter a whole address, such as ann@example.com.").await;
    stage.look(&browser, "account-email-error").await;
    browser.fill("New email address", NEW).await;
    browser.press("Change address").await;
    browser.see("Confirm that it is you").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Confirm").await;
    browser.see(NEW).await;
    browser.press("Change email address").await;
    browser.see("Check the new mailbox").await;
    browser.see("amara@okafor.example waits for its confirmation").await;
    stage.look(&browser, "account-email-waiting").await;

    let link = app.mail_to(NEW).await.path("/email/");
    stage.open(&other, &link).await;
    other.see("Sign in to confirm").await;
    stage.look(&other, "email-sign-in").await;
    stage.sign_in_to_users(&other, "henrik@nordlicht.example", PASSWORD).await;
    other.arrive("/o/nordlicht-reederei/users").await;
    stage.open(&other, &link).await;
    other.see("This link is for another account").await;
    stage.look(&other, "email-wrong-account").await;
    stage.open(&browser, &link).await;
    browser.see("Confirm your new address").await;
    stage.look(&browser, "email-confirm").await;
    browser.press("Use amara@okafor.example").await;
    browser.see("Your address is amara@okafor.example now.").await;
    stage.open(&browser, &link).await;
    browser.see("This link does not work any more").await;
    stage.look(&browser, "email-dead").await;
    app.mails().await;
    execute(app, "update mail_outbox set state = 'failed', failure = '550 No such mailbox' where kind = 'email_changed_to'")
        .await;
    stage.open(&browser, "/account/mail").await;
    browser.see("550 No such mailbox").await;
    stage.look(&browser, "account-mail").await;

    let undo = app.mail_to(AMARA).await.path("/email/undo/");
    stage.open(&other, &undo).await;
    other.see("Undo the change of your address").await;
    stage.look(&other, "email-undo").await;
    other.press("Go back to amara@halden.example").await;
    other.see("Your address is back").await;
    stage.look(&other, "email-undone").await;
    other.press("Set a new password").await;
    other.see("If the address has an account").await;
    stage.open(&browser, "/account").await;
    browser.arrive("/sign-in?next=%2Faccount").await;
    app.mail_to(AMARA).await.path("/reset/");
    nothing_broke(&browser).await;
    nothing_broke(&other).await;
}
