//! The load: connections that are kept open, each with one request in flight.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const CONNECTIONS: usize = 16;

/// What is asked: the number of the request decides.
pub type Ask = Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync>;

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

/// The time that each answer took.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn percentile(&mut self, percent: usize) -> Duration {
        self.0.sort_unstable();
        self.0[(self.0.len() * percent / 100).min(self.0.len() - 1)]
    }
}

pub fn get(port: u16, path: &str, cookie: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {cookie}\r\n\r\n").into_bytes()
}

pub fn post(port: u16, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\nCookie: {cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The same from another address: 198.51.100.0/24 is for examples.
pub fn from(address: usize, request: Vec<u8>) -> Vec<u8> {
    let request = String::from_utf8(request).expect("a request is text");
    let from = format!("\r\nX-Forwarded-For: 198.51.100.{}\r\n", address % 250);
    request.replacen("\r\n", &from, 1).into_bytes()
}

/// The same request, over and over.
pub fn always(request: Vec<u8>) -> Ask {
    Arc::new(move |_| request.clone())
}

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(port: u16) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: Vec::with_capacity(256 * 1024) })
    }

    pub async fn ask(&mut self, request: &[u8]) -> std::io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head_end = loop {
            if let Some(at) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            self.read().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).into_owned();
        let length = header(&head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        while self.buffer.len() < head_end + length {
            self.read().await?;
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Ok(Answer { status, body: self.buffer[head_end..].to_vec(), head })
    }

    async fn read(&mut self) -> std::io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// Sends `count` requests over some connections at once. Each must be answered with `status`.
pub async fn send(port: u16, connections: usize, count: usize, status: u16, ask: Ask) -> Times {
    let next = Arc::new(AtomicUsize::new(0));
    let senders = (0..connections).map(|_| {
        let (next, ask) = (next.clone(), ask.clone());
        tokio::task::spawn_local(async move {
            let mut connection = Connection::open(port).await.expect("it takes connections");
            let mut times = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return times;
                }
                let request = ask(number);
                let begun = Instant::now();
                let answer = connection.ask(&request).await.expect("it answers");
                times.push(begun.elapsed());
                let text = || String::from_utf8_lossy(&answer.body).into_owned();
                assert_eq!(answer.status, status, "{}\n{}", String::from_utf8_lossy(&request), text());
            }
        })
    });
    let mut times = Vec::with_capacity(count);
    for sender in senders.collect::<Vec<_>>() {
        times.extend(sender.await.expect("no sender panics"));
    }
    Times(times)
}
