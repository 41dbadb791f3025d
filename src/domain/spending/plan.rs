//! Which limits hold a question back: those of all patterns that cover its scope, in all layers of the key (L1).

use super::{Question, Refused};
use crate::domain::api_keys::{Caller, Source};
use crate::domain::permissions::{Level, Limit, Measure};
use crate::secrets::sha256_hex;

/// A counter that a question spends of, and the lowest value that holds for it.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// The counter's.
    pub id: String,
    /// The pattern, the level and the measure, as the counter has them.
    pub limited: String,
    /// How much of `limited` is the pattern.
    pattern: usize,
    pub limit: Limit,
    pub from: Source,
}

impl Claim {
    pub fn pattern(&self) -> &str {
        &self.limited[..self.pattern]
    }
}

/// What a counter limits, in one text. Periods of one length are one.
pub(super) fn limited(pattern: &str, limit: &Limit) -> String {
    let (level, measure) = (limit.level.code(), limit.measure.code());
    match limit.measure {
        Measure::Interval(period) => format!("{pattern} {level} {measure} {}", period.identity()),
        Measure::Count | Measure::Inflight => format!("{pattern} {level} {measure}"),
    }
}

/// A counter is found by what it is: permissions that say the same of the same pattern share it, and so do keys.
fn id(caller: &Caller, developer: &str, limited: &str, holder: &str) -> String {
    // The holder comes last: it alone may hold any character.
    let mut id = sha256_hex(format!("{}\n{developer}\n{limited}\n{holder}", caller.organization).as_bytes());
    id.truncate(32);
    id
}

/// The counters that a question spends of; a limit that two layers name is spent once, and the lower value binds.
pub(super) fn claims(caller: &Caller, developer: &str, question: &Question) -> Result<Vec<Claim>, Refused> {
    if let Some(source) = caller.refused_by(&question.scope) {
        return Err(Refused::NotCovered { scope: question.scope.clone(), by: source });
    }
    let mut claims: Vec<Claim> = Vec::new();
    for layer in &caller.layers {
        for (pattern, limits) in
            layer.scopes.covering(&question.scope).filter(|(_, limits)| !limits.is_empty())
        {
            let pattern = pattern.to_string();
            for limit in limits {
                let holder = match (limit.level, &question.user) {
                    (Level::Organisation, _) => String::new(),
                    (Level::Key, _) => layer.holder.to_string(),
                    (Level::User, Some(user)) => user.clone(),
                    (Level::User, None) => {
                        return Err(Refused::NoUser { pattern, limit: *limit });
                    }
                };
                let limited = limited(&pattern, limit);
                let id = id(caller, developer, &limited, &holder);
                match claims.iter_mut().find(|claim| claim.id == id) {
                    Some(claim) if claim.limit.value <= limit.value => {}
                    Some(claim) => (claim.limit, claim.from) = (*limit, layer.from),
                    None => {
                        let (pattern, limit, from) = (pattern.len(), *limit, layer.from);
                        claims.push(Claim { id, limited, pattern, limit, from });
                    }
                }
            }
        }
    }
    Ok(claims)
}
