//! Signing in by an organization's own provider: the address, the provider's button, and back.

use serde_json::json;

use super::{PASSWORD, Stage, nothing_broke};
use crate::support::TestApp;
use crate::support::browser::Browser;
use crate::support::database::execute;
use crate::support::provider::{Kind, Provider};
use crate::support::sso::{CLIENT, Connection, SECRET};

const HALDEN: &str = "/o/halden-freight";

/// Issue 5: Google Workspace with its domain, Entra with its tenant, and any OpenID provider.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_a_provider_of_each_kind() {
    let provider = Provider::start().await;
    let settings =
        [("INTERLOCK_OUTBOUND_ALLOW", provider.origin()), ("INTERLOCK_ENTRA_AUTHORITY", provider.origin())];
    let stage = Stage { app: TestApp::served(None, &settings).await, looks: true };
    let app = &stage.app;
    app.owner().await;
    for (kind, code) in [(Kind::Generic, "oidc"), (Kind::Google, "google"), (Kind::Entra, "entra")] {
        execute(app, "update connections set enabled = false; delete from domains").await;
        let connection = Connection::new(app, HALDEN, code, &provider.issuer(kind)).await;
        connection.set(app, "admits_newcomers = true").await;
        connection.domain(app, "halden.example", true).await;
        provider.register(CLIENT, SECRET, &stage.url(&format!("{}/callback", connection.path()))).await;
        let login = format!("{code}@halden.example");
        if code == "entra" {
            provider.claims(&login, json!({ "xms_edov": true })).await;
        }
        let browser = Browser::start().await;
        stage.open(&browser, "/sign-in?next=/o/halden-freight/roles").await;
        browser.fill("Email", &login).await;
        browser.press("Continue").await;
        browser.see("Continue with Halden ID").await;
        if code == "oidc" {
            stage.look(&browser, "sign-in-provider").await;
        }
        browser.press("Continue with Halden ID").await;
        browser.see("Sign-in").await;
        browser.type_text(&login).await;
        browser.press_key("Tab").await;
        browser.type_text("any").await;
        browser.press("Sign-in").await;
        browser.press("Continue").await;
        // What the provider's own pages ask for and don't get is not ours.
        browser.arrive("/o/halden-freight/roles").await;
    }
}

/// S9, O4: the door of an organization, for whoever is signed out, for a member where it is required, and for
/// whoever may break the glass; and a refusal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_an_organizations_door() {
    let provider = Provider::start().await;
    let settings = [("INTERLOCK_OUTBOUND_ALLOW", provider.origin())];
    let stage = Stage { app: TestApp::served(None, &settings).await, looks: true };
    let app = &stage.app;
    app.owner().await;
    let connection = Connection::new(app, HALDEN, "oidc", &provider.issuer(Kind::Generic)).await;
    connection.domain(app, "halden.example", true).await;
    let browser = Browser::start().await;
    stage.open(&browser, "/o/halden-freight/sign-in").await;
    browser.see("Continue with Halden ID").await;
    stage.look(&browser, "sign-in-door").await;
    stage.sign_in_to_users(&browser, "amara@halden.example", PASSWORD).await;
    browser.see("Invite the first people").await;
    execute(app, "update organizations set sso_required = true").await;
    stage.open(&browser, "/o/halden-freight/users").await;
    browser.see("Sign in to Halden Freight").await;
    stage.look(&browser, "organization-sign-in-required").await;
    execute(app, "update memberships set break_glass = true, has_authenticator = true; update users set has_authenticator = true")
        .await;
    // A remembered browser is no factor of this kind.
    execute(app, "insert into session_proofs (session, kind, connection, at) select id, 'remembered_device', '', last_seen_at from sessions")
        .await;
    stage.open(&browser, "/o/halden-freight/users").await;
    browser.see("Break-glass access takes a factor of your own").await;
    stage.look(&browser, "organization-sign-in-break-glass").await;
    nothing_broke(&browser).await;
}
