use crate::clock::Timestamp;
use crate::domain::sso::Domain;
use crate::ids::{DomainId, OrganizationId};
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

pub(super) async fn find(
    on: &mut impl Lends,
    organization: OrganizationId,
    id: DomainId,
) -> sqlx::Result<Option<Domain>> {
    fetch_optional!(
        on,
        Domain,
        "select id, organization, connection, domain, record, created_at, verified_at, checked_at, failing_since \
         from domains where organization = $1 and id = $2",
        organization,
        id
    )
}

pub(super) async fn named(
    on: &mut impl Lends,
    organization: OrganizationId,
    domain: &str,
) -> sqlx::Result<bool> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from domains where organization = $1 and domain = $2",
        organization,
        domain
    )?;
    Ok(count > 0)
}

pub(super) async fn count(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<i64> {
    let (count,) =
        fetch_one!(on, (i64,), "select count(*) from domains where organization = $1", organization)?;
    Ok(count)
}

pub(super) async fn insert(on: &mut impl Lends, domain: &Domain, due: Timestamp) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into domains (id, organization, connection, domain, record, created_at, due_at) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        domain.id,
        domain.organization,
        domain.connection,
        &domain.domain,
        &domain.record,
        domain.created_at,
        due
    )?;
    Ok(())
}

pub(super) async fn delete(on: &mut impl Lends, id: DomainId) -> sqlx::Result<()> {
    execute!(on, "delete from domains where id = $1", id)?;
    Ok(())
}

/// Those that are to be checked, of organizations that are open.
pub(super) async fn due(on: &mut impl Lends, now: Timestamp, limit: i64) -> sqlx::Result<Vec<Domain>> {
    fetch_all!(
        on,
        Domain,
        "select d.id, d.organization, d.connection, d.domain, d.record, d.created_at, d.verified_at, d.checked_at, \
         d.failing_since from domains d join organizations o on o.id = d.organization \
         where d.due_at <= $1 and o.closed_at is null order by d.due_at, d.id limit $2",
        now,
        limit
    )
}

/// Of several replicas one takes it.
pub(super) async fn take(
    on: &mut impl Lends,
    id: DomainId,
    now: Timestamp,
    until: Timestamp,
) -> sqlx::Result<bool> {
    let taken =
        execute!(on, "update domains set due_at = $3 where id = $1 and due_at <= $2", id, now, until)?;
    Ok(taken == 1)
}

pub(super) async fn set_due(on: &mut impl Lends, id: DomainId, due: Timestamp) -> sqlx::Result<()> {
    execute!(on, "update domains set due_at = $2 where id = $1", id, due)?;
    Ok(())
}

pub(super) async fn set_checked(
    on: &mut impl Lends,
    id: DomainId,
    now: Timestamp,
    due: Timestamp,
) -> sqlx::Result<()> {
    execute!(on, "update domains set checked_at = $2, due_at = $3 where id = $1", id, now, due)?;
    Ok(())
}

/// Says whether it was the first. Of two at once the unique index lets one.
pub(super) async fn set_proven(on: &mut impl Lends, domain: &Domain, now: Timestamp) -> sqlx::Result<bool> {
    let proven = execute!(
        on,
        "update domains set verified_at = $2, failing_since = null, warned_at = null where id = $1 \
         and not exists (select 1 from domains o where o.domain = $3 and o.verified_at is not null and o.id <> $1)",
        domain.id,
        now,
        &domain.domain
    );
    match proven {
        Ok(rows) => Ok(rows == 1),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) async fn set_failing(
    on: &mut impl Lends,
    id: DomainId,
    since: Option<Timestamp>,
) -> sqlx::Result<()> {
    execute!(on, "update domains set failing_since = $2, warned_at = $2 where id = $1", id, since)?;
    Ok(())
}
