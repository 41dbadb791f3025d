//! `interlock backup` and `interlock restore`

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::Said;
use crate::start::mode;
use crate::support::fresh_schema;
use crate::support::program::{PATIENCE, PROGRAM, Place, Server};

const CLOSED: [(&str, &str); 1] = [("INTERLOCK_SIGN_UP", "closed")];

/// A folder with an organization in its database, and a server that runs on it.
async fn served() -> (Place, Server) {
    let place = Place::new();
    let server = Server::start(&place, &CLOSED).await;
    let setup = server
        .greeting
        .split_whitespace()
        .find_map(|word| word.find("/setup/").map(|at| word[at..].to_owned()));
    let body = "organization=Acme&name=Ann&email=ann%40acme.example&password=stone+lemon+tree+dog";
    let made = server.post(&setup.expect("a link"), body).await;
    assert!(made.contains("location: /o/acme/users"), "{made}");
    (place, server)
}

pub async fn stopped() -> Place {
    let (place, server) = served().await;
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
    place
}

fn run(place: &Place, arguments: &[&str]) -> Said {
    place.run(arguments, &[]).into()
}

async fn execute(file: &Path, sql: &str) {
    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .foreign_keys(false)
        .connect()
        .await
        .expect("it opens");
    let statements = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    statements.execute(&mut connection).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
    connection.close().await.expect("it closes");
}

async fn text(file: &Path, sql: &str) -> String {
    let mut connection = SqliteConnectOptions::new().filename(file).connect().await.expect("it opens");
    let found = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await;
    connection.close().await.expect("it closes");
    found.unwrap_or_else(|error| panic!("{error}: {sql}"))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it can be read").flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn parts(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| name.ends_with(".part")).collect()
}

/// Backups while the server writes are of one moment each, and one that is put back serves on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_beside_a_busy_server_is_whole_and_comes_back() {
    let (place, server) = served().await;
    let server = std::sync::Arc::new(server);
    // A refused sign-in writes its count.
    let busy = {
        let server = server.clone();
        tokio::spawn(async move {
            let mut number = 0;
            loop {
                number += 1;
                server
                    .post("/sign-in", &format!("email=x{number}%40acme.example&password=wrong+wrong+wrong"))
                    .await;
            }
        })
    };
    for number in 0..4 {
        let said = run(&place, &["backup", &format!("{number}.db")]).ok();
        assert!(said.contains("data/secret.key"), "it says where the key is: {said}");
        assert_eq!(mode(&place.0.join(format!("{number}.db"))), 0o600);
    }
    // While it runs, nothing takes the database's place.
    run(&place, &["restore", "3.db"]).fails(1, "Stop it first");
    busy.abort();
    let _ = busy.await;
    let server = std::sync::Arc::into_inner(server).expect("nobody else has it");
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));

    execute(&place.0.join("data/interlock.db"), "update organizations set name = 'Later'").await;
    for number in 0..4 {
        let said = run(&place, &["restore", &format!("{number}.db"), "--json"]).json();
        assert_eq!((said["chains"].as_u64(), said["rows"].as_i64()), (Some(2), Some(3)), "{said}");
        let aside = PathBuf::from(said["put_aside"].as_str().expect("there was one before"));
        if number == 0 {
            assert_eq!(text(&place.0.join(&aside), "select name from organizations").await, "Later");
        }
        // Names of the same second would meet.
        fs::remove_file(place.0.join(&aside)).expect("it can be removed");
    }
    assert_eq!(names(&place.0.join("data")), ["interlock.db", "lock", "secret.key"]);
    assert_eq!(mode(&place.0.join("data/interlock.db")), 0o600);
    run(&place, &["audit", "verify"]).ok();
    let server = Server::start(&place, &[]).await;
    let answer = server.post("/sign-in", "email=ann%40acme.example&password=stone+lemon+tree+dog").await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
}

#[tokio::test]
async fn a_backup_replaces_nothing_by_accident() {
    let place = stopped().await;
    fs::write(place.0.join("b.db"), "mine").expect("it can be written");
    run(&place, &["backup", "b.db"]).fails(1, "--force");
    assert_eq!(fs::read_to_string(place.0.join("b.db")).expect("it is there"), "mine");
    run(&place, &["backup", "b.db", "--force"]).ok();
    let made = run(&place, &["backup", "c.db", "--json"]).json();
    assert_eq!(made["bytes"].as_u64(), fs::metadata(place.0.join("c.db")).ok().map(|file| file.len()));
    assert_eq!(made["sealing_key"], "in data/secret.key");
    run(&place, &["backup", "nowhere/b.db"]).fails(1, "can't be written");
    // A running program's database is not copied as a file: its newest rows are elsewhere.
    assert_eq!(names(&place.0), ["b.db", "c.db", "data", "log"]);
}

/// What the installation lives on is written over by no command, under whatever name, with and without a
/// server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn force_destroys_nothing_of_interlock_s_own() {
    let (place, server) = served().await;
    let data = place.0.join("data");
    std::os::unix::fs::symlink(data.join("interlock.db"), place.0.join("symlink")).expect("it can be linked");
    std::os::unix::fs::symlink("data", place.0.join("elsewhere")).expect("it can be linked");
    for (own, link) in [("interlock.db", "hard-link"), ("secret.key", "hard-link.key")] {
        fs::hard_link(data.join(own), place.0.join(link)).expect("it can be linked");
    }
    let own = || ["interlock.db", "secret.key"].map(|name| fs::read(data.join(name)).expect("it is there"));
    let refused = || {
        let before = own();
        for name in [
            "data/interlock.db",
            "data/interlock.db-wal",
            "data/interlock.db-shm",
            "data/interlock.db-journal",
            "data/lock",
            "data/secret.key",
            "data/../data/interlock.db",
            "elsewhere/secret.key",
            "elsewhere/interlock.db-wal",
            "symlink",
            "hard-link",
            "hard-link.key",
        ] {
            run(&place, &["backup", name, "--force"]).fails(1, "what Interlock itself runs on");
            run(&place, &["backup", name]).fails(1, "what Interlock itself runs on");
            run(&place, &["org", "export-audit", "acme", "--output", name, "--force"])
                .fails(1, "what Interlock itself runs on");
        }
        assert!(own() == before, "it has changed");
        run(&place, &["audit", "verify"]).ok();
    };
    refused();
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
    refused();
    assert_eq!(names(&data), ["interlock.db", "lock", "secret.key"]);
}

/// Whatever is wrong with a file, it is refused in a sentence, and the database stays as it is.
#[tokio::test]
async fn a_bad_backup_is_refused_and_changes_nothing() {
    let place = stopped().await;
    run(&place, &["backup", "good.db"]).ok();
    let (good, bad, database) =
        (place.0.join("good.db"), place.0.join("bad.db"), place.0.join("data/interlock.db"));
    let before = fs::read(&database).expect("it can be read");
    let refused = |why: &str| {
        run(&place, &["restore", "bad.db"]).fails(1, why);
        assert!(fs::read(&database).expect("it can be read") == before, "{why}: the database has changed");
        assert_eq!(names(&place.0.join("data")), ["interlock.db", "lock", "secret.key"], "{why}");
    };
    refused("can't be read");
    fs::write(&bad, "").expect("it can be written");
    refused("is no backup of Interlock");
    fs::write(&bad, "SQLite format 3 is what this is about").expect("it can be written");
    refused("is no backup of Interlock");
    let whole = fs::read(&good).expect("it can be read");
    fs::write(&bad, &whole[..whole.len() / 2]).expect("it can be written");
    refused("is damaged");
    let mut holed = whole.clone();
    let middle = holed.len() / 2;
    holed[middle..middle + 8192].fill(0xa5);
    fs::write(&bad, &holed).expect("it can be written");
    refused("bad.db");
    fs::remove_file(&bad).expect("it can be removed");
    execute(&bad, "create table t (x); insert into t values (1)").await;
    refused("is no backup of Interlock");

    let tampered = async |sql: &str| {
        fs::copy(&good, &bad).expect("it can be copied");
        execute(&bad, sql).await;
    };
    tampered("update audit_events set target_name = 'Eve' where seq = 2 and chain <> 'instance'").await;
    refused("the audit chain of acme is broken at row 2: it was changed");
    tampered("delete from audit_heads where chain = 'instance'").await;
    refused("bad.db");
    tampered("update memberships set invited_by = '0199e3a0-4c5e-7b3a-9d2f-0a1b2c3d4e5f'").await;
    refused("refers to one that is not there");
    tampered("insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (99, 'x', true, x'00', 0)").await;
    refused("was made by a newer Interlock");
    tampered("delete from _sqlx_migrations").await;
    refused("is no backup of Interlock");
    fs::copy(&good, &bad).expect("it can be copied");
    fs::write(place.0.join("bad.db-wal"), "rows").expect("it can be written");
    refused("has a bad.db-wal beside it");
    fs::remove_file(place.0.join("bad.db-wal")).expect("it can be removed");

    let other = "11".repeat(32);
    Said::from(place.run(&["restore", "good.db"], &[("INTERLOCK_SECRET_KEY", &other)]))
        .fails(1, "another key");
    fs::rename(place.0.join("data/secret.key"), place.0.join("key")).expect("it can be moved");
    run(&place, &["restore", "good.db"]).fails(1, "There is no sealing key");
    assert!(!place.0.join("data/secret.key").exists(), "none is made up");
    fs::rename(place.0.join("key"), place.0.join("data/secret.key")).expect("it can be moved");
    assert!(fs::read(&database).expect("it can be read") == before);
    run(&place, &["restore", "good.db"]).ok();
}

/// On a new machine, or over a database that is beyond reading: the backup and the key are enough.
#[tokio::test]
async fn a_backup_comes_back_where_there_is_no_database_or_a_broken_one() {
    let place = stopped().await;
    run(&place, &["backup", "good.db"]).ok();
    let database = place.0.join("data/interlock.db");
    fs::remove_file(&database).expect("it can be removed");
    let said = run(&place, &["restore", "good.db", "--json"]).json();
    assert!(said["put_aside"].is_null(), "{said}");
    run(&place, &["audit", "verify"]).ok();
    // Broken, with a journal that must not be taken for the new one's.
    fs::write(&database, "not a database any more").expect("it can be written");
    fs::write(place.0.join("data/interlock.db-wal"), "old rows").expect("it can be written");
    let said = run(&place, &["restore", "good.db", "--json"]).json();
    let aside = place.0.join(said["put_aside"].as_str().expect("it was put aside"));
    assert_eq!(fs::read_to_string(&aside).expect("it is there"), "not a database any more");
    assert!(!place.0.join("data/interlock.db-wal").exists());
    run(&place, &["audit", "verify"]).ok();
}

/// Another program in the middle of something is not cut off.
#[tokio::test]
async fn a_database_that_somebody_has_open_is_not_replaced() {
    let place = stopped().await;
    run(&place, &["backup", "good.db"]).ok();
    let database = place.0.join("data/interlock.db");
    let mut connection = SqliteConnectOptions::new().filename(&database).connect().await.expect("it opens");
    sqlx::raw_sql("pragma journal_mode = wal; begin immediate; update organizations set name = 'Now'")
        .execute(&mut connection)
        .await
        .expect("it writes");
    run(&place, &["restore", "good.db"]).fails(1, "Another program has the database open");
    sqlx::raw_sql("commit").execute(&mut connection).await.expect("it commits");
    connection.close().await.expect("it closes");
    assert_eq!(text(&database, "select name from organizations").await, "Now");
    assert!(parts(&place.0.join("data")).is_empty());
}

/// A database that takes a while to copy.
async fn large(place: &Place) {
    let rows = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 120) \
                select randomblob(1000000) from n";
    execute(&place.0.join("data/interlock.db"), &format!("create table filler as {rows}")).await;
}

/// Killed or interrupted in the middle, a backup leaves nothing that looks like one.
#[tokio::test]
async fn a_backup_that_was_cut_off_is_not_there() {
    let place = stopped().await;
    large(&place).await;
    for signal in ["TERM", "KILL"] {
        let mut child =
            place.command(&[]).args(["backup", "b.db"]).stderr(Stdio::piped()).spawn().expect("it starts");
        let begun = Instant::now();
        // Until the copy has begun.
        while !parts(&place.0)
            .iter()
            .any(|name| fs::metadata(place.0.join(name)).is_ok_and(|file| file.len() > 1_000_000))
        {
            assert!(begun.elapsed() < PATIENCE, "it never began");
            assert!(child.try_wait().expect("it can be asked").is_none(), "it ended before it was cut off");
            std::thread::yield_now();
        }
        let sent = Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(sent.success());
        let ended = child.wait_with_output().expect("it ends");
        assert!(!place.0.join("b.db").exists(), "{signal}: there is a b.db");
        if signal == "KILL" {
            assert_eq!(ended.status.signal(), Some(9), "it was killed in the middle");
            let left = parts(&place.0);
            assert_eq!(left.len(), 1, "what is left has an ending that says what it is: {left:?}");
            fs::write(place.0.join(format!("{}-journal", left[0])), "").expect("it can be written");
        } else {
            assert_eq!(ended.status.code(), Some(1));
            assert!(String::from_utf8_lossy(&ended.stderr).contains("No backup was made"));
            assert!(parts(&place.0).is_empty());
        }
    }
    // The next one for the same place clears up.
    run(&place, &["backup", "b.db"]).ok();
    assert_eq!(names(&place.0), ["b.db", "data", "log"]);
    run(&place, &["audit", "verify"]).ok();
}

/// No room for it: it says so and leaves nothing.
#[tokio::test]
async fn a_backup_without_room_is_not_there() {
    let place = stopped().await;
    large(&place).await;
    // No file over 10 MB, told as an error and not by a signal.
    let script = format!("trap '' XFSZ; ulimit -f 10000; exec {PROGRAM} backup b.db");
    let output = Command::new("bash")
        .current_dir(&place.0)
        .env_clear()
        .args(["-c", &script])
        .output()
        .expect("it runs");
    Said::from(output).fails(1, "can't be copied");
    assert!(!place.0.join("b.db").exists());
    assert!(parts(&place.0).is_empty());
    // The same for a restore: the database stays.
    run(&place, &["backup", "b.db"]).ok();
    let before = fs::metadata(place.0.join("data/interlock.db")).map(|file| file.len()).ok();
    let script = format!("trap '' XFSZ; ulimit -f 10000; exec {PROGRAM} restore b.db");
    let output = Command::new("bash")
        .current_dir(&place.0)
        .env_clear()
        .args(["-c", &script])
        .output()
        .expect("it runs");
    Said::from(output).fails(1, "can't be replaced");
    assert_eq!(fs::metadata(place.0.join("data/interlock.db")).map(|file| file.len()).ok(), before);
    assert!(parts(&place.0.join("data")).is_empty());
    run(&place, &["audit", "verify"]).ok();
}

/// PostgreSQL is copied by its own tools: the lines are told, without the password, and nothing looks done.
#[tokio::test]
async fn postgres_says_how() {
    let place = Place::new();
    let url = "postgres://ann:canary-secret@db.example.com:6432/access%20log";
    for (arguments, tool) in [
        (["backup", "my backup"], "pg_dump --format=custom"),
        (["restore", "my backup"], "pg_restore --clean --if-exists"),
    ] {
        let said = Said::from(place.run(&arguments, &[("INTERLOCK_DATABASE_URL", url)]));
        assert!(!said.err.contains("canary"), "{}", said.err);
        for part in
            [tool, "--host=db.example.com --port=6432 --username=ann --dbname='access log'", "'my backup'"]
        {
            assert!(said.err.contains(part), "{part} is not in {}", said.err);
        }
        said.fails(2, "--dbname=");
    }
    assert!(!place.0.join("my backup").exists());
    let url = fresh_schema().await;
    Said::from(place.run(&["backup", "b"], &[("INTERLOCK_DATABASE_URL", &url)]))
        .fails(2, "--dbname=postgres");
}
