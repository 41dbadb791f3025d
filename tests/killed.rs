//! The program, killed in the middle of sending many invitations, a hundred times (I8, I9).

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use interlock::clock::Clock;
use interlock::config::DatabaseUrl;
use interlock::domain::audit::{Chain, Verdict, verify};
use interlock::storage::Db;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::program::{Place, Server};

const ROUNDS: usize = 100;
const LINES: usize = 12;
const PATIENCE: Duration = Duration::from_secs(60);

/// One form, as the signed-in Owner posts it. The answer may be cut off by the kill.
async fn post(port: u16, cookie: &str, path: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\nConnection: close\r\n\
         Cookie: {cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await
        && stream.write_all(request.as_bytes()).await.is_ok()
    {
        // Cut off or not, what came is what was said.
        let _ = stream.read_to_end(&mut answer).await;
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Makes the first Owner by the setup link, and gives their cookie.
async fn owner(place: &Place) -> String {
    let server = Server::start(place, &[("INTERLOCK_SIGN_UP", "closed")]).await;
    let link = server.greeting.split_whitespace().find_map(|word| word.find("/setup/").map(|at| &word[at..]));
    let body = "organization=Halden+Freight&name=Amara+Okafor&email=amara%40halden.example&password=seven+plain+wet+stones";
    let made = post(server.port, "", link.expect("the greeting has the link"), body).await;
    let cookie = made.split("set-cookie: ").filter_map(|rest| rest.split(';').next());
    let cookie =
        cookie.filter(|pair| pair.starts_with("interlock=")).last().expect("they are signed in").to_owned();
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
    cookie
}

async fn open(place: &Place) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(place.0.join("data/interlock.db"));
    options.connect().await.expect("the database opens")
}

async fn texts(on: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let rows = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(on).await;
    rows.unwrap_or_else(|error| panic!("{error}: {sql}"))
}

/// Who got an invitation by mail, and how many files there are of it.
fn delivered(place: &Place) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for entry in fs::read_dir(place.0.join("data/mail")).expect("the mailbox can be read") {
        let path = entry.expect("an entry can be read").path();
        // One that was being written when the program was killed has another ending.
        if path.extension().is_some_and(|ending| ending == "eml") {
            let mail = fs::read_to_string(path).expect("a mail is text");
            let to = mail.lines().find_map(|line| line.strip_prefix("To: ")).expect("a mail has a recipient");
            *count.entry(to.trim_matches(['<', '>']).to_owned()).or_default() += 1;
        }
    }
    count
}

/// I8, I9, U1: killed a hundred times while it sends, the program has in the end invited each line of
/// each batch that it took in, once, with one audit row and one mail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_kills_lose_and_double_nothing() {
    let place = Place::new();
    let cookie = owner(&place).await;
    let path = "/o/halden-freight/invitations/batches";
    let (mut promised, mut halfway) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        let mut server = Server::start(&place, &[]).await;
        let emails: String = (0..LINES).map(|line| format!("r{round}l{line}%40x.example%0A")).collect();
        let (port, cookie, body) = (server.port, cookie.clone(), format!("role=member&emails={emails}"));
        let mut posting = tokio::spawn(async move { post(port, &cookie, path, &body).await });
        // Every other time while the form may be on its way, else while its lines are worked off.
        let moment = Duration::from_millis((round as u64 * 37) % 60);
        let answered = if round % 2 == 0 { Some((&mut posting).await) } else { None };
        tokio::time::sleep(moment).await;
        server.child.kill().await.expect("it can be killed");
        let answer = match answered {
            Some(answer) => answer,
            None => posting.await,
        };
        let answer = answer.expect("posting does not panic");
        if answer.starts_with("HTTP/1.1 303") {
            assert!(answer.contains(path), "{answer}");
            promised.push(round);
        } else {
            assert!(round % 2 == 1 && answer.is_empty(), "{answer}");
        }
        let begun = "select distinct a.batch from invitation_batch_lines a join invitation_batch_lines b \
             on b.batch = a.batch where a.state = 'queued' and b.state = 'invited'";
        halfway += usize::from(!texts(&mut open(&place).await, begun).await.is_empty());
    }
    let server = Server::start(&place, &[]).await;
    let mut database = open(&place).await;
    let waiting = "select id from mail_outbox where state <> 'sent' \
         union all select id from invitation_batches where finished_at is null";
    let begun = Instant::now();
    while !texts(&mut database, waiting).await.is_empty() {
        assert!(begun.elapsed() < PATIENCE, "the work is done in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));

    assert!(promised.len() >= ROUNDS / 2, "{} batches were taken in", promised.len());
    assert!(halfway >= ROUNDS / 5, "{halfway} kills came in the middle of a batch");
    let lines = texts(&mut database, "select email from invitation_batch_lines order by email").await;
    assert_eq!(lines.len() % LINES, 0, "a batch is there whole or not at all");
    for round in promised {
        assert!(lines.contains(&format!("r{round}l0@x.example")), "round {round} was promised");
    }
    for query in [
        "select email from invitation_batch_lines where state = 'invited' order by email",
        "select email from invitations where state = 'pending' order by email",
        "select target_name from audit_events where kind = 'invitation.sent' order by target_name",
        "select recipient from mail_outbox where kind = 'invitation' order by recipient",
    ] {
        assert_eq!(texts(&mut database, query).await, lines, "{query}");
    }
    let pending = texts(&mut database, "select cast(pending as text) from organizations").await;
    assert_eq!(pending, [lines.len().to_string()]);
    let once: BTreeMap<String, usize> = lines.iter().map(|email| (email.clone(), 1)).collect();
    assert_eq!(delivered(&place), once);

    let db = Db::open(&DatabaseUrl::Sqlite(place.0.join("data/interlock.db")), Clock::system()).await;
    let db = db.expect("the database opens");
    let id = texts(&mut database, "select id from organizations").await.remove(0);
    let chain = Chain::Organization(id.parse().expect("it is an id"));
    let verdict = verify(&db, chain).await.expect("the chain can be read");
    assert!(matches!(verdict, Verdict::Whole { .. }), "{verdict:?}");
}
