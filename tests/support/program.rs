//! The program itself, started as its users start it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_interlock");
pub const PATIENCE: Duration = Duration::from_secs(20);

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

    pub fn command(&self, settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(&self.0).env_clear().envs(settings.iter().copied());
        command
    }

    pub fn run(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
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

pub async fn free_port() -> u16 {
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
        ask(self.port, request).await
    }

    pub async fn get(&self, path: &str) -> String {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n",
            self.port
        ))
        .await
    }

    pub async fn post(&self, path: &str, body: &str) -> String {
        self.ask(&(self.head(path, body.len()) + body)).await
    }

    pub fn head(&self, path: &str, length: usize) -> String {
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

/// What a server on this machine answers before it closes the connection.
pub async fn ask(port: u16, request: &str) -> String {
    ask_within(PATIENCE, port, request).await
}

pub async fn ask_within(patience: Duration, port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    stream.write_all(request.as_bytes()).await.expect("it takes the request");
    answer_within(patience, &mut stream).await
}

pub async fn answer(stream: &mut TcpStream) -> String {
    answer_within(PATIENCE, stream).await
}

async fn answer_within(patience: Duration, stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(patience, stream.read_to_end(&mut bytes))
        .await
        .expect("an answer comes in time");
    if let Err(error) = read {
        // A server that does not read on closes hard: what it said before that counts.
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
