//! What the sysadmin sees of accounts and does to memberships, across organizations and without a
//! membership of their own. Only the command line calls it.

mod sql;

use super::members::{Member, MemberError, MemberState, another_owner_stays, member_of, record_state};
use crate::clock::Timestamp;
use crate::domain::access::{Operator, Role};
use crate::domain::audit::Kind;
use crate::domain::values::{Email, Theme, TimeZone};
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Change, Db, Lends};

/// An account, without its secrets.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Account {
    pub id: UserId,
    pub email: String,
    pub email_canonical: String,
    pub name: String,
    pub created_at: Timestamp,
    pub has_password: bool,
    pub password_changed_at: Timestamp,
    pub time_zone: TimeZone,
    pub theme: Theme,
}

/// An account in the list; role and state are those in the organization that was asked for.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ListedAccount {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub created_at: Timestamp,
    pub organizations: i64,
    pub role: Option<Role>,
    pub state: Option<MemberState>,
}

/// One organization of a person, in whatever state.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Membership {
    pub organization: OrganizationId,
    pub slug: String,
    pub organization_name: String,
    pub role: Role,
    pub state: MemberState,
    pub joined_at: Timestamp,
    pub ends_at: Option<Timestamp>,
    pub last_active_at: Timestamp,
}

/// How many people of a role are in a state.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Headcount {
    pub role: Role,
    pub state: MemberState,
    pub people: i64,
}

#[derive(Clone, Debug, Default)]
pub struct AccountQuery {
    /// Only people of this organization, removed ones too.
    pub organization: Option<OrganizationId>,
    /// Words that name or address must hold.
    pub search: String,
}

/// Accounts by address.
pub async fn accounts(db: &Db, query: &AccountQuery, limit: i64) -> sqlx::Result<Vec<ListedAccount>> {
    sql::accounts(&mut db.read().await?, query, limit).await
}

/// The account of an address or an id.
pub async fn account(db: &Db, who: &str) -> sqlx::Result<Option<Account>> {
    let mut reader = db.read().await?;
    if let Ok(id) = who.parse::<UserId>() {
        return sql::account_by_id(&mut reader, id).await;
    }
    match who.parse::<Email>() {
        Ok(email) => sql::account_by_email(&mut reader, &email.canonical()).await,
        Err(_) => Ok(None),
    }
}

/// A person's organizations by slug, those that they left too.
pub async fn memberships(on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<Membership>> {
    sql::memberships(on, user).await
}

pub async fn headcount(db: &Db, organization: OrganizationId) -> sqlx::Result<Vec<Headcount>> {
    sql::headcount(&mut db.read().await?, organization).await
}

/// Name and address of an organization's Owners, suspended ones too.
pub async fn owners(
    db: &Db,
    organization: OrganizationId,
) -> sqlx::Result<Vec<(String, String, MemberState)>> {
    sql::owners(&mut db.read().await?, organization).await
}

/// Whether nobody would be left to run the organization without this person.
pub async fn is_last_owner(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<bool> {
    match member_of(on, organization, user).await? {
        Some(member) => super::is_last_owner(on, organization, &member).await,
        None => Ok(false),
    }
}

/// Whether nobody could come in without single sign-on, which is required, if this person could not (O4).
pub async fn is_last_break_glass(
    on: &mut impl Lends,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<bool> {
    match member_of(on, organization, user).await? {
        Some(member) => super::is_last_break_glass(on, organization, &member).await,
        None => Ok(false),
    }
}

/// Suspends or reactivates a member inside a change that holds the organization, and gives the member
/// as they were. The sysadmin alone may leave an organization without an active Owner, or one who comes in by
/// break-glass (R3, O4), knowingly.
pub(crate) async fn set_state(
    change: &mut Change,
    operator: &Operator,
    organization: OrganizationId,
    user: UserId,
    state: MemberState,
    last_owner_too: bool,
) -> Result<Member, MemberError> {
    let member = member_of(change, organization, user)
        .await?
        .filter(|member| member.state != MemberState::Removed)
        .ok_or(MemberError::NotFound)?;
    if member.state == state {
        return Ok(member);
    }
    if state != MemberState::Active && !last_owner_too {
        another_owner_stays(change, organization, &member).await?;
    }
    let kind = match state {
        MemberState::Active => Kind::MemberReactivated,
        MemberState::Suspended => Kind::MemberSuspended,
        MemberState::Removed => Kind::MemberRemoved,
    };
    record_state(change, organization, operator, &member, state, kind).await?;
    Ok(member)
}
