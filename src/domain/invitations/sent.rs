//! What one person has sent, and what becomes of it when they leave (R8).

use super::{Invitation, InviteError, State, close, may_grant, sql};
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::users::Member;
use crate::ids::UserId;
use crate::storage::{Change, Db, Lends};

/// An invitation as its sender's page shows it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Sent {
    #[sqlx(flatten)]
    pub invitation: Invitation,
    pub closed_at: Option<Timestamp>,
    pub accepted_by: Option<UserId>,
    /// Whether its sender stands for it as the maintainer of its team (R9).
    #[sqlx(default)]
    pub maintained: bool,
}

/// What a person has sent: the newest of what is pending, and the last of what was accepted.
#[derive(Debug)]
pub struct SentBy {
    pub pending: Vec<Sent>,
    pub accepted: Vec<Sent>,
}

pub async fn sent_by(db: &Db, actor: &Actor, user: UserId, limit: i64) -> Result<SentBy, InviteError> {
    actor.may(Capability::ReadUsers)?;
    let mut reader = db.read().await?;
    let organization = actor.organization;
    let mut pending = sql::sent_by(&mut reader, organization, user, State::Pending, limit).await?;
    let maintained = match pending.is_empty() {
        true => Vec::new(),
        false => sql::maintained_by(&mut reader, organization, user).await?,
    };
    for sent in &mut pending {
        sent.maintained = maintained.contains(&sent.invitation.id);
    }
    Ok(SentBy {
        pending,
        accepted: sql::sent_by(&mut reader, organization, user, State::Accepted, limit).await?,
    })
}

/// What someone who leaves has sent, and what is still open of it.
#[derive(Debug, Default)]
pub struct Left {
    pub pending: i64,
    /// Of these, those that the actor may neither take over nor revoke: their role is not within the
    /// actor's (R2). Nobody answers for them any more, so that they are void until someone resends them.
    pub beyond: i64,
    /// The newest few.
    pub newest: Vec<Sent>,
    /// Lists of invites that are still being sent, and how many invites these are.
    pub lists: i64,
    pub queued: i64,
}

impl Left {
    /// Whether there is anything to decide about.
    pub fn is_open(&self) -> bool {
        self.pending > self.beyond || self.lists > 0
    }
}

pub(crate) async fn left_by(on: &mut impl Lends, actor: &Actor, user: UserId) -> sqlx::Result<Left> {
    let mut left = Left {
        newest: sql::sent_by(on, actor.organization, user, State::Pending, 10).await?,
        ..Left::default()
    };
    for (role, count) in sql::count_pending_by_role(on, actor.organization, user).await? {
        left.pending += count;
        if actor.may_handle(role).is_err() {
            left.beyond += count;
        }
    }
    for (_, role, queued) in sql::open_batches_of(on, actor.organization, user).await? {
        if actor.may_handle(role).is_ok() {
            left.lists += 1;
            left.queued += queued;
        }
    }
    Ok(left)
}

/// What becomes of the invites that someone leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Whoever removes the person answers for them from now on: they stay valid.
    HandOver,
    Revoke,
}

/// How many invites were handed over, and how many revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub handed_over: i64,
    pub revoked: i64,
}

/// Settles what a leaver has sent, in the change that ends their membership.
pub(crate) async fn settle(
    change: &mut Change,
    actor: &Actor,
    leaver: &Member,
    fate: Fate,
) -> Result<Settled, InviteError> {
    let mut settled = Settled::default();
    let sent = sql::sent_by(change, actor.organization, leaver.user_id, State::Pending, i64::MAX).await?;
    for Sent { invitation, .. } in &sent {
        if actor.may_handle(invitation.role).is_err() {
            continue;
        }
        match fate {
            Fate::HandOver => {
                take_over(change, actor, leaver, invitation).await?;
                settled.handed_over += 1;
            }
            Fate::Revoke => {
                close(change, invitation, State::Revoked, None).await?;
                let entry = Entry::new(Kind::InvitationRevoked, invitation.id, &invitation.email)
                    .without("role", invitation.role);
                audit::record(change, actor.organization, &actor.operator(), entry).await?;
                settled.revoked += 1;
            }
        }
    }
    let lists = settle_lists(change, actor, leaver, fate).await?;
    settled.handed_over += lists.handed_over;
    settled.revoked += lists.revoked;
    Ok(settled)
}

async fn take_over(
    change: &mut Change,
    actor: &Actor,
    leaver: &Member,
    invitation: &Invitation,
) -> Result<(), InviteError> {
    let now = change.now();
    may_grant(actor, invitation.role, now)?;
    sql::set_inviter(change, invitation.id, actor.person.user).await?;
    let entry = Entry::new(Kind::InvitationHandedOver, invitation.id, &invitation.email).changed(
        "inviter",
        &leaver.name,
        &actor.person.name,
    );
    audit::record(change, actor.organization, &actor.operator(), entry).await?;
    Ok(())
}

/// The same for lists that are still being sent: they go on under the new name, or stop.
async fn settle_lists(
    change: &mut Change,
    actor: &Actor,
    leaver: &Member,
    fate: Fate,
) -> Result<Settled, InviteError> {
    let now = change.now();
    let mut settled = Settled::default();
    for (list, role, queued) in sql::open_batches_of(change, actor.organization, leaver.user_id).await? {
        if actor.may_handle(role).is_err() {
            continue;
        }
        let kind = match fate {
            Fate::HandOver => {
                may_grant(actor, role, now)?;
                sql::set_batch_inviter(change, list, actor.person.user).await?;
                settled.handed_over += queued;
                Kind::InvitationHandedOver
            }
            Fate::Revoke => {
                sql::stop_batch(change, list, "Whoever sent this list has left.", now).await?;
                settled.revoked += queued;
                Kind::InvitationRevoked
            }
        };
        let entry = Entry::new(kind, list, format!("{queued} queued invites"));
        let entry = match fate {
            Fate::HandOver => entry.changed("inviter", &leaver.name, &actor.person.name),
            Fate::Revoke => entry.without("role", role),
        };
        audit::record(change, actor.organization, &actor.operator(), entry).await?;
    }
    Ok(settled)
}
