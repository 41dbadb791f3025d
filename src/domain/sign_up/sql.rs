use crate::clock::Timestamp;
use crate::domain::values::{Email, OrganizationName, PersonName, TimeZone};
use crate::secrets::TokenHash;
use crate::storage::{Lends, execute, fetch_one, fetch_optional};

pub(super) struct NewPending<'a> {
    pub token: &'a TokenHash,
    pub browser: &'a TokenHash,
    pub organization: Option<&'a OrganizationName>,
    pub name: &'a PersonName,
    pub email: &'a Email,
    pub time_zone: &'a TimeZone,
    /// Empty: none is set.
    pub password_hash: &'a str,
    /// At Google, in place of a password: issuer and subject.
    pub identity: Option<(&'a str, &'a str)>,
    pub next: Option<&'a str>,
    pub now: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
pub(super) struct Pending {
    pub browser_hash: TokenHash,
    pub email: String,
    pub email_canonical: String,
    pub name: String,
    pub organization: String,
    pub password_hash: String,
    pub time_zone: TimeZone,
    pub issuer: Option<String>,
    pub subject: Option<String>,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    pub next: Option<String>,
}

impl Pending {
    /// The Google account that signs up: issuer and subject.
    pub fn identity(&self) -> Option<(&str, &str)> {
        self.issuer.as_deref().zip(self.subject.as_deref())
    }
}

pub(super) async fn insert(on: &mut impl Lends, pending: &NewPending<'_>) -> sqlx::Result<()> {
    execute!(
        on,
        "insert into pending_sign_ups (token_hash, browser_hash, email, email_canonical, name, organization, \
         password_hash, time_zone, issuer, subject, created_at, expires_at, used_at, next) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        pending.token,
        pending.browser,
        pending.email.as_str(),
        pending.email.canonical(),
        pending.name.as_str(),
        pending.organization.map_or("", OrganizationName::as_str),
        pending.password_hash,
        pending.time_zone,
        pending.identity.map(|(issuer, _)| issuer),
        pending.identity.map(|(_, subject)| subject),
        pending.now,
        pending.expires_at,
        pending.used_at,
        pending.next
    )?;
    Ok(())
}

pub(super) async fn find(on: &mut impl Lends, token: &TokenHash) -> sqlx::Result<Option<Pending>> {
    fetch_optional!(
        on,
        Pending,
        "select browser_hash, email, email_canonical, name, organization, password_hash, time_zone, issuer, subject, \
         expires_at, used_at, next \
         from pending_sign_ups where token_hash = $1",
        token
    )
}

/// A password hash that is no longer needed is not kept.
pub(super) async fn close_all(
    on: &mut impl Lends,
    email_canonical: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        on,
        "update pending_sign_ups set used_at = $2, password_hash = '', issuer = null, subject = null \
         where email_canonical = $1 and used_at is null",
        email_canonical,
        now
    )?;
    Ok(())
}

pub(super) async fn drop_old(on: &mut impl Lends, before: Timestamp) -> sqlx::Result<()> {
    execute!(on, "delete from pending_sign_ups where expires_at < $1", before)?;
    Ok(())
}

pub(super) async fn setup_token(on: &mut impl Lends) -> sqlx::Result<Option<TokenHash>> {
    let (hash,) = fetch_one!(on, (Option<TokenHash>,), "select setup_token_hash from instance where id = 1")?;
    Ok(hash)
}

pub(super) async fn set_setup_token(on: &mut impl Lends, token: Option<&TokenHash>) -> sqlx::Result<()> {
    execute!(on, "update instance set setup_token_hash = $1 where id = 1", token)?;
    Ok(())
}
