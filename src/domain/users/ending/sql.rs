use super::Ending;
use crate::clock::Timestamp;
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Lends, execute, fetch_all};

pub(super) async fn set_end_date(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
    ends_at: Option<Timestamp>,
    notice: i64,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update memberships set ends_at = $3, end_notice = $4 where organization = $1 and user_id = $2",
        organization,
        user,
        ends_at,
        notice
    )?;
    Ok(())
}

/// Memberships whose end has come.
pub(super) async fn ended(
    on: &mut impl Lends,
    now: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<(OrganizationId, UserId)>> {
    fetch_all!(
        on,
        (OrganizationId, UserId),
        "select organization, user_id from memberships \
         where ends_at is not null and ends_at <= $1 and state <> 'removed' and role <> 'owner' \
         order by ends_at, organization, user_id limit $2",
        now,
        limit
    )
}

/// Active memberships that end by `until`, of which so many days before nobody was told. Whoever
/// came later than `joined_by` before their end knows it from their invitation.
pub(super) async fn to_be_told(
    on: &mut impl Lends,
    days: i64,
    now: Timestamp,
    until: Timestamp,
    longer_than: i64,
    limit: i64,
) -> sqlx::Result<Vec<Ending>> {
    fetch_all!(
        on,
        Ending,
        "select m.organization, m.user_id, m.name, m.email, m.ends_at, u.time_zone, o.name as organization_name, \
         o.slug, i.user_id as inviter, i.email as inviter_email, iu.time_zone as inviter_time_zone \
         from memberships m join organizations o on o.id = m.organization join users u on u.id = m.user_id \
         left join memberships i on i.organization = m.organization and i.user_id = m.invited_by \
           and i.state = 'active' and i.role in ('owner', 'admin') and (i.ends_at is null or i.ends_at > $2) \
         left join users iu on iu.id = i.user_id \
         where m.ends_at > $2 and m.ends_at <= $3 and m.state = 'active' and m.role <> 'owner' \
         and (m.end_notice = 0 or m.end_notice > $1) and m.ends_at - m.joined_at > $4 and o.closed_at is null \
         order by m.ends_at, m.organization, m.user_id limit $5",
        days,
        now,
        until,
        longer_than,
        limit
    )
}

/// Notes that a person was told, unless somebody has by now, or the end has moved.
pub(super) async fn note_told(on: &mut impl Lends, ending: &Ending, days: i64) -> sqlx::Result<bool> {
    let noted = execute!(
        on,
        "update memberships set end_notice = $4 where organization = $1 and user_id = $2 and ends_at = $3 \
         and state = 'active' and (end_notice = 0 or end_notice > $4)",
        ending.organization,
        ending.user_id,
        ending.ends_at,
        days
    )?;
    Ok(noted == 1)
}
