//! The environments that an organization has beside production and development.

use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Denied};
use crate::domain::api_keys;
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::environments::{self, Color, DEVELOPMENT, Environment, PRODUCTION};
use crate::domain::resources::editing;
use crate::domain::users::{self, MemberError};
use crate::domain::values::{Handle, ShortName};
use crate::ids::OrganizationId;
use crate::storage::Lends;

/// An organization adds at most so many.
pub const MOST_ENVIRONMENTS: usize = 20;

#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("There is no such environment.")]
    NotFound,
    #[error("There is an environment with this slug already.")]
    Known,
    #[error("An organization adds at most {MOST_ENVIRONMENTS} environments. Remove one first.")]
    TooMany,
    #[error("It has resources. Archived ones count too: they would have no place any more.")]
    InUse,
    #[error(
        "{0} of its keys are not revoked: they would work again in another environment of its slug. Whoever runs this \
         server lists them by interlock keys list, and ends each by interlock keys revoke."
    )]
    Keys(i64),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for EnvironmentError {
    fn from(error: MemberError) -> EnvironmentError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

/// An environment that the organization has added, and whether it has resources.
pub async fn environment(
    app: &App,
    actor: &Actor,
    slug: &str,
) -> Result<(Environment, bool), EnvironmentError> {
    actor.may(Capability::ManageSettings)?;
    let mut reader = app.db.read().await?;
    let added = environments::added(&mut reader, actor.organization).await?;
    let found = added.into_iter().find(|environment| environment.slug == slug);
    let found = found.ok_or(EnvironmentError::NotFound)?;
    let in_use = editing::has_any(&mut reader, actor.organization, slug).await?;
    Ok((found, in_use))
}

pub async fn add_environment(
    app: &App,
    actor: &Actor,
    slug: &Handle,
    name: &ShortName,
    color: Color,
) -> Result<Environment, EnvironmentError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    let added = environments::added(&mut change, actor.organization).await?;
    let is_built_in = [PRODUCTION, DEVELOPMENT].contains(&slug.as_str());
    if is_built_in || added.iter().any(|other| other.slug == slug.as_str()) {
        return Err(EnvironmentError::Known);
    }
    if added.len() >= MOST_ENVIRONMENTS {
        return Err(EnvironmentError::TooMany);
    }
    let environment = Environment { slug: slug.to_string(), name: name.to_string(), color };
    environments::insert(&mut change, actor.organization, &environment, now).await?;
    let entry = Entry::new(Kind::EnvironmentAdded, slug, name).with("color", color.code());
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(environment)
}

/// Another name or colour. The slug stays: addresses and keys hold it.
pub async fn change_environment(
    app: &App,
    actor: &Actor,
    slug: &str,
    name: &ShortName,
    color: Color,
) -> Result<(), EnvironmentError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    let added = environments::added(&mut change, actor.organization).await?;
    let before = added.into_iter().find(|environment| environment.slug == slug);
    let before = before.ok_or(EnvironmentError::NotFound)?;
    let mut entry = Entry::new(Kind::EnvironmentChanged, slug, name);
    if before.name != name.as_str() {
        entry = entry.changed("name", &before.name, name);
    }
    if before.color != color {
        entry = entry.changed("color", before.color.code(), color.code());
    }
    if entry.changes.is_empty() {
        return Ok(());
    }
    let after = Environment { name: name.to_string(), color, ..before };
    environments::update(&mut change, actor.organization, &after).await?;
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(())
}

/// Why an environment stays: what belongs to it would have no place any more, or work again in another of its slug.
async fn is_free(
    on: &mut impl Lends,
    organization: OrganizationId,
    slug: &str,
    now: Timestamp,
) -> Result<(), EnvironmentError> {
    if editing::has_any(on, organization, slug).await? {
        return Err(EnvironmentError::InUse);
    }
    match api_keys::working_in(on, organization, slug, now).await? {
        0 => Ok(()),
        keys => Err(EnvironmentError::Keys(keys)),
    }
}

/// An environment that can be removed, or why it can't.
pub async fn removable(app: &App, actor: &Actor, slug: &str) -> Result<Environment, EnvironmentError> {
    let (found, _) = environment(app, actor, slug).await?;
    is_free(&mut app.db.read().await?, actor.organization, slug, app.db.now()).await?;
    Ok(found)
}

/// Only one without resources and keys goes.
pub async fn remove_environment(
    app: &App,
    actor: &Actor,
    slug: &str,
) -> Result<Environment, EnvironmentError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    let added = environments::added(&mut change, actor.organization).await?;
    let found = added.into_iter().find(|environment| environment.slug == slug);
    let environment = found.ok_or(EnvironmentError::NotFound)?;
    is_free(&mut change, actor.organization, slug, now).await?;
    environments::delete(&mut change, actor.organization, slug).await?;
    let entry = Entry::new(Kind::EnvironmentRemoved, slug, &environment.name);
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(environment)
}
