//! Who of an organization lacks a factor that it asks for, or is to, and whom to mail about that.

mod sql;

use super::members::MemberState;
use super::sql::time_zone;
use crate::clock::Timestamp;
use crate::domain::access::Factors;
use crate::domain::organizations::MfaRule;
use crate::domain::values::TimeZone;
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Change, Lends, Tx};

/// The active members of an organization that a rule interrupts.
#[derive(Debug)]
pub struct Lacking {
    /// The first by name.
    pub members: Vec<(UserId, String)>,
    /// How many have no factor of the kind that is asked for.
    pub without: i64,
    /// How many have one.
    pub with: i64,
}

/// How many a rule interrupts, and so many of them by name.
pub async fn lacking(
    on: &mut impl Lends,
    organization: OrganizationId,
    rule: MfaRule,
    now: Timestamp,
    limit: i64,
) -> sqlx::Result<Lacking> {
    let (without, all) = sql::count_lacking(on, organization, rule, now).await?;
    let members = match limit {
        0 => Vec::new(),
        limit => sql::lacking(on, organization, rule, now, limit).await?,
    };
    Ok(Lacking { members, without, with: all - without })
}

/// Marks the active members who lack what a rule asks for: the worker mails them. Says how many.
pub(crate) async fn mark_for_mfa_mail(
    on: &mut impl Lends,
    organization: OrganizationId,
    rule: MfaRule,
    now: Timestamp,
) -> sqlx::Result<u64> {
    sql::mark_for_mfa_mail(on, organization, rule, now).await
}

/// Nobody is to be mailed about a rule that is no more.
pub(crate) async fn unmark_for_mfa_mail(
    change: &mut Change,
    organization: OrganizationId,
) -> sqlx::Result<()> {
    sql::unmark_for_mfa_mail(change, organization).await
}

/// A member who is to be mailed about a rule.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct MfaMail {
    pub organization: OrganizationId,
    pub user_id: UserId,
    #[sqlx(rename = "mfa_mail_due")]
    pub rule: MfaRule,
}

/// Some of those who are to be mailed, in organizations that are not deleted.
pub(crate) async fn mfa_mails_due(on: &mut impl Lends, limit: i64) -> sqlx::Result<Vec<MfaMail>> {
    sql::mfa_mails_due(on, limit).await
}

/// A member's row when their mark was taken off.
#[derive(sqlx::FromRow)]
pub(super) struct Unmarked {
    email: String,
    state: MemberState,
    ends_at: Option<Timestamp>,
    #[sqlx(flatten)]
    factors: Factors,
}

/// Takes a member's mark off, once, and gives where to mail them, if they are active and still lack it.
pub(crate) async fn take_mfa_mail(tx: &mut Tx, mail: &MfaMail) -> sqlx::Result<Option<(String, TimeZone)>> {
    let now = tx.now();
    let lacks = |member: &Unmarked| {
        member.state == MemberState::Active
            && member.ends_at.is_none_or(|end| now < end)
            && !mail.rule.is_met_with(member.factors)
    };
    match sql::take_mfa_mail(tx, mail).await?.filter(lacks) {
        Some(member) => Ok(Some((member.email, time_zone(tx, mail.user_id).await?))),
        None => Ok(None),
    }
}
