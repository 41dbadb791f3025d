//! A scope with its limits: each as a sentence and, where it is counted, as a bar.

use crate::domain::permissions::{Level, Limit, Measure, Pattern, Scopes};
use crate::domain::permitting::{Known, Over};
use crate::domain::spending::{MOST_HOLDERS, Usage};
use crate::web::html::{self, Moment, Times};

pub struct Bar {
    pub used: String,
    /// "of 3 ever"
    pub of: String,
    /// What a reader of the screen hears.
    pub label: String,
    pub value: i64,
    pub most: i64,
    pub tone: &'static str,
    pub left: String,
    pub right: String,
    pub resets: Option<Moment>,
    /// The whole limit in a sentence.
    pub sentence: String,
    /// What the base permission allows instead.
    pub over: Option<String>,
}

pub struct ScopeBars {
    pub scope: String,
    pub covers: Option<String>,
    pub bars: Vec<Bar>,
    /// "Near a limit", with its tone.
    pub state: Option<(&'static str, &'static str)>,
    /// Why the base permission grants nothing of it.
    pub over: Option<String>,
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Organisation => "All keys together",
        Level::Key => "Each key",
        Level::User => "Each user",
    }
}

fn bar(limit: &Limit, usage: Usage, times: &Times, over: Option<String>) -> Bar {
    let span = match limit.measure {
        Measure::Count => "ever".to_owned(),
        Measure::Inflight => "at once".to_owned(),
        Measure::Interval(period) => match period.to_string().strip_prefix("1 ") {
            Some(unit) => format!("per {unit}"),
            None => format!("in any {period}"),
        },
    };
    let percent = if limit.value == 0 { 100 } else { usage.most.saturating_mul(100) / limit.value };
    let tone = match percent {
        100.. => "bad",
        80.. => "warn",
        _ => "",
    };
    let holder = match limit.level {
        Level::Organisation => None,
        Level::Key => Some("key"),
        Level::User => Some("user"),
    };
    let left = match (limit.value, usage.most, holder) {
        (0, ..) => "None is allowed".to_owned(),
        (_, 0, _) => "Not used".to_owned(),
        (_, _, None) => format!("{percent}% used"),
        (_, _, Some(holder)) => format!("{percent}% used by the fullest {holder}"),
    };
    let right = match (limit.measure, holder) {
        // Beyond so many nobody looked: the fullest may be another.
        (_, Some(holder)) if usage.holders >= MOST_HOLDERS => {
            format!("{}+ {holder}s counted", html::number(MOST_HOLDERS))
        }
        (_, Some(holder)) if usage.holders > 0 => format!("{} counted", html::count(usage.holders, holder)),
        (Measure::Count, _) => "Never comes back".to_owned(),
        _ => String::new(),
    };
    Bar {
        used: html::number(usage.most),
        of: format!("of {} {span}", html::number(limit.value)),
        label: format!("{}: {} of {} {span}", level(limit.level), usage.most, limit.value),
        value: if limit.value == 0 { 1 } else { usage.most.min(limit.value) },
        most: limit.value.max(1),
        tone,
        left,
        right,
        resets: usage.resets_at.filter(|_| usage.most > 0).map(|at| times.until(at)),
        sentence: limit.to_string(),
        over,
    }
}

/// Each scope of a permission with its bars; `usage` is one for each limit, in their order.
pub fn scopes(
    scopes: &Scopes,
    usage: &[Usage],
    over: &[Over],
    known: &Known,
    times: &Times,
) -> Vec<ScopeBars> {
    let mut usage = usage.iter().copied();
    let one = |(pattern, limits): (&Pattern, &[Limit])| {
        let why = |at: Option<usize>| {
            let found = over.iter().find(|over| over.pattern == *pattern && over.limit == at);
            found.map(|over| over.fault.detail.clone())
        };
        let bars: Vec<Bar> = limits
            .iter()
            .enumerate()
            .map(|(at, limit)| bar(limit, usage.next().unwrap_or_default(), times, why(Some(at))))
            .collect();
        let has = |tone| bars.iter().any(|bar| bar.tone == tone);
        let state = match (has("bad"), has("warn")) {
            (true, _) => Some(("bad", "At a limit")),
            (_, true) => Some(("warn", "Near a limit")),
            _ => None,
        };
        ScopeBars { scope: pattern.to_string(), covers: known.covered(pattern), bars, state, over: why(None) }
    };
    scopes.iter().map(one).collect()
}
