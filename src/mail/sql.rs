use sqlx::QueryBuilder;

use super::Message;
use super::outbox::{MailState, OutboxMail};
use crate::clock::Timestamp;
use crate::ids::{MailId, OrganizationId};
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional, on_either};

pub(super) async fn insert(
    on: &mut impl Lends,
    id: MailId,
    organization: Option<OrganizationId>,
    message: &Message,
    sealed: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into mail_outbox (id, organization, kind, recipient, recipient_canonical, subject, body, state, \
         attempts, due_at, leased_until, created_at) values ($1, $2, $3, $4, $5, $6, $7, 'queued', 0, $8, 0, $8)",
        id,
        organization,
        message.kind,
        &message.to,
        message.to.to_ascii_lowercase(),
        &message.subject,
        sealed,
        now
    )?;
    Ok(())
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub id: MailId,
    pub kind: String,
    pub subject: String,
    pub created_at: Timestamp,
    pub state: String,
    pub failure: Option<String>,
}

/// What was queued for an address since a moment and before a place, newest first.
pub(super) async fn to_recipient(
    on: &mut impl Lends,
    canonical: &str,
    since: Timestamp,
    (before, before_id): (Timestamp, &str),
    limit: usize,
) -> sqlx::Result<Vec<Row>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    fetch_all!(
        on,
        Row,
        "select id, kind, subject, created_at, state, failure from mail_outbox \
         where recipient_canonical = $1 and created_at > $2 and (created_at, id) < ($3, $4) \
         order by created_at desc, id desc limit $5",
        canonical,
        since,
        before,
        before_id,
        limit
    )
}

#[derive(sqlx::FromRow)]
pub(super) struct Due {
    pub id: MailId,
    pub recipient: String,
    pub subject: String,
    pub body: Option<String>,
    pub attempts: i64,
    pub created_at: Timestamp,
    /// Since when it is tried.
    pub since: Timestamp,
}

/// Takes the mail that has waited longest, until `lease`. The outer condition is checked again on the
/// newest version of the row, so that two workers never take the same one.
pub(super) async fn claim(
    on: &mut impl Lends,
    now: Timestamp,
    lease: Timestamp,
) -> sqlx::Result<Option<Due>> {
    fetch_optional!(
        on,
        Due,
        "update mail_outbox set leased_until = $2, attempts = attempts + 1 \
         where id = (select id from mail_outbox where state = 'queued' and due_at <= $1 and leased_until <= $1 \
                     order by due_at, id limit 1) \
           and state = 'queued' and leased_until <= $1 \
         returning id, recipient, subject, body, attempts, created_at, coalesce(retried_at, created_at) as since",
        now,
        lease
    )
}

pub(super) async fn any_due(on: &mut impl Lends, now: Timestamp) -> sqlx::Result<bool> {
    let due = fetch_optional!(
        on,
        (MailId,),
        "select id from mail_outbox where state = 'queued' and due_at <= $1 and leased_until <= $1 limit 1",
        now
    )?;
    Ok(due.is_some())
}

#[derive(sqlx::FromRow)]
pub(super) struct Depth {
    pub due: i64,
    pub later: i64,
    pub given_up: i64,
    pub oldest_due_at: Option<Timestamp>,
}

/// Each number is of a range of an index.
pub(super) async fn depth(
    on: &mut impl Lends,
    now: Timestamp,
    given_up_after: Timestamp,
) -> sqlx::Result<Depth> {
    fetch_one!(
        on,
        Depth,
        "select (select count(*) from mail_outbox where state = 'queued' and due_at <= $1) as due, \
         (select count(*) from mail_outbox where state = 'queued' and due_at > $1) as later, \
         (select count(*) from mail_outbox where state = 'failed' and finished_at > $2) as given_up, \
         (select min(due_at) from mail_outbox where state = 'queued' and due_at <= $1) as oldest_due_at",
        now,
        given_up_after
    )
}

/// The lease in the condition is a fence: a worker that was too slow changes nothing.
pub(super) async fn sent(
    on: &mut impl Lends,
    id: MailId,
    lease: Timestamp,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update mail_outbox set state = 'sent', body = null, failure = null, finished_at = $3 \
         where id = $1 and leased_until = $2 and state = 'queued'",
        id,
        lease,
        now
    )?;
    Ok(())
}

pub(super) async fn retry(
    on: &mut impl Lends,
    id: MailId,
    lease: Timestamp,
    due: Timestamp,
    why: &str,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update mail_outbox set due_at = $3, leased_until = 0, failure = $4 \
         where id = $1 and leased_until = $2 and state = 'queued'",
        id,
        lease,
        due,
        why
    )?;
    Ok(())
}

pub(super) async fn give_up(
    on: &mut impl Lends,
    id: MailId,
    lease: Timestamp,
    now: Timestamp,
    why: &str,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update mail_outbox set state = 'failed', failure = $4, finished_at = $3 \
         where id = $1 and leased_until = $2 and state = 'queued'",
        id,
        lease,
        now,
        why
    )?;
    Ok(())
}

pub(super) async fn release(on: &mut impl Lends) -> sqlx::Result<()> {
    execute!(on, "update mail_outbox set leased_until = 0 where state = 'queued' and leased_until > 0")?;
    Ok(())
}

/// Bodies of mails that were given up before `before` (I9).
pub(super) async fn erase_failed(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(
        on,
        "update mail_outbox set body = null where state = 'failed' and finished_at < $1 and body is not null",
        before
    )?;
    Ok(())
}

/// Newest first: ids sort by time.
pub(super) async fn list(
    on: &mut impl Lends,
    state: Option<MailState>,
    to: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<OutboxMail>> {
    on_either!(on, |e| {
        let mut query = QueryBuilder::new(
            "select id, recipient, subject, kind, state, attempts, created_at, due_at, finished_at, failure, \
             body is not null as kept from mail_outbox where true",
        );
        if let Some(state) = state {
            query.push(" and state = ").push_bind(state);
        }
        if let Some(to) = to {
            query.push(" and recipient_canonical = ").push_bind(to);
        }
        query.push(" order by id desc limit ").push_bind(limit);
        query.build_query_as::<OutboxMail>().fetch_all(e).await
    })
}

pub(super) async fn state(on: &mut impl Lends, id: MailId) -> sqlx::Result<Option<(MailState, bool)>> {
    fetch_optional!(
        on,
        (MailState, bool),
        "select state, body is not null from mail_outbox where id = $1",
        id
    )
}

/// One mail that was given up, or all of them.
pub(super) async fn requeue(on: &mut impl Lends, id: Option<MailId>, now: Timestamp) -> sqlx::Result<u64> {
    match id {
        Some(id) => execute!(
            on,
            "update mail_outbox set state = 'queued', attempts = 0, due_at = $1, leased_until = 0, retried_at = $1, \
             finished_at = null, failure = null where state = 'failed' and body is not null and id = $2",
            now,
            id
        ),
        None => execute!(
            on,
            "update mail_outbox set state = 'queued', attempts = 0, due_at = $1, leased_until = 0, retried_at = $1, \
             finished_at = null, failure = null where state = 'failed' and body is not null",
            now
        ),
    }
}

pub(super) async fn count_queued(on: &mut impl Lends) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(on, (i64,), "select count(*) from mail_outbox where state = 'queued'")?;
    Ok(count)
}

pub(super) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    execute!(on, "delete from mail_outbox where organization = $1", organization)?;
    Ok(())
}
