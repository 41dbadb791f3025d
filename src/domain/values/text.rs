use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::secrets::random_digits;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("Enter a name.")]
    Empty,
    #[error("This is too long. It can have at most {0} characters.")]
    TooLong(usize),
    #[error(
        "This holds characters that can't be shown, such as control or text-direction characters. Type it again without them."
    )]
    Unshowable,
    #[error("A name can't hold a web address.")]
    WebAddress,
    #[error("Use at least one letter or digit.")]
    NoLetter,
}

/// Any script, but nothing that could change how the text around it is read (INJ-03): control and
/// bidirectional characters, invisible ones, piles of combining marks.
fn showable(text: &str, newlines: bool) -> bool {
    let mut marks = 0;
    let chars: Vec<char> = text.chars().collect();
    chars.iter().enumerate().all(|(at, &c)| {
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        let joined = |at: Option<usize>| {
            at.and_then(|at| chars.get(at)).is_some_and(|c| !c.is_ascii() && !c.is_whitespace())
        };
        match c {
            '\n' => newlines,
            // The joiners are letters' business in Persian and Indic scripts, and in emoji.
            '\u{200C}' | '\u{200D}' => joined(at.checked_sub(1)) && joined(Some(at + 1)),
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180E}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' => false,
            '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FFF0}'..='\u{FFFF}' => false,
            // Private use and tags: invisible, or different on each machine.
            '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{10FFFF}' => false,
            c if c.is_control() => false,
            _ => marks <= 4,
        }
    })
}

/// What can be shown of any text, up to so many characters: for saying what could not be taken.
pub fn harmless(text: &str, longest: usize) -> String {
    text.chars().filter(|c| showable(c.encode_utf8(&mut [0; 4]), false)).take(longest).collect()
}

/// One line of text: trimmed, inner runs of spaces made one, composed (NFC).
fn line(text: &str, longest: usize) -> Result<String, TextError> {
    // A multiple of the limit is looked at no further: normalizing it would be the attacker's work.
    if text.len() > longest * 16 {
        return Err(TextError::TooLong(longest));
    }
    if !showable(text.trim(), false) {
        return Err(TextError::Unshowable);
    }
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect();
    if line.is_empty() {
        return Err(TextError::Empty);
    }
    if line.chars().count() > longest {
        return Err(TextError::TooLong(longest));
    }
    // A name stands in mails to strangers, where a link would be an advertisement.
    if line.contains("://") || line.to_ascii_lowercase().contains("www.") {
        return Err(TextError::WebAddress);
    }
    if !line.chars().any(char::is_alphanumeric) {
        return Err(TextError::NoLetter);
    }
    Ok(line)
}

/// A text as people sort and search it: without case and marks, "Łukasz" under "lukasz". For finding
/// only: two people are never the same because of it.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match c {
            'ł' => folded.push('l'),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            c => folded.push(c),
        }
    }
    folded
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = TextError;

            fn from_str(text: &str) -> Result<$name, TextError> {
                let parse: fn(&str) -> Result<String, TextError> = $parse;
                parse(text).map($name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_type!(
    /// A person's name: one line of any script, at most 100 characters.
    PersonName,
    |text| line(text, 100)
);

text_type!(
    /// An organization's name: one line of any script, at most 100 characters.
    OrganizationName,
    |text| line(text, 100)
);

text_type!(
    /// What a person calls a factor of theirs: one line, at most 50 characters.
    FactorName,
    |text| line(text, 50)
);

text_type!(
    /// What an organization calls its provider, after "Continue with": one line, at most 40 characters.
    ProviderName,
    |text| line(text, 40)
);

text_type!(
    /// A team's name: one line, at most 60 characters.
    TeamName,
    |text| line(text, 60)
);

text_type!(
    /// What a resource is called: one line, at most 80 characters.
    ResourceName,
    |text| line(text, 80)
);

text_type!(
    /// What a permission is called: one line, at most 60 characters.
    PermissionName,
    |text| line(text, 60)
);

text_type!(
    /// What an environment, an agent, a key or a link is called: one line, at most 40 characters.
    ShortName,
    |text| line(text, 40)
);

text_type!(
    /// An inviter's note: plain text of at most 500 characters (I1), perhaps empty.
    Note,
    |text| {
        let text = text.replace("\r\n", "\n");
        let text = text.trim();
        if text.chars().count() > 500 {
            Err(TextError::TooLong(500))
        } else if !showable(text, true) {
            Err(TextError::Unshowable)
        } else {
            Ok(text.to_owned())
        }
    }
);

/// An organization's name in URLs: 2 to 40 of `a-z`, `0-9` and single hyphens inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug(String);

/// Words that a URL or a person could mistake for a part of Interlock itself. The first segment of
/// each of our paths is among them.
const RESERVED: [&str; 57] = [
    "about",
    "access",
    "account",
    "admin",
    "api",
    "app",
    "assets",
    "audit",
    "auth",
    "billing",
    "blog",
    "closed",
    "demo",
    "docs",
    "email",
    "forgot-password",
    "forward-auth",
    "healthz",
    "help",
    "instance",
    "interlock",
    "invite",
    "login",
    "logout",
    "mail",
    "mailbox",
    "metrics",
    "mfa",
    "new",
    "notice",
    "null",
    "oauth",
    "org",
    "organization",
    "organizations",
    "public",
    "readyz",
    "reset",
    "root",
    "scim",
    "security",
    "settings",
    "setup",
    "sign-in",
    "sign-out",
    "sign-up",
    "sso",
    "static",
    "status",
    "step-up",
    "support",
    "sysadmin",
    "undefined",
    "v1",
    "verify",
    "websocket",
    "www",
];

impl Slug {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a name suggests; a name without Latin letters gets a neutral one.
    pub fn suggested_by(name: &OrganizationName) -> Slug {
        let text = hyphenated(name.as_str());
        text.parse().unwrap_or_else(|_| Slug(format!("org-{}", random_digits(6))))
    }

    /// The same with a number, for when it is taken.
    pub fn numbered(&self, number: u32) -> Slug {
        Slug(format!("{}-{number}", self.0))
    }
}

/// A name's Latin letters and digits in lower case, with hyphens between its words: at most 32 characters.
fn hyphenated(name: &str) -> String {
    let plain: String = name.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let words: Vec<String> = plain
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '\'' && c != '’')
        .map(|word| word.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase())
        .filter(|word| !word.is_empty())
        .collect();
    let joined: String = words.join("-").chars().take(32).collect();
    joined.trim_matches('-').to_owned()
}

/// `a-z`, `0-9` and single hyphens inside, so many of them.
fn is_slug(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// What a team, or an environment, is called in URLs and definitions: 1 to 40 of `a-z`, `0-9` and single hyphens
/// inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle(String);

/// Words that stand in the same place of a path.
const TAKEN: [&str; 2] = ["new", "csv"];

impl Handle {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a name suggests; one without Latin letters gets a neutral one, as `team-123456`.
    pub fn suggested_by(name: &str, kind: &str) -> Handle {
        hyphenated(name).parse().unwrap_or_else(|_| Handle(format!("{kind}-{}", random_digits(6))))
    }

    /// The same with a number, for when it is taken.
    pub fn numbered(&self, number: u32) -> Handle {
        Handle(format!("{}-{number}", self.0.chars().take(32).collect::<String>().trim_end_matches('-')))
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    #[error(
        "Use up to 40 letters (a to z), digits and single hyphens, beginning and ending with a letter or digit."
    )]
    Malformed,
    #[error("This word has another meaning here. Choose another.")]
    Taken,
}

impl FromStr for Handle {
    type Err = HandleError;

    fn from_str(text: &str) -> Result<Handle, HandleError> {
        match is_slug(text, 1..=40) {
            false => Err(HandleError::Malformed),
            true if TAKEN.contains(&text) => Err(HandleError::Taken),
            true => Ok(Handle(text.to_owned())),
        }
    }
}

/// A resource's key: up to six parts with slashes between them, each of letters, digits, `-`, `_` and `.`, 120
/// characters in all. `a/b` is under `a`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceKey(String);

impl ResourceKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a name suggests.
    pub fn suggested_by(name: &str) -> ResourceKey {
        hyphenated(name).parse().unwrap_or_else(|_| ResourceKey(format!("resource-{}", random_digits(6))))
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceKeyError {
    #[error(
        "Use letters, digits, hyphens, underscores and dots, in at most six parts with slashes between them: 120 \
         characters in all."
    )]
    Malformed,
    #[error("This word has another meaning here. Choose another.")]
    Taken,
}

impl FromStr for ResourceKey {
    type Err = ResourceKeyError;

    fn from_str(text: &str) -> Result<ResourceKey, ResourceKeyError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let parts: Vec<&str> = text.split('/').collect();
        let right = text.len() <= 120
            && parts.len() <= 6
            && parts.iter().all(|part| {
                // A path takes "." and ".." apart.
                !part.is_empty() && part.bytes().all(allowed) && part.bytes().any(|byte| byte != b'.')
            });
        match right {
            false => Err(ResourceKeyError::Malformed),
            true if TAKEN.contains(&text) => Err(ResourceKeyError::Taken),
            true => Ok(ResourceKey(text.to_owned())),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    #[error(
        "Use 2 to 40 letters (a to z), digits and single hyphens, beginning and ending with a letter or digit."
    )]
    Malformed,
    #[error("This word is reserved for Interlock itself. Choose another.")]
    Reserved,
}

impl FromStr for Slug {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Slug, SlugError> {
        match is_slug(text, 2..=40) {
            false => Err(SlugError::Malformed),
            true if RESERVED.contains(&text) => Err(SlugError::Reserved),
            true => Ok(Slug(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script() {
        for name in
            ["Ann", "Łukasz Brandt", "明日香", "محمد رضا", "می‌خواهم", "Đỗ Thị Hồng", "O’Hara", "R2", "नमस्ते"]
        {
            assert!(name.parse::<PersonName>().is_ok(), "{name}");
        }
    }

    /// INJ-02, INJ-03, AUD-06
    #[test]
    fn what_changes_the_text_around_it_is_refused() {
        for name in [
            "Ann\u{202E}nnA",
            "Ann\r\nBcc: x",
            "An\0n",
            "An\u{200B}n",
            "An\u{2066}n",
            "\u{1b}[31mAnn",
            "Ann\u{FEFF}",
            "a\u{200D}b",
            "e\u{301}\u{301}\u{301}\u{301}\u{301}",
            "\u{E0041}nn",
        ] {
            assert_eq!(name.parse::<PersonName>(), Err(TextError::Unshowable), "{name:?}");
        }
        assert_eq!("a".repeat(101).parse::<PersonName>(), Err(TextError::TooLong(100)));
        assert!("a".repeat(100).parse::<PersonName>().is_ok());
        assert_eq!(
            "e\u{301}".repeat(100).parse::<PersonName>().map(|name| name.as_str().chars().count()),
            Ok(100)
        );
        assert_eq!("   ".parse::<PersonName>(), Err(TextError::Empty));
        assert_eq!("***".parse::<OrganizationName>(), Err(TextError::NoLetter));
        assert_eq!("Win http://evil.example".parse::<OrganizationName>(), Err(TextError::WebAddress));
    }

    #[test]
    fn names_are_found_without_their_marks() {
        assert_eq!(folded("Łukasz Brandt"), "lukasz brandt");
        assert_eq!(folded("TOMÁS Straße Øre"), "tomas strasse ore");
        assert_eq!(folded("明日香"), "明日香");
    }

    #[test]
    fn a_note_keeps_its_lines() {
        assert_eq!(
            " Hello\r\nthere ".parse::<Note>().map(|note| note.as_str().to_owned()),
            Ok("Hello\nthere".to_owned())
        );
        assert!("".parse::<Note>().is_ok());
        assert!("x".repeat(501).parse::<Note>().is_err());
    }

    /// INJ-05
    #[test]
    fn slugs() {
        let suggested = |name: &str| {
            name.parse::<OrganizationName>().map(|name| Slug::suggested_by(&name).as_str().to_owned())
        };
        assert_eq!(suggested("Halden Freight"), Ok("halden-freight".to_owned()));
        assert_eq!(suggested("Müller & Söhne"), Ok("muller-sohne".to_owned()));
        assert_eq!(suggested("Joe's Diner"), Ok("joes-diner".to_owned()));
        assert!(suggested("明日香").is_ok_and(|slug| slug.starts_with("org-")));
        assert!(suggested("New").is_ok_and(|slug| slug.starts_with("org-")));
        for text in ["", "..", "%2e", "a", "-a", "a-", "a--b", "Acme", "аcme", "a b", "a/b", &"a".repeat(41)]
        {
            assert_eq!(text.parse::<Slug>(), Err(SlugError::Malformed), "{text}");
        }
        for text in RESERVED {
            assert_eq!(text.parse::<Slug>(), Err(SlugError::Reserved), "{text}");
        }
    }
}
