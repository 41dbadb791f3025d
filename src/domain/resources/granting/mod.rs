//! Saying who may open a resource: what is said is looked at first, with who gains and who loses by it, and is
//! saved only as it was shown (A14).

mod difference;
mod sql;
mod stated;
mod tally;
mod words;

pub use self::difference::{Difference, Named, Names, Tally, compare};
pub use self::stated::{PersonEntry, Said, Stated, TeamEntry};
use super::editing::tell_creator;
use super::{Audience, Kind, Resource, asking, may_change_access, may_read};
use crate::app::App;
use crate::domain::access::{Actor, Capability, Denied, Extent};
use crate::domain::audit;
use crate::domain::environments::Place;
use crate::domain::throttle::{self, Budget, SpendError, Throttled};
use crate::domain::users::{self, MemberError};
use crate::storage::{Change, Lends};

/// A resource has at most so many entries of people, and so many of teams.
pub const MOST_PEOPLE: usize = 200;
pub const MOST_TEAMS: usize = 100;

#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("There is no such resource.")]
    NotFound,
    #[error("Actions and pages are for everyone in the organization or for teams (A9).")]
    Audience,
    #[error("Actions and pages are opened by members alone: people are let in by their teams.")]
    PeopleOfAction,
    #[error("{0} is here twice.")]
    Twice(String),
    #[error("A resource has at most {MOST_PEOPLE} people and {MOST_TEAMS} teams.")]
    TooMany,
    #[error(
        "The creator’s address is at {0}, which is not one organization’s own: anybody could come in. Choose another audience."
    )]
    Domain(String),
    #[error("Other people’s actions take their access from this page. Ask an Owner or Admin to do this.")]
    PageOfOthers,
    #[error("Somebody changed it in the meantime. Look at the difference again.")]
    Changed,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for SaveError {
    fn from(error: SpendError) -> SaveError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

impl From<MemberError> for SaveError {
    fn from(error: MemberError) -> SaveError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

/// What would be saved, and what it does.
#[derive(Debug)]
pub struct Preview {
    pub resource: Resource,
    pub before: Stated,
    pub after: Stated,
    /// What is kept and does nothing, or was not known.
    pub warnings: Vec<String>,
    pub difference: Difference,
    /// Links that end for good by it (A7).
    pub links: i64,
    /// Actions and pages that take their access from this page.
    pub inheriting: i64,
    /// Whether the creator is an active member whose role lets them change this.
    pub creator_manages: bool,
    pub digest: String,
}

/// A resource's access as it stands, for whoever reads how it is configured (A11).
pub async fn stated(app: &App, actor: &Actor, resource: &Resource) -> Result<Stated, SaveError> {
    if !may_read(actor, resource) {
        return Err(SaveError::NotFound);
    }
    Ok(Stated::load(&mut app.db.read().await?, resource).await?)
}

/// How many may open it as it stands.
pub async fn tally(
    app: &App,
    actor: &Actor,
    resource: &Resource,
    stated: &Stated,
) -> Result<Tally, SaveError> {
    if !may_read(actor, resource) {
        return Err(SaveError::NotFound);
    }
    Ok(tally::of(&mut app.db.read().await?, resource, stated, app.db.now()).await?)
}

/// How many may open it, and what of, if that was said.
pub async fn tally_of_said(
    app: &App,
    actor: &Actor,
    place: &Place,
    key: &str,
    said: &Said,
) -> Result<(Stated, Tally), SaveError> {
    spend(app, throttle::ACCESS_COUNT, actor).await?;
    let now = app.db.now();
    let mut reader = app.db.read().await?;
    let resource = changeable(&mut reader, actor, place, key).await?;
    let before = Stated::load(&mut reader, &resource).await?;
    let (after, _) = stated::resolve(&mut reader, &resource, said, &before, Some(actor), now).await?;
    page_is_ones_own(&mut reader, actor, &resource).await?;
    let tally = tally::of(&mut reader, &resource, &after, now).await?;
    Ok((after, tally))
}

async fn spend(app: &App, budget: Budget, actor: &Actor) -> Result<(), SaveError> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let spent = throttle::spend(&mut tx, now, budget, &actor.person.user.to_string()).await;
    tx.commit().await?;
    spent?;
    Ok(())
}

/// What saving would do. Changes nothing, and looks at every member: within a budget.
pub async fn preview(
    app: &App,
    actor: &Actor,
    place: &Place,
    key: &str,
    said: &Said,
) -> Result<Preview, SaveError> {
    spend(app, throttle::ACCESS_PREVIEW, actor).await?;
    let now = app.db.now();
    let mut reader = app.db.read().await?;
    let resource = changeable(&mut reader, actor, place, key).await?;
    let before = Stated::load(&mut reader, &resource).await?;
    let (after, warnings) = stated::resolve(&mut reader, &resource, said, &before, Some(actor), now).await?;
    page_is_ones_own(&mut reader, actor, &resource).await?;
    let difference = difference::between(&mut reader, &resource, &before, &after, now).await?;
    let ends_links = before.is_unlisted(resource.kind) && !after.is_unlisted(resource.kind);
    let links = if ends_links { sql::open_links(&mut reader, resource.id, now).await? } else { 0 };
    let inheriting = match resource.kind {
        Kind::Page => sql::inheriting(&mut reader, &resource, actor.person.user).await?.0,
        _ => 0,
    };
    let creator = users::member_of(&mut reader, resource.organization, resource.creator).await?;
    Ok(Preview {
        digest: words::digest(&resource, &before, &after),
        creator_manages: creator.is_some_and(|member| {
            member.is_active(now) && member.role.extent(Capability::ChangeAccess) != Extent::None
        }),
        resource,
        before,
        after,
        warnings,
        difference,
        links,
        inheriting,
    })
}

/// Saves what was shown: if it is not what would be saved now, nothing is.
pub async fn save(
    app: &App,
    actor: &Actor,
    place: &Place,
    key: &str,
    said: &Said,
    digest: &str,
) -> Result<Resource, SaveError> {
    Ok(save_if(app, actor, place, key, said, Some(digest)).await?.resource)
}

/// What is said of a resource, once it is saved.
#[derive(Debug)]
pub struct Saved {
    pub resource: Resource,
    pub stated: Stated,
    /// What is kept and does nothing, or was not known.
    pub warnings: Vec<String>,
}

/// Saves what is said, whatever was said before: for programs, which look at no difference.
pub async fn say(
    app: &App,
    actor: &Actor,
    place: &Place,
    key: &str,
    said: &Said,
) -> Result<Saved, SaveError> {
    save_if(app, actor, place, key, said, None).await
}

async fn save_if(
    app: &App,
    actor: &Actor,
    place: &Place,
    key: &str,
    said: &Said,
    shown: Option<&str>,
) -> Result<Saved, SaveError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    let resource = changeable(&mut change, actor, place, key).await?;
    let before = Stated::load(&mut change, &resource).await?;
    let (after, warnings) = stated::resolve(&mut change, &resource, said, &before, Some(actor), now).await?;
    page_is_ones_own(&mut change, actor, &resource).await?;
    match shown {
        Some(shown) if words::digest(&resource, &before, &after) != shown => return Err(SaveError::Changed),
        // Nothing changes, and no row says that something did.
        None if before.says_as(&after) => return Ok(Saved { resource, stated: before, warnings }),
        _ => {}
    }
    let resource = keep(&mut change, actor, &resource, &before, &after).await?;
    asking::close_under(&mut change, &resource).await?;
    let was_hidden = before.is_hidden(resource.kind);
    tell_creator(app, &mut change, actor, &resource, was_hidden).await?;
    change.commit().await?;
    Ok(Saved { resource, stated: after, warnings })
}

/// What is said of a resource as it is made, in the same change.
pub(super) async fn say_at_first(
    change: &mut Change,
    actor: &Actor,
    resource: &Resource,
    said: &Said,
) -> Result<(), SaveError> {
    let now = change.now();
    if !may_change_access(actor, resource) {
        return Err(Denied.into());
    }
    let before = Stated::default();
    let (after, _) = stated::resolve(change, resource, said, &before, Some(actor), now).await?;
    page_is_ones_own(change, actor, resource).await?;
    if after != before {
        keep(change, actor, resource, &before, &after).await?;
    }
    Ok(())
}

/// What saying so would be warned of, for a resource that is not there yet: unknown teams, above all.
pub async fn warnings(app: &App, actor: &Actor, kind: Kind, said: &Said) -> Result<Vec<String>, SaveError> {
    actor.may(Capability::WriteResources)?;
    let now = app.db.now();
    let resource = Resource::to_be(actor, kind, now);
    let mut reader = app.db.read().await?;
    let resolved =
        stated::resolve(&mut reader, &resource, said, &Stated::default(), Some(actor), now).await?;
    Ok(resolved.1)
}

async fn keep(
    change: &mut Change,
    actor: &Actor,
    resource: &Resource,
    before: &Stated,
    after: &Stated,
) -> Result<Resource, SaveError> {
    let now = change.now();
    let changed = Resource {
        audience: after.audience,
        domain: after.domain.clone(),
        default_permissions: after.default,
        changed_at: now,
        ..resource.clone()
    };
    sql::set_access(change, &changed).await?;
    if before.people != after.people {
        sql::set_people(change, &changed, &after.people).await?;
        // An account may have come to be since the addresses were looked up: its maker holds another lock (A12).
        sql::bind_waiting(change, changed.id).await?;
    }
    if before.teams != after.teams {
        sql::set_teams(change, &changed, &after.teams).await?;
    }
    if before.is_unlisted(resource.kind) && !after.is_unlisted(resource.kind) {
        // For good: coming back to Unlisted does not bring them back (RES-03).
        sql::revoke_links(change, changed.id, now).await?;
    }
    let entry = words::entry(&changed, before, after);
    audit::record(change, actor.organization, &actor.operator(), entry).await?;
    Ok(changed)
}

async fn changeable(
    on: &mut impl Lends,
    actor: &Actor,
    place: &Place,
    key: &str,
) -> Result<Resource, SaveError> {
    let found = super::find(on, place, key).await?;
    let resource = found.filter(|resource| may_read(actor, resource)).ok_or(SaveError::NotFound)?;
    if may_change_access(actor, &resource) { Ok(resource) } else { Err(Denied.into()) }
}

/// What a page says holds for the actions under it that say nothing: whoever changes it must be allowed to change
/// who opens each of those.
pub(super) async fn page_is_ones_own(
    on: &mut impl Lends,
    actor: &Actor,
    resource: &Resource,
) -> Result<(), SaveError> {
    if resource.kind != Kind::Page || actor.role.extent(Capability::ChangeAccess) == Extent::Full {
        return Ok(());
    }
    let (_, of_others) = sql::inheriting(on, resource, actor.person.user).await?;
    if of_others > 0 { Err(SaveError::PageOfOthers) } else { Ok(()) }
}

/// How many actions and pages take their access from a page, for whoever reads how it is configured.
pub async fn inheriting(app: &App, actor: &Actor, resource: &Resource) -> Result<i64, SaveError> {
    if !may_read(actor, resource) {
        return Err(SaveError::NotFound);
    }
    if resource.kind != Kind::Page || resource.audience.is_none() {
        return Ok(0);
    }
    Ok(sql::inheriting(&mut app.db.read().await?, resource, actor.person.user).await?.0)
}

/// A choice of an audience with what it means, in a sentence.
pub fn sentence(audience: Audience, creator: &str, domain: &str) -> String {
    match audience {
        Audience::Private => format!("Only {creator}, who made it."),
        Audience::Unlisted => {
            format!("Whoever has a link that works, signed in or not, and {creator}. It is on no list.")
        }
        Audience::Public => "Everyone on the network, signed in or not.".to_owned(),
        Audience::DomainRestricted => {
            format!("Whoever has a verified address at {domain}, member or not, and whoever is listed below.")
        }
        Audience::InviteRestricted => {
            "The people and teams listed below, and nobody else. People need not be members.".to_owned()
        }
        Audience::EntireOrganization => {
            "Every member whose role opens resources: Owners, Admins, Developers and Members.".to_owned()
        }
        Audience::Teams => "The members of the teams listed below, and people listed.".to_owned(),
    }
}
