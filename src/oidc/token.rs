//! The way back: a code becomes a token, and a token becomes claims once all of it is verified.

use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Request, StatusCode, header};
use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType, BasicTokenType};
use oauth2::{AuthType, AuthorizationCode, ClientSecret, PkceCodeVerifier, RequestTokenError, TokenResponse};
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{
    ClaimsVerificationError, ClientId, IssuerUrl, Nonce, SignatureVerificationError, TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::claims::moment;
use super::{Claims, Client, Discovered, DiscoveryError, Flavor, Oidc, redirect_url};
use crate::clock::{MINUTE, SECOND, Timestamp};
use crate::outbound::OutboundError;

/// For all that is asked on the way back (SSO-14).
const PATIENCE: Duration = Duration::from_secs(9);
/// How far two machines' clocks may be apart.
const SKEW: i64 = MINUTE;
/// A token is made for this sign-in, so it is young.
const OLDEST: i64 = 10 * MINUTE;
/// A session must be younger than the question for it; shorter than the skew, as it is a proof.
const FRESHNESS_SKEW: i64 = 10 * SECOND;

/// What came back with the browser, and what was kept for it since [`Oidc::begin`].
pub struct Returned<'a> {
    pub code: &'a str,
    /// Who says to have sent it (RFC 9207).
    pub iss: Option<&'a str>,
    pub nonce: &'a str,
    pub verifier: &'a str,
    /// The person must have proven themselves at the provider since then. Google and Entra need not say when.
    pub fresh_since: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FinishError {
    #[error("{0}")]
    Discovery(#[from] DiscoveryError),
    #[error("The answer came from another provider than the one that was asked.")]
    OtherProvider,
    #[error("The provider's token endpoint could not be asked. {0}")]
    Unasked(OutboundError),
    #[error("The provider did not answer in time.")]
    TooSlow,
    #[error("The provider refused the client ID or the client secret.")]
    SecretRefused,
    #[error(
        "The provider refused the code of this sign-in: it was used already, has expired or is another's."
    )]
    CodeRefused,
    #[error("The provider refused to give a token.")]
    Refused,
    #[error("The provider's token endpoint answered with something that is no token.")]
    NotATokenAnswer,
    #[error("The provider gave no ID token.")]
    NoIdToken,
    #[error("The ID token can't be read.")]
    NotAnIdToken,
    #[error("The ID token is signed with a key that the provider does not publish.")]
    UnknownKey,
    #[error("The ID token is signed in a way that is not accepted, or not at all.")]
    Algorithm,
    #[error("The signature of the ID token is wrong.")]
    Signature,
    #[error("The ID token was issued by another provider.")]
    OtherIssuer,
    #[error("The ID token was issued for another application.")]
    OtherAudience,
    #[error("The ID token has expired. Check the clocks of both servers.")]
    Expired,
    #[error("The ID token was not issued just now. Check the clocks of both servers.")]
    NotIssuedNow,
    #[error("The ID token was issued for another sign-in.")]
    OtherSignIn,
    #[error("The ID token does not say whom it is about.")]
    NoSubject,
    #[error("The provider did not ask the person to prove themselves again, or does not say that it did.")]
    NotFresh,
    #[error("This account does not belong to the Google Workspace that was configured.")]
    OtherDomain,
    #[error("This account does not belong to the tenant that was configured.")]
    OtherTenant,
    #[error("The provider's userinfo endpoint could not be asked. {0}")]
    UserinfoUnasked(OutboundError),
    #[error("The provider's userinfo endpoint gave no claims.")]
    NoUserinfo,
    #[error("The provider's userinfo endpoint spoke of somebody else.")]
    OtherSubject,
}

/// The ID token is kept as it came: its claims are read from the very bytes that were signed.
#[derive(Debug, Deserialize, Serialize)]
struct WithIdToken {
    id_token: Option<String>,
}

impl oauth2::ExtraTokenFields for WithIdToken {}

type Tokens = oauth2::StandardTokenResponse<WithIdToken, BasicTokenType>;
type OAuth = oauth2::Client<
    BasicErrorResponse,
    Tokens,
    oauth2::basic::BasicTokenIntrospectionResponse,
    oauth2::StandardRevocableToken,
    oauth2::basic::BasicRevocationErrorResponse,
>;

impl Oidc {
    /// Ends a sign-in. The tokens are dropped here: nothing is done with them beside reading them.
    pub async fn finish(
        &self,
        client: &Client,
        returned: Returned<'_>,
        now: Timestamp,
    ) -> Result<Claims, FinishError> {
        let all = self.redeem(client, returned, now);
        tokio::time::timeout(PATIENCE, all).await.unwrap_or(Err(FinishError::TooSlow))
    }

    async fn redeem(
        &self,
        client: &Client,
        returned: Returned<'_>,
        now: Timestamp,
    ) -> Result<Claims, FinishError> {
        let provider = self.provider_of(client).await?;
        match returned.iss {
            Some(issuer) if issuer != client.issuer => return Err(FinishError::OtherProvider),
            None if provider.names_itself => return Err(FinishError::OtherProvider),
            _ => {}
        }
        let tokens = self.exchange(client, &provider, &returned).await?;
        let id_token = tokens.extra_fields().id_token.as_deref().ok_or(FinishError::NoIdToken)?;
        let token = self.verified(client, &provider, id_token, returned.nonce, now).await?;
        if is_stale(&client.flavor, &token, returned.fresh_since) {
            return Err(FinishError::NotFresh);
        }
        let userinfo = match &provider.userinfo_endpoint {
            Some(address) if !token.contains_key("email") => {
                Some(self.userinfo(address, tokens.access_token().secret(), &token).await?)
            }
            _ => None,
        };
        let claims = Claims::read(&token, userinfo.as_ref());
        belongs(&client.flavor, &claims).map(|()| claims)
    }

    async fn exchange(
        &self,
        client: &Client,
        provider: &Discovered,
        returned: &Returned<'_>,
    ) -> Result<Tokens, FinishError> {
        let address = TokenUrl::new(provider.token_endpoint.clone());
        let outbound = self.outbound.clone();
        let way = if provider.secret_in_body { AuthType::RequestBody } else { AuthType::BasicAuth };
        let oauth = OAuth::new(ClientId::new(client.client_id.clone()))
            .set_client_secret(ClientSecret::new(client.client_secret.expose().clone()))
            .set_auth_type(way)
            .set_token_uri(address.map_err(|_| DiscoveryError::NotADocument)?)
            .set_redirect_uri(redirect_url(client));
        let answer = oauth
            .exchange_code(AuthorizationCode::new(returned.code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(returned.verifier.to_owned()))
            .request_async(&move |request| {
                let outbound = outbound.clone();
                async move { outbound.send(request).await }
            })
            .await;
        answer.map_err(|error| match error {
            RequestTokenError::Request(error) => FinishError::Unasked(error),
            RequestTokenError::ServerResponse(refusal) => match refusal.error() {
                BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => {
                    FinishError::SecretRefused
                }
                BasicErrorResponseType::InvalidGrant => FinishError::CodeRefused,
                _ => FinishError::Refused,
            },
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => FinishError::NotATokenAnswer,
        })
    }

    /// The claims of an ID token that holds in every respect (OpenID Connect Core 3.1.3.7).
    async fn verified(
        &self,
        client: &Client,
        provider: &Discovered,
        id_token: &str,
        nonce: &str,
        now: Timestamp,
    ) -> Result<Map<String, Value>, FinishError> {
        let token = CoreIdToken::from_str(id_token).map_err(|_| FinishError::NotAnIdToken)?;
        let nonce = Nonce::new(nonce.to_owned());
        for anew in [false, true] {
            let Some(keys) = self.directory.keys(provider, anew).await? else { break };
            let verifier = verifier(client, provider, &keys, now)?;
            match token.claims(&verifier, &nonce) {
                Ok(_) => return checked(client, read(id_token)?),
                Err(ClaimsVerificationError::SignatureVerification(
                    SignatureVerificationError::NoMatchingKey | SignatureVerificationError::AmbiguousKeyId(_),
                )) => {}
                Err(error) => return Err(refusal(error)),
            }
        }
        Err(FinishError::UnknownKey)
    }

    async fn userinfo(
        &self,
        address: &str,
        access_token: &str,
        token: &Map<String, Value>,
    ) -> Result<Map<String, Value>, FinishError> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {access_token}"))
            .map_err(|_| FinishError::NotATokenAnswer)?;
        bearer.set_sensitive(true);
        let request = Request::get(address)
            .header(header::AUTHORIZATION, bearer)
            .header(header::ACCEPT, "application/json");
        let request = request.body(Vec::new()).map_err(|_| FinishError::NoUserinfo)?;
        let response = self.outbound.send(request).await.map_err(FinishError::UserinfoUnasked)?;
        if response.status() != StatusCode::OK {
            return Err(FinishError::NoUserinfo);
        }
        let claims: Map<String, Value> =
            serde_json::from_slice(response.body()).map_err(|_| FinishError::NoUserinfo)?;
        // OpenID Connect Core 5.3.2: an access token may have been swapped for another's.
        if claims.get("sub").is_none_or(|subject| Some(subject) != token.get("sub")) {
            return Err(FinishError::OtherSubject);
        }
        Ok(claims)
    }
}

/// For a client without a secret to sign with: a token signed with the client secret is none.
fn verifier(
    client: &Client,
    provider: &Discovered,
    keys: &CoreJsonWebKeySet,
    now: Timestamp,
) -> Result<CoreIdTokenVerifier<'static>, FinishError> {
    let issuer = IssuerUrl::new(client.issuer.clone()).map_err(|_| DiscoveryError::NotAnIssuer)?;
    let algorithms = provider.algorithms.iter().filter_map(|name| {
        serde_json::from_value::<CoreJwsSigningAlgorithm>(Value::String(name.clone())).ok()
    });
    let clock = move || (UNIX_EPOCH + Duration::from_millis(now.plus(-SKEW).0.max(0).unsigned_abs())).into();
    let verifier =
        CoreIdTokenVerifier::new_public_client(ClientId::new(client.client_id.clone()), issuer, keys.clone())
            .set_allowed_algs(algorithms)
            // Further audiences are judged with `azp`, in `checked`.
            .set_other_audience_verifier_fn(|_| true)
            .set_time_fn(clock)
            .set_issue_time_verifier_fn(move |issued| {
                let age = now.since(Timestamp(issued.timestamp_millis()));
                if (-SKEW..=OLDEST).contains(&age) { Ok(()) } else { Err(ISSUED.to_owned()) }
            });
    Ok(verifier)
}

/// Marks our own complaint in the verifier's error.
const ISSUED: &str = "issued";

fn refusal(error: ClaimsVerificationError) -> FinishError {
    use ClaimsVerificationError as Why;
    use SignatureVerificationError as Signature;
    match error {
        Why::Expired(why) if why == ISSUED => FinishError::NotIssuedNow,
        Why::Expired(_) => FinishError::Expired,
        Why::InvalidAudience(_) => FinishError::OtherAudience,
        Why::InvalidIssuer(_) => FinishError::OtherIssuer,
        Why::InvalidNonce(_) => FinishError::OtherSignIn,
        Why::SignatureVerification(
            Signature::DisallowedAlg(_) | Signature::NoSignature | Signature::UnsupportedAlg(_),
        )
        | Why::Unsupported(_) => FinishError::Algorithm,
        Why::SignatureVerification(_) => FinishError::Signature,
        _ => FinishError::NotAnIdToken,
    }
}

/// The claims of a token whose signature holds.
fn read(id_token: &str) -> Result<Map<String, Value>, FinishError> {
    let payload = id_token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    payload.and_then(|json| serde_json::from_slice(&json).ok()).ok_or(FinishError::NotAnIdToken)
}

/// What the verifier leaves open: an exact issuer, further audiences, the authorized party, the subject.
fn checked(client: &Client, token: Map<String, Value>) -> Result<Map<String, Value>, FinishError> {
    if token.get("iss").and_then(Value::as_str) != Some(&client.issuer) {
        return Err(FinishError::OtherIssuer);
    }
    let further = token.get("aud").and_then(Value::as_array).is_some_and(|audiences| audiences.len() > 1);
    match token.get("azp") {
        Some(party) if party.as_str() != Some(&client.client_id) => return Err(FinishError::OtherAudience),
        None if further => return Err(FinishError::OtherAudience),
        _ => {}
    }
    let subject = token.get("sub").and_then(Value::as_str).unwrap_or_default();
    if subject.is_empty() || subject.len() > 255 {
        return Err(FinishError::NoSubject);
    }
    Ok(token)
}

/// `max_age` obliges a provider to say when it asked (OpenID Connect Core 3.1.2.1): one that does not has perhaps not
/// heeded it. Google and Entra are known not to say it.
fn is_stale(flavor: &Flavor, token: &Map<String, Value>, fresh_since: Option<Timestamp>) -> bool {
    let Some(since) = fresh_since else { return false };
    match token.get("auth_time").and_then(moment) {
        Some(proven) => proven.plus(FRESHNESS_SKEW) < since,
        None => *flavor == Flavor::Generic,
    }
}

/// Whether the account is of the Workspace or tenant that was configured (SSO-07, SSO-08).
fn belongs(flavor: &Flavor, claims: &Claims) -> Result<(), FinishError> {
    let is = |claim: &Option<String>, wanted: &str| {
        claim.as_deref().is_some_and(|claim| claim.eq_ignore_ascii_case(wanted))
    };
    match flavor {
        Flavor::Google { hosted_domain: Some(domain) } if !is(&claims.hosted_domain, domain) => {
            Err(FinishError::OtherDomain)
        }
        Flavor::Entra { tenant } if !is(&claims.tenant, tenant) => Err(FinishError::OtherTenant),
        _ => Ok(()),
    }
}
