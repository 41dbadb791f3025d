//! Settings. General: what the organization is called, and the ways to hand it over and delete it.

mod deletion;
mod environments;
mod owner;
mod plan;
mod security;
mod sso;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

pub use self::deletion::{closed, confirm_deletion, delete, reopen};
pub use self::environments::{
    add_environment, change_environment, confirm_environment_removal, environment, environments,
    remove_environment,
};
pub use self::owner::{hand_over, owner};
pub use self::plan::plan;
pub use self::security::{change_mfa, change_sessions, confirm_mfa, mail_lacking, security};
pub use self::sso::{
    add_domain, change_connection, check_domain, confirm_connection_removal, confirm_domain_removal,
    confirm_sso, connect, connection, name_break_glass, new_connection, remove_connection, remove_domain,
    require_sso, sso, test_connection,
};
use crate::app::Shared;
use crate::domain::access::Capability;
use crate::domain::settings::{self, RenameError};
use crate::domain::values::{OrganizationName, Slug};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::Result;
use crate::web::forms::{Field, Form};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::session;

/// The panel with name and slug, as the page and its fragment show it.
struct General {
    path: String,
    name: Field,
    slug: Field,
    slug_hint: String,
}

#[derive(Template)]
#[template(path = "settings/index.html")]
struct Index {
    chrome: Chrome,
    general: General,
    may_delete: bool,
}

#[derive(Template)]
#[template(path = "settings/_general.html")]
struct GeneralFragment {
    general: General,
}

fn panel(app: &Shared, inside: &Inside, name: Field, slug: Field) -> General {
    let address = app.url(&format!("/o/{}", inside.organization.slug));
    General {
        path: inside.path("settings"),
        slug_hint: format!(
            "Everything here is under {address}. After a change the old one leads members on, and nobody else \
             ever gets it."
        ),
        name,
        slug,
    }
}

fn page(inside: Inside, general: General) -> Index {
    let may_delete = inside.actor.role.may(Capability::DeleteOrganization);
    Index { chrome: inside.chrome, general, may_delete }
}

pub async fn index(State(app): State<Shared>, inside: Inside) -> Response {
    let name = Field::new(&inside.organization.name);
    let slug = Field::new(&inside.organization.slug);
    let general = panel(&app, &inside, name, slug);
    html::page(&page(inside, general))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    name: String,
    slug: String,
}

pub async fn rename(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    let (mut name, mut slug) = (Field::new(typed.name), Field::new(typed.slug.trim()));
    let new_name = name.parse::<OrganizationName>();
    // Its own stays good, should the word have been reserved since.
    let new_slug = match slug.value == inside.organization.slug {
        true => Some(None),
        false => slug.parse::<Slug>().map(Some),
    };
    if let (Some(new_name), Some(new_slug)) = (new_name, new_slug) {
        match settings::rename(&app, &inside.actor, &new_name, new_slug.as_ref()).await {
            Ok(organization) => {
                let to = format!("/o/{}/settings", organization.slug);
                return Ok(session::with_flash(&app, html::go(context.fragment, &to), "Saved"));
            }
            Err(RenameError::SlugTaken) => {
                slug.note::<()>(Err(RenameError::SlugTaken));
            }
            Err(RenameError::Denied(denied)) => return Err(denied.into()),
            Err(RenameError::Database(error)) => return Err(error.into()),
        }
    }
    Field::focus_first([&mut name, &mut slug]);
    let general = panel(&app, &inside, name, slug);
    Ok(if context.fragment {
        html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &GeneralFragment { general })
    } else {
        html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page(inside, general))
    })
}
