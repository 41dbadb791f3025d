//! What comes of a way back from an organization's own provider: a session, perhaps with an account and a
//! membership made on the way, or a refusal.

mod again;
mod judge;
mod sql;
#[cfg(test)]
mod tests;

pub(super) use self::again::vouches_again;
pub(super) use self::judge::Asserted;
pub use self::judge::Refusal;
use self::judge::{Facts, Standing, Who, judge};
use super::{Connection, Domain, Purpose, mails, sql as connections};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Operator, Origin, Person, Role};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::identities::{self, Identity, Seen};
use crate::domain::invitations::{self, Invitation};
use crate::domain::organizations::{self, Organization};
use crate::domain::sessions::{self, Device, Opened, Vouched};
use crate::domain::sign_in::{self, Cookies};
use crate::domain::sign_up;
use crate::domain::throttle::{self, SpendError};
use crate::domain::users::{self, Member, User};
use crate::domain::values::{Email, PersonName};
use crate::ids::{ConnectionId, UserId};
use crate::mail;
use crate::oidc::{Claims, FinishError};
use crate::storage::{Change, Lends};

/// Who came back from a provider, and in which browser.
pub struct Arriving<'a> {
    pub connection: &'a Connection,
    pub claims: &'a Claims,
    /// The link that they began from, if it was an invitation's.
    pub invite: Option<&'a str>,
    /// Who is signed in in this browser.
    pub person: Option<&'a Person>,
    pub device: &'a Device,
    pub origin: &'a Origin,
    pub cookies: Cookies<'a>,
}

/// Someone is let in.
#[derive(Debug)]
pub struct Arrived {
    pub opened: Opened,
    pub organization: Organization,
    /// Whether they came to be a member by this.
    pub joined: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ArriveError {
    #[error("{0}")]
    Refused(Refusal, Box<Organization>),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Lets in whom an organization's provider vouches for, by what is true now, and counts how that went.
pub async fn arrive(app: &App, arriving: Arriving<'_>) -> Result<Arrived, ArriveError> {
    let (connection, request) = (arriving.connection.id, arriving.origin.request.clone());
    let result = try_arrive(app, arriving).await;
    let word = match &result {
        Ok(arrived) if arrived.opened == Opened::Half => "half_finished",
        Ok(_) => "signed_in",
        Err(ArriveError::Refused(..)) => "provider_refused",
        Err(ArriveError::Database(_)) => "failed",
    };
    app.metrics.sign_ins.with_label_values(&[word]).inc();
    match &result {
        Ok(arrived) => {
            tracing::info!(request, %connection, opened = ?arrived.opened, "signed in by a provider");
        }
        Err(error) => tracing::info!(request, %connection, %error, "a sign-in by a provider was refused"),
    }
    result
}

/// One change for all of it: of two first sign-ins of one newcomer at once the second finds the account. It
/// holds the heads of the installation and of this organization: the person's others are none of its business.
async fn try_arrive(app: &App, arriving: Arriving<'_>) -> Result<Arrived, ArriveError> {
    let Connection { id, organization, .. } = *arriving.connection;
    let mut change = app.db.account(None, &[organization]).await?;
    let now = change.now();
    let organization = organizations::by_id(&mut change, organization).await?;
    let refused = |refusal| ArriveError::Refused(refusal, Box::new(organization.clone()));
    // It may have been switched off meanwhile, and what it admits may be another.
    let connection = connections::connection(&mut change, id).await?.filter(|connection| connection.enabled);
    let connection = connection.ok_or_else(|| refused(Refusal::Disconnected))?;
    let asserted = Asserted::by(&connection, arriving.claims).map_err(refused)?;
    let found = Found::read(&mut change, &connection, &asserted).await?;
    let invited = found.invited(&mut change, &connection, &asserted, arriving.invite).await?;
    let invitation = invited.map_err(refused)?;
    let facts = found.facts(now, &organization, &connection, invitation.is_some());
    let (who, standing) = match judge(&asserted, &facts) {
        Ok(verdict) => verdict,
        Err(refusal) => {
            if let (Refusal::OtherSubject, Some(account)) = (&refusal, &found.account) {
                tell_admins(
                    app,
                    &mut change,
                    &organization,
                    &connection,
                    &asserted,
                    account,
                    arriving.origin,
                )
                .await?;
                change.commit().await?;
            }
            return Err(refused(refusal));
        }
    };
    let coming = Coming { app, arriving: &arriving, connection: &connection, asserted: &asserted };
    let user = coming.account(&mut change, who, &found, invitation.as_ref()).await?;
    coming.join(&mut change, standing, &user, invitation.as_ref()).await?;
    sql::note_used(&mut change, connection.id, now).await?;
    let opened = coming.open(&mut change, &user).await?;
    change.commit().await?;
    Ok(Arrived { opened, organization, joined: standing != Standing::Member })
}

/// What there is of whoever came.
struct Found {
    domain: Option<Domain>,
    identity: Option<Identity>,
    known: Option<User>,
    account: Option<User>,
    other_subject: bool,
    member: Option<Member>,
}

impl Found {
    async fn read(
        on: &mut impl Lends,
        connection: &Connection,
        asserted: &Asserted<'_>,
    ) -> sqlx::Result<Found> {
        let here = Some(connection.id);
        let identity = identities::find_identity(on, here, asserted.issuer, asserted.subject).await?;
        let known = match &identity {
            Some(identity) => users::by_id(on, identity.user).await?,
            None => None,
        };
        let (mut account, mut domain) = (None, None);
        if let Some(email) = &asserted.email {
            account = users::by_email(on, &email.canonical()).await?;
            // Exactly: no domain under it, and none that ends like it (SSO-12).
            let of = super::domains_of(on, connection.organization).await?;
            domain = of.into_iter().find(|domain| {
                domain.connection == connection.id && domain.domain.eq_ignore_ascii_case(email.domain())
            });
        }
        let other_subject = match (&known, &account) {
            (None, Some(account)) => identities::identity_of(on, account.id, here).await?.is_some(),
            _ => false,
        };
        let member = match known.as_ref().or(account.as_ref()) {
            Some(user) => users::member_of(on, connection.organization, user.id).await?,
            None => None,
        };
        Ok(Found { domain, identity, known, account, other_subject, member })
    }

    /// The invitation that the address has here: the one of the link, if they began from one.
    async fn invited(
        &self,
        change: &mut Change,
        connection: &Connection,
        asserted: &Asserted<'_>,
        link: Option<&str>,
    ) -> sqlx::Result<Result<Option<Invitation>, Refusal>> {
        let canonical = asserted.email.as_ref().map(Email::canonical).unwrap_or_default();
        if let Some(link) = link {
            let now = change.now();
            let Some(invitation) = invitations::behind(change, link, now).await? else {
                return Ok(Err(Refusal::InviteOver));
            };
            let here = invitation.organization == connection.organization;
            let refusal = if here { Refusal::OtherAddress } else { Refusal::InviteOver };
            let same = here && asserted.verified && invitation.email_canonical == canonical;
            return Ok(if same { Ok(Some(invitation)) } else { Err(refusal) });
        }
        invitations::open_for(change, connection.organization, &canonical).await.map(Ok)
    }

    fn facts<'a>(
        &'a self,
        now: Timestamp,
        organization: &'a Organization,
        connection: &'a Connection,
        invited: bool,
    ) -> Facts<'a> {
        Facts {
            now,
            organization,
            connection,
            domain: self.domain.as_ref(),
            known: self.known.as_ref(),
            account: self.account.as_ref(),
            other_subject: self.other_subject,
            member: self.member.as_ref(),
            invited,
        }
    }
}

/// Somebody whom the rule lets in.
struct Coming<'a> {
    app: &'a App,
    arriving: &'a Arriving<'a>,
    connection: &'a Connection,
    asserted: &'a Asserted<'a>,
}

impl Coming<'_> {
    fn operator(&self, user: UserId, name: &str) -> Operator {
        Operator { user: Some(user), name: name.to_owned(), origin: self.arriving.origin.clone() }
    }

    /// The account, made or linked if the identity is a new one, and held.
    async fn account(
        &self,
        change: &mut Change,
        who: Who,
        found: &Found,
        invitation: Option<&Invitation>,
    ) -> sqlx::Result<User> {
        let now = change.now();
        let user = match (who, &found.known, &found.account, &self.asserted.email) {
            (Who::Known, Some(user), ..) | (Who::Account, _, Some(user), _) => user.clone(),
            (Who::Nobody, _, _, Some(email)) => self.make(change, email, invitation).await?,
            _ => return Err(sqlx::Error::RowNotFound),
        };
        let user = users::hold(change, user.id).await?.ok_or(sqlx::Error::RowNotFound)?;
        let email = self.asserted.email.as_ref().map(Email::as_str);
        if let Some(identity) = &found.identity {
            identities::touch_identity(change, identity.id, email, now).await?;
            return Ok(user);
        }
        let seen = Seen {
            connection: Some(self.connection.id),
            issuer: self.asserted.issuer,
            subject: self.asserted.subject,
            email: email.unwrap_or_default(),
        };
        identities::insert_identity(change, user.id, seen).await?;
        let entry = Entry::new(Kind::IdentityLinked, user.id, &user.name)
            .with("provider", &self.connection.name)
            .with("email", seen.email);
        audit::record_account(change, &self.operator(user.id, &user.name), entry).await?;
        if who == Who::Account {
            let organization = organizations::by_id(change, self.connection.organization).await?;
            let message = mails::linked(self.app, &user.email, &organization, &self.connection.name, now);
            mail::queue(change, self.app, None, &message).await?;
        }
        Ok(user)
    }

    /// An account without a password: its ways in are the provider's and what the person adds.
    async fn make(
        &self,
        change: &mut Change,
        email: &Email,
        invitation: Option<&Invitation>,
    ) -> sqlx::Result<User> {
        let invited_as = invitation.map(|invitation| invitation.name.as_str());
        let names = [self.arriving.claims.name.as_deref(), invited_as, Some(email.local_part())];
        let name = names.into_iter().flatten().find_map(|name| name.parse::<PersonName>().ok());
        let name = name.unwrap_or_else(|| "New member".parse().expect("this is a name"));
        let id = UserId::generate();
        let operator = self.operator(id, name.as_str());
        let user = users::create(change, id, &operator, email, &name, None).await?;
        sign_up::address_verified(change, &user.email_canonical).await?;
        Ok(user)
    }

    async fn join(
        &self,
        change: &mut Change,
        standing: Standing,
        user: &User,
        invitation: Option<&Invitation>,
    ) -> sqlx::Result<()> {
        let operator = self.operator(user.id, &user.name);
        match (standing, invitation) {
            (Standing::Member, _) => Ok(()),
            (Standing::Invited, Some(invitation)) => {
                invitations::join(change, invitation, user, &operator).await
            }
            (Standing::Invited, None) => Err(sqlx::Error::RowNotFound),
            (Standing::Newcomer(role), _) => self.admit(change, role, user, &operator).await,
        }
    }

    async fn admit(
        &self,
        change: &mut Change,
        role: Role,
        user: &User,
        operator: &Operator,
    ) -> sqlx::Result<()> {
        let joining = users::Joining { role, ends_at: None, invited_by: None };
        users::join(change, self.connection.organization, user, joining).await?;
        let entry = Entry::new(Kind::NewcomerAdmitted, user.id, &user.name)
            .with("role", role)
            .with("email", &user.email)
            .with("provider", &self.connection.name);
        audit::record(change, self.connection.organization, operator, entry).await
    }

    /// The proof is added to the session of the same person; whoever else was signed in here is not any more
    /// (S9).
    async fn open(&self, change: &mut Change, user: &User) -> sqlx::Result<Opened> {
        let Arriving { claims, person, device, cookies, .. } = self.arriving;
        let now = change.now();
        let multi_factor = self.connection.enforces_mfa && claims.multi_factor();
        let vouched = Vouched { connection: self.connection.id, multi_factor };
        if let Some(person) = person.filter(|person| person.user == user.id)
            && sessions::prove_vouched(change, person, vouched, cookies.new, now).await?
        {
            return Ok(Opened::Session);
        }
        if let Some(old) = cookies.old {
            sessions::end_replaced(change, old, now).await?;
        }
        let known = sign_in::is_known(change, user.id, device, now).await?;
        let opened = sessions::open_vouched(change, user, cookies.new, device, vouched, now).await?;
        if opened == Opened::Session && !known {
            sign_in::queue_new_device(self.app, change, &user.email, device, now).await?;
        }
        Ok(opened)
    }
}

/// Somebody else at the provider has the address of a person who is linked already: an address that was given
/// anew there, or an attack. At most once a day for each of them, or a stranger could fill the log.
async fn tell_admins(
    app: &App,
    change: &mut Change,
    organization: &Organization,
    connection: &Connection,
    asserted: &Asserted<'_>,
    account: &User,
    origin: &Origin,
) -> sqlx::Result<()> {
    let now = change.now();
    let key = format!("{} {}", connection.id, account.id);
    match throttle::spend(change, now, throttle::SSO_REFUSED, &key).await {
        Ok(_) => {}
        Err(SpendError::Throttled(_)) => return Ok(()),
        Err(SpendError::Database(error)) => return Err(error),
    }
    let email = asserted.email.as_ref().map(Email::as_str).unwrap_or_default();
    let entry = Entry::new(Kind::IdentityRefused, account.id, &account.name)
        .with("provider", &connection.name)
        .with("email", email);
    let operator = Operator { origin: origin.clone(), ..Operator::interlock() };
    audit::record(change, organization.id, &operator, entry).await?;
    for to in users::mail_of_admins(change, organization.id).await? {
        let message = mails::other_subject(app, &to, organization, &connection.name, &account.name, email);
        mail::queue(change, app, Some(organization.id), &message).await?;
    }
    Ok(())
}

/// Notes why a connection failed, for whoever manages it. What only says something of the person, or of this
/// one sign-in, is no problem of the connection's: anybody could cause it.
pub(super) async fn note_problem(
    app: &App,
    id: ConnectionId,
    purpose: Purpose,
    error: &FinishError,
) -> sqlx::Result<()> {
    let own = match error {
        FinishError::Discovery(_)
        | FinishError::Unasked(_)
        | FinishError::TooSlow
        | FinishError::SecretRefused
        | FinishError::NotATokenAnswer
        | FinishError::NoIdToken
        | FinishError::NotAnIdToken
        | FinishError::UnknownKey
        | FinishError::Algorithm
        | FinishError::Signature
        | FinishError::OtherIssuer
        | FinishError::OtherAudience
        | FinishError::Expired
        | FinishError::NotIssuedNow
        | FinishError::UserinfoUnasked(_)
        | FinishError::NoUserinfo => true,
        FinishError::OtherProvider
        | FinishError::CodeRefused
        | FinishError::Refused
        | FinishError::OtherSignIn
        | FinishError::NoSubject
        | FinishError::NotFresh
        | FinishError::OtherDomain
        | FinishError::OtherTenant
        | FinishError::OtherSubject => false,
    };
    // Who tests it sees it on the spot, and may be trying what is not saved for good.
    if !own || purpose == Purpose::Test {
        return Ok(());
    }
    let mut tx = app.db.write().await?;
    let now = tx.now();
    sql::note_problem(&mut tx, id, &error.to_string(), now).await?;
    tx.commit().await
}
