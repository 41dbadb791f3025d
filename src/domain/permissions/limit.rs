//! What holds a scope back: how many, at which level, ever, in a period, or at once (L2, L3).

use std::fmt;
use std::str::FromStr;

use crate::clock::{DAY, HOUR, MINUTE, SECOND, Timestamp};

/// Across whom a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// All keys of the organization together.
    Organisation,
    /// Each key by itself; one that takes another's place goes on with its count.
    Key,
    /// Each of the caller's users by itself, across keys.
    User,
}

impl Level {
    pub const ALL: [Level; 3] = [Level::Organisation, Level::Key, Level::User];

    /// As the source spells it.
    pub fn code(self) -> &'static str {
        match self {
            Level::Organisation => "organisation",
            Level::Key => "key",
            Level::User => "user",
        }
    }

    pub fn from_code(code: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.code() == code)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    /// Of the calendar, in UTC.
    Month,
    Year,
}

impl Unit {
    const ALL: [Unit; 7] =
        [Unit::Second, Unit::Minute, Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Year];

    fn word(self) -> &'static str {
        match self {
            Unit::Second => "second",
            Unit::Minute => "minute",
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        }
    }
}

/// A limit's period. It slides: at most so many in any span of this length, not per calendar unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    count: u32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A period is a number of seconds, or words such as \"1 day\" or \"3 months\", of at most ten years.")]
pub struct PeriodError;

/// Ten years.
const MOST_MONTHS: u32 = 120;
const MOST_SECONDS: i64 = 10 * 366 * 86_400;

impl Period {
    pub fn seconds(seconds: u32) -> Result<Period, PeriodError> {
        Period::new(seconds, Unit::Second)
    }

    pub fn new(count: u32, unit: Unit) -> Result<Period, PeriodError> {
        let period = Period { count, unit };
        let fits = match period.length() {
            Length::Fixed(length) => length <= MOST_SECONDS * SECOND,
            Length::Months(months) => months <= MOST_MONTHS,
        };
        if count > 0 && fits { Ok(period) } else { Err(PeriodError) }
    }

    fn length(self) -> Length {
        let count = i64::from(self.count);
        match self.unit {
            Unit::Second => Length::Fixed(count * SECOND),
            Unit::Minute => Length::Fixed(count * MINUTE),
            Unit::Hour => Length::Fixed(count * HOUR),
            Unit::Day => Length::Fixed(count * DAY),
            Unit::Week => Length::Fixed(count * 7 * DAY),
            Unit::Month => Length::Months(self.count),
            Unit::Year => Length::Months(self.count.saturating_mul(12)),
        }
    }

    /// When what was spent at a moment is free again. A month later is the same day of the next one, or its last.
    pub fn after(self, at: Timestamp) -> Timestamp {
        match self.length() {
            Length::Fixed(length) => at.plus(length),
            Length::Months(months) => at.plus_months(months),
        }
    }

    /// One spelling for periods of one length: what counters are told apart by.
    pub fn identity(self) -> String {
        match self.length() {
            Length::Fixed(length) => format!("{}s", length / SECOND),
            Length::Months(months) => format!("{months}m"),
        }
    }

    /// As a document has it: a bare number of seconds, if it was one.
    pub fn as_seconds(self) -> Option<u32> {
        (self.unit == Unit::Second).then_some(self.count)
    }

    /// Whether both are of one length.
    pub fn is_as_long_as(self, other: Period) -> bool {
        self.length() == other.length()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    /// Milliseconds.
    Fixed(i64),
    Months(u32),
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.count == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", self.count, self.unit.word())
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Period, PeriodError> {
        let (count, unit) = text.split_once(' ').ok_or(PeriodError)?;
        if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PeriodError);
        }
        let count = count.parse().map_err(|_| PeriodError)?;
        let singular = unit.strip_suffix('s').unwrap_or(unit);
        let unit = Unit::ALL.into_iter().find(|known| known.word() == singular).ok_or(PeriodError)?;
        Period::new(count, unit)
    }
}

/// How a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Ever: what is spent never comes back.
    Count,
    /// In any span of the period.
    Interval(Period),
    /// At once: a lease, given back or expired.
    Inflight,
}

impl Measure {
    /// The source's word.
    pub fn code(self) -> &'static str {
        match self {
            Measure::Count => "count",
            Measure::Interval(_) => "interval",
            Measure::Inflight => "inflight",
        }
    }

    pub fn period(self) -> Option<Period> {
        match self {
            Measure::Interval(period) => Some(period),
            Measure::Count | Measure::Inflight => None,
        }
    }

    /// Whether both count the same: what is spent of one is spent of the other.
    pub fn is_same_as(self, other: Measure) -> bool {
        match (self, other) {
            (Measure::Interval(one), Measure::Interval(other)) => one.is_as_long_as(other),
            (one, other) => one == other,
        }
    }
}

/// The largest value, which JSON readers still take for a whole number.
pub const MOST: i64 = 1 << 53;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub level: Level,
    pub measure: Measure,
    /// From 0 to [`MOST`].
    pub value: i64,
}

impl Limit {
    pub fn counts_as(&self, other: &Limit) -> bool {
        self.level == other.level && self.measure.is_same_as(other.measure)
    }
}

impl fmt::Display for Limit {
    /// As a part of a sentence: "each user: 3 ever", "all keys together: 1 per month", "each key: 2 at once".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whom = match self.level {
            Level::Organisation => "all keys together",
            Level::Key => "each key",
            Level::User => "each user",
        };
        write!(f, "{whom}: {} ", grouped(self.value))?;
        match self.measure {
            Measure::Count => f.write_str("ever"),
            Measure::Inflight => f.write_str("at once"),
            Measure::Interval(Period { count: 1, unit }) => write!(f, "per {}", unit.word()),
            Measure::Interval(period) => write!(f, "in any {period}"),
        }
    }
}

/// Digits in threes: "50,000".
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    use super::*;

    fn period(text: &str) -> Period {
        text.parse().expect("it is a period")
    }

    fn at(text: &str) -> Timestamp {
        let at = OffsetDateTime::parse(text, &Rfc3339).expect("it is a time");
        Timestamp(at.unix_timestamp() * SECOND)
    }

    /// L2, L3: a month is the calendar's, in UTC, and never lasts into the one after.
    #[test]
    fn a_period_ends_as_the_calendar_says() {
        for (from, length, to) in [
            ("2027-01-31T10:00:00Z", "1 month", "2027-02-28T10:00:00Z"),
            ("2028-01-31T10:00:00Z", "1 month", "2028-02-29T10:00:00Z"),
            ("2027-12-31T23:59:59Z", "2 months", "2028-02-29T23:59:59Z"),
            ("2028-02-29T00:00:00Z", "1 year", "2029-02-28T00:00:00Z"),
            ("2027-03-28T00:30:00Z", "1 day", "2027-03-29T00:30:00Z"),
            ("2027-03-28T00:30:00Z", "2 weeks", "2027-04-11T00:30:00Z"),
        ] {
            assert_eq!(period(length).after(at(from)), at(to), "{from} and {length}");
        }
    }

    #[test]
    fn a_period_has_a_length_and_a_spelling() {
        assert!(period("1 day").is_as_long_as(Period::seconds(86_400).expect("it fits")));
        assert_eq!(period("24 hours").identity(), period("1 day").identity());
        assert_eq!(period("1 year").identity(), "12m");
        assert_eq!(period("1 day").to_string(), "1 day");
        for wrong in [
            "",
            "day",
            "0 days",
            "-1 day",
            "1.5 days",
            "1 fortnight",
            "1  day",
            "11 years",
            "+1 day",
            "99999999999 days",
        ] {
            assert!(wrong.parse::<Period>().is_err(), "{wrong:?}");
        }
        assert!(Period::seconds(0).is_err());
    }

    #[test]
    fn a_limit_is_a_sentence() {
        let limit = |level, measure, value| Limit { level, measure, value }.to_string();
        assert_eq!(limit(Level::User, Measure::Count, 3), "each user: 3 ever");
        assert_eq!(
            limit(Level::Organisation, Measure::Interval(period("1 month")), 1),
            "all keys together: 1 per month"
        );
        assert_eq!(limit(Level::Key, Measure::Interval(period("2 days")), 5), "each key: 5 in any 2 days");
        assert_eq!(limit(Level::Key, Measure::Inflight, 2), "each key: 2 at once");
        assert_eq!(limit(Level::Key, Measure::Count, 1_234_567), "each key: 1,234,567 ever");
        assert_eq!(limit(Level::Key, Measure::Count, 100), "each key: 100 ever");
    }
}
