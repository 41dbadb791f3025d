//! `/o/{org}/permissions`, `/o/{org}/settings/plan` and `/v1/permissions`: what keys may do, within the base permission.

mod api;
mod documents;
mod editing;
mod pages;
mod plan;

use crate::support::database::{only, texts};
use crate::support::{Answer, TestApp, Visitor};

const PERMISSIONS: &str = "/o/halden-freight/permissions";

/// The fields of the form for one scope with one limit.
fn form<'a>(name: &'a str, kind: &'a str, scope: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("name", name),
        ("type-0", kind),
        ("scope-0", scope),
        ("level-0-0", "user"),
        ("measure-0-0", "count"),
        ("value-0-0", value),
        ("period-0-0", ""),
        ("act", "show"),
    ]
}

/// Makes a permission by the form, and gives its address.
async fn make(visitor: &mut Visitor, fields: &[(&str, &str)]) -> String {
    visitor.post(&format!("{}/permissions", visitor.org), fields).await.is(303).location()
}

fn digest(shown: &Answer) -> String {
    let mark = "name=\"digest\" value=\"";
    let at = shown.body.find(mark).expect("it has a digest") + mark.len();
    shown.body[at..at + 64].to_owned()
}

/// The scopes as they are stored.
async fn stored(app: &TestApp, name: &str) -> String {
    only(texts(app, &format!("select scopes from permissions where name = '{name}'")).await)
}

/// What the audit log says of the newest change of a kind.
async fn last_audited(app: &TestApp, kind: &str) -> String {
    let query = format!("select changes from audit_events where kind = '{kind}' order by seq");
    texts(app, &query).await.pop().unwrap_or_default()
}
