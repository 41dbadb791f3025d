//! The part of a page that asks for a factor: after the password, for an organization, for a step-up.

use crate::domain::access::Factors;
use crate::domain::factors::{Answered, FactorError, Typed};
use crate::web::error::{Error, Result};
use crate::web::forms::Field;
use crate::web::html;

/// In what way a factor is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Passkey,
    Code,
    RecoveryCode,
}

/// What the page shows: the field of one way, and links to the others.
pub struct Prompt {
    pub way: Way,
    pub field: Field,
    factors: Factors,
    /// The page's own address with its query, to which a way is added.
    here: String,
    /// Where the script asks for a passkey's challenge.
    pub challenges: &'static str,
    /// Where another passkey is set up, if only passkeys are taken here (M6).
    pub another: Option<String>,
}

impl Prompt {
    /// It opens on what is wanted, or else on the best that the person has.
    pub fn new(factors: Factors, with: &str, here: String, challenges: &'static str) -> Prompt {
        let way = match with {
            "recovery" => Way::RecoveryCode,
            "code" if factors.authenticator => Way::Code,
            _ if factors.passkey => Way::Passkey,
            _ if factors.authenticator => Way::Code,
            _ => Way::RecoveryCode,
        };
        Prompt { way, field: Field::default(), factors, here, challenges, another: None }
    }

    /// Only a passkey will do, and where another one is set up.
    pub fn passkey_only(factors: Factors, challenges: &'static str, another: String) -> Prompt {
        let another = Some(another);
        Prompt {
            way: Way::Passkey,
            field: Field::default(),
            factors,
            here: String::new(),
            challenges,
            another,
        }
    }

    /// The same after something was typed that is not right. Codes are never sent back.
    pub fn wrong(self, error: impl std::fmt::Display) -> Prompt {
        Prompt { field: Field::wrong(error), ..self }
    }

    pub fn typed<'a>(&self, code: &'a str, passkey: Answered<'a>) -> Typed<'a> {
        match self.way {
            Way::Passkey => Typed::Passkey(passkey),
            Way::Code => Typed::Code(code),
            Way::RecoveryCode => Typed::RecoveryCode(code),
        }
    }

    /// As it stands in the form and in the address.
    pub fn with(&self) -> &'static str {
        match self.way {
            Way::Passkey => "passkey",
            Way::Code => "code",
            Way::RecoveryCode => "recovery",
        }
    }

    pub fn is_passkey(&self) -> bool {
        self.way == Way::Passkey
    }

    pub fn is_code(&self) -> bool {
        self.way == Way::Code
    }

    pub fn is_recovery_code(&self) -> bool {
        self.way == Way::RecoveryCode
    }

    pub fn offers_passkey(&self) -> bool {
        self.factors.passkey && !self.is_passkey()
    }

    pub fn offers_code(&self) -> bool {
        self.factors.authenticator && !self.is_code() && self.another.is_none()
    }

    pub fn offers_recovery_code(&self) -> bool {
        !self.is_recovery_code() && self.another.is_none()
    }

    pub fn path_with(&self, way: &str) -> String {
        let mark = if self.here.contains('?') { '&' } else { '?' };
        format!("{}{mark}with={way}", self.here)
    }
}

/// What is wrong with what was typed, in words for beside its field: with the pause, if there is one, and
/// what stays open meanwhile.
pub fn said(error: FactorError) -> Result<String> {
    match error {
        FactorError::Throttled(throttled) => Ok(match throttled.wait {
            Some(wait) => format!(
                "Too many codes were wrong. Wait {}, or choose another way below: that stays open.",
                html::span(wait)
            ),
            None => throttled.to_string(),
        }),
        FactorError::SignedOut => Err(Error::Elsewhere("/sign-in".to_owned())),
        FactorError::Database(error) => Err(error.into()),
        FactorError::StepUp(needed) => Err(Error::Forbidden(Some(needed.to_string()))),
        error => Ok(error.to_string()),
    }
}
