//! What a provider publishes about itself, remembered for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, StatusCode, header};
use openidconnect::core::CoreJsonWebKeySet;
use serde::Deserialize;
use url::Url;

use crate::outbound::{Outbound, OutboundError};

const MEMORY: Duration = Duration::from_secs(600);
/// How often at most keys are fetched because a token names one that is not known: whoever invents
/// such names must not make us ask all the time.
const KEYS_PAUSE: Duration = Duration::from_secs(60);
/// Providers that are remembered at once. Whoever manages an organization names some, and a set of keys is kept with
/// each: what they can make us keep is bounded.
const PLACES: usize = 64;
/// Keys of one provider. Real ones publish a handful; each signature may be tried with every one of them.
const MOST_KEYS: usize = 50;

/// Signatures that are accepted. Never `none`, nor one made with a shared secret.
pub const ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// What a provider says of itself, as far as it matters here.
#[derive(Clone, Debug)]
pub struct Discovered {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub userinfo_endpoint: Option<String>,
    pub jwks_uri: String,
    /// How it signs, of what is accepted.
    pub algorithms: Vec<String>,
    /// The secret goes into the form rather than into the header.
    pub secret_in_body: bool,
    /// It names itself when it sends the browser back (RFC 9207).
    pub names_itself: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    #[error("This is not an issuer. It is an address such as https://id.example.org, without ? or #.")]
    NotAnIssuer,
    #[error("The provider could not be asked. {0}")]
    Unasked(#[from] OutboundError),
    #[error("There is no OpenID provider at {0}: nothing was found there.")]
    NotFound(String),
    #[error("{address} answered with the status {status}.")]
    Status { address: String, status: u16 },
    #[error("What the provider published about itself is not a discovery document of OpenID Connect.")]
    NotADocument,
    #[error("The provider at {asked} calls itself {found}. The issuer must be the same, letter by letter.")]
    WrongIssuer { asked: String, found: String },
    #[error("The {which} that the provider names can't be used. {why}")]
    Endpoint { which: &'static str, why: OutboundError },
    #[error("The provider signs in no way that is accepted here: {}.", ALGORITHMS.join(", "))]
    NoAlgorithm,
    #[error("The provider's keys can't be read.")]
    NoKeys,
    #[error("The provider publishes more than {MOST_KEYS} keys.")]
    TooManyKeys,
    #[error("This tenant is shared by everyone at Microsoft. Give your own tenant's directory ID.")]
    SharedTenant,
    #[error("The tenant must be given by its directory ID, such as 72f988bf-86f1-41af-91ab-2d7cd011db47.")]
    NotATenant,
}

/// As it comes. Whatever is not read here may have any shape.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
}

struct Known {
    at: Instant,
    document: Arc<Discovered>,
    keys: Option<Arc<CoreJsonWebKeySet>>,
    keys_asked: Option<Instant>,
}

pub struct Directory {
    outbound: Outbound,
    known: Mutex<HashMap<String, Known>>,
}

impl Directory {
    pub fn new(outbound: Outbound) -> Directory {
        Directory { outbound, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub async fn document(&self, issuer: &str, fresh: bool) -> Result<Arc<Discovered>, DiscoveryError> {
        let remembered =
            self.known().get(issuer).filter(|known| known.at.elapsed() < MEMORY).map(|k| k.document.clone());
        if let Some(document) = remembered.filter(|_| !fresh) {
            return Ok(document);
        }
        let document = Arc::new(self.fetch_document(issuer).await?);
        self.remember(issuer, document.clone());
        Ok(document)
    }

    fn remember(&self, issuer: &str, document: Arc<Discovered>) {
        let mut known = self.known();
        known.retain(|_, known| known.at.elapsed() < MEMORY);
        if known.len() >= PLACES
            && !known.contains_key(issuer)
            && let Some(oldest) = known.iter().min_by_key(|(_, known)| known.at).map(|(name, _)| name.clone())
        {
            known.remove(&oldest);
        }
        let entry = Known { at: Instant::now(), document, keys: None, keys_asked: None };
        known.insert(issuer.to_owned(), entry);
    }

    async fn fetch_document(&self, issuer: &str) -> Result<Discovered, DiscoveryError> {
        let url = Url::parse(issuer).map_err(|_| DiscoveryError::NotAnIssuer)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(DiscoveryError::NotAnIssuer);
        }
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let body = self.fetch(&address).await?;
        let document: Document = serde_json::from_slice(&body).map_err(|_| DiscoveryError::NotADocument)?;
        if document.issuer != issuer {
            let found = shown(&document.issuer);
            return Err(DiscoveryError::WrongIssuer { asked: issuer.to_owned(), found });
        }
        self.read(document)
    }

    fn read(&self, document: Document) -> Result<Discovered, DiscoveryError> {
        let usable = |which, address: &str| {
            self.outbound.judge(address).map_err(|why| DiscoveryError::Endpoint { which, why })
        };
        usable("authorization endpoint", &document.authorization_endpoint)?;
        usable("token endpoint", &document.token_endpoint)?;
        usable("address of the keys", &document.jwks_uri)?;
        if let Some(address) = &document.userinfo_endpoint {
            usable("userinfo endpoint", address)?;
        }
        // OpenID Connect Discovery 3 requires it; what leaves it out means the usual one.
        let mut algorithms =
            document.id_token_signing_alg_values_supported.unwrap_or_else(|| vec!["RS256".to_owned()]);
        algorithms.retain(|name| ALGORITHMS.contains(&name.as_str()));
        if algorithms.is_empty() {
            return Err(DiscoveryError::NoAlgorithm);
        }
        let ways = document.token_endpoint_auth_methods_supported;
        let offers = |way| ways.as_ref().is_some_and(|ways| ways.iter().any(|offered| offered == way));
        Ok(Discovered {
            secret_in_body: offers("client_secret_post") && !offers("client_secret_basic"),
            issuer: document.issuer,
            authorization_endpoint: document.authorization_endpoint,
            token_endpoint: document.token_endpoint,
            userinfo_endpoint: document.userinfo_endpoint,
            jwks_uri: document.jwks_uri,
            algorithms,
            names_itself: document.authorization_response_iss_parameter_supported == Some(true),
        })
    }

    /// The provider's keys. `anew` asks for those that it has now; within the pause that gives `None`.
    pub async fn keys(
        &self,
        provider: &Discovered,
        anew: bool,
    ) -> Result<Option<Arc<CoreJsonWebKeySet>>, DiscoveryError> {
        if let Some(known) = self.known().get_mut(&provider.issuer) {
            match &known.keys {
                Some(keys) if !anew => return Ok(Some(keys.clone())),
                Some(_) if known.keys_asked.is_some_and(|at| at.elapsed() < KEYS_PAUSE) => return Ok(None),
                _ => {}
            }
            if anew {
                known.keys_asked = Some(Instant::now());
            }
        }
        let body = self.fetch(&provider.jwks_uri).await.map_err(|error| match error {
            DiscoveryError::NotFound(_) | DiscoveryError::Status { .. } => DiscoveryError::NoKeys,
            error => error,
        })?;
        let keys: CoreJsonWebKeySet = serde_json::from_slice(&body).map_err(|_| DiscoveryError::NoKeys)?;
        if keys.keys().len() > MOST_KEYS {
            return Err(DiscoveryError::TooManyKeys);
        }
        let keys = Arc::new(keys);
        if let Some(known) = self.known().get_mut(&provider.issuer) {
            known.keys = Some(keys.clone());
        }
        Ok(Some(keys))
    }

    async fn fetch(&self, address: &str) -> Result<Vec<u8>, DiscoveryError> {
        let request = Request::get(address).header(header::ACCEPT, "application/json").body(Vec::new());
        let response = self.outbound.send(request.map_err(|_| DiscoveryError::NotAnIssuer)?).await?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(DiscoveryError::NotFound(address.to_owned())),
            status => Err(DiscoveryError::Status { address: address.to_owned(), status: status.as_u16() }),
        }
    }
}

/// An address that somebody else wrote, for a sentence: if it is a plain one, and not endless.
fn shown(address: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&()*+,;=%{}".contains(&byte);
    if address.len() <= 200 && address.bytes().all(is_plain) && Url::parse(address).is_ok() {
        address.to_owned()
    } else {
        "something that is no address".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const ISSUER: &str = "https://id.example";

    fn discovered() -> Arc<Discovered> {
        Arc::new(Discovered {
            issuer: ISSUER.to_owned(),
            authorization_endpoint: String::new(),
            token_endpoint: String::new(),
            userinfo_endpoint: None,
            // Whoever asks there is told that it is no https.
            jwks_uri: "http://id.example/keys".to_owned(),
            algorithms: Vec::new(),
            secret_in_body: false,
            names_itself: false,
        })
    }

    fn directory() -> Directory {
        let config = Config::read(None, []).expect("the defaults");
        Directory::new(Outbound::new(&config))
    }

    fn age(directory: &Directory, issuer: &str, seconds: u64) {
        let mut known = directory.known();
        let known = known.get_mut(issuer).expect("it is known");
        for at in [Some(&mut known.at), known.keys_asked.as_mut()].into_iter().flatten() {
            *at = at.checked_sub(Duration::from_secs(seconds)).expect("the clock reaches back so far");
        }
    }

    #[tokio::test]
    async fn documents_are_remembered_for_ten_minutes() {
        let directory = directory();
        let issuer = "http://id.example";
        directory.remember(issuer, discovered());
        age(&directory, issuer, 590);
        assert!(directory.document(issuer, false).await.is_ok());
        age(&directory, issuer, 20);
        assert_eq!(directory.document(issuer, false).await.err(), Some(OutboundError::NotHttps.into()));
    }

    #[tokio::test]
    async fn unknown_keys_are_looked_for_once_a_minute() {
        let (directory, provider) = (directory(), discovered());
        directory.remember(ISSUER, provider.clone());
        directory.known().get_mut(ISSUER).expect("it is known").keys = Some(Arc::default());
        assert!(directory.keys(&provider, false).await.is_ok_and(|keys| keys.is_some()));
        let asked = async || directory.keys(&provider, true).await.err();
        assert_eq!(asked().await, Some(OutboundError::NotHttps.into()));
        age(&directory, ISSUER, 50);
        assert_eq!(asked().await, None);
        age(&directory, ISSUER, 20);
        assert_eq!(asked().await, Some(OutboundError::NotHttps.into()));
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let directory = directory();
        directory.remember("https://old.example", discovered());
        age(&directory, "https://old.example", 610);
        directory.remember(ISSUER, discovered());
        assert_eq!(directory.known().keys().collect::<Vec<_>>(), [ISSUER]);
    }

    #[test]
    fn one_that_is_known_pushes_nobody_out() {
        let directory = directory();
        for number in 0..PLACES {
            directory.remember(&format!("https://{number}.example"), discovered());
        }
        directory.remember("https://9.example", discovered());
        assert_eq!(directory.known().len(), PLACES);
    }

    #[test]
    fn the_oldest_makes_room() {
        let directory = directory();
        for number in 0..PLACES + 9 {
            directory.remember(&format!("https://{number}.example"), discovered());
        }
        assert_eq!(directory.known().len(), PLACES);
        assert!(!directory.known().contains_key("https://0.example"));
        assert!(directory.known().contains_key(&format!("https://{}.example", PLACES + 8)));
    }
}
