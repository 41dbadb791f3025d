//! Leases: renewing one and giving it back.

mod sql;

pub(super) use self::sql::{LeaseRow, leases, save_leases};
use super::batch::{Batch, Done, Hold, Job};
use super::sql::Event;
use super::weighing::whole_second;
use super::{Lease, LeaseError};

impl Batch {
    /// What becomes of a lease; nothing, if the job is a question.
    pub(super) fn lease_job(&mut self, job: &Job) -> Option<Done> {
        match job {
            Job::Ask(_) => None,
            Job::Renew(hold, ttl) => Some(Done::Renewed(self.renew(hold, *ttl))),
            Job::Release(hold) => Some(Done::Released(self.release(hold))),
        }
    }

    /// Another organization's or key's lease is as one that never was.
    fn ours(&self, hold: &Hold) -> Result<(), LeaseError> {
        let lease = self.leases.get(&hold.lease).ok_or(LeaseError::NotFound)?;
        let ours = lease.organization == hold.organization && lease.family == hold.family;
        if ours { Ok(()) } else { Err(LeaseError::NotFound) }
    }

    /// What a lease holds, as long as it holds all of it: what has expired was dropped a moment ago.
    fn held(&self, hold: &Hold) -> Option<Vec<Event>> {
        let lease = self.leases.get(&hold.lease).filter(|lease| !lease.is_over)?;
        let mark = hold.lease.to_string();
        let ids = lease.counters.lines().filter_map(|line| line.split_once(' ')).map(|(id, _)| id);
        ids.map(|id| self.marked.get(&(id.to_owned(), mark.clone())).cloned()).collect()
    }

    fn renew(&mut self, hold: &Hold, ttl: i64) -> Result<Lease, LeaseError> {
        self.ours(hold)?;
        let held = self.held(hold).ok_or(LeaseError::Over)?;
        let expires_at = whole_second(self.now.plus(ttl));
        let lease = self.leases.get_mut(&hold.lease).ok_or(LeaseError::NotFound)?;
        lease.expires_at = expires_at;
        self.saved_leases.insert(hold.lease);
        for event in held {
            let event = Event { frees_at: expires_at, ..event };
            self.touch(&event, 0);
            self.moved.retain(|other| (&other.counter, &other.mark) != (&event.counter, &event.mark));
            self.moved.push(event);
        }
        Ok(Lease { id: hold.lease, expires_at })
    }

    fn release(&mut self, hold: &Hold) -> Result<(), LeaseError> {
        self.ours(hold)?;
        let mark = hold.lease.to_string();
        let Some(lease) = self.leases.get_mut(&hold.lease) else { return Err(LeaseError::NotFound) };
        if lease.is_over {
            return Ok(());
        }
        lease.is_over = true;
        let ids: Vec<String> = lease
            .counters
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(id, _)| id.to_owned())
            .collect();
        self.saved_leases.insert(hold.lease);
        for id in ids {
            if let Some(event) = self.marked.remove(&(id, mark.clone())) {
                self.touch(&event, event.amount);
                self.dropped.push(event);
            }
        }
        self.moved.retain(|event| event.mark != mark);
        Ok(())
    }

    fn touch(&mut self, event: &Event, freed: i64) {
        if let Some(counter) = self.counters.get_mut(&event.counter) {
            counter.used -= freed;
            (counter.is_changed, counter.is_stale) = (true, true);
        }
    }
}
