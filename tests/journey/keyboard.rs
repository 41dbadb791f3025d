//! Without a mouse.

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::TestApp;
use crate::support::browser::Browser;
use crate::support::database::texts;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_in_and_invite_by_keyboard() {
    let stage = Stage { app: TestApp::served(None, &[]).await, looks: false };
    stage.app.owner().await;
    let browser = Browser::start().await;
    stage.open(&browser, "/sign-in").await;
    reach(&browser, "Email").await;
    browser.type_text("amara@halden.example").await;
    browser.press_key("Enter").await;
    browser.see("Forgot password?").await;
    assert_eq!(browser.focused().await, "Password");
    browser.type_text(PASSWORD).await;
    browser.press_key("Enter").await;
    browser.see("There is nothing for you to open yet").await;
    reach(&browser, "Users").await;
    browser.press_key("Enter").await;
    browser.see("Invite the first people").await;

    // The first stop of a page leads past the menu.
    browser.press_key("Tab").await;
    assert_eq!(browser.focused().await, "Skip to content");
    browser.press_key("Enter").await;
    reach(&browser, "Invite people").await;
    browser.press_key("Enter").await;
    browser.see("Invite people to Halden Freight").await;
    assert_eq!(browser.focused().await, "Email addresses");
    browser.press_key("Escape").await;
    browser.see_not("Invite people to Halden Freight").await;
    assert_eq!(browser.focused().await, "Invite people");

    browser.press_key("Enter").await;
    browser.see("Invite people to Halden Freight").await;
    browser.type_text("dana.kovac@halden.example").await;
    browser.press_key("Tab").await;
    browser.press_key("Down").await;
    assert!(browser.focused().await.starts_with("Developer"));
    reach(&browser, "Note (optional)").await;
    browser.type_text("Welcome.").await;
    reach(&browser, "Send invites").await;
    browser.press_key("Enter").await;
    browser.see("dana.kovac@halden.example is invited as a Developer").await;

    reach(&browser, "Revoke the invite to dana.kovac@halden.example").await;
    browser.press_key("Enter").await;
    browser.see("Revoke this invite?").await;
    // The safe button is first under the finger.
    assert_eq!(browser.focused().await, "Cancel");
    browser.press_key("Enter").await;
    browser.see_not("Revoke this invite?").await;
    assert_eq!(browser.focused().await, "Revoke the invite to dana.kovac@halden.example");
    row_menu(&stage, &browser).await;
    role(&stage, &browser).await;
    nothing_broke(&browser).await;
}

/// After each act the focus is where it was, though the row is a new one.
async fn row_menu(stage: &Stage, browser: &Browser) {
    let link = stage.app.mail_to("dana.kovac@halden.example").await.path("/invite/");
    let fields = [("name", "Dana Kovač"), ("password", PASSWORD)];
    stage.app.visitor().post(&link, &fields).await.leads_to("/o/halden-freight");
    stage.open(browser, "/o/halden-freight/users").await;
    for (downs, act, done) in
        [(2, "Suspend", "Dana Kovač is suspended"), (0, "Reactivate", "is active again")]
    {
        reach(browser, "More for Dana Kovač").await;
        open_menu(browser).await;
        reach(browser, act).await;
        browser.press_key("Enter").await;
        if downs > 0 {
            browser.see("Suspend Dana Kovač?").await;
            assert_eq!(browser.focused().await, "Cancel");
            browser.press_key("Escape").await;
            browser.see_not("Suspend Dana Kovač?").await;
            assert_eq!(browser.focused().await, "More for Dana Kovač");
            open_menu(browser).await;
            reach(browser, act).await;
            browser.press_key("Enter").await;
            browser.see("Suspend Dana Kovač?").await;
            reach(browser, act).await;
            browser.press_key("Enter").await;
        }
        browser.see(done).await;
        assert_eq!(browser.focused().await, "More for Dana Kovač");
    }
}

/// The menu comes from the server: nobody goes into it before it is there.
async fn open_menu(browser: &Browser) {
    browser.press_key("Enter").await;
    browser.see("Sign out everywhere").await;
}

/// V2, V4: the arrow keys choose, and only the button, which is there once there is something to save, changes
/// anything. One's own role is not among what can be changed in passing.
async fn role(stage: &Stage, browser: &Browser) {
    let roles = async || {
        texts(&stage.app, "select name || ' ' || role from memberships order by name").await.join(", ")
    };
    stage.open(browser, "/o/halden-freight/users").await;
    reach(browser, "Role of Dana Kovač").await;
    browser.press_key("Tab").await;
    assert_ne!(browser.focused().await, "Save the role of Dana Kovač");
    stage.open(browser, "/o/halden-freight/users").await;
    reach(browser, "Role of Dana Kovač").await;
    for _ in 0..2 {
        browser.press_key("Down").await;
    }
    browser.press_key("Tab").await;
    assert_eq!(browser.focused().await, "Save the role of Dana Kovač");
    assert_eq!(roles().await, "Amara Okafor owner, Dana Kovač developer");
    browser.press_key("Enter").await;
    browser.see("Dana Kovač is now a Reviewer").await;
    assert_eq!(browser.focused().await, "Role of Dana Kovač");
    assert_eq!(roles().await, "Amara Okafor owner, Dana Kovač reviewer");
    browser.see_not("Role of Amara Okafor").await;
}

/// Presses Tab until this has the focus.
async fn reach(browser: &Browser, name: &str) {
    let mut passed = Vec::new();
    while passed.len() < 60 {
        let focused = browser.focused().await;
        if focused == name {
            return;
        }
        passed.push(focused);
        browser.press_key("Tab").await;
    }
    panic!("Tab does not lead to {name}, but to {passed:?}");
}
