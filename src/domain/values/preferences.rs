use std::fmt;
use std::str::FromStr;

use crate::clock::Timestamp;

/// How pages look (V1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Theme {
    Light,
    Dark,
    /// As the person's system is.
    #[default]
    System,
}

impl Theme {
    /// As the end of a sentence: "Pages are …".
    pub fn in_words(self) -> &'static str {
        match self {
            Theme::Light => "always light",
            Theme::Dark => "always dark",
            Theme::System => "light or dark, as your device is",
        }
    }

    pub const ALL: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

    /// As it stands in tables, forms and pages.
    pub fn code(self) -> &'static str {
        match self {
            Theme::Light => "light",
            Theme::Dark => "dark",
            Theme::System => "system",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Choose light, dark, or as the system is.")]
pub struct NotATheme;

impl FromStr for Theme {
    type Err = NotATheme;

    fn from_str(text: &str) -> Result<Theme, NotATheme> {
        Theme::ALL.into_iter().find(|theme| theme.code() == text).ok_or(NotATheme)
    }
}

/// A time zone by its name in the IANA database: `Europe/Berlin`. The database is in the binary.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct TimeZone(String);

impl TimeZone {
    pub fn utc() -> TimeZone {
        TimeZone("UTC".to_owned())
    }

    /// What a browser says of itself: a guess, and so never an error.
    pub fn guessed(text: &str) -> TimeZone {
        text.parse().unwrap_or_else(|_| TimeZone::utc())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Every name that can be chosen, sorted.
    pub fn names() -> Vec<String> {
        let names = jiff::tz::db().available().map(|name| name.to_string());
        let mut names: Vec<String> = names.filter(|name| name == "UTC" || name.contains('/')).collect();
        names.sort();
        names
    }

    /// Its rules. A name that the database does not know any more counts as UTC.
    pub fn rules(&self) -> jiff::tz::TimeZone {
        if self.0 == "UTC" {
            return jiff::tz::TimeZone::UTC;
        }
        jiff::tz::TimeZone::get(&self.0).unwrap_or(jiff::tz::TimeZone::UTC)
    }

    /// A day as mails say it: "31 December 2026".
    pub fn day(&self, at: Timestamp) -> String {
        self.local(at).strftime("%-d %B %Y").to_string()
    }

    /// A moment to the minute as mails say it: "31 December 2026, 23:59 (Europe/Berlin)".
    pub fn minute(&self, at: Timestamp) -> String {
        format!("{} ({})", self.local(at).strftime("%-d %B %Y, %H:%M"), self.0)
    }

    fn local(&self, at: Timestamp) -> jiff::ZonedDateTime {
        jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_zoned_datetime(self.rules())
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Choose a time zone from the list, such as Europe/Berlin.")]
pub struct NotATimeZone;

impl FromStr for TimeZone {
    type Err = NotATimeZone;

    fn from_str(text: &str) -> Result<TimeZone, NotATimeZone> {
        let zone = jiff::tz::TimeZone::get(text).map_err(|_| NotATimeZone)?;
        // The name as the database writes it, whatever the case that was typed.
        zone.iana_name().map(|name| TimeZone(name.to_owned())).ok_or(NotATimeZone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_those_of_the_database() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata"] {
            assert_eq!(name.parse::<TimeZone>().map(|zone| zone.to_string()), Ok(name.to_owned()));
        }
        assert_eq!(
            "europe/berlin".parse::<TimeZone>().map(|zone| zone.to_string()),
            Ok("Europe/Berlin".to_owned())
        );
        for name in ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "Europe", "UTC\0"] {
            assert_eq!(name.parse::<TimeZone>(), Err(NotATimeZone), "{name:?}");
        }
        assert!(TimeZone::names().len() > 300);
    }
}
