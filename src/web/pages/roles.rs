use askama::Template;
use axum::response::Response;

use crate::domain::access::{Extent, Role, RowOfTable, TABLE};
use crate::web::chrome::Chrome;
use crate::web::gate::Inside;
use crate::web::html;

#[derive(Template)]
#[template(path = "roles/index.html")]
struct Index {
    chrome: Chrome,
    own: Role,
    roles: [Role; 6],
    rows: &'static [RowOfTable],
}

/// For each role: whom it is best for, what it can and can't (R1). The gate reads the same table.
pub async fn index(inside: Inside) -> Response {
    html::page(&Index { own: inside.actor.role, roles: Role::ALL, chrome: inside.chrome, rows: &TABLE })
}
