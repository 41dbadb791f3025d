//! The first Owner where sign-up is closed: by a one-time link that only the sysadmin sees.

use super::{Founding, NewSignUp, found, sql};
use crate::app::App;
use crate::config;
use crate::domain::access::Origin;
use crate::domain::organizations::Organization;
use crate::domain::passwords::Busy;
use crate::domain::sessions::{Device, ProofKind};
use crate::domain::sign_in::Cookies;
use crate::domain::users;
use crate::secrets::Token;

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("Nobody was given this link.")]
    Unknown,
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A new setup link, while sign-up is closed and nobody has an account; the one before it dies.
pub async fn prepare_setup(app: &App) -> sqlx::Result<Option<Token>> {
    if app.config.sign_up == config::SignUp::Open {
        return Ok(None);
    }
    let mut change = app.db.account(None, &[]).await?;
    if users::any(&mut change).await? {
        return Ok(None);
    }
    let token = Token::generate();
    sql::set_setup_token(&mut change, Some(&token.hash())).await?;
    change.commit().await?;
    Ok(Some(token))
}

/// Whether a setup link still works.
pub async fn is_open(app: &App, token: &str) -> sqlx::Result<bool> {
    let Some(token) = Token::parse(token) else { return Ok(false) };
    let mut reader = app.db.read().await?;
    Ok(sql::setup_token(&mut reader).await? == Some(token.hash()) && !users::any(&mut reader).await?)
}

/// Makes the first organization and its Owner. The sysadmin vouches for the address: no mail is
/// needed, which may not work yet. Two at once: one Owner (BOT-01).
pub async fn setup(
    app: &App,
    token: &str,
    asked: &NewSignUp,
    device: &Device,
    origin: &Origin,
    cookies: Cookies<'_>,
) -> Result<Organization, SetupError> {
    let token = Token::parse(token).ok_or(SetupError::Unknown)?;
    let password_hash = app.passwords.hash(&asked.password).await?;
    let mut change = app.db.account(None, &[]).await?;
    if sql::setup_token(&mut change).await? != Some(token.hash()) || users::any(&mut change).await? {
        return Err(SetupError::Unknown);
    }
    let founding = Founding {
        organization: asked.organization.clone(),
        name: asked.name.clone(),
        email: asked.email.clone(),
        password_hash: Some(&password_hash),
        identity: None,
        time_zone: &asked.time_zone,
    };
    let founded = found(&mut change, &founding, device, origin, cookies, &[ProofKind::Password]).await?;
    let organization = founded.ok_or(sqlx::Error::RowNotFound)?;
    sql::set_setup_token(&mut change, None).await?;
    change.commit().await?;
    Ok(organization)
}
