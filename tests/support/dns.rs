//! A DNS server of the tests' own (RFC 1035, over UDP), with the records that a test gives it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

const A: u16 = 1;
const TXT: u16 = 16;
const AAAA: u16 = 28;

#[derive(Clone, Debug)]
pub enum Record {
    Txt(String),
    Address(IpAddr),
}

#[derive(Default)]
struct Zone {
    records: HashMap<String, Vec<Record>>,
    failing: bool,
    silent: bool,
    questions: usize,
}

/// A running server on 127.0.0.1. Dropping it closes the port.
pub struct DnsServer {
    pub address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    server: JoinHandle<()>,
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl DnsServer {
    /// Knows no name yet.
    pub async fn start() -> DnsServer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("a bound address");
        let zone = Arc::new(Mutex::new(Zone::default()));
        let server = tokio::spawn(serve(socket, zone.clone()));
        DnsServer { address, zone, server }
    }

    /// Replaces what a name has; no records: it exists and is empty.
    pub fn set(&self, name: &str, records: &[Record]) {
        self.zone().records.insert(name.to_owned(), records.to_vec());
    }

    pub fn set_txt(&self, name: &str, texts: &[&str]) {
        let records: Vec<_> = texts.iter().map(|text| Record::Txt((*text).to_owned())).collect();
        self.set(name, &records);
    }

    pub fn remove(&self, name: &str) {
        self.zone().records.remove(name);
    }

    /// Answers SERVFAIL from now on.
    pub fn fail(&self, failing: bool) {
        self.zone().failing = failing;
    }

    /// Answers nothing from now on.
    pub fn be_silent(&self, silent: bool) {
        self.zone().silent = silent;
    }

    pub fn questions(&self) -> usize {
        self.zone().questions
    }

    fn zone(&self) -> MutexGuard<'_, Zone> {
        self.zone.lock().expect("no question panicked")
    }
}

async fn serve(socket: UdpSocket, zone: Arc<Mutex<Zone>>) {
    let mut question = [0; 1500];
    loop {
        let (length, from) = socket.recv_from(&mut question).await.expect("the socket works");
        let answer = {
            let mut zone = zone.lock().expect("no question panicked");
            zone.questions += 1;
            if zone.silent { None } else { answer(&question[..length], &zone) }
        };
        if let Some(answer) = answer {
            // The asker may be gone.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

/// The answer to a message with one question, which it repeats.
fn answer(message: &[u8], zone: &Zone) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut labels = Vec::new();
    while *message.get(at)? != 0 {
        let length = usize::from(message[at]);
        labels.push(String::from_utf8_lossy(message.get(at + 1..at + 1 + length)?).to_ascii_lowercase());
        at += 1 + length;
    }
    let kind = u16::from_be_bytes([*message.get(at + 1)?, *message.get(at + 2)?]);
    let records = zone.records.get(&labels.join("."));
    let found: Vec<Vec<u8>> = records.into_iter().flatten().filter_map(|record| data(record, kind)).collect();
    let code = match (zone.failing, records) {
        (true, _) => 2,
        (false, None) => 3,
        (false, Some(_)) => 0,
    };
    let found = if zone.failing { Vec::new() } else { found };
    let mut answer = message[..2].to_vec();
    // A response, recursion desired and available; one question, the answers, nothing more.
    answer.extend([0x81, 0x80 | code, 0, 1, 0, found.len() as u8, 0, 0, 0, 0]);
    answer.extend(&message[12..at + 5]);
    for data in found {
        // The question's name; class IN; 60 seconds.
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 60]);
        answer.extend((data.len() as u16).to_be_bytes());
        answer.extend(data);
    }
    Some(answer)
}

fn data(record: &Record, kind: u16) -> Option<Vec<u8>> {
    match (record, kind) {
        // In pieces of at most 255 bytes.
        (Record::Txt(text), TXT) => Some(
            text.as_bytes()
                .chunks(255)
                .flat_map(|piece| std::iter::once(piece.len() as u8).chain(piece.iter().copied()))
                .collect(),
        ),
        (Record::Address(IpAddr::V4(ip)), A) => Some(ip.octets().to_vec()),
        (Record::Address(IpAddr::V6(ip)), AAAA) => Some(ip.octets().to_vec()),
        _ => None,
    }
}
