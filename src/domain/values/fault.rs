use serde::Serialize;

/// What is wrong with one value of a document: where, by JSON pointer (RFC 6901), and what to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub pointer: String,
    pub detail: String,
}

impl Fault {
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Fault {
        Fault { pointer: pointer.into(), detail: detail.into() }
    }
}

/// A name as a part of a JSON pointer.
pub fn pointer_part(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
