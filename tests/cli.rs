//! The sysadmin's command line: the real program, beside the application, on both databases.

mod backup;
mod base;
mod demo;
mod keys;
mod organizations;
mod people;
mod records;
mod rotate_key;

use std::process::{Command, Output};

use clap::CommandFactory;
use interlock::cli::Arguments;
use interlock::config::DatabaseUrl;
use serde_json::Value;

use crate::support::TestApp;
use crate::support::program::{PROGRAM, Place};

/// What the program said, and with which code it ended.
pub(crate) struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("it writes UTF-8"),
            err: String::from_utf8(output.stderr).expect("it writes UTF-8"),
        }
    }
}

impl Said {
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// It ended with this code and said why on stderr, in a sentence.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, why: &str) {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        assert!(self.err.contains(why), "{why:?} is not in {:?}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

/// Runs the program with an application's settings, with a space between arguments.
pub(crate) fn program(app: &TestApp, arguments: &str) -> Said {
    let config = &app.app.config;
    let database = match &config.database_url {
        DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Postgres(url) => url.expose().clone(),
    };
    let mut command = Command::new(PROGRAM);
    command.env_clear().current_dir(&config.data_dir).args(arguments.split_whitespace());
    command.env("INTERLOCK_DATA_DIR", &config.data_dir).env("INTERLOCK_DATABASE_URL", database);
    command.env("INTERLOCK_BASE_URL", config.base_url.as_str());
    command.output().expect("the program runs").into()
}

/// The lines of a table below its head, each cut at two spaces.
fn table(text: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    text.lines().skip(1).take_while(|line| !line.is_empty()).map(cells).collect()
}

/// Both databases, with the machine's clock: the program has no other.
macro_rules! on_both_now {
    ($($tests:tt)+) => {
        $crate::support::on_both! {
            @on TestApp::served(None, &[]), TestApp::served(Some($crate::support::fresh_schema().await), &[]);
            $($tests)+
        }
    };
}

use on_both_now;

/// Every command says what it does, with an example.
#[test]
fn every_command_has_help_with_an_example() {
    fn walk(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let leaves: Vec<_> = command.get_subcommands().filter(|one| one.get_name() != "help").collect();
        assert!(command.get_about().is_some(), "{path} does not say what it is for");
        for one in &leaves {
            walk(one, &format!("{path} {}", one.get_name()), found);
        }
        if leaves.is_empty() {
            let plain = ["serve", "config", "migrate"].contains(&command.get_name());
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(plain || help.contains(path), "{path} has no example");
            found.push(path.to_owned());
        }
    }
    let mut found = Vec::new();
    walk(&Arguments::command(), "interlock", &mut found);
    assert!(found.contains(&"interlock user reset-password".to_owned()), "{found:?}");
    Arguments::command().debug_assert();
}

/// A command opens what is there; where a path was mistyped it makes nothing.
#[test]
fn a_command_makes_no_database() {
    let place = Place::new();
    for arguments in
        [&["user", "list"][..], &["audit", "verify"], &["org", "list"], &["mail", "retry", "--failed"]]
    {
        Said::from(place.run(arguments, &[])).fails(1, "never started there");
    }
    Said::from(place.run(&["backup", "b.db"], &[])).fails(1, "There is no database");
    assert_eq!(std::fs::read_dir(&place.0).expect("it can be read").count(), 0, "nothing was made");
}

/// Asked in a wrong way, a command ends with 2 and does nothing.
#[test]
fn a_wrong_question_ends_with_2() {
    let place = Place::new();
    for arguments in [
        &["users"][..],
        &["user"],
        &["user", "list", "--limit", "0"],
        &["mail", "list", "--state", "lost"],
        &["mail", "retry"],
        &["org", "export-audit", "acme", "--force"],
        &["backup"],
    ] {
        assert_eq!(Said::from(place.run(arguments, &[])).code, Some(2), "{arguments:?}");
    }
}

/// A newer program does not change the tables under an older server: that is for `migrate`.
#[tokio::test]
async fn a_command_leaves_an_older_database_as_it_is() {
    let app = TestApp::sqlite().await;
    crate::support::database::execute(&app, "delete from _sqlx_migrations where version > 1").await;
    program(&app, "user list").fails(1, "interlock migrate");
    crate::support::database::execute(
        &app,
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (99, 'x', true, x'00', 0)",
    )
    .await;
    program(&app, "user list").fails(1, "newer version");
}
