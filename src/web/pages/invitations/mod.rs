//! The inviter's side: pending invitations, inviting, resending, revoking.

mod batch;
mod covered;
mod inviting;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use serde::Deserialize;

pub use self::batch::{batch, batch_rows};
pub use self::inviting::{edit, form, invite, send_many};
use super::step_up::{self, Act};
use super::teams;
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::csv;
use crate::domain::access::{Actor, Capability, Role};
use crate::domain::invitations::{self, InviteError, Listed, Sending};
use crate::ids::InvitationId;
use crate::mail::Delivery;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::export::{self, BATCH, Batches, Format};
use crate::web::forms::{Form, Nothing};
use crate::web::gate::Inside;
use crate::web::html::{self, Moment};
use crate::web::session;

const PAGE: usize = 50;

/// A refusal as the page's answer.
pub(super) fn refused(error: InviteError) -> Error {
    match error {
        InviteError::Denied(denied) => denied.into(),
        InviteError::StepUp(needed) => Error::Forbidden(Some(needed.to_string())),
        InviteError::NotFound => Error::NotFound,
        InviteError::Throttled(throttled) => throttled.into(),
        InviteError::Database(error) => error.into(),
        error @ (InviteError::AlreadyMember
        | InviteError::Suspended
        | InviteError::AlreadyInvited
        | InviteError::EndDate(_)
        | InviteError::WouldHaveEnded
        | InviteError::NoticeForAuditors
        | InviteError::NotGrantable
        | InviteError::Closed
        | InviteError::Nobody) => Error::Conflict(error.to_string()),
    }
}

#[derive(Template)]
#[template(path = "invitations/index.html")]
struct Index {
    chrome: Chrome,
    organization: String,
    rows: Vec<Row>,
    people: String,
    pending: String,
    users_path: String,
    path: String,
    csv: String,
    first: bool,
    older: Option<String>,
    may_manage: bool,
    /// Batches that are still being sent: how far each is, and where to look at it.
    sending: Vec<(String, String)>,
}

struct Row {
    listed: Listed,
    path: String,
    sent: Moment,
    expires: Moment,
    expired: bool,
    delivery_text: &'static str,
    delivery_tone: &'static str,
    why: String,
    /// Until when the membership would last.
    lasts: Option<String>,
    /// "Support, Ops +2"
    teams: String,
    /// How the separate notice to an Auditor stands.
    notice: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    before: String,
}

pub async fn index(State(app): State<Shared>, inside: Inside, Query(asked): Query<Asked>) -> Result {
    let before = match asked.before.as_str() {
        "" => None,
        id => Some(
            id.parse::<InvitationId>()
                .map_err(|_| Error::Malformed("There is no such place in the list."))?,
        ),
    };
    let page = invitations::list(&app.db, &inside.actor, before, PAGE).await.map_err(refused)?;
    let (now, times) = (app.db.now(), inside.times(&app));
    let path = inside.path("invitations");
    let may_manage = inside.actor.role.may(Capability::ManageUsers);
    let sending = if may_manage {
        invitations::sending(&app.db, &inside.actor).await.map_err(refused)?
    } else {
        Vec::new()
    };
    let so_far = |batch: &Sending| {
        (format!("Sending {} of {}…", batch.done, batch.total), format!("{path}/batches/{}", batch.id))
    };
    let sending = sending.iter().map(so_far).collect();
    let last = page.invitations.last().map(|listed| listed.invitation.id);
    let row = |listed: Listed| {
        let invitation = &listed.invitation;
        let (delivery_text, delivery_tone, why) = delivered(&listed.delivery);
        Row {
            path: format!("{path}/{}", invitation.id),
            sent: times.moment(invitation.sent_at),
            expires: times.until(invitation.expires_at),
            expired: invitation.has_expired(now),
            delivery_text,
            delivery_tone,
            why,
            lasts: invitation.membership_ends_at.map(|end| times.last_day(end)),
            teams: teams::few(&listed.teams),
            notice: listed.notice.as_ref().map(|(confirmed, delivery)| match confirmed {
                Some(at) => format!("Notice confirmed {}", times.moment(*at).within()),
                None => format!("Notice {}", delivered(delivery).0.to_lowercase()),
            }),
            listed,
        }
    };
    Ok(html::page(&Index {
        organization: inside.organization.name.clone(),
        rows: page.invitations.into_iter().map(row).collect(),
        people: html::number(inside.organization.people),
        pending: html::number(inside.organization.pending),
        users_path: inside.path("users"),
        csv: inside.path("invitations.csv"),
        first: before.is_none(),
        older: last.filter(|_| page.older).map(|last| format!("{path}?before={last}")),
        may_manage,
        sending,
        path: path.clone(),
        chrome: inside.chrome,
    }))
}

struct Rows {
    before: Option<InvitationId>,
    begun: bool,
    ended: bool,
}

const COLUMNS: [&str; 10] =
    ["id", "email", "role", "note", "invited_by", "sent", "expires", "state", "mail", "teams"];

impl Batches for Rows {
    async fn next(&mut self, app: &Shared, reader: &Actor) -> std::result::Result<Option<Vec<u8>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let page = invitations::list(&app.db, reader, self.before, BATCH).await.map_err(refused)?;
        self.before = page.invitations.last().map(|listed| listed.invitation.id);
        self.ended = !page.older;
        let head = (!std::mem::replace(&mut self.begun, true)).then(|| COLUMNS.map(str::to_owned));
        let now = app.db.now();
        let rows = page.invitations.iter().map(|listed| cells(listed, now));
        Ok(Some(csv::rows(head.into_iter().chain(rows))))
    }
}

fn cells(listed: &Listed, now: Timestamp) -> [String; 10] {
    let invitation = &listed.invitation;
    let state = match (listed.grantable, invitation.has_expired(now)) {
        (false, _) => "void",
        (true, true) => "expired",
        (true, false) => "pending",
    };
    let mail = match &listed.delivery {
        Delivery::Queued => "queued".to_owned(),
        Delivery::Retrying(why) => format!("trying again: {why}"),
        Delivery::Sent => "sent".to_owned(),
        Delivery::Failed(why) => format!("failed: {why}"),
    };
    [
        invitation.id.to_string(),
        invitation.email.clone(),
        invitation.role.code().to_owned(),
        invitation.note.clone(),
        listed.inviter_name.clone(),
        invitation.sent_at.rfc3339(),
        invitation.expires_at.rfc3339(),
        state.to_owned(),
        mail,
        listed.teams.join("; "),
    ]
}

/// All that are pending, as CSV.
pub async fn export(State(app): State<Shared>, inside: Inside) -> Result {
    let rows = Rows { before: None, begun: false, ended: false };
    export::stream(&app, &inside, "invitations", Format::Csv, rows).await
}

/// How a mail is doing: in a word, its tone, and why.
fn delivered(delivery: &Delivery) -> (&'static str, &'static str, String) {
    match delivery {
        Delivery::Queued => ("Queued", "none", String::new()),
        Delivery::Retrying(why) => ("Trying again", "warn", why.clone()),
        Delivery::Sent => ("Sent", "ok", String::new()),
        Delivery::Failed(why) => ("Failed", "bad", why.clone()),
    }
}

fn invitation_id(text: &str) -> Result<InvitationId> {
    text.parse().map_err(|_| Error::NotFound)
}

pub async fn resend(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let id = invitation_id(&id)?;
    match invitations::resend(&app, &inside.actor, id).await {
        Ok(invitation) => {
            let response = html::go(context.fragment, &inside.path("invitations"));
            let text =
                format!("A new link is on its way to {}. The old one has stopped working.", invitation.email);
            Ok(session::with_flash(&app, response, &text))
        }
        Err(InviteError::StepUp(_)) => {
            let path = inside.path(&format!("invitations/{id}/mail"));
            let invitation = invitations::pending(&app.db, &inside.actor, id).await.map_err(refused)?;
            let what = format!("Send the {} invite to {} again", invitation.role.name(), invitation.email);
            let act = Act { what: &what, verb: "Send again" };
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &[]).await
        }
        Err(error) => Err(refused(error)),
    }
}

#[derive(Template)]
#[template(path = "invitations/link.html")]
struct Link {
    chrome: Chrome,
    email: String,
    link: String,
    expires: Moment,
    back: String,
}

#[derive(Template)]
#[template(path = "invitations/_link.html")]
struct LinkDialog {
    email: String,
    link: String,
    expires: Moment,
}

/// The link is shown once: it is made here, and only its hash is kept.
pub async fn copy_link(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let id = invitation_id(&id)?;
    let (invitation, link) = match invitations::copy_link(&app, &inside.actor, id).await {
        Ok(made) => made,
        Err(InviteError::StepUp(_)) => {
            let path = inside.path(&format!("invitations/{id}/link"));
            let invitation = invitations::pending(&app.db, &inside.actor, id).await.map_err(refused)?;
            let what =
                format!("Show a link for the {} invite to {}", invitation.role.name(), invitation.email);
            let act = Act { what: &what, verb: "Show link" };
            return step_up::ask(&app, &context, &inside.actor.person, &act, &path, &[]).await;
        }
        Err(error) => return Err(refused(error)),
    };
    let (email, expires) = (invitation.email, inside.times(&app).until(invitation.expires_at));
    if context.fragment {
        return Ok(html::page(&LinkDialog { email, link, expires }));
    }
    let back = inside.path("invitations");
    Ok(html::page(&Link { chrome: inside.chrome, email, link, expires, back }))
}

/// What is asked before an invitation is revoked.
struct Question {
    email: String,
    role: Role,
    action: String,
    back: String,
}

#[derive(Template)]
#[template(path = "invitations/revoke.html")]
struct Revoke {
    chrome: Chrome,
    question: Question,
}

#[derive(Template)]
#[template(path = "invitations/_revoke.html")]
struct RevokeDialog {
    question: Question,
}

pub async fn confirm_revocation(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let invitation =
        invitations::pending(&app.db, &inside.actor, invitation_id(&id)?).await.map_err(refused)?;
    let question = Question {
        action: inside.path(&format!("invitations/{}/revocation", invitation.id)),
        back: inside.path("invitations"),
        role: invitation.role,
        email: invitation.email,
    };
    Ok(if context.fragment {
        html::page(&RevokeDialog { question })
    } else {
        html::page(&Revoke { chrome: inside.chrome, question })
    })
}

pub async fn revoke(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let invitation = invitations::revoke(&app, &inside.actor, invitation_id(&id)?).await.map_err(refused)?;
    let response = html::go(context.fragment, &inside.path("invitations"));
    let text = format!("The invite to {} is revoked", invitation.email);
    Ok(session::with_flash(&app, response, &text).into_response())
}
