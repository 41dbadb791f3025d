//! Small things that pages share: rendering, redirects, times in words.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use askama::filters::HtmlSafe;
use askama::{FastWritable, Template, Values};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use uuid::Uuid;

use crate::clock::{DAY, HOUR, MINUTE, Timestamp};
use crate::domain::values::TimeZone;
use crate::ids::UserId;

/// A template's text. Templates render from data that is there: a failure is a bug.
pub fn render(template: &impl Template) -> String {
    // A long page grows in a buffer that is used again, and is copied once.
    thread_local!(static BUFFER: RefCell<String> = RefCell::default());
    let mut buffer = BUFFER.take();
    buffer.clear();
    buffer.shrink_to(256 * 1024);
    template.render_into(&mut buffer).expect("a template renders");
    let text = buffer.as_str().to_owned();
    BUFFER.set(buffer);
    text
}

/// What a template has rendered, for many places in another one.
#[derive(Clone, Debug)]
pub struct Rendered(Arc<str>);

pub fn piece(template: &impl Template) -> Rendered {
    Rendered(render(template).into())
}

impl fmt::Display for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Rendered {}

impl FastWritable for Rendered {
    fn write_into(&self, to: &mut dyn fmt::Write, _: &dyn Values) -> askama::Result<()> {
        Ok(to.write_str(&self.0)?)
    }
}

/// A text of ours that holds nothing which HTML would have escaped: an id, a path, one value of a query.
#[derive(Clone, Copy, Debug)]
pub struct Plain<T>(T);

impl<T: AsRef<str>> Plain<T> {
    pub fn new(text: T) -> Plain<T> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.?=%+*".contains(&byte);
        assert!(text.as_ref().bytes().all(plain), "{} is not plain", text.as_ref());
        Plain(text)
    }
}

impl<T: AsRef<str>> fmt::Display for Plain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_ref())
    }
}

impl<T: AsRef<str>> HtmlSafe for Plain<T> {}

impl<T: AsRef<str>> FastWritable for Plain<T> {
    fn write_into(&self, to: &mut dyn fmt::Write, _: &dyn Values) -> askama::Result<()> {
        Ok(to.write_str(self.0.as_ref())?)
    }
}

impl HtmlSafe for UserId {}

impl FastWritable for UserId {
    fn write_into(&self, to: &mut dyn fmt::Write, _: &dyn Values) -> askama::Result<()> {
        Ok(to.write_str(self.uuid().hyphenated().encode_lower(&mut Uuid::encode_buffer()))?)
    }
}

pub fn page(template: &impl Template) -> Response {
    Html(render(template)).into_response()
}

pub fn page_with(status: StatusCode, template: &impl Template) -> Response {
    (status, Html(render(template))).into_response()
}

/// 303 to one of our own paths (RFC 9110, 15.4.4): whatever was posted is not posted again.
pub fn redirect(path: &str) -> Response {
    let path = own_path(path).unwrap_or("/");
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// 303 to a provider: the one way that leads elsewhere. Its address is what the provider's document says and
/// we made of it.
pub fn redirect_to_provider(url: &str) -> Response {
    let location = HeaderValue::from_str(url).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// What makes htmx load another page. It follows any address without looking, so only our own paths go in (HTX-03).
pub fn htmx_redirect(path: &str, status: StatusCode) -> Response {
    let path = own_path(path).unwrap_or("/");
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (status, [(HeaderName::from_static("hx-redirect"), location)]).into_response()
}

/// Leads on after a form: a new page for a form's sender, the same by htmx.
pub fn go(fragment: bool, path: &str) -> Response {
    if fragment { htmx_redirect(path, StatusCode::OK) } else { redirect(path) }
}

/// The longest path that is led to: that of a tool's page stands in it, encoded twice.
const LONGEST_PATH: usize = 16_000;

/// The path, if it stays on this server: one slash, no backslash (browsers read it as a slash), nothing invisible.
pub fn own_path(path: &str) -> Option<&str> {
    let local = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && path.len() <= LONGEST_PATH
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    local.then_some(path)
}

/// Percent-encodes a value for a query.
pub fn query_value(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A time as people say it, and exactly.
pub struct Moment {
    pub text: String,
    pub exact: String,
    pub iso: String,
}

impl Moment {
    /// The text in the middle of a sentence: "last seen just now".
    pub fn within(&self) -> String {
        lower_first(&self.text)
    }
}

/// Times as one person reads them: now, and in their time zone (V1).
pub struct Times {
    now: Timestamp,
    zone: jiff::tz::TimeZone,
    year: i16,
}

impl Times {
    pub fn new(now: Timestamp, zone: &TimeZone) -> Times {
        Times::within(now, zone.rules())
    }

    /// For pages whose reader is not known.
    pub fn utc(now: Timestamp) -> Times {
        Times::within(now, jiff::tz::TimeZone::UTC)
    }

    fn within(now: Timestamp, zone: jiff::tz::TimeZone) -> Times {
        let mut times = Times { now, zone, year: 0 };
        times.year = times.local(now).year();
        times
    }

    /// Relative within a day, then a date; the exact time in UTC on hover.
    pub fn moment(&self, at: Timestamp) -> Moment {
        let ago = self.now.since(at);
        let text = match ago {
            _ if ago < MINUTE => "Just now".to_owned(),
            _ if ago < HOUR => format!("{} ago", count(ago / MINUTE, "minute")),
            _ if ago < DAY => format!("{} ago", count(ago / HOUR, "hour")),
            _ => self.date(at),
        };
        moment(at, text)
    }

    /// A time to come: "In 6 days", "In 3 hours".
    pub fn until(&self, at: Timestamp) -> Moment {
        let left = at.since(self.now);
        let text = match left {
            _ if left <= 0 => format!("Ended {}", lower_first(&self.moment(at).text)),
            _ if left < HOUR => format!("In {}", count((left / MINUTE).max(1), "minute")),
            _ if left < 2 * DAY => format!("In {}", count(left / HOUR, "hour")),
            // The nearest: what was sent a moment ago for 7 days ends in 7 days.
            _ => format!("In {}", count((left + DAY / 2) / DAY, "day")),
        };
        moment(at, text)
    }

    /// Whether a moment is still to come.
    pub fn is_ahead(&self, at: Timestamp) -> bool {
        self.now < at
    }

    /// A day: "29 November 2026".
    pub fn day(&self, at: Timestamp) -> String {
        let local = self.local(at);
        format!("{} {} {}", local.day(), month(local.month()), local.year())
    }

    /// The last day before an end: "31 December 2026".
    pub fn last_day(&self, end: Timestamp) -> String {
        self.day(end.plus(-1))
    }

    /// The last whole minute before an end: "31 December 2026, 23:59".
    pub fn last_minute(&self, end: Timestamp) -> String {
        self.minute(end.plus(-MINUTE))
    }

    /// A moment to the minute: "29 November 2026, 14:05".
    pub fn minute(&self, at: Timestamp) -> String {
        self.local(at).strftime("%-d %B %Y, %H:%M").to_string()
    }

    /// A day without its year, as long as that is this year: "29 November".
    fn date(&self, at: Timestamp) -> String {
        let local = self.local(at);
        if local.year() != self.year {
            return self.day(at);
        }
        format!("{} {}", local.day(), month(local.month()))
    }

    fn local(&self, at: Timestamp) -> jiff::ZonedDateTime {
        jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_zoned_datetime(self.zone.clone())
    }
}

/// A month keeps its capital.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if ["Just ", "In ", "Ended "].iter().any(|word| text.starts_with(word)) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

fn month(number: i8) -> &'static str {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    usize::try_from(number - 1).ok().and_then(|at| NAMES.get(at)).copied().unwrap_or_default()
}

fn moment(at: Timestamp, text: String) -> Moment {
    let iso = at.rfc3339();
    Moment { text, exact: read_out(&iso), iso }
}

/// "2026-11-22 09:41:07 UTC"
pub fn exact(at: Timestamp) -> String {
    read_out(&at.rfc3339())
}

fn read_out(iso: &str) -> String {
    let (day, time) = iso.trim_end_matches('Z').split_once('T').unwrap_or_default();
    [day, " ", time, " UTC"].concat()
}

/// A span in the largest unit that it fills, rounded up: "15 minutes".
pub fn span(milliseconds: i64) -> String {
    match milliseconds {
        _ if milliseconds <= MINUTE => count((milliseconds / 1_000).max(1), "second"),
        _ if milliseconds <= 2 * HOUR => count((milliseconds + MINUTE - 1) / MINUTE, "minute"),
        _ => count((milliseconds + HOUR - 1) / HOUR, "hour"),
    }
}

/// "1 minute", "2 minutes".
pub fn count(number: i64, unit: &str) -> String {
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

/// "1 person", "10,000 people".
pub fn people(number: i64) -> String {
    if number == 1 { "1 person".to_owned() } else { format!("{} people", self::number(number)) }
}

/// "1 person is", "3 people are".
pub fn are(number: i64) -> String {
    format!("{} {}", people(number), if number == 1 { "is" } else { "are" })
}

/// "1 domain goes", "3 domains go".
pub fn go_with(number: i64, unit: &str) -> String {
    format!("{} {}", count(number, unit), if number == 1 { "goes" } else { "go" })
}

/// A number with its thousands set apart: "9", "10,000".
pub fn number(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One or two letters that stand for a name.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    [first, last].into_iter().flatten().flat_map(char::to_uppercase).collect()
}

/// One of seven hues, always the same for the same text.
pub fn hue(text: &str) -> u32 {
    text.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 7 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_paths_lead_on() {
        for path in ["/", "/o/acme/users?q=a&role=owner", "/invite/abc_-"] {
            assert_eq!(own_path(path), Some(path));
        }
        for path in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\r\nX: y",
            "/ a",
            "/é",
        ] {
            assert_eq!(own_path(path), None, "{path:?}");
        }
        let long = format!("/{}", "x".repeat(LONGEST_PATH));
        assert_eq!(own_path(&long), None);
        assert_eq!(own_path(&long[..LONGEST_PATH]), Some(&long[..LONGEST_PATH]));
    }

    #[test]
    fn times_in_words() {
        let now = Timestamp(1_793_000_000_000);
        let times = Times::utc(now);
        let text = |ago: i64| times.moment(now.plus(-ago)).text;
        assert_eq!(text(5_000), "Just now");
        assert_eq!(text(MINUTE), "1 minute ago");
        assert_eq!(text(3 * HOUR), "3 hours ago");
        assert_eq!(text(3 * DAY), "23 October");
        assert_eq!(text(400 * DAY), "21 September 2025");
        assert_eq!(times.until(now.plus(6 * DAY + HOUR)).text, "In 6 days");
        assert_eq!(times.until(now.plus(7 * DAY - MINUTE)).text, "In 7 days");
        assert_eq!(times.until(now.plus(-HOUR)).text, "Ended 1 hour ago");
        let late_evening = Timestamp(1_792_969_200_000 - 2 * DAY);
        assert_eq!(times.day(late_evening), "23 October 2026");
        let zone = "Asia/Tokyo".parse().expect("it is a time zone");
        assert_eq!(Times::new(now, &zone).minute(late_evening), "24 October 2026, 08:00");
        assert_eq!(Times::new(now, &zone).moment(late_evening).exact, "2026-10-23 23:00:00 UTC");
        assert_eq!(span(14 * MINUTE + 1), "15 minutes");
    }

    #[test]
    fn numbers_and_initials() {
        assert_eq!(number(9), "9");
        assert_eq!(number(1_010_001), "1,010,001");
        assert_eq!(initials("Łukasz van Brandt"), "ŁB");
        assert_eq!(initials("明日香"), "明");
    }
}
