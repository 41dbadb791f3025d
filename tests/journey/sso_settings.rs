//! An Owner connects the company's provider, proves its domain, tries it and requires it.

use interlock::clock::{Clock, SECOND};
use interlock::domain::access::Role;

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::TestApp;
use crate::support::browser::Browser;
use crate::support::database::{only, texts};
use crate::support::dns::DnsServer;
use crate::support::provider::{Kind, Provider};

const AMARA: &str = "amara@halden.example";
const SSO: &str = "/o/halden-freight/settings/sso";
const SECRET: &str = "hush-hush-4711-hush-hush-4711-hush-hush";

/// The browser keeps the provider's cookies by the machine's clock: the application's goes on to that.
fn catch_up(app: &TestApp) {
    // Never back, and never nowhere: what is done next comes after what was done.
    app.clock.advance(Clock::system().now().since(app.clock.now()).max(SECOND));
}

/// Signs in at the provider's own pages.
async fn at_the_provider(browser: &Browser, login: &str) {
    browser.see("Sign-in").await;
    browser.type_text(login).await;
    browser.press_key("Tab").await;
    browser.type_text("any").await;
    browser.press_key("Enter").await;
    browser.press("Continue").await;
}

/// O1, O2, O4, SSO-16: from nothing to required, in a browser.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_nothing_to_required() {
    let (provider, dns) = (Provider::start().await, DnsServer::start().await);
    let server = dns.address.to_string();
    let settings = [("INTERLOCK_OUTBOUND_ALLOW", provider.origin()), ("INTERLOCK_DNS_SERVER", &server)];
    let stage = Stage { app: TestApp::served_in_test_time(&settings).await, looks: true };
    catch_up(&stage.app);
    let mut owner = stage.app.owner().await;
    stage.app.member(&mut owner, "Gast Arbeiter", "gast@elsewhere.example", Role::Member).await;
    let phone = owner.enable_mfa(&stage.app.clock).await;

    let browser = Browser::start().await;
    stage.sign_in(&browser, AMARA, PASSWORD).await;
    browser.fill("6-digit code", &phone.next_code()).await;
    browser.press("Continue").await;
    browser.press("Settings").await;
    browser.press("Single sign-on").await;
    browser.see("Connect a provider first").await;
    stage.look(&browser, "settings-sso").await;
    for (kind, name) in [("google", "settings-sso-google"), ("entra", "settings-sso-entra")] {
        stage.open(&browser, &format!("{SSO}/new?kind={kind}")).await;
        browser.see("Redirect URI to enter at your provider").await;
        stage.look(&browser, name).await;
    }
    stage.open(&browser, SSO).await;
    browser.press("Set up Any OpenID Connect provider").await;
    browser.fill("Name", "Okta").await;
    browser.fill("Issuer URL", &format!("{}/nowhere", provider.origin())).await;
    browser.fill("Client ID", "interlock").await;
    browser.fill("Client secret", SECRET).await;
    let redirect = browser.text_of(".copy code").await;
    browser.press("Save provider").await;
    browser.see("There is no OpenID provider at").await;
    stage.look(&browser, "settings-sso-error").await;
    provider.register("interlock", SECRET, &redirect).await;
    browser.fill("Issuer URL", &provider.issuer(Kind::Generic)).await;
    browser.fill("Client secret", SECRET).await;
    browser.press("Save provider").await;
    browser.see("Found when it was saved").await;
    stage.look(&browser, "settings-sso-connection").await;

    browser.press("Single sign-on").await;
    browser.fill("Domain", "gmail.com").await;
    browser.press("Add domain").await;
    browser.see("Anybody can have an address at this domain").await;
    stage.look(&browser, "settings-sso-domain-error").await;
    browser.fill("Domain", "halden.example").await;
    browser.press("Add domain").await;
    browser.see("Waiting for DNS").await;
    browser.press("Check now halden.example").await;
    browser.see("There is no such TXT record at halden.example yet").await;
    stage.look(&browser, "settings-sso-waiting").await;
    let record = only(texts(&stage.app, "select record from domains").await);
    dns.set_txt("halden.example", &[&record]);
    browser.press("Check now halden.example").await;
    browser.see("halden.example is verified").await;
    browser.fill("Email address of a member", AMARA).await;
    browser.press("Give access").await;
    browser.see("Amara Okafor has break-glass access").await;
    stage.open(&browser, &format!("{SSO}#break-glass")).await;
    browser.see("Take access").await;
    stage.look(&browser, "settings-sso-people").await;
    browser.press("Require it").await;
    browser.see("Test Okta first, in this session").await;
    stage.look(&browser, "settings-sso-untested").await;
    nothing_broke(&browser).await;

    catch_up(&stage.app);
    browser.press("Test sign-in").await;
    browser.turn_to_opened_tab().await;
    at_the_provider(&browser, "amara@halden.example").await;
    browser.see("The test worked").await;
    stage.look(&browser, "settings-sso-test").await;
    browser.press("Back to the settings").await;
    browser.press("Single sign-on").await;
    browser.press("Require it").await;
    browser.see("Require single sign-on in Halden Freight?").await;
    browser.see("1 person can’t come in any more").await;
    stage.look(&browser, "settings-sso-confirm").await;
    browser.press("Require it").await;
    browser.see("Single sign-on is required from now on").await;
    browser.see("You are in by break-glass access").await;
    stage.look(&browser, "settings-sso-required").await;
    browser.press("Manage Okta").await;
    browser.press("Disconnect").await;
    browser.see("Disconnect Okta?").await;
    stage.look(&browser, "settings-sso-removal").await;
}
