//! `/sso/{connection}`: signing in by an organization's own provider, and whom that lets in.

mod door;
mod forged;
mod gate;
mod others;
mod people;
mod providers;
mod races;
mod step_up;

use serde_json::{Value, json};

use crate::support::database::{count, execute, texts};
use crate::support::forger::Forger;
use crate::support::sso::{Connection, publish};
use crate::support::{Answer, TestApp, Visitor};

const HALDEN: &str = "/o/halden-freight";
const DANA: &str = "dana@halden.example";

/// A test on both databases, with a provider that says what it is told to and an organization that is connected
/// to it: Halden Freight, with a proven domain.
macro_rules! in_a_world {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: World) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn run($world: World) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run(World::new(None).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run(World::new(Some(crate::support::fresh_schema().await)).await).await;
            }
        }
    )+};
}
use in_a_world;

struct World {
    app: TestApp,
    forger: Forger,
    owner: Visitor,
    connection: Connection,
}

impl World {
    async fn new(database: Option<String>) -> World {
        let forger = Forger::start().await;
        let settings = [
            ("INTERLOCK_OUTBOUND_ALLOW", forger.url.as_str()),
            ("INTERLOCK_ENTRA_AUTHORITY", &forger.url),
            ("INTERLOCK_GOOGLE_ISSUER", &forger.url),
        ];
        let app = TestApp::with(database, &settings).await;
        let owner = app.owner().await;
        let connection = Connection::new(&app, HALDEN, "oidc", &forger.url).await;
        connection.domain(&app, "halden.example", true).await;
        World { app, forger, owner, connection }
    }

    /// Another connection of the same organization, in place of the first.
    async fn connect(&mut self, kind: &'static str, issuer: String) {
        execute(&self.app, "delete from domains").await;
        execute(&self.app, "delete from connections").await;
        publish(&self.forger, &issuer);
        self.connection = Connection::new(&self.app, HALDEN, kind, &issuer).await;
        self.connection.domain(&self.app, "halden.example", true).await;
    }

    /// Somebody comes from the provider, with these claims beside the usual ones.
    async fn come(&self, visitor: &mut Visitor, claims: Value) -> Answer {
        self.connection.come(&self.app, &self.forger, visitor, &claims).await
    }

    /// The same in a browser that was never here before.
    async fn stranger(&self, claims: Value) -> (Visitor, Answer) {
        let mut visitor = self.app.visitor();
        let answer = self.come(&mut visitor, claims).await;
        (visitor, answer)
    }

    /// Dana, who joined as a newcomer: her session holds nothing but the provider's word.
    async fn newcomer(&self) -> Visitor {
        self.connection.set(&self.app, "admits_newcomers = true").await;
        let (mut dana, answer) = self.stranger(dana()).await;
        answer.leads_to(HALDEN);
        dana.org = HALDEN.to_owned();
        dana.email = DANA.to_owned();
        dana
    }

    /// Nobody is let in, and nothing is written.
    async fn refuses(&self, status: u16, claims: Value) -> Answer {
        let before = self.rows().await;
        let (visitor, answer) = self.stranger(claims).await;
        assert_eq!(visitor.session_cookie(), None);
        assert_eq!(self.rows().await, before);
        answer.is(status)
    }

    /// What a sign-in could have made.
    async fn rows(&self) -> Vec<usize> {
        let mut rows = Vec::new();
        for table in ["users", "identities", "memberships", "sessions", "half_sign_ins", "audit_events"] {
            rows.push(count(&self.app, table).await);
        }
        rows
    }

    async fn require(&self) {
        execute(&self.app, "update organizations set sso_required = true where slug = 'halden-freight'")
            .await;
    }

    async fn audited(&self, kind: &str) -> usize {
        count(&self.app, &format!("audit_events where kind = '{kind}' and chain <> 'instance'")).await
    }

    /// The state and role of a membership.
    async fn membership(&self, email: &str) -> Vec<String> {
        texts(&self.app, &format!("select state || ' ' || role from memberships where email = '{email}'"))
            .await
    }
}

fn dana() -> Value {
    json!({ "sub": "dana", "email": DANA, "name": "Dana Kovač" })
}
