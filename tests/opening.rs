//! Opening resources: who may, who may not, and what each of them sees (A3, A5, A7, A12 to A14, RES).

mod asking;
mod guests;
mod links;
mod page;
mod why;

use interlock::domain::access::Role;

use crate::support::database::{self, execute};
use crate::support::page::without_request;
use crate::support::resources::{New, entry, resource, set_audience, team, team_entry};
use crate::support::{TestApp, Visitor, on_both};

const ORG: &str = "/o/halden-freight";

/// The path of a resource's page.
fn at(key: &str) -> String {
    format!("{ORG}/resources/{}", key.replace('/', "%2F"))
}

/// What this person gets is what a key that nobody has gets, to the letter.
async fn is_not_there(visitor: &mut Visitor, key: &str) {
    let refused = visitor.get(&at(key)).await.is(404);
    let unknown = visitor.get(&at("no-such-key")).await.is(404);
    assert_eq!(without_request(&refused), without_request(&unknown), "{key}");
}

/// A person with an account and without an organization, made from a resource's page.
async fn guest(app: &TestApp, email: &str) -> Visitor {
    let mut visitor = app.visitor();
    let next = at("refunds");
    let fields =
        [("name", "Gus Guest"), ("email", email), ("password", crate::support::PASSWORD), ("next", &next)];
    visitor.post("/sign-up", &fields).await.leads_to("/sign-up/sent");
    let link = app.mail_to(email).await.path("/verify/");
    visitor.get(&link).await.ok().says("You are about to create your account");
    visitor.post(&link, &[]).await.leads_to(&next);
    visitor.email = email.to_owned();
    visitor
}
