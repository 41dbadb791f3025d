mod sql;

use super::ending::EndDateError;
use super::{User, search_text};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Denied, Factors, Operator, Person, Role, StepUpNeeded};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations;
use crate::domain::values::folded;
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Change, Db, Lends};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum MemberState {
    Active,
    Suspended,
    Removed,
}

impl MemberState {
    /// As it stands in tables and in the audit log.
    pub fn code(self) -> &'static str {
        word(self)
    }
}

/// A user in an organization.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Member {
    pub user_id: UserId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub state: MemberState,
    pub ends_at: Option<Timestamp>,
    pub proofs_after: Timestamp,
    pub joined_at: Timestamp,
    pub last_active_at: Timestamp,
    /// What factors they have, and until when a browser of theirs is remembered: as their account has it.
    #[sqlx(flatten)]
    pub factors: Factors,
    pub remembered_until: Timestamp,
    /// Whether a password and a factor open the organization though it requires single sign-on (O4).
    pub break_glass: bool,
}

impl Member {
    /// Active, and not past its end date.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.state == MemberState::Active && self.ends_at.is_none_or(|end| now < end)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("Nobody here has this id.")]
    NotFound,
    #[error("{0} is the last Owner. Make someone else an Owner first.")]
    LastOwner(String),
    #[error(
        "{0} is the last Owner with break-glass access, and single sign-on is required. Give it to another Owner \
         first, or stop requiring single sign-on."
    )]
    LastBreakGlass(String),
    #[error("You can't do this to yourself. Ask another Owner or Admin.")]
    Yourself,
    #[error("{0} is suspended. Reactivate them first.")]
    Suspended(String),
    #[error(transparent)]
    EndDate(#[from] EndDateError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// The membership that the gate judges, in whatever state it is.
pub async fn member_of(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Option<Member>> {
    sql::member(on, organization, user).await
}

/// A member as the Users page shows them; removed ones too.
pub async fn member(db: &Db, actor: &Actor, user: UserId) -> Result<Member, MemberError> {
    actor.may(Capability::ReadUsers)?;
    sql::member(&mut db.read().await?, actor.organization, user).await?.ok_or(MemberError::NotFound)
}

/// The member that an act is about. Removed ones are not there any more.
pub async fn find_member(on: &mut impl Lends, actor: &Actor, user: UserId) -> Result<Member, MemberError> {
    sql::member(on, actor.organization, user)
        .await?
        .filter(|member| member.state != MemberState::Removed)
        .ok_or(MemberError::NotFound)
}

/// The actor as they are now, inside the change: their role may have changed since the gate let them
/// in, and the organization may have been deleted.
pub async fn current_actor(change: &mut Change, actor: &Actor) -> Result<Actor, MemberError> {
    let now = change.now();
    let member = sql::member_of_open(change, actor.organization, actor.person.user).await?;
    match member.filter(|member| member.is_active(now)) {
        Some(member) => Ok(Actor { role: member.role, ..actor.clone() }),
        None => Err(Denied.into()),
    }
}

/// Someone's role before and after.
#[derive(Debug)]
pub struct RoleChange {
    pub member: Member,
    pub from: Role,
}

/// Gives a member another role. The last Owner stays one (R3), only an Owner makes an Owner, after a
/// step-up, and an Owner's membership has no end date.
pub async fn change_role(
    app: &App,
    actor: &Actor,
    user: UserId,
    role: Role,
) -> Result<RoleChange, MemberError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageUsers)?;
    let member = find_member(&mut change, actor, user).await?;
    actor.may_handle(member.role)?;
    actor.may_handle(role)?;
    if member.role == role {
        return Ok(RoleChange { from: role, member });
    }
    if role == Role::Owner {
        if member.state != MemberState::Active {
            return Err(MemberError::Suspended(member.name));
        }
        actor.stepped_up(change.now())?;
    }
    if member.role == Role::Owner {
        another_owner_stays(&mut change, actor.organization, &member).await?;
    }
    let changed = assign_role(&mut change, actor, &member, role).await?;
    change.commit().await?;
    Ok(RoleChange { from: member.role, member: changed })
}

/// Another role, and its audit row. The rule is the caller's; an Owner's end date is cleared (R3).
pub(crate) async fn assign_role(
    change: &mut Change,
    actor: &Actor,
    member: &Member,
    role: Role,
) -> sqlx::Result<Member> {
    let ends_at = member.ends_at.filter(|_| role != Role::Owner);
    let (by, now) = (Some(actor.person.user), change.now());
    sql::set_role(change, actor.organization, member.user_id, role, ends_at, by, now).await?;
    let mut entry =
        Entry::new(Kind::RoleChanged, member.user_id, &member.name).changed("role", member.role, role);
    if let (Some(end), None) = (member.ends_at, ends_at) {
        entry = entry.without("end date", end.rfc3339());
    }
    // An Auditor maintains no team (R9), and who is one no longer does not begin to again.
    if role == Role::Auditor {
        let teams = sql::end_maintaining(change, actor.organization, member.user_id).await?;
        if !teams.is_empty() {
            entry = entry.without("maintainer of", teams.join(", "));
        }
    }
    audit::record(change, actor.organization, &actor.operator(), entry).await?;
    Ok(Member { role, ends_at, ..member.clone() })
}

/// Suspension keeps the membership and takes all else, on the person's next request (R5, R8).
pub async fn suspend(app: &App, actor: &Actor, user: UserId) -> Result<Member, MemberError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &current_actor(&mut change, actor).await?;
    let member = handled(&mut change, actor, user).await?;
    if member.state == MemberState::Suspended {
        return Ok(member);
    }
    another_owner_stays(&mut change, actor.organization, &member).await?;
    set_state(&mut change, actor, &member, MemberState::Suspended, Kind::MemberSuspended).await?;
    change.commit().await?;
    Ok(Member { state: MemberState::Suspended, ..member })
}

pub async fn reactivate(app: &App, actor: &Actor, user: UserId) -> Result<Member, MemberError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &current_actor(&mut change, actor).await?;
    let member = handled(&mut change, actor, user).await?;
    if member.state == MemberState::Active {
        return Ok(member);
    }
    set_state(&mut change, actor, &member, MemberState::Active, Kind::MemberReactivated).await?;
    change.commit().await?;
    Ok(Member { state: MemberState::Active, ..member })
}

/// A member whom the actor may remove: within their role, somebody else, and not the last Owner.
pub(crate) async fn removable(
    on: &mut impl Lends,
    actor: &Actor,
    user: UserId,
) -> Result<Member, MemberError> {
    let member = handled(on, actor, user).await?;
    another_owner_stays(on, actor.organization, &member).await?;
    Ok(member)
}

/// Removal leaves the membership in state removed; only a new invitation makes it active again (R8).
/// What the person leaves behind is settled by `leaving`, in the same change, which is one of
/// [`Db::account`].
pub(crate) async fn remove(change: &mut Change, actor: &Actor, member: &Member) -> sqlx::Result<()> {
    set_state(change, actor, member, MemberState::Removed, Kind::MemberRemoved).await
}

/// The same by the person themselves.
pub(crate) async fn leave(change: &mut Change, actor: &Actor, member: &Member) -> sqlx::Result<()> {
    set_state(change, actor, member, MemberState::Removed, Kind::MemberLeft).await
}

/// From now on this organization asks for a new proof; the person's other organizations don't (R10).
pub async fn sign_out_everywhere(app: &App, actor: &Actor, user: UserId) -> Result<Member, MemberError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageUsers)?;
    let member = find_member(&mut change, actor, user).await?;
    actor.may_handle(member.role)?;
    let now = change.now();
    sql::set_proofs_after(&mut change, actor.organization, user, now).await?;
    let entry = Entry::new(Kind::MemberSignedOut, user, &member.name);
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(Member { proofs_after: now, ..member })
}

/// A member that the actor may act on: within their role, and somebody else (R2).
pub(super) async fn handled(on: &mut impl Lends, actor: &Actor, user: UserId) -> Result<Member, MemberError> {
    actor.may(Capability::ManageUsers)?;
    let member = find_member(on, actor, user).await?;
    actor.may_handle(member.role)?;
    if user == actor.person.user {
        return Err(MemberError::Yourself);
    }
    Ok(member)
}

async fn set_state(
    change: &mut Change,
    actor: &Actor,
    member: &Member,
    state: MemberState,
    kind: Kind,
) -> sqlx::Result<()> {
    record_state(change, actor.organization, &actor.operator(), member, state, kind).await
}

/// The state with what goes with it: since when and by whom, the organization's count, the audit row.
pub(super) async fn record_state(
    change: &mut Change,
    organization: OrganizationId,
    operator: &Operator,
    member: &Member,
    state: MemberState,
    kind: Kind,
) -> sqlx::Result<()> {
    let now = change.now();
    // Whoever did it to themselves is nobody else: the page says "left".
    let by = operator.user.filter(|user| *user != member.user_id);
    sql::set_state(change, organization, member.user_id, state, by, now).await?;
    let present = |state| i64::from(state != MemberState::Removed);
    let more = present(state) - present(member.state);
    organizations::count_people(change, organization, more).await?;
    let entry =
        Entry::new(kind, member.user_id, &member.name).changed("state", word(member.state), word(state));
    audit::record(change, organization, operator, entry).await
}

fn word(state: MemberState) -> &'static str {
    match state {
        MemberState::Active => "active",
        MemberState::Suspended => "suspended",
        MemberState::Removed => "removed",
    }
}

/// R3, O4: an Owner stays, and, while single sign-on is required, one who comes in without it. Counted inside
/// the change, which holds the organization's lock. Whatever takes an Owner's role or membership asks here.
pub(super) async fn another_owner_stays(
    on: &mut impl Lends,
    organization: OrganizationId,
    member: &Member,
) -> Result<(), MemberError> {
    if is_last_owner(on, organization, member).await? {
        return Err(MemberError::LastOwner(member.name.clone()));
    }
    if is_last_break_glass(on, organization, member).await? {
        return Err(MemberError::LastBreakGlass(member.name.clone()));
    }
    Ok(())
}

/// O4: whether single sign-on is required, and without this Owner nobody could come in by password and factor
/// to undo that.
pub(crate) async fn is_last_break_glass(
    on: &mut impl Lends,
    organization: OrganizationId,
    member: &Member,
) -> sqlx::Result<bool> {
    Ok(member.break_glass
        && member.role == Role::Owner
        && member.state == MemberState::Active
        && organizations::by_id(on, organization).await?.policy.sso_required
        && sql::other_break_glass_owners(on, organization, member.user_id).await? == 0)
}

/// Which of a person's organizations needs them as its last break-glass Owner, who keeps a factor (O4).
pub(crate) async fn kept_for_break_glass(change: &mut Change, user: UserId) -> sqlx::Result<Option<String>> {
    for organization in change.organizations().to_vec() {
        let Some(member) = sql::member(change, organization, user).await? else { continue };
        if is_last_break_glass(change, organization, &member).await? {
            return Ok(Some(organizations::by_id(change, organization).await?.name));
        }
    }
    Ok(None)
}

pub(crate) async fn is_last_owner(
    on: &mut impl Lends,
    organization: OrganizationId,
    member: &Member,
) -> sqlx::Result<bool> {
    Ok(member.role == Role::Owner
        && member.state == MemberState::Active
        && sql::other_active_owners(on, organization, member.user_id).await? == 0)
}

/// As what someone joins, until when, and by whose invitation.
pub(crate) struct Joining {
    pub role: Role,
    pub ends_at: Option<Timestamp>,
    pub invited_by: Option<UserId>,
}

/// Adds a membership, or makes a removed one active again, with nothing of what it was before.
/// `change` is one of [`Db::account`] that holds the organization.
pub(crate) async fn join(
    change: &mut Change,
    organization: OrganizationId,
    user: &User,
    joining: Joining,
) -> sqlx::Result<()> {
    let now = change.now();
    let Joining { role, ends_at, invited_by } = joining;
    let member = Member {
        user_id: user.id,
        name: user.name.clone(),
        email: user.email.clone(),
        role,
        state: MemberState::Active,
        ends_at,
        proofs_after: Timestamp::ZERO,
        joined_at: now,
        last_active_at: now,
        factors: user.factors,
        // The row takes it from the account.
        remembered_until: Timestamp::ZERO,
        break_glass: false,
    };
    let before = sql::member(change, organization, user.id).await?;
    if before.is_none_or(|member| member.state == MemberState::Removed) {
        organizations::count_people(change, organization, 1).await?;
    }
    sql::upsert_member(
        change,
        organization,
        &member,
        invited_by,
        &folded(&user.name),
        &search_text(&user.name, &user.email),
    )
    .await
}

/// Drops every membership of an organization that is erased (R12).
pub(crate) async fn erase(change: &mut Change, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase_members(change, organization).await
}

/// A click inside an organization, noted at most once a minute: the caller keeps count.
pub async fn visited(
    on: &mut impl Lends,
    organization: OrganizationId,
    person: &Person,
    now: Timestamp,
) -> sqlx::Result<()> {
    sql::set_last_active(on, organization, person.user, now).await
}

/// The active Owners and where they get their mail: all of them, for what each must hear of.
pub async fn owners(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<(UserId, String)>> {
    sql::owners(on, organization).await
}

/// The active Owner who has been one for the longest, beside one person.
pub(crate) async fn longest_owner(
    on: &mut impl Lends,
    organization: OrganizationId,
    beside: UserId,
) -> sqlx::Result<Option<UserId>> {
    sql::longest_owner(on, organization, beside).await
}

/// The active Owners beside one person: ids and names, by name.
pub(crate) async fn owners_beside(
    on: &mut impl Lends,
    organization: OrganizationId,
    beside: UserId,
) -> sqlx::Result<Vec<(UserId, String)>> {
    sql::owners_beside(on, organization, beside).await
}

/// Where the active Owners get their mail.
pub async fn mail_of_owners(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Vec<String>> {
    sql::mail_of_owners(on, organization).await
}

/// The same with the active Admins.
pub(crate) async fn mail_of_admins(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<Vec<String>> {
    sql::mail_of_admins(on, organization).await
}

impl Operator {
    /// A person who acts as themselves before they are signed in: accepting, confirming, resetting.
    pub fn of(user: &User, origin: crate::domain::access::Origin) -> Operator {
        Operator { user: Some(user.id), name: user.name.clone(), origin }
    }
}
