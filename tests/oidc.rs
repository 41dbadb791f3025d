//! Signing in at OpenID providers, without the pages: a real provider, one that forges, and servers
//! that must not be asked.

mod discovery;
mod forged;
mod outbound;

use std::collections::HashMap;

use interlock::clock::{Clock, MINUTE, Timestamp};
use interlock::config::{Config, Secret};
use interlock::oidc::{Ask, Begun, Claims, Client, FinishError, Flavor, Oidc, Returned};
use interlock::outbound::Outbound;
use serde_json::json;
use url::Url;

use crate::support::provider::{Kind, Provider, TENANT};

const BACK: &str = "http://localhost:3000/sso/callback";
const SECRET: &str = "a secret/with:odd&signs+";
const LOGIN: &str = "mads@halden.example";
const NOW: Timestamp = Timestamp(1_795_338_000_000);

fn settings(given: &[(&str, &str)]) -> Config {
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(None, given).unwrap_or_else(|errors| panic!("{errors}"))
}

/// May ask these origins, which are on this machine.
fn oidc(allow: &str) -> Oidc {
    let config = settings(&[("INTERLOCK_OUTBOUND_ALLOW", allow), ("INTERLOCK_ENTRA_AUTHORITY", allow)]);
    Oidc::new(&config, Outbound::new(&config))
}

fn client(flavor: Flavor, issuer: &str) -> Client {
    Client {
        flavor,
        issuer: issuer.to_owned(),
        client_id: "interlock".to_owned(),
        client_secret: Secret::new(SECRET.to_owned()),
        scopes: Vec::new(),
        redirect_uri: BACK.to_owned(),
    }
}

fn query(url: &str) -> HashMap<String, String> {
    Url::parse(url).expect("an address").query_pairs().into_owned().collect()
}

/// A real provider where our client is registered, and us.
struct Scene {
    provider: Provider,
    oidc: Oidc,
}

impl Scene {
    async fn new() -> Scene {
        let provider = Provider::start().await;
        provider.register("interlock", SECRET, BACK).await;
        let oidc = oidc(provider.origin());
        Scene { provider, oidc }
    }

    fn client(&self, kind: Kind) -> Client {
        let flavor = match kind {
            Kind::Generic => Flavor::Generic,
            Kind::Google => Flavor::Google { hosted_domain: Some("halden.example".to_owned()) },
            Kind::Entra => Flavor::Entra { tenant: TENANT.to_owned() },
        };
        client(flavor, &self.provider.issuer(kind))
    }

    async fn begin(&self, client: &Client) -> Begun {
        self.oidc.begin(client, &Ask::default()).await.expect("the provider is found")
    }

    /// There and back again.
    async fn sign_in(&self, client: &Client, login: &str) -> Result<Claims, FinishError> {
        let begun = self.begin(client).await;
        let back = self.provider.approve(&begun.url, login).await;
        let answer = query(&back);
        assert!(back.starts_with(BACK), "{back}");
        assert_eq!(answer["state"], begun.state);
        self.finish(client, &begun, &answer, None).await
    }

    async fn finish(
        &self,
        client: &Client,
        begun: &Begun,
        answer: &HashMap<String, String>,
        fresh_since: Option<Timestamp>,
    ) -> Result<Claims, FinishError> {
        let returned = Returned {
            code: &answer["code"],
            iss: answer.get("iss").map(String::as_str),
            nonce: &begun.nonce,
            verifier: &begun.verifier,
            fresh_since,
        };
        self.oidc.finish(client, returned, Clock::system().now()).await
    }
}

#[tokio::test]
async fn any_provider_says_who_signed_in() {
    let scene = Scene::new().await;
    let client = scene.client(Kind::Generic);
    scene.provider.claims(LOGIN, json!({ "name": "Mads Holm", "amr": ["pwd", "otp"] })).await;
    let claims = scene.sign_in(&client, LOGIN).await.expect("it holds");
    assert_eq!(
        (claims.issuer.as_str(), claims.subject.as_str()),
        (scene.provider.origin(), "sub-mads@halden.example")
    );
    assert_eq!((claims.email.as_deref(), claims.email_verified), (Some(LOGIN), true));
    assert_eq!(claims.name.as_deref(), Some("Mads Holm"));
    assert!(claims.multi_factor());
    assert_eq!((claims.hosted_domain, claims.tenant, claims.object_id), (None, None, None));
    assert!(claims.all.contains(&("amr".to_owned(), r#"["pwd","otp"]"#.to_owned())), "{:?}", claims.all);
    assert!(claims.all.is_sorted());
    scene.provider.claims(LOGIN, json!({ "sub": "248289761001" })).await;
    assert_eq!(scene.sign_in(&client, LOGIN).await.expect("it holds").subject, "248289761001");

    let begun = scene.begin(&client).await;
    let asked = query(&begun.url);
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "interlock"),
        ("redirect_uri", BACK),
        ("scope", "openid email profile"),
        ("code_challenge_method", "S256"),
        ("state", &begun.state),
        ("nonce", &begun.nonce),
    ] {
        assert_eq!(asked[name], value);
    }
    assert!(begun.state.len() >= 43 && begun.nonce.len() >= 43 && begun.verifier.len() >= 43);
    assert!(!begun.url.contains(&begun.verifier) && !asked.contains_key("prompt"));
}

/// What holds with one library must not hold by its habits: this one is by other hands.
#[tokio::test]
async fn another_librarys_provider_is_understood_too() {
    let provider = Provider::start_other().await;
    let scene = Scene { oidc: oidc(provider.origin()), provider };
    let client = scene.client(Kind::Generic);
    let claims = scene.sign_in(&client, LOGIN).await.expect("it holds");
    assert_eq!((claims.issuer, claims.subject.as_str()), (client.issuer.clone(), "johndoe"));
    let google = Client { flavor: Flavor::Google { hosted_domain: Some("halden.example".into()) }, ..client };
    assert_eq!(scene.sign_in(&google, LOGIN).await.expect_err("refused"), FinishError::OtherDomain);
}

#[tokio::test]
async fn a_google_account_is_of_its_workspace() {
    let scene = Scene::new().await;
    let client = scene.client(Kind::Google);
    let begun = scene.begin(&client).await;
    assert_eq!(query(&begun.url)["hd"], "halden.example");
    let claims = scene.sign_in(&client, LOGIN).await.expect("it holds");
    assert_eq!(claims.hosted_domain.as_deref(), Some("halden.example"));

    // SSO-07: another Workspace, or none, though the email's domain fits.
    for hd in [json!("other.example"), json!("halden.example.other.example"), json!(null), json!("")] {
        scene.provider.claims(LOGIN, json!({ "hd": hd })).await;
        assert_eq!(scene.sign_in(&client, LOGIN).await.expect_err("refused"), FinishError::OtherDomain);
    }
    let anybody = Client { flavor: Flavor::Google { hosted_domain: None }, ..client };
    assert_eq!(scene.sign_in(&anybody, LOGIN).await.expect("it holds").hosted_domain, None);
}

#[tokio::test]
async fn an_entra_account_is_of_its_tenant() {
    let scene = Scene::new().await;
    let client = scene.client(Kind::Entra);
    assert_eq!(scene.oidc.entra_issuer(TENANT), Ok(client.issuer.clone()));
    let claims = scene.sign_in(&client, LOGIN).await.expect("it holds");
    assert_eq!(claims.tenant.as_deref(), Some(TENANT));
    assert_eq!(claims.object_id.as_deref(), Some("oid-mads@halden.example"));
    assert!(!claims.email_verified && !claims.owns_email_domain);
    scene.provider.claims(LOGIN, json!({ "xms_edov": true })).await;
    assert!(scene.sign_in(&client, LOGIN).await.expect("it holds").owns_email_domain);

    // SSO-08
    for tid in [json!("9188040d-6c67-4c5b-b112-36a304b66dad"), json!(null)] {
        scene.provider.claims(LOGIN, json!({ "tid": tid })).await;
        assert_eq!(scene.sign_in(&client, LOGIN).await.expect_err("refused"), FinishError::OtherTenant);
    }
}

#[tokio::test]
async fn what_the_token_lacks_is_asked_at_the_userinfo_endpoint() {
    let scene = Scene::new().await;
    let client = scene.client(Kind::Generic);
    scene.provider.claims_by_userinfo(LOGIN, json!({ "name": "Mads Holm" })).await;
    let claims = scene.sign_in(&client, LOGIN).await.expect("it holds");
    assert_eq!((claims.email.as_deref(), claims.email_verified), (Some(LOGIN), true));
    assert_eq!(claims.name.as_deref(), Some("Mads Holm"));
    assert!(claims.all.contains(&("email".to_owned(), LOGIN.to_owned())), "{:?}", claims.all);
    scene.provider.claims_by_userinfo(LOGIN, json!({ "email_verified": "true", "name": null })).await;
    let claims = scene.sign_in(&client, LOGIN).await.expect("it holds");
    assert_eq!((claims.email.as_deref(), claims.email_verified), (Some(LOGIN), false));
    assert_eq!(claims.name, None);
}

/// SSO-03: a code is nothing without the verifier that its sign-in began with, and works once.
#[tokio::test]
async fn a_code_belongs_to_its_sign_in() {
    let scene = Scene::new().await;
    let client = scene.client(Kind::Generic);
    let (begun, other) = (scene.begin(&client).await, scene.begin(&client).await);
    let approve = async || query(&scene.provider.approve(&begun.url, LOGIN).await);
    let finish = async |begun: &Begun, answer: &HashMap<String, String>| {
        scene.finish(&client, begun, answer, None).await.map(|claims| claims.subject)
    };

    let mixed = Begun { verifier: other.verifier.clone(), ..copy(&begun) };
    assert_eq!(finish(&mixed, &approve().await).await, Err(FinishError::CodeRefused));
    let mixed = Begun { nonce: other.nonce.clone(), ..copy(&begun) };
    assert_eq!(finish(&mixed, &approve().await).await, Err(FinishError::OtherSignIn));
    let answer = approve().await;
    assert!(finish(&begun, &answer).await.is_ok());
    assert_eq!(finish(&begun, &answer).await, Err(FinishError::CodeRefused));
}

/// SSO-04, RFC 9207: an answer of another provider, or of nobody, is not taken.
#[tokio::test]
async fn an_answer_names_its_provider() {
    let scene = Scene::new().await;
    let client = scene.client(Kind::Generic);
    let begun = scene.begin(&client).await;
    let mut answer = query(&scene.provider.approve(&begun.url, LOGIN).await);
    assert_eq!(answer["iss"], client.issuer);
    for other in [Some(scene.provider.issuer(Kind::Google)), Some(format!("{}/", client.issuer)), None] {
        answer.remove("iss");
        answer.extend(other.map(|issuer| ("iss".to_owned(), issuer)));
        let refused = scene.finish(&client, &begun, &answer, None).await.expect_err("refused");
        assert_eq!(refused, FinishError::OtherProvider);
    }
}

#[tokio::test]
async fn a_wrong_secret_is_told_apart() {
    let scene = Scene::new().await;
    let right = scene.client(Kind::Generic);
    let wrong = Client { client_secret: Secret::new("other".to_owned()), ..right.clone() };
    assert_eq!(scene.sign_in(&wrong, LOGIN).await.expect_err("refused"), FinishError::SecretRefused);
    scene.sign_in(&right, LOGIN).await.expect("the right one is taken");
}

#[tokio::test]
async fn a_fresh_sign_in_asks_again() {
    let scene = Scene::new().await;
    let client = scene.client(Kind::Generic);
    let ask = Ask { login_hint: Some(LOGIN.to_owned()), fresh: true };
    let begun = scene.oidc.begin(&client, &ask).await.expect("the provider is found");
    let asked = query(&begun.url);
    assert_eq!((asked["prompt"].as_str(), asked["max_age"].as_str()), ("login", "0"));
    assert_eq!(asked["login_hint"], LOGIN);

    let now = Clock::system().now();
    let mut person = scene.provider.person();
    let answer = query(&person.approve(&begun.url, LOGIN).await);
    let claims = scene.finish(&client, &begun, &answer, Some(now)).await.expect("it is fresh");
    assert!(claims.auth_time.is_some_and(|at| at.since(now).abs() < MINUTE));

    let answer = query(&person.approve(&begun.url, LOGIN).await);
    let later = Some(now.plus(MINUTE));
    let refused = scene.finish(&client, &begun, &answer, later).await.expect_err("refused");
    assert_eq!(refused, FinishError::NotFresh);
}

/// Whoever has one account at Google can choose another there.
#[tokio::test]
async fn a_google_account_is_chosen() {
    let scene = Scene::new().await;
    let client = scene.client(Kind::Google);
    let mut person = scene.provider.person();
    for login in [LOGIN, "mads.private@halden.example"] {
        let begun = scene.begin(&client).await;
        assert_eq!(query(&begun.url)["prompt"], "select_account");
        let answer = query(&person.approve(&begun.url, login).await);
        let claims = scene.finish(&client, &begun, &answer, None).await.expect("it holds");
        assert_eq!(claims.email.as_deref(), Some(login));
    }
    let fresh = Ask { fresh: true, ..Ask::default() };
    let begun = scene.oidc.begin(&client, &fresh).await.expect("the provider is found");
    assert_eq!(query(&begun.url)["prompt"], "login");
}

/// The provider's clock can be set, as an application's can in a test.
#[tokio::test]
async fn tokens_are_judged_by_the_time_that_is_given() {
    let scene = Scene::new().await;
    let client = scene.client(Kind::Generic);
    scene.provider.set_clock(NOW).await;
    let begun = scene.begin(&client).await;
    for (now, judged) in [
        (NOW, Ok(())),
        (NOW.plus(9 * MINUTE), Ok(())),
        (NOW.plus(12 * MINUTE), Err(FinishError::NotIssuedNow)),
        (NOW.plus(120 * MINUTE), Err(FinishError::Expired)),
        (NOW.plus(-2 * MINUTE), Err(FinishError::NotIssuedNow)),
    ] {
        let answer = query(&scene.provider.approve(&begun.url, LOGIN).await);
        let returned = Returned {
            code: &answer["code"],
            iss: Some(&answer["iss"]),
            nonce: &begun.nonce,
            verifier: &begun.verifier,
            fresh_since: None,
        };
        assert_eq!(scene.oidc.finish(&client, returned, now).await.map(|_| ()), judged);
    }
}

fn copy(begun: &Begun) -> Begun {
    Begun {
        url: begun.url.clone(),
        state: begun.state.clone(),
        nonce: begun.nonce.clone(),
        verifier: begun.verifier.clone(),
    }
}
