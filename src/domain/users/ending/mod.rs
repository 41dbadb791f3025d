//! Memberships that end by themselves: their date, the mails before it, and when it has come.

mod sql;

use super::members::{Member, MemberError, MemberState, current_actor, handled, member_of, record_state};
use super::sql::time_zone;
use crate::app::App;
use crate::clock::{DAY, MINUTE, Timestamp};
use crate::domain::access::{Actor, Operator, Role};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations;
use crate::domain::values::{Day, TimeZone};
use crate::ids::{OrganizationId, UserId};
use crate::mail::{self, Message};
use crate::storage::Change;

const WEEK: i64 = 7 * DAY;
/// Beyond this an end date is a slip of the finger.
const LONGEST: i64 = 5 * 366 * DAY;
const AT_ONCE: i64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndDateError {
    #[error("This day is over. Choose today or a later day.")]
    Over,
    #[error("This is too far away. Choose a day within 5 years, or none.")]
    TooFar,
    #[error("An Owner's membership has no end date. Leave it empty, or choose another role.")]
    Owner,
}

/// The moment at which a membership ends whose last day is this one, where its giver lives.
pub fn end_date(day: Day, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, EndDateError> {
    end_at(day.end(zone), now)
}

/// The same for a moment that is given as one.
pub fn end_at(end: Timestamp, now: Timestamp) -> Result<Timestamp, EndDateError> {
    match end.since(now) {
        left if left <= 0 => Err(EndDateError::Over),
        left if left > LONGEST => Err(EndDateError::TooFar),
        _ => Ok(end),
    }
}

/// An end date before and after.
#[derive(Debug)]
pub struct EndDateChange {
    pub member: Member,
    pub from: Option<Timestamp>,
}

/// Sets, moves or clears the day after which a membership is over. Nobody does so for themselves: it
/// would be a way to stay. An ended membership does not come back this way (R8).
pub async fn change_end_date(
    app: &App,
    actor: &Actor,
    user: UserId,
    day: Option<Day>,
) -> Result<EndDateChange, MemberError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &current_actor(&mut change, actor).await?;
    let member = handled(&mut change, actor, user).await?;
    let (from, zone, now) = (member.ends_at, &actor.person.time_zone, change.now());
    if from.is_some_and(|end| end <= now) {
        return Err(MemberError::NotFound);
    }
    if member.role == Role::Owner {
        return Err(EndDateError::Owner.into());
    }
    if from.map(|end| Day::ending(end, zone)) == day {
        return Ok(EndDateChange { from, member });
    }
    let ends_at = day.map(|day| end_date(day, zone, now)).transpose()?;
    // The mail about the change tells of an end that is near.
    let told = match ends_at.map(|end| end.since(now)) {
        Some(left) if left <= DAY => 1,
        Some(left) if left <= WEEK => 7,
        _ => 0,
    };
    sql::set_end_date(&mut change, actor.organization, user, ends_at, told).await?;
    let entry = Entry::new(Kind::EndDateChanged, user, &member.name);
    let entry = match (from, ends_at) {
        (Some(from), Some(to)) => entry.changed("end date", from.rfc3339(), to.rfc3339()),
        (None, Some(to)) => entry.with("end date", to.rfc3339()),
        (Some(from), None) => entry.without("end date", from.rfc3339()),
        (None, None) => entry,
    };
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    let organization = organizations::by_id(&mut change, actor.organization).await?;
    let zone = time_zone(&mut change, user).await?;
    let message = changed(app, &member, &organization.name, &organization.slug, ends_at, &zone);
    mail::queue(&mut change, app, Some(actor.organization), &message).await?;
    change.commit().await?;
    Ok(EndDateChange { from, member: Member { ends_at, ..member } })
}

/// Some memberships whose end has come. They are ended by `leaving`, which settles what is left behind.
pub(crate) async fn ended(app: &App) -> sqlx::Result<Vec<(OrganizationId, UserId)>> {
    sql::ended(&mut app.db.read().await?, app.db.now(), AT_ONCE).await
}

/// A membership that is to end now, inside the change that ends it: several replicas see it, and one ends it.
pub(crate) async fn due(
    change: &mut Change,
    organization: OrganizationId,
    user: UserId,
) -> sqlx::Result<Option<Member>> {
    let now = change.now();
    let member = member_of(change, organization, user).await?;
    Ok(member.filter(|member| {
        member.state != MemberState::Removed
            && member.role != Role::Owner
            && member.ends_at.is_some_and(|end| end <= now)
    }))
}

/// Ends a membership that is due.
pub(crate) async fn end(
    change: &mut Change,
    organization: OrganizationId,
    operator: &Operator,
    member: &Member,
) -> sqlx::Result<()> {
    record_state(change, organization, operator, member, MemberState::Removed, Kind::MemberEnded).await
}

/// Tells whom an end is near. Killed at any moment it goes on where it was, and several replicas do each once.
pub(crate) async fn tell_of_ends(app: &App) -> sqlx::Result<()> {
    // The day's first: whoever was not told a week before has no use for that mail any more.
    tell(app, 1, DAY, 0).await?;
    tell(app, 7, WEEK, WEEK).await
}

/// A membership that ends soon, its person, and whoever invited them, if that person still manages users.
#[derive(sqlx::FromRow)]
pub(super) struct Ending {
    pub organization: OrganizationId,
    pub user_id: UserId,
    pub name: String,
    pub email: String,
    pub ends_at: Timestamp,
    pub time_zone: TimeZone,
    pub organization_name: String,
    pub slug: String,
    pub inviter: Option<UserId>,
    pub inviter_email: Option<String>,
    pub inviter_time_zone: Option<TimeZone>,
}

/// Mails about ends that are at most `ahead` away, once for each number of days.
async fn tell(app: &App, days: i64, ahead: i64, longer_than: i64) -> sqlx::Result<()> {
    loop {
        let now = app.db.now();
        let mut reader = app.db.read().await?;
        let due = sql::to_be_told(&mut reader, days, now, now.plus(ahead), longer_than, AT_ONCE).await?;
        drop(reader);
        for ending in &due {
            let mut tx = app.db.write().await?;
            if sql::note_told(&mut tx, ending, days).await? {
                for message in near(app, ending) {
                    mail::queue(&mut tx, app, Some(ending.organization), &message).await?;
                }
                tx.commit().await?;
            }
        }
        if due.is_empty() {
            return Ok(());
        }
    }
}

fn near(app: &App, ending: &Ending) -> Vec<Message> {
    let Ending { name, organization_name: organization, .. } = ending;
    let last = ending.ends_at.plus(-MINUTE);
    let mut messages = vec![Message {
        kind: "membership_ending",
        to: ending.email.clone(),
        subject: format!("Your membership of {organization} ends on {}", ending.time_zone.day(last)),
        heading: format!("Your membership of {organization} ends soon"),
        paragraphs: vec![
            format!("You can open {organization} until {}.", ending.time_zone.minute(last)),
            "If you need it for longer, ask an Owner or Admin there to move the date.".to_owned(),
        ],
        quote: None,
        action: Some((format!("Open {organization}"), app.url(&format!("/o/{}", ending.slug)))),
        code: None,
        footer: "You get this mail because your membership has an end date.".to_owned(),
    }];
    if let (Some(inviter), Some(to), Some(zone)) =
        (ending.inviter, &ending.inviter_email, &ending.inviter_time_zone)
        && inviter != ending.user_id
    {
        let page = format!("/o/{}/users/{}/end-date", ending.slug, ending.user_id);
        messages.push(Message {
            kind: "membership_ending",
            to: to.clone(),
            subject: format!("{name}’s membership of {organization} ends on {}", zone.day(last)),
            heading: format!("{name}’s membership of {organization} ends soon"),
            paragraphs: vec![
                format!("{name} ({}) can open {organization} until {}.", ending.email, zone.minute(last)),
                "If they should stay, move the date or clear it. If not, there is nothing to do.".to_owned(),
            ],
            quote: None,
            action: Some(("Change the end date".to_owned(), app.url(&page))),
            code: None,
            footer: format!("You get this mail because you invited {name}."),
        });
    }
    messages
}

fn changed(
    app: &App,
    member: &Member,
    organization: &str,
    slug: &str,
    ends_at: Option<Timestamp>,
    zone: &TimeZone,
) -> Message {
    let (subject, text) = match ends_at.map(|end| end.plus(-MINUTE)) {
        Some(last) => (
            format!("Your membership of {organization} now ends on {}", zone.day(last)),
            format!("You can open {organization} until {}.", zone.minute(last)),
        ),
        None => (
            format!("Your membership of {organization} has no end date any more"),
            format!("You can open {organization} until somebody changes that."),
        ),
    };
    Message {
        kind: "membership_end_changed",
        to: member.email.clone(),
        heading: subject.clone(),
        subject,
        paragraphs: vec![text],
        quote: None,
        action: Some((format!("Open {organization}"), app.url(&format!("/o/{slug}")))),
        code: None,
        footer: "You get this mail because an Owner or Admin changed your end date.".to_owned(),
    }
}

/// One of each, for the previews.
pub(crate) fn samples(app: &App) -> Vec<Message> {
    let ends_at = app.db.now().plus(7 * DAY);
    let (_, member) = super::sample(app.db.now());
    let organization = organizations::sample();
    let ending = Ending {
        organization: organization.id,
        user_id: member.user_id,
        name: member.name.clone(),
        email: member.email.clone(),
        ends_at,
        time_zone: TimeZone::utc(),
        organization_name: organization.name.clone(),
        slug: organization.slug.clone(),
        inviter: None,
        inviter_email: None,
        inviter_time_zone: None,
    };
    let mut messages = near(app, &ending);
    messages.push(super::break_glass::sample(app));
    messages.push(changed(
        app,
        &member,
        &organization.name,
        &organization.slug,
        Some(ends_at),
        &TimeZone::utc(),
    ));
    messages
}
