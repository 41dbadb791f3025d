//! A mail server that holds real SMTP conversations (RFC 5321) and misbehaves on request.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use mail_parser::{MessageParser, PartType};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

const PATIENCE: Duration = Duration::from_secs(20);

/// A message as it came through the wire: envelope, and the text after `DATA` as the sender wrote
/// it (lines end with CR LF, dots are unstuffed).
#[derive(Clone, Debug)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    pub data: String,
}

/// How the server treats its clients from now on. The default accepts everything.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// These recipients, compared without regard to case, are refused for good (550).
    pub refuse: HashSet<String>,
    /// So many messages are turned away for now (451), then the server accepts again.
    pub busy: usize,
    /// So many messages are received in full, and the connection is cut instead of answering.
    pub lose_answers: usize,
    /// Connections are taken and never greeted.
    pub stall: bool,
}

#[derive(Default)]
struct State {
    behaviour: Behaviour,
    received: Vec<Received>,
}

struct Shared {
    state: Mutex<State>,
    /// Number of messages received so far.
    count: watch::Sender<usize>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no connection task panicked")
    }
}

/// A running server on 127.0.0.1. Dropping it closes the port and every connection.
pub struct Smtp {
    pub port: u16,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Smtp {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on 127.0.0.1");
        let port = listener.local_addr().expect("a bound address").port();
        let shared = Arc::new(Shared { state: Mutex::default(), count: watch::Sender::new(0) });
        let server = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { port, shared, server }
    }

    /// Replaces the behaviour, also for connections that are already open.
    pub fn behave(&self, behaviour: Behaviour) {
        self.shared.state().behaviour = behaviour;
    }

    /// Every message received so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.shared.state().received.clone()
    }

    /// Waits until at least `count` messages have been received and returns all there are.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut received = self.shared.count.subscribe();
        let enough = received.wait_for(|received| *received >= count);
        if tokio::time::timeout(PATIENCE, enough).await.is_err() {
            panic!("{count} messages were expected within {PATIENCE:?}, these came: {:#?}", self.received());
        }
        self.received()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Subject, plain text and HTML of a message. A message must have all three: a missing
/// alternative is not made up from the other one.
pub fn parts(data: &str) -> (String, String, String) {
    let message =
        MessageParser::default().parse(data.as_bytes()).unwrap_or_else(|| panic!("not a message: {data}"));
    let subject = message.subject().unwrap_or_else(|| panic!("a message without a subject: {data}"));
    let text = match message.text_part(0).map(|part| &part.body) {
        Some(PartType::Text(text)) => text,
        _ => panic!("a message without plain text: {data}"),
    };
    let html = match message.html_part(0).map(|part| &part.body) {
        Some(PartType::Html(html)) => html,
        _ => panic!("a message without HTML: {data}"),
    };
    (subject.to_owned(), text.to_string(), html.to_string())
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(converse(socket, Arc::clone(&shared)));
    }
}

/// One connection, until the client says goodbye or either side hangs up.
async fn converse(socket: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let mut socket = BufReader::new(socket);
    if shared.state().behaviour.stall {
        socket.read_to_end(&mut Vec::new()).await?;
        return Ok(());
    }

    reply(&mut socket, "220 localhost ESMTP").await?;
    let mut from = None;
    let mut to = Vec::new();
    while let Some(line) = read_line(&mut socket).await? {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => "250-localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8",
            "HELO" | "NOOP" => "250 OK",
            "RSET" => {
                (from, to) = (None, Vec::new());
                "250 OK"
            }
            "QUIT" => {
                reply(&mut socket, "221 Bye").await?;
                return Ok(());
            }
            "MAIL" if from.is_some() => "503 One message at a time",
            "MAIL" => match address(argument, "FROM:") {
                None => "501 Syntax: MAIL FROM:<address>",
                Some(_) if take_one(&mut shared.state().behaviour.busy) => "451 Busy, try again later",
                sender => {
                    from = sender;
                    "250 OK"
                }
            },
            "RCPT" if from.is_none() => "503 MAIL comes first",
            "RCPT" => match address(argument, "TO:") {
                None => "501 Syntax: RCPT TO:<address>",
                Some(recipient) if refuses(&shared, &recipient) => "550 No such user here",
                Some(recipient) => {
                    to.push(recipient);
                    "250 OK"
                }
            },
            "DATA" if to.is_empty() => "503 No recipients",
            "DATA" => {
                reply(&mut socket, "354 End with a dot on its own line").await?;
                let Some(data) = read_data(&mut socket).await? else {
                    return Ok(());
                };
                let received =
                    Received { from: from.take().unwrap_or_default(), to: std::mem::take(&mut to), data };
                let lost = {
                    let mut state = shared.state();
                    state.received.push(received);
                    shared.count.send_replace(state.received.len());
                    take_one(&mut state.behaviour.lose_answers)
                };
                if lost {
                    return Ok(());
                }
                "250 Accepted"
            }
            _ => "502 Unknown command",
        };
        reply(&mut socket, answer).await?;
    }
    Ok(())
}

fn refuses(shared: &Shared, recipient: &str) -> bool {
    let state = shared.state();
    let mut refused = state.behaviour.refuse.iter();
    refused.any(|address| address.eq_ignore_ascii_case(recipient))
}

/// Counts down, and says whether there was anything left to count.
fn take_one(left: &mut usize) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(1);
    any
}

/// The address in `FROM:<ann@example.com> BODY=8BITMIME`; empty for the null sender `<>`.
fn address(argument: &str, keyword: &str) -> Option<String> {
    let (start, rest) = argument.split_at_checked(keyword.len())?;
    let (address, _) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    start.eq_ignore_ascii_case(keyword).then(|| address.to_owned())
}

async fn reply(socket: &mut BufReader<TcpStream>, text: &str) -> io::Result<()> {
    socket.write_all(format!("{text}\r\n").as_bytes()).await
}

/// A line with its end, or nothing when the client hung up.
async fn read_line(socket: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    socket.read_until(b'\n', &mut line).await?;
    Ok(line.ends_with(b"\n").then_some(line))
}

/// The message up to the lone dot, or nothing when the client hung up before it.
async fn read_data(socket: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut data = Vec::new();
    // A line starts only after CR LF: a dot behind a bare LF neither ends the message nor is
    // stuffed (RFC 5321, 4.5.2).
    let mut at_start = true;
    while let Some(line) = read_line(socket).await? {
        if at_start && line == b".\r\n" {
            return Ok(Some(String::from_utf8_lossy(&data).into_owned()));
        }
        let stuffed = at_start && line.starts_with(b".");
        data.extend_from_slice(&line[usize::from(stuffed)..]);
        at_start = line.ends_with(b"\r\n");
    }
    Ok(None)
}
