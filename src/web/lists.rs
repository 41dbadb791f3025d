//! What the addresses of lists hold: what is searched for, and where one is.

use super::error::{Error, Result};

/// Characters that anybody searches for, at most.
const LONGEST_SEARCH: usize = 200;

/// What is searched for, without the blanks around it. Nothing that is searched holds a NUL, and PostgreSQL fails on one.
pub fn searched(text: &str) -> Result<&str> {
    match text.chars().count() > LONGEST_SEARCH || text.contains('\0') {
        true => Err(Error::Malformed("This is too long to search for.")),
        false => Ok(text.trim()),
    }
}

/// A place in a list, as a link of ours has it; the beginning, where nothing is said.
pub fn place<P>(text: &str, decode: impl FnOnce(&str) -> Option<P>) -> Result<Option<P>> {
    match text {
        "" => Ok(None),
        text => decode(text).map(Some).ok_or(Error::Malformed("There is no such place in the list.")),
    }
}

/// A path with what of a query says anything.
pub fn address(path: &str, query: &[(&str, &str)]) -> String {
    let said = query.iter().filter(|(_, value)| !value.is_empty());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(said).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}
