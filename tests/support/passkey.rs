//! A device that keeps a passkey, in software: P-256 and no attestation, as the standard has it (Web
//! Authentication, 6.1 and 6.5). It does what a real one never would, if a test wants that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use interlock::secrets::random_bytes;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Answer, Visitor};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;

#[derive(Clone)]
pub struct Device {
    pub key: SigningKey,
    pub id: Vec<u8>,
    /// Whose passkey it is, as it was told when it made it.
    pub owner: Vec<u8>,
    /// Whether it asks for a fingerprint, a face or a PIN.
    pub verifies: bool,
    /// 0 is a device that does not count.
    pub counter: u32,
    /// Where the browser says it is, and the host that it says the passkey is for.
    pub origin: String,
    pub host: String,
}

impl Device {
    pub fn new() -> Device {
        Device {
            key: SigningKey::from_slice(&random_bytes::<32>()).expect("almost every number is a key"),
            id: random_bytes::<16>().to_vec(),
            owner: Vec::new(),
            verifies: true,
            counter: 0,
            origin: "http://localhost:3000".to_owned(),
            host: "localhost".to_owned(),
        }
    }

    /// What the browser sends back after the device has made a passkey.
    pub fn create(&mut self, options: &Value) -> String {
        self.owner = bytes(&options["user"]["id"]);
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = (point.x().expect("it has an x"), point.y().expect("it has a y"));
        // A COSE key in CBOR: type EC2, algorithm ES256, curve P-256, x and y.
        let key = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..], x, &[0x22, 0x58, 32], y].concat();
        let length = u16::try_from(self.id.len()).expect("an id is short").to_be_bytes();
        let mut data = self.data(HAS_CREDENTIAL);
        data.extend([&[0; 16][..], &length, &self.id, &key].concat());
        let size = u8::try_from(data.len()).expect("it fits a byte");
        let attestation = [&b"\xa3cfmtdnonegattStmt\xa0hauthData\x58"[..], &[size], &data].concat();
        self.credential(json!({
            "clientDataJSON": text(&self.client_data("webauthn.create", options)),
            "attestationObject": text(&attestation),
            "transports": ["internal"],
        }))
    }

    /// What the browser sends back after the device has signed a challenge.
    pub fn sign(&mut self, options: &Value) -> String {
        if self.counter > 0 {
            self.counter += 1;
        }
        let data = self.data(0);
        let client_data = self.client_data("webauthn.get", options);
        let signed = [&data[..], &Sha256::digest(&client_data)].concat();
        let signature: Signature = self.key.sign(&signed);
        self.credential(json!({
            "clientDataJSON": text(&client_data),
            "authenticatorData": text(&data),
            "signature": text(signature.to_der().as_bytes()),
            "userHandle": text(&self.owner),
        }))
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let flags = flags | PRESENT | if self.verifies { VERIFIED } else { 0 };
        [&Sha256::digest(self.host.as_bytes())[..], &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let data = json!({
            "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false,
        });
        data.to_string().into_bytes()
    }

    fn credential(&self, response: Value) -> String {
        let id = text(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform",
            "response": response, "clientExtensionResults": {},
        })
        .to_string()
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().expect("it is a text")).expect("it is base64url")
}

/// A challenge as the script gets it: its id, and the options for the browser.
#[derive(Clone)]
pub struct Challenge {
    pub id: String,
    pub options: Value,
}

impl Visitor {
    /// Asks for a challenge as the script does.
    pub async fn challenge(&mut self, path: &str) -> Challenge {
        let answer = self.post(path, &[]).await.ok();
        assert_eq!(answer.header("content-type"), "application/json");
        let json: Value = serde_json::from_str(&answer.body).expect("it is JSON");
        let id = json["challenge"].as_str().expect("it has an id").to_owned();
        Challenge { id, options: json["options"].clone() }
    }

    /// Adds a passkey, for whoever is stepped up.
    pub async fn add_passkey(&mut self, device: &mut Device, name: &str) -> Answer {
        let challenge = self.challenge("/account/mfa/passkeys/challenge").await;
        let credential = device.create(&challenge.options);
        let fields = [("name", name), ("challenge", &challenge.id), ("credential", &credential)];
        self.post("/account/mfa/passkeys", &fields).await
    }

    /// Signs the challenge of a page that asks for a factor, and sends it to that page.
    pub async fn use_passkey(&mut self, device: &mut Device, page: &str, challenges: &str) -> Answer {
        let challenge = self.challenge(challenges).await;
        let credential = device.sign(&challenge.options);
        let fields = [("with", "passkey"), ("challenge", &challenge.id), ("credential", &credential)];
        self.post(page, &fields).await
    }

    /// Answers the challenge of a half-finished sign-in.
    pub async fn pass_by_passkey(&mut self, device: &mut Device) -> Answer {
        self.use_passkey(device, "/sign-in/challenge", "/sign-in/challenge/passkey").await
    }

    /// Signs in without an address and a password.
    pub async fn sign_in_by_passkey(&mut self, device: &mut Device) -> Answer {
        let challenge = self.challenge("/sign-in/passkey/challenge").await;
        self.answer_sign_in(&challenge, &device.sign(&challenge.options)).await
    }

    pub async fn answer_sign_in(&mut self, challenge: &Challenge, credential: &str) -> Answer {
        let fields = [("challenge", challenge.id.as_str()), ("credential", credential)];
        self.post("/sign-in/passkey", &fields).await
    }
}
