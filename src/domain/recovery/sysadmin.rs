//! A reset that the sysadmin asks for, where a person can't: the link is handed over, or mailed.

use super::{LIFE, keep, mails};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::Operator;
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::users;
use crate::ids::UserId;
use crate::mail;
use crate::secrets::Token;

/// A link that sets a new password, once, until then.
pub struct AskedReset {
    /// `None` if it was mailed: then only the mail has it.
    pub link: Option<String>,
    pub expires_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum SysadminResetError {
    #[error("There is no such account.")]
    NotFound,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Nothing of the account changes until the link is used (S13): then all sessions end, and nobody is signed in.
pub async fn reset_by_sysadmin(
    app: &App,
    operator: &Operator,
    user: UserId,
    mailed: bool,
) -> Result<AskedReset, SysadminResetError> {
    let token = Token::generate();
    let mut change = app.db.account(Some(user), &[]).await?;
    let now = change.now();
    let user = users::by_id(&mut change, user).await?.ok_or(SysadminResetError::NotFound)?;
    keep(&mut change, &token, &user.email_canonical, Some(&user), now).await?;
    let way = if mailed { "mailed" } else { "handed over" };
    let entry = Entry::new(Kind::PasswordResetAsked, user.id, &user.name).with("link", way);
    audit::record_account(&mut change, operator, entry).await?;
    if mailed {
        mail::queue(&mut change, app, None, &mails::reset(app, &user.email, &token)).await?;
    }
    change.commit().await?;
    let link = (!mailed).then(|| app.url(&format!("/reset/{}", token.expose())));
    Ok(AskedReset { link, expires_at: now.plus(LIFE) })
}
