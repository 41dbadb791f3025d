//! What is printed: tables for people, JSON for scripts.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;
use unicode_normalization::char::is_combining_mark;

use super::Result;
use crate::clock::Timestamp;

/// Writes to stdout. Whoever closes it early, as `head` does, has read enough.
pub fn print(text: &str) -> Result {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

pub fn json(value: &impl Serialize) -> Result {
    print(&(serde_json::to_string_pretty(value)? + "\n"))
}

/// Rows under headings, or a sentence where there are none.
pub fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]], none: &str) -> Result {
    if rows.is_empty() {
        return print(&format!("{none}\n"));
    }
    let mut cells: Vec<Vec<String>> = vec![heads.iter().map(|head| head.to_uppercase()).collect()];
    cells.extend(rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect()));
    let widths: Vec<usize> =
        (0..N).map(|at| cells.iter().map(|row| width(&row[at])).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in cells {
        let mut line = String::new();
        for (cell, wide) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(wide - width(cell) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    print(&text)
}

/// Names and values, one a line.
pub fn facts(facts: &[(&str, String)]) -> Result {
    let longest = facts.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| format!("{name:longest$}  {}\n", shown(value));
    print(&facts.iter().map(line).collect::<String>())
}

/// Without what a terminal would obey (AUD-06): what people typed is shown, and nothing else.
fn shown(text: &str) -> String {
    let harmless = |c: char| if c.is_control() { '\u{FFFD}' } else { c };
    text.chars().map(harmless).collect()
}

/// In columns of a terminal, nearly: East Asian characters take two, marks none.
fn width(text: &str) -> usize {
    let of = |c: char| match c {
        c if is_combining_mark(c) => 0,
        '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7A3}' => 2,
        '\u{F900}'..='\u{FAFF}' | '\u{FF00}'..='\u{FF60}' | '\u{1F300}'..='\u{1FAFF}' => 2,
        '\u{20000}'..='\u{3FFFD}' => 2,
        _ => 1,
    };
    text.chars().map(of).sum()
}

/// A time for people: to the minute, in UTC.
pub fn minute(at: Timestamp) -> String {
    at.rfc3339().chars().take(16).collect::<String>().replace('T', " ")
}

pub fn minute_or(at: Option<Timestamp>, none: &str) -> String {
    at.map_or_else(|| none.to_owned(), minute)
}

/// "1 session", "3 sessions".
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AUD-06
    #[test]
    fn a_terminal_is_told_nothing_by_a_name() {
        assert_eq!(shown("Ann\u{1b}[2J\r\n\u{9b}x"), "Ann\u{FFFD}[2J\u{FFFD}\u{FFFD}\u{FFFD}x");
        assert_eq!(shown("Zoë Łukasz 王"), "Zoë Łukasz 王");
    }

    #[test]
    fn columns_are_as_wide_as_they_look() {
        assert_eq!(width("Zoe\u{308}"), 3);
        assert_eq!(width("王 Wei"), 6);
    }
}
