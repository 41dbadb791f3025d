use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as Refusal, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{Resolver, TokioResolver};

use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the DNS, each time anew: somebody has just changed a record and presses "Check again".
#[derive(Clone)]
pub struct Dns {
    server: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    #[error("The DNS did not answer within 3 seconds, or could not say. Try again in a few minutes.")]
    Unanswered,
    #[error("This is not a name that the DNS can hold.")]
    NotAName,
}

impl Dns {
    pub fn new(config: &Config) -> Dns {
        Dns { server: config.dns_server }
    }

    /// The TXT records of a name, each with its pieces joined. A name that has none or does not exist
    /// has an empty list.
    pub async fn txt(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let name = absolute(name)?;
        let resolver = self.resolver()?;
        let lookup = answered(resolver.txt_lookup(name)).await?;
        let records = lookup.iter().flat_map(|lookup| lookup.answers()).filter_map(|record| {
            let RData::TXT(txt) = &record.data else { return None };
            Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned())
        });
        Ok(records.collect())
    }

    /// The addresses of a host, in both families.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        let host = absolute(host)?;
        let resolver = self.resolver()?;
        let lookup = answered(resolver.lookup_ip(host)).await?;
        Ok(lookup.iter().flat_map(|lookup| lookup.iter()).collect())
    }

    /// Made for each question: it keeps what it was told, and the system's servers may have changed.
    fn resolver(&self) -> Result<TokioResolver, DnsError> {
        let mut builder = match self.server {
            None => Resolver::builder_tokio().map_err(|_| DnsError::Unanswered)?,
            Some(server) => {
                let [mut udp, mut tcp] = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
                (udp.port, tcp.port) = (server.port(), server.port());
                let server = NameServerConfig::new(server.ip(), true, vec![udp, tcp]);
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                Resolver::builder_with_config(config, TokioRuntimeProvider::default())
                    .with_options(ResolverOpts::default())
            }
        };
        let options = builder.options_mut();
        options.timeout = Duration::from_millis(1_400);
        options.attempts = 1;
        options.cache_size = 0;
        if self.server.is_some() {
            options.use_hosts_file = ResolveHosts::Never;
        }
        builder.build().map_err(|_| DnsError::Unanswered)
    }
}

/// With a dot at its end, so that it is not tried below the machine's own domains.
fn absolute(name: &str) -> Result<String, DnsError> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.len() > 253 || !name.split('.').all(fits) {
        return Err(DnsError::NotAName);
    }
    Ok(format!("{name}."))
}

/// `None` if there is nothing; an error if that is not known.
async fn answered<T>(question: impl Future<Output = Result<T, NetError>>) -> Result<Option<T>, DnsError> {
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(Ok(lookup)) => Ok(Some(lookup)),
        Ok(Err(NetError::Dns(Refusal::NoRecordsFound(nothing))))
            if matches!(nothing.response_code, ResponseCode::NXDomain | ResponseCode::NoError) =>
        {
            Ok(None)
        }
        Ok(Err(_)) | Err(_) => Err(DnsError::Unanswered),
    }
}
