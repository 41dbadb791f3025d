use super::super::team_ids_json;
use super::{Line, LineState, Next, Sending, Stored, Terms};
use crate::clock::Timestamp;
use crate::domain::access::Actor;
use crate::ids::{BatchId, InvitationId, OrganizationId};
use crate::storage::{Lends, execute, fetch_all, fetch_optional};

pub(super) async fn insert(
    on: &mut impl Lends,
    id: BatchId,
    actor: &Actor,
    terms: &Terms,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into invitation_batches (id, organization, inviter, role, note, membership_ends_at, notice, address, \
         request, created_at, teams) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        id,
        actor.organization,
        actor.person.user,
        terms.role,
        terms.note.as_str(),
        terms.ends_at,
        terms.notice,
        actor.person.origin.address.map(|address| address.to_string()),
        &actor.person.origin.request,
        now,
        team_ids_json(&terms.teams)
    )?;
    Ok(())
}

/// A line that waits, or one that is refused already, and why.
pub(super) async fn insert_line(
    on: &mut impl Lends,
    batch: BatchId,
    position: i64,
    email: &str,
    name: &str,
    why: Option<&str>,
) -> sqlx::Result<()> {
    let state = if why.is_some() { LineState::Refused } else { LineState::Queued };
    execute!(
        on,
        "insert into invitation_batch_lines (batch, position, email, name, state, why) \
         values ($1, $2, $3, $4, $5, $6)",
        batch,
        position,
        email,
        name,
        state,
        why
    )?;
    Ok(())
}

pub(super) async fn find(on: &mut impl Lends, id: BatchId) -> sqlx::Result<Option<Stored>> {
    fetch_optional!(
        on,
        Stored,
        "select b.organization, b.inviter, b.role, b.note, b.membership_ends_at, b.notice, b.teams, b.address, b.request, \
         b.created_at, o.closed_at as organization_closed_at \
         from invitation_batches b join organizations o on o.id = b.organization where b.id = $1",
        id
    )
}

pub(super) async fn lines(on: &mut impl Lends, batch: BatchId) -> sqlx::Result<Vec<Line>> {
    fetch_all!(
        on,
        Line,
        "select email, name, state, why from invitation_batch_lines where batch = $1 order by position",
        batch
    )
}

pub(super) async fn sending(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Vec<Sending>> {
    fetch_all!(
        on,
        Sending,
        "select b.id, count(*) as total, count(case when l.state <> 'queued' then 1 end) as done \
         from invitation_batches b join invitation_batch_lines l on l.batch = b.id \
         where b.finished_at is null and b.organization = $1 group by b.id order by b.id",
        organization
    )
}

/// Batches that are not done yet, oldest first.
pub(super) async fn open(on: &mut impl Lends) -> sqlx::Result<Vec<(BatchId, OrganizationId)>> {
    fetch_all!(
        on,
        (BatchId, OrganizationId),
        "select id, organization from invitation_batches where finished_at is null order by created_at limit 100"
    )
}

pub(super) async fn next(on: &mut impl Lends, batch: BatchId) -> sqlx::Result<Option<Next>> {
    fetch_optional!(
        on,
        Next,
        "select position, email, name from invitation_batch_lines where batch = $1 and state = 'queued' \
         order by position limit 1",
        batch
    )
}

/// Marks a line done, unless that has happened.
pub(super) async fn settle(
    on: &mut impl Lends,
    batch: BatchId,
    position: i64,
    state: LineState,
    why: Option<&str>,
    invitation: Option<InvitationId>,
) -> sqlx::Result<bool> {
    let settled = execute!(
        on,
        "update invitation_batch_lines set state = $3, why = $4, invitation = $5 \
         where batch = $1 and position = $2 and state = 'queued'",
        batch,
        position,
        state,
        why,
        invitation
    )?;
    Ok(settled == 1)
}

/// Closes a batch that has no line left.
pub(super) async fn finish(on: &mut impl Lends, batch: BatchId, now: Timestamp) -> sqlx::Result<()> {
    execute!(
        on,
        "update invitation_batches set finished_at = $2 where id = $1 and finished_at is null and not exists \
         (select 1 from invitation_batch_lines where batch = $1 and state = 'queued')",
        batch,
        now
    )?;
    Ok(())
}

pub(super) async fn drop_old(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(
        on,
        "delete from invitation_batch_lines where batch in \
         (select id from invitation_batches where finished_at < $1)",
        before
    )?;
    execute!(on, "delete from invitation_batches where finished_at < $1", before)?;
    Ok(())
}
