//! Many invitations at once (I8): a batch is stored whole, and a worker invites its lines one by one,
//! each in the transaction that marks it done. Killed at any moment, and on any number of replicas,
//! nothing is lost or done twice.

mod sql;

use std::time::Duration;

use tokio::sync::watch;

use super::{
    Invitation, InviteError, Invitee, Terms, can_grant, invite_within, may_be_invited, may_grant, team_ids,
};
use crate::app::{App, Shared};
use crate::clock::{DAY, Timestamp};
use crate::domain::access::{Actor, Capability, Operator, Origin, Role};
use crate::domain::teams;
use crate::domain::users;
use crate::domain::values::{Email, Note, Pasted};
use crate::ids::{BatchId, OrganizationId, UserId};
use crate::storage::{Change, Db, Tx};

/// How often the worker looks for batches that another replica took in.
const POLL: Duration = Duration::from_secs(1);
/// How long the result of a batch can be looked at.
const KEPT: i64 = 30 * DAY;

/// What was understood of a pasted text, in this organization.
#[derive(Debug, Default)]
pub struct Understood {
    pub people: Vec<Invitee>,
    pub refused: Vec<Refused>,
    /// Entries beyond those that a page shows.
    pub rest: usize,
}

/// An entry that can't be invited, and why.
#[derive(Debug)]
pub struct Refused {
    /// As it stood in the text.
    pub text: String,
    pub name: String,
    pub why: String,
    /// The address, if it is one: then it is the organization that stands against it.
    email: Option<Email>,
}

impl Refused {
    /// Whether the address is good, and what is known here stands against it.
    pub fn is_conflict(&self) -> bool {
        self.email.is_some()
    }
}

impl Understood {
    /// How many entries the text had, as far as they are shown.
    pub fn len(&self) -> usize {
        self.people.len() + self.refused.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads a pasted text and says whom of it can be invited. Changes nothing.
pub async fn understand(db: &Db, actor: &Actor, text: &str) -> Result<Understood, InviteError> {
    actor.may(Capability::ManageUsers)?;
    let now = db.now();
    let mut reader = db.read().await?;
    let Pasted { entries, rest } = Pasted::read(text);
    let mut understood = Understood { rest, ..Understood::default() };
    for entry in entries {
        let refused = |why: String, email| Refused { text: entry.text, name: entry.name.clone(), why, email };
        match entry.email {
            Err(not_invitable) => understood.refused.push(refused(not_invitable.to_string(), None)),
            Ok(email) => {
                match may_be_invited(&mut reader, actor.organization, &email.canonical(), now).await {
                    Ok(_) => understood.people.push(Invitee { email, name: entry.name }),
                    Err(InviteError::Database(error)) => return Err(error.into()),
                    Err(why) => understood.refused.push(refused(why.to_string(), Some(email))),
                }
            }
        }
    }
    Ok(understood)
}

/// Stores the batch that a pasted text makes, and wakes the worker. What can be invited is queued, and all
/// else is there with its reason, as it was typed where it is no address: each entry has a result.
pub async fn send_many(app: &App, actor: &Actor, text: &str, terms: &Terms) -> Result<BatchId, InviteError> {
    let understood = understand(&app.db, actor, text).await?;
    if understood.people.is_empty() {
        return Err(InviteError::Nobody);
    }
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let now = change.now();
    may_grant(actor, terms.role, now)?;
    terms.check(now)?;
    let id = BatchId::generate();
    sql::insert(&mut change, id, actor, terms, now).await?;
    let mut position = 0;
    for person in &understood.people {
        let (email, name) = (person.email.as_str(), person.name.as_str());
        sql::insert_line(&mut change, id, position, email, name, None).await?;
        position += 1;
    }
    for Refused { text, name, why, email } in &understood.refused {
        let email = email.as_ref().map_or(text.as_str(), Email::as_str);
        sql::insert_line(&mut change, id, position, email, name, Some(why)).await?;
        position += 1;
    }
    change.commit().await?;
    app.invites.notify_one();
    Ok(id)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum LineState {
    Queued,
    Invited,
    Refused,
}

/// A batch as it stands.
#[derive(Debug)]
pub struct Batch {
    pub role: Role,
    pub note: String,
    pub ends_at: Option<Timestamp>,
    pub notice: bool,
    /// The names of the teams that each invite gives.
    pub teams: Vec<String>,
    pub created_at: Timestamp,
    pub lines: Vec<Line>,
}

#[derive(Debug, sqlx::FromRow)]
pub struct Line {
    /// An address, or what was typed in the place of one.
    pub email: String,
    pub name: String,
    pub state: LineState,
    pub why: Option<String>,
}

impl Batch {
    pub fn count(&self, state: LineState) -> usize {
        self.lines.iter().filter(|line| line.state == state).count()
    }

    pub fn is_done(&self) -> bool {
        self.count(LineState::Queued) == 0
    }
}

pub async fn batch(db: &Db, actor: &Actor, id: BatchId) -> Result<Batch, InviteError> {
    actor.may(Capability::ManageUsers)?;
    let mut reader = db.read().await?;
    let stored = sql::find(&mut reader, id)
        .await?
        .filter(|found| found.organization == actor.organization)
        .ok_or(InviteError::NotFound)?;
    Ok(Batch {
        role: stored.role,
        note: stored.note,
        ends_at: stored.membership_ends_at,
        notice: stored.notice,
        teams: teams::named(&mut reader, actor.organization, &team_ids(&stored.teams))
            .await?
            .into_iter()
            .map(|team| team.name)
            .collect(),
        created_at: stored.created_at,
        lines: sql::lines(&mut reader, id).await?,
    })
}

/// A batch that is still being sent.
#[derive(Debug, sqlx::FromRow)]
pub struct Sending {
    pub id: BatchId,
    pub done: i64,
    pub total: i64,
}

/// The organization's batches that are still being sent, oldest first.
pub async fn sending(db: &Db, actor: &Actor) -> Result<Vec<Sending>, InviteError> {
    actor.may(Capability::ManageUsers)?;
    Ok(sql::sending(&mut db.read().await?, actor.organization).await?)
}

/// Works batches off until `stopping` turns true: woken by this process, and by the clock for others.
pub async fn run(app: Shared, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        match round(&app).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::error!(%error, "the batches of invitations can't be read"),
        }
        tokio::select! {
            () = app.invites.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Works off everything that waits, and says how many lines that were.
pub async fn work_off(app: &App) -> sqlx::Result<usize> {
    let mut lines = 0;
    loop {
        match round(app).await? {
            0 => return Ok(lines),
            more => lines += more,
        }
    }
}

/// One line of each open batch, so that a long one holds up nobody else's. Says how many lines were done.
async fn round(app: &App) -> sqlx::Result<usize> {
    let open = sql::open(&mut app.db.read().await?).await?;
    let mut done = 0;
    for (batch, organization) in open {
        match step(app, batch, organization).await {
            Ok(true) => done += 1,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, %batch, "a line of a batch could not be done"),
        }
    }
    Ok(done)
}

/// Does the next line of a batch, if there is one.
async fn step(app: &App, id: BatchId, organization: OrganizationId) -> sqlx::Result<bool> {
    // From here on no other replica works in this organization.
    let mut change = app.db.change(organization).await?;
    let Some(batch) = sql::find(&mut change, id).await? else { return Ok(false) };
    let Some(line) = sql::next(&mut change, id).await? else { return Ok(false) };
    let (mut change, state, why, invitation) = match invite_line(app, &mut change, &batch, &line).await {
        Ok(invitation) => (change, LineState::Invited, None, Some(invitation.id)),
        Err(InviteError::Database(error)) => return Err(error),
        Err(refusal) => {
            // What the try has written goes; only its refusal stays.
            drop(change);
            (app.db.change(organization).await?, LineState::Refused, Some(said(&refusal)), None)
        }
    };
    let settled = sql::settle(&mut change, id, line.position, state, why.as_deref(), invitation).await?;
    let now = change.now();
    sql::finish(&mut change, id, now).await?;
    change.commit().await?;
    Ok(settled)
}

/// A batch as its worker needs it.
#[derive(sqlx::FromRow)]
struct Stored {
    organization: OrganizationId,
    inviter: UserId,
    role: Role,
    note: String,
    membership_ends_at: Option<Timestamp>,
    notice: bool,
    teams: String,
    address: Option<String>,
    request: Option<String>,
    created_at: Timestamp,
    organization_closed_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Next {
    position: i64,
    email: String,
    name: String,
}

/// What was true when the batch was sent may not be true any more: everything is judged again, but for
/// the step-up, which was the sender's.
async fn invite_line(
    app: &App,
    change: &mut Change,
    batch: &Stored,
    line: &Next,
) -> Result<Invitation, InviteError> {
    if batch.organization_closed_at.is_some() {
        return Err(InviteError::Closed);
    }
    let now = change.now();
    let inviter = users::member_of(change, batch.organization, batch.inviter).await?;
    let Some(inviter) = inviter.filter(|inviter| can_grant(Some(inviter), batch.role, now)) else {
        return Err(InviteError::NotGrantable);
    };
    let origin = Origin {
        address: batch.address.as_ref().and_then(|address| address.parse().ok()),
        request: batch.request.clone().unwrap_or_default(),
        by_key: None,
    };
    let operator = Operator { user: Some(batch.inviter), name: inviter.name, origin };
    let broken = |error: Box<dyn std::error::Error + Send + Sync>| sqlx::Error::Decode(error);
    let email: Email = line.email.parse().map_err(|error| broken(Box::new(error)))?;
    let note: Note = batch.note.parse().map_err(|error| broken(Box::new(error)))?;
    let terms = Terms {
        role: batch.role,
        note,
        ends_at: batch.membership_ends_at,
        teams: team_ids(&batch.teams),
        notice: batch.notice,
    };
    let invitee = Invitee { email, name: line.name.clone() };
    invite_within(app, change, batch.organization, &operator, &invitee, &terms).await
}

/// A refusal as the result of a line, for whoever reads it later.
fn said(refusal: &InviteError) -> String {
    match refusal {
        InviteError::Throttled(_) => {
            "Too many invites have gone out within a day. Invite them again tomorrow.".to_owned()
        }
        refusal => refusal.to_string(),
    }
}

pub(super) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let before = tx.now().plus(-KEPT);
    sql::drop_old(tx, before).await
}
