//! A schema of its own for each test, in the one PostgreSQL server that `tests/run` starts.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

static CREATED: AtomicU32 = AtomicU32::new(0);

/// Creates an empty schema and returns a URL whose connections work in it and nowhere else.
///
/// The schema is not dropped: the server is thrown away with the test run.
pub async fn fresh_schema() -> String {
    let server = std::env::var("TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("TEST_POSTGRES_URL is not set: run the tests with tests/run");
    });
    let schema = unique_name();

    let mut connection = PgConnection::connect(&server)
        .await
        .unwrap_or_else(|e| panic!("no connection to PostgreSQL at {server}: {e}"));
    // The name is made of letters, digits and underscores only, see below.
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}")))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|e| panic!("schema {schema} could not be created: {e}"));
    connection.close().await.expect("the connection closes");

    let separator = if server.contains('?') { '&' } else { '?' };
    format!("{server}{separator}options=-c%20search_path%3D{schema}")
}

/// Distinct across tests (counter), test binaries (process) and runs against one server (time).
fn unique_name() -> String {
    let process = std::process::id();
    let count = CREATED.fetch_add(1, Ordering::Relaxed);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_nanos();
    format!("t_{process}_{nanos}_{count}")
}
