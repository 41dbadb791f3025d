//! Organizations: the tenants (R11, R12).

mod policy;
mod sql;
pub mod sysadmin;

pub use self::policy::{MfaRule, Policy};
use crate::clock::{DAY, Timestamp};
use crate::domain::access::{Capability, Operator, Role};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::permissions;
use crate::domain::values::{OrganizationName, Slug};
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Change, Lends};

/// How long a deletion can be undone (R12). What is later is refused by what reads it, not by a clean-up job.
pub const UNDO: i64 = 30 * DAY;

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Organization {
    pub id: OrganizationId,
    pub slug: String,
    pub name: String,
    /// How many are in it, active or suspended. Kept by [`count_people`].
    pub people: i64,
    /// How many invitations are pending. Kept by [`count_pending`].
    pub pending: i64,
    /// When it was deleted: it refuses everything but its Owners' undoing.
    pub closed_at: Option<Timestamp>,
    #[sqlx(flatten)]
    pub policy: Policy,
}

impl Organization {
    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// Until when its deletion can be undone, if it is deleted.
    pub fn undo_until(&self) -> Option<Timestamp> {
        self.closed_at.map(|at| at.plus(UNDO))
    }

    /// Whether it is there for an active member of this role: a deleted one is for those alone who may
    /// undo that, while they may (R12).
    pub fn is_there_for(&self, role: Role, now: Timestamp) -> bool {
        self.undo_until().is_none_or(|until| now < until && role.may(Capability::DeleteOrganization))
    }
}

/// One of a person's own organizations.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Own {
    pub id: OrganizationId,
    pub slug: String,
    pub name: String,
    pub role: Role,
    pub joined_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    /// How many characters it asks of a password.
    pub shortest_password: i64,
}

/// How long a session opens one organization: milliseconds without a click, and in all.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SessionLimits {
    pub id: OrganizationId,
    pub name: String,
    pub session_idle: i64,
    pub session_absolute: i64,
}

pub async fn by_slug(on: &mut impl Lends, slug: &str) -> sqlx::Result<Option<Organization>> {
    sql::by_slug(on, slug).await
}

/// The organization that had this slug before the one that it has now (R11).
pub async fn by_old_slug(on: &mut impl Lends, slug: &str) -> sqlx::Result<Option<Organization>> {
    sql::by_old_slug(on, slug).await
}

pub async fn by_id(on: &mut impl Lends, id: OrganizationId) -> sqlx::Result<Organization> {
    sql::by_id(on, id).await
}

/// The organizations that a person is an active member of, by name. Deleted ones are none.
pub async fn of_user(on: &mut impl Lends, user: UserId, now: Timestamp) -> sqlx::Result<Vec<Own>> {
    sql::of_user(on, user, now).await
}

/// How many characters a person's password must have: as many as the strictest of their organizations asks
/// for. 0 if none asks.
pub(crate) async fn shortest_password(on: &mut impl Lends, user: UserId) -> sqlx::Result<i64> {
    sql::shortest_password(on, user).await
}

/// The deleted organizations that a person may have back (R12).
pub async fn undoable_by(on: &mut impl Lends, user: UserId, now: Timestamp) -> sqlx::Result<Vec<Own>> {
    sql::closed_of_owner(on, user, now, now.plus(-UNDO)).await
}

/// Keeps the number of people, in the transaction that adds or ends a membership.
pub(crate) async fn count_people(change: &mut Change, id: OrganizationId, more: i64) -> sqlx::Result<()> {
    sql::count_people(change, id, more).await
}

/// Keeps the number of pending invitations, in the transaction that makes or closes one. Gives the
/// organization as it is then.
pub(crate) async fn count_pending(
    change: &mut Change,
    id: OrganizationId,
    more: i64,
) -> sqlx::Result<Organization> {
    sql::count_pending(change, id, more).await
}

/// Makes an organization under the slug that its name suggests, or the next free one.
pub(crate) async fn create(
    change: &mut Change,
    operator: &Operator,
    name: &OrganizationName,
) -> sqlx::Result<Organization> {
    let (id, now) = (OrganizationId::generate(), change.now());
    let suggested = Slug::suggested_by(name);
    let mut slug = suggested.clone();
    let mut number = 1;
    while !sql::claim_slug(change, slug.as_str(), id, now).await? {
        number += 1;
        slug = suggested.numbered(number);
    }
    let organization = Organization {
        id,
        slug: slug.as_str().to_owned(),
        name: name.to_string(),
        people: 0,
        pending: 0,
        closed_at: None,
        policy: Policy::default(),
    };
    sql::insert(change, &organization, now).await?;
    permissions::begin(change, id).await?;
    change.found(organization.id).await?;
    let entry = Entry::new(Kind::OrganizationCreated, organization.id, name).with("slug", &organization.slug);
    audit::record(change, organization.id, operator, entry).await?;
    Ok(organization)
}

/// Takes a slug, unless another organization has it or ever had it (R11). Of two at once one has it.
pub(crate) async fn claim_slug(change: &mut Change, id: OrganizationId, slug: &Slug) -> sqlx::Result<bool> {
    let now = change.now();
    Ok(sql::claim_slug(change, slug.as_str(), id, now).await?
        || sql::holder_of_slug(change, slug.as_str()).await? == Some(id))
}

/// Gives an organization a name and a slug that it has claimed.
pub(crate) async fn set_name_and_slug(
    change: &mut Change,
    id: OrganizationId,
    name: &str,
    slug: &str,
) -> sqlx::Result<()> {
    sql::set_name_and_slug(change, id, name, slug).await
}

/// Sets which factors an organization asks for, from when, and of how many days before that its members
/// know already.
pub(crate) async fn set_mfa(
    change: &mut Change,
    id: OrganizationId,
    policy: &Policy,
    notice: i64,
) -> sqlx::Result<()> {
    let now = change.now();
    let before = sql::by_id(change, id).await?.policy;
    let since = policy.holds_since(&before, now);
    sql::set_mfa(change, id, policy, since, notice).await
}

/// Sets how long sessions open an organization, and what else it asks of them.
pub(crate) async fn set_sessions(
    change: &mut Change,
    id: OrganizationId,
    policy: &Policy,
) -> sqlx::Result<()> {
    sql::set_sessions(change, id, policy).await
}

/// Organizations whose grace period ends by `until`, and that have not told so many days before.
pub(crate) async fn near_mfa(
    on: &mut impl Lends,
    days: i64,
    now: Timestamp,
    until: Timestamp,
) -> sqlx::Result<Vec<OrganizationId>> {
    sql::near_mfa(on, days, now, until).await
}

/// Notes that an organization tells so many days before, unless it has, or the day has moved. Gives what
/// it will ask for.
pub(crate) async fn note_mfa_notice(
    on: &mut impl Lends,
    id: OrganizationId,
    days: i64,
    now: Timestamp,
    until: Timestamp,
) -> sqlx::Result<Option<MfaRule>> {
    sql::note_mfa_notice(on, id, days, now, until).await
}

/// How long sessions open each organization of a person.
pub async fn session_limits(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<SessionLimits>> {
    sql::session_limits(on, user).await
}

/// Deletes an organization for the time being, or undoes that; an erased one stays so.
pub(crate) async fn set_closed_at(
    change: &mut Change,
    id: OrganizationId,
    at: Option<Timestamp>,
) -> sqlx::Result<bool> {
    sql::set_closed_at(change, id, at).await
}

/// Those that were deleted at `before` or earlier, and not erased yet.
pub(crate) async fn to_erase(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<Vec<OrganizationId>> {
    sql::to_erase(on, before).await
}

/// Marks an organization as erased, if it was deleted at `before` or earlier and is not erased yet.
pub(crate) async fn set_erased(
    change: &mut Change,
    id: OrganizationId,
    before: Timestamp,
) -> sqlx::Result<bool> {
    let now = change.now();
    sql::set_erased(change, id, before, now).await
}

/// An organization that nobody has, for the previews of mails.
pub(crate) fn sample() -> Organization {
    Organization {
        id: OrganizationId::nobody(),
        slug: "halden-freight".to_owned(),
        name: "Halden Freight".to_owned(),
        people: 60,
        pending: 4,
        closed_at: None,
        policy: Policy::default(),
    }
}
