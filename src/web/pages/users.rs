use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::step_up;
use crate::app::Shared;
use crate::domain::access::{Actor, Capability, Role};
use crate::domain::invitations;
use crate::domain::sessions;
use crate::domain::users::{
    self, COUNTED, Cursor, ListQuery, Member, MemberError, MemberState, Members, Sort, StateFilter,
};
use crate::ids::UserId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Form, Nothing};
use crate::web::gate::Inside;
use crate::web::html::{self, Moment};
use crate::web::session;

const PAGE: usize = 50;

/// The address of a view of the list: what is searched, filtered, sorted and where.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    role: String,
    status: String,
    sort: String,
    at: String,
}

impl Asked {
    fn query(&self) -> Result<ListQuery> {
        let (name, descending) = match self.sort.strip_prefix('-') {
            Some(name) => (name, true),
            None => (self.sort.as_str(), false),
        };
        let sort = match name {
            "" | "name" => Sort::Name,
            "joined" => Sort::Joined,
            "active" => Sort::LastActive,
            _ => return Err(Error::Malformed("The list can't be sorted by that.")),
        };
        let role = match self.role.as_str() {
            "" => None,
            role => Some(role.parse().map_err(|_| Error::Malformed("There is no such role."))?),
        };
        let state = match self.status.as_str() {
            "" => StateFilter::Present,
            "active" => StateFilter::Active,
            "suspended" => StateFilter::Suspended,
            "removed" => StateFilter::Removed,
            _ => return Err(Error::Malformed("There is no such status.")),
        };
        let cursor = match self.at.as_str() {
            "" => None,
            at => Some(
                Cursor::decode(at, sort).ok_or(Error::Malformed("There is no such place in the list."))?,
            ),
        };
        if self.q.chars().count() > 200 || self.q.contains('\0') {
            return Err(Error::Malformed("This is too long to search for."));
        }
        Ok(ListQuery { search: self.q.trim().to_owned(), role, state, sort, descending, cursor })
    }

    /// The same view with one thing changed; the place in the list begins anew unless it is what changes.
    fn link(&self, path: &str, change: impl FnOnce(&mut Asked)) -> String {
        let mut asked = Asked { at: String::new(), ..self.clone() };
        change(&mut asked);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("q", &asked.q),
            ("role", &asked.role),
            ("status", &asked.status),
            ("sort", &asked.sort),
            ("at", &asked.at),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// A heading that sorts: where it leads, and how it stands now ("ascending", "descending", "none").
struct Heading {
    title: &'static str,
    link: String,
    now: &'static str,
}

/// The list as both the page and its fragment show it.
struct Table {
    path: String,
    summary: String,
    asked: Asked,
    headings: Vec<Heading>,
    rows: Vec<Row>,
    previous: Option<String>,
    next: Option<String>,
    filtered: bool,
    /// What an empty organization shows instead of a table.
    alone: bool,
    may_manage: bool,
}

/// A member as a row shows them.
struct Row {
    member: Member,
    you: bool,
    path: String,
    /// The roles that the actor may give; empty where they may not touch this person.
    roles: Vec<Role>,
    active: Moment,
    joined: Moment,
    ends: Option<Moment>,
}

impl Row {
    fn new(inside: &Inside, member: Member, now: crate::clock::Timestamp) -> Row {
        let actor = &inside.actor;
        let may_touch = actor.role.may(Capability::ManageUsers)
            && member.role.is_within(actor.role)
            && member.state != MemberState::Removed;
        Row {
            you: member.user_id == actor.person.user,
            path: inside.path(&format!("users/{}", member.user_id)),
            roles: if may_touch { roles_within(actor) } else { Vec::new() },
            active: html::moment(member.last_active_at, now),
            joined: html::moment(member.joined_at, now),
            ends: member.ends_at.map(|end| html::until(end, now)),
            member,
        }
    }

    fn is_suspended(&self) -> bool {
        self.member.state == MemberState::Suspended
    }

    fn is_removed(&self) -> bool {
        self.member.state == MemberState::Removed
    }
}

/// The roles that an actor may give (R2).
pub(super) fn roles_within(actor: &Actor) -> Vec<Role> {
    Role::ALL.into_iter().filter(|role| role.is_within(actor.role)).collect()
}

#[derive(Template)]
#[template(path = "users/index.html")]
struct Index {
    chrome: Chrome,
    table: Table,
    people: String,
    pending: String,
    organization: String,
    invite_path: String,
    invitations_path: String,
}

#[derive(Template)]
#[template(path = "users/_table.html")]
struct TableFragment {
    table: Table,
}

pub async fn index(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Query(asked): Query<Asked>,
) -> Result {
    let query = asked.query()?;
    let members = users::list(&app.db, &inside.actor, &query, PAGE).await?;
    let pending = invitations::count_pending(&app.db, &inside.actor, COUNTED + 1)
        .await
        .map_err(super::invitations::refused)?;
    let people = html::bounded(members.present, COUNTED);
    let alone = members.present == 1 && pending == 0;
    let table = table(&app, &inside, asked, members, alone);
    if context.fragment && context.target == "users-table" {
        return Ok(html::page(&TableFragment { table }));
    }
    Ok(html::page(&Index {
        table,
        people,
        pending: html::bounded(pending, COUNTED),
        organization: inside.organization.name.clone(),
        invite_path: inside.path("invitations/new"),
        invitations_path: inside.path("invitations"),
        chrome: inside.chrome,
    }))
}

fn table(app: &Shared, inside: &Inside, asked: Asked, members: Members, alone: bool) -> Table {
    let path = inside.path("users");
    let now = app.db.now();
    let heading = |title, name: &str| {
        let (down, up) = (format!("-{name}"), name.to_owned());
        let sort = if asked.sort.is_empty() { "name" } else { asked.sort.as_str() };
        let now = match sort {
            sort if sort == up => "ascending",
            sort if sort == down => "descending",
            _ => "none",
        };
        let to = if now == "ascending" { down } else { up };
        Heading { title, link: asked.link(&path, |asked| asked.sort = to), now }
    };
    let headings =
        vec![heading("Name", "name"), heading("Joined", "joined"), heading("Last active", "active")];
    let place =
        |cursor: Option<Cursor>| cursor.map(|cursor| asked.link(&path, |asked| asked.at = cursor.encode()));
    let summary = match members.members.len() {
        1 => "1 person".to_owned(),
        more => format!("{more} people"),
    };
    Table {
        summary,
        headings,
        previous: place(members.previous),
        next: place(members.next),
        rows: members.members.into_iter().map(|member| Row::new(inside, member, now)).collect(),
        filtered: !(asked.q.trim().is_empty() && asked.role.is_empty() && asked.status.is_empty()),
        alone,
        may_manage: inside.actor.role.may(Capability::ManageUsers),
        path,
        asked,
    }
}

#[derive(Template)]
#[template(path = "users/_changed.html")]
struct Changed {
    row: Row,
    title: String,
    text: String,
}

/// The answer to an act: the row and a word by htmx, else the list again.
fn done(
    app: &Shared,
    inside: &Inside,
    context: &Context,
    member: Member,
    title: &str,
    text: &str,
) -> Response {
    if context.fragment {
        let row = Row::new(inside, member, app.db.now());
        let page = Changed { row, title: title.to_owned(), text: text.to_owned() };
        let mut response = html::page(&page);
        response.headers_mut().insert("hx-trigger", axum::http::HeaderValue::from_static("close-dialog"));
        return response;
    }
    session::with_flash(app, html::redirect(&inside.path("users")), title)
}

fn user_id(text: &str) -> Result<UserId> {
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

async fn asked_about(app: &Shared, inside: &Inside, user: &str) -> Result<Member> {
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
    let sent = invitations::count_sent_by(&app.db, &inside.actor, member.user_id)
        .await
        .map_err(super::invitations::refused)?;
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
