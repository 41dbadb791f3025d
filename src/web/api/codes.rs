//! The words that stand for the rules' own sets: as schemas, made from the sets themselves.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::access::Role;
use crate::domain::audit;
use crate::domain::resources::{Audience, Kind, Permission};
use crate::domain::users::MemberState;

/// A name for a set of words; nothing is ever made of it.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $words:expr;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words: Vec<&str> = $words;
                let doc = concat!($($doc),+).trim();
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).description(Some(doc)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

codes! {
    /// What a member may do: see the roles page of the dashboard.
    RoleCode = Role::ALL.map(Role::code).to_vec();
    /// Whether somebody is in the organization: `removed` is a past member.
    StateCode = [MemberState::Active, MemberState::Suspended, MemberState::Removed].map(MemberState::code).to_vec();
    /// What a resource is.
    ResourceKind = Kind::ALL.map(Kind::code).to_vec();
    /// Who may open a resource.
    AudienceCode = Audience::ALL.map(Audience::code).to_vec();
    /// Every member whose role opens resources.
    EntireOrganization = vec![Audience::EntireOrganization.code()];
    /// What may be done with a resource; `All` is the other four.
    PermissionWord = Permission::ALL.map(Permission::word).into_iter().chain(["All"]).collect();
    /// How a mail is doing.
    DeliveryCode = vec!["queued", "retrying", "sent", "failed"];
    /// A kind of change of access.
    AuditKind = audit::Kind::ALL.iter().map(|kind| kind.code()).collect();
}
