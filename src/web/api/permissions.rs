//! `/v1/permissions`: what keys may do, in the source's form. An admin key reads and writes them; what a live key uses
//! it leaves alone (K3).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::{Json, body};
use super::problem::{Fault, Problem, Result};
use super::query::Asked;
use super::reply::{self, Page, Paged, Paging, json};
use crate::app::Shared;
use crate::domain::permissions::{Permission, Scopes};
use crate::domain::permitting::document::{self, Document, Whose};
use crate::domain::permitting::{self, Listed, PermitError, Said};
use crate::domain::values::Place;
use crate::ids::{OrganizationId, PermissionId};
use crate::web::gate::Acting;

/// A limit of a scope.
#[derive(Serialize, ToSchema)]
#[schema(as = Limit)]
pub struct LimitForm {
    /// For whom it is counted.
    #[schema(value_type = LevelForm)]
    level: &'static str,
    /// How it is counted: ever, in any span of the period, or at once.
    #[schema(value_type = TypeForm)]
    r#type: &'static str,
    /// At most so many. 0 allows none.
    #[schema(minimum = 0)]
    value: i64,
    /// Of an interval alone: a number of seconds, or words such as "1 day" or "3 months".
    #[schema(value_type = Option<PeriodForm>)]
    period: Option<Value>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "it describes what the document holds")]
enum LevelForm {
    Organisation,
    Key,
    User,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "it describes what the document holds")]
enum TypeForm {
    Count,
    Interval,
    Inflight,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes what the document holds")]
enum PeriodForm {
    Seconds(u32),
    Words(String),
}

/// A permission, in the source's form.
#[derive(Serialize, ToSchema)]
#[schema(as = Permission)]
pub struct PermissionForm {
    /// Its id.
    id: String,
    /// Always `permission`.
    #[schema(example = "permission")]
    resource: &'static str,
    /// The organization's id.
    organisation: String,
    /// What people call it; no other permission of the organization has the same name.
    #[schema(example = "iCloud import")]
    name: String,
    /// Each scope with its limits; an empty list is granted without limit, and no scope grants nothing.
    #[schema(value_type = std::collections::BTreeMap<String, Vec<LimitForm>>,
        example = json!({"source_type:icloud.account": [{"level": "user", "type": "count", "value": 3}]}))]
    scopes: Value,
}

body! {
    /// A permission to make.
    pub struct NewPermission {
        /// Nothing: a new permission gets its id here.
        pub id: Option<String>,
        /// `permission`, if it is said.
        pub resource: Option<String>,
        /// The organization's id or slug, if it is said.
        pub organisation: Option<String>,
        /// What people call it: one line, at most 60 characters.
        pub name: String,
        /// Each scope with its limits; an empty list is granted without limit, and no scope grants nothing.
        #[schema(value_type = std::collections::BTreeMap<String, Vec<LimitForm>>)]
        pub scopes: Map<String, Value>,
    }
}

body! {
    /// What changes of a permission. What is left out stays.
    pub struct ChangedPermission {
        /// Its own id, if it is said.
        pub id: Option<String>,
        /// `permission`, if it is said.
        pub resource: Option<String>,
        /// The organization's id or slug, if it is said.
        pub organisation: Option<String>,
        /// What people call it: one line, at most 60 characters.
        pub name: Option<String>,
        /// All its scopes anew, each with its limits.
        #[schema(value_type = Option<std::collections::BTreeMap<String, Vec<LimitForm>>>)]
        pub scopes: Option<Map<String, Value>>,
    }
}

impl PermissionForm {
    fn new(id: PermissionId, organization: OrganizationId, name: String, scopes: &Scopes) -> PermissionForm {
        PermissionForm {
            id: id.to_string(),
            resource: "permission",
            organisation: organization.to_string(),
            name,
            scopes: scopes.to_json(),
        }
    }

    fn of(permission: Permission) -> PermissionForm {
        let Permission { id, organization, name, scopes, .. } = permission;
        PermissionForm::new(id, organization, name, &scopes)
    }
}

impl From<PermitError> for Problem {
    fn from(error: PermitError) -> Problem {
        let detail = error.to_string();
        match error {
            PermitError::Denied(denied) => denied.into(),
            PermitError::NotFound => Problem::not_found(),
            PermitError::LiveKey => Problem::new(
                StatusCode::FORBIDDEN,
                "live-key-uses-it",
                "A live key uses this permission",
                detail,
            ),
            PermitError::NameTaken => {
                Problem::conflict("name-taken", "This name is taken", detail).at("/name".to_owned())
            }
            PermitError::Beyond(over) => Problem::invalid(over.into_iter().map(|over| over.fault).collect()),
            PermitError::InUse(keys) => Problem::conflict(
                "in-use",
                "Keys use this permission",
                format!("{keys} of the organization’s keys: {detail}"),
            ),
            PermitError::TooMany => Problem::conflict("too-many", "There are too many permissions", detail),
            PermitError::Changed => Problem::conflict("changed", "It was changed in the meantime", detail),
            PermitError::Database(error) => error.into(),
        }
    }
}

/// An id that is none is answered as an unknown one.
fn id_of(text: &str) -> Result<PermissionId> {
    text.parse().map_err(|_| PermitError::NotFound.into())
}

/// What a body says, read as the document that it is.
fn read(fields: [(&str, Option<Value>); 5], acting: &Acting, id: Option<PermissionId>) -> Result<Document> {
    let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let organization = Some((acting.organization.id, acting.organization.slug.as_str()));
    document::read(&Value::Object(given.collect()), Whose { organization, id }).map_err(Problem::invalid)
}

/// List the permissions
///
/// By name.
#[utoipa::path(get, path = "/v1/permissions", tag = "Permissions", operation_id = "listPermissions",
    params(Paged),
    responses((status = 200, description = "A page of permissions", body = Page<PermissionForm>)))]
pub async fn list(State(app): State<Shared>, acting: Acting, paging: Paging, asked: Asked) -> Result {
    asked.done()?;
    let place = paging.cursor(Place::decode)?;
    let page = permitting::list(&app.db, &acting.actor, "", place.as_ref(), paging.limit()).await?;
    let organization = acting.organization.id;
    let form = |listed: Listed| {
        let scopes = listed.scopes();
        PermissionForm::new(listed.id, organization, listed.name, &scopes)
    };
    let next = page.next.map(|place| place.encode());
    Ok(paging.page(page.rows.into_iter().map(form).collect::<Vec<_>>(), next))
}

/// Look at a permission
#[utoipa::path(get, path = "/v1/permissions/{id}", tag = "Permissions", operation_id = "getPermission",
    params(("id" = String, Path, description = "The permission's id", format = "uuid")),
    responses((status = 200, description = "The permission", body = PermissionForm)))]
pub async fn get(State(app): State<Shared>, acting: Acting, Path(id): Path<String>) -> Result {
    let permission = permitting::find(&app.db, &acting.actor, id_of(&id)?).await?;
    Ok(json(StatusCode::OK, &PermissionForm::of(permission)))
}

/// Make a permission
///
/// Within the organization's base permission.
#[utoipa::path(post, path = "/v1/permissions", tag = "Permissions", operation_id = "createPermission",
    request_body = NewPermission,
    responses((status = 201, description = "The permission", body = PermissionForm),
        (status = 409, description = "`name-taken`: another permission has this name"),
        (status = 422, description = "A value goes beyond the base permission")))]
pub async fn create(State(app): State<Shared>, acting: Acting, Json(new): Json<NewPermission>) -> Result {
    let fields = [
        ("id", new.id.map(Value::String)),
        ("resource", new.resource.map(Value::String)),
        ("organisation", new.organisation.map(Value::String)),
        ("name", Some(Value::String(new.name))),
        ("scopes", Some(Value::Object(new.scopes))),
    ];
    let Document { name, scopes } = read(fields, &acting, None)?;
    let name = name.ok_or_else(|| Problem::invalid(vec![Fault::new("/name", "name is missing.")]))?;
    let made = permitting::create(&app, &acting.actor, &Said { name, scopes }).await?;
    let path = format!("/v1/permissions/{}", made.id);
    Ok(reply::created(&path, &PermissionForm::of(made)))
}

/// Change a permission
///
/// One that a live key uses is changed in the dashboard alone.
#[utoipa::path(patch, path = "/v1/permissions/{id}", tag = "Permissions", operation_id = "changePermission",
    params(("id" = String, Path, description = "The permission's id", format = "uuid")), request_body = ChangedPermission,
    responses((status = 200, description = "The permission as it is now", body = PermissionForm),
        (status = 403, description = "`live-key-uses-it`: it is changed in the dashboard alone"),
        (status = 409, description = "`name-taken`: another permission has this name"),
        (status = 422, description = "A value goes beyond the base permission")))]
pub async fn change(
    State(app): State<Shared>,
    acting: Acting,
    Path(id): Path<String>,
    Json(changed): Json<ChangedPermission>,
) -> Result {
    let id = id_of(&id)?;
    let says_scopes = changed.scopes.is_some();
    let fields = [
        ("id", changed.id.map(Value::String)),
        ("resource", changed.resource.map(Value::String)),
        ("organisation", changed.organisation.map(Value::String)),
        ("name", changed.name.map(Value::String)),
        ("scopes", Some(Value::Object(changed.scopes.unwrap_or_default()))),
    ];
    let Document { name, scopes } = read(fields, &acting, Some(id))?;
    let scopes = says_scopes.then_some(&scopes);
    let changed = permitting::change(&app, &acting.actor, id, name.as_ref(), scopes).await?;
    Ok(json(StatusCode::OK, &PermissionForm::of(changed)))
}

/// Delete a permission
///
/// One that no key uses.
#[utoipa::path(delete, path = "/v1/permissions/{id}", tag = "Permissions", operation_id = "deletePermission",
    params(("id" = String, Path, description = "The permission's id", format = "uuid")),
    responses((status = 204, description = "It is gone"),
        (status = 409, description = "`in-use`: keys use it")))]
pub async fn delete(State(app): State<Shared>, acting: Acting, Path(id): Path<String>) -> Result {
    permitting::delete(&app, &acting.actor, id_of(&id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
