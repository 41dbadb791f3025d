use super::{Link, MOST_USES, Use};
use crate::clock::Timestamp;
use crate::ids::{LinkId, OrganizationId, ResourceId, UserId};
use crate::secrets::TokenHash;
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

/// The newest first; at most as many as one page shows.
pub(super) async fn of_resource(
    on: &mut impl Lends,
    organization: OrganizationId,
    resource: ResourceId,
) -> sqlx::Result<Vec<Link>> {
    fetch_all!(
        on,
        Link,
        "select l.id, l.name, l.created_at, u.name as created_by, l.expires_at, l.revoked_at, l.uses, l.used_at \
         from resource_links l left join users u on u.id = l.created_by \
         where l.organization = $1 and l.resource = $2 order by l.created_at desc, l.id desc limit 200",
        organization,
        resource
    )
}

pub(super) async fn find(
    on: &mut impl Lends,
    organization: OrganizationId,
    resource: ResourceId,
    id: LinkId,
) -> sqlx::Result<Option<Link>> {
    fetch_optional!(
        on,
        Link,
        "select l.id, l.name, l.created_at, u.name as created_by, l.expires_at, l.revoked_at, l.uses, l.used_at \
         from resource_links l left join users u on u.id = l.created_by \
         where l.organization = $1 and l.resource = $2 and l.id = $3",
        organization,
        resource,
        id
    )
}

pub(super) async fn count_live(
    on: &mut impl Lends,
    resource: ResourceId,
    now: Timestamp,
) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from resource_links where resource = $1 and revoked_at is null \
         and (expires_at is null or expires_at > $2)",
        resource,
        now
    )?;
    Ok(count)
}

/// Those that work: at most as many as a resource may have.
pub(super) async fn working(
    on: &mut impl Lends,
    resource: ResourceId,
    now: Timestamp,
) -> sqlx::Result<Vec<(LinkId, TokenHash)>> {
    fetch_all!(
        on,
        (LinkId, TokenHash),
        "select id, token_hash from resource_links where resource = $1 and revoked_at is null \
         and (expires_at is null or expires_at > $2)",
        resource,
        now
    )
}

pub(super) struct New<'a> {
    pub id: LinkId,
    pub organization: OrganizationId,
    pub resource: ResourceId,
    pub token: &'a TokenHash,
    pub name: &'a str,
    pub by: UserId,
    pub now: Timestamp,
    pub expires_at: Option<Timestamp>,
}

pub(super) async fn insert(on: &mut impl Lends, new: &New<'_>) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into resource_links (id, organization, resource, token_hash, name, created_at, created_by, \
         expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id,
        new.organization,
        new.resource,
        new.token,
        new.name,
        new.now,
        new.by,
        new.expires_at
    )?;
    Ok(())
}

pub(super) async fn revoke(on: &mut impl Lends, id: LinkId, now: Timestamp) -> sqlx::Result<()> {
    execute!(on, "update resource_links set revoked_at = $2 where id = $1 and revoked_at is null", id, now)?;
    Ok(())
}

/// Of a link that works, of an organization that is there and a resource that is Unlisted.
pub(super) async fn opened(
    on: &mut impl Lends,
    token: &TokenHash,
    now: Timestamp,
) -> sqlx::Result<Option<(LinkId, OrganizationId, ResourceId)>> {
    fetch_optional!(
        on,
        (LinkId, OrganizationId, ResourceId),
        "select l.id, l.organization, l.resource from resource_links l \
         join resources r on r.id = l.resource and r.organization = l.organization \
         join organizations o on o.id = l.organization \
         where l.token_hash = $1 and l.revoked_at is null and (l.expires_at is null or l.expires_at > $2) \
         and r.audience = 'Unlisted' and r.archived_at is null and o.closed_at is null",
        token,
        now
    )
}

/// The last so many uses are kept, and the number of all.
pub(super) async fn note_use(on: &mut impl Lends, id: LinkId, used: &Use) -> sqlx::Result<()> {
    let (number,) = fetch_one!(
        on,
        (i64,),
        "update resource_links set uses = uses + 1, used_at = $2 where id = $1 returning uses",
        id,
        used.at
    )?;
    execute!(
        on,
        "insert into resource_link_uses (link, at, number, user_id, address) values ($1, $2, $3, $4, $5)",
        id,
        used.at,
        number,
        used.user,
        used.address.as_deref()
    )?;
    execute!(on, "delete from resource_link_uses where link = $1 and number <= $2", id, number - MOST_USES)?;
    Ok(())
}

/// The latest uses of all links of a resource.
pub(super) async fn latest_uses(
    on: &mut impl Lends,
    organization: OrganizationId,
    resource: ResourceId,
    limit: i64,
) -> sqlx::Result<Vec<(Timestamp, String, Option<String>, Option<String>)>> {
    fetch_all!(
        on,
        (Timestamp, String, Option<String>, Option<String>),
        "select s.at, l.name, u.name, s.address from resource_links l join resource_link_uses s on s.link = l.id \
         left join users u on u.id = s.user_id \
         where l.organization = $1 and l.resource = $2 order by s.at desc, s.number desc limit $3",
        organization,
        resource,
        limit
    )
}
