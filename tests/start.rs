//! The program itself: starting, refusing to start, serving, stopping, being killed.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::smtp::{Behaviour, Smtp};

const PROGRAM: &str = env!("CARGO_BIN_EXE_interlock");
const PATIENCE: Duration = Duration::from_secs(20);

static COUNT: AtomicU32 = AtomicU32::new(0);

/// An empty working directory that is gone with the value.
pub struct Place(pub PathBuf);

impl Place {
    pub fn new() -> Place {
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("start-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder can be made under target");
        Place(path)
    }

    fn command(&self, settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(&self.0).env_clear().envs(settings.iter().copied());
        command
    }

    fn run(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
        self.command(settings).args(arguments).output().expect("the program runs")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running server. Dropped, it is killed.
pub struct Server {
    pub child: tokio::process::Child,
    pub port: u16,
    pub greeting: String,
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

impl Server {
    /// Starts the program and waits until it has said where everything is.
    pub async fn start(place: &Place, settings: &[(&str, &str)]) -> Server {
        let port = free_port().await;
        let listen = format!("127.0.0.1:{port}");
        let mut settings: HashMap<&str, &str> = settings.iter().copied().collect();
        settings.insert("INTERLOCK_LISTEN", &listen);
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(place.0.join("log"))
            .expect("a log can be written");
        let mut command = tokio::process::Command::from(place.command(&[]));
        command.envs(&settings).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output is ours")).lines();
        let mut greeting = String::new();
        let last = if settings.contains_key("INTERLOCK_SMTP_URL") { "goes to" } else { "/mailbox" };
        let answers = async {
            while let Ok(Some(line)) = lines.next_line().await {
                greeting += &(line + "\n");
                if greeting.contains(last) {
                    break;
                }
            }
        };
        tokio::time::timeout(PATIENCE, answers).await.expect("the program starts in time");
        // The setup link, should there be one, comes last.
        if settings.get("INTERLOCK_SIGN_UP") == Some(&"closed") {
            while !greeting.contains("/setup/") {
                let line =
                    tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("there is more in time");
                greeting += &(line.expect("the output is text").expect("there is a setup link") + "\n");
            }
        }
        Server { child, port, greeting }
    }

    pub async fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it takes the request");
        answer(&mut stream).await
    }

    async fn get(&self, path: &str) -> String {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n",
            self.port
        ))
        .await
    }

    async fn post(&self, path: &str, body: &str) -> String {
        self.ask(&(self.head(path, body.len()) + body)).await
    }

    fn head(&self, path: &str, length: usize) -> String {
        let port = self.port;
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
        )
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([format!("-{name}"), pid]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Its exit status, within the time that a stop may take.
    pub async fn ended(mut self) -> Option<i32> {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends in time");
        status.expect("it can be waited for").code()
    }
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .expect("an answer comes in time");
    if let Err(error) = read {
        // A server that does not read on closes hard: what it said before that counts.
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o777
}

/// Nothing but the program: it serves, makes its key for its own eyes, and says where everything is.
#[tokio::test]
async fn it_starts_without_any_settings() {
    let place = Place::new();
    let server = Server::start(&place, &[]).await;
    let address = format!("http://localhost:{}", server.port);
    for said in [&address, "data (sqlite:data/interlock.db)", "data/mail", "/mailbox"] {
        assert!(server.greeting.contains(said), "{said} is not in {}", server.greeting);
    }
    assert_eq!(mode(&place.0.join("data")), 0o700);
    assert_eq!(mode(&place.0.join("data/secret.key")), 0o600);
    assert_eq!(mode(&place.0.join("data/interlock.db")), 0o600);
    assert!(server.get("/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(server.get("/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(server.get("/sign-in").await.contains("<h1>Sign in</h1>"));
    // A second one on the same data would send mail twice.
    let port = free_port().await.to_string();
    let second = place.run(&[], &[("INTERLOCK_LISTEN", &format!("127.0.0.1:{port}"))]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("already runs"));
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
}

#[test]
fn wrong_settings_are_all_named_at_once() {
    let place = Place::new();
    let settings = [
        ("INTERLOCK_LISTEN", "nowhere"),
        ("INTERLOCK_BASE_URL", "http://access.example.com"),
        ("INTERLOCK_COLOUR", "blue"),
        ("INTERLOCK_SECRET_KEY", "canary-secret"),
    ];
    let output = place.run(&[], &settings);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    for name in ["INTERLOCK_LISTEN", "INTERLOCK_BASE_URL", "INTERLOCK_COLOUR", "INTERLOCK_SECRET_KEY"] {
        assert!(said.contains(name), "{name} is not in {said}");
    }
    assert!(!said.contains("canary-secret"));
    assert!(!place.0.join("data").exists(), "nothing was begun");
}

#[test]
fn config_says_what_is_in_force_and_hides_secrets() {
    let place = Place::new();
    fs::write(place.0.join("interlock.toml"), "sign_up = \"closed\"\n").expect("the file can be written");
    let settings = [
        ("INTERLOCK_DATABASE_URL", "postgres://ann:canary-one@db.example.com/interlock"),
        ("INTERLOCK_SMTP_URL", "smtp://ann:canary-two@mail.example.com"),
        ("INTERLOCK_MAIL_FROM", "access@example.com"),
    ];
    let output = place.run(&["config"], &settings);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        said.contains("closed") && said.contains("interlock.toml") && said.contains("mail.example.com"),
        "{said}"
    );
    assert!(!said.contains("canary"), "{said}");
}

/// Another key than the one that the database was made with is found at the start.
#[tokio::test]
async fn another_key_refuses_to_start() {
    let place = Place::new();
    let server = Server::start(&place, &[]).await;
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
    let other = "11".repeat(32);
    let output = place.run(&["migrate"], &[("INTERLOCK_SECRET_KEY", &other)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another key"));
}

/// Stopping finishes what is in flight and takes nothing new.
#[tokio::test]
async fn a_stop_finishes_requests_in_flight() {
    let place = Place::new();
    let server = Server::start(&place, &[]).await;
    let body = "email=ann%40example.com";
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.expect("it listens");
    let (first, second) = body.split_at(5);
    stream
        .write_all((server.head("/forgot-password", body.len()) + first).as_bytes())
        .await
        .expect("it reads");
    // Another answer shows that the first request's head was taken before the stop.
    assert!(server.get("/healthz").await.starts_with("HTTP/1.1 200"));
    server.signal("TERM");
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", server.port)).await.is_ok() {
        assert!(begun.elapsed() < PATIENCE, "it still takes connections");
        tokio::task::yield_now().await;
    }
    stream.write_all(second.as_bytes()).await.expect("it still reads");
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 303"));
    assert_eq!(server.ended().await, Some(0));
}

/// I9: killed while mail waits, it sends each one after the next start, once, and none again after that.
#[tokio::test]
async fn a_kill_loses_no_mail_and_sends_none_twice() {
    let place = Place::new();
    let smtp = Smtp::start().await;
    let url = format!("smtp://127.0.0.1:{}?tls=none", smtp.port);
    let settings = [("INTERLOCK_SMTP_URL", url.as_str()), ("INTERLOCK_MAIL_FROM", "access@halden.example")];
    smtp.behave(Behaviour { stall: true, ..Behaviour::default() });
    let mut server = Server::start(&place, &settings).await;
    for number in 0..8 {
        let answer = server.post("/forgot-password", &format!("email=ann{number}%40example.com")).await;
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    }
    server.child.kill().await.expect("it can be killed");
    smtp.behave(Behaviour::default());
    let mut server = Server::start(&place, &settings).await;
    let received = smtp.wait_for(8).await;
    let mut recipients: Vec<String> = received.iter().flat_map(|mail| mail.to.clone()).collect();
    recipients.sort();
    assert_eq!(recipients, (0..8).map(|number| format!("ann{number}@example.com")).collect::<Vec<_>>());
    // One more, and it is the only one that comes.
    server.post("/forgot-password", "email=last%40example.com").await;
    smtp.wait_for(9).await;
    server.child.kill().await.expect("it can be killed");
    let server = Server::start(&place, &settings).await;
    server.post("/forgot-password", "email=after%40example.com").await;
    let received = smtp.wait_for(10).await;
    assert!(received.len() <= 11, "{} mails came", received.len());
    let last = received.iter().filter(|mail| mail.to == ["ann3@example.com"]).count();
    assert_eq!(last, 1);
}

/// ASVS 14.2.1, 16.2.5: what goes by in passwords and links is not in the log.
#[tokio::test]
async fn the_log_holds_no_secret() {
    let place = Place::new();
    let server = Server::start(&place, &[("INTERLOCK_LOG_LEVEL", "debug")]).await;
    server.post("/sign-in", "email=ann%40example.com&password=canary-password").await;
    server.get("/reset/canary-token").await;
    server.get("/sign-in?next=/canary-path").await;
    let body = "organization=Acme&name=Ann&email=ann%40example.com&password=canary+stone+lemon+tree";
    assert!(server.post("/sign-up", body).await.starts_with("HTTP/1.1 303"));
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
    let log = fs::read_to_string(place.0.join("log")).expect("there is a log");
    assert!(log.contains("/reset/{token}") && log.contains("\"status\":303"), "{log}");
    assert!(!log.contains("canary"), "{log}");
    assert!(log.lines().all(|line| line.starts_with('{')), "it is JSON where there is no terminal: {log}");
    let database = fs::read(place.0.join("data/interlock.db")).expect("there is a database");
    assert!(!String::from_utf8_lossy(&database).contains("canary"));
}

/// S2: with sign-up closed, a link that is printed at the first start makes the first Owner.
#[tokio::test]
async fn a_closed_server_prints_a_setup_link() {
    let place = Place::new();
    let server = Server::start(&place, &[("INTERLOCK_SIGN_UP", "closed")]).await;
    let path = server.greeting.split_whitespace().find_map(|word| word.find("/setup/").map(|at| &word[at..]));
    let path = path.expect("the greeting has the link").to_owned();
    assert!(server.get(&path).await.contains("Set up Interlock"));
    let body = "organization=Acme&name=Ann&email=ann%40acme.example&password=stone+lemon+tree+dog";
    let made = server.post(&path, body).await;
    assert!(made.contains("location: /o/acme/users"), "{made}");
    assert!(server.get(&path).await.starts_with("HTTP/1.1 404"));
}

/// DOS-02, DOS-03, 4.2.1: too much, too slow and ill-framed requests end early.
#[tokio::test]
async fn bad_clients_are_turned_away() {
    let place = Place::new();
    let server = Server::start(&place, &[]).await;
    let head = server.head("/sign-in", 100_000_000);
    assert!(server.ask(&head).await.starts_with("HTTP/1.1 413"), "by its length alone");
    let port = server.port;
    let chunked = format!(
        "POST /sign-in HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let chunk = format!("{:x}\r\n{}\r\n", 60_000, "a".repeat(60_000));
    let refused = server.ask(&(chunked + &chunk + &chunk)).await;
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 413"), "{refused}");
    let both =
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert!(
        !server
            .ask(&format!("{both}GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
            .await
            .contains("200 OK")
    );
    // Headers that never end: the connection is closed within seconds, and others are served meanwhile.
    let mut slow = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    slow.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await.expect("it reads");
    assert!(server.get("/healthz").await.starts_with("HTTP/1.1 200"));
    let begun = Instant::now();
    answer(&mut slow).await;
    assert!(begun.elapsed() < Duration::from_secs(15));
}
