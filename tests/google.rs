//! People's own Google accounts (S1–S5, S8, S11, S12, O3), at a real provider that answers as Google does.

mod accept;
mod linking;
mod sign_in;
mod sign_up;

use std::ops::Deref;

use crate::support::provider::{Kind, Provider};
use crate::support::{Answer, TestApp, Visitor};

const AMARA: &str = "amara@halden.example";
const DANA: &str = "dana@halden.example";

/// The application, and the Google that it knows.
pub struct Scene {
    pub app: TestApp,
    pub provider: Provider,
}

impl Deref for Scene {
    type Target = TestApp;

    fn deref(&self) -> &TestApp {
        &self.app
    }
}

impl Scene {
    pub async fn new(database: Option<String>, more: &[(&str, &str)]) -> Scene {
        let provider = Provider::start().await;
        let issuer = provider.issuer(Kind::Google);
        let origin = provider.origin().to_owned();
        let mut settings = settings(&issuer, &origin).to_vec();
        settings.extend(more);
        let app = TestApp::with(database, &settings).await;
        provider.register("interlock", "their-secret", &format!("{}/auth/google/callback", app.url)).await;
        Scene { app, provider }
    }

    /// Goes to Google from a page, and gives the address that it leads back to.
    pub async fn at_google(&self, visitor: &mut Visitor, from: &str, login: &str) -> String {
        let there = visitor.get(from).await.location();
        assert!(there.starts_with(self.provider.origin()), "{from} leads to Google, and not to {there}");
        self.provider.set_clock(self.app.app.db.now()).await;
        let back = self.provider.approve(&there, login).await;
        let own = back.strip_prefix(&self.app.url);
        own.unwrap_or_else(|| panic!("Google leads back, and not to {back}")).to_owned()
    }

    /// There and back.
    pub async fn by_google(&self, visitor: &mut Visitor, from: &str, login: &str) -> Answer {
        let back = self.at_google(visitor, from, login).await;
        visitor.get(&back).await
    }

    /// Somebody who has signed up by Google, and their organization.
    pub async fn google_owner(&self, organization: &str, name: &str, login: &str) -> Visitor {
        let mut visitor = self.visitor();
        self.by_google(&mut visitor, "/sign-up/google", login).await.leads_to("/sign-up/arrived");
        let fields = [("organization", organization), ("name", name)];
        let users = visitor.post("/sign-up/arrived", &fields).await.location();
        let org = users.strip_suffix("/users").unwrap_or_else(|| panic!("{users} is a Users page"));
        visitor.org = org.to_owned();
        visitor.email = login.to_owned();
        visitor
    }
}

pub fn settings<'a>(issuer: &'a str, origin: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("INTERLOCK_GOOGLE_CLIENT_ID", "interlock"),
        ("INTERLOCK_GOOGLE_CLIENT_SECRET", "their-secret"),
        ("INTERLOCK_GOOGLE_ISSUER", issuer),
        ("INTERLOCK_OUTBOUND_ALLOW", origin),
    ]
}

/// As `on_both!`, with a Google.
macro_rules! with_google {
    (with $settings:expr; $($(#[$meta:meta])* async fn $name:ident($scene:ident) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn run($scene: $crate::google::Scene) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run($crate::google::Scene::new(None, $settings).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let database = $crate::support::fresh_schema().await;
                run($crate::google::Scene::new(Some(database), $settings).await).await;
            }
        }
    )+};
    ($($tests:tt)+) => { $crate::google::with_google! { with &[]; $($tests)+ } };
}

use with_google;
