//! Multi-factor authentication, from the first code to the last recovery code.

use interlock::clock::{MINUTE, SECOND};

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::TestApp;
use crate::support::browser::Browser;
use crate::support::factors::Phone;

const AMARA: &str = "amara@halden.example";

/// What stands under a label, as a person reads it out.
async fn secret(browser: &Browser) -> String {
    browser.text_of("main code").await
}

/// M1, M2, S11, MFA-01: enrol → sign out → sign in with a code → a replay is refused → a recovery code, by an independent
/// program's codes; then another app, a new name, new codes, and the end of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_first_code_to_a_lost_phone() {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    let (app, browser) = (&stage.app, Browser::start().await);
    app.owner().await;
    stage.sign_in_to_users(&browser, AMARA, PASSWORD).await;
    browser.arrive("/o/halden-freight/users").await;
    stage.open(&browser, "/account/mfa").await;
    browser.see("Multi-factor authentication is off").await;
    stage.look(&browser, "mfa-off").await;
    browser.press("Enable MFA").await;
    browser.see("Set up an authenticator app").await;
    stage.look(&browser, "mfa-enrol").await;
    let phone = Phone::new(secret(&browser).await, app.clock.clone());
    browser.fill("Code from the app", &phone.wrong()).await;
    browser.press("Turn on and continue").await;
    browser.see("not the code that the app shows now").await;
    stage.look(&browser, "mfa-enrol-error").await;
    let code = phone.code();
    browser.fill("Code from the app", &format!("{} {}", &code[..3], &code[3..])).await;
    browser.fill("Name", "Pixel 9").await;
    browser.press("Turn on and continue").await;
    browser.see("Save your recovery codes").await;
    stage.look(&browser, "mfa-recovery-codes").await;
    let codes: Vec<String> =
        browser.text_of("ul.codes").await.split_whitespace().map(str::to_owned).collect();
    assert_eq!(codes.len(), 10, "{codes:?}");
    browser
        .press("I have saved these codes somewhere safe A password manager or a printed copy both work.")
        .await;
    browser.press("Finish").await;
    browser.see("10 of 10 left").await;
    stage.look(&browser, "mfa-on").await;

    let sign_in = async || {
        browser.press("Amara Okafor amara@halden.example Your account menu").await;
        browser.press("Sign out").await;
        browser.arrive("/sign-in").await;
        stage.sign_in(&browser, AMARA, PASSWORD).await;
        browser.see("Enter your code").await;
    };
    sign_in().await;
    stage.look(&browser, "mfa-challenge").await;
    browser.fill("6-digit code", &code).await;
    browser.press("Continue").await;
    browser.see("That code was already used. Wait for the next one.").await;
    stage.look(&browser, "mfa-challenge-error").await;
    phone.next_step();
    browser.fill("6-digit code", &phone.code()).await;
    browser.press("Don’t ask on this device for 30 days Only on a device that is yours alone.").await;
    browser.press("Continue").await;
    browser.arrive("/o/halden-freight").await;

    // Remembered here: the password alone does, but not for what asks for a fresh factor.
    browser.press("Amara Okafor amara@halden.example Your account menu").await;
    browser.press("Sign out").await;
    browser.arrive("/sign-in").await;
    stage.sign_in_to_users(&browser, AMARA, PASSWORD).await;
    browser.arrive("/o/halden-freight/users").await;
    stage.open(&browser, "/account/mfa").await;
    stage.look(&browser, "mfa-devices").await;
    browser.press("Make new codes").await;
    browser.see("Make new recovery codes?").await;
    stage.look(&browser, "mfa-new-codes").await;
    browser.press("Make new codes").await;
    browser.see("Confirm that it is you").await;
    stage.look(&browser, "mfa-step-up").await;
    app.clock.advance(30 * SECOND);
    browser.fill("6-digit code", &phone.code()).await;
    browser.press("Confirm").await;
    browser.see("One press finishes what you began").await;
    stage.look(&browser, "mfa-step-up-done").await;
    browser.press("Make new codes").await;
    browser.see("Save your recovery codes").await;
    let new: Vec<String> = browser.text_of("ul.codes").await.split_whitespace().map(str::to_owned).collect();
    stage.open(&browser, "/account/mfa").await;
    browser.press("Forget Chrome on Linux, 127.0.0.1").await;
    browser.see("The device is forgotten").await;

    // The phone is lost.
    sign_in().await;
    browser.press("Use a recovery code").await;
    browser.see("For when your phone or your passkey is not at hand.").await;
    stage.look(&browser, "mfa-recovery").await;
    browser.fill("Recovery code", &codes[0]).await;
    browser.press("Continue").await;
    browser.see("none of yours, or was used").await;
    stage.look(&browser, "mfa-recovery-error").await;
    browser.fill("Recovery code", &new[0].to_uppercase().replace('-', " ")).await;
    browser.press("Continue").await;
    browser.arrive("/o/halden-freight").await;
    stage.open(&browser, "/account/mfa").await;
    browser.see("9 of 10 left").await;
    browser.press("Remove Pixel 9").await;
    browser.see("This is your last factor").await;
    stage.look(&browser, "mfa-remove").await;
    browser.press("Remove Pixel 9").await;
    browser.see("Multi-factor authentication is off").await;
    app.clock.advance(MINUTE);
    nothing_broke(&browser).await;
}
