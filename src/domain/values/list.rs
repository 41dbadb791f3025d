//! Lists by name, by keyset: a place in one, and a page of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::folded;

/// A place in a list that is sorted by name and id: just after, or just before, one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub backwards: bool,
    pub(in crate::domain) key: String,
    pub(in crate::domain) id: String,
}

impl Place {
    pub(in crate::domain) fn at(name: &str, id: impl ToString, backwards: bool) -> Place {
        Place { backwards, key: folded(name), id: id.to_string() }
    }

    pub fn encode(&self) -> String {
        let way = if self.backwards { '<' } else { '>' };
        URL_SAFE_NO_PAD.encode(format!("{way}{}{}", self.id, self.key))
    }

    /// What [`Place::encode`] wrote; anything else is `None`.
    pub fn decode(text: &str) -> Option<Place> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let backwards = match text.as_bytes().first()? {
            b'<' => true,
            b'>' => false,
            _ => return None,
        };
        let (id, key) = (text.get(1..37)?.to_owned(), text.get(37..)?.to_owned());
        (key.len() <= 1_000 && !text.contains('\0')).then_some(Place { backwards, key, id })
    }
}

/// A page of rows in their order, of which one more was read than it shows.
#[derive(Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub previous: Option<Place>,
    pub next: Option<Place>,
}

impl<T> Page<T> {
    pub(in crate::domain) fn of(
        mut rows: Vec<T>,
        place: Option<&Place>,
        limit: usize,
        at: impl Fn(&T, bool) -> Place,
    ) -> Page<T> {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let backwards = place.is_some_and(|place| place.backwards);
        if backwards {
            rows.reverse();
        }
        let (has_previous, has_next) = if backwards { (more, true) } else { (place.is_some(), more) };
        Page {
            previous: rows.first().filter(|_| has_previous).map(|row| at(row, true)),
            next: rows.last().filter(|_| has_next).map(|row| at(row, false)),
            rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::TeamId;

    proptest! {
        /// DOS-04: whatever comes as a place is taken or refused, and never panics.
        #[test]
        fn any_place_is_survived(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            let _ = Place::decode(&text);
            let _ = Place::decode(&URL_SAFE_NO_PAD.encode(&bytes));
        }

        #[test]
        fn a_place_comes_back(name in "[^\0]{0,50}", backwards in any::<bool>()) {
            let place = Place::at(&name, TeamId::generate(), backwards);
            prop_assert_eq!(Place::decode(&place.encode()), Some(place));
        }
    }
}
