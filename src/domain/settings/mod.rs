//! What an organization is called, whose it is, what it asks of sessions, and its end (R3, R11, R12, M3, S10).

mod closing;
mod environments;
mod hand_over;
mod lift;
mod mails;
mod notices;
mod security;

pub(crate) use self::closing::erase_due;
pub use self::closing::{
    CloseError, close, close_by_sysadmin, erase_by_sysadmin, reopen, reopen_by_sysadmin,
};
pub use self::environments::{
    EnvironmentError, MOST_ENVIRONMENTS, add_environment, change_environment, environment, removable,
    remove_environment,
};
pub use self::hand_over::{HandOverError, hand_over, successor};
pub use self::lift::{Lifted, lift};
pub(crate) use self::mails::samples;
pub use self::notices::tell_due;
pub use self::security::{
    GraceError, LONGEST_GRACE, MfaPreview, SecurityError, SessionRules, change_mfa, change_sessions,
    mail_lacking, preview_mfa,
};
use crate::app::App;
use crate::domain::access::{Actor, Capability, Denied};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations::{self, Organization};
use crate::domain::users::{self, MemberError};
use crate::domain::values::{OrganizationName, Slug};

#[derive(Debug, thiserror::Error)]
pub enum RenameError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("Another organization has this slug, or had it. Choose another.")]
    SlugTaken,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for RenameError {
    fn from(error: MemberError) -> RenameError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

/// Gives the organization a name and, unless it keeps its own, a slug. The old one stays its own for
/// good: it leads the members on, and no other organization gets it (R11).
pub async fn rename(
    app: &App,
    actor: &Actor,
    name: &OrganizationName,
    slug: Option<&Slug>,
) -> Result<Organization, RenameError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    let before = organizations::by_id(&mut change, actor.organization).await?;
    let after = Organization {
        name: name.to_string(),
        slug: slug.map_or(before.slug.as_str(), Slug::as_str).to_owned(),
        ..before.clone()
    };
    if after == before {
        return Ok(before);
    }
    if let Some(slug) = slug.filter(|slug| slug.as_str() != before.slug)
        && !organizations::claim_slug(&mut change, before.id, slug).await?
    {
        return Err(RenameError::SlugTaken);
    }
    organizations::set_name_and_slug(&mut change, before.id, &after.name, &after.slug).await?;
    let mut entry = Entry::new(Kind::OrganizationChanged, before.id, &after.name);
    if after.name != before.name {
        entry = entry.changed("name", &before.name, &after.name);
    }
    if after.slug != before.slug {
        entry = entry.changed("slug", &before.slug, &after.slug);
    }
    audit::record(&mut change, before.id, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(after)
}
