use std::fmt;
use std::str::FromStr;

use super::TimeZone;
use crate::clock::Timestamp;

/// A day of the calendar, as `<input type="date">` sends it: `2026-12-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(jiff::civil::Date);

impl Day {
    /// The moment at which the day is over for whoever lives in the zone.
    pub fn end(self, zone: &TimeZone) -> Timestamp {
        let next = self.0.tomorrow().and_then(|next| next.to_zoned_datetime(zone.rules()));
        next.map_or(Timestamp(i64::MAX), |next| Timestamp(next.timestamp().as_millisecond()))
    }

    /// The moment at which the day begins for whoever lives in the zone.
    pub fn start(self, zone: &TimeZone) -> Timestamp {
        let start = self.0.to_zoned_datetime(zone.rules());
        start.map_or(Timestamp(i64::MAX), |start| Timestamp(start.timestamp().as_millisecond()))
    }

    /// The day that is so many days later; this one, where the calendar ends.
    pub fn plus(self, days: i32) -> Day {
        Day(self.0.checked_add(jiff::Span::new().days(days)).unwrap_or(self.0))
    }

    /// The last day before a moment: the day that [`Day::end`] made it of.
    pub fn ending(at: Timestamp, zone: &TimeZone) -> Day {
        Day::of(at.plus(-1), zone)
    }

    pub fn of(at: Timestamp, zone: &TimeZone) -> Day {
        Day(jiff::Timestamp::from_millisecond(at.0)
            .unwrap_or_default()
            .to_zoned_datetime(zone.rules())
            .date())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Enter a day as year-month-day, such as 2027-03-31.")]
pub struct NotADay;

impl FromStr for Day {
    type Err = NotADay;

    /// Exactly what a browser sends. Other notations mean different days in different countries.
    fn from_str(text: &str) -> Result<Day, NotADay> {
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if shape { text.parse().map(Day).map_err(|_| NotADay) } else { Err(NotADay) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        name.parse().expect("it is a time zone")
    }

    fn day(text: &str) -> Day {
        text.parse().expect("it is a day")
    }

    #[test]
    fn a_day_ends_where_its_person_lives() {
        assert_eq!(day("2026-12-31").end(&TimeZone::utc()).rfc3339(), "2027-01-01T00:00:00Z");
        assert_eq!(day("2026-12-31").end(&zone("Asia/Tokyo")).rfc3339(), "2026-12-31T15:00:00Z");
        // The night in which clocks go back is an hour longer.
        assert_eq!(day("2026-10-24").end(&zone("Europe/Berlin")).rfc3339(), "2026-10-24T22:00:00Z");
        assert_eq!(day("2026-10-25").end(&zone("Europe/Berlin")).rfc3339(), "2026-10-25T23:00:00Z");
        let end = day("2026-12-31").end(&zone("America/Los_Angeles"));
        assert_eq!(Day::ending(end, &zone("America/Los_Angeles")), day("2026-12-31"));
        assert_eq!(Day::of(end, &zone("America/Los_Angeles")), day("2027-01-01"));
        assert_eq!(day("2027-01-01").start(&zone("America/Los_Angeles")), end);
        assert_eq!(day("2026-12-31").plus(1), day("2027-01-01"));
        assert_eq!(day("9999-12-31").plus(1), day("9999-12-31"));
    }

    #[test]
    fn what_is_no_day() {
        for text in [
            "",
            "2026-02-30",
            "31.12.2026",
            "12/31/2026",
            "2026-1-1",
            "-026-01-01",
            "2026-12-31T00",
            "20261231",
        ] {
            assert_eq!(text.parse::<Day>(), Err(NotADay), "{text:?}");
        }
        assert!(day("9999-12-31").end(&TimeZone::utc()) > Timestamp(0));
        assert_eq!(day("0001-01-01").to_string(), "0001-01-01");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            if let Ok(day) = text.parse::<Day>() {
                prop_assert_eq!(day.to_string(), text);
            }
        }
    }
}
