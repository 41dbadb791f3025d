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
