//! The servers under measurement, as the operating system sees them.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::load::{Connection, get};

/// A server, pinned to the first core. Dropped, it is ended.
pub struct Server {
    child: Child,
    pub port: u16,
    /// From the start of the process to the first answer.
    pub started_in: Duration,
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

impl Server {
    /// With a mail server that takes connections and says nothing: mail is queued, and none is sent.
    pub async fn interlock(data: &Path) -> Server {
        let port = free_port();
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let smtp = format!("smtp://{}?tls=none", silent.local_addr().expect("it has an address"));
        std::mem::forget(silent);
        let mut command = pinned(env!("CARGO_BIN_EXE_interlock"));
        command
            .env("INTERLOCK_DATA_DIR", data)
            .env("INTERLOCK_SMTP_URL", smtp)
            .env("INTERLOCK_MAIL_FROM", "access@example.org")
            // The load says where each of its people comes from.
            .env("INTERLOCK_TRUSTED_PROXIES", "127.0.0.1")
            .env("INTERLOCK_LISTEN", format!("127.0.0.1:{port}"))
            .env("INTERLOCK_BASE_URL", format!("http://localhost:{port}"));
        Server::start(command, port, "/sign-in").await
    }

    /// `kind` is "bare" or "tuned".
    pub async fn bare(kind: &str, data: &Path, user: &str) -> Server {
        let port = free_port();
        let own = std::env::current_exe().expect("the program knows its place");
        let mut command = pinned(&own.display().to_string());
        command.arg(kind).arg(data.join("interlock.db")).arg(port.to_string());
        Server::start(command, port, &format!("/account/{user}")).await
    }

    async fn start(mut command: Command, port: u16, first: &str) -> Server {
        let begun = Instant::now();
        let child = command.spawn().expect("the program starts");
        let mut server = Server { child, port, started_in: Duration::ZERO };
        let request = get(port, first, "");
        loop {
            if let Ok(mut connection) = Connection::open(port).await
                && let Ok(answer) = connection.ask(&request).await
            {
                assert_eq!(answer.status, 200, "{}", answer.head);
                server.started_in = begun.elapsed();
                return server;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not answer");
            if let Ok(Some(status)) = server.child.try_wait() {
                panic!("the server ended: {status}");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Processor time that the process has used so far, in all threads: hundredths of a second.
    pub fn cpu(&self) -> f64 {
        let stat = self.proc("stat");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks: f64 = [11, 12].iter().filter_map(|at| fields[*at].parse::<f64>().ok()).sum();
        ticks / 100.0
    }

    /// Resident memory in MB.
    pub fn memory(&self) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(f64::NAN) / 1024.0
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("the process lives")
    }

    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.end();
        }
    }
}

/// A command on the first core; its log is written, and read by nobody.
fn pinned(program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0", program]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Moves this process, and what it starts from now on, to the second core.
pub fn step_aside() {
    let done = Command::new("taskset")
        .args(["-cp", "1", &std::process::id().to_string()])
        .stdout(Stdio::null())
        .status();
    assert!(done.is_ok_and(|status| status.success()), "the load needs a core of its own");
}

/// The machine's name, processor and system, for beside the figures.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    format!(
        "{}: {}, {cores} cores, Linux {}",
        read("/proc/sys/kernel/hostname"),
        model.trim_start_matches([' ', '\t', ':']),
        read("/proc/sys/kernel/osrelease"),
    )
}
