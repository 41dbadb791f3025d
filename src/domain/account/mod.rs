//! A person's own account: name, preferences, password, and proving who they are again.

mod sysadmin;

pub use self::sysadmin::{StateChange, reactivate, suspend};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Operator, Person, StepUpNeeded};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::factors;
use crate::domain::organizations;
use crate::domain::passwords::{self, Busy, PasswordError, Verified};
use crate::domain::sessions::{self, ProofKind};
use crate::domain::throttle::{self, SpendError, Throttled};
use crate::domain::users::{self, User};
use crate::domain::values::{PersonName, Theme, TimeZone};
use crate::mail::{self, Message};
use crate::secrets::TokenHash;
use crate::storage::Change;

#[derive(Debug, thiserror::Error)]
pub enum PasswordChangeError {
    #[error("This is not your current password.")]
    Wrong,
    #[error(transparent)]
    Unfit(#[from] PasswordError),
    #[error(
        "You have no password. Set one under Account → Sign-in methods, or prove who you are in another way."
    )]
    None,
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("You are signed out. Sign in again.")]
    SignedOut,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for PasswordChangeError {
    fn from(error: SpendError) -> PasswordChangeError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

pub async fn rename(app: &App, person: &Person, name: &PersonName) -> sqlx::Result<()> {
    if person.name == name.as_str() {
        return Ok(());
    }
    let mut change = app.db.account(Some(person.user), &[]).await?;
    users::rename(&mut change, person.user, name).await?;
    let entry = Entry::new(Kind::NameChanged, person.user, name).changed("name", &person.name, name);
    audit::record_account(&mut change, &person.operator(), entry).await?;
    change.commit().await
}

/// How the person reads times, and how pages look to them (V1). It is no change of access.
pub async fn set_preferences(
    app: &App,
    person: &Person,
    time_zone: &TimeZone,
    theme: Theme,
) -> sqlx::Result<()> {
    let mut change = app.db.account(Some(person.user), &[]).await?;
    users::set_preferences(&mut change, person.user, time_zone, theme).await?;
    change.commit().await
}

/// Verifies a person's own password, within a budget of its own: a stolen session must not guess.
async fn verify_own(app: &App, person: &Person, password: &str) -> Result<User, PasswordChangeError> {
    let key = person.user.to_string();
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let spent = throttle::spend(&mut tx, now, throttle::CONFIRM_PASSWORD, &key).await;
    tx.commit().await?;
    spent?;
    let user =
        users::by_id(&mut app.db.read().await?, person.user).await?.ok_or(PasswordChangeError::SignedOut)?;
    let hash = user.password_hash.as_deref().ok_or(PasswordChangeError::None)?;
    match app.passwords.verify(password, Some(hash)).await? {
        Verified::Wrong => Err(PasswordChangeError::Wrong),
        Verified::Right | Verified::RightButOld => {
            let mut tx = app.db.write().await?;
            throttle::clear(&mut tx, throttle::CONFIRM_PASSWORD, &key).await?;
            tx.commit().await?;
            Ok(user)
        }
    }
}

/// Proves the person of a session again by their password, for a step-up (S12) or for an
/// organization that asks (R10). The session goes on under another cookie.
pub async fn confirm_password(
    app: &App,
    person: &Person,
    password: &str,
    new_token: &TokenHash,
) -> Result<(), PasswordChangeError> {
    let user = verify_own(app, person, password).await?;
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let still = users::hold(&mut tx, person.user).await?;
    if still.is_none_or(|still| still.password_hash != user.password_hash) {
        return Err(PasswordChangeError::Wrong);
    }
    if let Some(hash) = &user.password_hash {
        let length = passwords::length_class(password);
        users::note_password_length(&mut tx, person.user, hash, length).await?;
    }
    if !sessions::prove(&mut tx, person, ProofKind::Password, new_token, now).await? {
        return Err(PasswordChangeError::SignedOut);
    }
    tx.commit().await?;
    Ok(())
}

/// Whether a person may change their password now: whoever has factors proves one first (S12). Without any, the
/// current password is the proof.
pub fn may_change_password(person: &Person, now: Timestamp) -> Result<(), StepUpNeeded> {
    if person.factors.any() { person.stepped_up(now) } else { Ok(()) }
}

/// Changes a password: other sessions end, this one goes on under another cookie (SES-08).
pub async fn change_password(
    app: &App,
    person: &Person,
    current: &str,
    new: &str,
    new_token: &TokenHash,
) -> Result<u64, PasswordChangeError> {
    may_change_password(person, app.db.now())?;
    let mut reader = app.db.read().await?;
    let organizations = organizations::of_user(&mut reader, person.user, app.db.now()).await?;
    let shortest = organizations::shortest_password(&mut reader, person.user).await?;
    drop(reader);
    let mut context: Vec<&str> =
        organizations.iter().map(|organization| organization.name.as_str()).collect();
    context.extend([person.name.as_str(), person.email.as_str()]);
    let user = verify_own(app, person, current).await?;
    let new = app.passwords.fit(new, &context, shortest).await??;
    let hash = app.passwords.hash(&new).await?;

    let mut change = app.db.account(Some(person.user), &[]).await?;
    let now = change.now();
    let still = users::by_id(&mut change, person.user).await?;
    if still.is_none_or(|still| still.password_hash != user.password_hash) {
        return Err(PasswordChangeError::Wrong);
    }
    users::set_password(&mut change, person.user, &hash, new.length_class()).await?;
    if !sessions::prove(&mut change, person, ProofKind::Password, new_token, now).await? {
        return Err(PasswordChangeError::SignedOut);
    }
    let ended = sessions::end_all(&mut change, person.user, Some(person.session), now).await?;
    password_was_set(app, &mut change, &user, &person.operator(), Kind::PasswordChanged).await?;
    change.commit().await?;
    Ok(ended)
}

/// Ends all of a person's sessions but their own, and says how many those were. Whoever does so may have lost
/// a browser: remembered ones are forgotten too.
pub async fn end_other_sessions(app: &App, person: &Person) -> sqlx::Result<u64> {
    let mut tx = app.db.write().await?;
    let now = tx.now();
    users::hold(&mut tx, person.user).await?;
    factors::forget_devices(&mut tx, person.user).await?;
    let ended = sessions::end_all(&mut tx, person.user, Some(person.session), now).await?;
    tx.commit().await?;
    Ok(ended)
}

/// The row and the mail that go with every new password.
pub(crate) async fn password_was_set(
    app: &App,
    change: &mut Change,
    user: &User,
    operator: &Operator,
    kind: Kind,
) -> sqlx::Result<()> {
    factors::forget_devices(change, user.id).await?;
    audit::record_account(change, operator, Entry::new(kind, user.id, &user.name)).await?;
    mail::queue(change, app, None, &password_changed_mail(app, &user.email)).await?;
    Ok(())
}

fn password_changed_mail(app: &App, email: &str) -> Message {
    Message {
        kind: "password_changed",
        to: email.to_owned(),
        subject: "Your password was changed".to_owned(),
        heading: "Your password was changed".to_owned(),
        paragraphs: vec![
            format!("The password of {email} was just changed."),
            "If that was you, there is nothing to do. If it was not, set a new password now: that ends every \
             session that is signed in."
                .to_owned(),
        ],
        quote: None,
        action: Some(("Set a new password".to_owned(), app.url("/forgot-password"))),
        code: None,
        footer: "You get this mail whenever your password changes.".to_owned(),
    }
}

/// One of each mail, for the previews.
pub(crate) fn samples(app: &App) -> Vec<Message> {
    vec![password_changed_mail(app, "dana.kovac@halden.example")]
}
