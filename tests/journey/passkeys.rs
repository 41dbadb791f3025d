//! A passkey from its making to its end, with the browser's own device; and without JavaScript.

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::browser::Browser;
use crate::support::page::between;
use crate::support::passkey::Device;
use crate::support::{TestApp, fresh_schema};

const AMARA: &str = "amara@halden.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    life_of_a_passkey(Stage { app: TestApp::served(None, &[]).await, looks: true }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    life_of_a_passkey(Stage { app: TestApp::served(Some(fresh_schema().await), &[]).await, looks: false })
        .await;
}

async fn life_of_a_passkey(stage: Stage) {
    let browser = Browser::start().await;
    stage.app.owner().await;
    let device = browser.have_passkeys().await;
    stage.sign_in_to_users(&browser, AMARA, PASSWORD).await;
    browser.arrive("/o/halden-freight/users").await;
    add(&stage, &browser).await;
    browser.recognize(&device, false).await;
    sign_out(&stage, &browser).await;
    browser.arrive("/sign-in").await;

    stage.sign_in(&browser, AMARA, PASSWORD).await;
    browser.see("Your device asks for your fingerprint, face or PIN.").await;
    stage.look(&browser, "challenge-passkey").await;
    browser.press("Use your passkey").await;
    browser.see("No passkey was used: that was cancelled, or took too long.").await;
    stage.look(&browser, "challenge-passkey-error").await;
    browser.recognize(&device, true).await;
    browser.press("Use your passkey").await;
    browser.arrive("/o/halden-freight").await;
    browser.recognize(&device, false).await;
    sign_out(&stage, &browser).await;

    browser.see("Sign in with a passkey").await;
    stage.look(&browser, "sign-in-passkey").await;
    // After a press that failed it would be offered again, and sign in by itself before the button does.
    browser.offer_no_passkeys().await;
    browser.press("Sign in with a passkey").await;
    browser.see("No passkey was used").await;
    stage.look(&browser, "sign-in-passkey-error").await;
    browser.recognize(&device, true).await;
    browser.press("Sign in with a passkey").await;
    browser.arrive("/o/halden-freight").await;

    // The browser offers it among the saved addresses, where this device chooses it at once.
    sign_out(&stage, &browser).await;
    browser.arrive("/o/halden-freight").await;

    stage.open(&browser, "/step-up").await;
    browser.see("Confirm that it is you").await;
    stage.look(&browser, "step-up-passkey").await;
    browser.press("Use your passkey").await;
    browser.arrive("/o/halden-freight").await;
    rename_and_remove(&stage, &browser).await;
    nothing_broke(&browser).await;
}

async fn add(stage: &Stage, browser: &Browser) {
    stage.open(browser, "/account/mfa").await;
    browser.see("Multi-factor authentication is off").await;
    stage.look(browser, "mfa-off").await;
    stage.open(browser, "/account/mfa/enrol").await;
    stage.look(browser, "mfa-choose").await;
    browser.press("Add a passkey").await;
    browser.see("For yourself, to tell your passkeys apart.").await;
    stage.look(browser, "passkey-new").await;
    browser.fill("Name", "MacBook").await;
    browser.press("Create a passkey").await;
    browser.see("Save your recovery codes").await;
    stage.look(browser, "passkey-codes").await;
    browser
        .press("I have saved these codes somewhere safe A password manager or a printed copy both work.")
        .await;
    browser.press("Finish").await;
    browser.see("10 of 10 left").await;
    browser.see("MacBook").await;
    stage.look(browser, "mfa-passkeys").await;
    // The same device makes no second one.
    browser.press("Add a passkey").await;
    browser.press("Create a passkey").await;
    browser.see("This device has a passkey for your account already.").await;
    stage.look(browser, "passkey-new-error").await;
}

async fn sign_out(stage: &Stage, browser: &Browser) {
    stage.open(browser, "/account/mfa/enrol").await;
    browser.press("Sign out").await;
}

async fn rename_and_remove(stage: &Stage, browser: &Browser) {
    stage.open(browser, "/account/mfa").await;
    browser.press("Rename MacBook").await;
    browser.fill("Name", "Old MacBook").await;
    stage.look(browser, "passkey-rename").await;
    browser.press("Save name").await;
    browser.see("The name is saved").await;
    browser.press("Remove Old MacBook").await;
    browser.see("This is your last factor").await;
    stage.look(browser, "passkey-remove").await;
    browser.press("Remove Old MacBook").await;
    browser.see("The passkey is removed").await;
    browser.see("Multi-factor authentication is off").await;
    stage.open(browser, "/sign-in").await;
}

/// V2: without JavaScript there are no passkeys, and another way is on the very page that asks for one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_javascript() {
    let stage = Stage { app: TestApp::served(None, &[]).await, looks: false };
    let mut owner = stage.app.owner().await;
    owner.step_up().await;
    let mut device = Device { origin: stage.app.url.clone(), ..Device::new() };
    let page = owner.add_passkey(&mut device, "Pixel 9").await.ok();
    let code = between(&page.body, "<li>", "</li>")[0].to_owned();

    let browser = Browser::start_without_javascript().await;
    stage.open(&browser, "/sign-in").await;
    browser.see_not("passkey").await;
    stage.sign_in(&browser, AMARA, PASSWORD).await;
    browser.see("This browser can’t use passkeys here").await;
    browser.screenshot("challenge-passkey-without-javascript").await;
    browser.press("Use a recovery code").await;
    browser.fill("Recovery code", &code).await;
    browser.press("Continue").await;
    browser.arrive("/o/halden-freight").await;
    stage.open(&browser, "/account/mfa").await;
    browser.see("Pixel 9").await;
    browser.see_not("Add a passkey").await;
}
