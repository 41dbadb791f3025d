//! Who has proven a factor, for what asks for one.

use std::process::Command;

use interlock::clock::{Clock, SECOND};

use super::Visitor;
use super::page::between;

/// Someone's authenticator app; `oathtool`, an independent program, makes its codes.
#[derive(Clone)]
pub struct Authenticator {
    secret: String,
    clock: Clock,
    /// What the page showed once.
    pub recovery_codes: Vec<String>,
}

impl Authenticator {
    /// A code that was not used yet: of the next step.
    pub fn code(&self) -> String {
        self.clock.advance(30 * SECOND);
        let second = format!("@{}", self.clock.now().0 / SECOND);
        let output = Command::new("oathtool")
            .args(["--totp", "--base32", "--now", &second, &self.secret])
            .output()
            .expect("oathtool is installed by tests/run");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Visitor {
    /// Adds an authenticator app: the session has proven it from then on.
    pub async fn enrol(&mut self, clock: &Clock) -> Authenticator {
        self.step_up().await;
        let begun = self.post("/account/mfa/authenticators", &[]).await.location();
        let path = begun.split('?').next().expect("it leads somewhere").to_owned();
        let page = self.get(&path).await.ok();
        let secret = between(&page.body, "<code aria-labelledby=\"key-label\">", "</code>").concat();
        let mut app = Authenticator {
            secret: secret.chars().filter(char::is_ascii_alphanumeric).collect(),
            clock: clock.clone(),
            recovery_codes: Vec::new(),
        };
        let code = app.code();
        let shown = self.post(&path, &[("code", &code), ("name", "Phone")]).await.ok();
        app.recovery_codes = {
            let list = between(&shown.body, "<ul class=\"codes\"", "</ul>").concat();
            between(&list, "<li>", "</li>").into_iter().map(str::to_owned).collect()
        };
        app
    }

    /// Proves a factor where the organization asks for it.
    pub async fn prove(&mut self, app: &Authenticator) {
        let path = format!("{}/sign-in", self.org);
        let code = app.code();
        self.post(&path, &[("code", &code), ("with", "code")]).await.leads_to(&self.org.clone());
    }

    /// Proves a factor anew, for what asks for a proof of the last ten minutes.
    pub async fn step_up_with(&mut self, app: &Authenticator) {
        let code = app.code();
        self.post("/step-up", &[("code", &code), ("with", "code")]).await.leads_to("/");
    }
}
