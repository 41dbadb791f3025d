//! Removing a factor: after a step-up, and not the last one that an organization asks for.

use super::{FactorError, devices, mails, note, sql};
use crate::app::App;
use crate::domain::access::{Factors, Person};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::identities::ways;
use crate::domain::organizations::MfaRule;
use crate::domain::sessions;
use crate::domain::users;
use crate::ids::{AuthenticatorId, PasskeyId, UserId};
use crate::mail;
use crate::storage::Change;

/// One of a person's factors.
#[derive(Clone, Copy, Debug)]
pub enum Factor {
    Authenticator(AuthenticatorId),
    Passkey(PasskeyId),
}

impl Factor {
    /// What pages, mails and the audit log call it.
    pub fn word(self) -> &'static str {
        match self {
            Factor::Authenticator(_) => "authenticator app",
            Factor::Passkey(_) => "passkey",
        }
    }
}

/// Removes a factor, and with the last one recovery codes and remembered devices. Other sessions end: they
/// may have been opened by it. An unknown one is `false`.
pub async fn remove(app: &App, person: &Person, factor: Factor) -> Result<bool, FactorError> {
    let mut change = app.db.account(Some(person.user), &[]).await?;
    let now = change.now();
    person.stepped_up(now)?;
    let Some(name) = sql::remove(&mut change, person.user, factor).await? else { return Ok(false) };
    let factors = note(&mut change, person.user).await?;
    may_be_without(&mut change, person.user, factors).await?;
    if matches!(factor, Factor::Passkey(_)) {
        keeps_a_way_in(app, &mut change, person.user).await?;
    }
    if !factors.any() {
        sql::drop_codes(&mut change, person.user).await?;
        users::end_break_glass(app, &mut change, person.user, &person.operator()).await?;
    }
    devices::forget_all(&mut change, person.user).await?;
    sessions::end_all(&mut change, person.user, Some(person.session), now).await?;
    let entry = Entry::new(Kind::FactorRemoved, person.user, &person.name).without(factor.word(), &name);
    audit::record_account(&mut change, &person.operator(), entry).await?;
    let message = mails::removed(app, &person.email, factor.word(), &name, factors.any());
    mail::queue(&mut change, app, None, &message).await?;
    change.commit().await?;
    Ok(true)
}

/// Whether the organizations of a person let them go with these factors alone (MFA-08, O4).
async fn may_be_without(change: &mut Change, user: UserId, left: Factors) -> Result<(), FactorError> {
    let now = change.now();
    for (organization, rule) in sql::enforcing(change, user, now).await? {
        let enough = match rule {
            MfaRule::Optional => true,
            MfaRule::Any => left.any(),
            MfaRule::Passkey => left.passkey,
        };
        if !enough {
            return Err(FactorError::Enforced(organization));
        }
    }
    match users::kept_for_break_glass(change, user).await? {
        Some(organization) if !left.any() => Err(FactorError::BreakGlass(organization)),
        _ => Ok(()),
    }
}

/// A passkey may be all that somebody signs in by.
async fn keeps_a_way_in(app: &App, change: &mut Change, user: UserId) -> Result<(), FactorError> {
    let now = change.now();
    let user = users::by_id(change, user).await?.ok_or(FactorError::SignedOut)?;
    if ways(app, change, &user, None, now).await?.any() { Ok(()) } else { Err(FactorError::LastWay) }
}
