//! The database behind the application's back: for what no page can do, and to see what none shows.

use interlock::config::DatabaseUrl;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use super::TestApp;

/// Runs statements, whatever they are.
pub async fn execute(app: &TestApp, sql: &str) {
    let statements = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    let done = match &app.app.config.database_url {
        DatabaseUrl::Sqlite(path) => {
            let options = SqliteConnectOptions::new().filename(path);
            let mut connection = options.connect().await.expect("the database opens");
            statements.execute(&mut connection).await.map(|_| ())
        }
        DatabaseUrl::Postgres(url) => {
            let mut connection = PgConnection::connect(url.expose()).await.expect("the database opens");
            statements.execute(&mut connection).await.map(|_| ())
        }
    };
    done.unwrap_or_else(|error| panic!("{error}: {sql}"));
}

/// The one text column of each row that a query finds.
pub async fn texts(app: &TestApp, sql: &str) -> Vec<String> {
    let query = AssertSqlSafe(sql.to_owned());
    let found = match &app.app.config.database_url {
        DatabaseUrl::Sqlite(path) => {
            let options = SqliteConnectOptions::new().filename(path);
            let mut connection = options.connect().await.expect("the database opens");
            sqlx::query_scalar(query).fetch_all(&mut connection).await
        }
        DatabaseUrl::Postgres(url) => {
            let mut connection = PgConnection::connect(url.expose()).await.expect("the database opens");
            sqlx::query_scalar(query).fetch_all(&mut connection).await
        }
    };
    found.unwrap_or_else(|error| panic!("{error}: {sql}"))
}

/// The only row of a query.
#[track_caller]
pub fn only(rows: Vec<String>) -> String {
    let [row] = <[String; 1]>::try_from(rows).unwrap_or_else(|rows| panic!("one row, and not {rows:?}"));
    row
}

/// The number of rows in a table, perhaps with a condition: `"users"`, `"sessions where ended_at is null"`.
pub async fn count(app: &TestApp, of: &str) -> usize {
    let counted = only(texts(app, &format!("select cast(count(*) as text) from {of}")).await);
    counted.parse().expect("a count is a number")
}

/// Every row of every table, as a thief of the database would read it.
pub async fn dump(app: &TestApp) -> String {
    let is_sqlite = matches!(app.app.config.database_url, DatabaseUrl::Sqlite(_));
    let tables = if is_sqlite {
        texts(app, "select name from sqlite_master where type = 'table'").await
    } else {
        texts(app, "select tablename::text from pg_tables where schemaname = current_schema()").await
    };
    assert!(tables.iter().any(|table| table == "sessions"), "{tables:?}");
    let mut rows = Vec::new();
    for table in tables {
        let row = if is_sqlite {
            let columns = texts(app, &format!("select name from pragma_table_info('{table}')")).await;
            let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
            quoted.join(" || ',' || ")
        } else {
            format!("cast({table} as text)")
        };
        rows.extend(texts(app, &format!("select {row} from {table}")).await);
    }
    rows.join("\n")
}
