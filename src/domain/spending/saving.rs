//! What a transaction writes once all has been weighed.

use super::batch::Batch;
use super::kept::{self, AnswerRow};
use super::leases::{self, LeaseRow};
use super::sql::{self, Event};
use crate::clock::Timestamp;
use crate::domain::api_keys;
use crate::storage::Tx;

impl Batch {
    /// What became of leases, before what is asked is weighed.
    pub async fn save_moved(&mut self, tx: &mut Tx) -> sqlx::Result<()> {
        if !self.dropped.is_empty() {
            sql::drop_events(tx, &self.dropped).await?;
        }
        if !self.moved.is_empty() {
            sql::move_events(tx, &self.moved).await?;
        }
        Ok(())
    }

    /// Writes what came of it, and says whether anything did.
    pub async fn save(&mut self, tx: &mut Tx) -> sqlx::Result<bool> {
        if !self.added.is_empty() {
            let events: Vec<Event> = self.added.values().cloned().collect();
            sql::add_events(tx, &events).await?;
        }
        let mut is_changed = self.counters.values().any(|counter| counter.is_changed);
        let used: Vec<(&str, i64, Timestamp)> = self
            .counters
            .iter()
            .filter(|(_, counter)| counter.is_changed && counter.used > 0)
            .map(|(id, counter)| (id.as_str(), counter.used, counter.frees_at))
            .collect();
        if !used.is_empty() {
            sql::set_used(tx, &used).await?;
        }
        is_changed |= !self.saved_leases.is_empty() || !self.saved_answers.is_empty();
        is_changed |= self.uses.values().any(|(was, _, is)| is > was);
        if !is_changed {
            return Ok(false);
        }
        let unused: Vec<&str> = self
            .counters
            .iter()
            .filter(|(_, counter)| counter.used == 0 && (counter.is_changed || counter.is_new))
            .map(|(id, _)| id.as_str())
            .collect();
        if !unused.is_empty() {
            sql::drop_counters(tx, &unused).await?;
        }
        self.save_beside(tx).await?;
        Ok(true)
    }

    async fn save_beside(&self, tx: &mut Tx) -> sqlx::Result<()> {
        let leases: Vec<LeaseRow> =
            self.saved_leases.iter().filter_map(|id| self.leases.get(id).cloned()).collect();
        if !leases.is_empty() {
            leases::save_leases(tx, &leases).await?;
        }
        let answers: Vec<&AnswerRow> =
            self.saved_answers.iter().filter_map(|id| self.answers.get(id)).collect();
        if !answers.is_empty() {
            kept::save_answers(tx, &answers).await?;
        }
        // A refusal is not remembered: it spent nothing, and the same question may be allowed later.
        let refused: Vec<&str> =
            self.answers.values().filter(|row| row.answer.is_empty()).map(|row| row.id.as_str()).collect();
        if !refused.is_empty() {
            kept::drop_answers(tx, &refused).await?;
        }
        for (key, (was, _, is)) in self.uses.iter().filter(|(_, (was, _, is))| is > was) {
            api_keys::add_uses(tx, *key, is - was).await?;
        }
        Ok(())
    }
}
