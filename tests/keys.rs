//! API keys and agents: made, listed, rotated, revoked, and ended with whom they act for.

mod agents;
mod current;
mod ephemeral;
mod lasting;
mod making;
mod pages;
mod people;
mod rotating;

use interlock::domain::access::Role;
use serde_json::{Value, json};

use crate::api::{CHECK, post, send};
use crate::support::access::{Thing, resource};
use crate::support::database::texts;
use crate::support::page::between;
use crate::support::{Answer, TestApp, Visitor};

const AMARA: &str = "amara@halden.example";
const DEV: &str = "dev@halden.example";
const ADMIN: &str = "admin@halden.example";

/// The one-time id of the form on a page.
fn form_of(page: &Answer) -> String {
    (*between(&page.body, "name=\"form\" value=\"", "\"").first().expect("the form has an id")).to_owned()
}

/// The key that a page shows this once.
#[track_caller]
fn secret_of(page: &Answer) -> String {
    assert_eq!(page.status.as_u16(), 200, "{}", page.text());
    assert_eq!(page.header("cache-control"), "no-store");
    (*between(&page.body, "<code id=\"secret\">", "</code>").first().expect("a key is shown")).to_owned()
}

/// The address of the page of the key that was just made.
fn path_of(page: &Answer) -> String {
    crate::support::page::link(page, "See the key’s page").expect("there is a way to its page")
}

/// Makes a live key by its form, with other fields than the usual ones: where its page is, and the key.
async fn live(visitor: &mut Visitor, more: &[(&str, &str)]) -> (String, String) {
    let made = send_live(visitor, more).await;
    (path_of(&made), secret_of(&made))
}

async fn send_live(visitor: &mut Visitor, more: &[(&str, &str)]) -> Answer {
    let keys = format!("{}/keys", visitor.org);
    let form = form_of(&visitor.get(&format!("{keys}/new")).await.ok());
    let mut fields = vec![("form", form.as_str())];
    for usual in
        [("name", "Gateway"), ("agent_name", "Gateway"), ("environment", "production"), ("days", "never")]
    {
        if more.iter().all(|(name, _)| *name != usual.0) {
            fields.push(usual);
        }
    }
    fields.extend(more);
    visitor.post(&keys, &fields).await
}

/// Makes a developer's own key.
async fn development(visitor: &mut Visitor) -> (String, String) {
    let path = format!("{}/keys/development", visitor.org);
    let form = form_of(&visitor.get(&path).await.ok());
    let made = visitor.post(&path, &[("form", &form)]).await;
    (path_of(&made), secret_of(&made))
}

/// Makes an admin key, after a step-up.
async fn admin(visitor: &mut Visitor, days: &str) -> (String, String) {
    visitor.step_up().await;
    let path = format!("{}/keys/admin", visitor.org);
    let form = form_of(&visitor.get(&path).await.ok());
    let made = visitor.post(&path, &[("form", &form), ("name", "Provisioning"), ("days", days)]).await;
    (path_of(&made), secret_of(&made))
}

/// Gives a key's place to a new one: that one's page, and the key.
async fn rotated(visitor: &mut Visitor, path: &str, hours: &str) -> (String, String) {
    let form = form_of(&visitor.get(path).await.ok());
    let made = visitor.post(&format!("{path}/rotation"), &[("form", &form), ("overlap", hours)]).await;
    (path_of(&made), secret_of(&made))
}

/// How a key is answered that asks what it is.
async fn current(app: &TestApp, key: &str) -> Answer {
    let bearer = format!("Bearer {key}");
    send(app, axum::http::Method::GET, "/v1/keys/current", &[("authorization", &bearer)], "").await
}

async fn works(app: &TestApp, key: &str) -> Value {
    serde_json::from_str(&current(app, key).await.ok().body).expect("it is JSON")
}

/// Asks about a tool that is everyone's.
async fn asks(app: &TestApp, key: &str) -> Answer {
    post(app, key, CHECK, &json!({"resource": "wiki", "permission": "Read", "user": AMARA})).await
}

async fn wiki(app: &TestApp, org: &str) {
    let open = interlock::domain::resources::Audience::EntireOrganization;
    resource(app, org, AMARA, &Thing::tool("wiki", "https://wiki.example/", open)).await;
}

/// An Owner, an Admin and a Developer.
async fn people(app: &TestApp) -> (Visitor, Visitor, Visitor) {
    let mut owner = app.owner().await;
    let admin = app.member(&mut owner, "Ad Min", ADMIN, Role::Admin).await;
    let dev = app.member(&mut owner, "De Vel", DEV, Role::Developer).await;
    wiki(app, &owner.org).await;
    (owner, admin, dev)
}

/// The audit log's rows of keys and agents, in their order.
async fn audited(app: &TestApp) -> Vec<String> {
    texts(
        app,
        "select kind || ' ' || target_name || ' by ' || operator_name from audit_events \
         where (kind like 'key.%' or kind like 'agent.%') and chain <> 'instance' order by seq",
    )
    .await
}
