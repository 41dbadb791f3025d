//! Signing in at somebody else's provider by OpenID Connect: authorization code, PKCE, state, nonce
//! (ASVS 10.1.2, 10.2.1, 10.5). It says what a provider asserted; who may come in by that is for the rules.

mod claims;
mod discovery;
mod token;

use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreClient};
use openidconnect::{
    AuthUrl, ClientId, CsrfToken, IssuerUrl, JsonWebKeySet, LoginHint, Nonce, PkceCodeChallenge, RedirectUrl,
    Scope,
};

pub use self::claims::Claims;
use self::discovery::Directory;
pub use self::discovery::{Discovered, DiscoveryError};
pub use self::token::{FinishError, Returned};
use crate::config::{Config, Secret};
use crate::outbound::Outbound;

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// With a hosted domain, only accounts of that Workspace.
    Google {
        hosted_domain: Option<String>,
    },
    /// A tenant's directory id.
    Entra {
        tenant: String,
    },
    Generic,
}

/// What is asked of the provider.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The address that was typed.
    pub login_hint: Option<String>,
    /// The person must prove themselves again, whatever session they have there.
    pub fresh: bool,
}

/// Where to send the browser, and what must be kept until it comes back.
pub struct Begun {
    pub url: String,
    pub state: String,
    pub nonce: String,
    pub verifier: String,
}

/// Made once: it remembers what providers publish for ten minutes.
pub struct Oidc {
    outbound: Outbound,
    directory: Directory,
    google_issuer: String,
    entra_authority: String,
}

impl Oidc {
    pub fn new(config: &Config, outbound: Outbound) -> Oidc {
        Oidc {
            directory: Directory::new(outbound.clone()),
            outbound,
            google_issuer: config.google_issuer.clone(),
            entra_authority: config.entra_authority.clone(),
        }
    }

    pub fn google_issuer(&self) -> &str {
        &self.google_issuer
    }

    /// The issuer of an Entra tenant. What many tenants share is none: there anybody's tenant signs in.
    pub fn entra_issuer(&self, tenant: &str) -> Result<String, DiscoveryError> {
        /// The tenant of all personal Microsoft accounts.
        const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
        let tenant = tenant.to_ascii_lowercase();
        if matches!(tenant.as_str(), "common" | "organizations" | "consumers" | CONSUMERS) {
            return Err(DiscoveryError::SharedTenant);
        }
        if tenant.len() != 36 || uuid::Uuid::try_parse(&tenant).is_err() {
            return Err(DiscoveryError::NotATenant);
        }
        Ok(format!("{}/{tenant}/v2.0", self.entra_authority))
    }

    /// Reads what the provider publishes. `fresh` reads it now, for whoever is changing settings.
    pub async fn discover(&self, issuer: &str, fresh: bool) -> Result<Discovered, DiscoveryError> {
        Ok(self.directory.document(issuer, fresh).await?.as_ref().clone())
    }

    /// Begins a sign-in.
    pub async fn begin(&self, client: &Client, ask: &Ask) -> Result<Begun, DiscoveryError> {
        let provider = self.provider_of(client).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let not_a_url = |_| DiscoveryError::NotADocument;
        let relying_party = CoreClient::new(
            ClientId::new(client.client_id.clone()),
            IssuerUrl::new(client.issuer.clone()).map_err(not_a_url)?,
            JsonWebKeySet::default(),
        )
        .set_auth_uri(AuthUrl::new(provider.authorization_endpoint.clone()).map_err(not_a_url)?)
        .set_redirect_uri(redirect_url(client));
        let mut request = relying_party
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                || CsrfToken::new_random_len(32),
                || Nonce::new_random_len(32),
            )
            .add_scopes(["email", "profile"].map(|scope| Scope::new(scope.to_owned())))
            .add_scopes(client.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge);
        if let Some(hint) = &ask.login_hint {
            request = request.set_login_hint(LoginHint::new(hint.clone()));
        }
        if ask.fresh {
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(std::time::Duration::ZERO);
        } else if matches!(client.flavor, Flavor::Google { .. }) {
            // Google takes the one account that a browser has without a word: whoever came as the wrong one could
            // never come as another.
            request = request.add_prompt(CoreAuthPrompt::SelectAccount);
        }
        // A hint, which the person can take out of the address: the token's `hd` is what counts.
        if let Flavor::Google { hosted_domain: Some(domain) } = &client.flavor {
            request = request.add_extra_param("hd", domain.clone());
        }
        let (url, state, nonce) = request.url();
        Ok(Begun {
            url: url.into(),
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
        })
    }

    async fn provider_of(&self, client: &Client) -> Result<std::sync::Arc<Discovered>, DiscoveryError> {
        if let Flavor::Entra { tenant } = &client.flavor
            && self.entra_issuer(tenant)? != client.issuer
        {
            return Err(DiscoveryError::NotATenant);
        }
        self.directory.document(&client.issuer, false).await
    }
}

fn redirect_url(client: &Client) -> RedirectUrl {
    RedirectUrl::new(client.redirect_uri.clone())
        .expect("the address to come back to is made from the base URL, which is one")
}
