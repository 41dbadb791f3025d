//! Addresses of many people as they are pasted: lines of a mail program, of a list, or of a spreadsheet.

use std::collections::HashSet;

use super::{Email, EmailError, PersonName, harmless};

/// How many are taken at once (I8).
const MOST: usize = 200;
/// A page shows this many entries; what is beyond is counted.
const SHOWN: usize = 500;

/// The entries of a pasted text, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pasted {
    pub entries: Vec<Entry>,
    /// How many there were beyond those that a page shows.
    pub rest: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As it stood in the text, as far as it can be shown.
    pub text: String,
    /// What the list calls the person; empty where it says nothing that is a name.
    pub name: String,
    pub email: Result<Email, NotUsable>,
}

/// Why an entry is nobody, whatever the organization.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotUsable {
    #[error(transparent)]
    NotAnAddress(#[from] EmailError),
    #[error("{0} stands here twice. It counts once.")]
    Twice(Email),
    #[error("At most 200 are taken at once. Paste {0} with the next ones.")]
    TooMany(Email),
}

impl Pasted {
    pub(crate) fn read(text: &str) -> Pasted {
        let mut pasted = Pasted::default();
        let mut seen = HashSet::new();
        for piece in text.split(['\n', '\r']).flat_map(pieces_of_line) {
            if pasted.entries.len() == SHOWN {
                pasted.rest += 1;
                continue;
            }
            let (name, address) = name_and_address(&piece);
            let email = address.parse::<Email>().map_err(NotUsable::from).and_then(|email| {
                if seen.contains(&email.canonical()) {
                    Err(NotUsable::Twice(email))
                } else if seen.len() == MOST {
                    Err(NotUsable::TooMany(email))
                } else {
                    seen.insert(email.canonical());
                    Ok(email)
                }
            });
            pasted.entries.push(Entry { text: harmless(piece.trim(), 120), name, email });
        }
        pasted
    }
}

/// Where one person ends: commas, semicolons, tabs and closing brackets, except between quotes.
fn pieces_of_line(line: &str) -> Vec<String> {
    segments(line, &[';']).into_iter().flat_map(pieces_of_segment).collect()
}

fn pieces_of_segment(segment: String) -> Vec<String> {
    let pieces = segments(&segment, &[',', '\t']);
    match pieces.as_slice() {
        // Mail programs that set people apart by semicolons leave "Last, First <address>" without
        // quotes; in a spreadsheet a name and an address are neighbours.
        [name, person] if is_half_a_name(name) && person.contains('<') && segment.contains(',') => {
            vec![format!("{name},{person}")]
        }
        [name, address] if is_half_a_name(name) && segment.contains('\t') => {
            vec![format!("{name} <{}>", address.trim().trim_matches(['<', '>']))]
        }
        _ => pieces.into_iter().flat_map(addresses_of_piece).collect(),
    }
}

fn is_half_a_name(text: &str) -> bool {
    !text.contains(['@', '<', '>']) && text.contains(char::is_alphabetic)
}

/// Addresses may be set apart by spaces alone, but only where there is nothing but addresses: in
/// "dana kovac@example.com" a dot is missing, and whoever has the rest of it is somebody else.
fn addresses_of_piece(piece: String) -> Vec<String> {
    let words: Vec<&str> = piece.split_whitespace().collect();
    if words.len() > 1 && !piece.contains('<') && words.iter().all(|word| word.contains('@')) {
        words.into_iter().map(str::to_owned).collect()
    } else {
        vec![piece]
    }
}

/// Splits at the separators and after closing brackets, outside quotes. A quote that is not closed is
/// a letter like any other; empty pieces are none.
fn segments(text: &str, separators: &[char]) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut quoted = false;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' if quoted => {
                piece.push(c);
                piece.extend(rest.next());
            }
            '"' => {
                quoted = !quoted && rest.as_str().contains('"');
                piece.push(c);
            }
            c if !quoted && separators.contains(&c) => pieces.push(std::mem::take(&mut piece)),
            '>' if !quoted => {
                piece.push(c);
                // What follows up to the next separator belongs to nobody yet.
                pieces.push(std::mem::take(&mut piece));
            }
            c => piece.push(c),
        }
    }
    pieces.push(piece);
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

/// `Name <address>`, `"Last, First" <address>`, `<address>`, `mailto:address` or an address alone.
fn name_and_address(piece: &str) -> (String, String) {
    let piece = piece.trim();
    let (name, address) = match piece.rsplit_once('<') {
        Some((name, address)) => (name, address.split('>').next().unwrap_or_default()),
        None => ("", piece.trim_end_matches('>')),
    };
    (name_of(name), without_mailto(address).to_owned())
}

/// The address of a `mailto:` link, without the subject and the like that it may carry.
fn without_mailto(address: &str) -> &str {
    let address = address.trim();
    match address.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => {
            address[7..].split('?').next().unwrap_or_default().trim()
        }
        _ => address,
    }
}

/// What the list calls the person, which an invited one finds filled in. What is no name is left out: it stops nobody.
fn name_of(text: &str) -> String {
    let text = text.trim();
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    let text = inside('"').or_else(|| inside('\'')).unwrap_or(text).replace("\\\"", "\"");
    // "Kovač, Dana" is Dana Kovač.
    let text = match text.split_once(',') {
        Some((last, first)) if !first.contains(',') && !first.trim().is_empty() => {
            format!("{} {}", first.trim(), last.trim())
        }
        _ => text,
    };
    match text.parse::<PersonName>() {
        Ok(name) if !text.contains('@') => name.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each entry as "name <address>" or "! text".
    fn read(text: &str) -> Vec<String> {
        let shown = |entry: &Entry| match &entry.email {
            Ok(email) if entry.name.is_empty() => email.to_string(),
            Ok(email) => format!("{} <{email}>", entry.name),
            Err(_) => format!("! {}", entry.text),
        };
        Pasted::read(text).entries.iter().map(shown).collect()
    }

    /// I8: what mail programs, lists and spreadsheets give.
    #[test]
    fn what_people_paste() {
        for (text, read_as) in [
            ("ann@x.example", vec!["ann@x.example"]),
            (
                " Ann@X.example , bob@x.example;cy@x.example\r\ndi@x.example\n\n",
                vec!["Ann@X.example", "bob@x.example", "cy@x.example", "di@x.example"],
            ),
            ("Dana Kovač <dana@x.example>", vec!["Dana Kovač <dana@x.example>"]),
            (
                "\"Kovač, Dana\" <dana@x.example>, bob@x.example",
                vec!["Dana Kovač <dana@x.example>", "bob@x.example"],
            ),
            (
                "Kovač, Dana <dana@x.example>; Brandt, Łukasz <lukasz@x.example>",
                vec!["Dana Kovač <dana@x.example>", "Łukasz Brandt <lukasz@x.example>"],
            ),
            (
                "<ann@x.example> <bob@x.example>,<cy@x.example",
                vec!["ann@x.example", "bob@x.example", "cy@x.example"],
            ),
            ("Ann <ann@x.example> Bob <bob@x.example>", vec!["Ann <ann@x.example>", "Bob <bob@x.example>"]),
            (
                "mailto:ann@x.example, <MAILTO:bob@x.example?subject=Hello>",
                vec!["ann@x.example", "bob@x.example"],
            ),
            ("ann@x.example <mailto:ann@x.example>", vec!["ann@x.example"]),
            (
                "Dana Kovač\tdana@x.example\nBob\tbob@x.example",
                vec!["Dana Kovač <dana@x.example>", "Bob <bob@x.example>"],
            ),
            (
                "ann@x.example\tbob@x.example cy@x.example",
                vec!["ann@x.example", "bob@x.example", "cy@x.example"],
            ),
            ("O'Hara \"Bo\" <bo@x.example>", vec!["O'Hara \"Bo\" <bo@x.example>"]),
            ("\"Dana \\\"D\\\" Kovač\" <dana@x.example>", vec!["Dana \"D\" Kovač <dana@x.example>"]),
            ("5\" nails, ann@x.example", vec!["! 5\" nails", "ann@x.example"]),
            (",;\t ;\n,", vec![]),
        ] {
            assert_eq!(read(text), read_as, "{text:?}");
        }
    }

    /// I8: a bad line stops no good one, and nobody else is invited in its place.
    #[test]
    fn bad_entries_stay_alone() {
        for (text, read_as) in [
            ("omar@haldenexample, ann@x.example", vec!["! omar@haldenexample", "ann@x.example"]),
            ("dana kovac@x.example", vec!["! dana kovac@x.example"]),
            ("ann, bob@x.example", vec!["! ann", "bob@x.example"]),
            (
                "Ann <ann@x.example> (work), bob@x.example",
                vec!["Ann <ann@x.example>", "! (work)", "bob@x.example"],
            ),
            ("ann@b@c.example; Bob <>", vec!["! ann@b@c.example", "! Bob <>"]),
            ("ä@x.example", vec!["! ä@x.example"]),
            (
                "Ann\u{202E} <ann@x.example>\nwww.evil.example <bob@x.example>",
                vec!["ann@x.example", "bob@x.example"],
            ),
            ("a\u{202E}\u{7}b", vec!["! ab"]),
        ] {
            assert_eq!(read(text), read_as, "{text:?}");
        }
    }

    #[test]
    fn an_address_is_invited_once() {
        let pasted = Pasted::read("Ann <ann@x.example>, ANN@x.example, ann+b@x.example");
        assert!(matches!(pasted.entries[1].email, Err(NotUsable::Twice(_))));
        assert!(pasted.entries[2].email.is_ok());
    }

    /// I8: two hundred good ones; bad ones don't count, and what no page shows is still counted.
    #[test]
    fn two_hundred_at_once() {
        let many: String = (0..210).map(|n| format!("nobody\np{n}@x.example\n")).collect();
        let pasted = Pasted::read(&many);
        assert_eq!(pasted.entries.iter().filter(|entry| entry.email.is_ok()).count(), MOST);
        let too_many = |entry: &&Entry| matches!(entry.email, Err(NotUsable::TooMany(_)));
        assert_eq!(pasted.entries.iter().filter(too_many).count(), 10);
        assert_eq!(Pasted::read(&"a,".repeat(32_000)).rest, 31_500);
    }

    proptest! {
        /// DOS-04, INJ-02: any text is survived, and what it gives is safe in a header.
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            for entry in Pasted::read(&text).entries {
                prop_assert!(!entry.name.contains(['\r', '\n', '\0']));
                prop_assert!(!entry.text.chars().any(char::is_control));
                if let Ok(email) = entry.email {
                    prop_assert!(email.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                }
            }
        }

        /// Whatever stands between them, the same addresses come out in their order.
        #[test]
        fn good_ones_come_through(
            people in proptest::collection::vec(("[A-Z][a-z]{1,8}( [A-Z][a-z]{1,8})?", "[a-z]{3,8}"), 1..20),
            between in proptest::collection::vec(prop_oneof![Just(", "), Just(";"), Just("\n"), Just("\r\n")], 20),
        ) {
            let mut text = String::new();
            for (at, (name, local)) in people.iter().enumerate() {
                text += &format!("{name} <{local}{at}@x.example>{}", between[at]);
            }
            let read: Vec<(String, String)> = Pasted::read(&text).entries.into_iter()
                .map(|entry| (entry.name, entry.email.map(|email| email.to_string()).unwrap_or_default()))
                .collect();
            let written: Vec<(String, String)> = people.iter().enumerate()
                .map(|(at, (name, local))| (name.clone(), format!("{local}{at}@x.example")))
                .collect();
            prop_assert_eq!(read, written);
        }
    }
}
