//! How long a connection is waited for, and held, by what it is for.

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramVec};

use crate::metrics::histogram;

/// One kind of use.
#[derive(Clone)]
pub(super) struct Span {
    pub(super) wait: Histogram,
    pub(super) held: Histogram,
}

#[derive(Clone)]
pub struct Times {
    wait: HistogramVec,
    held: HistogramVec,
    pub(super) read: Span,
    pub(super) write: Span,
    pub(super) change: Span,
    pub(super) account: Span,
}

impl Times {
    pub(super) fn new() -> Times {
        let wait = histogram(
            "interlock_database_wait_seconds",
            "Time until a connection to the database was free.",
            &["kind"],
        );
        let held = histogram(
            "interlock_database_held_seconds",
            "Time that a connection was held: reading, or a transaction, its locks included.",
            &["kind"],
        );
        let span =
            |kind| Span { wait: wait.with_label_values(&[kind]), held: held.with_label_values(&[kind]) };
        Times {
            read: span("read"),
            write: span("write"),
            change: span("change"),
            account: span("account"),
            wait,
            held,
        }
    }

    pub fn collectors(&self) -> [Box<dyn Collector>; 2] {
        [Box::new(self.wait.clone()), Box::new(self.held.clone())]
    }
}
