//! How to talk to an OpenID provider. Knows no feature.

use crate::clock::Timestamp;
use crate::config::Secret;

/// A client at a provider, as someone has configured it.
#[derive(Clone, Debug)]
pub struct Client {
    pub flavor: Flavor,
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Secret<String>,
    /// Beside openid, email and profile.
    pub scopes: Vec<String>,
    pub redirect_uri: String,
}

#[derive(Clone, Debug)]
pub enum Flavor {
    Google { hosted_domain: Option<String> },
    Entra { tenant: String },
    Generic,
}

#[derive(Clone, Debug, Default)]
pub struct Ask {
    pub login_hint: Option<String>,
    /// Whether the provider is to ask for the password again.
    pub fresh: bool,
}

#[derive(Clone, Debug)]
pub struct Discovered {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub userinfo_endpoint: Option<String>,
    pub algorithms: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Begun {
    pub url: String,
    pub state: String,
    pub nonce: String,
    pub verifier: String,
}

#[derive(Clone, Copy, Debug)]
pub struct Returned<'a> {
    pub code: &'a str,
    pub iss: Option<&'a str>,
    pub nonce: &'a str,
    pub verifier: &'a str,
    pub fresh_since: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
pub struct Claims {
    pub issuer: String,
    pub subject: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub name: Option<String>,
    pub hosted_domain: Option<String>,
    pub tenant: Option<String>,
    pub object_id: Option<String>,
    pub owns_email_domain: bool,
    pub amr: Vec<String>,
    pub acr: Option<String>,
    pub auth_time: Option<Timestamp>,
    pub all: Vec<(String, String)>,
}

impl Claims {
    pub fn multi_factor(&self) -> bool {
        false
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum DiscoveryError {
    #[error("The provider did not answer.")]
    Unanswered,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum FinishError {
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
}

#[derive(Debug, Default)]
pub struct Oidc;

impl Oidc {
    pub async fn discover(&self, _issuer: &str, _fresh: bool) -> Result<Discovered, DiscoveryError> {
        Err(DiscoveryError::Unanswered)
    }

    pub async fn begin(&self, _client: &Client, _ask: &Ask) -> Result<Begun, DiscoveryError> {
        Err(DiscoveryError::Unanswered)
    }

    pub async fn finish(
        &self,
        _client: &Client,
        _returned: Returned<'_>,
        _now: Timestamp,
    ) -> Result<Claims, FinishError> {
        Err(DiscoveryError::Unanswered.into())
    }
}
