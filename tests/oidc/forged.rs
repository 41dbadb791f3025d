//! Tokens that a provider, or whoever stands in for it, must not get through with.

use axum::http::StatusCode;
use interlock::clock::{MINUTE, SECOND, Timestamp};
use interlock::oidc::{Ask, Begun, Claims, Client, DiscoveryError, FinishError, Flavor, Oidc, Returned};
use serde_json::{Value, json};

use super::{NOW, SECRET, client, oidc};
use crate::support::forger::{
    self, Forger, KEYS, Reply, TOKEN, USERINFO, jwk, key, signed, signed_by, signed_with_secret, unsigned,
};

struct Scene {
    forger: Forger,
    oidc: Oidc,
    client: Client,
    begun: Begun,
}

impl Scene {
    async fn new() -> Scene {
        let forger = Forger::start().await;
        Scene::at(forger).await
    }

    async fn at(forger: Forger) -> Scene {
        let oidc = oidc(&forger.url);
        let client = client(Flavor::Generic, &forger.url);
        let begun = oidc.begin(&client, &Ask::default()).await.expect("the provider is found");
        Scene { forger, oidc, client, begun }
    }

    /// Claims that hold, changed: null takes one away.
    fn claims(&self, changes: Value) -> Value {
        let mut claims = self.forger.claims("interlock", &self.begun.nonce, NOW);
        for (name, value) in changes.as_object().expect("changes are an object") {
            match value {
                Value::Null => claims.as_object_mut().expect("an object").remove(name),
                value => claims.as_object_mut().expect("an object").insert(name.clone(), value.clone()),
            };
        }
        claims
    }

    async fn finish(&self) -> Result<Claims, FinishError> {
        self.finish_fresh(None).await
    }

    async fn finish_fresh(&self, fresh_since: Option<Timestamp>) -> Result<Claims, FinishError> {
        let returned = Returned {
            code: "c",
            iss: None,
            nonce: &self.begun.nonce,
            verifier: &self.begun.verifier,
            fresh_since,
        };
        self.oidc.finish(&self.client, returned, NOW).await
    }

    async fn with(&self, id_token: &str) -> Result<Claims, FinishError> {
        self.forger.issue(id_token);
        self.finish().await
    }

    async fn refuses(&self, id_token: &str, why: FinishError) {
        let refused = self.with(id_token).await.err();
        assert_eq!(refused, Some(why), "{id_token}");
    }

    async fn refuses_claims(&self, changes: Value, why: FinishError) {
        let refused = self.with(&signed(&self.claims(changes.clone()))).await.err();
        assert_eq!(refused, Some(why), "{changes}");
    }
}

/// The algorithm is ours to choose, and a public key is no secret (ASVS 9.1.2).
#[tokio::test]
async fn signatures_are_the_providers() {
    let scene = Scene::new().await;
    let claims = scene.claims(json!({}));
    assert!(scene.with(&signed(&claims)).await.is_ok());

    for alg in ["none", "None", "NONE", ""] {
        let token = unsigned(&json!({ "alg": alg, "kid": "k1" }), &claims);
        let why = if alg == "none" { FinishError::Algorithm } else { FinishError::NotAnIdToken };
        scene.refuses(&token, why).await;
    }
    let public = jwk("k1", &key(1)).to_string();
    for secret in [SECRET, &public] {
        let header = json!({ "alg": "HS256", "kid": "k1" });
        scene.refuses(&signed_with_secret(&header, &claims, secret.as_bytes()), FinishError::Algorithm).await;
        // The same bytes under the name of the key's algorithm.
        let header = json!({ "alg": "ES256", "kid": "k1" });
        scene.refuses(&signed_with_secret(&header, &claims, secret.as_bytes()), FinishError::Signature).await;
    }
    let es256 = json!({ "alg": "ES256", "kid": "k1" });
    scene.refuses(&signed_by(&es256, &claims, &key(2)), FinishError::Signature).await;
    let token = signed(&claims);
    let (head, signature) = token.rsplit_once('.').expect("a token has parts");
    let other = signed(&scene.claims(json!({ "sub": "s2" })));
    let (other_head, _) = other.rsplit_once('.').expect("a token has parts");
    scene.refuses(&format!("{other_head}.{signature}"), FinishError::Signature).await;
    scene.refuses(&format!("{head}."), FinishError::Signature).await;
    for broken in ["", "a.b", "a.b.c", &format!("{token}.x"), &token[1..]] {
        scene.refuses(broken, FinishError::NotAnIdToken).await;
    }
    // RS256 is accepted, but there is no such key; an encrypted or critical token is not understood.
    let rs256 = json!({ "alg": "RS256", "kid": "k1" });
    scene.refuses(&signed_by(&rs256, &claims, &key(1)), FinishError::UnknownKey).await;
    let critical = json!({ "alg": "ES256", "kid": "k1", "crit": ["exp"] });
    scene.refuses(&signed_by(&critical, &claims, &key(1)), FinishError::Algorithm).await;
    let access = json!({ "alg": "ES256", "kid": "k1", "typ": "at+jwt" });
    scene.refuses(&signed_by(&access, &claims, &key(1)), FinishError::Algorithm).await;
    // A key that came with the token.
    let own = json!({ "alg": "ES256", "kid": "k2", "jwk": jwk("k2", &key(2)) });
    scene.refuses(&signed_by(&own, &claims, &key(2)), FinishError::UnknownKey).await;
}

/// S12, OpenID Connect Core 3.1.2.1: whoever was asked for a fresh proof says when there was one, but for Google and
/// Entra, which don't by themselves.
#[tokio::test]
async fn a_fresh_proof_says_when_it_was() {
    let mut scene = Scene::new().await;
    let now = NOW.0 / SECOND;
    for (auth_time, flavor, fresh) in [
        (json!(now), Flavor::Generic, true),
        (json!(now - 60), Flavor::Generic, false),
        (json!(null), Flavor::Generic, false),
        (json!(null), Flavor::Google { hosted_domain: None }, true),
        (json!(now - 60), Flavor::Google { hosted_domain: None }, false),
    ] {
        let said = format!("{auth_time} {flavor:?}");
        scene.client.flavor = flavor;
        scene.forger.issue(&signed(&scene.claims(json!({ "auth_time": auth_time }))));
        let refused = scene.finish_fresh(Some(NOW)).await.err();
        assert_eq!(refused, (!fresh).then_some(FinishError::NotFresh), "{said}");
        assert!(scene.finish().await.is_ok(), "{said}: a sign-in needs no fresh one");
        assert!(scene.finish_fresh(Some(NOW.plus(-2 * MINUTE))).await.is_ok() || !fresh, "{said}");
    }
}

/// A provider can't make every signature be tried with keys without number.
#[tokio::test]
async fn keys_without_number_are_refused() {
    let scene = Scene::new().await;
    let keys = |number: usize| (0..number).map(|n| jwk(&format!("k{}", n + 1), &key(1))).collect::<Vec<_>>();
    scene.forger.reply(KEYS, Reply::ok(json!({ "keys": keys(51) })));
    scene.refuses(&signed(&scene.claims(json!({}))), DiscoveryError::TooManyKeys.into()).await;
    scene.forger.reply(KEYS, Reply::ok(json!({ "keys": keys(50) })));
    assert!(scene.with(&signed(&scene.claims(json!({})))).await.is_ok());
}

#[tokio::test]
async fn claims_are_for_us_and_now() {
    let scene = Scene::new().await;
    let now = NOW.0 / SECOND;
    let url = &scene.forger.url;
    for issuer in [json!(format!("{url}/")), json!("https://accounts.google.com")] {
        scene.refuses_claims(json!({ "iss": issuer }), FinishError::OtherIssuer).await;
    }
    for (changes, accepted) in [
        (json!({ "aud": ["interlock"] }), true),
        (json!({ "azp": "interlock" }), true),
        (json!({ "aud": ["other", "interlock"], "azp": "interlock" }), true),
        (json!({ "aud": "other" }), false),
        (json!({ "aud": [] }), false),
        (json!({ "aud": null }), false),
        (json!({ "aud": ["other"], "azp": "interlock" }), false),
        (json!({ "aud": ["interlock", "other"] }), false),
        (json!({ "aud": ["interlock", "other"], "azp": "other" }), false),
        (json!({ "azp": "other" }), false),
        (json!({ "azp": "" }), false),
    ] {
        if accepted {
            assert!(scene.with(&signed(&scene.claims(changes.clone()))).await.is_ok(), "{changes}");
        } else {
            scene.refuses_claims(changes, FinishError::OtherAudience).await;
        }
    }
    for nonce in [json!("other"), json!(null), json!("")] {
        scene.refuses_claims(json!({ "nonce": nonce }), FinishError::OtherSignIn).await;
    }
    scene.refuses_claims(json!({ "exp": now - 60 }), FinishError::Expired).await;
    scene.refuses_claims(json!({ "exp": 0 }), FinishError::Expired).await;
    scene.refuses_claims(json!({ "iat": now + 61 }), FinishError::NotIssuedNow).await;
    scene.refuses_claims(json!({ "iat": now - 601 }), FinishError::NotIssuedNow).await;
    assert!(scene.with(&signed(&scene.claims(json!({ "exp": now - 59, "iat": now + 60 })))).await.is_ok());
    for missing in ["iss", "exp", "iat", "sub"] {
        scene.refuses_claims(json!({ missing: null }), FinishError::NotAnIdToken).await;
    }
    scene.refuses_claims(json!({ "sub": "" }), FinishError::NoSubject).await;
    scene.refuses_claims(json!({ "sub": "s".repeat(256) }), FinishError::NoSubject).await;
}

/// SSO-05, and other claims of an odd shape.
#[tokio::test]
async fn odd_claims_assert_nothing_and_break_nothing() {
    let scene = Scene::new().await;
    for said in [json!("true"), json!("yes"), json!(false), json!(null)] {
        match scene.with(&signed(&scene.claims(json!({ "email_verified": said })))).await {
            Ok(claims) => assert!(!claims.email_verified, "{said}"),
            Err(error) => assert_eq!((error, &said), (FinishError::NotAnIdToken, &json!("yes"))),
        }
    }
    let claims =
        json!({ "amr": ["pwd"], "acr": "0", "groups": [{ "a": 1 }], "hd": 7, "tid": ["x"], "name": "" });
    let claims = scene.with(&signed(&scene.claims(claims))).await.expect("it holds");
    assert_eq!((&claims.hosted_domain, &claims.tenant, &claims.name), (&None, &None, &None));
    assert!(!claims.multi_factor());
}

/// Keys change: those that a token names are looked for once more, but not all the time.
#[tokio::test]
async fn new_keys_are_found_and_unknown_ones_do_not_make_us_ask() {
    let scene = Scene::new().await;
    let claims = scene.claims(json!({}));
    let by = |kid: &str, number: u8| signed_by(&json!({ "alg": "ES256", "kid": kid }), &claims, &key(number));
    let asked = || scene.forger.asked(KEYS).len();
    for _ in 0..3 {
        assert!(scene.with(&by("k1", 1)).await.is_ok());
    }
    assert_eq!(asked(), 1);
    scene.forger.reply(KEYS, Reply::ok(json!({ "keys": [jwk("k2", &key(2)), { "kty": "new" }] })));
    assert!(scene.with(&by("k2", 2)).await.is_ok());
    assert_eq!(asked(), 2);
    // The old one is no longer published, and others never were.
    for (kid, number) in [("k1", 1), ("k3", 2), ("k4", 2), ("k5", 2)] {
        scene.refuses(&by(kid, number), FinishError::UnknownKey).await;
    }
    assert_eq!(asked(), 2);
    // Without a name the only key that fits is taken; with two it is not guessed.
    let nameless = signed_by(&json!({ "alg": "ES256" }), &claims, &key(2));
    assert!(scene.with(&nameless).await.is_ok());
}

#[tokio::test]
async fn entra_tokens_are_of_the_tenant() {
    let forger = Forger::start().await;
    let tenant = crate::support::provider::TENANT;
    let issuer = format!("{}/{tenant}/v2.0", forger.url);
    let mut document = forger.document();
    document["issuer"] = json!(issuer);
    forger.reply(&format!("/{tenant}/v2.0{}", forger::DISCOVERY), Reply::ok(document));
    let mut scene = Scene::at(forger).await;
    scene.client = client(Flavor::Entra { tenant: tenant.to_owned() }, &issuer);
    let token = |tid: Value| signed(&scene.claims(json!({ "iss": issuer, "tid": tid })));
    assert!(scene.with(&token(json!(tenant))).await.is_ok());
    for other in [json!("9188040d-6c67-4c5b-b112-36a304b66dad"), json!(null), json!("")] {
        scene.refuses(&token(other), FinishError::OtherTenant).await;
    }
    let shared = json!({ "iss": scene.forger.url, "tid": tenant });
    scene.refuses_claims(shared, FinishError::OtherIssuer).await;
}

#[tokio::test]
async fn the_token_endpoints_refusals_are_told_apart() {
    let scene = Scene::new().await;
    let refusal = |status, error: &str| {
        let html = "<script>alert(1)</script>";
        Reply::Json(status, json!({ "error": error, "error_description": html }))
    };
    for (reply, why) in [
        (refusal(StatusCode::UNAUTHORIZED, "invalid_client"), FinishError::SecretRefused),
        (refusal(StatusCode::BAD_REQUEST, "unauthorized_client"), FinishError::SecretRefused),
        (refusal(StatusCode::BAD_REQUEST, "invalid_grant"), FinishError::CodeRefused),
        (refusal(StatusCode::BAD_REQUEST, "<b>"), FinishError::Refused),
        (refusal(StatusCode::INTERNAL_SERVER_ERROR, "server_error"), FinishError::Refused),
        (Reply::Text("<html>".to_owned()), FinishError::NotATokenAnswer),
        (Reply::ok(json!({ "access_token": "at", "token_type": "Bearer" })), FinishError::NoIdToken),
        (Reply::ok(json!({ "id_token": signed(&scene.claims(json!({}))) })), FinishError::NotATokenAnswer),
    ] {
        scene.forger.reply(TOKEN, reply);
        let error = scene.finish().await.expect_err("refused");
        assert!(!error.to_string().contains('<'), "{error}");
        assert_eq!(error, why);
    }
}

/// By what the document says; header by default.
#[tokio::test]
async fn the_secret_goes_where_the_provider_wants_it() {
    for (ways, in_body) in [
        (json!(null), false),
        (json!(["client_secret_basic"]), false),
        (json!(["client_secret_post", "client_secret_basic"]), false),
        (json!(["client_secret_post"]), true),
        (json!(["private_key_jwt"]), false),
    ] {
        let forger = Forger::start().await;
        let mut document = forger.document();
        document["token_endpoint_auth_methods_supported"] = ways.clone();
        forger.reply(forger::DISCOVERY, Reply::ok(document));
        let scene = Scene::at(forger).await;
        scene.with(&signed(&scene.claims(json!({})))).await.expect("it holds");
        let asked = scene.forger.asked(TOKEN).remove(0);
        assert_eq!(asked.authorization.is_none(), in_body, "{ways}");
        assert_eq!(asked.body.contains("client_secret="), in_body, "{ways}");
        assert!(asked.body.contains(&format!("code_verifier={}", scene.begun.verifier)));
    }
}

#[tokio::test]
async fn userinfo_is_of_the_tokens_subject() {
    let forger = Forger::start().await;
    let mut document = forger.document();
    document["userinfo_endpoint"] = json!(format!("{}{USERINFO}", forger.url));
    forger.reply(forger::DISCOVERY, Reply::ok(document));
    let scene = Scene::at(forger).await;
    scene.forger.issue(&signed(&scene.claims(json!({ "email": null, "email_verified": true }))));
    let said = |sub: Value| json!({ "sub": sub, "email": "mads@halden.example", "name": "Mads" });

    scene.forger.reply(USERINFO, Reply::ok(said(json!("s1"))));
    let claims = scene.finish().await.expect("it holds");
    assert_eq!(
        (claims.email.as_deref(), claims.name.as_deref()),
        (Some("mads@halden.example"), Some("Mads"))
    );
    // Who gives the email says whether it is verified.
    assert!(!claims.email_verified);
    assert_eq!(scene.forger.asked(USERINFO)[0].authorization.as_deref(), Some("Bearer at"));
    for sub in [json!("s2"), json!(null), json!(["s1"])] {
        scene.forger.reply(USERINFO, Reply::ok(said(sub)));
        assert_eq!(scene.finish().await.expect_err("refused"), FinishError::OtherSubject);
    }
    for reply in [Reply::Text("[]".to_owned()), Reply::Json(StatusCode::FORBIDDEN, said(json!("s1")))] {
        scene.forger.reply(USERINFO, reply);
        assert_eq!(scene.finish().await.expect_err("refused"), FinishError::NoUserinfo);
    }
    // A token that has an email is enough.
    let asked = scene.forger.asked(USERINFO).len();
    assert!(scene.with(&signed(&scene.claims(json!({})))).await.is_ok());
    assert_eq!(scene.forger.asked(USERINFO).len(), asked);
}
