use super::mails;
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Denied, Role, StepUpNeeded};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations;
use crate::domain::users::{self, Member, MemberError};
use crate::domain::values::Email;
use crate::mail;
use crate::storage::{Db, Lends};

#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    StepUp(#[from] StepUpNeeded),
    #[error("Nobody who is active here has this address. Check it, or invite them first.")]
    Nobody,
    #[error("This is your own address. Type that of whoever takes over.")]
    Yourself,
    #[error("{0} is an Owner already. To step down beside them, choose to become an Admin.")]
    AlreadyOwner(String),
    #[error(
        "Single sign-on is required, and you are the last Owner with break-glass access. Give it to another Owner \
         first, or stay an Owner beside them."
    )]
    LastBreakGlass,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for HandOverError {
    fn from(error: MemberError) -> HandOverError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

/// Who would take over, for the page that says what happens then.
pub async fn successor(db: &Db, actor: &Actor, email: &Email, stays: bool) -> Result<Member, HandOverError> {
    actor.may(Capability::DeleteOrganization)?;
    find(&mut db.read().await?, actor, email, stays, db.now()).await
}

async fn find(
    on: &mut impl Lends,
    actor: &Actor,
    email: &Email,
    stays: bool,
    now: Timestamp,
) -> Result<Member, HandOverError> {
    let user = users::by_email(on, &email.canonical()).await?.ok_or(HandOverError::Nobody)?;
    let member = users::member_of(on, actor.organization, user.id).await?;
    let member = member.filter(|member| member.is_active(now)).ok_or(HandOverError::Nobody)?;
    if member.user_id == actor.person.user {
        return Err(HandOverError::Yourself);
    }
    if stays && member.role == Role::Owner {
        return Err(HandOverError::AlreadyOwner(member.name));
    }
    Ok(member)
}

/// Makes a member an Owner and the actor an Admin, unless they stay an Owner beside them. There is an
/// Owner at every moment (R3). All Owners hear of it.
pub async fn hand_over(
    app: &App,
    actor: &Actor,
    email: &Email,
    stays: bool,
) -> Result<Member, HandOverError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::DeleteOrganization)?;
    let member = find(&mut change, actor, email, stays, now).await?;
    actor.stepped_up(now)?;
    let organization = organizations::by_id(&mut change, actor.organization).await?;
    let owners = users::owners(&mut change, organization.id).await?;

    let successor = match member.role {
        Role::Owner => member,
        _ => users::assign_role(&mut change, actor, &member, Role::Owner).await?,
    };
    if !stays {
        let own = users::member_of(&mut change, organization.id, actor.person.user).await?;
        let own = own.ok_or(Denied)?;
        if users::is_last_break_glass(&mut change, organization.id, &own).await? {
            return Err(HandOverError::LastBreakGlass);
        }
        users::assign_role(&mut change, actor, &own, Role::Admin).await?;
    }
    let entry = Entry::new(Kind::OrganizationHandedOver, organization.id, &organization.name);
    let entry = match stays {
        true => entry.with("owner", &successor.name),
        false => entry.changed("owner", &actor.person.name, &successor.name),
    };
    audit::record(&mut change, organization.id, &actor.operator(), entry).await?;

    let news = mails::HandedOver { organization: &organization, from: &actor.person, to: &successor, stays };
    let others = owners
        .into_iter()
        .filter(|(id, _)| *id != successor.user_id && *id != actor.person.user)
        .map(|(_, email)| news.to_another_owner(app, email));
    for message in [news.to_successor(app), news.to_predecessor(app)].into_iter().chain(others) {
        mail::queue(&mut change, app, Some(organization.id), &message).await?;
    }
    change.commit().await?;
    Ok(successor)
}
