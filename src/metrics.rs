//! What is counted while Interlock runs, for whoever watches it. Each label is one of a few words that are
//! known beforehand; a path, an address or an id is none of them: they are secrets, or without number.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::core::Collector;
use prometheus::{
    Counter, Gauge, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// In seconds: from what memory answers to what a timeout ends.
const SECONDS: [f64; 14] =
    [0.000_25, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    pub sign_ins: IntCounterVec,
    /// By what became of a try to send.
    pub mails: IntCounterVec,
    hashing: IntGaugeVec,
    outbox: IntGaugeVec,
    outbox_oldest: Gauge,
    process: Process,
}

/// What the operating system says of this process.
struct Process {
    memory: IntGauge,
    cpu: Counter,
}

/// How it is at the moment of asking.
pub struct Now {
    pub hashing_waiting: usize,
    pub hashing_running: usize,
    /// Missing, if the database does not answer.
    pub outbox: Option<Outbox>,
}

/// Mails in the outbox: due, to be tried later, given up lately; and since when the oldest due one is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    pub due: i64,
    pub later: i64,
    pub given_up: i64,
    pub oldest_due_for: Duration,
}

pub(crate) fn histogram(name: &str, help: &str, labels: &[&str]) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
    HistogramVec::new(options, labels).expect("names and labels are well-formed")
}

pub(crate) fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect("names and labels are well-formed")
}

fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    IntGaugeVec::new(Opts::new(name, help), labels).expect("names and labels are well-formed")
}

impl Metrics {
    /// `others` count for themselves, deeper inside.
    pub fn new(others: impl IntoIterator<Item = Box<dyn Collector>>) -> Metrics {
        let registry = Registry::new();
        let process = Process {
            memory: IntGauge::new("process_resident_memory_bytes", "Memory that the process holds.")
                .expect("the name is well-formed"),
            cpu: Counter::new("process_cpu_seconds_total", "Processor time that the process has used.")
                .expect("the name is well-formed"),
        };
        let metrics = Metrics {
            requests: counters(
                "interlock_http_requests_total",
                "Requests answered, by the route's pattern; - where there is no such route.",
                &["method", "route", "status"],
            ),
            request_seconds: histogram(
                "interlock_http_request_duration_seconds",
                "Time from a request's head to its answer's head.",
                &["method", "route"],
            ),
            sign_ins: counters(
                "interlock_sign_ins_total",
                "Sign-ins by password, factor, passkey or provider, by result.",
                &["result"],
            ),
            mails: counters("interlock_mails_total", "Tries to send a mail, by result.", &["result"]),
            hashing: gauges("interlock_password_hashes", "Passwords that are being hashed.", &["state"]),
            outbox: gauges(
                "interlock_outbox_mails",
                "Mails not sent: due, to be tried again later, and given up in the last 7 days.",
                &["state"],
            ),
            outbox_oldest: Gauge::new(
                "interlock_outbox_oldest_due_seconds",
                "For how long the oldest due mail has been due.",
            )
            .expect("the name is well-formed"),
            registry,
            process,
        };
        metrics.register(others);
        metrics
    }

    fn register(&self, others: impl IntoIterator<Item = Box<dyn Collector>>) {
        let build = gauges("interlock_build_info", "The version that runs.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let started = Gauge::new("process_start_time_seconds", "When the process started.")
            .expect("the name is well-formed");
        started.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        let own: [Box<dyn Collector>; 11] = [
            Box::new(self.requests.clone()),
            Box::new(self.request_seconds.clone()),
            Box::new(self.sign_ins.clone()),
            Box::new(self.mails.clone()),
            Box::new(self.hashing.clone()),
            Box::new(self.outbox.clone()),
            Box::new(self.outbox_oldest.clone()),
            Box::new(self.process.memory.clone()),
            Box::new(self.process.cpu.clone()),
            Box::new(build),
            Box::new(started),
        ];
        for collector in own.into_iter().chain(others) {
            self.registry.register(collector).expect("each name is given once");
        }
    }

    pub fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        // Anyone can make a method up.
        let method = ["GET", "POST", "HEAD"].into_iter().find(|known| *known == method).unwrap_or("other");
        let mut digits = [0; 3];
        let status = three_digits(status, &mut digits);
        self.requests.with_label_values(&[method, route, status]).inc();
        self.request_seconds.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }

    /// Everything in Prometheus's text format.
    pub fn text(&self, now: &Now) -> String {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.hashing.with_label_values(&["waiting"]).set(count(now.hashing_waiting));
        self.hashing.with_label_values(&["running"]).set(count(now.hashing_running));
        self.outbox.reset();
        self.outbox_oldest.set(0.0);
        if let Some(outbox) = &now.outbox {
            for (state, mails) in
                [("due", outbox.due), ("later", outbox.later), ("given_up", outbox.given_up)]
            {
                self.outbox.with_label_values(&[state]).set(mails);
            }
            self.outbox_oldest.set(outbox.oldest_due_for.as_secs_f64());
        }
        self.process.read();
        TextEncoder::new().encode_to_string(&self.registry.gather()).expect("the format holds any number")
    }
}

fn three_digits(number: u16, digits: &mut [u8; 3]) -> &str {
    *digits = [number / 100, number / 10, number].map(|part| b'0' + (part % 10) as u8);
    std::str::from_utf8(digits).unwrap_or_default()
}

impl Process {
    /// Where there is no `/proc`, nothing is known.
    fn read(&self) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<i64>().ok());
        self.memory.set(kilobytes.unwrap_or(0) * 1024);
        // The name, in brackets, may hold anything; user and system time are the 12th and 13th after it.
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let after = stat.rsplit(") ").next().unwrap_or_default();
        let ticks: f64 =
            after.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        self.cpu.inc_by((ticks / 100.0 - self.cpu.get()).max(0.0));
    }
}
