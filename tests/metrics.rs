//! `/metrics`, from the program itself.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::support::fresh_schema;
use crate::support::program::{PATIENCE, Place, Server, ask, free_port};

async fn scrape(port: u16) -> String {
    let answer = ask(port, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("it has a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    body.to_owned()
}

/// Prometheus's own opinion.
fn check(metrics: &str) {
    use std::io::Write;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there: tests/run installs it");
    promtool.stdin.take().expect("it is ours").write_all(metrics.as_bytes()).expect("it reads");
    let output = promtool.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{metrics}");
}

async fn run(database: Option<String>) {
    let place = Place::new();
    let port = free_port().await;
    let listen = format!("127.0.0.1:{port}");
    let mut settings = vec![("INTERLOCK_METRICS_LISTEN", listen.as_str())];
    settings.extend(database.as_deref().map(|url| ("INTERLOCK_DATABASE_URL", url)));
    let server = Server::start(&place, &settings).await;
    assert!(server.greeting.contains(&format!("http://{listen}/metrics")), "{}", server.greeting);
    check(&scrape(port).await);

    server.post("/sign-in", "email=ann%40example.com&password=canary-password").await;
    server.post("/forgot-password", "email=ann%40example.com").await;
    server.get("/sign-in").await;
    server.get("/reset/canary-token").await;
    server.get("/canary-path").await;
    let begun = Instant::now();
    let metrics = loop {
        let metrics = scrape(port).await;
        // The outbox is looked at a moment before the counters are.
        let sent = metrics.contains("interlock_mails_total{result=\"sent\"} 1");
        if sent && metrics.contains("interlock_outbox_mails{state=\"due\"} 0") {
            break metrics;
        }
        assert!(begun.elapsed() < PATIENCE, "the mail goes out: {metrics}");
        tokio::task::yield_now().await;
    };
    for line in [
        "interlock_http_requests_total{method=\"POST\",route=\"/sign-in\",status=\"422\"} 1",
        "interlock_http_requests_total{method=\"GET\",route=\"/sign-in\",status=\"200\"} 1",
        "interlock_http_requests_total{method=\"GET\",route=\"/reset/{token}\",status=\"404\"} 1",
        "interlock_http_requests_total{method=\"GET\",route=\"-\",status=\"404\"} 1",
        "interlock_http_request_duration_seconds_count{method=\"POST\",route=\"/sign-in\"} 1",
        "interlock_sign_ins_total{result=\"wrong\"} 1",
        "interlock_password_hash_duration_seconds_count 1",
        "interlock_password_hashes{state=\"waiting\"} 0",
        "interlock_password_hashes_turned_away_total 0",
        "interlock_outbox_mails{state=\"due\"} 0",
        "interlock_outbox_mails{state=\"given_up\"} 0",
        "interlock_outbox_oldest_due_seconds 0",
        "interlock_build_info{version=\"",
        "interlock_database_wait_seconds_count{kind=\"read\"}",
        "interlock_database_held_seconds_count{kind=\"write\"}",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_start_time_seconds",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    assert!(!metrics.contains("canary") && !metrics.contains("example.com"), "{metrics}");
    check(&metrics);
    nothing_that_visitors_make_up_adds_a_line(&server, port).await;

    // Nothing else is there, and the metrics are nowhere else.
    for (path, status) in [("/", "404"), ("/sign-in", "404"), ("/metrics/", "404")] {
        let answer = ask(port, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
    }
    let posted =
        ask(port, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .await;
    assert!(posted.starts_with("HTTP/1.1 405"), "{posted}");
    assert!(server.get("/metrics").await.starts_with("HTTP/1.1 404"));
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
}

async fn nothing_that_visitors_make_up_adds_a_line(server: &Server, port: u16) {
    let make_up = |round: usize| async move {
        for number in 0..40 {
            for path in [format!("/made-up-{round}-{number}"), format!("/o/{round}x{number}/users")] {
                server.get(&path).await;
            }
            let request = format!(
                "MADE{round}X{number} /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            );
            server.ask(&request).await;
        }
        scrape(port).await
    };
    let (first, second) = (make_up(1).await, make_up(2).await);
    assert_eq!(first.lines().count(), second.lines().count(), "{second}");
    assert!(!second.contains("made-up") && !second.contains("MADE") && !second.contains("1x1"), "{second}");
}

#[tokio::test]
async fn metrics_of_sqlite() {
    run(None).await;
}

#[tokio::test]
async fn metrics_of_postgres() {
    run(Some(fresh_schema().await)).await;
}
