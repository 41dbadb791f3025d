//! The data: four organizations of 100, 10,000, 100,000 and 1,000,000 members in one SQLite file, made once
//! and kept under target/bench until the tables or this file change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use interlock::domain::passwords::Passwords;
use interlock::secrets::sha256_hex;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};

pub const PASSWORD: &str = "seven plain wet stones";

pub struct Organization {
    pub slug: &'static str,
    pub id: &'static str,
    number: u32,
    members: u32,
}

pub const SMALL: Organization =
    Organization { slug: "one-hundred", id: "01920000-0000-7000-8000-000000000001", number: 4, members: 100 };
pub const TEN: Organization = Organization {
    slug: "ten-thousand",
    id: "01920000-0000-7000-8000-000000000010",
    number: 1,
    members: 10_000,
};
pub const HUNDRED: Organization = Organization {
    slug: "hundred-thousand",
    id: "01920000-0000-7000-8000-000000000100",
    number: 2,
    members: 100_000,
};
pub const MILLION: Organization = Organization {
    slug: "million",
    id: "01920000-0000-7000-8000-000000001000",
    number: 3,
    members: 1_000_000,
};

impl Organization {
    /// Its Owner's address.
    pub fn owner(&self) -> String {
        self.email(0)
    }

    pub fn owner_id(&self) -> String {
        self.user_id(0)
    }

    pub fn user_id(&self, member: u32) -> String {
        let hash = u64::from(member) * 2_654_435_761 % (1 << 32);
        format!("{hash:08x}-{:04x}-7000-8000-{member:012x}", self.number)
    }

    pub fn email(&self, member: u32) -> String {
        format!("m{member}@{}.example", self.slug)
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/o/{}/{rest}", self.slug)
    }
}

const GIVEN: &str = "Amara Ben Chiara Dana Elif Farid Greta Hana Ines Jonas Kofi Lena Mads Nadia Omar Priya Quentin \
    Rosa Soren Tariq Uma Viktor Wanda Ximena Yusuf Zofia Abel Bruna Cyril Delia Emil Fiona Gustav Helena Ivan Jana \
    Karim Lucia Milan Nora Oskar Petra Rafael Selma Tomas Ulrike Vera William Yara Zeno";
const FAMILY: &str = "Okafor Kovac Brandt Marsh Holm Lindqvist Moreau Novak Petersen Quist Rossi Schmidt Tanaka Ueda \
    Vargas Weber Xu Yilmaz Zhang Adler Bauer Costa Duarte Eriksen Fischer Garcia Haas Ibrahim Jansen Keller Larsen \
    Meyer Nakamura Ortiz Popescu Richter Silva Thomsen Urban Vidal Wagner Young Zimmermann Andersson Berger Carlsen \
    Dahl Engel Ferrari Gruber Hansen Ivanov Jensen Kowalski Lambert Martin";

/// The folder that the server under measurement keeps its data in.
pub async fn data(target: &Path) -> PathBuf {
    let data = target.join("data");
    let stamp = target.join("stamp");
    let made_of = made_of();
    if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == made_of) {
        return data;
    }
    println!("seeding {} (this takes a few minutes, once)", data.display());
    let _ = fs::remove_dir_all(target);
    fs::create_dir_all(&data).expect("a folder can be made under target");
    let migrated = Command::new(env!("CARGO_BIN_EXE_interlock"))
        .arg("migrate")
        .env("INTERLOCK_DATA_DIR", &data)
        .output()
        .expect("the program runs");
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    fill(&data.join("interlock.db")).await;
    fs::write(&stamp, made_of).expect("the stamp can be written");
    data
}

/// Changes when the tables or the data do.
fn made_of() -> String {
    let mut all = include_str!("seed.rs").to_owned();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the migrations can be read") {
            let path = entry.expect("a migration can be read").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    for file in files {
        all += &fs::read_to_string(file).expect("a migration is text");
    }
    sha256_hex(all.as_bytes())
}

/// A connection of our own, beside the server's.
pub async fn connection(data: &Path) -> SqliteConnection {
    open(&data.join("interlock.db"), SqliteSynchronous::Full).await
}

async fn open(database: &Path, synchronous: SqliteSynchronous) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .synchronous(synchronous)
        .busy_timeout(std::time::Duration::from_secs(30));
    options.connect().await.expect("the database opens")
}

pub async fn execute(connection: &mut SqliteConnection, sql: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{error}: {sql}"));
}

async fn fill(database: &Path) {
    let passwords = Passwords::new();
    let password =
        passwords.fit(PASSWORD, &[], 0).await.expect("nobody else hashes").expect("it is good enough");
    let hash = passwords.hash(&password).await.expect("nobody else hashes");
    let connection = &mut open(database, SqliteSynchronous::Off).await;
    execute(connection, "pragma cache_size = -524288; pragma temp_store = memory;".to_owned()).await;
    for (table, names) in [("given", GIVEN), ("family", FAMILY)] {
        let rows: Vec<String> = names
            .split_whitespace()
            .enumerate()
            .map(|(number, name)| format!("({number}, '{name}')"))
            .collect();
        let rows = rows.join(", ");
        execute(
            connection,
            format!("create temp table {table} (n integer primary key, name text); insert into {table} values {rows};"),
        )
        .await;
    }
    for organization in [&SMALL, &TEN, &HUNDRED, &MILLION] {
        execute(connection, statements(organization, &hash)).await;
    }
    execute(connection, "pragma wal_checkpoint(truncate)".to_owned()).await;
}

/// Members in no order: ids, names and times of joining have nothing to do with each other.
fn statements(organization: &Organization, hash: &str) -> String {
    let Organization { slug, id, number, members } = organization;
    let (given, family) = (GIVEN.split_whitespace().count(), FAMILY.split_whitespace().count());
    let at = 1_780_000_000_000_i64;
    format!(
        "begin;
         insert into organizations (id, slug, name, created_at) values ('{id}', '{slug}', 'Halden {slug}', {at});
         insert into organization_slugs (slug, organization, taken_at) values ('{slug}', '{id}', {at});
         insert into audit_heads (chain, seq, hash) values ('{id}', 0, '');
         create temp table people as
         with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < {members})
         select i, printf('%08x-%04x-7000-8000-%012x', i * 2654435761 % 4294967296, {number}, i) as user,
                given.name || ' ' || family.name || case when i % 3 = 0 then '' else ' ' || (i % 997) end as name,
                'm' || i || '@{slug}.example' as email
         from n join given on given.n = i * 7919 % {given} join family on family.n = i * 104729 / 13 % {family};
         insert into users (id, email, email_canonical, name, password_hash, password_changed_at, created_at)
         select user, email, email, name, '{hash}', {at}, {at} from people;
         insert into memberships (organization, user_id, role, state, joined_at, last_active_at, name, name_key,
                                  email, search)
         select '{id}', user,
                case when i = 0 then 'owner' when i % 50 = 1 then 'admin' when i % 5 = 2 then 'developer'
                     when i % 20 = 3 then 'reviewer' when i % 100 = 4 then 'auditor' else 'member' end,
                case when i % 40 = 9 then 'removed' when i % 25 = 7 then 'suspended' else 'active' end,
                {at} + i * 1000, {at} + i * 7919 % {members} * 1000, name, lower(name), email,
                lower(name) || ' ' || email
         from people;
         update organizations set people =
             (select count(*) from memberships where organization = '{id}' and state <> 'removed') where id = '{id}';
         drop table people;
         commit;"
    )
}
