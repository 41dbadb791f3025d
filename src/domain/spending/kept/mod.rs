//! An answer as it is kept for whoever asks again with the same idempotency key.

mod sql;

use serde::{Deserialize, Serialize};

pub(super) use self::sql::{AnswerRow, drop_answers, lock_answers, save_answers};
use super::{Granted, Lease, Standing};
use crate::clock::Timestamp;
use crate::domain::api_keys::Source;
use crate::domain::permissions::{Level, Limit, Measure};

#[derive(Serialize, Deserialize)]
struct Kept {
    limits: Vec<KeptLimit>,
    lease: Option<(String, i64)>,
}

#[derive(Serialize, Deserialize)]
struct KeptLimit {
    pattern: String,
    level: String,
    measure: String,
    period: Option<String>,
    value: i64,
    used: i64,
    resets_at: Option<i64>,
    from: u8,
}

const SOURCES: [Source; 3] = [Source::Base, Source::Permission, Source::Ephemeral];

pub(super) fn to_text(granted: &Granted) -> String {
    let limits = granted.limits.iter().map(|standing| {
        let Limit { level, measure, value } = standing.limit;
        KeptLimit {
            pattern: standing.pattern.clone(),
            level: level.code().to_owned(),
            measure: measure.code().to_owned(),
            period: measure.period().map(|period| period.to_string()),
            value,
            used: standing.used,
            resets_at: standing.resets_at.map(|at| at.0),
            from: SOURCES.iter().position(|source| *source == standing.from).unwrap_or_default() as u8,
        }
    });
    let lease = granted.lease.map(|lease| (lease.id.to_string(), lease.expires_at.0));
    serde_json::to_string(&Kept { limits: limits.collect(), lease }).unwrap_or_default()
}

/// Nothing, where it is none of ours.
pub(super) fn from_text(text: &str) -> Option<Granted> {
    let kept: Kept = serde_json::from_str(text).ok()?;
    let limits = kept.limits.into_iter().map(|kept| {
        let measure = match (kept.measure.as_str(), kept.period) {
            ("interval", Some(period)) => Measure::Interval(period.parse().ok()?),
            ("inflight", None) => Measure::Inflight,
            ("count", None) => Measure::Count,
            _ => return None,
        };
        Some(Standing {
            pattern: kept.pattern,
            limit: Limit { level: Level::from_code(&kept.level)?, measure, value: kept.value },
            used: kept.used,
            resets_at: kept.resets_at.map(Timestamp),
            from: *SOURCES.get(usize::from(kept.from))?,
        })
    });
    let lease = match kept.lease {
        Some((id, at)) => Some(Lease { id: id.parse().ok()?, expires_at: Timestamp(at) }),
        None => None,
    };
    Some(Granted { limits: limits.collect::<Option<_>>()?, lease })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LeaseId;

    #[test]
    fn a_kept_answer_is_the_one_that_was_given() {
        let standing = |measure, from| Standing {
            pattern: "source_type:icloud.*".to_owned(),
            limit: Limit { level: Level::User, measure, value: 3 },
            used: 2,
            resets_at: matches!(measure, Measure::Interval(_)).then_some(Timestamp(5_000)),
            from,
        };
        let period = "3 months".parse().expect("it is a period");
        let granted = Granted {
            limits: vec![
                standing(Measure::Count, Source::Base),
                standing(Measure::Interval(period), Source::Permission),
                standing(Measure::Inflight, Source::Ephemeral),
            ],
            lease: Some(Lease { id: LeaseId::generate(), expires_at: Timestamp(60_000) }),
        };
        assert_eq!(from_text(&to_text(&granted)), Some(granted));
        assert_eq!(from_text(""), None);
        assert_eq!(from_text("{}"), None);
    }
}
