//! Users and their memberships: who is in the organization, and as what.

mod break_glass;
mod ending;
mod list;
mod members;
mod mfa;
mod profile;
mod sql;
pub mod sysadmin;

pub(crate) use self::break_glass::{BreakGlass, end_break_glass, name_break_glass};
pub use self::ending::{EndDateChange, EndDateError, change_end_date, end_at, end_date};
pub(crate) use self::ending::{due, end, ended, samples, tell_of_ends};
pub(in crate::domain) use self::list::containing;
pub(crate) use self::list::find_active;
pub use self::list::{Cursor, FactorFilter, ListQuery, Listed, Members, Sort, StateFilter, list};
pub(crate) use self::members::{
    Joining, assign_role, erase, is_last_break_glass, is_last_owner, join, kept_for_break_glass, leave,
    longest_owner, mail_of_admins, owners_beside, removable, remove,
};
pub use self::members::{
    Member, MemberError, MemberState, RoleChange, change_role, current_actor, find_member, mail_of_owners,
    member, member_of, owners, reactivate, sign_out_everywhere, suspend, visited,
};
pub use self::mfa::{Lacking, lacking};
pub(crate) use self::mfa::{MfaMail, mark_for_mfa_mail, mfa_mails_due, take_mfa_mail, unmark_for_mfa_mail};
pub use self::profile::{By, Profile, profile};
use crate::clock::{DAY, Timestamp};
use crate::domain::access::{Factors, Operator};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::values::{Email, PersonName, Theme, TimeZone, folded};
use crate::ids::UserId;
use crate::storage::{Change, Lends};

/// A person with a verified email, across organizations.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub email_canonical: String,
    pub name: String,
    pub password_hash: Option<String>,
    pub password_changed_at: Timestamp,
    /// The length class of the password; 0 while that is unknown.
    pub password_length: i64,
    #[sqlx(flatten)]
    pub factors: Factors,
}

pub async fn by_email(on: &mut impl Lends, canonical: &str) -> sqlx::Result<Option<User>> {
    sql::by_email(on, canonical).await
}

pub async fn by_id(on: &mut impl Lends, id: UserId) -> sqlx::Result<Option<User>> {
    sql::by_id(on, id).await
}

/// Whether an account was made within the last month: as long as sessions are kept.
pub(crate) async fn is_new(on: &mut impl Lends, id: UserId, now: Timestamp) -> sqlx::Result<bool> {
    Ok(sql::created_at(on, id).await? > now.plus(-30 * DAY))
}

/// A user as they are, and stay until the transaction ends: whoever opens a session by a password, or
/// changes one, holds the user first, so that no session outlives the password that opened it. Locks
/// are taken in this order: audit heads, user, sessions, throttles.
pub(crate) async fn hold(on: &mut impl Lends, id: UserId) -> sqlx::Result<Option<User>> {
    sql::hold(on, id).await
}

/// Whether anybody has an account: before that, the installation is being set up.
pub async fn any(on: &mut impl Lends) -> sqlx::Result<bool> {
    sql::any_user(on).await
}

/// Makes a user whose address was just verified. The address must be free: look inside the same change.
pub(crate) async fn create(
    change: &mut Change,
    id: UserId,
    operator: &Operator,
    email: &Email,
    name: &PersonName,
    password_hash: Option<&str>,
) -> sqlx::Result<User> {
    let user = User {
        id,
        email: email.as_str().to_owned(),
        email_canonical: email.canonical(),
        name: name.to_string(),
        password_hash: password_hash.map(str::to_owned),
        password_changed_at: change.now(),
        password_length: 0,
        factors: Factors::default(),
    };
    sql::insert_user(change, &user).await?;
    let entry = Entry::new(Kind::AccountCreated, user.id, &user.name).with("email", &user.email);
    audit::record_account(change, operator, entry).await?;
    Ok(user)
}

/// Gives a user another name, in all of their organizations.
pub(crate) async fn rename(change: &mut Change, user: UserId, name: &PersonName) -> sqlx::Result<()> {
    let Some(before) = sql::by_id(change, user).await? else { return Ok(()) };
    sql::set_name(
        change,
        user,
        name.as_str(),
        &folded(name.as_str()),
        &search_text(name.as_str(), &before.email),
    )
    .await
}

/// Gives a user another address, which they have just proven, in all of their organizations. It must be
/// free: look inside the same change.
pub(crate) async fn set_email(change: &mut Change, user: &User, email: &Email) -> sqlx::Result<()> {
    let search = search_text(&user.name, email.as_str());
    sql::set_email(change, user.id, email.as_str(), &email.canonical(), &search).await
}

/// How a user reads times, and how pages look to them. Nothing that anyone else sees.
pub(crate) async fn set_preferences(
    change: &mut Change,
    user: UserId,
    time_zone: &TimeZone,
    theme: Theme,
) -> sqlx::Result<()> {
    sql::set_preferences(change, user, time_zone, theme).await
}

pub(crate) async fn set_password(
    change: &mut Change,
    user: UserId,
    hash: &str,
    length: i64,
) -> sqlx::Result<()> {
    let now = change.now();
    sql::set_password(change, user, hash, length, now).await
}

/// Notes how long the password is that a person just entered, where that was not known.
pub(crate) async fn note_password_length(
    on: &mut impl Lends,
    user: UserId,
    hash: &str,
    length: i64,
) -> sqlx::Result<()> {
    sql::note_password_length(on, user, hash, length).await
}

/// Notes what factors a person has now, for the gate and for the lists of their organizations.
pub(crate) async fn set_factors(
    change: &mut Change,
    user: UserId,
    factors: Factors,
    remembered_until: Timestamp,
) -> sqlx::Result<()> {
    sql::set_factors(change, user, factors, remembered_until).await
}

/// Notes until when a person has a remembered device.
pub(crate) async fn set_remembered_until(
    on: &mut impl Lends,
    user: UserId,
    until: Timestamp,
) -> sqlx::Result<()> {
    sql::set_remembered_until(on, user, until).await
}

/// Stores the same password under newer parameters. Nothing changed that anyone could notice.
pub(crate) async fn rehash_password(
    on: &mut impl Lends,
    user: UserId,
    old: &str,
    new: &str,
) -> sqlx::Result<()> {
    sql::rehash_password(on, user, old, new).await
}

/// What a search looks through.
fn search_text(name: &str, email: &str) -> String {
    format!("{} {}", folded(name), email.to_ascii_lowercase())
}

/// A person whom nobody is, for the previews of mails.
pub(crate) fn sample(now: Timestamp) -> (User, Member) {
    let (name, email) = ("Dana Kovač".to_owned(), "dana.kovac@halden.example".to_owned());
    let member = Member {
        user_id: UserId::nobody(),
        name: name.clone(),
        email: email.clone(),
        role: crate::domain::access::Role::Reviewer,
        state: MemberState::Active,
        ends_at: None,
        proofs_after: Timestamp::ZERO,
        joined_at: now,
        last_active_at: now,
        factors: Factors::default(),
        remembered_until: Timestamp::ZERO,
        break_glass: false,
    };
    let user = User {
        id: UserId::nobody(),
        email_canonical: email.clone(),
        email,
        name,
        password_hash: None,
        password_changed_at: now,
        password_length: 0,
        factors: Factors::default(),
    };
    (user, member)
}
