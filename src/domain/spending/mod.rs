//! Checking and spending (L1–L7): may this key do that, for that user, now? An allowed check spends of all limits that
//! hold for it, or of none; a refused one spends nothing and says what stands in its way.
//!
//! What is used is in counters (`plan` finds them). Requests that wait are taken together into one transaction
//! (`queue`), in which each is weighed in memory by itself (`weighing`), and are answered when it is on the disk.

mod batch;
mod kept;
mod leases;
mod plan;
mod queue;
mod saving;
mod sql;
mod sweeping;
mod usage;
mod weighing;

use self::batch::{Ask, Done, Hold, Job};
pub use self::queue::Spending;
pub(crate) use self::sweeping::{erase, sweep};
pub use self::usage::{MOST_HOLDERS, Usage, usage};
use crate::app::App;
use crate::clock::{HOUR, MINUTE, Timestamp};
use crate::domain::api_keys::{self, Caller, Source};
use crate::domain::permissions::{Limit, MOST, Scope};
use crate::ids::LeaseId;
use crate::secrets::sha256_hex;

/// Questions that come together.
pub const MOST_CHECKS: usize = 100;
/// Limits that questions which come together are weighed by: whoever asks more holds up everybody else.
pub const MOST_WEIGHED: usize = 2_000;
/// What one check spends, at most: what a limit's value is, at most.
pub const MOST_COST: i64 = MOST;
/// How long a lease lasts, where nothing is said, and at most: milliseconds.
pub const USUAL_LEASE: i64 = MINUTE;
pub const LONGEST_LEASE: i64 = HOUR;
/// Bytes of a user's, an object's or an idempotency key's name.
pub const LONGEST_NAME: usize = 500;

/// What a machine asks.
#[derive(Clone, Debug)]
pub struct Question {
    pub scope: Scope,
    /// The caller's own name for its user.
    pub user: Option<String>,
    /// What is acted on: a count or an interval is spent once for each.
    pub object: Option<String>,
    /// From 1 on.
    pub cost: i64,
    pub idempotency_key: Option<String>,
    /// Answered as it would be, and nothing is spent.
    pub dry_run: bool,
    /// How long a lease lasts: milliseconds.
    pub ttl: i64,
}

/// It is allowed, and spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub limits: Vec<Standing>,
    /// Where something was limited in how often it may be at once.
    pub lease: Option<Lease>,
}

/// How a limit stands after an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub pattern: String,
    pub limit: Limit,
    pub used: i64,
    /// When the next of it frees; of one that refuses, when enough does. Nothing where that never is, or nothing is used.
    pub resets_at: Option<Timestamp>,
    pub from: Source,
}

impl Standing {
    pub fn remaining(&self) -> i64 {
        (self.limit.value - self.used).max(0)
    }
}

/// A place that is held until it is given back or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub id: LeaseId,
    pub expires_at: Timestamp,
}

/// It is not allowed, and nothing is spent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{scope} is not covered by {}. {}", layer(*.by), remedy(*.by))]
    NotCovered { scope: Scope, by: Source },
    #[error("{pattern} is limited for each user ({limit}). Name the user that this is for.")]
    NoUser { pattern: String, limit: Limit },
    #[error("{}", .0.sentence())]
    Exceeded(Box<Exceeded>),
    #[error(
        "This idempotency key came with another question within the last 24 hours. Take a new one for each question."
    )]
    OtherQuestion,
    #[error("This API key was used as often as it may be. Make a new one from the key that it came from.")]
    UsedUp,
}

/// A limit that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    pub standing: Standing,
    /// What the question would spend of it.
    pub cost: i64,
}

impl Exceeded {
    fn sentence(&self) -> String {
        let Standing { pattern, limit, used, resets_at, .. } = &self.standing;
        let begun = format!("{pattern} is limited ({limit}): {used} used, and this takes {}.", self.cost);
        match resets_at {
            Some(at) => format!("{begun} Ask again from {} on.", at.rfc3339()),
            None => format!("{begun} Waiting does not help: somebody has to raise the limit."),
        }
    }
}

fn layer(source: Source) -> &'static str {
    match source {
        Source::Base => "the organization's base permission",
        Source::Permission => "this key's permission",
        Source::Ephemeral => "what this ephemeral key was narrowed to",
    }
}

fn remedy(source: Source) -> &'static str {
    match source {
        Source::Base => "Only whoever runs this server changes that.",
        Source::Permission => "Ask whoever manages the organization's keys to add it.",
        Source::Ephemeral => "Make one with this scope from the key that it came from.",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    #[error("There is no such lease of this key.")]
    NotFound,
    #[error("This lease has expired, or was given back. Check again for a new one.")]
    Over,
}

/// Why there is no answer: the transaction failed, for all who waited for it, and nothing was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Checks can't be answered at the moment. Nothing was spent.")]
pub struct Unanswered;

/// Why questions are not answered at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    #[error(
        "So many limits hold for these checks together that they can't be weighed at once. Send fewer checks."
    )]
    TooMuch,
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}

pub type Answer = Result<Granted, Refused>;

/// Answers questions in their order, in one transaction; each is allowed or refused by itself.
pub async fn check(app: &App, caller: &Caller, questions: &[Question]) -> Result<Vec<Answer>, CheckError> {
    let developer = caller.developer();
    let mut answers = Vec::with_capacity(questions.len());
    let mut waiting = Vec::new();
    let mut weighed = 0;
    for (at, question) in questions.iter().enumerate() {
        match plan::claims(caller, &developer, question) {
            Err(refused) => answers.push(Err(refused)),
            Ok(claims) => {
                weighed += claims.len();
                if weighed > MOST_WEIGHED {
                    return Err(CheckError::TooMuch);
                }
                let ask = ask(caller, &developer, question, claims);
                // Nothing to spend, nothing to remember: what the key says is the answer.
                if !ask.is_trivial() {
                    waiting.push((at, Job::Ask(Box::new(ask))));
                }
                answers.push(Ok(Granted { limits: Vec::new(), lease: None }));
            }
        }
    }
    if waiting.is_empty() {
        return Ok(answers);
    }
    let (places, jobs): (Vec<usize>, Vec<Job>) = waiting.into_iter().unzip();
    for (at, done) in places.into_iter().zip(app.spending.run(&app.db, jobs).await?) {
        if let Done::Asked(answer) = done {
            answers[at] = answer;
        }
    }
    Ok(answers)
}

fn ask(caller: &Caller, developer: &str, question: &Question, claims: Vec<plan::Claim>) -> Ask {
    let family = caller.family;
    let answer = question.idempotency_key.as_ref().filter(|_| !question.dry_run).map(|key| {
        let Question { scope, user, object, cost, ttl, .. } = question;
        let asked = format!("{:?}", (scope.to_string(), user, object, cost, ttl));
        (sha256_hex(format!("{family}\n{key}").as_bytes()), sha256_hex(asked.as_bytes()))
    });
    Ask {
        claims,
        organization: caller.organization,
        developer: developer.to_owned(),
        family,
        // Seconds are digits and leases are ids: neither begins so.
        object: question.object.as_ref().map(|object| format!("o{}", &sha256_hex(object.as_bytes())[..32])),
        cost: question.cost,
        dry_run: question.dry_run,
        ttl: question.ttl,
        answer,
        counted: caller.uses.map(|_| caller.key),
    }
}

/// Lets a lease last from now on for so long.
pub async fn renew(app: &App, caller: &Caller, lease: LeaseId, ttl: i64) -> Result<Lease, LeaseFailure> {
    match one(app, Job::Renew(hold(caller, lease), ttl)).await? {
        Done::Renewed(renewed) => Ok(renewed?),
        Done::Asked(_) | Done::Released(_) => Err(Unanswered.into()),
    }
}

/// Gives a lease back. One that is over already stays so.
pub async fn release(app: &App, caller: &Caller, lease: LeaseId) -> Result<(), LeaseFailure> {
    match one(app, Job::Release(hold(caller, lease))).await? {
        Done::Released(released) => Ok(released?),
        Done::Asked(_) | Done::Renewed(_) => Err(Unanswered.into()),
    }
}

async fn one(app: &App, job: Job) -> Result<Done, Unanswered> {
    app.spending.run(&app.db, vec![job]).await?.pop().ok_or(Unanswered)
}

fn hold(caller: &Caller, lease: LeaseId) -> Hold {
    Hold { lease, organization: caller.organization, family: caller.family }
}

/// Why nothing became of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseFailure {
    #[error(transparent)]
    Lease(#[from] LeaseError),
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}

/// Uses a key up by so many questions that spend of no limit (about access); says whether it had them left. A key
/// without a number of uses always has.
pub async fn use_up(app: &App, caller: &Caller, times: usize) -> sqlx::Result<bool> {
    if caller.uses.is_none() {
        return Ok(true);
    }
    let mut tx = app.db.write().await?;
    let (used, most) = api_keys::uses(&mut tx, caller.key).await?;
    let times = i64::try_from(times).unwrap_or(i64::MAX);
    if most - used < times {
        return Ok(false);
    }
    api_keys::add_uses(&mut tx, caller.key, times).await?;
    tx.commit().await?;
    Ok(true)
}
