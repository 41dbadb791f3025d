//! Teams, resources and who may open them, written into the database: for what no page makes, or not so many.

use interlock::domain::access::{Actor, Origin, Person};
use interlock::domain::resources::{Audience, Kind, Permissions};
use interlock::domain::users;
use interlock::ids::{OrganizationId, ResourceId, TeamId, UserId};

use super::TestApp;
use super::database::{execute, only, texts};

/// A resource as a row. `Thing { key: "tools/crm", ..Thing::tool("http://tool.localhost") }`.
#[derive(Clone, Debug)]
pub struct Thing<'a> {
    pub environment: &'a str,
    /// The developer's id in Dev mode.
    pub developer: &'a str,
    pub key: &'a str,
    pub kind: Kind,
    pub url: Option<&'a str>,
    pub audience: Option<Audience>,
    pub domain: Option<&'a str>,
    pub default: Option<Permissions>,
    pub archived: bool,
}

impl<'a> Thing<'a> {
    pub fn new(key: &'a str, kind: Kind, audience: Option<Audience>) -> Thing<'a> {
        Thing {
            environment: "production",
            developer: "",
            key,
            kind,
            url: None,
            audience,
            domain: None,
            default: None,
            archived: false,
        }
    }

    pub fn tool(key: &'a str, url: &'a str, audience: Audience) -> Thing<'a> {
        Thing { url: Some(url), ..Thing::new(key, Kind::Tool, Some(audience)) }
    }
}

fn quoted(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), |text| format!("'{}'", text.replace('\'', "''")))
}

/// A set of permissions as its column has it.
pub fn column(permissions: Option<Permissions>) -> String {
    let bit = |permission| 1_i64 << permission as i64;
    permissions.map_or_else(|| "null".to_owned(), |set| set.iter().map(bit).sum::<i64>().to_string())
}

/// The statement that makes a resource, and its id.
pub fn insert(organization: &str, creator: &str, thing: &Thing<'_>) -> (ResourceId, String) {
    let id = ResourceId::generate();
    let url = thing.url.map(|url| url::Url::parse(url).expect("a URL"));
    let host = url.as_ref().and_then(|url| {
        let host = url.host_str()?;
        Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    });
    let path = url.as_ref().map(url::Url::path);
    let archived = if thing.archived { "1" } else { "null" };
    let mut sql = format!(
        "insert into resources (id, organization, environment, developer, key, kind, name, name_key, description, url, \
         host, path, creator, audience, domain, default_permissions, created_at, changed_at, archived_at) \
         values ('{id}', '{organization}', '{}', '{}', '{}', '{}', 'The {}', 'the {}', '', {}, {}, {}, '{creator}', \
         {}, {}, {}, 0, 0, {archived});",
        thing.environment,
        thing.developer,
        thing.key,
        thing.kind.code(),
        thing.key,
        thing.key,
        quoted(thing.url),
        quoted(host.as_deref()),
        quoted(path),
        quoted(thing.audience.map(Audience::code)),
        quoted(thing.domain),
        column(thing.default),
    );
    if let Some(host) = host {
        sql += &format!(
            "insert into tool_hosts (host, organization, claimed_at) select '{host}', '{organization}', 0 \
             where not exists (select 1 from tool_hosts where host = '{host}');"
        );
    }
    (id, sql)
}

/// The id of the organization at this address: `/o/halden-freight`.
pub async fn organization(app: &TestApp, org: &str) -> String {
    let slug = org.trim_start_matches("/o/");
    only(texts(app, &format!("select id from organizations where slug = '{slug}'")).await)
}

pub async fn user(app: &TestApp, email: &str) -> String {
    only(texts(app, &format!("select id from users where email = '{email}'")).await)
}

/// A resource of an organization's, made by whoever has this address.
pub async fn resource(app: &TestApp, org: &str, creator: &str, thing: &Thing<'_>) -> ResourceId {
    let (id, sql) = insert(&organization(app, org).await, &user(app, creator).await, thing);
    execute(app, &sql).await;
    id
}

/// A team with these people in it.
pub async fn team(app: &TestApp, org: &str, slug: &str, people: &[&str]) -> TeamId {
    let (id, organization) = (TeamId::generate(), organization(app, org).await);
    let mut sql = format!(
        "insert into teams (id, organization, slug, name, name_key, people, created_at) \
         values ('{id}', '{organization}', '{slug}', '{slug}', '{slug}', {}, 0);",
        people.len()
    );
    for email in people {
        sql += &format!(
            "insert into team_members (team, organization, user_id, added_at) \
             select '{id}', '{organization}', id, 0 from users where email = '{email}';"
        );
    }
    execute(app, &sql).await;
    id
}

/// A team's entry.
pub async fn grant_team(app: &TestApp, resource: ResourceId, team: TeamId, permissions: Option<Permissions>) {
    let sql = format!(
        "insert into resource_teams (resource, organization, team, permissions) \
         select id, organization, '{team}', {} from resources where id = '{resource}'",
        column(permissions)
    );
    execute(app, &sql).await;
}

/// A person's entry, bound to whoever has the address, if anybody has.
pub async fn grant(app: &TestApp, resource: ResourceId, email: &str, permissions: Option<Permissions>) {
    let sql = format!(
        "insert into resource_people (resource, organization, email, email_canonical, user_id, permissions, created_at) \
         select id, organization, '{email}', '{email}', (select id from users where email_canonical = '{email}'), {}, 0 \
         from resources where id = '{resource}'",
        column(permissions)
    );
    execute(app, &sql).await;
}

/// Somebody as the gate lets them in now: whose request is on its way while they lose what it takes.
pub async fn actor(app: &TestApp, org: &str, email: &str) -> Actor {
    let organization: OrganizationId = organization(app, org).await.parse().expect("an id");
    let user: UserId = user(app, email).await.parse().expect("an id");
    let mut reader = app.app.db.read().await.expect("the database answers");
    let member = users::member_of(&mut reader, organization, user).await.expect("it answers");
    let member = member.expect("they are a member");
    let person = Person::by_key(user, member.name, member.email, Origin::default());
    Actor { person, organization, role: member.role }
}
