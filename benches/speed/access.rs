//! Who may open what: teams, resources and grants in organizations of three sizes, asked by API, by a proxy, and of
//! `decide()` alone.

use std::path::Path;
use std::time::Instant;

use interlock::domain::access::Role;
use interlock::domain::api_keys::Secret;
use interlock::domain::resources::{
    Access, Audience, Facts, Kind, Permission, Permissions, Standing, Subject, decide,
};
use interlock::ids::{TeamId, UserId};
use interlock::secrets::Token;

use crate::load::{Ask, always};
use crate::seed::{self, Organization};

const TEAMS: usize = 1_000;
const RESOURCES: usize = 1_000;
/// Four to a team: each team is given four resources, and each resource to four teams.
const GRANTS: usize = 4_000;
/// Who sees the launcher: a Member in so many teams that they may open `OPEN` resources.
pub const GUIDE: u32 = 5;
pub const OPEN: usize = 300;

/// What asks about an organization's resources.
pub struct Asking {
    pub key: String,
    pub tool_cookie: String,
}

/// Takes away what [`seed`] made: the other parts measure organizations without teams.
pub async fn clear(data: &Path, organization: &Organization) {
    seed::execute(&mut seed::connection(data).await, cleared(organization)).await;
}

fn cleared(organization: &Organization) -> String {
    let Organization { id, slug, .. } = organization;
    format!(
        "delete from api_keys where organization = '{id}'; delete from agents where organization = '{id}';
         delete from tool_sessions where host = '{slug}.example'; delete from tool_hosts where organization = '{id}';
         delete from resource_teams where organization = '{id}'; delete from resources where organization = '{id}';
         delete from team_members where organization = '{id}'; delete from teams where organization = '{id}';"
    )
}

/// Each member in three teams, the Owner in the first too; a live key, and a session of `session`'s at a tool's host.
pub async fn seed(data: &Path, organization: &Organization, session: &str) -> Asking {
    let (secret, cookie) = (Secret::generate(interlock::domain::api_keys::Kind::Live), Token::generate());
    let (id, slug) = (organization.id, organization.slug);
    let (key_hash, cookie_hash) = (hash(secret.hash()), hash(cookie.hash()));
    let number = &id[id.len() - 4..];
    let (owner, guide, cleared) =
        (organization.user_id(0), organization.user_id(GUIDE), cleared(organization));
    let sql = format!(
        "begin;
         {cleared}
         create temp table n as with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < {GRANTS}) select i from n;
         insert into teams (id, organization, slug, name, name_key, created_at)
         select printf('{number}0000-0000-7000-8000-%012x', i), '{id}', 'team-' || i, 'Team ' || i, 'team ' || i, 0 from n where i < {TEAMS};
         insert into team_members (team, organization, user_id, added_at)
         select printf('{number}0000-0000-7000-8000-%012x', (m.rowid * 7 + n.i * 331) % {TEAMS}), '{id}', m.user_id, 0
         from memberships m join n on n.i < 3 where m.organization = '{id}' and m.user_id <> '{guide}';
         insert or ignore into team_members (team, organization, user_id, added_at)
         select printf('{number}0000-0000-7000-8000-%012x', i), '{id}', '{guide}', 0 from n where i < {OPEN} / 4
         union all select '{number}0000-0000-7000-8000-000000000000', '{id}', '{owner}', 0;
         update teams set people = (select count(*) from team_members m where m.team = id) where organization = '{id}';
         insert into tool_hosts (host, organization, claimed_at) values ('{slug}.example', '{id}', 0);
         insert into resources (id, organization, environment, key, kind, name, name_key, description, url, host, path, creator, audience, created_at, changed_at)
         select printf('{number}0001-0000-7000-8000-%012x', i), '{id}', 'production', 'tools/t' || i, 'tool', 'Tool ' || i, 'tool ' || i,
                'What it is for, in a sentence', case when i = 0 then 'https://{slug}.example/' else 'https://t' || i || '.{slug}.example/' end,
                case when i = 0 then '{slug}.example' else 't' || i || '.{slug}.example' end, '/', '{owner}', 'teams', 0, 0 from n where i < {RESOURCES};
         insert into resource_teams (resource, organization, team, permissions)
         select printf('{number}0001-0000-7000-8000-%012x', i % {RESOURCES}), '{id}',
                printf('{number}0000-0000-7000-8000-%012x', i / 4), 3 from n;
         insert into agents (id, organization, name, name_key, created_at) values ('{number}0002-0000-7000-8000-000000000000', '{id}', 'Gateway', 'gateway', 0);
         insert into api_keys (id, organization, kind, family, name, agent, environment, token_hash, shown, created_at)
         values ('{number}0003-0000-7000-8000-000000000000', '{id}', 'live', '{number}0003-0000-7000-8000-000000000000', 'Gateway', '{number}0002-0000-7000-8000-000000000000', 'production', '{key_hash}', 'x', 0);
         insert into tool_sessions (token_hash, session, host, created_at)
         select '{cookie_hash}', s.id, '{slug}.example', 0 from sessions s where s.token_hash = '{session}';
         drop table n;
         commit;"
    );
    seed::execute(&mut seed::connection(data).await, sql).await;
    Asking { key: secret.expose().to_owned(), tool_cookie: cookie.expose().to_owned() }
}

/// As the database has it.
fn hash(hash: interlock::secrets::TokenHash) -> String {
    // Its debug text is the one way to it from outside.
    format!("{hash:?}").trim_start_matches("TokenHash(\"").trim_end_matches("\")").to_owned()
}

pub fn session_hash(cookie: &str) -> String {
    hash(interlock::secrets::TokenHash::of(cookie.split_once('=').map_or(cookie, |(_, value)| value)))
}

pub fn check(port: u16, key: &str, email: &str) -> Ask {
    let body = format!("{{\"resource\": \"tools/t0\", \"permission\": \"Read\", \"user\": \"{email}\"}}");
    let length = body.len();
    always(
        format!(
            "POST /v1/access/check HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes(),
    )
}

pub fn forward_auth(port: u16, host: &str, cookie: &str) -> Ask {
    always(
        format!(
            "GET /forward-auth HTTP/1.1\r\nHost: localhost:{port}\r\nX-Original-URL: https://{host}/page?x=1\r\n\
             Cookie: __Host-interlock-tool={cookie}\r\n\r\n"
        )
        .into_bytes(),
    )
}

/// Nanoseconds for one decision of a person in three teams about a resource with a hundred entries.
pub fn decision() -> f64 {
    let teams: Vec<TeamId> = (0..100).map(|_| TeamId::generate()).collect();
    let people: Vec<UserId> = (0..100).map(|_| UserId::generate()).collect();
    let facts = Facts {
        kind: Kind::Tool,
        creator: UserId::generate(),
        is_archived: false,
        developer: None,
        access: Access {
            audience: Audience::Teams,
            default: Permissions::READ,
            domain: None,
            teams: teams.iter().map(|team| (*team, Some(Permissions::ALL))).collect(),
            people: people.iter().map(|user| (*user, None)).collect(),
        },
    };
    let mine = [teams[10], teams[50], teams[90]];
    let who = Subject {
        user: Some(UserId::generate()),
        standing: Standing::Active(Role::Member),
        domain: "halden.example",
        teams: &mine,
        has_link: false,
    };
    let begun = Instant::now();
    let mut allowed = 0_u32;
    for _ in 0..1_000_000 {
        let decision = decide(
            std::hint::black_box(&facts),
            std::hint::black_box(&who),
            std::hint::black_box(Permission::Update.into()),
        );
        allowed += u32::from(decision.allowed);
    }
    assert_eq!(allowed, 1_000_000);
    begun.elapsed().as_secs_f64() * 1_000.0
}
