use std::collections::HashSet;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::opening::kind_in_words;
use crate::app::Shared;
use crate::domain::access::{Capability, Role};
use crate::domain::environments::{self, Environment};
use crate::domain::organizations;
use crate::domain::resources::Kind;
use crate::domain::resources::opening::{self, Card, Shared as SharedWith};
use crate::ids::ResourceId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::Result;
use crate::web::gate::{Inside, Visitor};
use crate::web::html;

#[derive(Template)]
#[template(path = "home/choose.html")]
struct Choose {
    chrome: Chrome,
    /// What they were given as guests (A3).
    shared: Vec<Tile>,
}

/// `/`: to the organization, or to a choice of them; signed out, to the sign-in page.
pub async fn root(State(app): State<Shared>, visitor: Visitor) -> Result {
    let Some(person) = visitor.person else { return Ok(html::redirect("/sign-in")) };
    let now = app.db.now();
    let mut organizations = organizations::of_user(&mut app.db.read().await?, person.user, now).await?;
    organizations.retain(|organization| person.may_know_of(organization.id));
    let shared = match person.has_own_proof {
        true => opening::shared_with(&app.db, person.user).await?,
        false => Vec::new(),
    };
    if let ([only], true) = (organizations.as_slice(), shared.is_empty()) {
        return Ok(html::redirect(&format!("/o/{}", only.slug)));
    }
    let shared = shared.into_iter().map(Tile::shared).collect();
    let chrome = Chrome::new(&app, &person, None, organizations, "/", visitor.flash);
    Ok(html::page(&Choose { chrome, shared }))
}

/// A resource as a launcher shows it.
struct Tile {
    name: String,
    description: String,
    path: String,
    icon: &'static str,
    kind: &'static str,
    /// What is said beside the kind: the organization, or what one may do where that is not Read.
    more: Option<String>,
    /// Whether one has asked for it.
    asked: bool,
}

impl Tile {
    /// `resources` is the path that they are under.
    fn new(resources: &str, card: Card, asked: &HashSet<ResourceId>) -> Tile {
        let (kind, icon) = kind_in_words(card.kind);
        let permissions = card.decision.permissions();
        Tile {
            path: [resources, &card.key.replace('/', "%2F")].concat(),
            asked: asked.contains(&card.id),
            more: (!card.decision.allowed && !permissions.is_empty())
                .then(|| format!("without Read: {permissions}")),
            name: card.name,
            description: card.description,
            icon,
            kind,
        }
    }

    fn shared(shared: SharedWith) -> Tile {
        let (kind, icon) = kind_in_words(shared.kind);
        let key = html::query_value(&shared.key);
        let environment = match shared.environment.as_str() {
            crate::domain::environments::PRODUCTION => String::new(),
            other => format!("/e/{other}"),
        };
        Tile {
            path: format!("/o/{}{environment}/resources/{key}", shared.slug),
            name: shared.name,
            description: shared.description,
            icon,
            kind,
            more: Some(shared.organization),
            asked: false,
        }
    }
}

#[derive(Template)]
#[template(path = "home/index.html")]
struct Home {
    chrome: Chrome,
    role: Role,
    environment: Option<String>,
    launcher: Launcher,
}

#[derive(Template)]
#[template(path = "home/_launcher.html")]
struct Fragment {
    launcher: Launcher,
}

struct Launcher {
    path: String,
    q: String,
    role: Role,
    organization: String,
    /// A heading and what is under it.
    groups: Vec<(&'static str, Vec<Tile>)>,
    summary: String,
    known: Vec<Tile>,
    more_known: bool,
    may_ask: bool,
    /// Where to begin, where there is nothing at all: a label and a path.
    begin: Vec<(&'static str, String)>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
}

/// An organization's home: everything in the environment that one may open, and what one may ask for.
pub async fn organization(
    State(app): State<Shared>,
    mut inside: Inside,
    context: Context,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let q: String = asked.q.trim().chars().take(200).collect();
    let found = opening::launcher(&app.db, &inside.actor, &inside.place(), &q).await?;
    let requests: HashSet<ResourceId> = found.asked.into_iter().collect();
    let mut groups: Vec<(&'static str, Vec<Tile>)> =
        vec![("Tools", vec![]), ("Interfaces", vec![]), ("Actions", vec![])];
    let open = found.open.len();
    let resources = inside.path_here("resources/");
    for card in found.open {
        let group = match card.kind {
            Kind::Tool => 0,
            Kind::Interface => 1,
            Kind::Action | Kind::Page => 2,
        };
        groups[group].1.push(Tile::new(&resources, card, &requests));
    }
    groups.retain(|(_, tiles)| !tiles.is_empty());
    let role = inside.actor.role;
    let environment = inside.environment();
    let launcher = Launcher {
        path: match environment.is_production() {
            true => format!("/o/{}", inside.organization.slug),
            false => format!("/o/{}/e/{}", inside.organization.slug, environment.slug),
        },
        q,
        role,
        organization: inside.organization.name.clone(),
        groups,
        summary: format!("{} to open", html::count(i64::try_from(open).unwrap_or(i64::MAX), "resource")),
        known: found.known.into_iter().map(|card| Tile::new(&resources, card, &requests)).collect(),
        more_known: found.more_known,
        may_ask: role.may(Capability::AskApproval),
        begin: begin(&inside),
    };
    if context.fragment {
        return Ok(html::page(&Fragment { launcher }));
    }
    let environment = (!environment.is_production()).then(|| environment.name.clone());
    let switches = switches(&app, &inside).await?;
    if let Some(here) = &mut inside.chrome.here {
        here.environments = switches;
    }
    Ok(html::page(&Home { chrome: inside.chrome, role, environment, launcher }))
}

/// The homes of the environments, where there is more than one: Dev mode is for those who develop.
async fn switches(app: &Shared, inside: &Inside) -> Result<Vec<(Environment, String, bool)>> {
    let all = environments::all(&mut app.db.read().await?, inside.organization.id).await?;
    let develops = inside.actor.role.may(Capability::DevelopResources);
    let open = all.into_iter().filter(|environment| develops || !environment.is_development());
    let switch = |environment: Environment| {
        let path = match environment.is_production() {
            true => format!("/o/{}", inside.organization.slug),
            false => format!("/o/{}/e/{}", inside.organization.slug, environment.slug),
        };
        let is_current = environment == *inside.environment();
        (environment, path, is_current)
    };
    let switches: Vec<_> = open.map(switch).collect();
    Ok(if switches.len() > 1 { switches } else { Vec::new() })
}

/// What somebody can do first, by their role.
fn begin(inside: &Inside) -> Vec<(&'static str, String)> {
    let ways = [
        ("Invite people", inside.path("invitations/new"), Capability::ManageUsers),
        ("New resource", inside.path_here("resources/new"), Capability::WriteResources),
        ("Read the audit log", inside.path("audit"), Capability::ReadAudit),
    ];
    let may = ways.into_iter().filter(|(_, _, capability)| inside.actor.role.may(*capability));
    let mut ways: Vec<_> = may.map(|(title, to, _)| (title, to)).collect();
    ways.push(("Compare roles", inside.path("roles")));
    ways
}
