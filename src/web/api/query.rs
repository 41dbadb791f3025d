//! What an address asks for after `?`: known names, each once.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::problem::{Fault, Problem};

/// The names that belong to lists.
const PAGING: [&str; 2] = ["limit", "cursor"];

/// A query's values, taken one by one; then [`Asked::done`] tells all that was wrong.
#[derive(Debug)]
pub struct Asked {
    values: Vec<(String, String)>,
    faults: Vec<Fault>,
    known: Vec<&'static str>,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let values = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Asked { values, faults: Vec::new(), known: Vec::new() })
    }
}

impl Asked {
    /// A value, if it is asked for.
    pub fn take<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<T> {
        let text = self.text(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(why) => {
                self.fault(name, why.to_string());
                None
            }
        }
    }

    /// What is searched, at most 200 characters.
    pub fn search(&mut self, name: &'static str) -> String {
        let text = self.text(name).unwrap_or_default();
        if text.chars().count() > 200 {
            self.fault(name, format!("{name} has at most 200 characters."));
        }
        text
    }

    /// One of some words.
    pub fn one_of<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.fault(name, format!("{name} is one of {}.", words.join(", ")));
        }
        found
    }

    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let mut values =
            self.values.iter().filter(|(given, _)| given == name).map(|(_, value)| value.clone());
        let (first, second) = (values.next(), values.next());
        if second.is_some() {
            self.fault(name, format!("Say {name} once."));
        }
        first
    }

    pub fn fault(&mut self, name: &str, detail: impl Into<String>) {
        self.faults.push(Fault::new(format!("?{name}"), detail));
    }

    /// A name that is not known is refused: a filter that was mistyped would give everything.
    pub fn done(mut self) -> Result<(), Problem> {
        let unknown = |name: &str| !self.known.contains(&name) && !PAGING.contains(&name);
        let mut unknown: Vec<String> =
            self.values.iter().map(|(name, _)| name.clone()).filter(|name| unknown(name)).collect();
        unknown.dedup();
        for name in unknown {
            let detail = match self.known.as_slice() {
                [] => "This is not known here. Leave it out.".to_owned(),
                known => format!("This is not known here. There are {}.", known.join(", ")),
            };
            self.faults.push(Fault::new(format!("?{name}"), detail));
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::invalid(self.faults)) }
    }
}

/// An id in a path. Whatever is none is nobody's.
pub fn id<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}
