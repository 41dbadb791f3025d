//! An organization's connection to a provider, made behind its settings' back, and ways through it.

use interlock::clock::Timestamp;
use interlock::ids::{ConnectionId, DomainId};
use serde_json::Value;

use super::database::execute;
use super::forger::{self, DISCOVERY, Forger, Reply};
use super::provider::TENANT;
use super::{Answer, TestApp, Visitor};

pub const CLIENT: &str = "interlock";
pub const SECRET: &str = "a secret between two servers";

/// A connection as its settings would have made it.
pub struct Connection {
    pub id: String,
    kind: &'static str,
    pub issuer: String,
}

impl Connection {
    /// Connects an organization (`/o/halden-freight`). It has no domains yet.
    pub async fn new(app: &TestApp, org: &str, kind: &'static str, issuer: &str) -> Connection {
        let id = ConnectionId::generate().to_string();
        let sealed = app.app.sealer.seal(&format!("connections.client_secret:{id}"), SECRET.as_bytes());
        let (tenant, hosted) = match kind {
            "entra" => (format!("'{TENANT}'"), "null"),
            "google" => ("null".to_owned(), "'halden.example'"),
            _ => ("null".to_owned(), "null"),
        };
        let (slug, now) = (slug(org), app.clock.now().0);
        let insert = format!(
            "insert into connections (id, organization, kind, name, issuer, tenant, hosted_domain, client_id, \
             client_secret, created_at, changed_at) select '{id}', id, '{kind}', 'Halden ID', '{issuer}', {tenant}, \
             {hosted}, '{CLIENT}', '{sealed}', {now}, {now} from organizations where slug = '{slug}'"
        );
        execute(app, &insert).await;
        Connection { id, kind, issuer: issuer.to_owned() }
    }

    pub async fn domain(&self, app: &TestApp, domain: &str, proven: bool) {
        let (id, now) = (DomainId::generate(), app.clock.now().0);
        let verified = if proven { now.to_string() } else { "null".to_owned() };
        let insert = format!(
            "insert into domains (id, organization, connection, domain, record, created_at, verified_at) \
             select '{id}', organization, id, '{domain}', 'x', {now}, {verified} from connections where id = '{}'",
            self.id
        );
        execute(app, &insert).await;
    }

    /// Changes it: `"admits_newcomers = true"`.
    pub async fn set(&self, app: &TestApp, what: &str) {
        execute(app, &format!("update connections set {what} where id = '{}'", self.id)).await;
    }

    pub fn path(&self) -> String {
        format!("/sso/{}", self.id)
    }

    /// Where the provider leads back to, with this state and whatever else.
    pub fn callback(&self, state: &str) -> String {
        format!("/sso/{}/callback?code=c&state={state}", self.id)
    }

    /// Begins a way at one of our pages: its state and nonce.
    pub async fn begin(&self, visitor: &mut Visitor, path: &str) -> (String, String) {
        let to = visitor.get(path).await.is(303).location();
        (parameter(&to, "state"), parameter(&to, "nonce"))
    }

    /// Claims that hold, with these beside or in place of the usual ones; null takes one away.
    pub fn claims(&self, forger: &Forger, nonce: &str, now: Timestamp, more: &Value) -> Value {
        let mut claims = forger.claims(CLIENT, nonce, now);
        claims["iss"] = self.issuer.clone().into();
        match self.kind {
            "entra" => {
                claims["tid"] = TENANT.into();
                claims["oid"] = "o1".into();
                claims.as_object_mut().expect("claims").remove("email_verified");
                claims["xms_edov"] = true.into();
            }
            "google" => claims["hd"] = "halden.example".into(),
            _ => {}
        }
        for (name, value) in more.as_object().expect("claims are an object") {
            match value {
                Value::Null => claims.as_object_mut().expect("claims").remove(name),
                value => claims.as_object_mut().expect("claims").insert(name.clone(), value.clone()),
            };
        }
        claims
    }

    /// The whole way, by a provider that says what it is told to.
    pub async fn come(&self, app: &TestApp, forger: &Forger, visitor: &mut Visitor, more: &Value) -> Answer {
        self.come_from(app, forger, visitor, &self.path(), more).await
    }

    /// The same, begun at another page than the connection's own.
    pub async fn come_from(
        &self,
        app: &TestApp,
        forger: &Forger,
        visitor: &mut Visitor,
        path: &str,
        more: &Value,
    ) -> Answer {
        let (state, nonce) = self.begin(visitor, path).await;
        forger.issue(&forger::signed(&self.claims(forger, &nonce, app.clock.now(), more)));
        visitor.get(&self.callback(&state)).await
    }
}

/// What a forger publishes under an issuer of its own: Entra's tenants have a path.
pub fn publish(forger: &Forger, issuer: &str) {
    let mut document = forger.document();
    document["issuer"] = issuer.into();
    let path = issuer.strip_prefix(&forger.url).expect("it is the forger's").to_owned();
    forger.reply(&format!("{path}{DISCOVERY}"), Reply::ok(document));
}

pub fn parameter(url: &str, name: &str) -> String {
    let url = url::Url::parse(url).expect("it is a whole address");
    let found = url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    found.unwrap_or_else(|| panic!("no {name} in {url}"))
}

fn slug(org: &str) -> &str {
    org.trim_start_matches("/o/")
}
