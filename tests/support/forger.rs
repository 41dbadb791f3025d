//! An OpenID provider that misbehaves as a test tells it: wrong documents, forged tokens, answers
//! without an end.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt, channel::Channel};
use interlock::clock::{SECOND, Timestamp};
use openidconnect::PrivateSigningKey;
use openidconnect::core::{CoreHmacKey, CoreJwsSigningAlgorithm};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub const DISCOVERY: &str = "/.well-known/openid-configuration";
pub const KEYS: &str = "/keys";
pub const TOKEN: &str = "/token";
pub const USERINFO: &str = "/userinfo";

/// What an endpoint answers.
#[derive(Clone, Debug)]
pub enum Reply {
    Json(StatusCode, Value),
    /// Anything, with status 200.
    Text(String),
    Redirect(String),
    /// This many bytes, announced.
    Huge(usize),
    /// Bytes without an end, as fast as they are taken.
    Endless,
    /// The head of an answer, and then nothing.
    Stalled,
    /// Nothing at all.
    Silent,
}

impl Reply {
    pub fn ok(value: Value) -> Reply {
        Reply::Json(StatusCode::OK, value)
    }
}

#[derive(Default)]
struct Plan {
    replies: HashMap<String, Reply>,
    asked: BTreeMap<String, Vec<Asked>>,
}

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Asked {
    pub authorization: Option<String>,
    pub body: String,
}

pub struct Forger {
    pub url: String,
    plan: Arc<Mutex<Plan>>,
    server: JoinHandle<()>,
}

impl Drop for Forger {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Forger {
    /// Behaves well until it is told otherwise, and knows the key [`key`] as `k1`.
    pub async fn start() -> Forger {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound address"));
        let plan = Arc::new(Mutex::new(Plan::default()));
        let router = Router::new().fallback(answer).with_state(plan.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        let forger = Forger { url, plan, server };
        forger.reply(DISCOVERY, Reply::ok(forger.document()));
        forger.reply(KEYS, Reply::ok(json!({ "keys": [jwk("k1", &key(1))] })));
        forger
    }

    /// What a well-behaved provider publishes.
    pub fn document(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}{TOKEN}"),
            "jwks_uri": format!("{url}{KEYS}"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "RS256", "HS256", "none"],
        })
    }

    pub fn reply(&self, path: &str, reply: Reply) {
        self.plan().replies.insert(path.to_owned(), reply);
    }

    /// The next codes are exchanged for this ID token.
    pub fn issue(&self, id_token: &str) {
        let answer = json!({ "access_token": "at", "token_type": "Bearer", "id_token": id_token });
        self.reply(TOKEN, Reply::ok(answer));
    }

    /// One code is exchanged for this ID token.
    pub fn issue_for(&self, code: &str, id_token: &str) {
        let answer = json!({ "access_token": "at", "token_type": "Bearer", "id_token": id_token });
        self.reply(&format!("{TOKEN} {code}"), Reply::ok(answer));
    }

    /// Claims that hold, for a sign-in with this nonce.
    pub fn claims(&self, client_id: &str, nonce: &str, now: Timestamp) -> Value {
        let now = now.0 / SECOND;
        json!({
            "iss": self.url, "sub": "s1", "aud": client_id, "nonce": nonce, "iat": now, "exp": now + 300,
            "auth_time": now,
            "email": "mads@halden.example", "email_verified": true,
        })
    }

    /// What was asked of an endpoint so far.
    pub fn asked(&self, path: &str) -> Vec<Asked> {
        self.plan().asked.get(path).cloned().unwrap_or_default()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().expect("no request panicked")
    }
}

/// One of several keys, the same in each run.
pub fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).expect("a small number is a key")
}

pub fn jwk(kid: &str, key: &SigningKey) -> Value {
    let point = key.verifying_key().to_sec1_point(false);
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
        "x": part(&point.as_bytes()[1..33]), "y": part(&point.as_bytes()[33..]),
    })
}

/// A token as it should be: ES256 by the published key.
pub fn signed(claims: &Value) -> String {
    signed_by(&json!({ "alg": "ES256", "kid": "k1", "typ": "JWT" }), claims, &key(1))
}

/// An ES256 signature under whatever header.
pub fn signed_by(header: &Value, claims: &Value, key: &SigningKey) -> String {
    let input = input(header, claims);
    let signature: Signature = key.sign(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// An HS256 "signature" with bytes that others know too.
pub fn signed_with_secret(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let input = input(header, claims);
    let signature = CoreHmacKey::new(secret).sign(&CoreJwsSigningAlgorithm::HmacSha256, input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.expect("any bytes are a secret")))
}

pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.", input(header, claims))
}

fn input(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

async fn answer(State(plan): State<Arc<Mutex<Plan>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let authorization = request.headers().get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let code = url::form_urlencoded::parse(&body)
        .find(|(name, _)| name == "code")
        .map(|(_, code)| code.into_owned());
    let own = format!("{path} {}", code.unwrap_or_default());
    let asked = Asked { authorization, body: String::from_utf8_lossy(&body).into_owned() };
    let reply = {
        let mut plan = plan.lock().expect("no request panicked");
        plan.asked.entry(path.clone()).or_default().push(asked);
        plan.replies.get(&own).or_else(|| plan.replies.get(&path)).cloned()
    };
    let json = [(header::CONTENT_TYPE, "application/json")];
    match reply {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Reply::Json(status, value)) => (status, json, value.to_string()).into_response(),
        Some(Reply::Text(text)) => (json, text).into_response(),
        Some(Reply::Redirect(to)) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Some(Reply::Huge(size)) => (json, vec![b' '; size]).into_response(),
        Some(Reply::Endless) => (json, streaming(true)).into_response(),
        Some(Reply::Stalled) => (json, streaming(false)).into_response(),
        Some(Reply::Silent) => std::future::pending().await,
    }
}

/// A body that goes on until nobody takes it, or stops in the middle and stays open.
fn streaming(on: bool) -> Body {
    let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(async move {
        while sender.send_data(Bytes::from_static(&[b' '; 8192])).await.is_ok() {
            if !on {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        }
    });
    Body::new(body)
}
