//! What people do, in a real browser: the way through the product, by mouse, by keyboard, and
//! without scripts. Every page and dialog is looked at by axe-core and, with `TEST_PICTURES=1`, put
//! into `target/screenshots`.

mod every_page;
mod forms_alone;
mod google;
mod invite_many;
mod keyboard;
mod keys;
mod long_words;
mod main_way;
mod mfa;
mod opening;
mod organizations;
mod passkeys;
mod people;
mod permissions;
mod resources;
mod security;
mod sso;
mod sso_settings;
mod teams;

use crate::support::TestApp;
use crate::support::browser::Browser;

const PASSWORD: &str = "seven plain wet stones";
const NEXT_PASSWORD: &str = "eight green glass boats";

/// The application, and whether its pages are looked at as well.
struct Stage {
    app: TestApp,
    looks: bool,
}

impl Stage {
    async fn look(&self, browser: &Browser, name: &str) {
        if self.looks {
            browser.look(name).await;
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.app.url)
    }

    async fn open(&self, browser: &Browser, path: &str) {
        browser.goto(&self.url(path)).await;
    }

    /// Signs in on the page that the browser stands on, or on its own.
    async fn sign_in(&self, browser: &Browser, email: &str, password: &str) {
        self.open(browser, "/sign-in").await;
        browser.fill("Email", email).await;
        browser.press("Continue").await;
        browser.fill("Password", password).await;
        browser.press("Sign in").await;
    }

    /// The same, and on from home to the organization's people.
    async fn sign_in_to_users(&self, browser: &Browser, email: &str, password: &str) {
        self.sign_in(browser, email, password).await;
        browser.see("This is everything that you may open").await;
        browser.press("Users").await;
    }
}

/// Nothing failed but what the server refused: no script, and nothing that the content security
/// policy forbids.
async fn nothing_broke(browser: &Browser) {
    let errors = browser.console_errors().await;
    let refused = ["the server responded with a status of 4", "Response Status Error Code 4"];
    let broken: Vec<&String> =
        errors.iter().filter(|error| !refused.iter().any(|words| error.contains(words))).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
