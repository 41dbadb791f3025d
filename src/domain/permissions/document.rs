//! What a permission grants, in the source's form: `{"source_type:icloud.account": [{"level": "user", "type": "count",
//! "value": 3}]}`. An empty list is granted without limit, an empty object grants nothing (L2).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::limit::{Level, Limit, MOST, Measure, Period};
use super::scope::{Pattern, Scope, ScopeType};
use crate::domain::values::{Fault, pointer_part};

/// How many patterns a document has at most, and limits a pattern.
pub const MOST_PATTERNS: usize = 200;
pub const MOST_LIMITS: usize = 12;

/// Patterns and what holds them back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeMap<Pattern, Vec<Limit>>);

impl Scopes {
    /// All there is, without limit: what an organization may whose sysadmin set nothing.
    pub fn everything() -> Scopes {
        Scopes(ScopeType::ALL.into_iter().map(|kind| (Pattern::all_of(kind), Vec::new())).collect())
    }

    /// The limits of a pattern that is said here itself.
    pub fn get(&self, pattern: &Pattern) -> Option<&[Limit]> {
        self.0.get(pattern).map(Vec::as_slice)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Pattern, &[Limit])> {
        self.0.iter().map(|(pattern, limits)| (pattern, limits.as_slice()))
    }

    /// What covers a scope; nothing, where it is not granted. The limits of each hold (L1).
    pub fn covering(&self, scope: &Scope) -> impl Iterator<Item = (&Pattern, &[Limit])> {
        self.iter().filter(|(pattern, _)| pattern.covers(scope))
    }

    pub fn covers(&self, scope: &Scope) -> bool {
        self.covering(scope).next().is_some()
    }

    /// Where this goes beyond `outer`: a pattern that is not covered there, or a limit above one that holds there for
    /// the same thing (L7). What is not said here is held back by `outer` all the same: both are asked.
    pub fn beyond<'a>(&'a self, outer: &'a Scopes) -> impl Iterator<Item = Beyond<'a>> {
        self.iter().flat_map(move |(pattern, limits)| {
            let covering = || outer.iter().filter(|(other, _)| other.contains(pattern));
            let uncovered = covering().next().is_none().then_some(Beyond { pattern, above: None });
            let above = limits.iter().enumerate().filter_map(move |(at, limit)| {
                let lower = covering()
                    .flat_map(|(_, limits)| limits)
                    .filter(|other| other.counts_as(limit) && other.value < limit.value)
                    .min_by_key(|other| other.value)?;
                Some(Beyond { pattern, above: Some((at, lower)) })
            });
            uncovered.into_iter().chain(above)
        })
    }

    pub fn to_json(&self) -> Value {
        let entries = self.0.iter().map(|(pattern, limits)| {
            (pattern.to_string(), Value::Array(limits.iter().map(limit_to_json).collect()))
        });
        Value::Object(entries.collect())
    }

    /// Reads the object of scopes; `at` is its own pointer. All that is wrong is said at once.
    pub fn from_json(value: &Value, at: &str) -> Result<Scopes, Vec<Fault>> {
        let Some(object) = value.as_object() else {
            let detail = "scopes has to be an object: each scope with a list of its limits.";
            return Err(vec![Fault::new(at, detail)]);
        };
        if object.len() > MOST_PATTERNS {
            return Err(vec![Fault::new(at, format!("There are at most {MOST_PATTERNS} scopes."))]);
        }
        let mut faults = Vec::new();
        let mut scopes = BTreeMap::new();
        for (text, limits) in object {
            let at = format!("{at}/{}", pointer_part(text));
            let pattern = text.parse::<Pattern>();
            let limits = limits_from_json(limits, &at, &mut faults);
            match pattern {
                Ok(pattern) => drop(scopes.insert(pattern, limits)),
                Err(error) => faults.push(Fault::new(at, error.to_string())),
            }
        }
        if faults.is_empty() { Ok(Scopes(scopes)) } else { Err(faults) }
    }

    /// Reads what [`Scopes::to_json`] wrote and a table kept. What is not of the grammar grants nothing.
    pub fn stored(text: &str) -> Scopes {
        serde_json::from_str(text)
            .ok()
            .and_then(|value| Scopes::from_json(&value, "").ok())
            .unwrap_or_default()
    }
}

impl FromIterator<(Pattern, Vec<Limit>)> for Scopes {
    fn from_iter<I: IntoIterator<Item = (Pattern, Vec<Limit>)>>(all: I) -> Scopes {
        Scopes(all.into_iter().collect())
    }
}

/// One thing by which a document goes beyond another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beyond<'a> {
    pub pattern: &'a Pattern,
    /// Which of its limits is above which of the other document's; none, where the pattern is not covered at all.
    pub above: Option<(usize, &'a Limit)>,
}

impl Beyond<'_> {
    /// Where it is in a document whose scopes are at `at`.
    pub fn pointer(&self, at: &str) -> String {
        let pattern = pointer_part(&self.pattern.to_string());
        match self.above {
            None => format!("{at}/{pattern}"),
            Some((limit, _)) => format!("{at}/{pattern}/{limit}/value"),
        }
    }
}

fn limit_to_json(limit: &Limit) -> Value {
    let mut value = json!({
        "level": limit.level.code(),
        "type": limit.measure.code(),
        "value": limit.value,
    });
    if let Some(period) = limit.measure.period() {
        value["period"] =
            period.as_seconds().map_or_else(|| json!(period.to_string()), |seconds| json!(seconds));
    }
    value
}

fn limits_from_json(value: &Value, at: &str, faults: &mut Vec<Fault>) -> Vec<Limit> {
    let Some(list) = value.as_array() else {
        faults.push(Fault::new(at, "A scope has a list of limits; [] is without limit."));
        return Vec::new();
    };
    if list.len() > MOST_LIMITS {
        faults.push(Fault::new(at, format!("A scope has at most {MOST_LIMITS} limits.")));
        return Vec::new();
    }
    let mut limits: Vec<Limit> = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let at = format!("{at}/{index}");
        let Some(object) = value.as_object() else {
            faults.push(Fault::new(at, "A limit is an object with level, type and value."));
            continue;
        };
        let Some(limit) = limit_from_json(object, &at, faults) else { continue };
        if limits.iter().any(|other| other.counts_as(&limit)) {
            faults.push(Fault::new(
                at,
                format!("This scope has another limit of this kind: {limit}. Keep one."),
            ));
        }
        limits.push(limit);
    }
    limits
}

fn limit_from_json(object: &Map<String, Value>, at: &str, faults: &mut Vec<Fault>) -> Option<Limit> {
    let before = faults.len();
    for name in object.keys().filter(|name| !["level", "type", "value", "period"].contains(&name.as_str())) {
        let detail = "This field is not known. A limit has level, type, value, and with interval a period.";
        faults.push(Fault::new(format!("{at}/{}", pointer_part(name)), detail));
    }
    let mut fault = |name: &str, detail: &str| faults.push(Fault::new(format!("{at}/{name}"), detail));
    let level = object.get("level").and_then(Value::as_str).and_then(Level::from_code);
    if level.is_none() {
        fault("level", "level is organisation, key or user.");
    }
    let value = object.get("value").and_then(Value::as_i64).filter(|value| (0..=MOST).contains(value));
    if value.is_none() {
        fault("value", "value is a whole number from 0 on.");
    }
    let period = object.get("period").filter(|period| !period.is_null());
    let measure = match (object.get("type").and_then(Value::as_str), period) {
        (Some("interval"), Some(period)) => match period_from_json(period) {
            Ok(period) => Some(Measure::Interval(period)),
            Err(error) => {
                fault("period", &error.to_string());
                None
            }
        },
        (Some("interval"), None) => {
            fault("period", "An interval has a period: a number of seconds, or words such as \"1 month\".");
            None
        }
        (Some("count" | "inflight"), Some(_)) => {
            fault("period", "Only an interval has a period.");
            None
        }
        (Some("count"), None) => Some(Measure::Count),
        (Some("inflight"), None) => Some(Measure::Inflight),
        _ => {
            fault("type", "type is count, interval or inflight.");
            None
        }
    };
    (faults.len() == before).then_some(())?;
    Some(Limit { level: level?, measure: measure?, value: value? })
}

fn period_from_json(value: &Value) -> Result<Period, super::limit::PeriodError> {
    match value {
        Value::Number(number) => {
            let seconds = number.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
            Period::seconds(seconds.ok_or(super::limit::PeriodError)?)
        }
        Value::String(text) => text.parse(),
        _ => Err(super::limit::PeriodError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Result<Scopes, Vec<Fault>> {
        Scopes::from_json(&serde_json::from_str(text).expect("it is JSON"), "/scopes")
    }

    /// L2: the source's own example, as it is written there.
    #[test]
    fn the_sources_document_is_taken_and_given_back() {
        let text = r#"{"source_type:icloud.account":[{"level":"user","type":"count","value":3}],"task_type:icloud.*":[]}"#;
        let read = scopes(text).expect("it is right");
        assert_eq!(read.to_json().to_string(), text);
        assert_eq!(Scopes::stored(text), read);
        assert_eq!(scopes("{}"), Ok(Scopes::default()));
        for period in ["3600", "\"1 month\"", "\"2 days\""] {
            let text = format!(
                r#"{{"file_type:*":[{{"level":"key","period":{period},"type":"interval","value":0}}]}}"#
            );
            assert_eq!(scopes(&text).expect("it is right").to_json().to_string(), text);
        }
    }

    /// LIM-07, INJ-04: each wrong value is named with its place, all at once.
    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let wrong = r#"{"source_type:a": [{"level": "team", "type": "count", "value": -1, "ttl": 5}, 7],
            "nothing": [], "task_type:a": [{"level": "user", "type": "interval", "value": 1.5}],
            "file_type:a/b": 3, "data_type:a": [{"level": "key", "type": "count", "value": 1, "period": 60}]}"#;
        let faults = scopes(wrong).expect_err("it is wrong");
        let mut places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        places.sort_unstable();
        assert_eq!(
            places,
            [
                "/scopes/data_type:a/0/period",
                "/scopes/file_type:a~1b",
                "/scopes/file_type:a~1b",
                "/scopes/nothing",
                "/scopes/source_type:a/0/level",
                "/scopes/source_type:a/0/ttl",
                "/scopes/source_type:a/0/value",
                "/scopes/source_type:a/1",
                "/scopes/task_type:a/0/period",
                "/scopes/task_type:a/0/value",
            ]
        );
        for value in ["1e30", "-0.5", "null", "\"3\"", "9007199254740993", "true"] {
            let text = format!(r#"{{"file_type:a":[{{"level":"key","type":"count","value":{value}}}]}}"#);
            assert!(scopes(&text).is_err(), "{value}");
        }
        let twice = r#"{"file_type:a":[{"level":"key","type":"interval","value":1,"period":60},
            {"level":"key","type":"interval","value":2,"period":"1 minute"}]}"#;
        assert_eq!(scopes(twice).expect_err("it is said twice")[0].pointer, "/scopes/file_type:a/1");
    }

    /// L7, CAP-01, CAP-02
    #[test]
    fn a_document_stays_within_another_or_says_where_not() {
        let outer = scopes(
            r#"{"source_type:icloud.*": [{"level": "user", "type": "count", "value": 3}], "task_type:*": []}"#,
        )
        .expect("it is right");
        let within = |text: &str| {
            let inner = scopes(text).expect("it is right");
            inner.beyond(&outer).map(|beyond| beyond.pointer("/scopes")).collect::<Vec<_>>()
        };
        assert!(
            within(r#"{"source_type:icloud.account": [], "task_type:a.*": [], "task_type:*": []}"#)
                .is_empty()
        );
        assert!(
            within(
                r#"{"source_type:icloud.account": [{"level": "user", "type": "count", "value": 3},
            {"level": "key", "type": "count", "value": 9}]}"#
            )
            .is_empty()
        );
        assert_eq!(within(r#"{"source_type:*": []}"#), ["/scopes/source_type:*"]);
        assert_eq!(within(r#"{"source_type:icloud": []}"#), ["/scopes/source_type:icloud"]);
        assert_eq!(
            within(r#"{"source_type:icloud.a": [{"level": "user", "type": "count", "value": 4}]}"#),
            ["/scopes/source_type:icloud.a/0/value"]
        );
    }
}
