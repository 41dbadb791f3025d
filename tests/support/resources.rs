//! Teams, resources and entries, put into the database behind the pages' back.

use super::TestApp;
use super::database::execute;

/// A resource as a test needs it: the rest is as if nothing was said.
#[derive(Clone, Copy)]
pub struct New<'a> {
    pub org: &'a str,
    pub key: &'a str,
    pub kind: &'a str,
    pub audience: &'a str,
    pub creator: &'a str,
    pub domain: &'a str,
    /// Nothing is "not said"; 1 create, 2 read, 4 update, 8 delete.
    pub defaults: Option<i64>,
    pub definition: &'a str,
    pub environment: &'a str,
}

impl Default for New<'_> {
    fn default() -> Self {
        New {
            org: "halden-freight",
            key: "refunds",
            kind: "tool",
            audience: "Private",
            creator: "amara@halden.example",
            domain: "",
            defaults: None,
            definition: "",
            environment: "production",
        }
    }
}

fn quoted(text: &str) -> String {
    if text.is_empty() { "null".to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

fn number(number: Option<i64>) -> String {
    number.map_or("null".to_owned(), |number| number.to_string())
}

/// Its name is its key's, with a capital: "Refunds".
pub async fn resource(app: &TestApp, new: New<'_>) {
    let (first, rest) = new.key.split_at(1);
    let name = format!("{}{}", first.to_uppercase(), rest.replace('/', " "));
    let id = uuid::Uuid::now_v7();
    execute(
        app,
        &format!(
            "insert into resources (id, organization, environment, key, kind, name, name_key, description, url, \
             definition, creator, audience, domain, default_permissions, created_at, changed_at) \
             select '{id}', o.id, '{}', '{}', '{}', '{name}', '{}', 'What {name} is for', {}, {}, u.id, {}, {}, {}, 0, 0 \
             from organizations o, users u where o.slug = '{}' and u.email_canonical = '{}'",
            new.environment,
            new.key,
            new.kind,
            name.to_lowercase(),
            if new.kind == "tool" { format!("'https://{}.halden.example/'", new.key) } else { "null".to_owned() },
            quoted(new.definition),
            quoted(new.audience),
            quoted(new.domain),
            number(new.defaults),
            new.org,
            new.creator
        ),
    )
    .await;
}

pub async fn team(app: &TestApp, org: &str, slug: &str, name: &str, members: &[&str]) {
    let id = uuid::Uuid::now_v7();
    execute(
        app,
        &format!(
            "insert into teams (id, organization, slug, name, name_key, people, created_at) select '{id}', id, '{slug}', \
             '{name}', '{}', {}, 0 from organizations where slug = '{org}'",
            name.to_lowercase(),
            members.len()
        ),
    )
    .await;
    for email in members {
        execute(
            app,
            &format!(
                "insert into team_members (team, organization, user_id, added_at) select t.id, t.organization, u.id, 0 \
                 from teams t, users u where t.id = '{id}' and u.email_canonical = '{email}'"
            ),
        )
        .await;
    }
}

/// A team's entry on a resource of its organization.
pub async fn team_entry(app: &TestApp, key: &str, slug: &str, permissions: Option<i64>) {
    execute(
        app,
        &format!(
            "insert into resource_teams (resource, organization, team, permissions) select r.id, r.organization, t.id, {} \
             from resources r join teams t on t.organization = r.organization where r.key = '{key}' and t.slug = '{slug}'",
            number(permissions)
        ),
    )
    .await;
}

/// A person's entry, bound if the address has an account.
pub async fn entry(app: &TestApp, key: &str, email: &str, permissions: Option<i64>) {
    execute(
        app,
        &format!(
            "insert into resource_people (resource, organization, email, email_canonical, user_id, permissions, created_at) \
             select r.id, r.organization, '{email}', '{email}', \
             (select u.id from users u where u.email_canonical = '{email}'), {}, 0 from resources r where r.key = '{key}'",
            number(permissions)
        ),
    )
    .await;
}

pub async fn set_audience(app: &TestApp, key: &str, audience: &str) {
    execute(app, &format!("update resources set audience = '{audience}' where key = '{key}'")).await;
}
