//! Signing up by Google (S2): without a password, and without a mailed link where Google is authoritative for the
//! address.

use super::{Founding, LIFE, found, kept, mails, sql, takes};
use crate::app::App;
use crate::domain::access::Origin;
use crate::domain::organizations::Organization;
use crate::domain::sessions::{Device, ProofKind};
use crate::domain::sign_in::Cookies;
use crate::domain::users;
use crate::domain::values::{Email, OrganizationName, PersonName, TimeZone};
use crate::mail;
use crate::secrets::{Token, TokenHash};
use crate::storage::{Change, Lends, Tx};

/// What a person who comes from Google asks for. That the identity has no account is looked at inside the same
/// transaction.
#[derive(Clone, Debug)]
pub(crate) struct ByGoogle<'a> {
    /// None, where somebody comes from a resource's page: they become a guest.
    pub organization: Option<&'a OrganizationName>,
    pub name: &'a PersonName,
    pub email: &'a Email,
    /// As the browser guessed it.
    pub time_zone: &'a TimeZone,
    pub issuer: &'a str,
    pub subject: &'a str,
    /// The resource's page that they come from.
    pub next: Option<&'a str>,
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
    let open = takes_by_google(app, tx, asked).await?;
    let message = match (&known, open) {
        (Some(user), _) => mails::known(app, &user.email),
        (None, false) => mails::closed(app, asked.email),
        (None, true) => mails::confirm(app, asked.organization, asked.email, &token),
    };
    // Else it is a row that no link leads to, as in `start`.
    let leads_on = known.is_none() && open;
    let pending = sql::NewPending {
        token: &token.hash(),
        browser,
        organization: asked.organization,
        name: asked.name,
        email: asked.email,
        time_zone: asked.time_zone,
        password_hash: "",
        next: kept(asked.next),
        identity: leads_on.then_some((asked.issuer, asked.subject)),
        now,
        expires_at: now.plus(LIFE),
        used_at: (!leads_on).then_some(now),
    };
    sql::insert(tx, &pending).await?;
    mail::queue(tx, app, None, &message).await?;
    Ok(())
}

/// Whether such a sign-up is taken now (S2).
pub(crate) async fn takes_by_google(
    app: &App,
    on: &mut impl Lends,
    asked: &ByGoogle<'_>,
) -> sqlx::Result<bool> {
    takes(app, on, asked.organization.is_some(), &asked.email.canonical()).await
}

/// Makes the user and the organization, if they ask for one, at once. That the address has no account is the caller's to look at, inside the
/// same change.
pub(crate) async fn found_by_google(
    change: &mut Change,
    asked: &ByGoogle<'_>,
    device: &Device,
    origin: &Origin,
    cookies: Cookies<'_>,
) -> sqlx::Result<Option<Organization>> {
    let founding = Founding {
        organization: asked.organization.cloned(),
        name: asked.name.clone(),
        email: asked.email.clone(),
        password_hash: None,
        identity: Some((asked.issuer, asked.subject)),
        time_zone: asked.time_zone,
    };
    found(change, &founding, device, origin, cookies, &[ProofKind::Google]).await
}
