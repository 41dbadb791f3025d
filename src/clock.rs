//! Time: milliseconds since the Unix epoch, from a clock that tests can set.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime};

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// A moment, in milliseconds. Stored as `bigint`: text of varying width sorts wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const ZERO: Timestamp = Timestamp(0);

    /// This moment plus a span in milliseconds.
    pub fn plus(self, span: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(span))
    }

    /// Milliseconds from `earlier` to this moment; negative if `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    pub fn date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The same day so many months later, in UTC, or the last one of a month that has no such day.
    pub fn plus_months(self, months: u32) -> Timestamp {
        let at = self.date_time();
        let index = i64::from(at.year()) * 12 + i64::from(u8::from(at.month())) - 1 + i64::from(months);
        let later = i32::try_from(index.div_euclid(12)).ok().and_then(|year| {
            let month = Month::try_from(u8::try_from(index.rem_euclid(12) + 1).ok()?).ok()?;
            Date::from_calendar_date(year, month, at.day().min(month.length(year))).ok()
        });
        let milliseconds = later.map(|date| at.replace_date(date).unix_timestamp_nanos() / 1_000_000);
        Timestamp(milliseconds.and_then(|at| i64::try_from(at).ok()).unwrap_or(i64::MAX))
    }

    /// RFC 3339 in UTC, to the second. Written by hand: a list has it a hundred times.
    pub fn rfc3339(self) -> String {
        let at = self.date_time();
        let Ok(year @ 0..=9_999) = u16::try_from(at.year()) else { return String::new() };
        let mut text = String::with_capacity(20);
        let (century, year) = ((year / 100) as u8, (year % 100) as u8);
        for (number, after) in [
            (century, ""),
            (year, "-"),
            (u8::from(at.month()), "-"),
            (at.day(), "T"),
            (at.hour(), ":"),
            (at.minute(), ":"),
            (at.second(), "Z"),
        ] {
            text.push(char::from(b'0' + number / 10));
            text.push(char::from(b'0' + number % 10));
            text.push_str(after);
        }
        text
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Write a moment as RFC 3339 does, such as 2027-03-31T18:00:00Z.")]
pub struct NotAMoment;

impl FromStr for Timestamp {
    type Err = NotAMoment;

    /// RFC 3339, to the millisecond, in any offset.
    fn from_str(text: &str) -> Result<Timestamp, NotAMoment> {
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotAMoment)?;
        let milliseconds = at.unix_timestamp_nanos().div_euclid(1_000_000);
        i64::try_from(milliseconds).map(Timestamp).map_err(|_| NotAMoment)
    }
}

/// Where "now" comes from: passed in, so that expiry is tested exactly and not by sleeping.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Clock {
        Clock(None)
    }

    /// A clock that stands still until it is told otherwise.
    pub fn fixed(at: Timestamp) -> Clock {
        Clock(Some(Arc::new(AtomicI64::new(at.0))))
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(fixed) => Timestamp(fixed.load(Ordering::SeqCst)),
            None => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
                let millis = since_epoch.map_or(0, |span| span.as_millis());
                Timestamp(i64::try_from(millis).unwrap_or(i64::MAX))
            }
        }
    }

    /// Moves a fixed clock by a span in milliseconds. The system's clock stays as it is.
    pub fn advance(&self, span: i64) {
        if let Some(fixed) = &self.0 {
            fixed.fetch_add(span, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_written_in_utc_to_the_second() {
        assert_eq!(Timestamp(1_793_000_000_123).rfc3339(), "2026-10-26T07:33:20Z");
        assert_eq!(Timestamp(-1).rfc3339(), "1969-12-31T23:59:59Z");
        assert_eq!(Timestamp(253_402_300_799_999).rfc3339(), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let clock = Clock::fixed(Timestamp(5));
        clock.advance(7 * DAY);
        assert_eq!(clock.now(), Timestamp(5 + 7 * DAY));
    }
}
