use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::app::Shared;
use crate::domain::access::{Capability, Extent, Role, TABLE};
use crate::domain::organizations;
use crate::web::chrome::Chrome;
use crate::web::error::Result;
use crate::web::gate::{Inside, Visitor};
use crate::web::html;

#[derive(Template)]
#[template(path = "home/choose.html")]
struct Choose {
    chrome: Chrome,
}

/// `/`: to the organization, or to a choice of them; signed out, to the sign-in page.
pub async fn root(State(app): State<Shared>, visitor: Visitor) -> Result {
    let Some(person) = visitor.person else { return Ok(html::redirect("/sign-in")) };
    let now = app.db.now();
    let mut organizations = organizations::of_user(&mut app.db.read().await?, person.user, now).await?;
    organizations.retain(|organization| person.may_know_of(organization.id));
    if let [only] = organizations.as_slice() {
        return Ok(html::redirect(&format!("/o/{}", only.slug)));
    }
    let chrome = Chrome::new(&app, &person, None, organizations, "/", visitor.flash);
    Ok(html::page(&Choose { chrome }))
}

#[derive(Template)]
#[template(path = "home/index.html")]
struct Home {
    chrome: Chrome,
    role: Role,
    can: Vec<&'static str>,
    roles_path: String,
}

/// An organization's home: what one came for, or what one's role lets one do.
pub async fn organization(inside: Inside) -> Response {
    if inside.actor.role.may(Capability::ReadUsers) {
        return html::redirect(&inside.path("users"));
    }
    if inside.actor.role.may(Capability::ReadAudit) {
        return html::redirect(&inside.path("audit"));
    }
    let role = inside.actor.role;
    let can = TABLE.iter().filter(|row| row.extent(role) != Extent::None).map(|row| row.what).collect();
    html::page(&Home { roles_path: inside.path("roles"), chrome: inside.chrome, role, can })
}
