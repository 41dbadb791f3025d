//! Who waits for the database is taken together: one transaction, and one write to the disk, for many requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::Unanswered;
use super::batch::{self, Done, Job};
use crate::storage::Db;

/// Jobs that are taken into one transaction. Those of one request stay together.
const TOGETHER: usize = 128;
/// Counters that one transaction locks before it takes nobody else in.
const COUNTERS: usize = 1_000;
/// More than this many requests don't wait: they are turned away.
const WAITING: usize = 10_000;

/// The queue before the database. One at a time works it off, as long as somebody waits.
#[derive(Clone, Default)]
pub struct Spending(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    is_worked_off: bool,
}

struct Waiting {
    jobs: Vec<Job>,
    /// Dropped, it says that there is no answer.
    reply: oneshot::Sender<Vec<Done>>,
}

impl Waiting {
    fn counters(&self) -> usize {
        let claims = |job: &Job| match job {
            Job::Ask(ask) => ask.claims.len(),
            Job::Renew(..) | Job::Release(_) => 1,
        };
        self.jobs.iter().map(claims).sum()
    }
}

/// Who waits for so many of the jobs.
type Reply = (usize, oneshot::Sender<Vec<Done>>);

impl Spending {
    /// Waits for what becomes of jobs, in one transaction.
    pub(super) async fn run(&self, db: &Db, jobs: Vec<Job>) -> Result<Vec<Done>, Unanswered> {
        let (reply, answer) = oneshot::channel();
        let begins = {
            let mut queue = self.queue();
            if queue.waiting.len() >= WAITING {
                return Err(Unanswered);
            }
            queue.waiting.push_back(Waiting { jobs, reply });
            !std::mem::replace(&mut queue.is_worked_off, true)
        };
        // Apart from this request: whoever goes away takes nobody else's answer along.
        if begins {
            tokio::spawn(work_off(Worker(self.clone()), db.clone()));
        }
        answer.await.map_err(|_| Unanswered)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those who come next, and whom to tell of how many of them; nothing ends the work.
    fn next(&self) -> Option<(Vec<Job>, Vec<Reply>)> {
        let mut queue = self.queue();
        let (mut jobs, mut replies, mut counters) = (Vec::new(), Vec::new(), 0);
        while jobs.len() < TOGETHER && counters < COUNTERS {
            let Some(waiting) = queue.waiting.pop_front() else { break };
            // Nobody waits for it any more, and nothing was spent yet.
            if waiting.reply.is_closed() {
                continue;
            }
            counters += waiting.counters();
            replies.push((waiting.jobs.len(), waiting.reply));
            jobs.extend(waiting.jobs);
        }
        queue.is_worked_off = !jobs.is_empty();
        (!jobs.is_empty()).then_some((jobs, replies))
    }
}

/// Whoever works the queue off. Should that end early, those who wait are told, and the next one begins anew.
struct Worker(Spending);

impl Drop for Worker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut queue = self.0.queue();
            queue.waiting.clear();
            queue.is_worked_off = false;
        }
    }
}

async fn work_off(worker: Worker, db: Db) {
    while let Some((jobs, replies)) = worker.0.next() {
        match batch::run(&db, &jobs).await {
            Ok(done) => {
                let mut done = done.into_iter();
                for (count, reply) in replies {
                    // Whoever has gone away meanwhile finds out by asking again with the same idempotency key.
                    let _ = reply.send(done.by_ref().take(count).collect());
                }
            }
            Err(error) => tracing::error!(%error, "checks could not be answered"),
        }
    }
}
