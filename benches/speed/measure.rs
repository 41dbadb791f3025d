//! What is measured, and the limits.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::access;
use crate::check;
use crate::load::{self, Ask, CONNECTIONS, Connection, always, get, header, post};
use crate::process::{self, Server};
use crate::report::Report;
use crate::seed::{self, HUNDRED, MILLION, Organization, SMALL, TEN};

/// Contestants take turns this often; the median counts.
const ROUNDS: usize = 5;
/// As many sign-ins as may wait before more are turned away.
const WAITING: usize = 64;

struct Bench {
    ours: Server,
    bare: Server,
    tuned: Server,
    report: Report,
    data: std::path::PathBuf,
}

/// A request to one of the servers.
struct Contestant<'a> {
    server: &'a Server,
    status: u16,
    ask: Ask,
}

fn page<'a>(server: &'a Server, path: &str, cookie: &str) -> Contestant<'a> {
    Contestant { server, status: 200, ask: always(get(server.port, path, cookie)) }
}

pub async fn all(parts: &[String]) {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    let data = seed::data(&target).await;
    // Whatever a run that was ended has left.
    seed::execute(&mut seed::connection(&data).await, "delete from throttles".to_owned()).await;
    let mut report = Report::default();
    report.title(&process::machine());
    let asked = |part: &str| parts.is_empty() || parts.iter().any(|asked| asked == part);
    if asked("start") {
        start(&mut report, &data).await;
    }
    let ours = Server::interlock(&data).await;
    // What happens once after a start is over by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    report.within("resident memory, idle", ours.memory(), 40.0, "MB", "after the first answer");
    let bare = Server::bare("bare", &data, &TEN.owner_id()).await;
    let tuned = Server::bare("tuned", &data, &TEN.owner_id()).await;
    let mut bench = Bench { ours, bare, tuned, report, data };
    if asked("list") {
        bench.list().await;
    }
    if asked("search") {
        bench.search().await;
    }
    if asked("page") {
        bench.page().await;
    }
    if asked("access") {
        bench.access().await;
    }
    if asked("check") {
        let Bench { report, ours, bare, data, .. } = &mut bench;
        check::all(report, ours, bare, data).await;
    }
    if asked("invite") {
        bench.invite().await;
    }
    if asked("sign-in") {
        bench.sign_in().await;
    }
    if asked("busy") {
        bench.busy().await;
    }
    let memory = bench.ours.memory();
    bench.report.within("resident memory, after all of this", memory, 120.0, "MB", "the same process");
    bench.report.end();
}

async fn start(report: &mut Report, data: &Path) {
    let mut times = Vec::new();
    for _ in 0..9 {
        let server = Server::interlock(data).await;
        times.push(server.started_in.as_secs_f64() * 1_000.0);
        server.stop();
    }
    let slowest = times.iter().copied().fold(0.0, f64::max);
    let detail = format!("1,110,000 users; slowest of 9: {slowest:.0}");
    report.within("start to first answer, 100,000 users", median(times), 150.0, "ms", &detail);
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Milliseconds of processor time for a request of each, measured in turns.
async fn compare(contestants: &[Contestant<'_>], count: usize) -> Vec<f64> {
    for contestant in contestants {
        let Contestant { server, status, ask } = contestant;
        load::send(server.port, CONNECTIONS, count / 10 + 1, *status, ask.clone()).await;
    }
    let mut measured = vec![Vec::new(); contestants.len()];
    for _ in 0..ROUNDS {
        for (contestant, values) in contestants.iter().zip(&mut measured) {
            let Contestant { server, status, ask } = contestant;
            let before = server.cpu();
            load::send(server.port, CONNECTIONS, count, *status, ask.clone()).await;
            values.push((server.cpu() - before) * 1_000.0 / count as f64);
        }
    }
    measured.into_iter().map(median).collect()
}

impl Bench {
    /// Signs the organization's Owner in, and gives the cookie.
    async fn cookie(&self, organization: &Organization) -> String {
        self.cookie_of(organization.owner()).await
    }

    async fn cookie_of(&self, email: String) -> String {
        let fields = [("email", email), ("password", seed::PASSWORD.to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut connection = Connection::open(self.ours.port).await.expect("it takes connections");
        let answer =
            connection.ask(&post(self.ours.port, "/sign-in", "", &fields)).await.expect("it answers");
        assert_eq!(answer.status, 303, "{}", String::from_utf8_lossy(&answer.body));
        let cookie = header(&answer.head, "set-cookie").expect("there is a cookie");
        cookie.split(';').next().unwrap_or_default().to_owned()
    }

    async fn list(&mut self) {
        let bare = format!("/users/{}", TEN.id);
        let mut pages = vec![page(&self.bare, &bare, ""), page(&self.tuned, &bare, "")];
        for organization in [&TEN, &HUNDRED, &MILLION] {
            let cookie = self.cookie(organization).await;
            pages.push(page(&self.ours, &organization.path("users"), &cookie));
        }
        let [bare, tuned, ten, hundred, million] = compare(&pages, 3_000).await[..] else { unreachable!() };
        let report = &mut self.report;
        report.note("bare page of 50 of 10,000", bare, "ms");
        let detail = format!("{ten:.3} ms; {:.2} × a tuned bare page of {tuned:.3} ms", ten / tuned);
        report.within("users page, 10,000 members", ten / bare, 2.5, "×", &detail);
        for (what, measured) in [("100,000", hundred), ("1,000,000", million)] {
            let what = format!("users page, {what} members");
            report.within(&what, measured / ten, 1.3, "×", &format!("{measured:.3} ms"));
        }
    }

    async fn search(&mut self) {
        let cookie = self.cookie(&HUNDRED).await;
        for (what, q) in [
            ("hit, one address", "m77123@"),
            ("hit, a first name", "william"),
            ("hit, a part of many names", "ssen"),
            ("hit, a part of every address", "hundred"),
            ("hit, two words", "zhang yara"),
            ("hit, two letters", "xu"),
            ("miss", "nobodyhasthis"),
            ("miss, of common parts", "andersamara"),
            ("miss, two letters", "qq"),
        ] {
            let path = HUNDRED.path(&format!("users?q={}", q.replace(' ', "+").replace('@', "%40")));
            let measured = compare(&[page(&self.ours, &path, &cookie)], 100).await[0];
            self.report.within(&format!("search of 100,000: {what}"), measured, 25.0, "ms", q);
        }
    }

    async fn page(&mut self) {
        let cookie = self.cookie(&TEN).await;
        let bare = format!("/account/{}", TEN.owner_id());
        let pages = [
            page(&self.bare, &bare, ""),
            page(&self.tuned, &bare, ""),
            page(&self.ours, "/account", &cookie),
        ];
        let [bare, tuned, ours] = compare(&pages, 8_000).await[..] else { unreachable!() };
        self.report.note("bare page with one point select", bare, "ms");
        let detail = format!("{ours:.3} ms; {:.2} × a tuned bare page of {tuned:.3} ms", ours / tuned);
        self.report.within("signed-in page without a list", ours / bare, 2.0, "×", &detail);
    }

    /// Decisions, beside a bare route that reads one row by key, and the launcher of a person with 300 resources.
    async fn access(&mut self) {
        let bare = page(&self.bare, &format!("/account/{}", TEN.owner_id()), "");
        let (mut checks, mut proxied) = (vec![bare], Vec::new());
        for organization in [&SMALL, &TEN, &HUNDRED] {
            let cookie = self.cookie(organization).await;
            let asking = access::seed(&self.data, organization, &access::session_hash(&cookie)).await;
            let (server, status) = (&self.ours, 200);
            let ask = access::check(server.port, &asking.key, &organization.owner());
            self.says(&ask, "\"allowed\":true").await;
            checks.push(Contestant { server, status, ask });
            let host = format!("{}.example", organization.slug);
            let ask = access::forward_auth(server.port, &host, &asking.tool_cookie);
            proxied.push(Contestant { server, status, ask });
        }
        checks.extend(proxied);
        let [bare, small, ten, hundred, small_proxied, ten_proxied, hundred_proxied] =
            compare(&checks, 8_000).await[..]
        else {
            unreachable!()
        };
        let report = &mut self.report;
        report.note("bare route that reads one row by key", bare, "ms");
        for (what, small, ten, hundred) in [
            ("/v1/access/check", small, ten, hundred),
            ("/forward-auth", small_proxied, ten_proxied, hundred_proxied),
        ] {
            report.within(&format!("{what}, 10,000 people"), ten / bare, 3.0, "×", &format!("{ten:.3} ms"));
            let detail = format!("{hundred:.3} ms");
            report.within(&format!("{what}, 100,000 people to 100"), hundred / small, 1.3, "×", &detail);
        }
        report.within("one decision, its data loaded", access::decision(), 500.0, "ns", "100 entries");
        self.launcher().await;
        for organization in [&SMALL, &TEN, &HUNDRED] {
            access::clear(&self.data, organization).await;
        }
    }

    async fn launcher(&mut self) {
        let cookie = self.cookie_of(TEN.email(access::GUIDE)).await;
        let home = page(&self.ours, &format!("/o/{}", TEN.slug), &cookie);
        self.says(&home.ask, &format!("{} resources to open", access::OPEN)).await;
        let measured = compare(&[home], 1_000).await[0];
        let detail = "of 1,000 in an organization of 10,000";
        self.report.within("launcher of a person with 300 resources", measured, 2.0, "ms", detail);
    }

    /// What is measured is the answer that is meant.
    async fn says(&self, ask: &Ask, text: &str) {
        let mut connection = Connection::open(self.ours.port).await.expect("it takes connections");
        let answer = connection.ask(&ask(0)).await.expect("it answers");
        let body = String::from_utf8_lossy(&answer.body);
        assert!(body.contains(text), "{text} is not in {} {body}", answer.head);
    }

    async fn invite(&mut self) {
        let cookie = self.cookie(&TEN).await;
        let mut connection = seed::connection(&self.data).await;
        let (port, number) = (self.ours.port, Arc::new(AtomicUsize::new(0)));
        let invitations = TEN.path("invitations");
        let run = std::process::id();
        let ask: Ask = Arc::new(move |_| {
            let email = format!("new{}-{run}@example.org", number.fetch_add(1, Ordering::Relaxed));
            post(port, &invitations, &cookie, &[("email", &email), ("role", "member"), ("note", "")])
        });
        let mut values = Vec::new();
        for _ in 0..ROUNDS {
            // An organization may send a thousand a day.
            seed::execute(&mut connection, "delete from throttles".to_owned()).await;
            let before = self.ours.cpu();
            load::send(port, CONNECTIONS, 500, 303, ask.clone()).await;
            values.push((self.ours.cpu() - before) * 1_000.0 / 500.0);
        }
        let detail = "with audit row and queued mail";
        self.report.within("creating an invitation", median(values), 1.0, "ms", detail);
        seed::execute(&mut connection, "update mail_outbox set state = 'sent', body = null".to_owned()).await;
    }

    async fn sign_in(&mut self) {
        let hash = Contestant {
            server: &self.bare,
            status: 200,
            ask: always(post(self.bare.port, "/hash", "", &[])),
        };
        let ours = Contestant { server: &self.ours, status: 303, ask: sign_ins(self.ours.port) };
        let [hash, ours] = compare(&[hash, ours], 64).await[..] else { unreachable!() };
        self.report.note("one argon2 hash", hash, "ms");
        self.report.within("signing in", ours / hash, 1.1, "×", &format!("{ours:.1} ms"));
    }

    /// The users page while as many sign-ins wait as may.
    async fn busy(&mut self) {
        let cookie = self.cookie(&TEN).await;
        let port = self.ours.port;
        let sign_ins = tokio::task::spawn_local(load::send(port, WAITING, 600, 303, sign_ins(port)));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let users = always(get(port, &TEN.path("users"), &cookie));
        let mut times = load::send(port, CONNECTIONS, 2_000, 200, users).await;
        assert!(!sign_ins.is_finished(), "sign-ins wait all the while");
        let [p50, p99] = [50, 99].map(|percent| times.percentile(percent).as_secs_f64() * 1_000.0);
        let what = "users page, p99 while 64 sign-ins wait";
        self.report.within(what, p99, 100.0, "ms", &format!("median {p50:.1}"));
        sign_ins.await.expect("every sign-in was answered");
    }
}

/// Each as another person, so that no budget ends.
fn sign_ins(port: u16) -> Ask {
    Arc::new(move |number| {
        let email = HUNDRED.email(10 + 40 * u32::try_from(number % 2_000).unwrap_or(0));
        load::from(number, post(port, "/sign-in", "", &[("email", &email), ("password", seed::PASSWORD)]))
    })
}
