//! The invited person's side: looking at a link, and accepting it.

use super::{Invitation, State, close, is_grantable, mails, names, organization_of, sql};
use crate::app::App;
use crate::clock::{MINUTE, Timestamp};
use crate::domain::access::{Operator, Origin, Person};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations::Organization;
use crate::domain::passwords::{Busy, PasswordError};
use crate::domain::sessions::{self, Device, Opened, ProofKind};
use crate::domain::sign_in::Cookies;
use crate::domain::sign_up;
use crate::domain::teams;
use crate::domain::throttle::{self, SpendError, Throttled};
use crate::domain::users::{self, Member, MemberState, User};
use crate::domain::values::{Email, PersonName, Theme, TimeZone};
use crate::ids::{OrganizationId, UserId};
use crate::mail;
use crate::secrets::{Token, random_digits};
use crate::storage::{Change, Lends};

const CODE_LIFE: i64 = 15 * MINUTE;

/// How a link came to whoever has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum LinkKind {
    /// By mail to the invited address, which it proves (S3).
    Mailed,
    /// In any other way: it proves nothing.
    Copied,
}

/// What has become of a link (I5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Open,
    Used,
    Revoked,
    Expired,
    /// The inviter could no longer grant it (I4).
    Void,
    /// A newer link was made.
    Replaced,
    /// The organization was deleted, and may be had back (R12).
    Closed,
}

impl Standing {
    /// How an invitation stands, whatever link leads to it.
    pub(super) async fn of(
        on: &mut impl Lends,
        invitation: &Invitation,
        inviter: Option<&Member>,
        now: Timestamp,
    ) -> sqlx::Result<Standing> {
        Ok(match invitation.state {
            State::Accepted => Standing::Used,
            State::Revoked => Standing::Revoked,
            State::Void => Standing::Void,
            State::Expired => Standing::Expired,
            State::Pending if invitation.has_expired(now) => Standing::Expired,
            State::Pending if !is_grantable(on, invitation, inviter, now).await? => Standing::Void,
            State::Pending => Standing::Open,
        })
    }
}

/// A link, and what it is for.
#[derive(Debug)]
pub struct Found {
    pub invitation: Invitation,
    pub organization: Organization,
    pub inviter: String,
    /// The names of the teams that it gives.
    pub teams: Vec<String>,
    pub kind: LinkKind,
    pub standing: Standing,
    /// Who has the invited address. Told on a mailed link's page only: elsewhere it would say who has an account.
    pub account: Option<User>,
}

#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    #[error("Nobody was given this link.")]
    Unknown,
    #[error("This invite does not work any more.")]
    Dead(Standing),
    #[error("This invite is for another address.")]
    WrongAccount,
    #[error("This address has an account. Sign in with it to accept.")]
    AccountExists,
    #[error("This link does not prove the address. Ask for a code first.")]
    Unproven,
    #[error("This organization requires single sign-on, and an account that is made here would not open it.")]
    SsoRequired,
    #[error("You are already in this organization.")]
    AlreadyMember,
    #[error("Your membership of this organization is suspended.")]
    Suspended,
    #[error("This is not the code, or it has ended. Check the newest mail, or ask for another code.")]
    WrongCode,
    #[error(transparent)]
    Unfit(#[from] PasswordError),
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SpendError> for AcceptError {
    fn from(error: SpendError) -> AcceptError {
        match error {
            SpendError::Throttled(throttled) => throttled.into(),
            SpendError::Database(error) => error.into(),
        }
    }
}

/// What a link is for. Changes nothing, however often a mail scanner comes (I3).
pub async fn look(app: &App, token: &str) -> Result<Found, AcceptError> {
    let now = app.db.now();
    look_on(&mut app.db.read().await?, token, now).await
}

async fn look_on(on: &mut impl Lends, token: &str, now: Timestamp) -> Result<Found, AcceptError> {
    let hash = Token::parse(token).ok_or(AcceptError::Unknown)?.hash();
    let link = sql::token(on, &hash).await?.ok_or(AcceptError::Unknown)?;
    let invitation = sql::find(on, link.invitation).await?.ok_or(AcceptError::Unknown)?;
    let inviter = users::member_of(on, invitation.organization, invitation.inviter).await?;
    let organization = organization_of(on, &invitation).await?;
    let standing = match Standing::of(on, &invitation, inviter.as_ref(), now).await? {
        _ if !organization.is_open() => Standing::Closed,
        _ if invitation.state == State::Pending && link.replaced_at.is_some() => Standing::Replaced,
        standing => standing,
    };
    Ok(Found {
        organization,
        inviter: inviter.map(|member| member.name).unwrap_or_default(),
        teams: teams::named(on, invitation.organization, &invitation.teams())
            .await?
            .into_iter()
            .map(|team| team.name)
            .collect(),
        kind: link.kind,
        standing,
        account: users::by_email(on, &invitation.email_canonical).await?,
        invitation,
    })
}

/// The invitation behind a link that works, for whoever proves its address in another way than by the link.
pub(crate) async fn behind(
    on: &mut impl Lends,
    token: &str,
    now: Timestamp,
) -> sqlx::Result<Option<Invitation>> {
    match look_on(on, token, now).await {
        Ok(found) => Ok(Some(found.invitation).filter(|_| found.standing == Standing::Open)),
        Err(AcceptError::Database(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// The invitation that an address has in an organization, if it could be accepted now. The organization's being
/// open is the caller's to look at.
pub(crate) async fn open_for(
    change: &mut Change,
    organization: OrganizationId,
    canonical: &str,
) -> sqlx::Result<Option<Invitation>> {
    let now = change.now();
    let pending = sql::known_as(change, organization, canonical).await?.pending;
    let Some(pending) = pending else { return Ok(None) };
    let Some(invitation) = sql::find(change, pending).await? else { return Ok(None) };
    let inviter = users::member_of(change, organization, invitation.inviter).await?;
    let open = Standing::of(change, &invitation, inviter.as_ref(), now).await? == Standing::Open;
    Ok(Some(invitation).filter(|_| open))
}

/// The same inside a change. A link that turns out void is closed for good, and the Owners are told (INV-11).
async fn open_link(app: &App, mut change: Change, token: &str) -> Result<(Change, Found), AcceptError> {
    let now = change.now();
    let found = look_on(&mut change, token, now).await?;
    match found.standing {
        Standing::Open => Ok((change, found)),
        Standing::Void if found.invitation.state == State::Pending => {
            let invitation = &found.invitation;
            close(&mut change, invitation, State::Void, None).await?;
            let operator = Operator::interlock();
            let entry = Entry::new(Kind::InvitationVoided, invitation.id, &invitation.email)
                .without("role", invitation.role);
            audit::record(&mut change, invitation.organization, &operator, entry).await?;
            for owner in users::mail_of_owners(&mut change, invitation.organization).await? {
                let message = mails::became_void(app, &owner, invitation, &found.organization);
                mail::queue(&mut change, app, Some(invitation.organization), &message).await?;
            }
            change.commit().await?;
            Err(AcceptError::Dead(Standing::Void))
        }
        dead => Err(AcceptError::Dead(dead)),
    }
}

/// What a person gives to have an account.
pub struct NewAccount<'a> {
    pub name: &'a PersonName,
    pub password: &'a str,
    /// As the browser guessed it.
    pub time_zone: TimeZone,
}

/// Accepts with a new account. Only a mailed link can: it proves the address. Two at once: one membership.
pub async fn accept_new(
    app: &App,
    token: &str,
    new: NewAccount<'_>,
    device: &Device,
    origin: &Origin,
    cookies: Cookies<'_>,
) -> Result<Organization, AcceptError> {
    let found = look(app, token).await?;
    may_make_account(&found, false)?;
    let invitation = &found.invitation;
    let name = new.name;
    let context = [found.organization.name.as_str(), name.as_str(), &invitation.email];
    let password =
        app.passwords.fit(new.password, &context, found.organization.policy.shortest_password).await??;
    let password_hash = app.passwords.hash(&password).await?;

    let change = app.db.account(None, &[invitation.organization]).await?;
    let newcomer = Newcomer {
        name,
        password_hash: Some(&password_hash),
        time_zone: &new.time_zone,
        address_proven: false,
    };
    let (mut change, found, user) = join_new(app, change, token, newcomer, origin).await?;
    let proofs = [ProofKind::MailedLink, ProofKind::Password];
    sign_in_new(&mut change, &user, device, cookies, &proofs).await?;
    change.commit().await?;
    Ok(found.organization)
}

/// Who accepts with a new account, and what is kept to know them by.
pub(crate) struct Newcomer<'a> {
    pub name: &'a PersonName,
    pub password_hash: Option<&'a str>,
    pub time_zone: &'a TimeZone,
    /// Whether they have shown in another way than by a mailed link that the address is theirs.
    pub address_proven: bool,
}

/// The account and the membership. `change` is one without a person that joins the organization.
pub(crate) async fn join_new(
    app: &App,
    change: Change,
    token: &str,
    new: Newcomer<'_>,
    origin: &Origin,
) -> Result<(Change, Found, User), AcceptError> {
    let (mut change, found) = open_link(app, change, token).await?;
    may_make_account(&found, new.address_proven)?;
    let invitation = &found.invitation;
    let email: Email = invitation.email.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let id = UserId::generate();
    let operator = Operator { user: Some(id), name: new.name.to_string(), origin: origin.clone() };
    let user = users::create(&mut change, id, &operator, &email, new.name, new.password_hash).await?;
    users::set_preferences(&mut change, id, new.time_zone, Theme::default()).await?;
    sign_up::address_verified(&mut change, &user.email_canonical).await?;
    join(&mut change, invitation, &user, &operator).await?;
    Ok((change, found, user))
}

/// The session of a new account, in place of the one that the browser had before.
pub(crate) async fn sign_in_new(
    change: &mut Change,
    user: &User,
    device: &Device,
    cookies: Cookies<'_>,
    proofs: &[ProofKind],
) -> sqlx::Result<()> {
    let now = change.now();
    if let Some(old) = cookies.old {
        sessions::end_replaced(change, old, now).await?;
    }
    let opened = sessions::open(change, user, cookies.new, device, proofs, now).await?;
    debug_assert_eq!(opened, Opened::Session, "a new account has no factors");
    Ok(())
}

/// Whether the link makes an account: it proves the address, or something else has (S3). Where single sign-on is
/// required only its provider makes one: any other would be locked out of what it was made for (I2).
pub(crate) fn may_make_account(found: &Found, address_proven: bool) -> Result<(), AcceptError> {
    match (found.standing, found.kind, &found.account) {
        (Standing::Open, LinkKind::Copied, _) if !address_proven => Err(AcceptError::Unproven),
        (Standing::Open, _, Some(_)) => Err(AcceptError::AccountExists),
        (Standing::Open, ..) if found.organization.policy.sso_required => Err(AcceptError::SsoRequired),
        // Void goes on to the change, where it is closed for good.
        (Standing::Open, _, None) | (Standing::Void, ..) => Ok(()),
        (dead, ..) => Err(AcceptError::Dead(dead)),
    }
}

/// Accepts as the signed-in person, who must be the invited one. The link adds nothing to their session (I2).
pub async fn accept_as(app: &App, token: &str, person: &Person) -> Result<Organization, AcceptError> {
    let found = look(app, token).await?;
    let change = app.db.account(Some(person.user), &[found.invitation.organization]).await?;
    let (mut change, found) = open_link(app, change, token).await?;
    let invitation = &found.invitation;
    let user =
        found.account.as_ref().filter(|user| user.id == person.user).ok_or(AcceptError::WrongAccount)?;
    // A session that another organization's provider alone has opened joins nothing (S8).
    if !person.may_know_of(invitation.organization) {
        return Err(AcceptError::Unproven);
    }
    match users::member_of(&mut change, invitation.organization, user.id).await?.map(|member| member.state) {
        Some(MemberState::Active) => return Err(AcceptError::AlreadyMember),
        Some(MemberState::Suspended) => return Err(AcceptError::Suspended),
        Some(MemberState::Removed) | None => {}
    }
    join(&mut change, invitation, user, &person.operator()).await?;
    change.commit().await?;
    Ok(found.organization)
}

/// The membership that the stored row gives (I4), in the teams that it names and that are still there, and the
/// audit rows. That the person has the address is the
/// caller's to know, and `change` is one of [`Db::account`](crate::storage::Db::account).
pub(crate) async fn join(
    change: &mut Change,
    invitation: &Invitation,
    user: &User,
    operator: &Operator,
) -> sqlx::Result<()> {
    let joining = users::Joining {
        role: invitation.role,
        ends_at: invitation.membership_ends_at,
        invited_by: Some(invitation.inviter),
    };
    users::join(change, invitation.organization, user, joining).await?;
    close(change, invitation, State::Accepted, Some(user.id)).await?;
    let mut entry = Entry::new(Kind::InvitationAccepted, user.id, &user.name)
        .with("role", invitation.role)
        .with("email", &invitation.email);
    if let Some(end) = invitation.membership_ends_at {
        entry = entry.with("end date", end.rfc3339());
    }
    let given = invitation.teams();
    let there = teams::named(change, invitation.organization, &given).await?;
    if !there.is_empty() {
        entry = entry.with("teams", names(&there));
    }
    audit::record(change, invitation.organization, operator, entry).await?;
    teams::join_invited(change, invitation.organization, user, &given, invitation.inviter, operator).await
}

/// Asks whoever sent an expired invitation for another; the Owners, if that person is gone (I5).
pub async fn ask_again(app: &App, token: &str) -> Result<(), AcceptError> {
    let found = look(app, token).await?;
    if found.standing != Standing::Expired {
        return Err(AcceptError::Dead(found.standing));
    }
    let invitation = &found.invitation;
    let mut tx = app.db.write().await?;
    let now = tx.now();
    throttle::spend(&mut tx, now, throttle::INVITE_ASK, &invitation.id.to_string()).await?;
    let inviter = users::member_of(&mut tx, invitation.organization, invitation.inviter).await?;
    let to = match inviter.filter(|_| invitation.state == State::Pending) {
        Some(inviter) if is_grantable(&mut tx, invitation, Some(&inviter), now).await? => vec![inviter.email],
        _ => users::mail_of_owners(&mut tx, invitation.organization).await?,
    };
    for to in to {
        let message = mails::asked_again(app, &to, invitation, &found.organization);
        mail::queue(&mut tx, app, Some(invitation.organization), &message).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn code_place(invitation: &Invitation) -> String {
    format!("invitation_codes.code:{}", invitation.id)
}

/// Mails a code to the invited address, so that whoever has a copied link can prove it (S3).
pub async fn mail_code(app: &App, token: &str) -> Result<(), AcceptError> {
    let found = look(app, token).await?;
    if found.standing != Standing::Open {
        return Err(AcceptError::Dead(found.standing));
    }
    let invitation = &found.invitation;
    let code = random_digits(8);
    let mut tx = app.db.write().await?;
    let now = tx.now();
    throttle::spend(&mut tx, now, throttle::INVITE_CODE, &invitation.id.to_string()).await?;
    let sealed = app.sealer.seal(&code_place(invitation), code.as_bytes());
    sql::set_code(&mut tx, invitation.id, &sealed, now, now.plus(CODE_LIFE)).await?;
    let message = mails::code(invitation, &found.organization, &code);
    mail::queue(&mut tx, app, Some(invitation.organization), &message).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes the code and gives a link that proves the address, as if it had been mailed.
pub async fn redeem_code(app: &App, token: &str, code: &str) -> Result<Token, AcceptError> {
    let found = look(app, token).await?;
    if found.standing != Standing::Open {
        return Err(AcceptError::Dead(found.standing));
    }
    let invitation = &found.invitation;
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let spent = throttle::spend(&mut tx, now, throttle::INVITE_CODE_GUESS, &invitation.id.to_string()).await;
    tx.commit().await?;
    spent?;

    let typed: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let mut change = app.db.change(invitation.organization).await?;
    let now = change.now();
    // A link that was revoked or replaced meanwhile gives no new one.
    let found = look_on(&mut change, token, now).await?;
    if found.standing != Standing::Open {
        return Err(AcceptError::Dead(found.standing));
    }
    let sealed = sql::code(&mut change, invitation.id, now).await?;
    let right = sealed.and_then(|sealed| app.sealer.open(&code_place(invitation), &sealed).ok());
    if right.as_deref() != Some(typed.as_bytes()) {
        return Err(AcceptError::WrongCode);
    }
    sql::drop_code(&mut change, invitation.id).await?;
    throttle::clear(&mut change, throttle::INVITE_CODE_GUESS, &invitation.id.to_string()).await?;
    let token = Token::generate();
    sql::insert_token(&mut change, &token.hash(), invitation.id, LinkKind::Mailed, now).await?;
    change.commit().await?;
    Ok(token)
}
