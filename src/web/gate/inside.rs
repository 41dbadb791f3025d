//! An organization's gate, for its members.

use axum::extract::Request;

use super::address::{environment_in_path, is_in_environment, organization_in_path, rest_of_path, way_back};
use super::ways::{asked_for, door, led_on};
use super::{Access, Check, Inside, chrome_organizations, from_our_pages, maintains};
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Person, Role};
use crate::domain::environments::{self, Environment};
use crate::domain::organizations::{MfaRule, Organization};
use crate::domain::sessions::{self, Place, Session};
use crate::domain::{sso, users};
use crate::web::chrome::{Chrome, Here, MfaDue};
use crate::web::context::Context;
use crate::web::error::Error;
use crate::web::html::Times;
use crate::web::pages::step_up;

/// Past an organization's gate, with the session's last click inside it.
pub(super) async fn enter(
    check: &Check,
    request: &mut Request,
    context: &Context,
    session: &Session,
    person: Person,
    flash: Option<String>,
    now: Timestamp,
) -> Result<(Inside, Option<Timestamp>), Error> {
    let slug = organization_in_path(request).ok_or(Error::NotFound)?;
    let Some(place) = session.place(&slug).filter(|place| session.may_know_of(place)) else {
        let rest = rest_of_path(request);
        return Err(match Box::pin(led_on(&check.app, rest, session, &slug, now)).await? {
            // The same of an organization that is there and of one that is not.
            Error::NotFound if session.owes_factor() => {
                Error::FactorFirst(step_up::first(&way_back(request)))
            }
            // To a provider alone an organization is neither there nor not there (S8, TEN-05).
            Error::NotFound if !session.has_own_proof() => door(&slug, &way_back(request)),
            error => error,
        });
    };
    let Place { organization, member, last_click, break_glass_at } = place;
    if !member.is_active(now) {
        return Err(Error::NotFound);
    }
    open_or_undone(check.access, request, organization, member.role, now)?;
    let lacks = session.lacks(place, now);
    if let Some(lack) = lacks.filter(|_| !matches!(check.access, Access::Proving | Access::Door)) {
        return Err(asked_for(lack, &organization.slug, &way_back(request)));
    }
    let actor = Actor { person, organization: organization.id, role: member.role };
    match check.access {
        Access::Needs(capability) | Access::Polls(capability) => actor.may(capability)?,
        Access::Reopens => actor.may(Capability::DeleteOrganization)?,
        Access::Maintains => Box::pin(maintains::check(&check.app, &actor, request.uri().path())).await?,
        _ => {}
    }
    from_our_pages(&check.app, request)?;
    let by_break_glass = session.breaks_glass(place, now);
    let breaks_glass = lacks.is_none() && by_break_glass;
    if breaks_glass && break_glass_at.is_none() {
        Box::pin(sso::note_break_glass(&check.app, &actor)).await?;
    }
    let organizations = chrome_organizations(context, session, now);
    let environment = match environment_in_path(request) {
        None => Environment::production(),
        Some(slug) => Box::pin(environment(&check.app, &actor, &slug)).await?,
    };
    let environments = match is_in_environment(request) && !context.fragment {
        true => Box::pin(switches(&check.app, organization, member.role, &environment)).await?,
        false => Vec::new(),
    };
    let here = Here { organization: organization.clone(), role: member.role, environment, environments };
    let mut chrome =
        Chrome::new(&check.app, &actor.person, Some(here), organizations, request.uri().path(), flash);
    chrome.breaks_glass = breaks_glass;
    chrome.mfa_due = mfa_due(session, place, &actor.person, now);
    Ok((Inside { actor, organization: organization.clone(), chrome, lacks, by_break_glass }, *last_click))
}

/// The environment of an address. Production has no word in it, and Dev mode is there for those who develop.
async fn environment(app: &Shared, actor: &Actor, slug: &str) -> Result<Environment, Error> {
    let found = environments::find(&mut app.db.read().await?, actor.organization, slug).await?;
    let found = found.filter(|found| !found.is_production()).ok_or(Error::NotFound)?;
    if found.is_development() {
        actor.may(Capability::DevelopResources)?;
    }
    Ok(found)
}

/// What somebody has to set up before the organization's grace ends.
fn mfa_due(session: &Session, place: &Place, person: &Person, now: Timestamp) -> Option<MfaDue> {
    let organization = &place.organization;
    let from = organization.policy.grace_until(now).filter(|_| session.owes_enrolment(place))?;
    let what = match organization.policy.mfa {
        MfaRule::Passkey => "a passkey",
        MfaRule::Optional | MfaRule::Any => "multi-factor authentication",
    };
    Some(MfaDue {
        what,
        from: Times::new(now, &person.time_zone).minute(from),
        path: format!("/account/mfa/enrol?organization={}", organization.slug),
    })
}

/// R12: a deleted organization is there for its Owners alone, who reach only the page that undoes that.
fn open_or_undone(
    access: Access,
    request: &Request,
    organization: &Organization,
    role: Role,
    now: Timestamp,
) -> Result<(), Error> {
    if !organization.is_there_for(role, now) {
        return Err(Error::NotFound);
    }
    match access {
        _ if organization.is_open() => Ok(()),
        Access::Proving | Access::Door | Access::Reopens => Ok(()),
        _ if request.method().is_safe() => Err(Error::Elsewhere(format!("/o/{}/closed", organization.slug))),
        _ => Err(Error::Conflict("This organization is deleted. Undo that first.".to_owned())),
    }
}

/// Where to see the same list in other environments: Dev mode is for those who develop.
async fn switches(
    app: &Shared,
    organization: &Organization,
    role: Role,
    current: &Environment,
) -> Result<Vec<(Environment, String, bool)>, Error> {
    let all = environments::all(&mut app.db.read().await?, organization.id).await?;
    let open = all
        .into_iter()
        .filter(|environment| !environment.is_development() || role.may(Capability::DevelopResources));
    let switch = |environment: Environment| {
        let path = match environment.is_production() {
            true => format!("/o/{}/resources", organization.slug),
            false => format!("/o/{}/e/{}/resources", organization.slug, environment.slug),
        };
        let is_current = environment == *current;
        (environment, path, is_current)
    };
    Ok(open.map(switch).collect())
}

/// At most once a minute: a page costs no write.
pub(super) async fn note_click(
    app: &Shared,
    session: &Session,
    inside: Option<&Inside>,
    last: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Error> {
    match sessions::worth_noting(last, now) {
        true => Ok(Box::pin(write_click(app, session, inside, now)).await?),
        false => Ok(()),
    }
}

async fn write_click(
    app: &Shared,
    session: &Session,
    inside: Option<&Inside>,
    now: Timestamp,
) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    let organization = inside.map(|inside| inside.organization.id);
    // The membership before the session, as whoever changes factors locks them.
    if let Some(inside) = inside {
        users::visited(&mut tx, inside.organization.id, &inside.actor.person, now).await?;
    }
    sessions::note_click(&mut tx, session.id, organization, now).await?;
    tx.commit().await
}
