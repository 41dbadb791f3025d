//! Whether a question is allowed, in memory, with the counters as the transaction has them.

use super::batch::{Ask, Batch, NEVER, REMEMBERED};
use super::kept::{self, AnswerRow};
use super::leases::LeaseRow;
use super::plan::Claim;
use super::sql::{self, Event};
use super::{Answer, Exceeded, Granted, Lease, Refused, Standing};
use crate::clock::{SECOND, Timestamp};
use crate::domain::permissions::Measure;
use crate::ids::LeaseId;
use crate::storage::Tx;

/// The second at whose beginning something frees that frees at `at`: never earlier. What frees in the same second is
/// one event.
pub(super) fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp(at.0.saturating_add(SECOND - 1) / SECOND * SECOND)
}

/// What came of a question.
pub(super) enum Verdict {
    Known(Answer),
    /// Which claims stand in the way; when enough of each frees is still to be found.
    Exceeded(Vec<Short>),
}

/// A claim that was not met.
pub(super) struct Short {
    claim: usize,
    used: i64,
    cost: i64,
    frees: Frees,
}

#[derive(Clone, Copy)]
enum Frees {
    Never,
    At(Timestamp),
    /// When so much has freed.
    By(i64),
}

impl Ask {
    /// The events that say whether something was spent for the object already.
    pub fn marks(&self) -> impl Iterator<Item = (&str, &str)> {
        let object = self.object.as_deref();
        let once = self.claims.iter().filter(|claim| claim.limit.measure != Measure::Inflight);
        once.filter_map(move |claim| Some((claim.id.as_str(), object?)))
    }
}

impl Batch {
    /// Answers a question, and spends if it is allowed: of all its counters, or of none (L5).
    pub fn weigh(&mut self, ask: &Ask) -> Verdict {
        if let Some(answer) = self.answered(ask) {
            return Verdict::Known(answer);
        }
        if let Some((_, most, is)) = ask.counted.and_then(|key| self.uses.get(&key))
            && is >= most
        {
            return Verdict::Known(Err(Refused::UsedUp));
        }
        let costs: Vec<i64> = ask.claims.iter().map(|claim| self.cost(ask, claim)).collect();
        let short: Vec<Short> = ask
            .claims
            .iter()
            .zip(&costs)
            .enumerate()
            .filter_map(|(at, (claim, cost))| self.short(at, claim, *cost))
            .collect();
        if !short.is_empty() {
            return Verdict::Exceeded(short);
        }
        let granted = self.spend(ask, &costs);
        if ask.dry_run {
            return Verdict::Known(Ok(granted));
        }
        if let Some((_, _, is)) = ask.counted.and_then(|key| self.uses.get_mut(&key)) {
            *is += 1;
        }
        if let Some((id, question)) = &ask.answer {
            let (answer, answered_at) = (kept::to_text(&granted), self.now);
            let row = AnswerRow { id: id.clone(), question: question.clone(), answer, answered_at };
            self.answers.insert(id.clone(), row);
            self.saved_answers.insert(id.clone());
        }
        Verdict::Known(Ok(granted))
    }

    /// The answer that was given to the same question under the same idempotency key.
    fn answered(&self, ask: &Ask) -> Option<Answer> {
        let (id, question) = ask.answer.as_ref()?;
        let row = self.answers.get(id).filter(|row| !row.answer.is_empty())?;
        if self.now.since(row.answered_at) >= REMEMBERED {
            return None;
        }
        if row.question != *question {
            return Some(Err(Refused::OtherQuestion));
        }
        kept::from_text(&row.answer).map(Ok)
    }

    /// What a question spends of a counter: nothing, where it was spent for the same object.
    fn cost(&self, ask: &Ask, claim: &Claim) -> i64 {
        let Some(object) = ask.object.as_ref().filter(|_| claim.limit.measure != Measure::Inflight) else {
            return ask.cost;
        };
        let is_known = self.marked.contains_key(&(claim.id.clone(), object.clone()));
        if is_known { 0 } else { ask.cost }
    }

    /// A claim that is not met. Under a value that was lowered below the use nothing passes, what is free included.
    fn short(&self, at: usize, claim: &Claim, cost: i64) -> Option<Short> {
        let counter = self.counters.get(&claim.id)?;
        let over = counter.used + cost - claim.limit.value;
        if over <= 0 {
            return None;
        }
        let frees = match claim.limit.measure {
            Measure::Count => Frees::Never,
            // More than there will ever be.
            _ if cost > claim.limit.value || claim.limit.value == 0 => Frees::Never,
            // Every event is of one at least.
            _ if over == 1 => Frees::At(counter.frees_at),
            _ => Frees::By(over),
        };
        Some(Short { claim: at, used: counter.used, cost, frees })
    }

    fn spend(&mut self, ask: &Ask, costs: &[i64]) -> Granted {
        let mut lease = None;
        let mut limits = Vec::with_capacity(ask.claims.len());
        for (claim, cost) in ask.claims.iter().zip(costs) {
            let frees_at = match claim.limit.measure {
                Measure::Count => NEVER,
                Measure::Interval(period) => whole_second(period.after(self.now)),
                Measure::Inflight => whole_second(self.now.plus(ask.ttl)),
            };
            let Some(counter) = self.counters.get_mut(&claim.id) else { continue };
            let used = counter.used + cost;
            let first = if *cost > 0 { counter.frees_at.min(frees_at) } else { counter.frees_at };
            limits.push(Standing {
                pattern: claim.pattern().to_owned(),
                limit: claim.limit,
                used,
                resets_at: (first != NEVER).then_some(first),
                from: claim.from,
            });
            if ask.dry_run || *cost == 0 {
                continue;
            }
            (counter.used, counter.frees_at, counter.is_changed) = (used, first, true);
            let mark = match claim.limit.measure {
                Measure::Inflight => {
                    let lease =
                        lease.get_or_insert_with(|| Lease { id: LeaseId::generate(), expires_at: frees_at });
                    Some(lease.id.to_string())
                }
                Measure::Count => ask.object.clone(),
                Measure::Interval(_) => {
                    Some(ask.object.clone().unwrap_or_else(|| (frees_at.0 / SECOND).to_string()))
                }
            };
            if let Some(mark) = mark {
                self.mark(Event { counter: claim.id.clone(), mark, frees_at, amount: *cost });
            }
        }
        if let Some(lease) = lease {
            self.leases.insert(lease.id, lease_row(ask, &lease));
            self.saved_leases.insert(lease.id);
        }
        Granted { limits, lease }
    }

    fn mark(&mut self, event: Event) {
        let place = (event.counter.clone(), event.mark.clone());
        self.marked.insert(place.clone(), event.clone());
        self.added.entry(place).and_modify(|other| other.amount += event.amount).or_insert(event);
    }
}

fn lease_row(ask: &Ask, lease: &Lease) -> LeaseRow {
    let inflight = ask.claims.iter().filter(|claim| claim.limit.measure == Measure::Inflight);
    let lines: Vec<String> = inflight.map(|claim| format!("{} {}", claim.id, claim.limited)).collect();
    LeaseRow {
        id: lease.id,
        organization: ask.organization,
        developer: ask.developer.clone(),
        family: ask.family,
        counters: lines.join("\n"),
        expires_at: lease.expires_at,
        is_over: false,
    }
}

impl Verdict {
    /// Finds out, where it is a refusal, which limit holds longest, and until when.
    pub async fn answer(self, tx: &mut Tx, ask: &Ask) -> sqlx::Result<Answer> {
        let short = match self {
            Verdict::Known(answer) => return Ok(answer),
            Verdict::Exceeded(short) => short,
        };
        let mut longest: Option<(Timestamp, Exceeded)> = None;
        for Short { claim, used, cost, frees } in short {
            let claim = &ask.claims[claim];
            // Rare: a question that takes several, or a limit that was lowered.
            let at = match frees {
                Frees::Never => NEVER,
                Frees::At(at) => at,
                Frees::By(amount) => sql::freed_by(tx, &claim.id, amount).await?.unwrap_or(NEVER),
            };
            if longest.as_ref().is_some_and(|(other, _)| *other >= at) {
                continue;
            }
            let standing = Standing {
                pattern: claim.pattern().to_owned(),
                limit: claim.limit,
                used,
                resets_at: (at != NEVER).then_some(at),
                from: claim.from,
            };
            longest = Some((at, Exceeded { standing, cost }));
        }
        // There is one: nothing is refused by no claim.
        longest
            .map(|(_, exceeded)| Err(Refused::Exceeded(Box::new(exceeded))))
            .ok_or(sqlx::Error::RowNotFound)
    }
}
