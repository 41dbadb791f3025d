//! What an Unlisted link opens (A7). It is a secret: nothing is to list or to pass on its address.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::show;
use crate::app::Shared;
use crate::domain::resources::links::{self, Use};
use crate::domain::resources::opening;
use crate::domain::resources::{Kind, Resource, Who, who};
use crate::ids::UserId;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::gate::AtLink;
use crate::web::pages::unknown_link;
use crate::web::{html, session};

pub async fn open(
    State(app): State<Shared>,
    context: Context,
    method: Method,
    headers: HeaderMap,
    at: AtLink,
    Path(token): Path<String>,
) -> Result {
    let found = links::open(&app.db, &token).await?;
    let Some((link, organization, resource)) = found else {
        return Err(unknown_link(&app, &context.origin).await);
    };
    let person = at.person(&organization);
    let mut reader = app.db.read().await?;
    let who = match person {
        Some(person) => who(&mut reader, organization.id, person.user, app.db.now()).await?,
        None => Who::nobody(),
    };
    let who = Who { has_link: true, ..who };
    let seen = opening::see(&mut reader, resource, &who).await?;
    drop(reader);
    if !seen.is_open() && person.is_none() && opens_signed_in(&app, &seen.resource).await? {
        return Err(Error::Elsewhere(format!("/sign-in?next={}", html::query_value(&format!("/i/{token}")))));
    }
    if !seen.is_open() {
        return Err(unknown_link(&app, &context.origin).await);
    }
    if method == Method::GET {
        let address = context.origin.address.map(|address| address.to_string());
        let used = Use { at: app.db.now(), user: person.map(|person| person.user), address };
        links::note_use(&app.db, link, &used).await?;
    }
    let is_opened = method == Method::GET && seen.resource.kind == Kind::Tool;
    let mut response = match person {
        Some(person) => show::by_link(&seen, &organization.name, at.chrome(&app, person)),
        None => show::outside(&seen, &organization.name, &format!("/i/{token}"), true),
    };
    let robots = HeaderName::from_static("x-robots-tag");
    response.headers_mut().insert(robots, HeaderValue::from_static("noindex, nofollow"));
    if is_opened {
        // Before the tool a proxy may ask who comes, and there the link counts too.
        session::keep_opened_link(&app, &headers, response.headers_mut(), &token);
    }
    Ok(response)
}

/// Whether the link gives something to whoever signs in first: nobody signed in has Read at most (A7).
async fn opens_signed_in(app: &Shared, resource: &Resource) -> Result<bool> {
    let somebody = Who { user: Some(UserId::nobody()), has_link: true, ..Who::nobody() };
    let seen = opening::see(&mut app.db.read().await?, resource.clone(), &somebody).await?;
    Ok(seen.is_open())
}
