use super::Message;
use crate::clock::Timestamp;
use crate::ids::{MailId, OrganizationId};
use crate::storage::{Lends, execute, fetch_one, fetch_optional};

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
        "insert into mail_outbox (id, organization, kind, recipient, subject, body, state, attempts, due_at, \
         leased_until, created_at) values ($1, $2, $3, $4, $5, $6, 'queued', 0, $7, 0, $7)",
        id,
        organization,
        message.kind,
        &message.to,
        &message.subject,
        sealed,
        now
    )?;
    Ok(())
}

#[derive(sqlx::FromRow)]
pub(super) struct Due {
    pub id: MailId,
    pub recipient: String,
    pub subject: String,
    pub body: Option<String>,
    pub attempts: i64,
    pub created_at: Timestamp,
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
         returning id, recipient, subject, body, attempts, created_at",
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
