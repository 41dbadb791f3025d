//! `/v1/resources`: what access is controlled to, by environment, in the written form of definitions (A10).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::body::{Document, Json, OrNull, body};
use super::codes::{AudienceCode, ResourceKind};
use super::forms::{AccessForm, Definition, DefinitionChange};
use super::problem::{Fault, Problem, Result};
use super::query::Asked;
use super::reply::{self, Page, Paged, Paging, json};
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability};
use crate::domain::environments::{self, PRODUCTION, Place};
use crate::domain::resources::definition::{self, Problem as Wrong};
use crate::domain::resources::editing;
use crate::domain::resources::granting::{self, Saved, Stated};
use crate::domain::resources::listing::{self, AudienceFilter, ListQuery};
use crate::domain::resources::{self, Resource as Found};
use crate::domain::values::{self, pointer_part};
use crate::web::gate::Acting;

/// A thing whose access is controlled.
#[derive(Serialize, ToSchema)]
pub struct Resource {
    #[schema(example = "refunds")]
    key: String,
    #[schema(value_type = ResourceKind)]
    kind: &'static str,
    #[schema(example = "Refunds")]
    name: String,
    description: String,
    /// A tool's address.
    #[schema(required = true, format = "uri")]
    url: Option<String>,
    #[schema(example = "production")]
    environment: String,
    /// The id of the user who has it: whoever made it, or has inherited it.
    #[schema(format = "uuid")]
    creator: String,
    /// Who may open it, as its definition would say it; null where it says nothing.
    #[schema(required = true, value_type = Option<AccessForm>)]
    access: Option<Value>,
    /// Who may open it now, whether it says so itself or not.
    #[schema(value_type = AudienceCode)]
    audience: &'static str,
    /// The key of the page that its access comes from, where it says nothing itself.
    #[schema(required = true)]
    inherited_from: Option<String>,
    /// What its definition says beside.
    #[schema(required = true)]
    fields: Option<Value>,
    #[schema(required = true)]
    requests: Option<Value>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
    /// Since when nobody opens it; null while it is in use.
    #[schema(required = true, format = DateTime)]
    archived_at: Option<String>,
}

/// A resource in the list.
#[derive(Serialize, ToSchema)]
pub struct ResourceSummary {
    #[schema(example = "refunds")]
    key: String,
    #[schema(value_type = ResourceKind)]
    kind: &'static str,
    #[schema(example = "Refunds")]
    name: String,
    description: String,
    #[schema(required = true, format = "uri")]
    url: Option<String>,
    /// The id of the user who has it.
    #[schema(format = "uuid")]
    creator: String,
    /// What it says itself of who may open it; null where it says nothing.
    #[schema(required = true, value_type = Option<AudienceCode>)]
    audience: Option<&'static str>,
    /// Who may open it, in a phrase.
    #[schema(example = "Support and 2 people")]
    who: String,
    #[schema(format = DateTime)]
    changed_at: String,
    #[schema(required = true, format = DateTime)]
    archived_at: Option<String>,
}

impl From<listing::Listed> for ResourceSummary {
    fn from(listed: listing::Listed) -> ResourceSummary {
        ResourceSummary {
            who: listed.phrase(),
            kind: listed.kind.code(),
            creator: listed.creator.to_string(),
            audience: listed.audience.map(|audience| audience.code()),
            changed_at: listed.changed_at.rfc3339(),
            archived_at: listed.archived_at.map(Timestamp::rfc3339),
            key: listed.key,
            name: listed.name,
            description: listed.description,
            url: listed.url,
        }
    }
}

/// Where.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "these are the document's words for what `place` takes")]
pub struct Where {
    /// The environment's slug. `development` is the Dev mode of whoever made the key.
    #[param(default = "production", example = "production")]
    environment: Option<String>,
}

/// The environment that is asked for.
async fn place(app: &Shared, actor: &Actor, asked: &mut Asked) -> Result<Place> {
    let slug = asked.text("environment").unwrap_or_else(|| PRODUCTION.to_owned());
    let found = environments::find(&mut app.db.read().await?, actor.organization, &slug).await?;
    let Some(environment) = found else {
        asked.fault("environment", "There is no environment with this slug.");
        return Ok(Place::production(actor.organization));
    };
    if environment.is_development() {
        actor.may(Capability::DevelopResources)?;
    }
    Ok(environment.place(actor.organization, actor.person.user))
}

/// The same, where nothing else is asked for.
async fn only_place(app: &Shared, actor: &Actor, mut asked: Asked) -> Result<Place> {
    let place = place(app, actor, &mut asked).await?;
    asked.done()?;
    Ok(place)
}

/// What is wrong with a definition, by JSON pointer: `access.users[0].email` is `/access/users/0/email`.
fn faults(wrong: &[Wrong]) -> Problem {
    let pointer = |at: &str| -> String {
        let parts = at.split(['.', '[']).filter(|part| !part.is_empty());
        parts.map(|part| format!("/{}", pointer_part(part.trim_end_matches(']')))).collect()
    };
    Problem::invalid(wrong.iter().map(|wrong| Fault::new(pointer(&wrong.at), wrong.why.clone())).collect())
}

/// A resource with what its definition would say.
async fn whole(app: &Shared, actor: &Actor, found: Found) -> Result<Resource> {
    let stated = granting::stated(app, actor, &found).await?;
    with_stated(app, found, &stated).await
}

async fn with_stated(app: &Shared, found: Found, stated: &Stated) -> Result<Resource> {
    let (audience, inherited_from) = resources::in_force(&mut app.db.read().await?, &found).await?;
    let mut kept = definition::kept(&found);
    Ok(Resource {
        fields: kept.remove("fields"),
        requests: kept.remove("requests"),
        kind: found.kind.code(),
        creator: found.creator.to_string(),
        access: definition::access(stated),
        audience: audience.code(),
        inherited_from,
        created_at: found.created_at.rfc3339(),
        changed_at: found.changed_at.rfc3339(),
        archived_at: found.archived_at.map(Timestamp::rfc3339),
        key: found.key,
        name: found.name,
        description: found.description,
        url: found.url,
        environment: found.environment,
    })
}

/// Which of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "these are the document's words for what `Asked` takes")]
pub struct ResourceFilter {
    /// A part of a name, a key or an address.
    #[param(max_length = 200)]
    q: Option<String>,
    #[param(value_type = Option<ResourceKind>)]
    kind: Option<String>,
    #[param(value_type = Option<AudienceCode>)]
    audience: Option<String>,
    /// `true` lists what is out of use instead.
    archived: Option<bool>,
}

/// List the resources
///
/// Those of one environment, by name.
#[utoipa::path(get, path = "/v1/resources", operation_id = "listResources", tag = "Resources",
    params(Paged, Where, ResourceFilter),
    responses((status = 200, description = "A page of resources", body = Page<ResourceSummary>)))]
pub async fn list(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    paging: Paging,
    mut asked: Asked,
) -> Result {
    let place = place(&app, &actor, &mut asked).await?;
    let query = ListQuery {
        search: asked.search("q"),
        kind: asked.take("kind"),
        audience: asked.take("audience").map(AudienceFilter::Is),
        archived: asked.one_of("archived", &[("true", true), ("false", false)]).unwrap_or_default(),
        cursor: paging.cursor(values::Place::decode)?,
    };
    asked.done()?;
    let found = listing::list(&app.db, &actor, &place, &query, paging.limit()).await?;
    let next = found.next.as_ref().map(values::Place::encode);
    let rows: Vec<ResourceSummary> = found.rows.into_iter().map(ResourceSummary::from).collect();
    Ok(paging.page(rows, next))
}

/// Make a resource
///
/// From a definition. Whoever made the key is its creator.
#[utoipa::path(post, path = "/v1/resources", operation_id = "createResource", tag = "Resources", params(Where),
    request_body = Definition,
    responses((status = 201, description = "The resource", body = Resource),
        (status = 409, description = "`key-taken`, `host`, `too-many`")))]
pub async fn create(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    asked: Asked,
    Document(body): Document,
) -> Result {
    let place = only_place(&app, &actor, asked).await?;
    let new = definition::read(&body)
        .and_then(|definition| definition.to_make())
        .map_err(|wrong| faults(&wrong))?;
    let made = editing::create(&app, &actor, &place, &new).await?;
    let key = made.key.replace('/', "%2F");
    let path = match place.environment.as_str() {
        PRODUCTION => format!("/v1/resources/{key}"),
        other => format!("/v1/resources/{key}?environment={other}"),
    };
    // Read again: its access was said in the same change.
    let made = editing::configured(&app, &actor, &place, &made.key).await?;
    Ok(reply::created(&path, &whole(&app, &actor, made).await?))
}

/// Look at a resource
///
/// A slash in a key is written `%2F`.
#[utoipa::path(get, path = "/v1/resources/{key}", operation_id = "getResource", tag = "Resources",
    params(("key" = String, Path, description = "The resource's key", example = "refunds"), Where),
    responses((status = 200, description = "The resource", body = Resource)))]
pub async fn show(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(key): Path<String>,
    asked: Asked,
) -> Result {
    let place = only_place(&app, &actor, asked).await?;
    let found = editing::configured(&app, &actor, &place, &key).await?;
    Ok(json(StatusCode::OK, &whole(&app, &actor, found).await?))
}

/// Change a resource
///
/// Its name, description, address, fields or requests; who may open it has a path of its own.
#[utoipa::path(patch, path = "/v1/resources/{key}", operation_id = "changeResource", tag = "Resources",
    params(("key" = String, Path, description = "The resource's key", example = "refunds"), Where),
    request_body = DefinitionChange,
    responses((status = 200, description = "The resource as it is now", body = Resource),
        (status = 409, description = "`host`: the new address can't be used")))]
pub async fn change(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(key): Path<String>,
    asked: Asked,
    Document(body): Document,
) -> Result {
    let place = only_place(&app, &actor, asked).await?;
    let said = definition::read(&body).map_err(|wrong| faults(&wrong))?;
    // What is not there is not found, whatever is said of it.
    editing::configured(&app, &actor, &place, &key).await?;
    let said = said.to_amend().map_err(|wrong| faults(&wrong))?;
    let after = editing::amend(&app, &actor, &place, &key, &said).await?;
    Ok(json(StatusCode::OK, &whole(&app, &actor, after).await?))
}

/// Archive a resource
///
/// Nobody opens it from the next request on. It keeps its key and what its access says.
#[utoipa::path(delete, path = "/v1/resources/{key}", operation_id = "archiveResource", tag = "Resources",
    params(("key" = String, Path, description = "The resource's key", example = "refunds"), Where),
    responses((status = 204, description = "It is archived")))]
pub async fn archive(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(key): Path<String>,
    asked: Asked,
) -> Result {
    let place = only_place(&app, &actor, asked).await?;
    editing::set_archived(&app, &actor, &place, &key, true).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Take an archived resource back into use
#[utoipa::path(post, path = "/v1/resources/{key}/unarchive", operation_id = "unarchiveResource", tag = "Resources",
    params(("key" = String, Path, description = "The resource's key", example = "refunds"), Where),
    responses((status = 200, description = "The resource, in use", body = Resource),
        (status = 409, description = "`host`: its address can't be used any more")))]
pub async fn unarchive(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(key): Path<String>,
    asked: Asked,
) -> Result {
    let place = only_place(&app, &actor, asked).await?;
    let found = editing::set_archived(&app, &actor, &place, &key, false).await?;
    Ok(json(StatusCode::OK, &whole(&app, &actor, found).await?))
}

/// Who may open a resource.
#[derive(Serialize, ToSchema)]
pub struct ResourceAccess {
    /// As its definition says it; null where it says nothing.
    #[schema(required = true, value_type = Option<AccessForm>)]
    access: Option<Value>,
    /// What holds now, whether it says so itself or not.
    #[schema(value_type = AudienceCode)]
    audience: &'static str,
    /// The key of the page that it comes from, where the resource says nothing itself.
    #[schema(required = true)]
    inherited_from: Option<String>,
    /// What is kept and does nothing, or was not known: an unknown team, above all.
    warnings: Vec<String>,
}

async fn access_of(app: &Shared, found: Found, stated: &Stated, warnings: Vec<String>) -> Result {
    let whole = with_stated(app, found, stated).await?;
    let Resource { access, audience, inherited_from, .. } = whole;
    Ok(json(StatusCode::OK, &ResourceAccess { access, audience, inherited_from, warnings }))
}

/// See who may open a resource
#[utoipa::path(get, path = "/v1/resources/{key}/access", operation_id = "getResourceAccess", tag = "Resources",
    params(("key" = String, Path, description = "The resource's key", example = "refunds"), Where),
    responses((status = 200, description = "Its access", body = ResourceAccess)))]
pub async fn access(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(key): Path<String>,
    asked: Asked,
) -> Result {
    let place = only_place(&app, &actor, asked).await?;
    let found = editing::configured(&app, &actor, &place, &key).await?;
    let stated = granting::stated(&app, &actor, &found).await?;
    access_of(&app, found, &stated, Vec::new()).await
}

body! {
    /// Who may open a resource from now on.
    pub struct NewAccess {
        /// In place of all that was said before. Null says nothing: a page above it decides, or the kind's default.
        #[schema(value_type = Option<AccessForm>, required = true)]
        pub access: OrNull<serde_json::Value>,
    }
}

/// Say who may open a resource
///
/// It takes the place of all that was said before, from the next request on. Entries that stay, stay bound to whom they
/// are bound.
#[utoipa::path(put, path = "/v1/resources/{key}/access", operation_id = "putResourceAccess", tag = "Resources",
    params(("key" = String, Path, description = "The resource's key", example = "refunds"), Where),
    request_body = NewAccess,
    responses((status = 200, description = "Its access as it is now", body = ResourceAccess)))]
pub async fn put_access(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    Path(key): Path<String>,
    asked: Asked,
    Json(NewAccess { access }): Json<NewAccess>,
) -> Result {
    let place = only_place(&app, &actor, asked).await?;
    let said = definition::read_access(&access.0.unwrap_or_default()).map_err(|wrong| faults(&wrong))?;
    let Saved { resource, stated, warnings } = granting::say(&app, &actor, &place, &key, &said).await?;
    access_of(&app, resource, &stated, warnings).await
}
