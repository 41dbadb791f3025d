//! Links to Unlisted resources (A7): made and revoked by whoever may change the access, opened by whoever has one.
//! A link ends for good; making the resource Unlisted again brings none back.

mod sql;

use super::{Audience, Resource, ResourceError, by_id, managed};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::Actor;
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::environments::Place;
use crate::domain::organizations::{self, Organization};
use crate::domain::users;
use crate::domain::values::ShortName;
use crate::ids::{LinkId, UserId};
use crate::secrets::{Token, TokenHash};
use crate::storage::{Db, Lends};

/// A resource has at most so many that work.
pub const MOST: i64 = 50;
/// So many uses of each are kept.
pub const MOST_USES: i64 = 1_000;
/// The page shows so many.
const SHOWN_USES: i64 = 20;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Link {
    pub id: LinkId,
    pub name: String,
    pub created_at: Timestamp,
    pub created_by: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub uses: i64,
    pub used_at: Option<Timestamp>,
}

impl Link {
    /// Whether it opens anything, as long as its resource is Unlisted.
    pub fn works(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// One use of a link.
#[derive(Clone, Debug)]
pub struct Use {
    pub at: Timestamp,
    pub user: Option<UserId>,
    pub address: Option<String>,
}

/// When, which link, who if they were signed in, from where.
pub type Used = (Timestamp, String, Option<String>, Option<String>);

/// A resource's links and their latest uses.
pub async fn list(
    db: &Db,
    actor: &Actor,
    place: &Place,
    key: &str,
) -> Result<(Resource, Vec<Link>, Vec<Used>), ResourceError> {
    let mut reader = db.read().await?;
    let resource = managed(&mut reader, actor, place, key).await?;
    let links = sql::of_resource(&mut reader, actor.organization, resource.id).await?;
    let uses = sql::latest_uses(&mut reader, actor.organization, resource.id, SHOWN_USES).await?;
    Ok((resource, links, uses))
}

/// A link of a resource.
pub async fn link(
    db: &Db,
    actor: &Actor,
    place: &Place,
    key: &str,
    id: LinkId,
) -> Result<(Resource, Link), ResourceError> {
    let mut reader = db.read().await?;
    let resource = managed(&mut reader, actor, place, key).await?;
    let link = sql::find(&mut reader, actor.organization, resource.id, id).await?;
    Ok((resource, link.ok_or(ResourceError::NotFound)?))
}

/// Why no link to a resource opens anything, if none does.
pub fn none_works(resource: &Resource) -> Option<&'static str> {
    if resource.developer().is_some() {
        return Some(
            "In Dev mode nobody but its developer opens it, so no link leads to it. Make links where others use it.",
        );
    }
    if resource.audience != Some(Audience::Unlisted) {
        return Some("Only an Unlisted resource has links. Change its access first.");
    }
    resource.archived_at.map(|_| "It is archived, so no link opens it. Take it back into use first: links that were not revoked work again then.")
}

/// Makes a link. Its token is told once.
pub async fn create(
    app: &App,
    actor: &Actor,
    place: &Place,
    key: &str,
    name: &ShortName,
    expires_at: Option<Timestamp>,
) -> Result<(Resource, Token), ResourceError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    let resource = managed(&mut change, actor, place, key).await?;
    if let Some(why) = none_works(&resource) {
        return Err(ResourceError::Conflict(why));
    }
    if sql::count_live(&mut change, resource.id, now).await? >= MOST {
        return Err(ResourceError::Conflict("This resource has 50 links that work. Revoke one first."));
    }
    let token = Token::generate();
    let new = sql::New {
        id: LinkId::generate(),
        organization: actor.organization,
        resource: resource.id,
        token: &token.hash(),
        name: name.as_str(),
        by: actor.person.user,
        now,
        expires_at,
    };
    sql::insert(&mut change, &new).await?;
    let mut entry = Entry::new(Kind::LinkCreated, resource.id, &resource.name).with("link", name);
    if let Some(end) = expires_at {
        entry = entry.with("expires", end.rfc3339());
    }
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok((resource, token))
}

/// Ends a link, for good. One that has ended stays as it is.
pub async fn revoke(
    app: &App,
    actor: &Actor,
    place: &Place,
    key: &str,
    id: LinkId,
) -> Result<Link, ResourceError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    let resource = managed(&mut change, actor, place, key).await?;
    let link = sql::find(&mut change, actor.organization, resource.id, id).await?;
    let link = link.ok_or(ResourceError::NotFound)?;
    if link.revoked_at.is_none() {
        sql::revoke(&mut change, id, now).await?;
        let entry = Entry::new(Kind::LinkRevoked, resource.id, &resource.name).without("link", &link.name);
        audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
        change.commit().await?;
    }
    Ok(link)
}

/// What a link opens, if it is one, and works.
pub async fn open(db: &Db, token: &str) -> sqlx::Result<Option<(LinkId, Organization, Resource)>> {
    let Some(token) = Token::parse(token) else { return Ok(None) };
    let mut reader = db.read().await?;
    let found = sql::opened(&mut reader, &token.hash(), db.now()).await?;
    let Some((link, organization, resource)) = found else { return Ok(None) };
    let Some(resource) = by_id(&mut reader, organization, resource).await? else { return Ok(None) };
    Ok(Some((link, organizations::by_id(&mut reader, organization).await?, resource)))
}

/// The link to a resource among those that somebody shows, if one of them works.
pub(crate) async fn held(
    on: &mut impl Lends,
    resource: &Resource,
    tokens: &[TokenHash],
    now: Timestamp,
) -> sqlx::Result<Option<LinkId>> {
    if tokens.is_empty() || resource.audience != Some(Audience::Unlisted) {
        return Ok(None);
    }
    let working = sql::working(on, resource.id, now).await?;
    Ok(working.into_iter().find(|(_, token)| tokens.contains(token)).map(|(link, _)| link))
}

/// Notes that a link was used.
pub async fn note_use(db: &Db, link: LinkId, used: &Use) -> sqlx::Result<()> {
    let mut tx = db.write().await?;
    sql::note_use(&mut tx, link, used).await?;
    tx.commit().await
}
