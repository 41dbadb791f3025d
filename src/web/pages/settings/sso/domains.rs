//! Email domains: added, proven, removed.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::Confirm;
use super::page::{Page, title};
use crate::app::Shared;
use crate::domain::access::StepUpNeeded;
use crate::domain::sso::{self, CheckError, Checked, Connection, Domain, DomainError, GRACE};
use crate::domain::values::DomainName;
use crate::ids::DomainId;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form, Nothing};
use crate::web::gate::Inside;
use crate::web::html::{self, Times};
use crate::web::pages::sso::connection_id;
use crate::web::pages::step_up::{self, Act};
use crate::web::session;

/// The panel, as the page and its fragment show it.
pub(super) struct DomainsPanel {
    pub path: String,
    pub rows: Vec<DomainRow>,
    pub domain: Field,
    /// Id, what it is called, whether it is chosen.
    pub connections: Vec<(String, String, bool)>,
    /// What a check has just found.
    pub said: Option<Said>,
}

#[derive(Template)]
#[template(path = "settings/sso/_domains.html")]
struct Fragment {
    domains: DomainsPanel,
}

/// A sentence on what a check has found, and whether it is good.
pub(super) struct Said {
    pub tone: &'static str,
    pub text: String,
}

pub(super) struct DomainRow {
    pub name: String,
    pub about: String,
    pub status: &'static str,
    pub tone: &'static str,
    /// What the DNS must say, as long as it does not.
    pub record: Option<String>,
    pub path: String,
}

impl DomainsPanel {
    pub fn new(
        inside: &Inside,
        connections: &[Connection],
        domains: Vec<Domain>,
        times: &Times,
    ) -> DomainsPanel {
        let row = |domain| DomainRow::new(inside, connections, domain, times);
        let choice = |connection: &Connection| (connection.id.to_string(), title(connection), false);
        DomainsPanel {
            path: inside.path("settings/sso/domains"),
            rows: domains.into_iter().map(row).collect(),
            domain: Field::default(),
            connections: connections.iter().map(choice).collect(),
            said: None,
        }
    }
}

impl DomainRow {
    fn new(inside: &Inside, connections: &[Connection], domain: Domain, times: &Times) -> DomainRow {
        let connection = connections.iter().find(|connection| connection.id == domain.connection);
        let provider = connection.map(title).unwrap_or_default();
        let (status, tone) = match domain {
            Domain { failing_since: Some(_), .. } => ("Record missing", "bad"),
            Domain { verified_at: Some(_), .. } => ("Verified", "ok"),
            _ => ("Waiting for DNS", "warn"),
        };
        let about = match domain.failing_since {
            Some(since) => format!(
                "Goes to {provider}. The TXT record is missing since {}. Put it back: after {} nobody joins or is \
                 linked by an address here.",
                times.moment(since).within(),
                times.minute(since.plus(GRACE))
            ),
            None if domain.verified_at.is_some() => format!("Goes to {provider}"),
            None => format!(
                "Will go to {provider}. Add this TXT record to the DNS at {} itself, and check it.",
                domain.domain
            ),
        };
        let is_good = domain.verified_at.is_some() && domain.failing_since.is_none();
        DomainRow {
            path: inside.path(&format!("settings/sso/domains/{}", domain.id)),
            record: (!is_good).then_some(domain.record),
            name: domain.domain,
            about,
            status,
            tone,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    domain: String,
    connection: String,
}

/// The panel anew, with what was typed or said.
async fn again(
    app: &Shared,
    inside: Inside,
    context: &Context,
    status: StatusCode,
    change: impl FnOnce(&mut DomainsPanel),
) -> Result {
    let mut page = Page::new(app, inside).await?;
    change(&mut page.domains);
    Ok(match context.fragment {
        true => html::page_with(status, &Fragment { domains: page.domains }),
        false => html::page_with(status, &page),
    })
}

pub async fn add_domain(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    let mut field = Field::new(typed.domain.trim());
    let connection = connection_id(&typed.connection)
        .map_err(|_| Error::Unfit("Choose the provider that the domain goes to."))?;
    let choose = |panel: &mut DomainsPanel, field: Field| {
        panel.domain = field;
        for (id, _, chosen) in &mut panel.connections {
            *chosen = *id == typed.connection;
        }
    };
    let Some(name) = field.parse::<DomainName>() else {
        return again(&app, inside, &context, wrong, |panel| choose(panel, field)).await;
    };
    match sso::add_domain(&app, &inside.actor, connection, &name).await {
        Ok(domain) => {
            let to = html::go(context.fragment, &inside.path("settings/sso"));
            let text = format!("{} is added. It does nothing until its TXT record is found", domain.domain);
            Ok(session::with_flash(&app, to, &text))
        }
        Err(DomainError::StepUp(StepUpNeeded)) => {
            let fields = [("domain", name.as_str()), ("connection", &typed.connection)];
            let what = format!("Add the domain {name} to {}", inside.organization.name);
            let act = Act { what: &what, verb: "Add domain" };
            let path = inside.path("settings/sso/domains");
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &fields).await
        }
        Err(error @ (DomainError::Known | DomainError::TooMany)) => {
            field.note::<()>(Err(error));
            again(&app, inside, &context, wrong, |panel| choose(panel, field)).await
        }
        Err(error) => Err(error.into()),
    }
}

impl From<DomainError> for Error {
    fn from(error: DomainError) -> Error {
        match error {
            DomainError::Denied(denied) => denied.into(),
            DomainError::NotFound | DomainError::NoConnection => Error::NotFound,
            DomainError::Database(error) => error.into(),
            error => Error::Conflict(error.to_string()),
        }
    }
}

impl From<CheckError> for Error {
    fn from(error: CheckError) -> Error {
        match error {
            CheckError::Denied(denied) => denied.into(),
            CheckError::NotFound => Error::NotFound,
            CheckError::Throttled(throttled) => throttled.into(),
            CheckError::Database(error) => error.into(),
        }
    }
}

fn domain_id(text: &str) -> Result<DomainId> {
    text.parse().map_err(|_| Error::NotFound)
}

fn said(name: &str, checked: Checked) -> Said {
    let (tone, text) = match checked {
        Checked::Proven => ("ok", format!("{name} is verified")),
        Checked::Missing => (
            "warn",
            format!(
                "There is no such TXT record at {name} yet. A new one may take an hour to be seen everywhere"
            ),
        ),
        Checked::Taken => (
            "bad",
            format!(
                "The record is there, but another organization has proven {name} before. Ask whoever runs this server"
            ),
        ),
        Checked::Unanswered => (
            "warn",
            format!("The DNS of {name} did not answer. Nothing was changed: try again in a few minutes"),
        ),
    };
    Said { tone, text }
}

pub async fn check_domain(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let domain = sso::domain(&app, &inside.actor, domain_id(&id)?).await?;
    let said = said(&domain.domain, sso::check(&app, &inside.actor, domain.id).await?);
    if context.fragment {
        return again(&app, inside, &context, StatusCode::OK, |panel| panel.said = Some(said)).await;
    }
    let to = html::redirect(&inside.path("settings/sso"));
    Ok(session::with_flash(&app, to, &said.text))
}

/// What removing a domain touches (V4).
pub async fn confirm_domain_removal(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let domain = sso::domain(&app, &inside.actor, domain_id(&id)?).await?;
    let on_it = sso::members_on(&app, &inside.actor, &domain).await?;
    let facts = match domain.verified_at {
        None => vec!["It is not verified yet, so nobody signs in by it.".to_owned()],
        Some(_) => vec![
            format!(
                "{} here {} an address at {}. The sign-in page no longer offers them the provider.",
                html::people(on_it),
                if on_it == 1 { "has" } else { "have" },
                domain.domain
            ),
            "Nobody joins or is linked by an address there any more, and the provider’s sign-ins with one are refused."
                .to_owned(),
            "To have it back, it is proven by a new TXT record.".to_owned(),
        ],
    };
    Ok(html::page(&Confirm {
        title: format!("Remove {}?", domain.domain),
        facts,
        action: inside.path(&format!("settings/sso/domains/{}/removal", domain.id)),
        verb: "Remove domain",
        back: inside.path("settings/sso"),
        fields: Vec::new(),
        heading: String::new(),
        members: Vec::new(),
        more: None,
        chrome: inside.chrome,
    }))
}

pub async fn remove_domain(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let id = domain_id(&id)?;
    match sso::remove_domain(&app, &inside.actor, id).await {
        Ok(domain) => {
            let to = html::go(context.fragment, &inside.path("settings/sso"));
            Ok(session::with_flash(&app, to, &format!("{} is removed", domain.domain)))
        }
        Err(DomainError::StepUp(StepUpNeeded)) => {
            let domain = sso::domain(&app, &inside.actor, id).await?;
            let what = format!("Remove the domain {} from {}", domain.domain, inside.organization.name);
            let act = Act { what: &what, verb: "Remove domain" };
            let path = inside.path(&format!("settings/sso/domains/{id}/removal"));
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &[]).await
        }
        Err(error) => Err(error.into()),
    }
}
