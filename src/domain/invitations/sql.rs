use super::accept::LinkKind;
use super::sent::Sent;
use super::{Invitation, Listed, State};
use crate::clock::Timestamp;
use crate::domain::access::{Capability, Role};
use crate::domain::users::MemberState;
use crate::ids::{BatchId, InvitationId, MailId, OrganizationId, UserId};
use crate::mail::Delivery;
use crate::secrets::TokenHash;
use crate::storage::{Lends, execute, execute_both, fetch_all, fetch_one, fetch_optional};

pub(super) async fn find(on: &mut impl Lends, id: InvitationId) -> sqlx::Result<Option<Invitation>> {
    fetch_optional!(
        on,
        Invitation,
        "select id, organization, email, email_canonical, name, role, note, membership_ends_at, teams, inviter, state, \
         sent_at, expires_at from invitations where id = $1",
        id
    )
}

/// An address in an organization: its membership's state, and its pending invitation.
#[derive(sqlx::FromRow)]
pub(super) struct Known {
    pub member: Option<MemberState>,
    pub pending: Option<InvitationId>,
    pub expires_at: Option<Timestamp>,
}

pub(super) async fn known_as(
    on: &mut impl Lends,
    organization: OrganizationId,
    email_canonical: &str,
) -> sqlx::Result<Known> {
    fetch_one!(
        on,
        Known,
        "select m.state as member, i.id as pending, i.expires_at from (select 1) as always \
         left join users u on u.email_canonical = $2 \
         left join memberships m on m.organization = $1 and m.user_id = u.id \
         left join invitations i on i.organization = $1 and i.email_canonical = $2 and i.state = 'pending'",
        organization,
        email_canonical
    )
}

/// A new invitation with its mailed link.
pub(super) async fn insert(
    on: &mut impl Lends,
    new: &Invitation,
    token: &TokenHash,
    mail: MailId,
) -> sqlx::Result<()> {
    execute_both!(
        on,
        "insert into invitations (id, organization, email, email_canonical, role, note, membership_ends_at, inviter, \
         state, created_at, sent_at, expires_at, name, mail, teams) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $16)",
        "insert into invitation_tokens (token_hash, invitation, kind, created_at) values ($14, $1, $15, $10)",
        new.id,
        new.organization,
        &new.email,
        &new.email_canonical,
        new.role,
        &new.note,
        new.membership_ends_at,
        new.inviter,
        new.state,
        new.sent_at,
        new.expires_at,
        &new.name,
        mail,
        token,
        LinkKind::Mailed,
        &new.teams
    )
}

pub(super) async fn renew(on: &mut impl Lends, invitation: &Invitation, mail: MailId) -> sqlx::Result<()> {
    execute!(
        on,
        "update invitations set inviter = $2, sent_at = $3, expires_at = $4, mail = $5 where id = $1",
        invitation.id,
        invitation.inviter,
        invitation.sent_at,
        invitation.expires_at,
        mail
    )?;
    Ok(())
}

/// How many that closed: one, or none if it was not pending any more.
pub(super) async fn close(
    on: &mut impl Lends,
    id: InvitationId,
    state: State,
    accepted_by: Option<UserId>,
    now: Timestamp,
) -> sqlx::Result<i64> {
    let closed = execute!(
        on,
        "update invitations set state = $2, accepted_by = $3, closed_at = $4 where id = $1 and state = 'pending'",
        id,
        state,
        accepted_by,
        now
    )?;
    Ok(i64::from(closed > 0))
}

pub(super) async fn set_notice(
    on: &mut impl Lends,
    id: InvitationId,
    token: &TokenHash,
    mail: MailId,
) -> sqlx::Result<()> {
    execute!(on, "update invitations set notice_hash = $2, notice_mail = $3 where id = $1", id, token, mail)?;
    Ok(())
}

/// The invitation that a notice is about, and when it was confirmed.
pub(super) async fn notice(
    on: &mut impl Lends,
    token: &TokenHash,
) -> sqlx::Result<Option<(InvitationId, Option<Timestamp>)>> {
    fetch_optional!(
        on,
        (InvitationId, Option<Timestamp>),
        "select id, notice_confirmed_at from invitations where notice_hash = $1",
        token
    )
}

pub(super) async fn confirm_notice(
    on: &mut impl Lends,
    id: InvitationId,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(on, "update invitations set notice_confirmed_at = $2 where id = $1", id, now)?;
    Ok(())
}

#[derive(sqlx::FromRow)]
pub(super) struct Link {
    pub invitation: InvitationId,
    pub kind: LinkKind,
    pub replaced_at: Option<Timestamp>,
}

pub(super) async fn token(on: &mut impl Lends, token: &TokenHash) -> sqlx::Result<Option<Link>> {
    fetch_optional!(
        on,
        Link,
        "select invitation, kind, replaced_at from invitation_tokens where token_hash = $1",
        token
    )
}

pub(super) async fn insert_token(
    on: &mut impl Lends,
    token: &TokenHash,
    invitation: InvitationId,
    kind: LinkKind,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into invitation_tokens (token_hash, invitation, kind, created_at) values ($1, $2, $3, $4)",
        token,
        invitation,
        kind,
        now
    )?;
    Ok(())
}

/// Ends the links of one kind, or all.
pub(super) async fn replace_tokens(
    on: &mut impl Lends,
    invitation: InvitationId,
    kind: Option<LinkKind>,
    now: Timestamp,
) -> sqlx::Result<()> {
    match kind {
        None => execute!(
            on,
            "update invitation_tokens set replaced_at = $2 where invitation = $1 and replaced_at is null",
            invitation,
            now
        )?,
        Some(kind) => execute!(
            on,
            "update invitation_tokens set replaced_at = $2 \
             where invitation = $1 and replaced_at is null and kind = $3",
            invitation,
            now,
            kind
        )?,
    };
    Ok(())
}

pub(super) async fn set_code(
    on: &mut impl Lends,
    invitation: InvitationId,
    sealed: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into invitation_codes (invitation, code, created_at, expires_at) values ($1, $2, $3, $4) \
         on conflict (invitation) do update set code = excluded.code, created_at = excluded.created_at, \
         expires_at = excluded.expires_at",
        invitation,
        sealed,
        now,
        expires_at
    )?;
    Ok(())
}

pub(super) async fn code(
    on: &mut impl Lends,
    invitation: InvitationId,
    now: Timestamp,
) -> sqlx::Result<Option<String>> {
    let row = fetch_optional!(
        on,
        (String,),
        "select code from invitation_codes where invitation = $1 and expires_at > $2",
        invitation,
        now
    )?;
    Ok(row.map(|(code,)| code))
}

pub(super) async fn drop_code(on: &mut impl Lends, invitation: InvitationId) -> sqlx::Result<()> {
    execute!(on, "delete from invitation_codes where invitation = $1", invitation)?;
    Ok(())
}

#[derive(sqlx::FromRow)]
pub(super) struct ListRow {
    #[sqlx(flatten)]
    invitation: Invitation,
    inviter_name: Option<String>,
    inviter_role: Option<Role>,
    inviter_state: Option<MemberState>,
    inviter_ends_at: Option<Timestamp>,
    inviter_maintains: bool,
    mail_state: Option<String>,
    mail_failure: Option<String>,
    notice_state: Option<String>,
    notice_failure: Option<String>,
    notice_confirmed_at: Option<Timestamp>,
}

impl ListRow {
    pub(super) fn listed(self, now: Timestamp) -> Listed {
        let active = self.inviter_state == Some(MemberState::Active)
            && self.inviter_ends_at.is_none_or(|end| now < end);
        let role = self.invitation.role;
        Listed {
            grantable: active
                && self.inviter_role.is_some_and(|inviter| {
                    let by_role = inviter.may(Capability::ManageUsers) && role.is_within(inviter);
                    let maintains =
                        self.inviter_maintains && role == Role::Member && inviter != Role::Auditor;
                    by_role || maintains
                }),
            teams: Vec::new(),
            inviter_name: self.inviter_name.unwrap_or_default(),
            delivery: Delivery::from_columns(
                self.mail_state.as_deref().unwrap_or("queued"),
                self.mail_failure,
            ),
            notice: self
                .notice_state
                .map(|state| (self.notice_confirmed_at, Delivery::from_columns(&state, self.notice_failure))),
            invitation: self.invitation,
        }
    }
}

/// Ids sort by time, so they are the keyset.
pub(super) async fn list(
    on: &mut impl Lends,
    organization: OrganizationId,
    before: Option<InvitationId>,
    limit: usize,
) -> sqlx::Result<Vec<ListRow>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    const AFTER_ALL: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    let before = before.map_or_else(|| AFTER_ALL.to_owned(), |id| id.to_string());
    fetch_all!(
        on,
        ListRow,
        "select i.id, i.organization, i.email, i.email_canonical, i.name, i.role, i.note, i.membership_ends_at, i.teams, \
         i.inviter, i.state, i.sent_at, i.expires_at, m.name as inviter_name, m.role as inviter_role, \
         m.state as inviter_state, m.ends_at as inviter_ends_at, exists (select 1 from team_members t \
         where t.organization = i.organization and t.user_id = i.inviter and t.maintainer \
         and i.teams = '[\"' || t.team || '\"]') as inviter_maintains, o.state as mail_state, o.failure as mail_failure, \
         n.state as notice_state, n.failure as notice_failure, i.notice_confirmed_at \
         from invitations i \
         left join memberships m on m.organization = i.organization and m.user_id = i.inviter \
         left join mail_outbox o on o.id = i.mail \
         left join mail_outbox n on n.id = i.notice_mail \
         where i.organization = $1 and i.state = 'pending' and i.id < $2 order by i.id desc limit $3",
        organization,
        before,
        limit
    )
}

/// What one person has sent, of one state: the last closed first, and the newest of what is not closed.
pub(super) async fn sent_by(
    on: &mut impl Lends,
    organization: OrganizationId,
    inviter: UserId,
    state: State,
    limit: i64,
) -> sqlx::Result<Vec<Sent>> {
    fetch_all!(
        on,
        Sent,
        "select id, organization, email, email_canonical, name, role, note, membership_ends_at, teams, inviter, state, sent_at, \
         expires_at, closed_at, accepted_by from invitations \
         where organization = $1 and inviter = $2 and state = $3 order by closed_at desc, id desc limit $4",
        organization,
        inviter,
        state,
        limit
    )
}

pub(super) async fn count_pending_by_role(
    on: &mut impl Lends,
    organization: OrganizationId,
    inviter: UserId,
) -> sqlx::Result<Vec<(Role, i64)>> {
    fetch_all!(
        on,
        (Role, i64),
        "select role, count(*) from invitations \
         where organization = $1 and inviter = $2 and state = 'pending' group by role",
        organization,
        inviter
    )
}

/// Whether the inviter maintains the one team that an invitation gives: it is a maintainer's (R9).
pub(super) async fn inviter_maintains(on: &mut impl Lends, id: InvitationId) -> sqlx::Result<bool> {
    let found = fetch_optional!(
        on,
        (InvitationId,),
        "select i.id from invitations i join team_members t on t.organization = i.organization \
         and t.user_id = i.inviter and t.maintainer and i.teams = '[\"' || t.team || '\"]' where i.id = $1",
        id
    )?;
    Ok(found.is_some())
}

/// Which of a person's invitations they stand for as a maintainer.
pub(super) async fn maintained_by(
    on: &mut impl Lends,
    organization: OrganizationId,
    inviter: UserId,
) -> sqlx::Result<Vec<InvitationId>> {
    let rows = fetch_all!(
        on,
        (InvitationId,),
        "select i.id from invitations i join team_members t on t.organization = i.organization \
         and t.user_id = i.inviter and t.maintainer and i.teams = '[\"' || t.team || '\"]' \
         where i.organization = $1 and i.inviter = $2 and i.state = 'pending'",
        organization,
        inviter
    )?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub(super) async fn set_inviter(on: &mut impl Lends, id: InvitationId, inviter: UserId) -> sqlx::Result<()> {
    execute!(on, "update invitations set inviter = $2 where id = $1", id, inviter)?;
    Ok(())
}

/// The lists of invitations that one person has not finished sending, and how many lines of each wait.
pub(super) async fn open_batches_of(
    on: &mut impl Lends,
    organization: OrganizationId,
    inviter: UserId,
) -> sqlx::Result<Vec<(BatchId, Role, i64)>> {
    fetch_all!(
        on,
        (BatchId, Role, i64),
        "select b.id, b.role, (select count(*) from invitation_batch_lines l \
           where l.batch = b.id and l.state = 'queued') \
         from invitation_batches b where b.organization = $1 and b.inviter = $2 and b.finished_at is null \
         order by b.id",
        organization,
        inviter
    )
}

pub(super) async fn set_batch_inviter(
    on: &mut impl Lends,
    batch: BatchId,
    inviter: UserId,
) -> sqlx::Result<()> {
    execute!(on, "update invitation_batches set inviter = $2 where id = $1", batch, inviter)?;
    Ok(())
}

/// Refuses whatever of a list still waits, and finishes it.
pub(super) async fn stop_batch(
    on: &mut impl Lends,
    batch: BatchId,
    why: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update invitation_batch_lines set state = 'refused', why = $2 where batch = $1 and state = 'queued'",
        batch,
        why
    )?;
    execute!(on, "update invitation_batches set finished_at = $2 where id = $1", batch, now)?;
    Ok(())
}

pub(super) async fn erase(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<()> {
    execute!(
        on,
        "delete from invitation_batch_lines where batch in \
         (select id from invitation_batches where organization = $1)",
        organization
    )?;
    execute!(on, "delete from invitation_batches where organization = $1", organization)?;
    execute!(
        on,
        "delete from invitation_codes where invitation in (select id from invitations where organization = $1)",
        organization
    )?;
    execute!(
        on,
        "delete from invitation_tokens where invitation in (select id from invitations where organization = $1)",
        organization
    )?;
    execute!(on, "delete from invitations where organization = $1", organization)?;
    Ok(())
}

pub(super) async fn count_sent_by(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<i64> {
    let (count,) = fetch_one!(
        on,
        (i64,),
        "select count(*) from invitations where organization = $1 and inviter = $2 and state = 'pending'",
        organization,
        user
    )?;
    Ok(count)
}
