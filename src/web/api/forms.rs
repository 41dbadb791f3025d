//! Definitions as the sources write them, as schemas (A10). The domain reads them: nothing is made of these types.
#![expect(dead_code, reason = "these are the document's words for what `definition::read` takes")]

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::codes::{AudienceCode, EntireOrganization, PermissionWord, ResourceKind};

/// Who may open a resource, as definitions say it: `"entire-organization"`, `{"teams": ["support"]}`, or
/// `{"privacy": …, "default_permissions": […], "users": […]}`.
#[derive(ToSchema)]
#[schema(example = json!({"privacy": "InviteRestricted", "default_permissions": ["Read"],
    "users": [{"email": "dana.kovac@halden.example", "permissions": ["Read", "Update"]}]}))]
#[serde(untagged)]
pub enum AccessForm {
    Everyone(EntireOrganization),
    Rule(AccessRule),
}

/// The long form.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessRule {
    /// Without one: `teams` where teams are said, else `Private`.
    #[schema(value_type = Option<AudienceCode>)]
    privacy: Option<String>,
    /// What whoever may open it may do, unless an entry says otherwise. Without it `["Read"]`; empty is nothing.
    #[schema(value_type = Option<Vec<PermissionWord>>)]
    default_permissions: Option<Vec<String>>,
    /// Entries of people, at most 200.
    users: Option<Vec<UserEntry>>,
    /// Entries of teams, at most 100: slugs, or slugs with permissions.
    #[schema(value_type = Option<Vec<TeamForm>>)]
    teams: Option<Vec<Value>>,
}

/// A person's entry, by address.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserEntry {
    #[schema(format = "email", example = "dana.kovac@halden.example")]
    email: String,
    /// Without them, the default.
    #[schema(value_type = Option<Vec<PermissionWord>>)]
    permissions: Option<Vec<String>>,
}

/// A team's entry: its slug, perhaps with permissions.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum TeamForm {
    Slug(String),
    Entry(TeamEntry),
}

/// A team's entry with permissions.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamEntry {
    #[schema(example = "support")]
    slug: String,
    /// Without them, the default.
    #[schema(value_type = Option<Vec<PermissionWord>>)]
    permissions: Option<Vec<String>>,
}

/// A resource as its code says it.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Unique in its environment. `a/b` is under the page `a`.
    #[schema(max_length = 120, pattern = "^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,5}$", example = "refunds")]
    key: String,
    /// An `interface`, unless it says otherwise.
    #[schema(value_type = Option<ResourceKind>)]
    kind: Option<String>,
    /// Without one, it is called by its key.
    #[schema(max_length = 80, example = "Refunds")]
    name: Option<String>,
    #[schema(max_length = 500)]
    description: Option<String>,
    /// A tool's address.
    #[schema(format = "uri", example = "https://refunds.halden.example/")]
    url: Option<String>,
    /// Kept and shown.
    fields: Option<Value>,
    /// Kept and shown; each is offered to those with its permission.
    requests: Option<Value>,
    /// Without one, see `audience` of the answer.
    access: Option<AccessForm>,
}

/// What changes of a resource; what is left out stays, and so do its key, its kind and its access.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefinitionChange {
    #[schema(max_length = 80, example = "Refunds")]
    name: Option<String>,
    #[schema(max_length = 500)]
    description: Option<String>,
    /// A tool's address.
    #[schema(format = "uri", example = "https://refunds.halden.example/")]
    url: Option<String>,
    fields: Option<Value>,
    requests: Option<Value>,
}
