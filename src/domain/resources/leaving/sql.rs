use super::Touched;
use crate::clock::Timestamp;
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_one};

/// How many resources a person has made, outside their Dev mode and, unless archived, in it.
pub(super) async fn count_made(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<(i64, i64)> {
    fetch_one!(
        on,
        (i64, i64),
        "select count(case when developer = '' then 1 end), \
         count(case when developer <> '' and archived_at is null then 1 end) \
         from resources where organization = $1 and creator = $2",
        organization,
        user
    )
}

pub(super) async fn names_made(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    limit: i64,
) -> sqlx::Result<Vec<String>> {
    let rows = fetch_all!(
        on,
        (String,),
        "select name from resources where organization = $1 and creator = $2 and developer = '' \
         order by name_key, id limit $3",
        organization,
        user,
        limit
    )?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// A person's entries: those bound to them, and those for their address that wait for them.
macro_rules! theirs {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " where organization = $1 and (user_id = $2 or (user_id is null and email_canonical = \
             (select email_canonical from users where id = $2)))",
            $after
        )
    };
}

pub(super) async fn count_entries(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<i64> {
    let sql = theirs!("select count(*) from resource_people", "");
    let (count,) = fetch_one!(on, (i64,), sql, organization, user)?;
    Ok(count)
}

pub(super) async fn entries(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Vec<Touched>> {
    fetch_all!(
        on,
        Touched,
        theirs!(
            "select id, name from resources where id in (select resource from resource_people",
            ") order by name_key, id"
        ),
        organization,
        user
    )
}

pub(super) async fn end_entries(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<()> {
    execute!(on, theirs!("delete from resource_people", ""), organization, user)?;
    Ok(())
}

pub(super) async fn close_requests(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update access_requests set closed_at = $3 where organization = $1 and user_id = $2 and closed_at is null",
        organization,
        user,
        now
    )?;
    Ok(())
}

pub(super) async fn in_dev_mode(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Vec<Touched>> {
    fetch_all!(
        on,
        Touched,
        "select id, name from resources where organization = $1 and creator = $2 and developer <> '' \
         and archived_at is null order by name_key, id",
        organization,
        user
    )
}

pub(super) async fn archive_dev_mode(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update resources set archived_at = $3, changed_at = $3 \
         where organization = $1 and creator = $2 and developer <> '' and archived_at is null",
        organization,
        user,
        now
    )?;
    Ok(())
}

pub(super) async fn made(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Vec<Touched>> {
    fetch_all!(
        on,
        Touched,
        "select id, name from resources where organization = $1 and creator = $2 and developer = '' \
         order by name_key, id",
        organization,
        user
    )
}

/// Archived ones too: had again, they are not the leaver's.
pub(super) async fn hand_over(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    heir: UserId,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update resources set creator = $3, changed_at = $4 \
         where organization = $1 and creator = $2 and developer = ''",
        organization,
        user,
        heir,
        now
    )?;
    Ok(())
}
