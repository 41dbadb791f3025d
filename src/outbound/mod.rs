//! Requests to servers that somebody named: an identity provider, say. What they may reach is judged
//! here, before anything is sent: https alone, and public addresses alone (SRF-01, SRF-03).

mod dns;
mod public;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::{Request, Response};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

pub use self::dns::{Dns, DnsError};
use crate::config::{Config, Origin};

/// For all of a request, from the name's resolution to the last byte.
const PATIENCE: Duration = Duration::from_secs(5);
const MAX_BODY: usize = 1_000_000;

/// Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    /// May be asked though they are http or private.
    allow: Arc<[Origin]>,
    dns: Dns,
}

/// Says nothing of what answers inside a private network: nothing there was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    #[error("This is not an address of the web.")]
    NotAnAddress,
    #[error("The address must begin with https://.")]
    NotHttps,
    #[error("The address must not hold a name or a password.")]
    Credentials,
    #[error(
        "The address leads into a private network. \
         Whoever runs Interlock can allow it, with INTERLOCK_OUTBOUND_ALLOW."
    )]
    Private,
    #[error("The name of the server was not found in the DNS.")]
    Unresolvable,
    #[error("The server sent the request on to another address, which is not followed.")]
    Redirected,
    #[error("The answer is larger than 1 MB.")]
    TooLarge,
    #[error("The server did not answer within 5 seconds.")]
    TimedOut,
    #[error("The server can't be reached over a trusted connection.")]
    Unreachable,
}

impl Outbound {
    pub fn new(config: &Config) -> Outbound {
        Outbound { allow: config.outbound_allow.clone().into(), dns: Dns::new(config) }
    }

    /// Sends one request. Any status but a redirect is an answer.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, OutboundError> {
        let url = self.judge(&request.uri().to_string())?;
        let exchange = async {
            let addresses = self.addresses(&url).await?;
            converse(request, addresses).await
        };
        tokio::time::timeout(PATIENCE, exchange).await.unwrap_or(Err(OutboundError::TimedOut))
    }

    /// Judges what an address says by itself; what its name resolves to is judged when it is asked.
    pub fn judge(&self, address: &str) -> Result<Url, OutboundError> {
        let url = Url::parse(address).map_err(|_| OutboundError::NotAnAddress)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::Credentials);
        }
        if self.is_allowed(&url) {
            return Ok(url);
        }
        if url.scheme() != "https" {
            return Err(OutboundError::NotHttps);
        }
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => None,
            None => return Err(OutboundError::NotAnAddress),
        };
        if literal.is_some_and(|ip| !public::is_public(ip)) { Err(OutboundError::Private) } else { Ok(url) }
    }

    fn is_allowed(&self, url: &Url) -> bool {
        matches!(url.scheme(), "http" | "https") && self.allow.contains(&Origin::of(url))
    }

    /// Where the request may go. One private address among several refuses all: which of them is
    /// taken would be left to chance.
    async fn addresses(&self, url: &Url) -> Result<Vec<IpAddr>, OutboundError> {
        let addresses = match url.host().ok_or(OutboundError::NotAnAddress)? {
            Host::Ipv4(ip) => vec![IpAddr::V4(ip)],
            Host::Ipv6(ip) => vec![IpAddr::V6(ip)],
            Host::Domain(name) => self.dns.addresses(name).await.map_err(|_| OutboundError::Unresolvable)?,
        };
        if addresses.is_empty() {
            return Err(OutboundError::Unresolvable);
        }
        if !self.is_allowed(url) && !addresses.iter().copied().all(public::is_public) {
            return Err(OutboundError::Private);
        }
        Ok(addresses)
    }
}

async fn converse(
    request: Request<Vec<u8>>,
    addresses: Vec<IpAddr>,
) -> Result<Response<Vec<u8>>, OutboundError> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(TLS.clone())
        .dns_resolver(Pinned(addresses))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("interlock")
        .build()
        .map_err(|_| OutboundError::Unreachable)?;
    let request = request.try_into().map_err(|_| OutboundError::NotAnAddress)?;
    let mut incoming = client.execute(request).await.map_err(|_| OutboundError::Unreachable)?;
    if incoming.status().is_redirection() {
        return Err(OutboundError::Redirected);
    }
    let mut body = Vec::new();
    while let Some(chunk) = incoming.chunk().await.map_err(|_| OutboundError::Unreachable)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(OutboundError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(body);
    *response.status_mut() = incoming.status();
    *response.headers_mut() = std::mem::take(incoming.headers_mut());
    Ok(response)
}

/// Gives the addresses that were judged, whatever is asked: a second look-up could say another.
struct Pinned(Vec<IpAddr>);

impl Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        // Port 0 stands for the URL's own.
        let addresses: Vec<_> = self.0.iter().map(|ip| SocketAddr::new(*ip, 0)).collect();
        let addresses: Addrs = Box::new(addresses.into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

/// Trusts whom the system trusts, and the browsers' list where the system has none. Made at the first
/// request: reading the certificates takes a while.
static TLS: LazyLock<ClientConfig> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has what TLS 1.2 and 1.3 need")
        .with_root_certificates(roots)
        .with_no_client_auth()
});
