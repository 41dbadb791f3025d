//! `/o/{org}/settings/sso`: an organization's providers, their domains, whether they are required, and who comes in
//! without them.

mod break_glass;
mod connections;
mod domains;
mod keeping;
mod lift;
mod requirement;
mod trials;

use interlock::domain::access::Role;
use serde_json::{Value, json};

use crate::support::database::{execute, only, texts};
use crate::support::dns::DnsServer;
use crate::support::factors::Phone;
use crate::support::forger::{self, Forger};
use crate::support::page::between;
use crate::support::{Answer, TestApp, Visitor};

const ORG: &str = "/o/halden-freight";
const SSO: &str = "/o/halden-freight/settings/sso";
const NEW: &str = "/o/halden-freight/settings/sso/new";
const DOMAINS: &str = "/o/halden-freight/settings/sso/domains";
const REQUIREMENT: &str = "/o/halden-freight/settings/sso/requirement";
const BREAK_GLASS: &str = "/o/halden-freight/settings/sso/break-glass";
const AMARA: &str = "amara@halden.example";
const SECRET: &str = "hush-hush-4711";

/// The application, a provider that says what a test wants, and a DNS of its own.
struct World {
    app: TestApp,
    forger: Forger,
    dns: DnsServer,
}

impl World {
    async fn new(database: Option<String>) -> World {
        let (forger, dns) = (Forger::start().await, DnsServer::start().await);
        let server = dns.address.to_string();
        let settings = [
            ("INTERLOCK_OUTBOUND_ALLOW", forger.url.as_str()),
            ("INTERLOCK_GOOGLE_ISSUER", &forger.url),
            ("INTERLOCK_ENTRA_AUTHORITY", &forger.url),
            ("INTERLOCK_DNS_SERVER", &server),
        ];
        let app = TestApp::with(database, &settings).await;
        World { app, forger, dns }
    }

    /// Connects the provider, and gives the connection's page.
    async fn connect(&self, owner: &mut Visitor) -> String {
        let draft = draft(owner, "oidc").await;
        let page = owner.post(NEW, &oidc(&draft, &self.forger.url)).await.is(303).location();
        assert!(page.starts_with(SSO), "{page}");
        page
    }

    /// A connection's page with a domain that is proven, and the domain's path.
    async fn connect_with_domain(&self, owner: &mut Visitor) -> (String, String) {
        let page = self.connect(owner).await;
        let domain = add_domain(owner, &page, "halden.example").await;
        self.dns.set_txt("halden.example", &[&record(&self.app, "halden.example").await]);
        owner.post(&format!("{domain}/check"), &[]).await.leads_to(SSO);
        owner.get(SSO).await.ok().says("halden.example is verified").says("Verified");
        (page, domain)
    }

    /// Goes through a test sign-in, with these claims beside the usual ones.
    async fn test(&self, owner: &mut Visitor, page: &str, claims: Value) -> Answer {
        let (state, nonce) = begin(owner, page).await;
        let mut all = self.forger.claims("interlock", &nonce, self.app.clock.now());
        for (name, value) in claims.as_object().expect("claims are an object") {
            all[name] = value.clone();
        }
        self.forger.issue(&forger::signed(&all));
        owner.get(&callback(page, &state)).await
    }

    /// An Owner with a factor, a proven domain, a good test and break-glass access: all that requiring it asks for.
    async fn ready(&self) -> (Visitor, Phone, String) {
        let mut owner = self.app.owner().await;
        let phone = owner.enable_mfa(&self.app.clock).await;
        owner.step_up_with(&phone).await;
        let (page, _) = self.connect_with_domain(&mut owner).await;
        owner.post(BREAK_GLASS, &[("email", AMARA), ("named", "yes")]).await.leads_to(SSO);
        self.test(&mut owner, &page, json!({})).await.ok().says("The test worked");
        (owner, phone, page)
    }

    /// The same, and it is required.
    async fn required(&self) -> (Visitor, Phone, String) {
        let (mut owner, phone, page) = self.ready().await;
        owner.post(REQUIREMENT, &[("sso", "required"), ("confirmed", "yes")]).await.leads_to(SSO);
        assert!(is_required(&self.app).await);
        (owner, phone, page)
    }
}

async fn is_required(app: &TestApp) -> bool {
    let query = "select case when sso_required then 'yes' else 'no' end from organizations where slug = 'halden-freight'";
    only(texts(app, query).await) == "yes"
}

/// Opens the form of a new connection, and gives what stands for its id.
async fn draft(owner: &mut Visitor, kind: &str) -> String {
    let form = owner.get(&format!("{NEW}?kind={kind}")).await.ok();
    between(&form.body, "name=\"draft\" value=\"", "\"").concat()
}

fn oidc<'a>(draft: &'a str, issuer: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("draft", draft),
        ("kind", "oidc"),
        ("name", "Okta"),
        ("issuer", issuer),
        ("client_id", "interlock"),
        ("client_secret", SECRET),
        ("scopes", "groups"),
        ("newcomers", ""),
        ("newcomer_role", "member"),
        ("enabled", "yes"),
    ]
}

/// The fields with another value of one.
fn with<'a>(fields: &[(&'a str, &'a str)], name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|field| if field.0 == name { (field.0, value) } else { *field }).collect()
}

/// The fields but for one.
fn without<'a>(fields: &[(&'a str, &'a str)], name: &str) -> Vec<(&'a str, &'a str)> {
    fields.iter().filter(|field| field.0 != name).copied().collect()
}

fn id_of(page: &str) -> &str {
    page.rsplit('/').next().expect("a path has an end")
}

/// Adds a domain to a connection, and gives its path.
async fn add_domain(owner: &mut Visitor, page: &str, name: &str) -> String {
    owner.post(DOMAINS, &[("domain", name), ("connection", id_of(page))]).await.leads_to(SSO);
    let listed = owner.get(SSO).await.ok();
    let row = listed.body.split(&format!("<b>{name}</b>")).nth(1).expect("it is listed").to_owned();
    let id = between(&row, &format!("{DOMAINS}/"), "/").first().copied().expect("it has a path").to_owned();
    format!("{DOMAINS}/{id}")
}

async fn record(app: &TestApp, name: &str) -> String {
    only(
        texts(
            app,
            &format!("select record from domains where domain = '{name}' order by created_at desc limit 1"),
        )
        .await,
    )
}

/// Begins a test: its state and nonce, as the provider gets them.
async fn begin(owner: &mut Visitor, page: &str) -> (String, String) {
    let to = owner.get(&format!("{page}/test")).await.is(303).location();
    let url = url::Url::parse(&to).expect("it leads to the provider");
    let value = |wanted: &str| {
        let found = url.query_pairs().find(|(name, _)| name == wanted);
        found.unwrap_or_else(|| panic!("{url} has {wanted}")).1.into_owned()
    };
    (value("state"), value("nonce"))
}

fn callback(page: &str, state: &str) -> String {
    format!("/sso/{}/callback?state={state}&code=c", id_of(page))
}

async fn audited(app: &TestApp, kind: &str) -> Vec<String> {
    texts(app, &format!("select changes from audit_events where kind = '{kind}' order by seq")).await
}

/// A second Owner with a password, and a factor.
async fn another_owner(world: &World, owner: &mut Visitor, phone: Option<&Phone>) -> (Visitor, Phone) {
    match phone {
        Some(phone) => owner.step_up_with(phone).await,
        None => owner.step_up().await,
    }
    let link = world.app.invited(owner, "sefa@halden.example", Role::Owner).await;
    let mut sefa = world.app.visitor();
    sefa.post(&link, &[("name", "Sefa Olsen"), ("password", crate::support::PASSWORD)]).await.is(303);
    sefa.org = owner.org.clone();
    sefa.email = "sefa@halden.example".to_owned();
    let phone = sefa.enable_mfa(&world.app.clock).await;
    (sefa, phone)
}

/// Runs on both databases, each time in a world of its own.
macro_rules! in_both_worlds {
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

pub(crate) use in_both_worlds;

/// As if time had gone by since a person's last proof.
async fn forget_proofs(app: &TestApp) {
    execute(app, "update session_proofs set at = at - 660000 where kind <> 'sso_test'").await;
}
