//! Signing up by Google (S2): without a password, and without a mailed link where Google is authoritative for the
//! address.

use super::{Founding, LIFE, found, mails, sql};
use crate::app::App;
use crate::domain::access::Origin;
use crate::domain::organizations::Organization;
use crate::domain::sessions::{Device, ProofKind};
use crate::domain::sign_in::Cookies;
use crate::domain::users;
use crate::domain::values::{Email, OrganizationName, PersonName, TimeZone};
use crate::mail;
use crate::secrets::{Token, TokenHash};
use crate::storage::{Change, Tx};

/// What a person who comes from Google asks for. That the identity has no account is looked at inside the same
/// transaction.
#[derive(Clone, Debug)]
pub(crate) struct ByGoogle<'a> {
    pub organization: &'a OrganizationName,
    pub name: &'a PersonName,
    pub email: &'a Email,
    /// As the browser guessed it.
    pub time_zone: &'a TimeZone,
    pub issuer: &'a str,
    pub subject: &'a str,
}

/// Stores a pending sign-up and mails its link: Google has only seen that address once, perhaps long ago. An address
/// that has an account gets another mail, and the page can't tell the two apart (S4).
pub(crate) async fn start_by_google(
    app: &App,
    tx: &mut Tx,
    asked: &ByGoogle<'_>,
    browser: &TokenHash,
) -> sqlx::Result<()> {
    let token = Token::generate();
    let now = tx.now();
    let known = users::by_email(tx, &asked.email.canonical()).await?;
    let message = match &known {
        Some(user) => mails::known(app, &user.email),
        None => mails::confirm(app, Some(asked.organization), asked.email, &token),
    };
    // Of a known address it is a row that no link leads to, as in `start`.
    let pending = sql::NewPending {
        token: &token.hash(),
        browser,
        organization: Some(asked.organization),
        name: asked.name,
        email: asked.email,
        time_zone: asked.time_zone,
        password_hash: "",
        next: None,
        identity: known.is_none().then_some((asked.issuer, asked.subject)),
        now,
        expires_at: now.plus(LIFE),
        used_at: known.is_some().then_some(now),
    };
    sql::insert(tx, &pending).await?;
    mail::queue(tx, app, None, &message).await?;
    Ok(())
}

/// Makes the user and the organization at once. That the address has no account is the caller's to look at, inside the
/// same change.
pub(crate) async fn found_by_google(
    change: &mut Change,
    asked: &ByGoogle<'_>,
    device: &Device,
    origin: &Origin,
    cookies: Cookies<'_>,
) -> sqlx::Result<Organization> {
    let founding = Founding {
        organization: Some(asked.organization.clone()),
        name: asked.name.clone(),
        email: asked.email.clone(),
        password_hash: None,
        identity: Some((asked.issuer, asked.subject)),
        time_zone: asked.time_zone,
    };
    let founded = found(change, &founding, device, origin, cookies, &[ProofKind::Google]).await?;
    founded.ok_or(sqlx::Error::RowNotFound)
}
