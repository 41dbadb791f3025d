//! Invitations: a single-use link that lives for seven days (I).

mod accept;
mod batches;
mod mails;
mod notice;
mod sent;
mod sql;

pub use self::accept::{
    AcceptError, Found, LinkKind, NewAccount, Standing, accept_as, accept_new, ask_again, look, mail_code,
    redeem_code,
};
pub(crate) use self::accept::{Newcomer, behind, join, join_new, may_make_account, open_for, sign_in_new};
pub use self::batches::{
    Batch, Line, LineState, Refused, Sending, Understood, batch, run, send_many, sending, understand,
    work_off,
};
pub(crate) use self::mails::samples;
pub use self::notice::{Notice, confirm_notice, look_at_notice};
pub use self::sent::{Fate, Left, Sent, SentBy, Settled, sent_by};
pub(crate) use self::sent::{left_by, settle};
use crate::app::App;
use crate::clock::{DAY, Timestamp};
use crate::domain::access::{Actor, Capability, Denied, Operator, Person, Role, StepUpNeeded};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations::{self, Organization};
use crate::domain::teams::{self, Team, TeamError};
use crate::domain::throttle::{self, SpendError, Throttled};
use crate::domain::users::{self, EndDateError, Member, MemberError, MemberState};
use crate::domain::values::{Email, Note};
use crate::ids::{InvitationId, MailId, OrganizationId, TeamId, UserId};
use crate::mail::{self, Delivery};
use crate::secrets::Token;
use crate::storage::{Change, Db, Lends, Tx};

/// How long a link works (I3). The query refuses an older one, not a clean-up job.
pub const LIFE: i64 = 7 * DAY;

/// One stored row: what the page shows and what acceptance gives both come from it (I4).
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Invitation {
    pub id: InvitationId,
    pub organization: OrganizationId,
    pub email: String,
    pub email_canonical: String,
    /// What the inviter's list called them; empty if it did not.
    pub name: String,
    pub role: Role,
    pub note: String,
    pub membership_ends_at: Option<Timestamp>,
    /// The teams that it gives: ids in a JSON array. See [`Invitation::teams`].
    teams: String,
    pub inviter: UserId,
    pub state: State,
    pub sent_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum State {
    Pending,
    Accepted,
    Revoked,
    Expired,
    Void,
}

/// A pending invitation in the list.
#[derive(Debug)]
pub struct Listed {
    pub invitation: Invitation,
    pub inviter_name: String,
    /// The names of the teams that it gives.
    pub teams: Vec<String>,
    /// Whether the inviter could still grant it (I4).
    pub grantable: bool,
    pub delivery: Delivery,
    /// The separate notice to an Auditor: when they confirmed it, and how its mail is doing.
    pub notice: Option<(Option<Timestamp>, Delivery)>,
}

/// Whom to invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitee {
    pub email: Email,
    /// Empty if it is not known.
    pub name: String,
}

/// As what, until when, and in what words (I1).
#[derive(Clone, Debug)]
pub struct Terms {
    pub role: Role,
    pub note: Note,
    pub ends_at: Option<Timestamp>,
    /// The teams that they come to be in.
    pub teams: Vec<TeamId>,
    /// Whether an Auditor gets a second mail without the link, which they can confirm.
    pub notice: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("This person is already in the organization.")]
    AlreadyMember,
    #[error("This person is suspended here. Reactivate them on the Users page instead.")]
    Suspended,
    #[error("This address has a pending invite. Resend it instead, or revoke it first.")]
    AlreadyInvited,
    #[error("This invite is not pending any more.")]
    NotFound,
    #[error(transparent)]
    EndDate(#[from] EndDateError),
    #[error("The membership would have ended by now. Invite them anew, with a later end date.")]
    WouldHaveEnded,
    #[error("A separate notice is for Auditors only. Leave it out, or choose Auditor as the role.")]
    NoticeForAuditors,
    #[error("Whoever sent this may not give this role any more.")]
    NotGrantable,
    #[error("The organization is closed.")]
    Closed,
    #[error("None of these can be invited.")]
    Nobody,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for InviteError {
    fn from(error: SpendError) -> InviteError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

impl From<MemberError> for InviteError {
    fn from(error: MemberError) -> InviteError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

impl Invitation {
    pub fn has_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// The teams that acceptance gives, as far as they are still there then.
    pub fn teams(&self) -> Vec<TeamId> {
        team_ids(&self.teams)
    }

    /// Whether an inviter with this membership could grant it now. `maintains` is whether they maintain the one
    /// team that it gives (R9).
    pub fn is_grantable_by(&self, inviter: Option<&Member>, maintains: bool, now: Timestamp) -> bool {
        can_grant(inviter, self.role, now)
            || (maintains
                && self.role == Role::Member
                && inviter.is_some_and(|inviter| is_maintainer(inviter, now)))
    }
}

/// Team ids as invitations and lists of them keep them.
fn team_ids(json: &str) -> Vec<TeamId> {
    let texts: Vec<String> = serde_json::from_str(json).unwrap_or_default();
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn team_ids_json(teams: &[TeamId]) -> String {
    let texts: Vec<String> = teams.iter().map(TeamId::to_string).collect();
    serde_json::json!(texts).to_string()
}

/// Whether somebody who maintains a team may use that: an active member, and no Auditor.
fn is_maintainer(member: &Member, now: Timestamp) -> bool {
    member.is_active(now) && member.role != Role::Auditor
}

/// Whether the inviter could still grant an invitation (I4): by their role, or as the maintainer of its one team.
async fn is_grantable(
    on: &mut impl Lends,
    invitation: &Invitation,
    inviter: Option<&Member>,
    now: Timestamp,
) -> sqlx::Result<bool> {
    if can_grant(inviter, invitation.role, now) {
        return Ok(true);
    }
    let maintains = sql::inviter_maintains(on, invitation.id).await?;
    Ok(invitation.is_grantable_by(inviter, maintains, now))
}

impl Terms {
    /// What must be true of them together, whoever is invited.
    pub fn check(&self, now: Timestamp) -> Result<(), InviteError> {
        match self.ends_at {
            Some(_) if self.role == Role::Owner => Err(EndDateError::Owner.into()),
            Some(end) if end <= now => Err(InviteError::WouldHaveEnded),
            _ if self.notice && self.role != Role::Auditor => Err(InviteError::NoticeForAuditors),
            _ => Ok(()),
        }
    }
}

fn can_grant(inviter: Option<&Member>, role: Role, now: Timestamp) -> bool {
    inviter.is_some_and(|member| {
        member.is_active(now) && member.role.may(Capability::ManageUsers) && role.is_within(member.role)
    })
}

/// A link ends after seven days, or with the membership that it would give.
fn expiry(ends_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let expires = now.plus(LIFE);
    ends_at.map_or(expires, |end| end.min(expires))
}

/// Whether the actor may invite to a role; making an Owner asks for a step-up (R2, S12).
fn may_grant(actor: &Actor, role: Role, now: Timestamp) -> Result<(), InviteError> {
    actor.may(Capability::ManageUsers)?;
    actor.may_handle(role)?;
    if role == Role::Owner {
        actor.stepped_up(now)?;
    }
    Ok(())
}

/// Invites an address. The mail is queued in the same transaction.
pub async fn invite(
    app: &App,
    actor: &Actor,
    invitee: &Invitee,
    terms: &Terms,
) -> Result<Invitation, InviteError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    may_grant(actor, terms.role, change.now())?;
    let invitation =
        invite_within(app, &mut change, actor.organization, &actor.operator(), invitee, terms).await?;
    change.commit().await?;
    Ok(invitation)
}

/// Invites somebody as a plain Member into a team, by its maintainer: the one exception to R2 (R9).
pub async fn invite_into(
    app: &App,
    actor: &Actor,
    slug: &str,
    invitee: &Invitee,
    note: Note,
) -> Result<Invitation, InviteError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let team = teams::by_slug(&mut change, actor.organization, slug).await.map_err(not_managed)?;
    teams::may_manage(&mut change, actor, team.id).await.map_err(not_managed)?;
    let terms = Terms { role: Role::Member, note, ends_at: None, teams: vec![team.id], notice: false };
    let invitation =
        invite_within(app, &mut change, actor.organization, &actor.operator(), invitee, &terms).await?;
    change.commit().await?;
    Ok(invitation)
}

fn not_managed(error: TeamError) -> InviteError {
    match error {
        TeamError::Database(error) => error.into(),
        TeamError::NotFound => InviteError::NotFound,
        _ => Denied.into(),
    }
}

/// The same inside a change that holds the organization, by an inviter whose right to grant the role
/// was checked in it. After an error the change must not be committed.
async fn invite_within(
    app: &App,
    change: &mut Change,
    organization: OrganizationId,
    inviter: &Operator,
    invitee: &Invitee,
    terms: &Terms,
) -> Result<Invitation, InviteError> {
    let now = change.now();
    terms.check(now)?;
    let given = teams::named(change, organization, &terms.teams).await?;
    let canonical = invitee.email.canonical();
    // One that has expired gives its place in the organization's count to the new one.
    let closed = match may_be_invited(change, organization, &canonical, now).await? {
        Some(expired) => sql::close(change, expired, State::Expired, None, now).await?,
        None => 0,
    };
    spend(change, organization, &canonical).await?;
    let invitation = Invitation {
        id: InvitationId::generate(),
        organization,
        email: invitee.email.to_string(),
        email_canonical: canonical,
        name: invitee.name.clone(),
        role: terms.role,
        note: terms.note.to_string(),
        membership_ends_at: terms.ends_at,
        teams: team_ids_json(&given.iter().map(|team| team.id).collect::<Vec<_>>()),
        inviter: inviter.user.ok_or(InviteError::NotGrantable)?,
        state: State::Pending,
        sent_at: now,
        expires_at: expiry(terms.ends_at, now),
    };
    let of = organizations::count_pending(change, organization, 1 - closed).await?;
    let (token, mail) = queue(app, change, &invitation, &of, &inviter.name).await?;
    sql::insert(change, &invitation, &token.hash(), mail).await?;
    let mut entry = Entry::new(Kind::InvitationSent, invitation.id, &invitation.email)
        .with("role", invitation.role)
        .with("expires", invitation.expires_at.rfc3339());
    if let Some(end) = terms.ends_at {
        entry = entry.with("end date", end.rfc3339());
    }
    if !given.is_empty() {
        entry = entry.with("teams", names(&given));
    }
    if terms.notice {
        notice::send(app, change, &invitation, &inviter.name).await?;
        entry = entry.with("notice", "in a mail of its own");
    }
    audit::record(change, organization, inviter, entry).await?;
    Ok(invitation)
}

/// Teams as the audit log names them.
fn names(teams: &[Team]) -> String {
    teams.iter().map(|team| team.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Whether an address can be invited here, whatever to. An invitation that has expired is in nobody's
/// way, and given back.
async fn may_be_invited(
    on: &mut impl Lends,
    organization: OrganizationId,
    canonical: &str,
    now: Timestamp,
) -> Result<Option<InvitationId>, InviteError> {
    let known = sql::known_as(on, organization, canonical).await?;
    match known.member {
        Some(MemberState::Active) => return Err(InviteError::AlreadyMember),
        Some(MemberState::Suspended) => return Err(InviteError::Suspended),
        Some(MemberState::Removed) | None => {}
    }
    match known.pending {
        Some(_) if known.expires_at.is_none_or(|end| now < end) => Err(InviteError::AlreadyInvited),
        expired => Ok(expired),
    }
}

async fn spend(change: &mut Change, organization: OrganizationId, canonical: &str) -> Result<(), SpendError> {
    let now = change.now();
    let organization = organization.to_string();
    throttle::spend(change, now, throttle::INVITE_ORGANIZATION, &organization).await?;
    throttle::spend(change, now, throttle::INVITE_RECIPIENT, &format!("{organization} {canonical}")).await?;
    Ok(())
}

/// Makes a link and queues its mail. Keeping its hash is the caller's: a new invitation has no others to end.
async fn queue(
    app: &App,
    change: &mut Change,
    invitation: &Invitation,
    organization: &Organization,
    inviter: &str,
) -> sqlx::Result<(Token, MailId)> {
    let token = Token::generate();
    let message = mails::invitation(app, invitation, organization, inviter, &token);
    let mail = mail::queue(change, app, Some(invitation.organization), &message).await?;
    Ok((token, mail))
}

/// Ends a pending invitation, and keeps the organization's count of them.
async fn close(
    change: &mut Change,
    invitation: &Invitation,
    state: State,
    accepted_by: Option<UserId>,
) -> sqlx::Result<()> {
    let now = change.now();
    let closed = sql::close(change, invitation.id, state, accepted_by, now).await?;
    organizations::count_pending(change, invitation.organization, -closed).await.map(|_| ())
}

/// A pending invitation of the actor's organization whose role is within theirs.
async fn handled(change: &mut Change, actor: &Actor, id: InvitationId) -> Result<Invitation, InviteError> {
    actor.may(Capability::ManageUsers)?;
    let invitation = sql::find(change, id)
        .await?
        .filter(|found| found.organization == actor.organization && found.state == State::Pending)
        .ok_or(InviteError::NotFound)?;
    actor.may_handle(invitation.role)?;
    Ok(invitation)
}

/// A new link for another seven days; the old ones stop working (I7). Whoever resends it invites:
/// it is their right to grant that it stands on from now on.
pub async fn resend(app: &App, actor: &Actor, id: InvitationId) -> Result<Invitation, InviteError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let now = change.now();
    let invitation = handled(&mut change, actor, id).await?;
    may_grant(actor, invitation.role, now)?;
    let expires_at = expiry(invitation.membership_ends_at, now);
    if expires_at <= now {
        return Err(InviteError::WouldHaveEnded);
    }
    spend(&mut change, actor.organization, &invitation.email_canonical).await?;
    let invitation = Invitation { inviter: actor.person.user, sent_at: now, expires_at, ..invitation };
    let organization = organization_of(&mut change, &invitation).await?;
    let (token, mail) = queue(app, &mut change, &invitation, &organization, &actor.person.name).await?;
    sql::renew(&mut change, &invitation, mail).await?;
    sql::replace_tokens(&mut change, id, None, now).await?;
    sql::insert_token(&mut change, &token.hash(), id, LinkKind::Mailed, now).await?;
    let entry = Entry::new(Kind::InvitationResent, id, &invitation.email)
        .with("expires", invitation.expires_at.rfc3339());
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(invitation)
}

/// The link stops working at once (I7).
pub async fn revoke(app: &App, actor: &Actor, id: InvitationId) -> Result<Invitation, InviteError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let invitation = handled(&mut change, actor, id).await?;
    close(&mut change, &invitation, State::Revoked, None).await?;
    let entry = Entry::new(Kind::InvitationRevoked, id, &invitation.email).without("role", invitation.role);
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(invitation)
}

/// A link to hand over in another way, shown once. It proves no address (S3) and replaces the one
/// that was copied before, not the mailed one.
pub async fn copy_link(
    app: &App,
    actor: &Actor,
    id: InvitationId,
) -> Result<(Invitation, String), InviteError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let now = change.now();
    let invitation = handled(&mut change, actor, id).await?;
    may_grant(actor, invitation.role, now)?;
    if invitation.has_expired(now) {
        return Err(InviteError::NotFound);
    }
    let token = Token::generate();
    sql::replace_tokens(&mut change, id, Some(LinkKind::Copied), now).await?;
    sql::insert_token(&mut change, &token.hash(), id, LinkKind::Copied, now).await?;
    let entry = Entry::new(Kind::InvitationLinkCopied, id, &invitation.email);
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok((invitation, app.url(&format!("/invite/{}", token.expose()))))
}

/// One pending invitation, for the page that asks before revoking it.
pub async fn pending(db: &Db, actor: &Actor, id: InvitationId) -> Result<Invitation, InviteError> {
    actor.may(Capability::ManageUsers)?;
    let invitation = sql::find(&mut db.read().await?, id)
        .await?
        .filter(|found| found.organization == actor.organization && found.state == State::Pending)
        .ok_or(InviteError::NotFound)?;
    actor.may_handle(invitation.role)?;
    Ok(invitation)
}

/// A page of pending invitations, newest first, and whether there are older ones.
#[derive(Debug)]
pub struct Page {
    pub invitations: Vec<Listed>,
    pub older: bool,
}

/// The organization's pending invitations, newest first, from after `before` on.
pub async fn list(
    db: &Db,
    actor: &Actor,
    before: Option<InvitationId>,
    limit: usize,
) -> Result<Page, InviteError> {
    actor.may(Capability::ReadUsers)?;
    let now = db.now();
    let mut reader = db.read().await?;
    let mut rows = sql::list(&mut reader, actor.organization, before, limit + 1).await?;
    let older = rows.len() > limit;
    rows.truncate(limit);
    let mut invitations: Vec<Listed> = rows.into_iter().map(|row| row.listed(now)).collect();
    let mut given: Vec<TeamId> = invitations.iter().flat_map(|listed| listed.invitation.teams()).collect();
    given.sort_unstable();
    given.dedup();
    let given = teams::named(&mut reader, actor.organization, &given).await?;
    for listed in &mut invitations {
        let own = listed.invitation.teams();
        listed.teams =
            given.iter().filter(|team| own.contains(&team.id)).map(|team| team.name.clone()).collect();
    }
    Ok(Page { invitations, older })
}

/// One pending invitation as the list has it.
pub async fn find(db: &Db, actor: &Actor, id: InvitationId) -> Result<Listed, InviteError> {
    // The list begins before an id, the newest first: it is the first after the next one.
    let next = uuid::Uuid::from_u128(id.uuid().as_u128().saturating_add(1));
    let page = list(db, actor, Some(next.into()), 1).await?;
    page.invitations.into_iter().find(|listed| listed.invitation.id == id).ok_or(InviteError::NotFound)
}

/// How many pending invitations a person has sent: they become void when the person leaves (V4).
pub async fn count_sent_by_oneself(
    on: &mut impl Lends,
    person: &Person,
    organization: OrganizationId,
) -> sqlx::Result<i64> {
    sql::count_sent_by(on, organization, person.user).await
}

/// Drops everything about invitations of an organization that is erased (R12).
pub(crate) async fn erase(change: &mut Change, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase(change, organization).await
}

/// The organization that an invitation is for.
async fn organization_of(on: &mut impl Lends, invitation: &Invitation) -> sqlx::Result<Organization> {
    organizations::by_id(on, invitation.organization).await
}

/// Drops batches that were done long ago: what came of them stands in the invitations and the audit log.
pub(crate) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    batches::sweep(tx).await
}
