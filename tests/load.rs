//! More than one server should take, on loopback and bounded: the others are served all the same.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use interlock::config::DatabaseUrl;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::program::{Place, Server, ask, ask_within};
use crate::support::{PASSWORD, on_both};

const SIGN_INS: usize = 300;
const SLOW: usize = 100;

/// A request that ends its connection.
fn request(method: &str, path: &str, port: u16, more: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n{more}\r\n{body}"
    )
}

/// Writes a letter now and then until the server has had enough, and says how long that took.
async fn dribble(port: u16, beginning: String) -> Duration {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    stream.write_all(beginning.as_bytes()).await.expect("it reads");
    let mut pace = tokio::time::interval(Duration::from_millis(400));
    let mut answer = Vec::new();
    loop {
        tokio::select! {
            read = stream.read_buf(&mut answer) => if !matches!(read, Ok(more) if more > 0) { break },
            _ = pace.tick() => if stream.write_all(b"a").await.is_err() { break },
        }
        if !answer.is_empty() {
            break;
        }
    }
    begun.elapsed()
}

fn percentile(mut times: Vec<Duration>, percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

/// How long each of some requests takes, one after the other, until `stop` is set.
async fn watch(
    port: u16,
    requests: Vec<(String, &'static str)>,
    stop: Arc<AtomicBool>,
) -> Vec<Vec<Duration>> {
    let mut times = vec![Vec::new(); requests.len()];
    while !stop.load(Ordering::SeqCst) {
        for ((request, holds), times) in requests.iter().zip(&mut times) {
            let begun = Instant::now();
            let answer = ask(port, request).await;
            times.push(begun.elapsed());
            assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(holds), "{answer}");
        }
    }
    times
}

fn memory(server: &Server) -> u64 {
    let pid = server.child.id().expect("it runs");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it can be looked at");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it has a peak");
    peak.trim().trim_end_matches(" kB").parse::<u64>().expect("it is a number") / 1024
}

/// Every sign-in is judged, or turned away with the time to come back.
async fn flood(port: u16) -> (usize, usize) {
    let tries: Vec<_> = (0..SIGN_INS)
        .map(|number| {
            // Each from an address of its own, as the proxy in front says: no budget ends.
            let from = format!("X-Forwarded-For: 203.0.{}.{}\r\n", number / 200, number % 200);
            let body = format!("email=nobody{number}%40example.org&password=some+other+stones");
            let request = request("POST", "/sign-in", port, &from, &body);
            // The server itself ends a request after 30 s.
            tokio::spawn(async move { ask_within(Duration::from_secs(60), port, &request).await })
        })
        .collect();
    let (mut judged, mut turned_away) = (0, 0);
    for answer in tries {
        let answer = answer.await.expect("no try panics");
        match answer.get(9..12) {
            Some("422") => judged += 1,
            Some("429" | "503") => {
                assert!(answer.to_ascii_lowercase().contains("retry-after:"), "{answer}");
                turned_away += 1;
            }
            _ => panic!("{answer}"),
        }
    }
    (judged, turned_away)
}

on_both! {
    /// DOS-01, DOS-03: under 300 sign-ins at once and 200 connections that dribble, a signed-in person has
    /// their pages, and the slow ones are cut off within their limits.
    async fn others_are_served_under_load(app: TestApp) {
        let owner = app.owner().await;
        let config = &app.app.config;
        let data = std::path::absolute(&config.data_dir).expect("it is a path").display().to_string();
        let mut settings =
            vec![("INTERLOCK_DATA_DIR", data.as_str()), ("INTERLOCK_TRUSTED_PROXIES", "127.0.0.1")];
        let url = match &config.database_url {
            DatabaseUrl::Sqlite(_) => None,
            DatabaseUrl::Postgres(url) => Some(url.expose().clone()),
        };
        settings.extend(url.as_deref().map(|url| ("INTERLOCK_DATABASE_URL", url)));
        app.app.db.close().await;
        let (place, idle_place) = (Place::new(), Place::new());
        let server = Server::start(&place, &settings).await;
        // Another server, which nobody floods, tells how busy the machine itself is.
        let idle = Server::start(&idle_place, &[]).await;
        let port = server.port;

        let email = owner.email.replace('@', "%40");
        let fields = format!("email={email}&password={}", PASSWORD.replace(' ', "+"));
        let answer = ask(port, &request("POST", "/sign-in", port, "", &fields)).await;
        let cookie = answer.split("set-cookie: ").nth(1).and_then(|rest| rest.split(';').next());
        let cookie = format!("Cookie: {}\r\n", cookie.unwrap_or_else(|| panic!("{answer}")));

        let stop = Arc::new(AtomicBool::new(false));
        let users = request("GET", &format!("{}/users", owner.org), port, &cookie, "");
        let health = |port| request("GET", "/healthz", port, "", "");
        let watched = tokio::spawn(watch(port, vec![(health(port), "ok"), (users, "Amara Okafor")], stop.clone()));
        let control = tokio::spawn(watch(idle.port, vec![(health(idle.port), "ok")], stop.clone()));
        let slow_head = || "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".to_owned();
        let slow_body = || request("POST", "/sign-in", port, "", &"a".repeat(900)).replace(&"a".repeat(900), "");
        let heads: Vec<_> = (0..SLOW).map(|_| tokio::spawn(dribble(port, slow_head()))).collect();
        let bodies: Vec<_> = (0..SLOW).map(|_| tokio::spawn(dribble(port, slow_body()))).collect();

        let (judged, turned_away) = flood(port).await;
        assert!(judged >= 16 && turned_away >= 100, "{judged} judged, {turned_away} turned away");
        for head in heads {
            let cut = head.await.expect("none panics");
            assert!(cut < Duration::from_secs(20), "slow headers are cut after 10 s: {cut:?}");
        }
        for body in bodies {
            let cut = body.await.expect("none panics");
            assert!(cut < Duration::from_secs(40), "a slow body is cut after 30 s: {cut:?}");
        }
        stop.store(true, Ordering::SeqCst);
        let times = watched.await.expect("every page came");
        let control = control.await.expect("the idle server answers").remove(0);
        let [health, pages] = <[Vec<Duration>; 2]>::try_from(times).expect("two are watched");
        assert!(pages.len() > 20, "{} pages", pages.len());
        let (p95, unloaded) = (percentile(health, 95), percentile(control, 95));
        assert!(p95 < Duration::from_millis(500).max(unloaded * 4), "{p95:?}, unloaded {unloaded:?}");
        // A debug build, with two argon2 memories of 19 MiB.
        assert!(memory(&server) < 200, "{} MB", memory(&server));
    }
}
