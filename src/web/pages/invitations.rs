//! The inviter's side: pending invitations, inviting, resending, revoking.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::step_up;
use super::users::roles_within;
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::csv;
use crate::domain::access::{Actor, Capability, Role};
use crate::domain::invitations::{self, InviteError, Listed, NewInvitation};
use crate::ids::InvitationId;
use crate::mail::Delivery;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::export::{self, BATCH, Batches, Format};
use crate::web::forms::{Field, Form, Nothing};
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
        error @ (InviteError::AlreadyMember | InviteError::Suspended | InviteError::AlreadyInvited) => {
            Error::Conflict(error.to_string())
        }
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
    let last = page.invitations.last().map(|listed| listed.invitation.id);
    let row = |listed: Listed| {
        let invitation = &listed.invitation;
        let (delivery_text, delivery_tone, why) = match &listed.delivery {
            Delivery::Queued => ("Queued", "none", String::new()),
            Delivery::Retrying(why) => ("Trying again", "warn", why.clone()),
            Delivery::Sent => ("Sent", "ok", String::new()),
            Delivery::Failed(why) => ("Failed", "bad", why.clone()),
        };
        Row {
            path: format!("{path}/{}", invitation.id),
            sent: times.moment(invitation.sent_at),
            expires: times.until(invitation.expires_at),
            expired: invitation.has_expired(now),
            delivery_text,
            delivery_tone,
            why,
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
        may_manage: inside.actor.role.may(Capability::ManageUsers),
        path: path.clone(),
        chrome: inside.chrome,
    }))
}

struct Rows {
    actor: Actor,
    before: Option<InvitationId>,
    begun: bool,
    ended: bool,
}

const COLUMNS: [&str; 9] = ["id", "email", "role", "note", "invited_by", "sent", "expires", "state", "mail"];

impl Batches for Rows {
    async fn next(&mut self, app: &Shared) -> std::result::Result<Option<Vec<u8>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let page = invitations::list(&app.db, &self.actor, self.before, BATCH).await.map_err(refused)?;
        self.before = page.invitations.last().map(|listed| listed.invitation.id);
        self.ended = !page.older;
        let head = (!std::mem::replace(&mut self.begun, true)).then(|| COLUMNS.map(str::to_owned));
        let now = app.db.now();
        let rows = page.invitations.iter().map(|listed| cells(listed, now));
        Ok(Some(csv::rows(head.into_iter().chain(rows))))
    }
}

fn cells(listed: &Listed, now: Timestamp) -> [String; 9] {
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
    ]
}

/// All that are pending, as CSV.
pub async fn export(State(app): State<Shared>, inside: Inside) -> Result {
    let rows = Rows { actor: inside.actor.clone(), before: None, begun: false, ended: false };
    export::stream(&app, &inside, "invitations", Format::Csv, rows).await
}

/// The form, in a page of its own and in a dialog.
struct InviteForm {
    path: String,
    organization: String,
    roles: Vec<Role>,
    email: Field,
    role: Field,
    note: Field,
}

impl InviteForm {
    fn new(inside: &Inside) -> InviteForm {
        InviteForm {
            path: inside.path("invitations"),
            organization: inside.organization.name.clone(),
            roles: roles_within(&inside.actor),
            email: Field::default(),
            role: Field::new(Role::Member.code()),
            note: Field::default(),
        }
    }

    /// Least first: most people are Members.
    fn choices(&self) -> impl Iterator<Item = &Role> {
        let order = [Role::Member, Role::Developer, Role::Reviewer, Role::Auditor, Role::Admin, Role::Owner];
        let rank = move |role: &Role| order.iter().position(|other| other == role);
        let mut roles: Vec<&Role> = self.roles.iter().collect();
        roles.sort_by_key(|role| rank(role));
        roles.into_iter()
    }
}

#[derive(Template)]
#[template(path = "invitations/new.html")]
struct New {
    chrome: Chrome,
    form: InviteForm,
}

#[derive(Template)]
#[template(path = "invitations/_form.html")]
struct Dialog {
    form: InviteForm,
}

fn show_form(inside: Inside, context: &Context, status: StatusCode, form: InviteForm) -> Response {
    if context.fragment {
        return html::page_with(status, &Dialog { form });
    }
    html::page_with(status, &New { chrome: inside.chrome, form })
}

pub async fn form(inside: Inside, context: Context) -> Response {
    let form = InviteForm::new(&inside);
    show_form(inside, &context, StatusCode::OK, form)
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    email: String,
    role: String,
    note: String,
}

pub async fn invite(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    let mut form = InviteForm {
        email: Field::new(&typed.email),
        role: Field::new(&typed.role),
        note: Field::new(&typed.note),
        ..InviteForm::new(&inside)
    };
    let (email, role, note) = (form.email.parse(), form.role.parse(), form.note.parse());
    let (Some(email), Some(role), Some(note)) = (email, role, note) else {
        return Ok(show_form(inside, &context, StatusCode::UNPROCESSABLE_ENTITY, form));
    };
    let new = NewInvitation { email, role, note };
    let error = match invitations::invite(&app, &inside.actor, &new).await {
        Ok(invitation) => {
            let response = html::go(context.fragment, &inside.path("invitations"));
            let text = format!("{} is invited as {}", invitation.email, invitation.role.with_article());
            return Ok(session::with_flash(&app, response, &text));
        }
        Err(InviteError::StepUp(_)) => {
            let fields = [("email", typed.email.as_str()), ("role", &typed.role), ("note", &typed.note)];
            return step_up::ask(&app, &context, &inside.actor.person, &inside.path("invitations"), &fields)
                .await;
        }
        Err(error) => error,
    };
    // What stands against this very address is said beside it.
    if let InviteError::AlreadyMember | InviteError::Suspended | InviteError::AlreadyInvited = error {
        form.email.error = Some(error.to_string());
        // htmx swaps a 422, and the dialog must stay; a page says what it is: a conflict.
        let status = if context.fragment { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::CONFLICT };
        return Ok(show_form(inside, &context, status, form));
    }
    Err(refused(error))
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
            step_up::ask(&app, &context, &inside.actor.person, &path, &[]).await
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
            return step_up::ask(&app, &context, &inside.actor.person, &path, &[]).await;
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
