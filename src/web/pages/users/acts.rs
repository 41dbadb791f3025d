//! What is done to a member: from their row, or from a page that asks first.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::response::Response;
use serde::Deserialize;

use super::Row;
use crate::app::Shared;
use crate::domain::access::Role;
use crate::domain::invitations;
use crate::domain::sessions;
use crate::domain::users::{self, Member, MemberError, MemberState};
use crate::ids::UserId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Form, Nothing};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::pages::invitations::refused;
use crate::web::pages::step_up;
use crate::web::session;

#[derive(Template)]
#[template(path = "users/_changed.html")]
struct Changed {
    row: Row,
    title: String,
    text: String,
}

/// The answer to an act: the row and a word by htmx, else the list again.
pub(super) fn done(
    app: &Shared,
    inside: &Inside,
    context: &Context,
    member: Member,
    title: &str,
    text: &str,
) -> Response {
    if context.fragment {
        let row = Row::new(inside, member, &inside.times(app));
        let page = Changed { row, title: title.to_owned(), text: text.to_owned() };
        let mut response = html::page(&page);
        response.headers_mut().insert("hx-trigger", HeaderValue::from_static("close-dialog"));
        return response;
    }
    session::with_flash(app, html::redirect(&inside.path("users")), title)
}

pub(super) fn user_id(text: &str) -> Result<UserId> {
    text.parse().map_err(|_| Error::NotFound)
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoleTyped {
    role: String,
}

pub async fn change_role(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Form(typed): Form<RoleTyped>,
) -> Result {
    let user = user_id(&user)?;
    let role: Role =
        typed.role.parse().map_err(|_| Error::Unfit("This is not a role. Choose one from the list."))?;
    match users::change_role(&app, &inside.actor, user, role).await {
        Ok(change) => {
            let title = format!("{} is now {}", change.member.name, role.with_article());
            let text = if change.from == role {
                "Nothing has changed.".to_owned()
            } else {
                format!("They were {} before. It counts from their next click.", change.from.with_article())
            };
            Ok(done(&app, &inside, &context, change.member, &title, &text))
        }
        Err(MemberError::StepUp(_)) => {
            let path = inside.path(&format!("users/{user}/role"));
            step_up::ask(&app, &context, &inside.actor.person, &path, &[("role", role.code())]).await
        }
        Err(error) => Err(error.into()),
    }
}

/// What a dialog says before something ends: whom and what it touches, in numbers (V4).
struct Question {
    title: String,
    facts: Vec<String>,
    /// What to press to do it, and where it goes.
    verb: String,
    action: String,
    back: String,
    row: String,
}

#[derive(Template)]
#[template(path = "users/confirm.html")]
struct Confirm {
    chrome: Chrome,
    question: Question,
}

#[derive(Template)]
#[template(path = "users/_confirm.html")]
struct ConfirmDialog {
    question: Question,
}

pub(super) async fn asked_about(app: &Shared, inside: &Inside, user: &str) -> Result<Member> {
    let member = users::member(&app.db, &inside.actor, user_id(user)?).await?;
    if member.state == MemberState::Removed {
        return Err(Error::NotFound);
    }
    inside.actor.may_handle(member.role)?;
    Ok(member)
}

fn ask(
    inside: Inside,
    context: &Context,
    member: &Member,
    noun: &str,
    title: String,
    verb: &str,
    facts: Vec<String>,
) -> Response {
    let question = Question {
        title,
        facts,
        verb: verb.to_owned(),
        action: inside.path(&format!("users/{}/{noun}", member.user_id)),
        back: inside.path("users"),
        row: format!("#user-{}", member.user_id),
    };
    if context.fragment {
        html::page(&ConfirmDialog { question })
    } else {
        html::page(&Confirm { chrome: inside.chrome, question })
    }
}

/// How many sessions open this organization for a member.
async fn sessions_of(app: &Shared, member: &Member) -> Result<i64> {
    let now = app.db.now();
    Ok(sessions::count(&mut app.db.read().await?, member.user_id, member.proofs_after, now).await?)
}

pub async fn confirm_suspension(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
) -> Result {
    let member = asked_about(&app, &inside, &user).await?;
    let sessions = html::count(sessions_of(&app, &member).await?, "open session");
    let organization = &inside.organization.name;
    let facts = vec![
        format!("{} loses everything in {organization} at once, in {sessions}.", member.name),
        format!(
            "They stay in the list as {} and get it all back when you reactivate them.",
            member.role.with_article()
        ),
    ];
    let title = format!("Suspend {}?", member.name);
    Ok(ask(inside, &context, &member, "suspension", title, "Suspend", facts))
}

pub async fn suspend(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let member = users::suspend(&app, &inside.actor, user_id(&user)?).await?;
    let title = format!("{} is suspended", member.name);
    Ok(done(&app, &inside, &context, member, &title, "They can't open anything here any more."))
}

pub async fn reactivate(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let member = users::reactivate(&app, &inside.actor, user_id(&user)?).await?;
    let title = format!("{} is active again", member.name);
    let text = format!("They are {}, as before.", member.role.with_article());
    Ok(done(&app, &inside, &context, member, &title, &text))
}

pub async fn confirm_sign_out(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
) -> Result {
    let member = asked_about(&app, &inside, &user).await?;
    let sessions = html::count(sessions_of(&app, &member).await?, "open session");
    let organization = &inside.organization.name;
    let facts = vec![
        format!("{} has to sign in again before {organization} opens, in {sessions}.", member.name),
        "Their role stays, and so do their other organizations.".to_owned(),
    ];
    let title = format!("Sign {} out everywhere?", member.name);
    Ok(ask(inside, &context, &member, "sign-out", title, "Sign out", facts))
}

pub async fn sign_out(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let member = users::sign_out_everywhere(&app, &inside.actor, user_id(&user)?).await?;
    let title = format!("{} is signed out of {}", member.name, inside.organization.name);
    Ok(done(&app, &inside, &context, member, &title, "Each of their browsers asks for a new sign-in."))
}

pub async fn confirm_removal(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
) -> Result {
    let member = asked_about(&app, &inside, &user).await?;
    let sessions = html::count(sessions_of(&app, &member).await?, "open session");
    let sent = invitations::count_sent_by(&app.db, &inside.actor, member.user_id).await.map_err(refused)?;
    let organization = &inside.organization.name;
    let mut facts = vec![format!("{} loses access to {organization} at once, in {sessions}.", member.name)];
    if sent > 0 {
        facts.push(format!(
            "{} that they sent stop working until someone else resends them.",
            html::count(sent, "pending invite")
        ));
    }
    facts.push("Their account and other organizations stay, and the audit log keeps what they did. Only a new invite brings them back.".to_owned());
    let title = format!("Remove {}?", member.name);
    Ok(ask(inside, &context, &member, "removal", title, "Remove", facts))
}

pub async fn remove(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let member = users::remove(&app, &inside.actor, user_id(&user)?).await?;
    let title = format!("{} is removed", member.name);
    Ok(done(&app, &inside, &context, member, &title, "They can come back by a new invite only."))
}
