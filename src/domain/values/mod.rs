//! What people type, parsed once at the edge into what the rules work with.

mod day;
mod domain_name;
mod email;
mod fault;
pub mod json5;
mod list;
mod pasted;
mod preferences;
mod text;
mod tool_url;

pub use self::day::{Day, NotADay};
pub use self::domain_name::{DomainName, DomainNameError};
pub use self::email::{Email, EmailError};
pub use self::fault::{Fault, pointer_part};
pub use self::list::{Page, Place};
pub(crate) use self::pasted::Pasted;
pub use self::preferences::{NotATheme, NotATimeZone, Theme, TimeZone};
pub use self::text::{
    FactorName, Handle, HandleError, Note, OrganizationName, PermissionName, PersonName, ProviderName,
    ResourceKey, ResourceKeyError, ResourceName, ShortName, Slug, SlugError, TeamName, TextError, folded,
    harmless,
};
pub use self::tool_url::{ToolUrl, ToolUrlError};
