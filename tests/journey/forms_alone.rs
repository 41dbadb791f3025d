//! The same way in a browser whose owner has switched scripts off: every step is a link or a form.

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::TestApp;
use crate::support::browser::Browser;

const AMARA: &str = "amara@halden.example";
const DANA: &str = "dana.kovac@halden.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_needs_no_scripts() {
    let stage = Stage { app: TestApp::served(None, &[]).await, looks: false };
    let browser = Browser::start_without_javascript().await;
    stage.open(&browser, "/sign-up").await;
    browser.fill("Organization name", "Halden Freight").await;
    browser.fill("Your name", "Amara Okafor").await;
    browser.fill("Work email", AMARA).await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Create organization").await;
    browser.see("Check your mail").await;
    stage.open(&browser, &stage.app.mail_to(AMARA).await.path("/verify/")).await;
    browser.press("Confirm and create Halden Freight").await;
    browser.see("Halden Freight is ready, and you are its Owner").await;

    browser.press("Invite people").await;
    browser.arrive("/invitations/new").await;
    browser.screenshot("plain-invite").await;
    browser.fill("Email addresses", DANA).await;
    browser.fill("Note (optional)", "Welcome aboard.").await;
    browser.press("Send invites").await;
    browser.see("dana.kovac@halden.example is invited as a Member").await;
    browser.press("Copy link of the invite to dana.kovac@halden.example").await;
    browser.see("It is shown once").await;
    browser.screenshot("plain-copy-link").await;
    browser.press("Done").await;
    browser.press("Resend the invite to dana.kovac@halden.example").await;
    browser.see("A new link is on its way").await;

    let guest = Browser::start_without_javascript().await;
    stage.open(&guest, &stage.app.mail_to(DANA).await.path("/invite/")).await;
    guest.fill("Your name", "Dana Kovač").await;
    guest.fill("Password", PASSWORD).await;
    guest.press("Join Halden Freight").await;
    guest.see("You are a Member here").await;

    stage.open(&browser, "/o/halden-freight/users").await;
    browser.screenshot("plain-users").await;
    browser.select("Role of Dana Kovač", "Auditor").await;
    browser.press("Save the role of Dana Kovač").await;
    browser.see("Dana Kovač is now an Auditor").await;
    stage.open(&guest, "/o/halden-freight").await;
    guest.see("You are an Auditor here").await;
    guest.press("Audit log").await;
    guest.see("Every change of access").await;
    guest.select("Filter by kind of change", "Changed role").await;
    guest.press("Filter").await;
    guest.see("role: Member → Auditor").await;
    // One's own role is changed on one's own page.
    browser.press("Amara Okafor (you)").await;
    browser.select("Role of Amara Okafor", "Admin").await;
    browser.press("Change role").await;
    browser.see("Amara Okafor is the last Owner.").await;
    browser.screenshot("plain-conflict").await;

    acts(&stage, &browser).await;
    stage.open(&guest, "/o/halden-freight").await;
    guest.see("There is nothing here").await;
    nothing_broke(&browser).await;
    nothing_broke(&guest).await;
}

/// What the row's menu leads to has a page of its own.
async fn acts(stage: &Stage, browser: &Browser) {
    stage.open(browser, "/o/halden-freight/users").await;
    for (act, verb, done) in [
        ("Sign out everywhere", "Sign out", "Dana Kovač is signed out of Halden Freight"),
        ("Suspend", "Suspend", "Dana Kovač is suspended"),
    ] {
        browser.press("More for Dana Kovač").await;
        browser.press(act).await;
        browser.see("Dana Kovač").await;
        browser.screenshot(&format!("plain-{}", verb.to_lowercase().replace(' ', "-"))).await;
        browser.press(verb).await;
        browser.see(done).await;
    }
    browser.press("More for Dana Kovač").await;
    browser.press("Reactivate").await;
    browser.see("Dana Kovač is active again").await;
    // The view of the list stays as it was.
    stage.open(browser, "/o/halden-freight/users?q=dana&role=auditor").await;
    browser.select("Role of Dana Kovač", "Reviewer").await;
    browser.press("Save the role of Dana Kovač").await;
    browser.arrive("/users?q=dana&role=auditor").await;
    browser.see("Dana Kovač is now a Reviewer").await;
    browser.select("Filter by status", "Suspended").await;
    browser.press("Search").await;
    browser.see("Nobody matches").await;
    browser.press("Show everyone").await;
    browser.press("More for Dana Kovač").await;
    browser.press("Remove from organization").await;
    browser.see("Remove Dana Kovač?").await;
    browser.press("Remove from organization").await;
    browser.see("Dana Kovač is removed").await;
}
