//! The page with everything on it.

use askama::Template;

use super::domains::DomainsPanel;
use super::people::PeoplePanel;
use super::requirement::RequirementPanel;
use crate::app::Shared;
use crate::domain::access::Capability;
use crate::domain::audit::{self as audit_log, Filter, Kind};
use crate::domain::sso::{self, Connection, ConnectionKind, Domain};
use crate::web::chrome::Chrome;
use crate::web::error::Result;
use crate::web::gate::Inside;
use crate::web::html::{self, Times};
use crate::web::pages::audit;

/// How many uses of break-glass the page shows.
const USES: usize = 5;

#[derive(Template)]
#[template(path = "settings/sso/index.html")]
pub(super) struct Page {
    chrome: Chrome,
    general: String,
    providers: Vec<ProviderRow>,
    more: Vec<(&'static str, String)>,
    pub domains: DomainsPanel,
    pub requirement: RequirementPanel,
    pub people: PeoplePanel,
    uses: Option<Uses>,
}

impl Page {
    pub async fn new(app: &Shared, inside: Inside) -> Result<Page> {
        let times = inside.times(app);
        let mut reader = app.db.read().await?;
        let connections = sso::of_organization(&mut reader, inside.organization.id).await?;
        let domains = sso::domains_of(&mut reader, inside.organization.id).await?;
        let linked = sso::linked_at_each(&mut reader, inside.organization.id).await?;
        let row = |connection: &Connection| {
            let linked = linked.get(&connection.id).copied().unwrap_or_default();
            ProviderRow::of(&inside, connection, &domains, linked, &times)
        };
        let mut providers: Vec<ProviderRow> = connections.iter().map(row).collect();
        let people = sso::break_glass_people(&mut reader, inside.organization.id).await?;
        drop(reader);
        let there = |kind| connections.iter().any(|connection| connection.kind == kind);
        let absent = ConnectionKind::ALL.into_iter().filter(|kind| !there(*kind));
        providers.extend(absent.map(|kind| ProviderRow::absent(&inside, kind)));
        let full = connections.len() >= usize::try_from(sso::MOST_CONNECTIONS).unwrap_or(usize::MAX);
        let again = ConnectionKind::ALL.into_iter().filter(|kind| there(*kind) && !full);
        Ok(Page {
            general: inside.path("settings"),
            more: again.map(|kind| (kind.name(), new_path(&inside, kind))).collect(),
            domains: DomainsPanel::new(&inside, &connections, domains, &times),
            requirement: RequirementPanel::new(app, &inside).await?,
            people: PeoplePanel::new(&inside, people),
            uses: Uses::new(app, &inside).await?,
            providers,
            chrome: inside.chrome,
        })
    }

    fn is_wrong(&self) -> bool {
        self.domains.domain.error.is_some() || self.people.email.error.is_some()
    }
}

pub(super) fn new_path(inside: &Inside, kind: ConnectionKind) -> String {
    inside.path(&format!("settings/sso/new?kind={}", kind.code()))
}

/// A provider, or a kind of provider that is not set up.
struct ProviderRow {
    kind: ConnectionKind,
    title: String,
    about: String,
    /// What does not work, in place of what it is about.
    problem: Option<String>,
    status: &'static str,
    tone: &'static str,
    path: String,
    label: &'static str,
}

impl ProviderRow {
    fn absent(inside: &Inside, kind: ConnectionKind) -> ProviderRow {
        let (title, about) = match kind {
            ConnectionKind::Google => ("Google Workspace", "For the accounts of one Workspace domain"),
            ConnectionKind::Entra => ("Microsoft Entra ID", "For the accounts of one tenant"),
            ConnectionKind::Oidc => {
                ("Any OpenID Connect provider", "Okta, Keycloak, Authentik, Zitadel and others")
            }
        };
        ProviderRow {
            kind,
            title: title.to_owned(),
            about: about.to_owned(),
            problem: None,
            status: "Not set up",
            tone: "none",
            path: new_path(inside, kind),
            label: "Set up",
        }
    }

    fn of(
        inside: &Inside,
        connection: &Connection,
        domains: &[Domain],
        linked: i64,
        times: &Times,
    ) -> ProviderRow {
        let own = domains.iter().filter(|domain| domain.connection == connection.id);
        let own: Vec<&str> = own.map(|domain| domain.domain.as_str()).collect();
        let places = if own.is_empty() { "No domain yet".to_owned() } else { own.join(", ") };
        let people = match linked {
            0 => "nobody linked".to_owned(),
            1 => "1 person linked".to_owned(),
            more => format!("{} people linked", html::number(more)),
        };
        let used = match connection.last_used_at {
            Some(at) => format!("last used {}", times.moment(at).within()),
            None => "not used yet".to_owned(),
        };
        let (status, tone) = match connection {
            Connection { enabled: false, .. } => ("Disabled", "none"),
            Connection { problem: Some(_), .. } => ("Needs attention", "bad"),
            _ => ("Connected", "ok"),
        };
        ProviderRow {
            kind: connection.kind,
            title: title(connection),
            about: format!("{places}, {people}, {used}"),
            problem: connection.problem.clone().filter(|_| connection.enabled),
            status,
            tone,
            path: inside.path(&format!("settings/sso/{}", connection.id)),
            label: "Manage",
        }
    }
}

/// What a connection is called among others.
pub(super) fn title(connection: &Connection) -> String {
    let Connection { kind, name, tenant, hosted_domain, .. } = connection;
    match (kind, hosted_domain, tenant) {
        (ConnectionKind::Google, Some(domain), _) => format!("{} of {domain}", kind.name()),
        (ConnectionKind::Oidc, ..) => name.clone(),
        _ => kind.name().to_owned(),
    }
}

/// The last times that somebody came in by break-glass.
struct Uses {
    rows: Vec<audit::Row>,
    all: String,
}

impl Uses {
    async fn new(app: &Shared, inside: &Inside) -> Result<Option<Uses>> {
        if !inside.actor.role.may(Capability::ReadAudit) {
            return Ok(None);
        }
        let filter = Filter { kind: Some(Kind::BreakGlassUsed), ..Filter::default() };
        let rows = audit_log::list(&app.db, &inside.actor, &filter, USES).await?.rows;
        let all = format!("{}?kind={}", inside.path("audit"), Kind::BreakGlassUsed.code());
        Ok(Some(Uses { rows: rows.into_iter().map(audit::in_words).collect(), all }))
    }
}
