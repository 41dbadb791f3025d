//! What is typed of a client at a provider.

use std::fmt;
use std::str::FromStr;

use crate::config::Secret;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    #[error("Enter the client ID that your provider gave you.")]
    NoClientId,
    #[error("Enter the client secret that your provider gave you.")]
    NoSecret,
    /// The one that is there is the old provider's, and would go to the new one (SSO-16).
    #[error("Type the client secret of the new provider: the one that is kept here is the old one's.")]
    OldSecret,
    #[error("Enter the issuer URL of your provider.")]
    NoIssuer,
    #[error("This is too long. It can have at most {0} characters.")]
    TooLong(usize),
    #[error("This holds a blank or a character that none has. Copy it again, without what is around it.")]
    Blank,
    #[error("Separate scopes by spaces. A scope has letters, digits and signs, and no quotation mark.")]
    Scope,
}

/// One word of visible ASCII.
fn word(text: &str, longest: usize, empty: FieldError) -> Result<String, FieldError> {
    let text = text.trim();
    match text {
        "" => Err(empty),
        text if text.len() > longest => Err(FieldError::TooLong(longest)),
        text if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Err(FieldError::Blank),
        text => Ok(text.to_owned()),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientId(String);

impl FromStr for ClientId {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<ClientId, FieldError> {
        word(text, 255, FieldError::NoClientId).map(ClientId)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Never shown again: it has no text but for the provider.
#[derive(Clone, Debug)]
pub struct ClientSecret(Secret<String>);

impl ClientSecret {
    pub(super) fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for ClientSecret {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<ClientSecret, FieldError> {
        word(text, 1_000, FieldError::NoSecret).map(|text| ClientSecret(Secret::new(text)))
    }
}

/// As it is typed: whether it is an issuer is found out by asking there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

impl FromStr for Issuer {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Issuer, FieldError> {
        word(text, 500, FieldError::NoIssuer).map(Issuer)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is asked for beside openid, email and profile (RFC 6749, 3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

impl FromStr for Scopes {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Scopes, FieldError> {
        if text.len() > 500 {
            return Err(FieldError::TooLong(500));
        }
        let is_scope =
            |scope: &&str| scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        if !text.split_whitespace().all(|scope| is_scope(&scope)) {
            return Err(FieldError::Scope);
        }
        let asked = text.split_whitespace().filter(|scope| !["openid", "email", "profile"].contains(scope));
        let mut scopes: Vec<String> = Vec::new();
        for scope in asked {
            if !scopes.iter().any(|other| other == scope) {
                scopes.push(scope.to_owned());
            }
        }
        Ok(Scopes(scopes))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_word() {
        assert_eq!("".parse::<ClientId>(), Err(FieldError::NoClientId));
        assert_eq!("a b".parse::<ClientId>(), Err(FieldError::Blank));
        assert_eq!("a\0b".parse::<ClientId>(), Err(FieldError::Blank));
        assert_eq!("é".parse::<ClientId>(), Err(FieldError::Blank));
        assert_eq!("a".repeat(256).parse::<ClientId>(), Err(FieldError::TooLong(255)));
        assert_eq!(" a ".parse::<ClientId>().map(|id| id.to_string()), Ok("a".to_owned()));
        assert_eq!("a\"".parse::<Scopes>(), Err(FieldError::Scope));
        assert_eq!("s".repeat(501).parse::<Scopes>(), Err(FieldError::TooLong(500)));
        let scopes = "openid  groups email groups".parse::<Scopes>();
        assert_eq!(scopes.map(|scopes| scopes.to_string()), Ok("groups".to_owned()));
    }

    #[test]
    fn a_secret_is_not_written_out() {
        let secret: ClientSecret = "hush-hush".parse().expect("it is one");
        assert!(!format!("{secret:?}").contains("hush"));
    }
}
