//! Where requests may go, and what the DNS says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::http::{Request, StatusCode};
use interlock::outbound::{Dns, DnsError, Outbound, OutboundError};
use serde_json::json;
use tokio::net::TcpListener;

use super::settings;
use crate::support::dns::{DnsServer, Record};
use crate::support::forger::{Forger, Reply};

/// A listener that counts who comes.
async fn listener() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("a bound address").port();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, count)
}

async fn get(outbound: &Outbound, url: &str) -> Result<StatusCode, OutboundError> {
    let request = Request::get(url).body(Vec::new()).expect("a request");
    outbound.send(request).await.map(|response| response.status())
}

fn address(text: &str) -> Record {
    Record::Address(text.parse().expect("an address"))
}

/// SRF-01: nothing private is even connected to, by whatever name.
#[tokio::test]
async fn nothing_private_is_asked() {
    let (port, connections) = listener().await;
    let dns = DnsServer::start().await;
    dns.set("inside.example", &[address("127.0.0.1")]);
    dns.set("inside6.example", &[address("::1")]);
    dns.set("mapped.example", &[address("::ffff:127.0.0.1")]);
    dns.set("both.example", &[address("93.184.216.34"), address("127.0.0.1")]);
    dns.set("metadata.example", &[address("169.254.169.254")]);
    let outbound = Outbound::new(&settings(&[("INTERLOCK_DNS_SERVER", &dns.address.to_string())]));
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "169.254.169.254",
        "localhost",
        "a.localhost",
        "inside.example",
        "INSIDE.example.",
        "inside6.example",
        "mapped.example",
        "both.example",
        "metadata.example",
    ] {
        let answer = get(&outbound, &format!("https://{host}:{port}/")).await;
        let refused = matches!(answer, Err(OutboundError::Private))
            || host.ends_with("localhost") && answer == Err(OutboundError::Unresolvable);
        assert!(refused, "{host}: {answer:?}");
    }
    for url in [format!("http://127.0.0.1:{port}/"), format!("http://inside.example:{port}/")] {
        assert_eq!(get(&outbound, &url).await, Err(OutboundError::NotHttps));
    }
    assert_eq!(outbound.judge("file:///etc/passwd"), Err(OutboundError::NotHttps));
    assert_eq!(outbound.judge("https://a:b@example.org/"), Err(OutboundError::Credentials));
    assert_eq!(outbound.judge("nonsense"), Err(OutboundError::NotAnAddress));
    assert_eq!(get(&outbound, "https://nowhere.example/").await, Err(OutboundError::Unresolvable));
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

/// An origin is scheme, host and port; what is allowed opens nothing beside it.
#[tokio::test]
async fn what_is_allowed_is_one_origin() {
    let forger = Forger::start().await;
    forger.reply("/", Reply::ok(json!({})));
    let (port, connections) = listener().await;
    let outbound = Outbound::new(&settings(&[("INTERLOCK_OUTBOUND_ALLOW", &forger.url)]));
    assert_eq!(get(&outbound, &format!("{}/", forger.url)).await, Ok(StatusCode::OK));
    for (url, why) in [
        (format!("http://127.0.0.1:{port}/"), OutboundError::NotHttps),
        (format!("https://127.0.0.1:{port}/"), OutboundError::Private),
        (forger.url.replace("http:", "https:"), OutboundError::Private),
        (forger.url.replace("127.0.0.1", "127.0.0.2"), OutboundError::NotHttps),
        (forger.url.replace("http://", "http://a:b@"), OutboundError::Credentials),
    ] {
        assert_eq!(get(&outbound, &url).await, Err(why), "{url}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

/// SRF-03, and a redirect that leads inside.
#[tokio::test]
async fn answers_have_an_end() {
    let forger = Forger::start().await;
    let (port, connections) = listener().await;
    let outbound = Outbound::new(&settings(&[("INTERLOCK_OUTBOUND_ALLOW", &forger.url)]));
    for (reply, expected) in [
        (Reply::Huge(1_000_000), Ok(StatusCode::OK)),
        (Reply::Huge(1_000_001), Err(OutboundError::TooLarge)),
        (Reply::Endless, Err(OutboundError::TooLarge)),
        (Reply::Redirect(format!("http://127.0.0.1:{port}/")), Err(OutboundError::Redirected)),
        (Reply::Redirect("/".to_owned()), Err(OutboundError::Redirected)),
        (Reply::Json(StatusCode::IM_A_TEAPOT, json!({})), Ok(StatusCode::IM_A_TEAPOT)),
        (Reply::Stalled, Err(OutboundError::TimedOut)),
    ] {
        forger.reply("/x", reply.clone());
        let before = Instant::now();
        assert_eq!(get(&outbound, &format!("{}/x", forger.url)).await, expected, "{reply:?}");
        assert!(before.elapsed().as_secs() < 8);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_dns_is_asked_each_time() {
    let server = DnsServer::start().await;
    let dns = Dns::new(&settings(&[("INTERLOCK_DNS_SERVER", &server.address.to_string())]));
    let txt = async |name: &str| dns.txt(name).await;
    assert_eq!(txt("_interlock.halden.example").await, Ok(Vec::new()));
    let long = "x".repeat(300);
    server.set_txt("_interlock.halden.example", &["v=spf1 -all", &long]);
    assert_eq!(txt("_interlock.halden.example").await, Ok(vec!["v=spf1 -all".to_owned(), long]));
    server.set_txt("_interlock.halden.example", &["interlock=abc"]);
    assert_eq!(txt("_Interlock.Halden.example.").await, Ok(vec!["interlock=abc".to_owned()]));
    server.set("_interlock.halden.example", &[address("192.0.2.1")]);
    assert_eq!(txt("_interlock.halden.example").await, Ok(Vec::new()));
    server.remove("_interlock.halden.example");
    assert_eq!(txt("_interlock.halden.example").await, Ok(Vec::new()));
    assert!(server.questions() >= 5);
}

#[tokio::test]
async fn not_knowing_is_not_an_empty_answer() {
    let server = DnsServer::start().await;
    let dns = Dns::new(&settings(&[("INTERLOCK_DNS_SERVER", &server.address.to_string())]));
    server.set_txt("halden.example", &["interlock=abc"]);
    server.fail(true);
    assert_eq!(dns.txt("halden.example").await, Err(DnsError::Unanswered));
    server.fail(false);
    server.be_silent(true);
    let before = Instant::now();
    assert_eq!(dns.txt("halden.example").await, Err(DnsError::Unanswered));
    assert!(before.elapsed().as_secs() < 5, "{:?}", before.elapsed());
    server.be_silent(false);
    assert_eq!(dns.txt("halden.example").await, Ok(vec!["interlock=abc".to_owned()]));
    for name in ["", ".", "a..b", "a b.example", "ä.example", &"a.".repeat(200), &"a".repeat(64)] {
        assert_eq!(dns.txt(name).await, Err(DnsError::NotAName), "{name}");
    }
}
