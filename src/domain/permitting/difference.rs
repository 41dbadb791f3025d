//! What a change of a permission gives and takes, in sentences.

use std::collections::BTreeSet;

use crate::domain::permissions::{Limit, Pattern, Scopes};

/// One thing that changes about one pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub pattern: Pattern,
    pub words: String,
}

/// What is gained and lost by what is said after, against what is said before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub gained: Vec<Line>,
    pub lost: Vec<Line>,
    /// Said in another way; what may be done stays the same.
    pub same: Vec<Line>,
}

impl Difference {
    pub fn is_none(&self) -> bool {
        self.gained.is_empty() && self.lost.is_empty() && self.same.is_empty()
    }

    pub fn between(before: &Scopes, after: &Scopes) -> Difference {
        let mut difference = Difference::default();
        let all: BTreeSet<&Pattern> = before.iter().chain(after.iter()).map(|(pattern, _)| pattern).collect();
        for pattern in all {
            match (before.get(pattern), after.get(pattern)) {
                (None, Some(limits)) => difference.added(before, pattern, limits),
                (Some(limits), None) => difference.removed(after, pattern, limits),
                (Some(old), Some(new)) => difference.limits(pattern, old, new),
                (None, None) => {}
            }
        }
        difference.held_anew(before, after);
        difference
    }

    /// A wildcard's limits hold for narrower patterns too: those that stay granted are held back by one that comes,
    /// and no longer by one that goes.
    fn held_anew(&mut self, before: &Scopes, after: &Scopes) {
        let only_in = |one: &'_ Scopes, other: &'_ Scopes| -> Vec<(Pattern, String)> {
            let wide =
                one.iter().filter(|(pattern, limits)| !limits.is_empty() && other.get(pattern).is_none());
            wide.map(|(pattern, limits)| (pattern.clone(), in_words(limits))).collect()
        };
        let line = |wide: &Pattern, narrow: &Pattern, words: String| {
            (narrow != wide && wide.contains(narrow)).then(|| Line { pattern: narrow.clone(), words })
        };
        for (wide, limits) in only_in(after, before) {
            let words =
                |narrow| line(&wide, narrow, format!("Held back further: {limits}. {wide} covers it too"));
            self.lost.extend(before.iter().filter_map(|(narrow, _)| words(narrow)));
        }
        for (wide, limits) in only_in(before, after) {
            let words = |narrow| line(&wide, narrow, format!("No longer held back by {limits} of {wide}"));
            self.gained.extend(after.iter().filter_map(|(narrow, _)| words(narrow)));
        }
    }

    fn added(&mut self, before: &Scopes, pattern: &Pattern, limits: &[Limit]) {
        let (list, words) = match covering(before, pattern) {
            None => (&mut self.gained, format!("Granted, {}", in_words(limits))),
            Some(other) if limits.is_empty() => {
                (&mut self.same, format!("Named by itself: {other} covers it already, and goes on to hold"))
            }
            Some(other) => (
                &mut self.lost,
                format!("Held back further: {}. {other} covers it already", in_words(limits)),
            ),
        };
        list.push(Line { pattern: pattern.clone(), words });
    }

    fn removed(&mut self, after: &Scopes, pattern: &Pattern, limits: &[Limit]) {
        let (list, words) = match covering(after, pattern) {
            None => {
                let left: Vec<String> = after
                    .iter()
                    .filter(|(other, _)| pattern.contains(other))
                    .map(|(other, _)| other.to_string())
                    .collect();
                let words = match left.is_empty() {
                    true => format!("No longer granted; it was {}", in_words(limits)),
                    false => format!("No longer granted, but for {}", left.join(", ")),
                };
                (&mut self.lost, words)
            }
            Some(other) if limits.is_empty() => {
                (&mut self.same, format!("No longer named by itself: {other} covers it"))
            }
            Some(other) => {
                (&mut self.gained, format!("No longer held back by {}. {other} covers it", in_words(limits)))
            }
        };
        list.push(Line { pattern: pattern.clone(), words });
    }

    fn limits(&mut self, pattern: &Pattern, old: &[Limit], new: &[Limit]) {
        let line = |words| Line { pattern: pattern.clone(), words };
        for was in old {
            match new.iter().find(|is| is.counts_as(was)) {
                None => self.gained.push(line(format!("{was} → no such limit"))),
                Some(is) if is.value > was.value => self.gained.push(line(format!("{was} → {is}"))),
                Some(is) if is.value < was.value => self.lost.push(line(format!("{was} → {is}"))),
                // A day or 24 hours: spelled anew.
                Some(is) if is != was => self.same.push(line(format!("{was} → {is}"))),
                Some(_) => {}
            }
        }
        for is in new.iter().filter(|is| !old.iter().any(|was| was.counts_as(is))) {
            self.lost.push(line(format!("no such limit → {is}")));
        }
    }
}

/// Another pattern that covers all of this one.
fn covering<'a>(scopes: &'a Scopes, pattern: &Pattern) -> Option<&'a Pattern> {
    scopes.iter().map(|(other, _)| other).find(|other| *other != pattern && other.contains(pattern))
}

/// "without limit", or each limit.
pub fn in_words(limits: &[Limit]) -> String {
    match limits {
        [] => "without limit".to_owned(),
        limits => limits.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    }
}

/// Patterns with their limits, as an audit row has them.
pub(super) fn listed<'a>(patterns: impl Iterator<Item = (&'a Pattern, &'a [Limit])>) -> String {
    let words: Vec<String> =
        patterns.map(|(pattern, limits)| format!("{pattern} ({})", in_words(limits))).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::permissions::Scope;

    fn scopes(value: &serde_json::Value) -> Scopes {
        Scopes::from_json(value, "").expect("it is right")
    }

    fn words(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|line| format!("{} {}", line.pattern, line.words)).collect()
    }

    #[test]
    fn what_is_gained_and_lost_is_said() {
        let limit = |value| json!({"level": "user", "type": "count", "value": value});
        let before =
            scopes(&json!({"source_type:a": [limit(3)], "task_type:a.*": [], "file_type:x": [limit(1)]}));
        let after = scopes(&json!({
            "source_type:a": [limit(5), {"level": "key", "type": "inflight", "value": 2}],
            "task_type:a.b": [limit(1)], "file_type:*": [], "data_type:y": [],
        }));
        let difference = Difference::between(&before, &after);
        assert_eq!(
            words(&difference.gained),
            [
                "source_type:a each user: 3 ever → each user: 5 ever",
                "data_type:y Granted, without limit",
                "file_type:* Granted, without limit",
                "file_type:x No longer held back by each user: 1 ever. file_type:* covers it",
            ]
        );
        assert_eq!(
            words(&difference.lost),
            [
                "source_type:a no such limit → each key: 2 at once",
                "task_type:a.* No longer granted, but for task_type:a.b",
                "task_type:a.b Held back further: each user: 1 ever. task_type:a.* covers it already",
            ]
        );
        assert!(difference.same.is_empty());
        assert!(Difference::between(&after, &after).is_none());
    }

    fn any_scopes() -> impl Strategy<Value = Scopes> {
        let pattern = "(source_type|file_type):([ab](\\.[ab])?(\\.\\*)?|\\*)";
        proptest::collection::btree_map(pattern, any::<bool>(), 0..5).prop_map(|all| {
            let limited = |on| match on {
                true => json!([{"level": "key", "type": "count", "value": 1}]),
                false => json!([]),
            };
            scopes(&all.into_iter().map(|(pattern, on)| (pattern, limited(on))).collect())
        })
    }

    proptest! {
        /// Whatever is covered after and not before is said to be gained, and the other way round; the way back
        /// gains what was lost.
        #[test]
        fn nothing_is_left_out(before in any_scopes(), after in any_scopes()) {
            let difference = Difference::between(&before, &after);
            for text in ["a", "b", "c", "a.a", "a.b", "a.c", "b.a", "a.a.a", "a.b.c"] {
                for kind in ["source_type", "file_type"] {
                    let scope: Scope = format!("{kind}:{text}").parse().expect("it is a scope");
                    let said = |lines: &[Line]| lines.iter().any(|line| line.pattern.covers(&scope));
                    if after.covers(&scope) && !before.covers(&scope) {
                        prop_assert!(said(&difference.gained), "{scope}");
                    }
                    if before.covers(&scope) && !after.covers(&scope) {
                        prop_assert!(said(&difference.lost), "{scope}");
                    }
                    // How many limits hold for it: of one kind here, each pattern has one or none.
                    let held = |scopes: &Scopes| scopes.covering(&scope).map(|(_, limits)| limits.len()).sum::<usize>();
                    if before.covers(&scope) && after.covers(&scope) {
                        if held(&before) == 0 && held(&after) > 0 {
                            prop_assert!(said(&difference.lost), "{scope} is held back");
                        }
                        if held(&before) > 0 && held(&after) == 0 {
                            prop_assert!(said(&difference.gained), "{scope} is free");
                        }
                    }
                }
            }
            prop_assert_eq!(difference.is_none(), before == after);
        }
    }
}
