use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use interlock::app::{App, Shared};
use interlock::clock::{Clock, Timestamp};
use interlock::config::Config;
use interlock::domain::access::Role;
use interlock::mail::{self, Mailbox, Transport, View};
use interlock::web;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::postgres;
use super::smtp::{self, Smtp};
use super::visitor::Visitor;

pub const PASSWORD: &str = "seven plain wet stones";
/// 2026-11-22 09:00:00 UTC
const START: Timestamp = Timestamp(1_795_338_000_000);

static COUNT: AtomicU32 = AtomicU32::new(0);

/// The real application on a database of its own, with a clock that the test moves.
pub struct TestApp {
    pub app: Shared,
    pub clock: Clock,
    pub router: Router,
    pub url: String,
    transport: Transport,
    dir: PathBuf,
    /// Ends the server, if there is one, when the test ends.
    _stop: Option<watch::Sender<bool>>,
}

/// A mail as it arrived.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Mail {
    /// The path of the one link that begins with this: `mail.path("/invite/")`.
    pub fn path(&self, beginning: &str) -> String {
        let found: Vec<&str> = self
            .text
            .split_whitespace()
            .filter_map(|word| {
                word.find(beginning).filter(|_| word.starts_with("http")).map(|at| &word[at..])
            })
            .collect();
        assert_eq!(found.len(), 1, "one link {beginning} in {self:?}");
        found[0].to_owned()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // Best effort: the folder is under target.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl TestApp {
    pub async fn sqlite() -> TestApp {
        TestApp::with(None, &[]).await
    }

    pub async fn postgres() -> TestApp {
        TestApp::with(Some(postgres::fresh_schema().await), &[]).await
    }

    /// With settings of its own: `("INTERLOCK_SIGN_UP", "closed")`.
    pub async fn with(database: Option<String>, settings: &[(&str, &str)]) -> TestApp {
        let url = "http://localhost:3000".to_owned();
        let (config, dir) = config(database, &url, settings);
        TestApp::start(config, dir, url, Clock::fixed(START)).await
    }

    async fn start(config: Config, dir: PathBuf, url: String, clock: Clock) -> TestApp {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let transport = Transport::new(&config).expect("the mail settings are right");
        let app = Arc::new(App::start(config, clock.clone()).await.expect("the application starts"));
        let router = web::router(app.clone());
        TestApp { router, app, clock, url, transport, dir, _stop: None }
    }

    /// A second process on the same database, as a replica has it.
    pub async fn replica(&self) -> TestApp {
        let config = self.app.config.clone();
        let transport = Transport::new(&config).expect("the mail settings are right");
        let app = Arc::new(App::start(config, self.clock.clone()).await.expect("the replica starts"));
        let router = web::router(app.clone());
        let dir = self.dir.join("replica");
        TestApp { router, app, clock: self.clock.clone(), url: self.url.clone(), transport, dir, _stop: None }
    }

    /// Served on a port, with the machine's clock, for a browser or a client of one's own.
    pub async fn served(database: Option<String>, settings: &[(&str, &str)]) -> TestApp {
        TestApp::served_by(Clock::system(), database, settings).await
    }

    /// The same, with a clock that the test moves.
    pub async fn served_in_test_time(settings: &[(&str, &str)]) -> TestApp {
        TestApp::served_by(Clock::fixed(START), None, settings).await
    }

    async fn served_by(clock: Clock, database: Option<String>, settings: &[(&str, &str)]) -> TestApp {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().map(|address: SocketAddr| address.port()).expect("it has a port");
        let url = format!("http://localhost:{port}");
        let (config, dir) = config(database, &url, settings);
        let mut app = TestApp::start(config, dir, url, clock).await;
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(web::serve(app.app.clone(), listener, stopping));
        app._stop = Some(stop);
        app
    }

    /// Someone with a browser, signed out.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(self.router.clone(), self.clock.clone(), &self.url)
    }

    /// Sends what is due now, and says how many mails were tried.
    pub async fn deliver(&self) -> usize {
        mail::deliver_due(&self.app, &self.transport).await.expect("the outbox works")
    }

    /// The Owner of "Halden Freight", where mail goes to a server.
    pub async fn owner_by_smtp(&self, smtp: &Smtp) -> Visitor {
        let mut visitor = self.visitor();
        let fields = [
            ("organization", "Halden Freight"),
            ("name", "Amara Okafor"),
            ("email", "amara@halden.example"),
            ("password", PASSWORD),
        ];
        visitor.post("/sign-up", &fields).await.leads_to("/sign-up/sent");
        self.deliver().await;
        let received = smtp.wait_for(1).await;
        let (_, text, _) = smtp::parts(&received[0].data);
        let link = text.split_whitespace().find_map(|word| word.find("/verify/").map(|at| &word[at..]));
        visitor.post(link.expect("the mail has a link"), &[]).await.is(303);
        visitor.org = "/o/halden-freight".to_owned();
        visitor
    }

    /// Sends what is due, and gives all mail that ever arrived, oldest first.
    pub async fn mails(&self) -> Vec<Mail> {
        self.deliver().await;
        let mailbox = Mailbox::new(&self.app.config.data_dir);
        let listed = mailbox.list(&View::default()).await.expect("the mailbox can be listed");
        let mut mails = Vec::new();
        for stored in listed.mails.into_iter().rev() {
            let mail = mailbox.read(&stored.name).await.expect("a mail can be read").expect("it is there");
            mails.push(Mail { to: stored.to, subject: stored.subject, text: mail.text, html: mail.html });
        }
        mails
    }

    /// The newest mail to an address.
    pub async fn mail_to(&self, to: &str) -> Mail {
        let mails = self.mails().await;
        mails
            .iter()
            .rev()
            .find(|mail| mail.to == to)
            .unwrap_or_else(|| panic!("no mail to {to} in {mails:?}"))
            .clone()
    }

    pub async fn count_mails_to(&self, to: &str) -> usize {
        self.mails().await.iter().filter(|mail| mail.to == to).count()
    }

    /// Signs up through the real pages; the visitor is the Owner of a new organization.
    pub async fn sign_up(&self, organization: &str, name: &str, email: &str) -> Visitor {
        let mut visitor = self.visitor();
        let fields =
            [("organization", organization), ("name", name), ("email", email), ("password", PASSWORD)];
        visitor.post("/sign-up", &fields).await.leads_to("/sign-up/sent");
        let link = self.mail_to(email).await.path("/verify/");
        let answer = visitor.post(&link, &[]).await;
        let users = answer.location();
        visitor.org =
            users.strip_suffix("/users").unwrap_or_else(|| panic!("{users} is a Users page")).to_owned();
        visitor.email = email.to_owned();
        visitor
    }

    /// The path of the link that confirms a sign-up, before anybody opens it.
    pub async fn sign_up_mail(&self, organization: &str, email: &str) -> String {
        let fields =
            [("organization", organization), ("name", "Mads Holm"), ("email", email), ("password", PASSWORD)];
        self.visitor().post("/sign-up", &fields).await.leads_to("/sign-up/sent");
        self.mail_to(email).await.path("/verify/")
    }

    /// The Owner of "Halden Freight".
    pub async fn owner(&self) -> Visitor {
        self.sign_up("Halden Freight", "Amara Okafor", "amara@halden.example").await
    }

    /// Invites an address and gives the path of the mailed link.
    pub async fn invited(&self, owner: &mut Visitor, email: &str, role: Role) -> String {
        let invitations = format!("{}/invitations", owner.org);
        let fields = [("email", email), ("role", role.code()), ("note", "")];
        owner.post(&invitations, &fields).await.leads_to(&invitations);
        self.mail_to(email).await.path("/invite/")
    }

    /// A new member of the owner's organization, invited and accepted through the real pages.
    pub async fn member(&self, owner: &mut Visitor, name: &str, email: &str, role: Role) -> Visitor {
        if role == Role::Owner {
            owner.step_up().await;
        }
        let link = self.invited(owner, email, role).await;
        let mut member = self.visitor();
        member.post(&link, &[("name", name), ("password", PASSWORD)]).await.leads_to(&owner.org);
        member.org = owner.org.clone();
        member.email = email.to_owned();
        member
    }

    /// The id of a member, read from the Users page as its reader sees it.
    pub async fn id_of(&self, reader: &mut Visitor, name: &str) -> String {
        let page = reader.get(&format!("{}/users?status=", reader.org)).await.ok();
        let at = page
            .body
            .find(&format!("<b>{name}"))
            .unwrap_or_else(|| panic!("{name} is not on the Users page"));
        let mark = "id=\"user-";
        let start = page.body[..at].rfind(mark).expect("a row has an id") + mark.len();
        page.body[start..start + 36].to_owned()
    }
}

fn config(database: Option<String>, url: &str, settings: &[(&str, &str)]) -> (Config, PathBuf) {
    let number = COUNT.fetch_add(1, Ordering::SeqCst);
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("app-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder can be made under target");
    let mut environment = vec![
        ("INTERLOCK_DATA_DIR".to_owned(), dir.display().to_string()),
        ("INTERLOCK_BASE_URL".to_owned(), url.to_owned()),
    ];
    environment.extend(database.map(|url| ("INTERLOCK_DATABASE_URL".to_owned(), url)));
    environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let config = Config::read(None, environment).unwrap_or_else(|errors| panic!("{errors}"));
    (config, dir)
}
