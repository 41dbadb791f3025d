use std::fmt;
use std::str::FromStr;

/// An email address. Two are the same if they differ in the case of ASCII letters only: Unicode's
/// own folding maps the Kelvin sign to `k` and would hand over accounts (INV-08).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    #[error("Enter an email address.")]
    Empty,
    #[error("This address is too long. An email address has at most 254 characters.")]
    TooLong,
    #[error("Interlock can only mail addresses in plain letters (a to z), digits and signs.")]
    NotAscii,
    #[error("Enter a whole address, such as ann@example.com.")]
    Malformed,
}

impl Email {
    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What addresses are compared and found by.
    pub fn canonical(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

impl FromStr for Email {
    type Err = EmailError;

    /// The dot-atom form of RFC 5321, which is what mailboxes have: no quoted local parts, comments
    /// or address literals, and a domain of at least two labels.
    fn from_str(text: &str) -> Result<Email, EmailError> {
        let text = text.trim_matches([' ', '\t']);
        if text.is_empty() {
            return Err(EmailError::Empty);
        }
        if !text.is_ascii() {
            return Err(EmailError::NotAscii);
        }
        if text.len() > 254 {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError::Malformed)?;
        if local.len() > 64 || !local.split('.').all(is_atom) || !is_domain(domain) {
            return Err(EmailError::Malformed);
        }
        Ok(Email(text.to_owned()))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 5322 `atext`, at least one.
fn is_atom(part: &str) -> bool {
    !part.is_empty()
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
}

fn is_domain(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    let is_label = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top_is_a_name = labels.last().is_some_and(|top| top.bytes().any(|byte| byte.is_ascii_alphabetic()));
    labels.len() >= 2 && domain.len() <= 253 && labels.iter().all(is_label) && top_is_a_name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_that_people_have() {
        for text in [
            "ann@example.com",
            "a.b+tag@sub.example.co",
            "O'Hara@example.com",
            "x@xn--bcher-kva.example",
            " ann@example.com ",
        ] {
            assert!(text.parse::<Email>().is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "",
            " ",
            "ann",
            "ann@",
            "@example.com",
            "ann@localhost",
            "a b@example.com",
            "ann@exa mple.com",
            "a..b@example.com",
            ".a@example.com",
            "a@-x.com",
            "a@x-.com",
            "a@x..com",
            "\"a b\"@example.com",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@b@example.com",
            "ann@example.com\r\nBcc: bob@example.com",
            "ann@example.com,bob@example.com",
            "ann\0@example.com",
            "Ann <ann@example.com>",
        ] {
            assert!(text.parse::<Email>().is_err(), "{text:?}");
        }
        assert_eq!("ann@ex\u{212A}ample.com".parse::<Email>(), Err(EmailError::NotAscii));
        assert_eq!(format!("{}@example.com", "a".repeat(250)).parse::<Email>(), Err(EmailError::TooLong));
    }

    /// INV-08: case of ASCII letters is folded, and nothing else is.
    #[test]
    fn one_person_has_one_canonical_address() {
        let canonical = |text: &str| text.parse::<Email>().map(|email| email.canonical()).ok();
        assert_eq!(canonical("Ann@X.io"), canonical("ann@x.IO"));
        assert_ne!(canonical("ann+a@x.io"), canonical("ann@x.io"));
        assert_ne!(canonical("a.nn@x.io"), canonical("ann@x.io"));
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_what_it_takes_is_safe_in_a_header(text in any::<String>()) {
            if let Ok(email) = text.parse::<Email>() {
                prop_assert!(email.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert_eq!(email.as_str().matches('@').count(), 1);
                prop_assert!(!email.as_str().contains(['<', '>', ',', ';', '"', '\\']));
            }
        }

        #[test]
        fn a_well_formed_address_is_taken_and_keeps_its_spelling(text in "[A-Za-z0-9_+-]{1,20}(\\.[A-Za-z0-9]{1,10}){0,3}@([a-z0-9]{1,20}\\.){1,3}[a-z]{2,10}") {
            let email: Email = text.parse().map_err(|error| TestCaseError::fail(format!("{error}")))?;
            prop_assert_eq!(email.as_str(), text.as_str());
            prop_assert_eq!(email.canonical().parse::<Email>().map(|again| again.canonical()), Ok(email.canonical()));
        }
    }
}
