//! What a provider publishes, and what is said of it when that is no good.

use std::time::Instant;

use axum::http::StatusCode;
use interlock::oidc::{Ask, Client, DiscoveryError, Flavor};
use interlock::outbound::OutboundError;
use serde_json::{Value, json};

use super::{client, oidc};
use crate::support::forger::{DISCOVERY, Forger, Reply};

#[tokio::test]
async fn it_says_what_it_found_and_remembers_it() {
    let forger = Forger::start().await;
    let oidc = oidc(&forger.url);
    let found = oidc.discover(&forger.url, false).await.expect("it is found");
    assert_eq!(found.issuer, forger.url);
    assert_eq!(found.token_endpoint, format!("{}/token", forger.url));
    // Neither `none` nor a shared secret is a signature.
    assert_eq!(found.algorithms, ["ES256", "RS256"]);
    assert_eq!((found.userinfo_endpoint, found.names_itself, found.secret_in_body), (None, false, false));
    oidc.discover(&forger.url, false).await.expect("it is remembered");
    assert_eq!(forger.asked(DISCOVERY).len(), 1);
    oidc.discover(&forger.url, true).await.expect("it is found");
    assert_eq!(forger.asked(DISCOVERY).len(), 2);
}

#[tokio::test]
async fn each_failure_has_its_sentence() {
    let forger = Forger::start().await;
    let url = forger.url.clone();
    let oidc = oidc(&url);
    let address = format!("{url}{DISCOVERY}");
    let with = |name: &str, value: Value| {
        let mut document = forger.document();
        document[name] = value;
        Reply::ok(document)
    };
    let wrong = |found: &str| DiscoveryError::WrongIssuer { asked: url.clone(), found: found.to_owned() };
    let endpoint = |which, why| DiscoveryError::Endpoint { which, why };
    let html = "<script>alert(1)</script>";
    for (reply, why) in [
        (Reply::Json(StatusCode::NOT_FOUND, json!({})), DiscoveryError::NotFound(address.clone())),
        (
            Reply::Json(StatusCode::BAD_GATEWAY, json!({})),
            DiscoveryError::Status { address: address.clone(), status: 502 },
        ),
        (Reply::Text(html.to_owned()), DiscoveryError::NotADocument),
        (Reply::ok(json!([])), DiscoveryError::NotADocument),
        (with("token_endpoint", json!(null)), DiscoveryError::NotADocument),
        (with("issuer", json!(format!("{url}/"))), wrong(&format!("{url}/"))),
        (with("issuer", json!("https://evil.example")), wrong("https://evil.example")),
        (with("issuer", json!(format!("https://a.example/{html}"))), wrong("something that is no address")),
        (
            with("token_endpoint", json!("http://a.example/token")),
            endpoint("token endpoint", OutboundError::NotHttps),
        ),
        (
            with("authorization_endpoint", json!("javascript:alert(1)")),
            endpoint("authorization endpoint", OutboundError::NotHttps),
        ),
        (
            with("jwks_uri", json!("https://169.254.169.254/")),
            endpoint("address of the keys", OutboundError::Private),
        ),
        (
            with("userinfo_endpoint", json!("https://a:b@c.example/")),
            endpoint("userinfo endpoint", OutboundError::Credentials),
        ),
        (
            with("id_token_signing_alg_values_supported", json!(["HS256", "none"])),
            DiscoveryError::NoAlgorithm,
        ),
        (Reply::Redirect("https://a.example/".to_owned()), OutboundError::Redirected.into()),
        (Reply::Huge(1_000_001), OutboundError::TooLarge.into()),
        (Reply::Endless, OutboundError::TooLarge.into()),
    ] {
        forger.reply(DISCOVERY, reply.clone());
        let error = oidc.discover(&url, false).await.expect_err("it is refused");
        let sentence = error.to_string();
        assert!(sentence.ends_with('.') || sentence.ends_with("EdDSA"), "{sentence}");
        assert!(!sentence.contains('<'), "{sentence}");
        assert_eq!(error, why, "{reply:?}");
    }
    let error = oidc.discover("https://a.example?x", false).await.expect_err("no issuer");
    assert_eq!(error, DiscoveryError::NotAnIssuer);
    // Nothing of that is remembered.
    forger.reply(DISCOVERY, Reply::ok(forger.document()));
    assert!(oidc.discover(&url, false).await.is_ok());
}

/// SSO-14, SRF-03: whoever waits for a provider that hangs does not wait long.
#[tokio::test]
async fn slow_answers_are_cut_off() {
    for reply in [Reply::Silent, Reply::Stalled] {
        let forger = Forger::start().await;
        forger.reply(DISCOVERY, reply);
        let before = Instant::now();
        let error = oidc(&forger.url).discover(&forger.url, false).await.expect_err("it is cut off");
        assert_eq!(error, OutboundError::TimedOut.into());
        assert_eq!(
            error.to_string(),
            "The provider could not be asked. The server did not answer within 5 seconds."
        );
        assert!((4..8).contains(&before.elapsed().as_secs()), "{:?}", before.elapsed());
    }
    let oidc = oidc("http://127.0.0.1:1");
    let error = oidc.discover("http://127.0.0.1:1", false).await.expect_err("nothing listens");
    assert_eq!(error, OutboundError::Unreachable.into());
}

/// SSO-08: a tenant that everyone shares is none.
#[tokio::test]
async fn a_tenant_is_one_organizations() {
    let forger = Forger::start().await;
    let oidc = oidc(&forger.url);
    for (tenant, why) in [
        ("common", DiscoveryError::SharedTenant),
        ("Organizations", DiscoveryError::SharedTenant),
        ("consumers", DiscoveryError::SharedTenant),
        ("9188040D-6c67-4c5b-b112-36a304b66dad", DiscoveryError::SharedTenant),
        ("halden.onmicrosoft.com", DiscoveryError::NotATenant),
        ("../common", DiscoveryError::NotATenant),
        ("72f988bf86f141af91ab2d7cd011db47", DiscoveryError::NotATenant),
        ("", DiscoveryError::NotATenant),
    ] {
        assert_eq!(oidc.entra_issuer(tenant), Err(why.clone()));
        let client = Client {
            issuer: format!("{}/{tenant}/v2.0", forger.url),
            ..client(Flavor::Entra { tenant: tenant.to_owned() }, "")
        };
        let begun = oidc.begin(&client, &Ask::default()).await;
        assert_eq!(begun.err(), Some(why));
    }
    // An issuer that is not the tenant's.
    let tenant = crate::support::provider::TENANT.to_owned();
    let client = client(Flavor::Entra { tenant }, &forger.url);
    let begun = oidc.begin(&client, &Ask::default()).await;
    assert_eq!(begun.err(), Some(DiscoveryError::NotATenant));
    assert!(forger.asked(DISCOVERY).is_empty());
}
