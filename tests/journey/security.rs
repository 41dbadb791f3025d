//! An Owner requires multi-factor authentication while others are at work.

use interlock::domain::access::Role;

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::browser::Browser;
use crate::support::factors::Phone;
use crate::support::{TestApp, Visitor};

const AMARA: &str = "amara@halden.example";
const JONAS: &str = "jonas@halden.example";
const DANA: &str = "dana@halden.example";
const SECURITY: &str = "/o/halden-freight/settings/security";

async fn stage() -> (Stage, Visitor, Phone) {
    let stage = Stage { app: TestApp::served_in_test_time(&[]).await, looks: true };
    let mut owner = stage.app.owner().await;
    stage.app.member(&mut owner, "Jonas Lindqvist", JONAS, Role::Admin).await;
    stage.app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
    let phone = owner.enable_mfa(&stage.app.clock).await;
    (stage, owner, phone)
}

/// Through the password and the code.
async fn sign_in_with(stage: &Stage, browser: &Browser, phone: &Phone) {
    stage.sign_in(browser, AMARA, PASSWORD).await;
    browser.fill("6-digit code", &phone.next_code()).await;
    browser.press("Continue").await;
    browser.arrive("/o/halden-freight").await;
    browser.press("Users").await;
}

/// M3, M4, MFA-06: two members are signed in, one of them in the middle of a form: both are interrupted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enforced_while_others_work() {
    let (stage, mut visitor, phone) = stage().await;
    let (owner, jonas, dana) = (Browser::start().await, Browser::start().await, Browser::start().await);
    stage.sign_in_to_users(&jonas, JONAS, PASSWORD).await;
    jonas.arrive("/o/halden-freight/users").await;
    jonas.press("Invite people").await;
    jonas.fill("Email addresses", "lena@halden.example").await;
    stage.sign_in(&dana, DANA, PASSWORD).await;
    dana.see("You are a Member here").await;

    sign_in_with(&stage, &owner, &phone).await;
    stage.look(&owner, "users-factors").await;
    owner.press("Settings").await;
    owner.press("Security").await;
    owner.see("1 of 3 people with a factor.").await;
    stage.look(&owner, "settings-security").await;
    owner.press("Require multi-factor authentication").await;
    owner.press_near("1 of 3 people with a factor.", "Save").await;
    owner.see("Require multi-factor authentication in Halden Freight?").await;
    owner.see("2 people have no factor").await;
    stage.look(&owner, "settings-security-confirm").await;
    owner.press("Mail them now").await;
    owner.see("2 mails are on their way").await;
    owner.press("Require it").await;
    owner.see("Multi-factor authentication is required from now on").await;
    owner.see("2 people have not set it up").await;
    stage.look(&owner, "settings-security-required").await;

    jonas.press("Send invites").await;
    jonas.see("Halden Freight requires a second step at sign-in.").await;
    dana.press("Roles").await;
    dana.see("Halden Freight requires a second step at sign-in.").await;
    let sent = visitor.get("/o/halden-freight/invitations").await.ok();
    sent.says_not("lena@halden.example");
    owner.press("See who").await;
    owner.see("2 people").await;
    stage.look(&owner, "users-without-mfa").await;
    for browser in [&owner, &jonas, &dana] {
        nothing_broke(browser).await;
    }
}

/// M4: a date, and the banner until then; what is wrong with one stands beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grace() {
    let (stage, mut visitor, phone) = stage().await;
    let (owner, dana) = (Browser::start().await, Browser::start().await);
    sign_in_with(&stage, &owner, &phone).await;
    stage.open(&owner, SECURITY).await;
    owner.press("Require multi-factor authentication").await;
    owner.press("From a day Until then they see a banner, and are mailed.").await;
    owner.press_near("1 of 3 people with a factor.", "Save").await;
    owner.see("Enter a day as year-month-day").await;
    stage.look(&owner, "settings-security-error").await;
    let fields = [
        ("required", "yes"),
        ("factors", "any"),
        ("when", "date"),
        ("day", "2026-12-01"),
        ("confirmed", "yes"),
    ];
    visitor.post(&format!("{SECURITY}/mfa"), &fields).await.leads_to(SECURITY);
    stage.open(&owner, SECURITY).await;
    owner.see("From 1 December 2026, 00:00 on they can’t open").await;
    stage.look(&owner, "settings-security-grace").await;
    stage.sign_in(&dana, DANA, PASSWORD).await;
    dana.see("Halden Freight requires multi-factor authentication from 1 December 2026, 00:00").await;
    stage.look(&dana, "mfa-banner").await;
    dana.press("Set it up now").await;
    dana.see("Set up multi-factor authentication").await;
    for browser in [&owner, &dana] {
        nothing_broke(browser).await;
    }
}
