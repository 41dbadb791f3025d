//! An authenticator app, by an independent program: `oathtool` makes the codes.

use std::process::Command;

use interlock::clock::{Clock, SECOND};

use super::{Answer, Visitor};

/// Someone's phone.
#[derive(Clone)]
pub struct Phone {
    /// As the page shows it: base32, in groups of four.
    pub secret: String,
    /// What the page showed once.
    pub recovery_codes: Vec<String>,
    clock: Clock,
}

impl Phone {
    pub fn new(secret: String, clock: Clock) -> Phone {
        Phone { secret, recovery_codes: Vec::new(), clock }
    }

    /// The code that the app shows now.
    pub fn code(&self) -> String {
        self.code_at(0)
    }

    /// A code that was not used yet: of the next step.
    pub fn next_code(&self) -> String {
        self.next_step();
        self.code()
    }

    /// The code of so many steps from now.
    pub fn code_at(&self, steps: i64) -> String {
        code(&self.secret, self.clock.now().0 / SECOND + 30 * steps)
    }

    /// Six digits that no step near now has.
    pub fn wrong(&self) -> String {
        let near: Vec<String> = (-2..=2).map(|step| self.code_at(step)).collect();
        let wrong = (0..6).map(|digit| format!("{:06}", digit)).find(|code| !near.contains(code));
        wrong.expect("one of six is none of five")
    }

    /// Lets the code that was used become old.
    pub fn next_step(&self) {
        self.clock.advance(30 * SECOND);
    }
}

/// What an authenticator app shows at a second, by `oathtool` (Debian: oathtool).
pub fn code(secret: &str, second: i64) -> String {
    let secret = secret.replace(' ', "");
    let output = Command::new("oathtool")
        .args(["--totp", "--base32", "--now", &format!("@{second}"), &secret])
        .output()
        .expect("oathtool is installed by tests/run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Visitor {
    /// Begins to add an authenticator app. Gives the page's path and the phone that scanned it.
    pub async fn begin_mfa(&mut self, clock: &Clock) -> (String, Phone) {
        let mut path = self.post("/account/mfa/authenticators", &[]).await.is(303).location();
        // Whoever came by a mailed link has proven no password yet.
        if path.starts_with("/step-up") {
            self.step_up().await;
            path = self.post("/account/mfa/authenticators", &[]).await.is(303).location();
        }
        let page = self.get(&path).await.ok();
        let secret = page.body.split("data-copy=\"").nth(1).and_then(|rest| rest.split('"').next());
        let secret = secret.expect("the page shows the secret").to_owned();
        let path = path.split('?').next().unwrap_or_default().to_owned();
        (path, Phone::new(secret, clock.clone()))
    }

    /// Adds an authenticator app, as the first factor.
    pub async fn enable_mfa(&mut self, clock: &Clock) -> Phone {
        let (path, mut phone) = self.begin_mfa(clock).await;
        let done = self.post(&path, &[("code", &phone.code()), ("name", "Pixel 9")]).await.ok();
        phone.recovery_codes = recovery_codes(&done);
        phone
    }

    /// Signs in with both: leaves the visitor where that leads.
    pub async fn sign_in_with(&mut self, email: &str, password: &str, phone: &Phone) -> Answer {
        self.sign_in(email, password).await.leads_to("/sign-in/challenge");
        self.post("/sign-in/challenge", &[("code", &phone.next_code()), ("with", "code")]).await
    }

    /// Proves a factor where the organization asks for it.
    pub async fn prove(&mut self, phone: &Phone) {
        let path = format!("{}/sign-in", self.org);
        let fields = [("code", &*phone.next_code()), ("with", "code")];
        self.post(&path, &fields).await.leads_to(&self.org.clone());
    }

    /// Proves a factor anew, for what asks for a proof of the last ten minutes.
    pub async fn step_up_with(&mut self, phone: &Phone) {
        self.post("/step-up", &[("code", &*phone.next_code()), ("with", "code")]).await.leads_to("/");
    }
}

/// The ten codes on a page.
pub fn recovery_codes(page: &Answer) -> Vec<String> {
    let list = page.body.split("<ul class=\"codes\"").nth(1).and_then(|rest| rest.split("</ul>").next());
    let list = list.expect("the page shows recovery codes");
    let codes: Vec<String> =
        list.split("<li>").skip(1).filter_map(|item| item.split('<').next()).map(str::to_owned).collect();
    assert_eq!(codes.len(), 10);
    codes
}
