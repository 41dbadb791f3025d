//! The separate notice to an Auditor: a mail without the link, which they can confirm (I1).

use super::accept::{AcceptError, Standing};
use super::{Invitation, mails, organization_of, sql};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Operator, Origin};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations::Organization;
use crate::domain::users;
use crate::mail;
use crate::secrets::Token;
use crate::storage::{Change, Lends};

/// What a notice is about.
#[derive(Debug)]
pub struct Notice {
    pub invitation: Invitation,
    pub organization: Organization,
    pub inviter: String,
    pub standing: Standing,
    pub confirmed_at: Option<Timestamp>,
}

impl Notice {
    /// One that was accepted meanwhile can still be confirmed: the mails come in any order.
    fn is_alive(&self) -> bool {
        matches!(self.standing, Standing::Open | Standing::Used)
    }
}

pub(super) async fn send(
    app: &App,
    change: &mut Change,
    invitation: &Invitation,
    inviter: &str,
) -> sqlx::Result<()> {
    let organization = organization_of(change, invitation).await?;
    let token = Token::generate();
    let message = mails::notice(app, invitation, &organization, inviter, &token);
    let mail = mail::queue(change, app, Some(invitation.organization), &message).await?;
    sql::set_notice(change, invitation.id, &token.hash(), mail).await
}

/// What a notice's link is about. Changes nothing, however often a mail scanner comes.
pub async fn look_at_notice(app: &App, token: &str) -> Result<Notice, AcceptError> {
    let now = app.db.now();
    look_on(&mut app.db.read().await?, token, now).await
}

async fn look_on(on: &mut impl Lends, token: &str, now: Timestamp) -> Result<Notice, AcceptError> {
    let hash = Token::parse(token).ok_or(AcceptError::Unknown)?.hash();
    let (id, confirmed_at) = sql::notice(on, &hash).await?.ok_or(AcceptError::Unknown)?;
    let invitation = sql::find(on, id).await?.ok_or(AcceptError::Unknown)?;
    let inviter = users::member_of(on, invitation.organization, invitation.inviter).await?;
    let organization = organization_of(on, &invitation).await?;
    let notice = Notice {
        standing: match Standing::of(on, &invitation, inviter.as_ref(), now).await? {
            _ if !organization.is_open() => Standing::Closed,
            standing => standing,
        },
        organization,
        inviter: inviter.map(|member| member.name).unwrap_or_default(),
        confirmed_at,
        invitation,
    };
    if notice.is_alive() { Ok(notice) } else { Err(AcceptError::Dead(notice.standing)) }
}

/// The Auditor says that they expected it. It lets nobody in, and counts once.
pub async fn confirm_notice(app: &App, token: &str, origin: &Origin) -> Result<(), AcceptError> {
    let notice = look_at_notice(app, token).await?;
    let organization = notice.invitation.organization;
    let mut change = app.db.change(organization).await?;
    let now = change.now();
    let notice = look_on(&mut change, token, now).await?;
    if notice.confirmed_at.is_some() {
        return Ok(());
    }
    let invitation = &notice.invitation;
    sql::confirm_notice(&mut change, invitation.id, now).await?;
    // Whoever has the mail: they need no account to say so.
    let operator = Operator { user: None, name: invitation.email.clone(), origin: origin.clone() };
    let entry = Entry::new(Kind::InvitationNoticeConfirmed, invitation.id, &invitation.email)
        .with("role", invitation.role);
    audit::record(&mut change, organization, &operator, entry).await?;
    change.commit().await?;
    Ok(())
}
