//! Settings → Plan: what the organization may at most, and how much of it is used. Nobody changes it here.

use askama::Template;
use axum::extract::State;

use crate::app::Shared;
use crate::domain::access::Capability;
use crate::domain::permitting;
use crate::web::chrome::Chrome;
use crate::web::error::Result;
use crate::web::gate::Inside;
use crate::web::html::{self, Moment};
use crate::web::pages::permissions::bars::{self, ScopeBars};

struct OverRow {
    path: String,
    name: String,
    /// Scopes, each with what the base still allows.
    over: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "settings/plan.html")]
struct Plan {
    chrome: Chrome,
    settings: String,
    manages: bool,
    slug: String,
    set: Option<Moment>,
    scopes: Vec<ScopeBars>,
    over: Vec<OverRow>,
}

pub async fn plan(State(app): State<Shared>, inside: Inside) -> Result {
    let plan = permitting::plan(&app.db, &inside.actor).await?;
    let times = inside.times(&app);
    let row = |over: permitting::OverBase| OverRow {
        path: inside.path(&format!("permissions/{}", over.id)),
        name: over.name,
        over: over.over.into_iter().map(|over| (over.pattern.to_string(), over.fault.detail)).collect(),
    };
    Ok(html::page(&Plan {
        settings: inside.path("settings"),
        manages: inside.actor.role.may(Capability::ManageSettings),
        slug: inside.organization.slug.clone(),
        set: plan.set_at.map(|at| times.moment(at)),
        scopes: bars::scopes(&plan.base, &plan.usage, &[], &plan.known, &times),
        over: plan.over.into_iter().map(row).collect(),
        chrome: inside.chrome,
    }))
}
