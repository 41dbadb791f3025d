//! The links of an Unlisted resource (A7).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::ask::Confirm;
use super::{Named, NamedWith, path_of, state_of};
use crate::app::Shared;
use crate::domain::resources::links::{self, Link};
use crate::domain::resources::{Permission, Resource, ResourceError};
use crate::domain::values::{Day, ShortName};
use crate::ids::LinkId;
use crate::web::chrome::Chrome;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form, Nothing};
use crate::web::gate::Inside;
use crate::web::html::{self, Moment, Times};
use crate::web::pages::resources::{Head, Tab};
use crate::web::session;

#[derive(Template)]
#[template(path = "opening/links.html")]
struct Page {
    chrome: Chrome,
    head: Head,
    path: String,
    /// Why no link works, where that is so.
    none_works: Option<&'static str>,
    /// Whether it gives nothing to whoever is not signed in, who has Read at most (A7).
    asks_to_sign_in: bool,
    /// The link that was just made: shown this once.
    made: Option<String>,
    /// Why none was made.
    problem: Option<&'static str>,
    name: Field,
    expires: Field,
    today: Day,
    rows: Vec<Row>,
    uses: Vec<UseRow>,
}

struct Row {
    name: String,
    state: &'static str,
    tone: &'static str,
    about: String,
    used: String,
    revocation: Option<String>,
}

struct UseRow {
    link: String,
    who: String,
    address: String,
    at: Moment,
}

fn row(inside: &Inside, resource: &Resource, link: Link, times: &Times, now: crate::clock::Timestamp) -> Row {
    let (state, tone) = state_of(&link, now);
    let by = link.created_by.clone().map(|name| format!(" by {name}")).unwrap_or_default();
    let made = times.moment(link.created_at).within();
    let ends = match (link.revoked_at, link.expires_at) {
        (Some(at), _) => format!(", revoked {}", times.moment(at).within()),
        (None, Some(end)) if link.works(now) => format!(", works until {}", times.last_minute(end)),
        (None, Some(end)) => format!(", ended {}", times.moment(end).within()),
        (None, None) => ", without an end".to_owned(),
    };
    Row {
        state,
        tone,
        about: format!("Made {made}{by}{ends}"),
        used: match link.used_at {
            Some(at) => {
                format!("Used {}, last {}", html::count(link.uses, "time"), times.moment(at).within())
            }
            None => "Never used".to_owned(),
        },
        revocation: link
            .works(now)
            .then(|| path_of(inside, &resource.key, &format!("links/{}/revocation", link.id))),
        name: link.name,
    }
}

async fn page(
    app: &Shared,
    inside: Inside,
    key: &str,
    status: StatusCode,
    change: impl FnOnce(&mut Page),
) -> Result<Response> {
    let (resource, links, uses) = links::list(&app.db, &inside.actor, &inside.place(), key).await?;
    let (times, now) = (inside.times(app), app.db.now());
    let uses = uses.into_iter().map(|(at, link, who, address)| UseRow {
        link,
        who: who.unwrap_or_else(|| "Nobody signed in".to_owned()),
        address: address.unwrap_or_else(|| "Unknown address".to_owned()),
        at: times.moment(at),
    });
    let mut page = Page {
        head: Head::new(&inside, &resource, Tab::Links),
        path: path_of(&inside, &resource.key, "links"),
        none_works: links::none_works(&resource),
        asks_to_sign_in: !resource.defaults().has(Permission::Read),
        made: None,
        problem: None,
        name: Field::default(),
        expires: Field::default(),
        today: Day::of(now, &inside.actor.person.time_zone),
        rows: links.into_iter().map(|link| row(&inside, &resource, link, &times, now)).collect(),
        uses: uses.collect(),
        chrome: inside.chrome,
    };
    change(&mut page);
    Ok(html::page_with(status, &page))
}

pub async fn index(State(app): State<Shared>, inside: Inside, Path(named): Path<Named>) -> Result {
    page(&app, inside, &named.key, StatusCode::OK, |_| {}).await
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    name: String,
    expires: String,
}

/// The page itself answers with the link: an address that was shown once is not to be come back to.
pub async fn create(
    State(app): State<Shared>,
    inside: Inside,
    Path(named): Path<Named>,
    Form(typed): Form<Typed>,
) -> Result {
    let (mut name, mut expires) = (Field::new(typed.name.trim()), Field::new(&typed.expires));
    let parsed = name.parse::<ShortName>();
    let zone = inside.actor.person.time_zone.clone();
    let end = match typed.expires.as_str() {
        "" => Some(None),
        _ => expires.parse::<Day>().map(|day| Some(day.end(&zone))),
    };
    if end.flatten().is_some_and(|end| end <= app.db.now()) {
        expires.note::<()>(Err("Choose today or a later day."));
    }
    let (Some(parsed), Some(end), None) = (parsed, end, &expires.error) else {
        Field::focus_first([&mut name, &mut expires]);
        let wrong = StatusCode::UNPROCESSABLE_ENTITY;
        return page(&app, inside, &named.key, wrong, |page| (page.name, page.expires) = (name, expires))
            .await;
    };
    match links::create(&app, &inside.actor, &inside.place(), &named.key, &parsed, end).await {
        Ok((_, token)) => {
            let link = app.url(&format!("/i/{}", token.expose()));
            page(&app, inside, &named.key, StatusCode::OK, |page| page.made = Some(link)).await
        }
        Err(ResourceError::Conflict(why)) => {
            let typed = |page: &mut Page| {
                (page.name, page.expires, page.problem) = (name, expires, Some(why));
            };
            page(&app, inside, &named.key, StatusCode::CONFLICT, typed).await
        }
        Err(error) => Err(error.into()),
    }
}

fn link_id(text: &str) -> Result<LinkId> {
    text.parse().map_err(|_| Error::NotFound)
}

pub async fn confirm_revocation(
    State(app): State<Shared>,
    inside: Inside,
    Path(named): Path<NamedWith>,
) -> Result {
    let id = link_id(&named.id)?;
    let (resource, link) = links::link(&app.db, &inside.actor, &inside.place(), &named.key, id).await?;
    let uses = match link.uses {
        0 => "It was never used.".to_owned(),
        uses => format!("It was used {}.", html::count(uses, "time")),
    };
    Ok(html::page(&Confirm {
        title: format!("Revoke the link {}?", link.name),
        facts: vec![
            format!("Whoever has this one link to {} can’t open it any more. {uses}", resource.name),
            "This can’t be undone: to let them in again, make another link.".to_owned(),
        ],
        action: path_of(&inside, &named.key, &format!("links/{id}/revocation")),
        back: path_of(&inside, &named.key, "links"),
        verb: "Revoke link",
        chrome: inside.chrome,
    }))
}

pub async fn revoke(
    State(app): State<Shared>,
    inside: Inside,
    Path(named): Path<NamedWith>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let id = link_id(&named.id)?;
    let link = links::revoke(&app, &inside.actor, &inside.place(), &named.key, id).await?;
    let to = html::redirect(&path_of(&inside, &named.key, "links"));
    Ok(session::with_flash(&app, to, &format!("The link {} is revoked", link.name)))
}
