//! A row as files hold it: the web's downloads and the command line's.

use serde_json::{Value, json};

use super::{Kind, Row};

/// A row's columns in CSV.
pub const COLUMNS: [&str; 12] = [
    "seq",
    "at",
    "kind",
    "what",
    "operator_id",
    "operator",
    "target_id",
    "target",
    "changes",
    "address",
    "request",
    "hash",
];

impl Row {
    /// What happened, in words.
    pub fn what(&self) -> &'static str {
        Kind::from_code(&self.kind).map_or("Unknown change", Kind::title)
    }

    /// In the order of [`COLUMNS`].
    pub fn cells(&self) -> [String; 12] {
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        [
            self.seq.to_string(),
            self.at.rfc3339(),
            self.kind.clone(),
            self.what().to_owned(),
            or_empty(&self.operator_id),
            self.operator_name.clone(),
            or_empty(&self.target_id),
            self.target_name.clone(),
            self.changes_json().to_owned(),
            or_empty(&self.address),
            or_empty(&self.request),
            self.hash.clone(),
        ]
    }

    /// All that the hash covers, so that whoever has the file can compute it again: `at_ms` is the time
    /// that is hashed, and `changes` is hashed as the text it is.
    pub fn object(&self) -> Value {
        json!({
            "seq": self.seq,
            "at": self.at.rfc3339(),
            "at_ms": self.at.0,
            "kind": self.kind,
            "what": self.what(),
            "operator_id": self.operator_id,
            "operator": self.operator_name,
            "target_id": self.target_id,
            "target": self.target_name,
            "changes": self.changes_json(),
            "address": self.address,
            "request": self.request,
            "hash": self.hash,
        })
    }
}
