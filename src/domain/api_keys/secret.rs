//! What a key looks like: its kind, 160 random bits and a checksum, so that a typing error costs no query.

use std::fmt;

use super::Kind;
use crate::secrets::{TokenHash, random_bytes, sha256_hex};

/// Letters and digits that are not taken for one another. A double click selects the whole key.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 160 bits, five to a character.
const RANDOM: usize = 32;
const CHECK: usize = 6;

/// A key as its holder has it. It is shown once; only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

fn check(text: &str) -> String {
    let digest = sha256_hex(text.as_bytes());
    let number = u32::from_str_radix(&digest[..8], 16).unwrap_or_default();
    (0..CHECK).map(|at| char::from(ALPHABET[(number >> (5 * at) & 31) as usize])).collect()
}

impl Secret {
    pub fn generate(kind: Kind) -> Secret {
        let bytes = random_bytes::<RANDOM>();
        // 256 is a multiple of 32: each character is equally likely.
        let random = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
        let text: String = kind.prefix().chars().chain(random).collect();
        let check = check(&text);
        Secret(text + &check)
    }

    /// Takes what came in with a request; anything that we can't have made is `None`.
    pub fn parse(text: &str) -> Option<Secret> {
        let rest = Kind::ALL.into_iter().find_map(|kind| text.strip_prefix(kind.prefix()))?;
        if rest.len() != RANDOM + CHECK || !rest.bytes().all(|byte| ALPHABET.contains(&byte)) {
            return None;
        }
        let (body, found) = text.split_at(text.len() - CHECK);
        (check(body) == found).then(|| Secret(text.to_owned()))
    }

    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// What lists show of it: its kind and its last four characters, which are of the checksum (KEY-01).
    pub fn shown(&self) -> String {
        let prefix = &self.0[..self.0.len() - RANDOM - CHECK];
        format!("{prefix}…{}", &self.0[self.0.len() - 4..])
    }

    /// The key itself, for the one time that it is shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// K4: one wrong character is found without asking anybody.
    #[test]
    fn a_typing_error_is_found() {
        let secret = Secret::generate(Kind::Live);
        let text = secret.expose();
        assert_eq!(Secret::parse(text).as_ref(), Some(&secret));
        assert_ne!(Secret::generate(Kind::Live), secret);
        for kind in Kind::ALL {
            let secret = Secret::generate(kind);
            assert!(Secret::parse(secret.expose()).is_some() && secret.shown().starts_with(kind.prefix()));
        }
        // The kind is part of what the checksum is over.
        assert_eq!(Secret::parse(&text.replace("live", "admin")), None);
        for at in 8..text.len() {
            for other in ["0", "1", "z"].into_iter().filter(|other| &text[at..=at] != *other) {
                let wrong = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                assert_eq!(Secret::parse(&wrong), None, "{at}");
            }
        }
        let (upper, padded, short) = (text.to_uppercase(), format!("{text}="), &text[..text.len() - 1]);
        for wrong in [upper.as_str(), &padded, short, "", "il_live_", "il_live_é"] {
            assert_eq!(Secret::parse(wrong), None, "{wrong}");
        }
        assert!(!format!("{secret:?}{}", secret.shown()).contains(&text[8..40]));
    }
}
