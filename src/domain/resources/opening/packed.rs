//! A row that came over as one text: its values, parted by U+001F, which no text of ours holds (INJ-03).

use std::str::{FromStr, Split};

use super::sql::Row;
use crate::domain::resources::Permissions;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a packed row does not hold what it should: {0}")]
pub(super) struct Unreadable(&'static str);

impl FromStr for Row {
    type Err = Unreadable;

    fn from_str(packed: &str) -> Result<Row, Unreadable> {
        let mut values = Values(packed.split('\u{1f}'));
        let row = Row {
            id: values.next("id")?,
            environment: values.next("environment")?,
            key: values.next("key")?,
            kind: values.next("kind")?,
            name: values.next("name")?,
            name_key: values.next("name_key")?,
            description: values.next("description")?,
            creator: values.next("creator")?,
            audience: values.optional("audience")?,
            domain: values.optional("domain")?,
            default_permissions: values.optional("default_permissions")?.map(Permissions::from_bits),
            entry: values.optional("entry")?,
            team: values.optional("team")?,
            permissions: values.optional("permissions")?.map(Permissions::from_bits),
        };
        // One value too many would have moved the others: what they say is who may open it.
        match values.0.next() {
            None => Ok(row),
            Some(_) => Err(Unreadable("there is more")),
        }
    }
}

/// An empty text stands for null where there may be one.
struct Values<'a>(Split<'a, char>);

impl Values<'_> {
    fn next<T: FromStr>(&mut self, name: &'static str) -> Result<T, Unreadable> {
        self.0.next().and_then(|value| value.parse().ok()).ok_or(Unreadable(name))
    }

    fn optional<T: FromStr>(&mut self, name: &'static str) -> Result<Option<T>, Unreadable> {
        match self.0.next().ok_or(Unreadable(name))? {
            "" => Ok(None),
            value => value.parse().map(Some).map_err(|_| Unreadable(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01920000-0000-7000-8000-000000000001";

    /// A3: no value is taken for another's.
    #[test]
    fn a_row_holds_what_it_should_and_no_more() {
        let whole = [
            ID,
            "production",
            "refunds",
            "tool",
            "Refunds",
            "refunds",
            "",
            ID,
            "teams",
            "",
            "2",
            "",
            ID,
            "15",
        ];
        let read = |values: &[&str]| values.join("\u{1f}").parse::<Row>();
        let row = read(&whole).expect("it is whole");
        assert_eq!((row.name.as_str(), row.domain, row.entry), ("Refunds", None, None));
        assert_eq!(
            (row.default_permissions, row.permissions),
            (Some(Permissions::READ), Some(Permissions::ALL))
        );
        assert_eq!(read(&whole[..13]).err(), Some(Unreadable("permissions")));
        assert_eq!(read(&[&whole[..], &[""]].concat()).err(), Some(Unreadable("there is more")));
        // A sign inside a name.
        let mut torn = whole;
        torn[4] = "Ref\u{1f}unds";
        assert!(read(&torn).is_err());
    }
}
