use super::{MfaMail, Unmarked};
use crate::clock::Timestamp;
use crate::domain::organizations::MfaRule;
use crate::ids::{OrganizationId, UserId};
use crate::storage::{Lends, execute, fetch_all, fetch_one, fetch_optional};

/// Active members who lack what a rule asks for: no passkey and, unless only those count, no
/// authenticator. `$1` is the organization, `$2` the rule, `$3` now.
macro_rules! lacking {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " where organization = $1 and state = 'active' and (ends_at is null or ends_at > $3) \
             and not has_passkey and ($2 = 'passkey' or not has_authenticator)",
            $after
        )
    };
}

pub(super) async fn lacking(
    on: &mut impl Lends,
    organization: OrganizationId,
    rule: MfaRule,
    now: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<(UserId, String)>> {
    fetch_all!(
        on,
        (UserId, String),
        lacking!("select user_id, name from memberships", " order by name_key, user_id limit $4"),
        organization,
        rule,
        now,
        limit
    )
}

/// How many lack it, and how many active members there are.
pub(super) async fn count_lacking(
    on: &mut impl Lends,
    organization: OrganizationId,
    rule: MfaRule,
    now: Timestamp,
) -> sqlx::Result<(i64, i64)> {
    fetch_one!(
        on,
        (i64, i64),
        lacking!(
            "select (select count(*) from memberships",
            "), (select count(*) from memberships \
             where organization = $1 and state = 'active' and (ends_at is null or ends_at > $3))"
        ),
        organization,
        rule,
        now
    )
}

pub(super) async fn mark_for_mfa_mail(
    on: &mut impl Lends,
    organization: OrganizationId,
    rule: MfaRule,
    now: Timestamp,
) -> sqlx::Result<u64> {
    execute!(on, lacking!("update memberships set mfa_mail_due = $2", ""), organization, rule, now)
}

pub(super) async fn unmark_for_mfa_mail(
    on: &mut impl Lends,
    organization: OrganizationId,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update memberships set mfa_mail_due = null where organization = $1 and mfa_mail_due is not null",
        organization
    )?;
    Ok(())
}

pub(super) async fn mfa_mails_due(on: &mut impl Lends, limit: i64) -> sqlx::Result<Vec<MfaMail>> {
    fetch_all!(
        on,
        MfaMail,
        "select m.organization, m.user_id, m.mfa_mail_due from memberships m \
         join organizations o on o.id = m.organization \
         where m.mfa_mail_due is not null and o.closed_at is null order by m.organization, m.user_id limit $1",
        limit
    )
}

/// Of several at once one takes it.
pub(super) async fn take_mfa_mail(on: &mut impl Lends, mail: &MfaMail) -> sqlx::Result<Option<Unmarked>> {
    fetch_optional!(
        on,
        Unmarked,
        "update memberships set mfa_mail_due = null \
         where organization = $1 and user_id = $2 and mfa_mail_due = $3 \
         returning email, state, ends_at, has_authenticator, has_passkey",
        mail.organization,
        mail.user_id,
        mail.rule
    )
}
