//! Rates: how many requests a minute somebody makes, counted in this process alone. They keep the server from being
//! kept busy, and hold no secret: what must not be guessed has a budget in the database.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::clock::{MINUTE, SECOND, Timestamp};

/// Beyond so many, those are forgotten whose minute is over.
const REMEMBERED: usize = 10_000;

#[derive(Debug)]
pub struct Rates<K> {
    most: u32,
    /// Since when somebody's minute runs, and how many requests it has had.
    minutes: Mutex<HashMap<K, (Timestamp, u32)>>,
}

/// What is left of a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub most: u32,
    pub left: u32,
    /// Until the next minute begins.
    pub seconds: i64,
    /// Whether this request is one too many.
    pub exceeded: bool,
}

impl<K: Copy + Eq + Hash> Rates<K> {
    pub fn new(most: u32) -> Rates<K> {
        Rates { most, minutes: Mutex::default() }
    }

    /// Counts one more request.
    pub fn spend(&self, who: K, now: Timestamp) -> Rate {
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that stepped back begins anew.
        let is_over = |since: Timestamp| !(0..MINUTE).contains(&now.since(since));
        if minutes.len() >= REMEMBERED {
            minutes.retain(|_, (since, _)| !is_over(*since));
        }
        let (since, used) = minutes.entry(who).or_insert((now, 0));
        if is_over(*since) {
            (*since, *used) = (now, 0);
        }
        let exceeded = *used >= self.most;
        *used = used.saturating_add(1).min(self.most);
        let seconds = (MINUTE - now.since(*since) + SECOND - 1) / SECOND;
        Rate { most: self.most, left: self.most - *used, seconds, exceeded }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each has a minute of their own, which ends by time alone; a refused request takes nothing from the next minute.
    #[test]
    fn a_minute_has_so_many() {
        let rates = Rates::new(2);
        let at = |milliseconds| Timestamp(1_000_000_i64 + milliseconds);
        assert_eq!(rates.spend("a", at(0)), Rate { most: 2, left: 1, seconds: 60, exceeded: false });
        assert_eq!(rates.spend("a", at(10_500)).seconds, 50);
        let refused = rates.spend("a", at(59_999));
        assert_eq!(refused, Rate { most: 2, left: 0, seconds: 1, exceeded: true });
        assert!(!rates.spend("b", at(59_999)).exceeded);
        assert_eq!(rates.spend("a", at(60_000)), Rate { most: 2, left: 1, seconds: 60, exceeded: false });
        // Back in time.
        assert!(!rates.spend("a", at(-10)).exceeded);
    }

    /// What is over is forgotten, so that the table does not grow for ever.
    #[test]
    fn what_is_over_is_forgotten() {
        let rates = Rates::new(2);
        for who in 0..2 * REMEMBERED {
            rates.spend(who, Timestamp(who as i64 * 100));
        }
        assert!(rates.minutes.lock().expect("nobody panicked").len() <= REMEMBERED);
    }
}
