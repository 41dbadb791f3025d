//! Settings → Security: what an organization asks of the sessions that open it (M3, M4, M6, S6, S10).

use crate::app::App;
use crate::clock::{DAY, Timestamp};
use crate::domain::access::{Actor, Capability, Denied, Factors, StepUpNeeded};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations::{self, MfaRule, Organization, Policy};
use crate::domain::passwords;
use crate::domain::throttle::{self, SpendError, Throttled};
use crate::domain::users::{self, Lacking, MemberError};
use crate::domain::values::{Day, TimeZone};
use crate::storage::{Change, Db};

/// A grace period has at most so many days.
pub const LONGEST_GRACE: i32 = 90;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraceError {
    #[error("Choose a day from tomorrow on, or “Now”.")]
    TooSoon,
    #[error("This is too far away. Choose a day within 90 days.")]
    TooFar,
    #[error("This holds already, or asks for less than what holds: choose “Now”.")]
    Nothing,
}

#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("Whoever requires a factor has one: set up multi-factor authentication for yourself first.")]
    NoFactor,
    #[error("Whoever requires passkeys has one: add a passkey to your account first.")]
    NoPasskey,
    #[error("Whoever requires passkeys signs in with one: use yours in this session first.")]
    UnprovenPasskey,
    #[error(transparent)]
    Grace(#[from] GraceError),
    #[error("This is longer than the time in all. Choose a shorter time here, or a longer one beside it.")]
    IdleTooLong,
    #[error("Choose one of the lengths on the list.")]
    NoSuchLength,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for SecurityError {
    fn from(error: MemberError) -> SecurityError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

impl From<SpendError> for SecurityError {
    fn from(error: SpendError) -> SecurityError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

/// What a change of the rule would do.
#[derive(Debug)]
pub struct MfaPreview {
    pub before: Policy,
    pub after: Policy,
    /// Whether it asks for more than what holds: then it is confirmed first.
    pub stricter: bool,
    /// Whom it interrupts.
    pub lacking: Lacking,
}

/// The policy under another rule, which holds from a day's beginning where its giver lives, or at once.
fn with_mfa(
    old: &Policy,
    rule: MfaRule,
    day: Option<Day>,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Policy, GraceError> {
    let in_force = old.mfa_now(now);
    let at_once = Policy { mfa: rule, mfa_from: None, mfa_before: MfaRule::Optional, ..*old };
    let Some(day) = day else { return Ok(at_once) };
    let today = Day::of(now, zone);
    let grace = old.grace_until(now).filter(|from| rule == old.mfa && Day::of(*from, zone) == day);
    match grace {
        // As it is, for whoever lives elsewhere too.
        Some(_) => Ok(*old),
        None if day <= today => Err(GraceError::TooSoon),
        None if day > today.plus(LONGEST_GRACE) => Err(GraceError::TooFar),
        // A grace period waits for more than what is asked for, and takes nothing of it away.
        None if rule <= in_force => Err(GraceError::Nothing),
        None => Ok(Policy { mfa_from: Some(day.start(zone)), mfa_before: in_force, ..at_once }),
    }
}

/// A policy as it was, without a date that is over.
fn without_past(policy: &Policy, now: Timestamp) -> Policy {
    match policy.grace_until(now) {
        Some(_) => *policy,
        None => Policy { mfa_from: None, mfa_before: MfaRule::Optional, ..*policy },
    }
}

/// Whom a rule would interrupt, and whether the actor may make it one (M4, M6).
pub async fn preview_mfa(
    db: &Db,
    actor: &Actor,
    rule: MfaRule,
    day: Option<Day>,
    limit: i64,
) -> Result<MfaPreview, SecurityError> {
    actor.may(Capability::ManageSettings)?;
    let now = db.now();
    let mut reader = db.read().await?;
    let before = without_past(&organizations::by_id(&mut reader, actor.organization).await?.policy, now);
    let after = with_mfa(&before, rule, day, &actor.person.time_zone, now)?;
    let stricter = after.asks_for_more_than(&before, now);
    if stricter {
        has_one(rule, actor.person.factors)?;
    }
    let lacking = users::lacking(&mut reader, actor.organization, rule, now, limit).await?;
    Ok(MfaPreview { before, after, stricter, lacking })
}

/// Whoever asks others for a factor has one of that kind (M4, M6).
fn has_one(rule: MfaRule, factors: Factors) -> Result<(), SecurityError> {
    match rule {
        _ if rule.is_met_with(factors) => Ok(()),
        MfaRule::Passkey => Err(SecurityError::NoPasskey),
        MfaRule::Any | MfaRule::Optional => Err(SecurityError::NoFactor),
    }
}

/// And their session has proven it, by the gate's own rule: no remembered device, within the limit in all,
/// after they were signed out everywhere.
async fn has_proven(
    change: &mut Change,
    actor: &Actor,
    rule: MfaRule,
    policy: &Policy,
) -> Result<(), SecurityError> {
    let (now, person) = (change.now(), &actor.person);
    let user = users::by_id(change, person.user).await?.ok_or(Denied)?;
    has_one(rule, user.factors)?;
    let member = users::member_of(change, actor.organization, person.user).await?.ok_or(Denied)?;
    let (proven_at, missing) = match rule {
        MfaRule::Passkey => (person.passkey_proven_at, SecurityError::UnprovenPasskey),
        MfaRule::Any | MfaRule::Optional => (person.factor_proven_at, StepUpNeeded.into()),
    };
    let counts = |at: Timestamp| at > member.proofs_after && now.since(at) < policy.session_absolute;
    if proven_at.is_some_and(counts) { Ok(()) } else { Err(missing) }
}

/// Sets which factors the organization asks for, and from when. A stricter rule is for whoever meets it in
/// this very session; members who lack a factor of the kind are mailed. Gives the policy as it is then, and
/// nothing if it was so already.
pub async fn change_mfa(
    app: &App,
    actor: &Actor,
    rule: MfaRule,
    day: Option<Day>,
) -> Result<Option<Policy>, SecurityError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    let organization = organizations::by_id(&mut change, actor.organization).await?;
    let before = without_past(&organization.policy, now);
    let after = with_mfa(&before, rule, day, &actor.person.time_zone, now)?;
    if after == before {
        return Ok(None);
    }
    let stricter = after.asks_for_more_than(&before, now);
    if stricter {
        has_proven(&mut change, actor, rule, &before).await?;
    }
    actor.stepped_up(now)?;
    // The mail about the change tells of a day that is near.
    let told = match after.mfa_from.map(|from| from.since(now)) {
        Some(left) if left <= DAY => 1,
        Some(left) if left <= 3 * DAY => 3,
        _ => 0,
    };
    organizations::set_mfa(&mut change, organization.id, &after, told).await?;
    users::unmark_for_mfa_mail(&mut change, organization.id).await?;
    if stricter || after.mfa_from.is_some() {
        users::mark_for_mfa_mail(&mut change, organization.id, after.mfa, now).await?;
    }
    record(&mut change, actor, &organization, &before, &after).await?;
    change.commit().await?;
    Ok(Some(after))
}

/// How long sessions open the organization, and what else it asks of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRules {
    /// Milliseconds without a click.
    pub idle: i64,
    /// Milliseconds in all.
    pub absolute: i64,
    pub remembers_devices: bool,
    pub shortest_password: i64,
}

impl SessionRules {
    /// The policy under these rules.
    pub fn within(self, policy: &Policy) -> Policy {
        Policy {
            session_idle: self.idle,
            session_absolute: self.absolute,
            remembers_devices: self.remembers_devices,
            shortest_password: self.shortest_password,
            ..*policy
        }
    }
}

/// Sets them. Gives the policy as it is then, and nothing if it was so already.
pub async fn change_sessions(
    app: &App,
    actor: &Actor,
    rules: SessionRules,
) -> Result<Option<Policy>, SecurityError> {
    if ![rules.idle, rules.absolute].iter().all(|length| Policy::SESSION_LENGTHS.contains(length))
        || !passwords::LENGTHS.contains(&rules.shortest_password)
    {
        return Err(SecurityError::NoSuchLength);
    }
    if rules.idle > rules.absolute {
        return Err(SecurityError::IdleTooLong);
    }
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    let organization = organizations::by_id(&mut change, actor.organization).await?;
    let before = organization.policy;
    let after = rules.within(&before);
    if after == before {
        return Ok(None);
    }
    actor.stepped_up(change.now())?;
    organizations::set_sessions(&mut change, organization.id, &after).await?;
    record(&mut change, actor, &organization, &before, &after).await?;
    change.commit().await?;
    Ok(Some(after))
}

/// One row for all that a save has changed, in words.
async fn record(
    change: &mut Change,
    actor: &Actor,
    organization: &Organization,
    before: &Policy,
    after: &Policy,
) -> sqlx::Result<()> {
    let mut entry = Entry::new(Kind::SecurityChanged, organization.id, &organization.name);
    let mut note = |field: &'static str, old: String, new: String| {
        if old != new {
            entry = entry.clone().changed(field, old, new);
        }
    };
    let rule = |policy: &Policy| match policy.mfa {
        MfaRule::Optional => "optional".to_owned(),
        MfaRule::Any => "required, any factor".to_owned(),
        MfaRule::Passkey => "required, passkeys only".to_owned(),
    };
    let devices = |policy: &Policy| {
        if policy.remembers_devices { "allowed".to_owned() } else { "not allowed".to_owned() }
    };
    let in_words = Policy::length_in_words;
    let password = |policy: &Policy| format!("{} characters", policy.shortest_password);
    note("multi-factor authentication", rule(before), rule(after));
    note("session without a click", in_words(before.session_idle), in_words(after.session_idle));
    note("session in all", in_words(before.session_absolute), in_words(after.session_absolute));
    note("remembered devices", devices(before), devices(after));
    note("shortest password", password(before), password(after));
    entry = match (before.mfa_from, after.mfa_from) {
        (old, new) if old == new => entry,
        (Some(old), Some(new)) => entry.changed("required from", old.rfc3339(), new.rfc3339()),
        (None, Some(new)) => entry.with("required from", new.rfc3339()),
        (Some(old), None) => entry.without("required from", old.rfc3339()),
        (None, None) => entry,
    };
    audit::record(change, organization.id, &actor.operator(), entry).await
}

/// Has the members mailed who lack what a rule asks for, or is to. Says how many. The budget is the
/// organization's: each mail goes to many.
pub async fn mail_lacking(app: &App, actor: &Actor, rule: MfaRule) -> Result<u64, SecurityError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    throttle::spend(&mut change, now, throttle::MFA_MAIL, &actor.organization.to_string()).await?;
    let marked = users::mark_for_mfa_mail(&mut change, actor.organization, rule, now).await?;
    change.commit().await?;
    Ok(marked)
}
