//! Google accounts, as people use them: signing up, accepting an invite, linking and unlinking.

use interlock::domain::access::Role;

use super::{PASSWORD, Stage};
use crate::google::settings;
use crate::support::TestApp;
use crate::support::browser::Browser;
use crate::support::provider::{Kind, Provider};

const AMARA: &str = "amara@halden.example";
const BO: &str = "bo@brightwater.example";
const DANA: &str = "dana@halden.example";

/// At Google for the first time: who they are, and what they agree to.
async fn at_google(browser: &Browser, login: &str) {
    again_at_google(browser, login).await;
    browser.press("Continue").await;
}

/// Who they are, once more.
async fn again_at_google(browser: &Browser, login: &str) {
    browser.type_into("input[name=login]", login).await;
    browser.type_into("input[name=password]", "any").await;
    browser.press("Sign-in").await;
}

/// As [`super::nothing_broke`], on our own pages: the provider's want a font from elsewhere.
async fn nothing_broke(browser: &Browser) {
    let errors = browser.console_errors().await;
    let expected =
        ["the server responded with a status of 4", "https://fonts.googleapis.com/css?family=Roboto"];
    let broken: Vec<&String> =
        errors.iter().filter(|error| !expected.iter().any(|words| error.contains(words))).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

async fn stage(provider: &Provider) -> Stage {
    let (issuer, origin) = (provider.issuer(Kind::Google), provider.origin().to_owned());
    let app = TestApp::served(None, &settings(&issuer, &origin)).await;
    provider.register("interlock", "their-secret", &format!("{}/auth/google/callback", app.url)).await;
    Stage { app, looks: true }
}

/// S1, S2: a new organization, and back in without a password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organization_begins_with_google() {
    let provider = Provider::start().await;
    let stage = stage(&provider).await;
    let browser = Browser::start().await;
    stage.open(&browser, "/sign-up").await;
    stage.look(&browser, "google-sign-up").await;
    browser.press("Continue with Google").await;
    at_google(&browser, BO).await;
    browser.arrive("/sign-up/arrived").await;
    stage.look(&browser, "google-arrived").await;
    browser.fill("Organization name", "Brightwater Labs").await;
    browser.fill("Your name", "Bo Bright").await;
    browser.press("Create organization").await;
    browser.arrive("/o/brightwater-labs/users").await;
    stage.open(&browser, "/account").await;
    browser.see("You have no password").await;
    stage.look(&browser, "account-without-password").await;
    browser.press("See your sign-in methods").await;
    browser.see("It is your last way in").await;
    stage.look(&browser, "sign-in-methods-google").await;
    browser.press("Bo Bright bo@brightwater.example Your account menu").await;
    browser.press("Sign out").await;
    browser.arrive("/sign-in").await;
    // Google knows the browser, and asks which account it is to be.
    stage.open(&browser, "/auth/google?next=/account/sign-in-methods").await;
    again_at_google(&browser, BO).await;
    browser.arrive("/account/sign-in-methods").await;
    nothing_broke(&browser).await;
}

/// I2: an invite is accepted with Google; another address is told which one it is for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_is_accepted_with_google() {
    let provider = Provider::start().await;
    let stage = stage(&provider).await;
    let mut owner = stage.app.owner().await;
    let link = stage.app.invited(&mut owner, DANA, Role::Developer).await;
    let other = Browser::start().await;
    stage.open(&other, &link).await;
    other.press("Continue with Google").await;
    at_google(&other, "dana.private@gmail.com").await;
    other.see("This invite is for another address").await;
    stage.look(&other, "google-other-address").await;

    let browser = Browser::start().await;
    stage.open(&browser, &link).await;
    stage.look(&browser, "google-invite").await;
    browser.press("Continue with Google").await;
    at_google(&browser, DANA).await;
    browser.see("Join with Google").await;
    stage.look(&browser, "google-invite-arrived").await;
    browser.fill("Your name", "Dana Kovač").await;
    browser.press("Join").await;
    browser.arrive("/o/halden-freight").await;
    browser.see("Welcome to Halden Freight").await;
    nothing_broke(&browser).await;
}

/// S8, S12, SSO-09: the address of an account is no way in; its person links Google, and unlinks it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn google_is_linked_and_unlinked() {
    let provider = Provider::start().await;
    let stage = stage(&provider).await;
    stage.app.owner().await;
    let browser = Browser::start().await;
    stage.open(&browser, "/auth/google").await;
    at_google(&browser, AMARA).await;
    browser.see("Sign in first").await;
    stage.look(&browser, "google-sign-in-first").await;
    stage.sign_in_to_users(&browser, AMARA, PASSWORD).await;
    browser.arrive("/o/halden-freight/users").await;
    stage.open(&browser, "/account/sign-in-methods").await;
    stage.look(&browser, "sign-in-methods").await;
    browser.press("Link Google").await;
    again_at_google(&browser, AMARA).await;
    browser.see("is linked: it signs you in from now on").await;
    stage.look(&browser, "sign-in-methods-linked").await;
    browser.press("Unlink Google").await;
    browser.see("Unlink Google?").await;
    stage.look(&browser, "sign-in-methods-unlink").await;
    browser.press("Unlink Google").await;
    browser.see("Google is unlinked").await;
    nothing_broke(&browser).await;
}
