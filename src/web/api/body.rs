//! Bodies: JSON of known fields alone. All that is wrong is said at once, each with its place.

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::problem::{Fault, Problem};

/// The JSON that a request brings.
pub fn json(headers: &HeaderMap, body: &Bytes) -> Result<Value, Problem> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::not_json());
    }
    serde_json::from_slice(body).map_err(|error| {
        Problem::malformed(format!("It is no JSON: line {}, column {}.", error.line(), error.column()))
    })
}

/// Reads an object's fields and collects what is wrong with them.
pub struct Fields<'v, 'f> {
    object: Option<&'v Map<String, Value>>,
    at: &'f str,
    faults: &'f mut Vec<Fault>,
}

/// A name as a part of a JSON pointer.
fn part(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl<'v, 'f> Fields<'v, 'f> {
    /// `at` is the object's own pointer. A field that is not among `known` is a fault.
    pub fn of(value: &'v Value, at: &'f str, known: &[&str], faults: &'f mut Vec<Fault>) -> Fields<'v, 'f> {
        let object = value.as_object();
        if object.is_none() {
            let detail = format!("Send an object with {}.", known.join(", "));
            faults.push(Fault { pointer: at.to_owned(), detail });
        }
        for name in object.into_iter().flat_map(Map::keys).filter(|name| !known.contains(&name.as_str())) {
            let detail = format!("This field is not known. Leave it out; there are {}.", known.join(", "));
            faults.push(Fault { pointer: format!("{at}/{}", part(name)), detail });
        }
        Fields { object, at, faults }
    }

    pub fn fault(&mut self, name: &str, detail: impl Into<String>) {
        self.faults.push(Fault { pointer: format!("{}/{name}", self.at), detail: detail.into() });
    }

    fn value(&mut self, name: &str) -> Option<&'v Value> {
        let object = self.object?;
        let value = object.get(name);
        if value.is_none() {
            self.fault(name, format!("{name} is missing."));
        }
        value
    }

    pub fn text(&mut self, name: &str) -> Option<&'v str> {
        let value = self.value(name)?;
        if value.as_str().is_none() {
            self.fault(name, format!("{name} has to be a string."));
        }
        value.as_str()
    }

    /// A string, or null.
    pub fn text_or_null(&mut self, name: &str) -> Option<Option<&'v str>> {
        let value = self.value(name)?;
        if value.is_null() {
            return Some(None);
        }
        if value.as_str().is_none() {
            self.fault(name, format!("{name} has to be a string, or null."));
        }
        value.as_str().map(Some)
    }

    pub fn list(&mut self, name: &str, most: usize) -> Option<&'v [Value]> {
        let list = self.value(name)?.as_array().map(Vec::as_slice);
        let list = list.filter(|list| !list.is_empty() && list.len() <= most);
        if list.is_none() {
            self.fault(name, format!("{name} has to be a list of 1 to {most}."));
        }
        list
    }
}
