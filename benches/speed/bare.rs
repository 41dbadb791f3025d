//! What Interlock is compared with: axum, askama and sqlx as they come, with nothing around them, on the same
//! SQLite file. No session, no check, no log. A second one is tuned as Interlock is: its pool does not ask a
//! connection whether it lives before it lends it.

use std::path::Path as FilePath;
use std::sync::{Arc, Mutex};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Html;
use axum::routing::{get, post};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use time::OffsetDateTime;
use tokio::net::TcpListener;

#[derive(sqlx::FromRow)]
struct Member {
    user_id: String,
    name: String,
    email: String,
    role: String,
    state: String,
    joined_at: i64,
    last_active_at: i64,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = "<!doctype html><html lang=en><title>Users</title><h1>Users</h1><table><tr><th>Name<th>Email<th>Role\
              <th>Status<th>Joined<th>Last active</tr>{% for member in members %}<tr id=\"{{ member.user_id }}\">\
              <td>{{ member.name }}</td><td>{{ member.email }}</td><td>{{ member.role }}</td>\
              <td>{{ member.state }}</td><td>{{ crate::bare::day(member.joined_at) }}</td>\
              <td>{{ crate::bare::day(member.last_active_at) }}</td></tr>{% endfor %}</table></html>"
)]
struct Users {
    members: Vec<Member>,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = "<!doctype html><html lang=en><title>{{ name }}</title><h1>{{ name }}</h1><p>{{ email }}</p></html>"
)]
struct Account {
    name: String,
    email: String,
}

pub fn day(at: &i64) -> String {
    OffsetDateTime::from_unix_timestamp(at / 1_000).map(|at| at.date().to_string()).unwrap_or_default()
}

#[derive(Clone)]
struct Bare {
    pool: SqlitePool,
    memory: Arc<Mutex<Vec<Block>>>,
}

async fn users(State(bare): State<Bare>, Path(organization): Path<String>) -> Html<String> {
    let members = sqlx::query_as::<_, Member>(
        "select user_id, name, email, role, state, joined_at, last_active_at from memberships \
         where organization = $1 and state <> 'removed' and (name_key, user_id) > ($2, $3) \
         order by name_key, user_id limit 50",
    )
    .bind(organization)
    .bind("")
    .bind("")
    .fetch_all(&bare.pool)
    .await
    .expect("the list can be read");
    Html(Users { members }.render().expect("the page renders"))
}

async fn account(State(bare): State<Bare>, Path(user): Path<String>) -> Html<String> {
    let (name, email) = sqlx::query_as::<_, (String, String)>("select name, email from users where id = $1")
        .bind(user)
        .fetch_one(&bare.pool)
        .await
        .expect("the user can be read");
    Html(Account { name, email }.render().expect("the page renders"))
}

/// One argon2id hash with the parameters of docs/security.md, in memory that is used again.
async fn hash(State(bare): State<Bare>) -> &'static str {
    let hashed = tokio::task::spawn_blocking(move || {
        let params = Params::new(19_456, 2, 1, Some(32)).expect("the parameters are right");
        let mut memory = bare.memory.lock().expect("nobody panics");
        memory.resize(params.block_count(), Block::default());
        let mut output = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(b"seven plain wet stones", &[7; 16], &mut output, &mut memory[..])
            .expect("argon2 hashes");
        output
    });
    if hashed.await.expect("nobody panics")[0] == 0 { "0\n" } else { "1\n" }
}

pub fn serve(database: &FilePath, port: u16, tuned: bool) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(database).read_only(true);
        let pool = match tuned {
            false => SqlitePoolOptions::new(),
            true => SqlitePoolOptions::new().max_connections(2).test_before_acquire(false),
        };
        let pool = pool.connect_with(options).await.expect("the database opens");
        let router = Router::new()
            .route("/users/{organization}", get(users))
            .route("/account/{user}", get(account))
            .route("/hash", post(hash))
            .with_state(Bare { pool, memory: Arc::default() });
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        axum::serve(listener, router).await.expect("it serves");
    });
}
