use std::fmt;
use std::str::FromStr;

/// The domain of an organization's email addresses, in lower-case ASCII: "halden.example". Others write it
/// as punycode. One that anybody may have an address or a name under can't be claimed (O2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainName(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainNameError {
    #[error("Enter a domain, such as example.com.")]
    Empty,
    #[error("Enter the part after the @ alone, such as example.com.")]
    Malformed,
    #[error("This is an address of numbers. Enter a domain, such as example.com.")]
    Numbers,
    #[error("This is a single word. Enter a whole domain, such as example.com.")]
    SingleLabel,
    #[error("Anybody can have a domain under this one. Enter your organization's own.")]
    Suffix,
    #[error("Anybody can have an address at this domain. Enter one that only your organization uses.")]
    FreeMail,
}

impl DomainName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DomainName {
    type Err = DomainNameError;

    fn from_str(text: &str) -> Result<DomainName, DomainNameError> {
        let text = text.trim();
        let text = text.strip_prefix('@').unwrap_or(text);
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(DomainNameError::Empty);
        }
        // What an address is parsed by would decode these first.
        if text.len() > 1_000 || text.contains(['%', '@', ':', '/']) {
            return Err(DomainNameError::Malformed);
        }
        let name = match url::Host::parse(text) {
            Ok(url::Host::Domain(name)) => name,
            Ok(_) => return Err(DomainNameError::Numbers),
            Err(_) => return Err(DomainNameError::Malformed),
        };
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        match name.as_str() {
            name if name.len() > 253 || !name.split('.').all(is_label) => Err(DomainNameError::Malformed),
            name if !name.contains('.') => Err(DomainNameError::SingleLabel),
            name if SUFFIXES.contains(&name) => Err(DomainNameError::Suffix),
            name if FREE_MAIL.contains(&name) => Err(DomainNameError::FreeMail),
            _ => Ok(DomainName(name)),
        }
    }
}

/// The best known ones of more than one label. Whoever claimed another would have to prove it in its DNS.
const SUFFIXES: [&str; 34] = [
    "ac.uk", "co.at", "co.id", "co.il", "co.in", "co.jp", "co.ke", "co.kr", "co.nz", "co.th", "co.uk",
    "co.za", "com.ar", "com.au", "com.br", "com.cn", "com.co", "com.hk", "com.mx", "com.my", "com.pl",
    "com.sg", "com.tr", "com.tw", "com.ua", "com.vn", "gov.uk", "ltd.uk", "ne.jp", "net.au", "or.jp",
    "org.au", "org.uk", "plc.uk",
];

/// Where anybody gets an address. Nobody proves one of these in its DNS but the provider itself, which has no
/// business to answer for the people there.
const FREE_MAIL: [&str; 84] = [
    "126.com",
    "139.com",
    "163.com",
    "aol.com",
    "bellsouth.net",
    "bigpond.com",
    "bk.ru",
    "bluewin.ch",
    "bol.com.br",
    "btinternet.com",
    "comcast.net",
    "cox.net",
    "daum.net",
    "duck.com",
    "fastmail.com",
    "fastmail.fm",
    "foxmail.com",
    "free.fr",
    "freenet.de",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hanmail.net",
    "hey.com",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.de",
    "hotmail.es",
    "hotmail.fr",
    "hotmail.it",
    "hushmail.com",
    "icloud.com",
    "inbox.ru",
    "interia.pl",
    "laposte.net",
    "libero.it",
    "list.ru",
    "live.co.uk",
    "live.com",
    "live.fr",
    "live.nl",
    "mac.com",
    "mail.com",
    "mail.ru",
    "mailbox.org",
    "me.com",
    "msn.com",
    "naver.com",
    "o2.pl",
    "orange.fr",
    "outlook.com",
    "outlook.de",
    "outlook.fr",
    "pm.me",
    "posteo.de",
    "proton.me",
    "protonmail.ch",
    "protonmail.com",
    "qq.com",
    "rambler.ru",
    "rediffmail.com",
    "rocketmail.com",
    "sbcglobal.net",
    "seznam.cz",
    "sina.com",
    "sohu.com",
    "t-online.de",
    "tuta.com",
    "tutanota.com",
    "uol.com.br",
    "verizon.net",
    "wanadoo.fr",
    "web.de",
    "wp.pl",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.de",
    "yahoo.fr",
    "yandex.com",
    "yandex.ru",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<String, DomainNameError> {
        text.parse::<DomainName>().map(|name| name.to_string())
    }

    #[test]
    fn domains_that_organizations_have() {
        for (typed, kept) in [
            ("halden.example", "halden.example"),
            (" @Halden.Example. ", "halden.example"),
            ("mail.halden.co.uk", "mail.halden.co.uk"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(parsed(typed).as_deref(), Ok(kept), "{typed}");
        }
    }

    /// O2: neither addresses of numbers nor what anybody has an address or a name under.
    #[test]
    fn what_nobody_can_claim() {
        use DomainNameError::{Empty, FreeMail, Malformed, Numbers, SingleLabel, Suffix};
        for (typed, why) in [
            ("", Empty),
            (" @ ", Empty),
            ("localhost", SingleLabel),
            ("com", SingleLabel),
            ("127.0.0.1", Numbers),
            ("0x7f.1", Numbers),
            ("[::1]", Malformed),
            ("ann@halden.example", Malformed),
            ("https://halden.example", Malformed),
            ("halden.example/x", Malformed),
            ("halden..example", Malformed),
            ("-halden.example", Malformed),
            ("hal_den.example", Malformed),
            ("halden%2eexample", Malformed),
            ("hal den.example", Malformed),
            ("co.uk", Suffix),
            ("GMAIL.com", FreeMail),
            ("outlook.com", FreeMail),
            ("proton.me", FreeMail),
        ] {
            assert_eq!(parsed(typed), Err(why), "{typed:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_a_plain_name_and_taken_again(text in any::<String>()) {
            if let Ok(name) = text.parse::<DomainName>() {
                let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
                prop_assert!(name.as_str().bytes().all(plain));
                prop_assert_eq!(name.as_str().parse::<DomainName>(), Ok(name.clone()));
            }
        }
    }
}
