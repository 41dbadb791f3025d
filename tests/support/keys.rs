//! API keys and permissions, written into the database: for tests of what keys open, not of how they are made.

use interlock::domain::api_keys::{Kind, Secret};
use interlock::ids::{AgentId, ApiKeyId, PermissionId};
use interlock::secrets::TokenHash;

use super::TestApp;
use super::database::{execute, only, texts};

/// A key as a row. `Row::live("halden-freight")`.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    pub organization: &'a str,
    pub kind: Kind,
    /// Whose it is: of a development or an admin key.
    pub owner: Option<&'a str>,
    pub environment: &'a str,
    /// A permission's id.
    pub permission: Option<PermissionId>,
}

impl<'a> Row<'a> {
    pub fn live(organization: &'a str, permission: Option<PermissionId>) -> Row<'a> {
        Row { organization, kind: Kind::Live, owner: None, environment: "production", permission }
    }

    /// A developer's own key, by their address.
    pub fn development(organization: &'a str, owner: &'a str) -> Row<'a> {
        Row {
            organization,
            kind: Kind::Development,
            owner: Some(owner),
            environment: "development",
            permission: None,
        }
    }

    /// An admin key, by its minter's address.
    pub fn admin(organization: &'a str, owner: &'a str) -> Row<'a> {
        Row { kind: Kind::Admin, environment: "production", ..Row::development(organization, owner) }
    }
}

/// As the database has it.
fn column(hash: &TokenHash) -> String {
    // Its debug text is the one way to it from outside.
    format!("{hash:?}").trim_start_matches("TokenHash(\"").trim_end_matches("\")").to_owned()
}

/// Makes a key, and gives its id and its secret.
pub async fn insert(app: &TestApp, row: &Row<'_>) -> (ApiKeyId, String) {
    let (id, agent, secret) = (ApiKeyId::generate(), AgentId::generate(), Secret::generate(row.kind));
    let Row { organization, kind, owner, environment, permission } = row;
    let organization = organization.trim_start_matches("/o/");
    let owner = owner.map_or_else(
        || "null".to_owned(),
        |email| format!("(select id from users where email_canonical = '{email}')"),
    );
    let permission = permission.map_or_else(|| "null".to_owned(), |id| format!("'{id}'"));
    let (hash, shown) = (column(&secret.hash()), secret.shown());
    let kind = kind.code();
    execute(
        app,
        &format!(
            "insert into agents (id, organization, name, name_key, created_at) \
             select '{agent}', id, 'A {kind} agent', 'a {kind} agent', 0 from organizations where slug = '{organization}'; \
             insert into api_keys (id, organization, kind, family, name, agent, owner, environment, permission, \
             token_hash, shown, created_at) select '{id}', id, '{kind}', '{id}', 'A {kind} key', '{agent}', {owner}, \
             '{environment}', {permission}, '{hash}', '{shown}', {} from organizations where slug = '{organization}'",
            app.app.db.now().0
        ),
    )
    .await;
    (id, secret.expose().to_owned())
}

/// Makes a permission of these scopes, as JSON.
pub async fn permission(app: &TestApp, organization: &str, name: &str, scopes: &str) -> PermissionId {
    let id = PermissionId::generate();
    let organization = organization.trim_start_matches("/o/");
    let key = name.to_lowercase();
    execute(
        app,
        &format!(
            "insert into permissions (id, organization, name, name_key, scopes, created_at, changed_at) \
             select '{id}', id, '{name}', '{key}', '{scopes}', 0, 0 from organizations where slug = '{organization}'"
        ),
    )
    .await;
    id
}

/// Sets an organization's base permission, as the sysadmin does.
pub async fn set_base(app: &TestApp, organization: &str, scopes: &str) {
    let organization = organization.trim_start_matches("/o/");
    let id = only(texts(app, &format!("select id from organizations where slug = '{organization}'")).await);
    execute(
        app,
        &format!(
            "delete from base_permissions where organization = '{id}'; insert into base_permissions \
             (organization, scopes, changed_at) values ('{id}', '{scopes}', 0)"
        ),
    )
    .await;
}
