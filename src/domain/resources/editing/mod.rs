//! Resources are made, described, archived and taken back. Who may open them is said in [`super::granting`].

mod amending;
mod hosts;
mod mails;
mod sql;

pub use self::amending::{Amendment, amend};
pub use self::hosts::{Host, host, hosts, release};
pub(in crate::domain) use self::mails::samples;
pub(super) use self::mails::tell_creator;
use super::granting::{self, Said, SaveError};
use super::{Kind, Resource, asking, definition, may_change_access, may_read, may_write};
use crate::app::App;
use crate::domain::access::{Actor, Capability, Denied};
use crate::domain::audit::{self, Entry, Kind as Event};
use crate::domain::environments::{self, Place};
use crate::domain::users::{self, MemberError};
use crate::domain::values::{Note, ResourceKey, ResourceName, ToolUrl, folded};
use crate::ids::{OrganizationId, ResourceId};
use crate::storage::{Change, Lends};

/// An environment has at most so many, of each developer in Dev mode.
pub const MOST_RESOURCES: i64 = 5_000;

#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("There is no such resource.")]
    NotFound,
    /// It was removed while somebody was at it.
    #[error("There is no environment with this slug any more. Make it in another one.")]
    NoEnvironment,
    #[error("There is a resource with this key already. Choose another key.")]
    KeyTaken,
    #[error("A tool has an address.")]
    NoUrl,
    #[error("Only tools have an address.")]
    UrlOfNoTool,
    /// Kept from when such addresses were taken.
    #[error("No tool can be at its address any more. Give it another under Settings first.")]
    OldUrl,
    /// One that is another organization's, or our own. It is not said which.
    #[error("This host can’t be used here. Ask whoever runs this server.")]
    HostElsewhere,
    #[error(
        "Other people’s tools are on this host, and a path of yours could open a part of one. Ask an Owner or Admin to add it."
    )]
    HostOfOthers,
    #[error(
        "Whoever may open it would open something else: whoever made it, Owners and Admins change its address. Ask one of them."
    )]
    UrlOfOthers,
    #[error("Other people’s actions take their access from this page. Ask an Owner or Admin to do this.")]
    PageOfOthers,
    #[error(
        "An environment has at most {MOST_RESOURCES} resources, archived ones too. Make this one in another environment."
    )]
    TooMany,
    #[error(transparent)]
    Access(Box<SaveError>),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for EditError {
    fn from(error: MemberError) -> EditError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

impl From<SaveError> for EditError {
    fn from(error: SaveError) -> EditError {
        match error {
            SaveError::Database(error) => error.into(),
            SaveError::Denied(denied) => denied.into(),
            SaveError::NotFound => EditError::NotFound,
            SaveError::PageOfOthers => EditError::PageOfOthers,
            error => EditError::Access(Box::new(error)),
        }
    }
}

/// What a resource is called and where it is.
#[derive(Clone, Debug)]
pub struct About {
    pub name: ResourceName,
    pub description: Note,
    pub url: Option<ToolUrl>,
    /// What a definition says beside its access: a JSON object.
    pub definition: Option<String>,
}

/// A resource to be made.
#[derive(Clone, Debug)]
pub struct New {
    pub key: ResourceKey,
    pub kind: Kind,
    pub about: About,
    /// Nothing, where nothing is said (A2).
    pub access: Option<Said>,
}

/// A resource as its configuration's readers know it. To others it is not there (A11).
pub async fn configured(app: &App, actor: &Actor, place: &Place, key: &str) -> Result<Resource, EditError> {
    actor.may(Capability::ReadResources)?;
    let found = super::find(&mut app.db.read().await?, place, key).await?;
    found.filter(|resource| may_read(actor, resource)).ok_or(EditError::NotFound)
}

/// The same inside a change, for whoever writes it.
async fn written(
    change: &mut Change,
    actor: &Actor,
    place: &Place,
    key: &str,
) -> Result<Resource, EditError> {
    actor.may(Capability::WriteResources)?;
    let found = super::find(change, place, key).await?;
    let resource = found.filter(|resource| may_read(actor, resource)).ok_or(EditError::NotFound)?;
    if may_write(actor, &resource) { Ok(resource) } else { Err(Denied.into()) }
}

/// Makes a resource. Its creator is whoever makes it, and may say who opens it.
pub async fn create(app: &App, actor: &Actor, place: &Place, new: &New) -> Result<Resource, EditError> {
    let mut change = hosts::change(app, actor.organization, new.about.url.as_ref()).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::WriteResources)?;
    // Removed since the gate let it in, it would leave the resource to another environment of its slug.
    let environment = environments::find(&mut change, place.organization, &place.environment).await?;
    environment.ok_or(EditError::NoEnvironment)?;
    let (known, count) = sql::known(&mut change, place, new.key.as_str()).await?;
    if known {
        return Err(EditError::KeyTaken);
    }
    if count >= MOST_RESOURCES {
        return Err(EditError::TooMany);
    }
    fits(new.kind, new.about.url.is_some())?;
    let resource = Resource {
        id: ResourceId::generate(),
        organization: place.organization,
        environment: place.environment.clone(),
        developer: place.developer.clone(),
        key: new.key.to_string(),
        kind: new.kind,
        name: new.about.name.to_string(),
        description: new.about.description.to_string(),
        url: new.about.url.as_ref().map(ToString::to_string),
        definition: new.about.definition.clone(),
        creator: actor.person.user,
        audience: None,
        domain: None,
        default_permissions: None,
        created_at: now,
        changed_at: now,
        archived_at: None,
    };
    if let Some(url) = &new.about.url {
        hosts::claim(app, &mut change, actor, &resource, url).await?;
    }
    sql::insert(&mut change, &resource, &folded(&resource.name), new.about.url.as_ref()).await?;
    let mut entry = Entry::new(Event::ResourceCreated, resource.id, &resource.name)
        .with("key", &resource.key)
        .with("kind", resource.kind.code())
        .with("environment", &resource.environment);
    if let Some(url) = &resource.url {
        entry = entry.with("url", url);
    }
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    if let Some(said) = &new.access {
        granting::say_at_first(&mut change, actor, &resource, said).await?;
        asking::close_under(&mut change, &resource).await?;
    }
    change.commit().await?;
    Ok(resource)
}

fn fits(kind: Kind, has_url: bool) -> Result<(), EditError> {
    match (kind, has_url) {
        (Kind::Tool, false) => Err(EditError::NoUrl),
        (Kind::Tool, true) | (_, false) => Ok(()),
        (_, true) => Err(EditError::UrlOfNoTool),
    }
}

/// Writes what a resource is called and where it is from now on, if that is anything else: `url` is its address, where
/// that may be a new one.
async fn save(
    app: &App,
    mut change: Change,
    actor: &Actor,
    before: Resource,
    after: Resource,
    url: Option<&ToolUrl>,
) -> Result<Resource, EditError> {
    fits(after.kind, after.url.is_some())?;
    let moves = after.url != before.url;
    if let Some(new) = url.filter(|_| moves) {
        // Where others may open it now, another address opens for them something else.
        if !may_change_access(actor, &before) {
            return Err(EditError::UrlOfOthers);
        }
        hosts::claim(app, &mut change, actor, &before, new).await?;
    }
    let mut entry = Entry::new(Event::ResourceChanged, before.id, &after.name);
    for (field, old, new) in [
        ("name", before.name.as_str(), after.name.as_str()),
        ("description", before.description.as_str(), after.description.as_str()),
        ("url", before.url.as_deref().unwrap_or_default(), after.url.as_deref().unwrap_or_default()),
    ] {
        if old != new {
            entry = entry.changed(field, old, new);
        }
    }
    if before.definition != after.definition {
        let size = |text: &Option<String>| definition::digest(text.as_deref().unwrap_or_default());
        entry = entry.changed("definition", size(&before.definition), size(&after.definition));
    }
    if entry.changes.is_empty() {
        return Ok(before);
    }
    let after = Resource { changed_at: change.now(), ..after };
    sql::describe(&mut change, &after, &folded(&after.name)).await?;
    if moves {
        sql::set_url(&mut change, &after, url).await?;
        sql::release_hosts(&mut change, after.organization).await?;
    }
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    tell_creator(app, &mut change, actor, &after, before.is_hidden()).await?;
    change.commit().await?;
    Ok(after)
}

/// Takes a resource out of use, or back into it: nobody opens what is archived, from the next request on (A12).
pub async fn set_archived(
    app: &App,
    actor: &Actor,
    place: &Place,
    key: &str,
    archived: bool,
) -> Result<Resource, EditError> {
    let url = super::find(&mut app.db.read().await?, place, key).await?.and_then(|resource| resource.url);
    let url = url.filter(|_| !archived).and_then(|url| url.parse::<ToolUrl>().ok());
    let mut change = hosts::change(app, actor.organization, url.as_ref()).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    let before = written(&mut change, actor, place, key).await?;
    if before.archived_at.is_some() == archived {
        return Ok(before);
    }
    // It takes, or gives, what others have.
    if !may_change_access(actor, &before) {
        return Err(Denied.into());
    }
    granting::page_is_ones_own(&mut change, actor, &before).await?;
    if let (false, Some(url)) = (archived, &before.url) {
        let url = url.parse::<ToolUrl>().map_err(|_| EditError::OldUrl)?;
        hosts::claim(app, &mut change, actor, &before, &url).await?;
    }
    let after = Resource { archived_at: archived.then_some(now), changed_at: now, ..before.clone() };
    sql::set_archived(&mut change, &after).await?;
    // What is under a page has its access from the page above that, or from none, or from this one again.
    asking::close_under(&mut change, &after).await?;
    let kind = if archived { Event::ResourceArchived } else { Event::ResourceUnarchived };
    let entry = Entry::new(kind, after.id, &after.name);
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    tell_creator(app, &mut change, actor, &after, before.is_hidden()).await?;
    change.commit().await?;
    Ok(after)
}

/// Whether an environment has resources, archived ones and each developer's too.
pub(in crate::domain) async fn has_any(
    on: &mut impl Lends,
    organization: OrganizationId,
    environment: &str,
) -> sqlx::Result<bool> {
    sql::has_any(on, organization, environment).await
}
