//! `POST /v1/check`: with a limit of each user, written to the disk before the answer; without any; and one key's among
//! a million.

use std::path::Path;
use std::time::Instant;

use interlock::domain::api_keys::{Kind, Secret};

use crate::load::{self, Ask, always, get};
use crate::process::Server;
use crate::report::Report;
use crate::seed::{self, TEN};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;
const USERS: usize = 10_000;

/// The keys that ask: of a limited and of an unlimited permission.
struct Keys {
    limited: String,
    unlimited: String,
}

pub async fn all(report: &mut Report, ours: &Server, bare: &Server, data: &Path) {
    let keys = keys(data).await;
    let limited = check(ours.port, &keys.limited, "source_type:icloud.account");
    let unlimited = check(ours.port, &keys.unlimited, "source_type:icloud.account");
    let select = always(get(bare.port, &format!("/account/{}", TEN.owner_id()), ""));
    let asked = [(bare, &select), (ours, &limited), (ours, &unlimited)];
    let [bare_cpu, limited_cpu, unlimited_cpu] = compare(&asked, 6_000).await[..] else { unreachable!() };
    report.note("bare route with one point select, 64 connections", bare_cpu, "ms");
    let what = "/v1/check with a limit of each user";
    report.within(what, limited_cpu / bare_cpu, 3.0, "×", &format!("{limited_cpu:.3} ms"));
    let what = "/v1/check without limits";
    report.within(what, unlimited_cpu / bare_cpu, 1.5, "×", &format!("{unlimited_cpu:.3} ms"));

    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let count = 9_000;
        load::send(ours.port, CONNECTIONS, count, 200, limited.clone()).await;
        rates.push(count as f64 / begun.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    let rate = rates[ROUNDS / 2];
    let what = "/v1/check with a limit: time for each of 64 at once";
    report.within(what, 1_000.0 / rate, 1.0 / 3.0, "ms", &format!("{rate:.0} per second, durable"));

    many_keys(data, "insert").await;
    let [many_limited, many_unlimited] = compare(&asked[1..], 6_000).await[..] else { unreachable!() };
    many_keys(data, "delete").await;
    for (what, many, few) in
        [("with a limit", many_limited, limited_cpu), ("without limits", many_unlimited, unlimited_cpu)]
    {
        let what = format!("/v1/check {what}, 1,000,000 keys to a few");
        report.within(&what, many / few, 1.3, "×", &format!("{many:.3} ms"));
    }
}

/// Milliseconds of processor time for a request of each, measured in turns.
async fn compare(asked: &[(&Server, &Ask)], count: usize) -> Vec<f64> {
    let mut measured = vec![Vec::new(); asked.len()];
    for round in 0..=ROUNDS {
        for ((server, ask), values) in asked.iter().zip(&mut measured) {
            let before = server.cpu();
            load::send(server.port, CONNECTIONS, count, 200, (*ask).clone()).await;
            // The first one warms up.
            if round > 0 {
                values.push((server.cpu() - before) * 1_000.0 / count as f64);
            }
        }
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    measured.iter_mut().map(median).collect()
}

fn check(port: u16, key: &str, scope: &str) -> Ask {
    let key = key.to_owned();
    let scope = scope.to_owned();
    std::sync::Arc::new(move |number| {
        let user = number * 7_919 % USERS;
        let body = format!("{{\"scope\": \"{scope}\", \"user\": \"user-{user}\"}}");
        let length = body.len();
        format!(
            "POST /v1/check HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    })
}

async fn keys(data: &Path) -> Keys {
    let (limited, unlimited) = (Secret::generate(Kind::Live), Secret::generate(Kind::Live));
    let organization = TEN.id;
    let limits =
        "{\"source_type:icloud.account\":[{\"level\":\"user\",\"type\":\"count\",\"value\":1000000000}]}";
    let none = "{\"source_type:icloud.account\":[]}";
    let mut sql = format!(
        "pragma foreign_keys = off; delete from api_keys where name = 'Checks'; delete from permissions where name like 'Checks%'; \
         delete from limit_counters where organization = '{organization}';"
    );
    for (number, (secret, scopes)) in [(&limited, limits), (&unlimited, none)].into_iter().enumerate() {
        let id = format!("01a30000-0000-7000-8000-{number:012}");
        let hash = hash(secret);
        sql += &format!(
            "insert into permissions (id, organization, name, name_key, scopes, created_at, changed_at) \
             values ('{id}', '{organization}', 'Checks {number}', 'checks {number}', '{scopes}', 0, 0); \
             insert into api_keys (id, organization, kind, family, name, environment, permission, token_hash, shown, created_at) \
             values ('{id}', '{organization}', 'live', '{id}', 'Checks', 'production', '{id}', '{hash}', 'x', 0);"
        );
    }
    seed::execute(&mut seed::connection(data).await, sql).await;
    Keys { limited: limited.expose().to_owned(), unlimited: unlimited.expose().to_owned() }
}

/// As the database has it.
fn hash(secret: &Secret) -> String {
    // Its debug text is the one way to it from outside.
    format!("{:?}", secret.hash()).trim_start_matches("TokenHash(\"").trim_end_matches("\")").to_owned()
}

/// A million keys of the same organization, with hashes in no order; and away with them. The log of that is worked off,
/// which readers would look through.
async fn many_keys(data: &Path, act: &str) {
    let organization = TEN.id;
    let sql = match act {
        "insert" => format!(
            "begin; insert into api_keys (id, organization, kind, family, name, environment, token_hash, shown, created_at) \
             with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < 1000000) \
             select printf('01a40000-0000-7000-8000-%012x', i), '{organization}', 'live', printf('01a40000-0000-7000-8000-%012x', i), \
             'Many', 'production', lower(hex(randomblob(32))), 'x', i from n; commit; \
             pragma wal_checkpoint(truncate);"
        ),
        _ => "pragma foreign_keys = off; begin; delete from api_keys where name = 'Many'; commit; \
             pragma wal_checkpoint(truncate);"
            .to_owned(),
    };
    seed::execute(&mut seed::connection(data).await, sql).await;
}
