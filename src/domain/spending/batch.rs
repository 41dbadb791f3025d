//! One transaction for all who wait: what they name is locked in one order, weighed in memory in their order, written,
//! and committed. Locks are taken of keys, answers and counters, each sorted: two processes never wait for each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::kept::{self, AnswerRow};
use super::leases::{self, LeaseRow};
use super::plan::Claim;
use super::sql::{self, Event};
use super::weighing::Verdict;
use super::{Answer, Lease, LeaseError};
use crate::clock::{DAY, Timestamp};
use crate::domain::api_keys;
use crate::ids::{ApiKeyId, LeaseId, OrganizationId};
use crate::storage::{Db, Tx};

/// Of what never frees.
pub(super) const NEVER: Timestamp = Timestamp(i64::MAX);
/// For so long the same question gets the same answer.
pub(super) const REMEMBERED: i64 = DAY;

/// What somebody waits for.
pub(super) enum Job {
    Ask(Box<Ask>),
    /// For so many milliseconds from now on.
    Renew(Hold, i64),
    Release(Hold),
}

/// A question, with the counters that it spends of.
pub(super) struct Ask {
    pub claims: Vec<Claim>,
    pub organization: OrganizationId,
    pub developer: String,
    pub family: ApiKeyId,
    /// What stands for the object in events.
    pub object: Option<String>,
    pub cost: i64,
    pub dry_run: bool,
    pub ttl: i64,
    /// Under what the answer is kept, and what was asked.
    pub answer: Option<(String, String)>,
    /// A key that may be used so often.
    pub counted: Option<ApiKeyId>,
}

impl Ask {
    /// Whether the answer is known without asking the database.
    pub fn is_trivial(&self) -> bool {
        self.claims.is_empty() && self.answer.is_none() && self.counted.is_none()
    }
}

/// Whose lease it is said to be.
pub(super) struct Hold {
    pub lease: LeaseId,
    pub organization: OrganizationId,
    pub family: ApiKeyId,
}

/// What became of it, each of its kind.
pub(super) enum Done {
    Asked(Answer),
    Renewed(Result<Lease, LeaseError>),
    Released(Result<(), LeaseError>),
}

/// A counter, as it is in this transaction.
pub(super) struct Counter {
    pub organization: OrganizationId,
    pub developer: String,
    pub limited: String,
    pub used: i64,
    /// When the first of it frees.
    pub frees_at: Timestamp,
    /// It was not there before.
    pub is_new: bool,
    pub is_changed: bool,
    /// When the first frees has to be read again.
    pub is_stale: bool,
}

impl Counter {
    pub fn new(organization: OrganizationId, developer: &str, limited: &str) -> Counter {
        Counter {
            organization,
            developer: developer.to_owned(),
            limited: limited.to_owned(),
            used: 0,
            frees_at: NEVER,
            is_new: true,
            is_changed: false,
            is_stale: false,
        }
    }
}

/// Everything that this transaction knows and is about to write.
pub(super) struct Batch {
    pub now: Timestamp,
    pub counters: BTreeMap<String, Counter>,
    /// What was there of the marks that are asked for, and what came since.
    pub marked: HashMap<(String, String), Event>,
    pub added: BTreeMap<(String, String), Event>,
    pub moved: Vec<Event>,
    pub dropped: Vec<Event>,
    pub leases: BTreeMap<LeaseId, LeaseRow>,
    pub saved_leases: BTreeSet<LeaseId>,
    pub answers: BTreeMap<String, AnswerRow>,
    pub saved_answers: BTreeSet<String>,
    /// How often keys were used, may be, and are now.
    pub uses: BTreeMap<ApiKeyId, (i64, i64, i64)>,
}

/// Does what is waited for, and gives what became of each, once it is on the disk.
pub(super) async fn run(db: &Db, jobs: &[Job]) -> sqlx::Result<Vec<Done>> {
    let mut tx = db.write().await?;
    let mut batch = Batch::lock(&mut tx, jobs).await?;
    batch.free(&mut tx).await?;
    batch.read_marks(&mut tx, jobs).await?;
    let mut done = Vec::with_capacity(jobs.len());
    // Any order of those who wait at once is right; leases first, so that what is given back can be had.
    let mut moved: HashMap<usize, Done> =
        jobs.iter().enumerate().filter_map(|(at, job)| Some((at, batch.lease_job(job)?))).collect();
    batch.save_moved(&mut tx).await?;
    batch.read_firsts(&mut tx).await?;
    let verdicts: Vec<Option<Verdict>> = jobs
        .iter()
        .map(|job| match job {
            Job::Ask(ask) => Some(batch.weigh(ask)),
            Job::Renew(..) | Job::Release(..) => None,
        })
        .collect();
    let is_changed = batch.save(&mut tx).await?;
    for (at, (job, verdict)) in jobs.iter().zip(verdicts).enumerate() {
        match (job, verdict) {
            (Job::Ask(ask), Some(verdict)) => done.push(Done::Asked(verdict.answer(&mut tx, ask).await?)),
            _ => done.extend(moved.remove(&at)),
        }
    }
    // What only refused leaves nothing: neither a row nor a write to the disk.
    if is_changed {
        tx.commit().await?;
    }
    Ok(done)
}

impl Batch {
    /// An empty one, for the counters that are put into it.
    pub fn of(now: Timestamp, counters: BTreeMap<String, Counter>) -> Batch {
        Batch {
            now,
            counters,
            marked: HashMap::new(),
            added: BTreeMap::new(),
            moved: Vec::new(),
            dropped: Vec::new(),
            leases: BTreeMap::new(),
            saved_leases: BTreeSet::new(),
            answers: BTreeMap::new(),
            saved_answers: BTreeSet::new(),
            uses: BTreeMap::new(),
        }
    }

    async fn lock(tx: &mut Tx, jobs: &[Job]) -> sqlx::Result<Batch> {
        let mut batch = Batch::of(tx.now(), BTreeMap::new());
        let mut answers = BTreeMap::new();
        let (mut keys, mut leases) = (BTreeSet::new(), BTreeSet::new());
        for job in jobs {
            match job {
                Job::Ask(ask) => {
                    keys.extend(ask.counted);
                    if let Some((id, question)) = &ask.answer {
                        answers.entry(id.as_str()).or_insert((ask.organization, question.as_str()));
                    }
                    for claim in &ask.claims {
                        batch.names(&claim.id, || {
                            Counter::new(ask.organization, &ask.developer, &claim.limited)
                        });
                    }
                }
                Job::Renew(hold, _) | Job::Release(hold) => drop(leases.insert(hold.lease)),
            }
        }
        // One by one: a statement for all would lock them in an order of its own.
        for key in keys {
            let (used, most) = api_keys::uses(tx, key).await?;
            batch.uses.insert(key, (used, most, used));
        }
        if !answers.is_empty() {
            let rows: Vec<_> = answers
                .iter()
                .map(|(id, (organization, question))| (*id, *organization, *question))
                .collect();
            let rows = kept::lock_answers(tx, &rows, batch.now).await?;
            batch.answers = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        }
        if !leases.is_empty() {
            let ids: Vec<LeaseId> = leases.into_iter().collect();
            for row in leases::leases(tx, &ids).await? {
                for (id, limited) in row.counters.lines().filter_map(|line| line.split_once(' ')) {
                    batch.names(id, || Counter::new(row.organization, &row.developer, limited));
                }
                batch.leases.insert(row.id, row);
            }
        }
        batch.lock_counters(tx).await?;
        Ok(batch)
    }

    fn names(&mut self, id: &str, counter: impl FnOnce() -> Counter) {
        if !self.counters.contains_key(id) {
            self.counters.insert(id.to_owned(), counter());
        }
    }

    pub async fn lock_counters(&mut self, tx: &mut Tx) -> sqlx::Result<()> {
        let rows: Vec<(&str, &Counter)> =
            self.counters.iter().map(|(id, counter)| (id.as_str(), counter)).collect();
        let found = if rows.is_empty() { Vec::new() } else { sql::lock(tx, &rows).await? };
        for (id, used, frees_at) in found {
            if let Some(counter) = self.counters.get_mut(&id) {
                counter.is_new = used < 0;
                (counter.used, counter.frees_at) = (used.max(0), frees_at);
            }
        }
        // Whoever waited for a lock spends when they have it.
        self.now = tx.now();
        Ok(())
    }

    /// Drops what has freed. Each event is written once and dropped once, however many there are.
    pub async fn free(&mut self, tx: &mut Tx) -> sqlx::Result<()> {
        let due: Vec<&str> = self
            .counters
            .iter()
            .filter(|(_, counter)| counter.frees_at <= self.now)
            .map(|(id, _)| id.as_str())
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let freed = sql::free(tx, &due, self.now).await?;
        for counter in self.counters.values_mut().filter(|counter| counter.frees_at <= self.now) {
            (counter.is_changed, counter.is_stale) = (true, true);
        }
        for (id, amount) in freed {
            if let Some(counter) = self.counters.get_mut(&id) {
                counter.used -= amount;
            }
        }
        Ok(())
    }

    async fn read_marks(&mut self, tx: &mut Tx, jobs: &[Job]) -> sqlx::Result<()> {
        let mut marks: BTreeSet<(String, String)> = BTreeSet::new();
        for job in jobs {
            match job {
                Job::Ask(ask) => marks.extend(ask.marks().map(|(id, mark)| (id.to_owned(), mark.to_owned()))),
                Job::Renew(hold, _) | Job::Release(hold) => {
                    let lines = self.leases.get(&hold.lease).map_or("", |lease| &lease.counters).lines();
                    let ids = lines.filter_map(|line| line.split_once(' ')).map(|(id, _)| id.to_owned());
                    marks.extend(ids.map(|id| (id, hold.lease.to_string())));
                }
            }
        }
        if !marks.is_empty() {
            let marks: Vec<(&str, &str)> =
                marks.iter().map(|(id, mark)| (id.as_str(), mark.as_str())).collect();
            let found = sql::events(tx, &marks).await?;
            self.marked =
                found.into_iter().map(|event| ((event.counter.clone(), event.mark.clone()), event)).collect();
        }
        Ok(())
    }

    pub async fn read_firsts(&mut self, tx: &mut Tx) -> sqlx::Result<()> {
        let mut stale: Vec<&str> = Vec::new();
        for (id, counter) in self.counters.iter_mut().filter(|(_, counter)| counter.is_stale) {
            (counter.is_stale, counter.frees_at) = (false, NEVER);
            stale.push(id);
        }
        if stale.is_empty() {
            return Ok(());
        }
        for (id, frees_at) in sql::first_freeing(tx, &stale).await? {
            if let Some(counter) = self.counters.get_mut(&id) {
                counter.frees_at = frees_at;
            }
        }
        Ok(())
    }
}
