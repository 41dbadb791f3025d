//! The one page that shows a key. It answers the form itself, and is kept by nobody: to load it again sends the form
//! again, which makes no second key.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::words::{Row, row};
use crate::app::Shared;
use crate::domain::api_keys::{Kind, Made};
use crate::domain::permissions::Permission;
use crate::web::chrome::Chrome;
use crate::web::gate::Inside;
use crate::web::html;

#[derive(Template)]
#[template(path = "keys/made.html")]
struct MadePage {
    chrome: Chrome,
    path: String,
    row: Row,
    secret: String,
    curl: String,
}

/// A scope that a permission covers, to try a key with.
fn example(permission: Option<&Permission>) -> String {
    let first = permission.and_then(|permission| permission.scopes.iter().next());
    let first = first.map(|(pattern, _)| pattern.to_string());
    first.unwrap_or_else(|| "source_type:*".to_owned()).replace('*', "example")
}

/// A line to try it with, as a shell takes it.
fn curl(app: &Shared, made: &Made, email: &str) -> String {
    let bearer = format!("-H \"Authorization: Bearer {}\"", made.secret.expose());
    let (path, body) = match made.key.kind {
        Kind::Admin => return format!("curl {bearer} {}", app.url("/v1/users")),
        Kind::Live if made.permission.is_none() => {
            let body = serde_json::json!({ "resource": "…", "permission": "Read", "user": email });
            ("/v1/access/check", body)
        }
        _ => ("/v1/check", serde_json::json!({ "scope": example(made.permission.as_ref()) })),
    };
    let body = body.to_string().replace('\'', "'\\''");
    format!("curl {bearer} -H \"Content-Type: application/json\" -d '{body}' {}", app.url(path))
}

/// The one time that a key is shown.
pub(super) fn answer(app: &Shared, inside: Inside, made: Made) -> Response {
    let page = MadePage {
        path: inside.path("keys"),
        secret: made.secret.expose().to_owned(),
        curl: curl(app, &made, &inside.actor.person.email),
        row: row(app, &inside, made.key),
        chrome: inside.chrome,
    };
    html::page_with(StatusCode::OK, &page)
}
