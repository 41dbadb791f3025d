//! Random tokens, their hashes, and sealing at rest.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

/// Bytes from the operating system's generator. A machine without one can't keep a secret, so this
/// panics rather than goes on.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Sha256::digest(bytes);
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// A secret that a link or a cookie carries: 256 random bits. Only its hash is stored (ASVS 6.4.1, 11.5.1).
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// The hash of a [`Token`]. With 256 random bits behind it a plain SHA-256 is enough, and looking
/// it up by an index compares nothing that an attacker can time (ASVS 11.2.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct TokenHash(String);

impl Token {
    pub fn generate() -> Token {
        Token(URL_SAFE_NO_PAD.encode(random_bytes::<32>()))
    }

    /// Takes what came in from a link or a cookie; anything that we can't have made is `None`.
    pub fn parse(text: &str) -> Option<Token> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == 32).then(|| Token(text.to_owned()))
    }

    pub fn hash(&self) -> TokenHash {
        TokenHash(sha256_hex(self.0.as_bytes()))
    }

    /// The token itself, for the one link or cookie that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl TokenHash {
    /// As it stands in tables.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The hash of a secret that is no [`Token`], such as another library's session id.
    pub fn of(secret: &str) -> TokenHash {
        TokenHash(sha256_hex(secret.as_bytes()))
    }
}

/// `count` random decimal digits, each equally likely.
pub fn random_digits(count: usize) -> String {
    let mut digits = String::with_capacity(count);
    while digits.len() < count {
        let [byte] = random_bytes::<1>();
        // 250 is the largest multiple of ten in a byte: beyond it some digits would be likelier.
        if byte < 250 {
            digits.push(char::from(b'0' + byte % 10));
        }
    }
    digits
}

/// Seals secrets at rest with XChaCha20-Poly1305. A sealed text names its format and key, and is
/// bound to its place: moved to another row or column it does not open (ASVS 11.3.3).
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    key_name: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the sealed text was made with the key {0}, which is not the one in force")]
    OtherKey(String),
    #[error("the sealed text is damaged or stands in another place than it was made for")]
    Damaged,
}

impl Sealer {
    pub fn new(key: &[u8; 32]) -> Sealer {
        let mut named = b"interlock sealing key name:".to_vec();
        named.extend_from_slice(key);
        Sealer { cipher: XChaCha20Poly1305::new(key.into()), key_name: sha256_hex(&named)[..8].to_owned() }
    }

    /// Opens the key file.
    pub fn open_file(path: &Path) -> io::Result<Sealer> {
        let text = fs::read_to_string(path)?;
        match URL_SAFE_NO_PAD.decode(text.trim()).ok().and_then(|key| key.try_into().ok()) {
            Some(key) => Ok(Sealer::new(&key)),
            None => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} does not hold a sealing key of 32 bytes", path.display()),
            )),
        }
    }

    /// Opens the key file, or makes one that only its owner may read.
    pub fn from_file(path: &Path) -> io::Result<Sealer> {
        match Sealer::open_file(path) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                let key = random_bytes::<32>();
                let mut options = fs::OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut file = options.open(path)?;
                file.write_all(URL_SAFE_NO_PAD.encode(key).as_bytes())?;
                file.sync_all()?;
                Ok(Sealer::new(&key))
            }
            opened => opened,
        }
    }

    /// `place` says where the sealed text will stand: table, column and row.
    pub fn seal(&self, place: &str, plain: &[u8]) -> String {
        let nonce = random_bytes::<24>();
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: place.as_bytes() })
            .expect("sealing fits in memory");
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        format!("x1.{}.{}", self.key_name, URL_SAFE_NO_PAD.encode(bytes))
    }

    pub fn open(&self, place: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        let mut parts = sealed.splitn(3, '.');
        let (Some("x1"), Some(key_name), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SealError::Damaged);
        };
        if key_name != self.key_name {
            return Err(SealError::OtherKey(key_name.to_owned()));
        }
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| SealError::Damaged)?;
        let (nonce, message) = bytes.split_first_chunk::<24>().ok_or(SealError::Damaged)?;
        self.cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: message, aad: place.as_bytes() })
            .map_err(|_| SealError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_hide_in_debug() {
        let (one, other) = (Token::generate(), Token::generate());
        assert_ne!(one.hash(), other.hash());
        assert!(!format!("{one:?}").contains(one.expose()));
        assert_eq!(Token::parse(one.expose()), Some(one));
        assert_eq!(Token::parse("short"), None);
    }

    /// ASVS 11.3.3: a sealed text opens only in its own place and with its own key.
    #[test]
    fn a_sealed_text_is_bound_to_its_place_and_key() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal("outbox.body:1", b"secret");
        assert_eq!(sealer.open("outbox.body:1", &sealed).ok(), Some(b"secret".to_vec()));
        assert!(matches!(sealer.open("outbox.body:2", &sealed), Err(SealError::Damaged)));
        let other = Sealer::new(&[8; 32]);
        assert!(matches!(other.open("outbox.body:1", &sealed), Err(SealError::OtherKey(_))));
        assert!(matches!(sealer.open("outbox.body:1", "x1.nonsense"), Err(SealError::Damaged)));
    }

    #[test]
    fn digits_are_all_used() {
        let digits = random_digits(2_000);
        assert_eq!(digits.len(), 2_000);
        assert!(('0'..='9').all(|digit| digits.contains(digit)));
    }
}
