//! What the editor of a permission posts: rows of scopes, and under each its limits, as many as there are.

use std::collections::{BTreeMap, HashMap};

use crate::domain::permissions::{
    Level, Limit, MOST, MOST_LIMITS, MOST_PATTERNS, Measure, Pattern, Period, ScopeType, Scopes,
};
use crate::domain::permitting::{Known, Over, Said};
use crate::domain::values::PermissionName;
use crate::web::error::{Error, Result};
use crate::web::forms::Field;

/// A limit as it is typed.
#[derive(Clone, Debug, Default)]
pub struct LimitRow {
    pub level: String,
    pub measure: String,
    pub value: Field,
    pub period: Field,
}

impl LimitRow {
    fn new() -> LimitRow {
        LimitRow {
            level: Level::User.code().to_owned(),
            measure: Measure::Count.code().to_owned(),
            ..LimitRow::default()
        }
    }

    fn of(limit: &Limit) -> LimitRow {
        LimitRow {
            level: limit.level.code().to_owned(),
            measure: limit.measure.code().to_owned(),
            value: Field::new(limit.value.to_string()),
            period: Field::new(limit.measure.period().map(|period| period.to_string()).unwrap_or_default()),
        }
    }

    fn read(&mut self) -> Result<Option<Limit>> {
        let level = Level::from_code(&self.level).ok_or(Error::Unfit("There is no such level."))?;
        let number = self.value.value.trim().parse::<i64>().ok().filter(|value| (0..=MOST).contains(value));
        let value = self.value.note(number.ok_or("Enter a whole number from 0 on, or remove this limit."));
        let period = self.period.value.trim();
        let measure = match (self.measure.as_str(), period) {
            ("count", "") => Some(Measure::Count),
            ("inflight", "") => Some(Measure::Inflight),
            ("count" | "inflight", _) => {
                self.period.note(Err("Only “in a period” has one. Leave it empty, or choose that."))
            }
            ("interval", "") => self.period.note(Err("Say in which period, such as 1 day.")),
            ("interval", text) => {
                let read = match text.parse::<u32>() {
                    Ok(seconds) => Period::seconds(seconds),
                    Err(_) => text.parse(),
                };
                self.period.note(read).map(Measure::Interval)
            }
            _ => return Err(Error::Unfit("There is no such type of limit.")),
        };
        Ok(value.zip(measure).map(|(value, measure)| Limit { level, measure, value }))
    }

    fn is_wrong(&self) -> bool {
        self.value.error.is_some() || self.period.error.is_some()
    }
}

/// A scope as it is typed.
#[derive(Clone, Debug, Default)]
pub struct ScopeRow {
    pub kind: String,
    pub scope: Field,
    pub limits: Vec<LimitRow>,
    /// What a wildcard stands for.
    pub covers: Option<String>,
}

impl ScopeRow {
    fn new() -> ScopeRow {
        ScopeRow { kind: ScopeType::Source.code().to_owned(), ..ScopeRow::default() }
    }

    fn is_blank(&self) -> bool {
        self.scope.value.trim().is_empty() && self.limits.is_empty()
    }

    /// Whoever pastes the whole scope into the box means it.
    fn whole(&self) -> String {
        let typed = self.scope.value.trim();
        if typed.contains(':') { typed.to_owned() } else { format!("{}:{typed}", self.kind) }
    }
}

/// What is typed of a permission.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub name: Field,
    pub rows: Vec<ScopeRow>,
    /// What the button that was pressed asks for.
    pub act: String,
    pub digest: String,
}

impl Typed {
    /// An empty form, with one row.
    pub fn new() -> Typed {
        Typed { rows: vec![ScopeRow::new()], ..Typed::default() }
    }

    /// The form of what is stored.
    pub fn of(name: &str, scopes: &Scopes) -> Typed {
        let row = |(pattern, limits): (&Pattern, &[Limit])| {
            let text = pattern.to_string();
            let (kind, scope) = text.split_once(':').unwrap_or_default();
            ScopeRow {
                kind: kind.to_owned(),
                scope: Field::new(scope),
                limits: limits.iter().map(LimitRow::of).collect(),
                covers: None,
            }
        };
        let rows = scopes.iter().map(row).collect();
        Typed { name: Field::new(name), rows, ..Typed::default() }
    }

    /// A field that is not part of the form refuses it, as does one that comes twice. A button that adds or removes a
    /// row has done so afterwards.
    pub fn read(pairs: &[(String, String)]) -> Result<Typed> {
        let mut typed = Typed::default();
        let mut rows: BTreeMap<usize, (ScopeRow, BTreeMap<usize, LimitRow>)> = BTreeMap::new();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in pairs {
            if seen.contains(&name.as_str()) {
                return Err(Error::Malformed("It holds a field twice. Reload the page and try again."));
            }
            seen.push(name);
            match name.as_str() {
                "name" => typed.name.value.clone_from(value),
                "act" => typed.act.clone_from(value),
                "digest" => typed.digest.clone_from(value),
                name => {
                    let mut parts = name.split('-');
                    let field = parts.next().unwrap_or_default();
                    let row = number(parts.next(), MOST_PATTERNS * 2)?.ok_or(Error::UnknownField)?;
                    let limit = number(parts.next(), MOST_LIMITS * 2)?;
                    let (scope, limits) = rows.entry(row).or_default();
                    let slot = match (field, limit) {
                        ("type", None) => &mut scope.kind,
                        ("scope", None) => &mut scope.scope.value,
                        ("level", Some(at)) => &mut limits.entry(at).or_default().level,
                        ("measure", Some(at)) => &mut limits.entry(at).or_default().measure,
                        ("value", Some(at)) => &mut limits.entry(at).or_default().value.value,
                        ("period", Some(at)) => &mut limits.entry(at).or_default().period.value,
                        _ => return Err(Error::UnknownField),
                    };
                    if parts.next().is_some() {
                        return Err(Error::UnknownField);
                    }
                    slot.clone_from(value);
                }
            }
        }
        let act = typed.act.clone();
        let mut parts = act.splitn(3, '-');
        let (verb, noun, at) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
        let (row, limit) = at.split_once('-').map_or((at, None), |(row, limit)| (row, Some(limit)));
        let (row, limit) = (row.parse().unwrap_or(usize::MAX), limit.and_then(|at| at.parse::<usize>().ok()));
        match (verb, noun) {
            (Some("remove"), Some("scope")) => drop(rows.remove(&row)),
            (Some("remove"), Some("limit")) => {
                if let (Some((_, limits)), Some(limit)) = (rows.get_mut(&row), limit) {
                    limits.remove(&limit);
                }
            }
            (Some("add"), Some("limit")) => {
                if let Some((_, limits)) = rows.get_mut(&row) {
                    let last = limits.keys().last().map_or(0, |last| last + 1);
                    limits.insert(last, LimitRow::new());
                }
            }
            _ => {}
        }
        typed.rows = rows
            .into_values()
            .map(|(row, limits)| ScopeRow { limits: limits.into_values().collect(), ..row })
            .collect();
        if act == "add-scope" {
            typed.rows.push(ScopeRow::new());
        }
        Ok(typed)
    }

    /// Whether a button was pressed that only changes the form.
    pub fn is_being_edited(&self) -> bool {
        self.act == "edit" || self.act.starts_with("add-") || self.act.starts_with("remove-")
    }

    /// What is said, if all of it can be; else each field says what is wrong with it.
    pub fn said(&mut self) -> Result<Option<Said>> {
        let name = self.name.parse::<PermissionName>();
        let mut scopes: Vec<(Pattern, Vec<Limit>)> = Vec::new();
        let mut is_right = true;
        for row in self.rows.iter_mut().filter(|row| !row.is_blank()) {
            let whole = row.whole();
            let pattern = row.scope.note(whole.parse::<Pattern>());
            let limits = limits(row)?;
            let (Some(pattern), Some(limits)) = (pattern, limits) else {
                is_right = false;
                continue;
            };
            if scopes.iter().any(|(other, _)| *other == pattern) {
                let why = format!("{pattern} is here twice. Put its limits under one.");
                row.scope.note::<()>(Err(why));
                is_right = false;
                continue;
            }
            scopes.push((pattern, limits));
        }
        if scopes.len() > MOST_PATTERNS {
            return Err(Error::TooLarge);
        }
        let scopes = scopes.into_iter().collect();
        Ok(name.filter(|_| is_right).map(|name| Said { name, scopes }))
    }

    /// Says beside the fields where it goes beyond the base.
    pub fn note_over(&mut self, over: &[Over]) {
        let mut by_pattern: HashMap<String, &mut ScopeRow> =
            self.rows.iter_mut().map(|row| (row.whole(), row)).collect();
        for over in over {
            let Some(row) = by_pattern.get_mut(&over.pattern.to_string()) else { continue };
            let field = match over.limit.and_then(|at| row.limits.get_mut(at)) {
                Some(limit) => &mut limit.value,
                None => &mut row.scope,
            };
            field.note::<()>(Err(&over.fault.detail));
        }
    }

    /// Says under each wildcard what it stands for, by what is known and what is typed here.
    pub fn explain(&mut self, mut known: Known) -> Known {
        let patterns: Vec<Option<Pattern>> = self.rows.iter().map(|row| row.whole().parse().ok()).collect();
        known.learn(&patterns.iter().flatten().map(|pattern| (pattern.clone(), Vec::new())).collect());
        for (row, pattern) in self.rows.iter_mut().zip(&patterns) {
            row.covers = pattern.as_ref().and_then(|pattern| known.covered(pattern));
        }
        known
    }

    /// The page begins at the first field that is wrong.
    pub fn focus_first(&mut self) {
        let rows = self.rows.iter_mut().flat_map(|row| {
            let limits = row.limits.iter_mut().flat_map(|limit| [&mut limit.value, &mut limit.period]);
            std::iter::once(&mut row.scope).chain(limits)
        });
        Field::focus_first(std::iter::once(&mut self.name).chain(rows));
    }

    pub fn is_wrong(&self) -> bool {
        let of_row = |row: &ScopeRow| row.scope.error.is_some() || row.limits.iter().any(LimitRow::is_wrong);
        self.name.error.is_some() || self.rows.iter().any(of_row)
    }

    /// The fields as they were typed, for the page that confirms them.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = vec![("name".to_owned(), self.name.value.clone())];
        for (at, row) in self.rows.iter().filter(|row| !row.is_blank()).enumerate() {
            pairs.push((format!("type-{at}"), row.kind.clone()));
            pairs.push((format!("scope-{at}"), row.scope.value.clone()));
            for (number, limit) in row.limits.iter().enumerate() {
                for (name, value) in [
                    ("level", &limit.level),
                    ("measure", &limit.measure),
                    ("value", &limit.value.value),
                    ("period", &limit.period.value),
                ] {
                    pairs.push((format!("{name}-{at}-{number}"), value.clone()));
                }
            }
        }
        pairs
    }
}

/// A row's limits, if all can be read and none is said twice.
fn limits(row: &mut ScopeRow) -> Result<Option<Vec<Limit>>> {
    let mut limits: Vec<Limit> = Vec::new();
    let mut is_right = true;
    for typed in &mut row.limits {
        let Some(limit) = typed.read()? else {
            is_right = false;
            continue;
        };
        if let Some(other) = limits.iter().find(|other| other.counts_as(&limit)) {
            let why = format!("This scope has another limit of this kind: {other}. Keep one.");
            typed.value.note::<()>(Err(why));
            is_right = false;
        }
        limits.push(limit);
    }
    if limits.len() > MOST_LIMITS {
        row.scope.note::<()>(Err(format!("A scope has at most {MOST_LIMITS} limits.")));
        is_right = false;
    }
    Ok(is_right.then_some(limits))
}

fn number(part: Option<&str>, most: usize) -> Result<Option<usize>> {
    let Some(part) = part else { return Ok(None) };
    let number = part.parse::<usize>().ok().filter(|number| *number < most && part == number.to_string());
    number.map(Some).ok_or(Error::UnknownField)
}
