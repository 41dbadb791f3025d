//! What is done to a member: from their row, or from a page that asks first.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, Uri};
use axum::response::Response;
use serde::Deserialize;

use super::{Asked, Row};
use crate::app::Shared;
use crate::domain::access::Role;
use crate::domain::factors::{self, ResetError};
use crate::domain::sessions;
use crate::domain::users::{self, Member, MemberError, MemberState};
use crate::ids::UserId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Form, Nothing};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::pages::step_up::{self, Act};
use crate::web::session;

#[derive(Template)]
#[template(path = "users/_changed.html")]
struct Changed {
    row: Row,
    title: String,
    text: String,
}

/// Where an act was begun, to which it then leads back: the person's own page, or a view of the list.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Begun {
    from: String,
    /// The query of the list's address.
    list: String,
}

/// A longer view is not kept: a form that waits for a step-up has an address of at most 2,000 characters.
const LONGEST_VIEW: usize = 1_000;

impl Begun {
    fn on_their_page(&self) -> bool {
        self.from == "person"
    }

    pub(super) fn in_list(asked: &Asked) -> Begun {
        let list = asked.here("").trim_start_matches('?').to_owned();
        Begun { list, ..Begun::default() }
    }

    /// What an address ends with that keeps where it was begun.
    pub(super) fn query(&self) -> String {
        let list = html::query_value(&self.list);
        match list.len() {
            _ if self.on_their_page() => "?from=person".to_owned(),
            1..=LONGEST_VIEW => format!("?list={list}"),
            _ => String::new(),
        }
    }

    /// The address of what is done to a person, which keeps where it was begun.
    pub(super) fn path(&self, inside: &Inside, user: UserId, noun: &str) -> String {
        inside.path(&format!("users/{user}/{noun}{}", self.query()))
    }

    /// The list's query is read and written anew: it leads to the list, whatever it says.
    pub(super) fn back(&self, inside: &Inside, user: UserId) -> String {
        if self.on_their_page() {
            return inside.path(&format!("users/{user}"));
        }
        let uri = format!("/?{}", self.list).parse::<Uri>().unwrap_or_default();
        let asked = Query::<Asked>::try_from_uri(&uri).map(|asked| asked.0).unwrap_or_default();
        asked.here(&inside.path("users"))
    }
}

/// The answer to an act: the row and a word by htmx, else the page that it was begun on.
pub(super) async fn done(
    app: &Shared,
    inside: &Inside,
    context: &Context,
    begun: &Begun,
    member: Member,
    title: &str,
    text: &str,
) -> Result {
    if begun.on_their_page() {
        let response = html::go(context.fragment, &begun.back(inside, member.user_id));
        return Ok(session::with_flash(app, response, title));
    }
    if context.fragment {
        let mut row = Row::new(inside, begun, member, &inside.times(app));
        let teams = super::named(app, inside, &[row.member.user_id]).await?;
        row.teams = teams.into_values().next().unwrap_or_default();
        let page = Changed { row, title: title.to_owned(), text: text.to_owned() };
        let mut response = html::page(&page);
        response.headers_mut().insert("hx-trigger", HeaderValue::from_static("close-dialog"));
        return Ok(response);
    }
    Ok(session::with_flash(app, html::redirect(&begun.back(inside, member.user_id)), title))
}

pub(in crate::web::pages) fn user_id(text: &str) -> Result<UserId> {
    text.parse().map_err(|_| Error::NotFound)
}

/// What the menu of a row holds. It comes when it is opened: fifty of them would be half of the list.
#[derive(Template)]
#[template(path = "users/_menu.html")]
struct Menu {
    row: Row,
}

#[derive(Template)]
#[template(path = "users/menu.html")]
struct MenuPage {
    chrome: Chrome,
    row: Row,
    back: String,
}

pub async fn menu(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Query(begun): Query<Begun>,
) -> Result {
    let member = asked_about(&app, &inside, &user).await?;
    let back = begun.back(&inside, member.user_id);
    let row = Row::new(&inside, &begun, member, &inside.times(&app));
    if row.you {
        return Err(Error::NotFound);
    }
    Ok(match context.fragment {
        true => html::page(&Menu { row }),
        false => html::page(&MenuPage { chrome: inside.chrome, row, back }),
    })
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
    Query(begun): Query<Begun>,
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
            done(&app, &inside, &context, &begun, change.member, &title, &text).await
        }
        Err(MemberError::StepUp(_)) => {
            let path = begun.path(&inside, user, "role");
            let member = users::member(&app.db, &inside.actor, user).await?;
            let (name, organization) = (&member.name, &inside.organization.name);
            let what = format!("Make {name} {} of {organization}", role.with_article());
            let act = Act { what: &what, verb: &format!("Make {}", role.name()) };
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &[("role", role.code())]).await
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

#[expect(clippy::too_many_arguments, reason = "the parts of a question, put together once")]
fn ask(
    inside: Inside,
    context: &Context,
    begun: &Begun,
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
        action: begun.path(&inside, member.user_id, noun),
        back: begun.back(&inside, member.user_id),
        row: if begun.on_their_page() { "this".to_owned() } else { format!("#user-{}", member.user_id) },
    };
    if context.fragment {
        html::page(&ConfirmDialog { question })
    } else {
        html::page(&Confirm { chrome: inside.chrome, question })
    }
}

/// In how many sessions a member loses this organization, as the end of a sentence; nothing if in none.
async fn sessions_of(app: &Shared, inside: &Inside, member: &Member) -> Result<String> {
    let mut reader = app.db.read().await?;
    let open = sessions::opening(&mut reader, inside.organization.id, member, app.db.now()).await?;
    Ok(match open.len() {
        0 => String::new(),
        open => format!(", in {}", html::count(i64::try_from(open).unwrap_or(i64::MAX), "open session")),
    })
}

pub async fn confirm_suspension(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Query(begun): Query<Begun>,
) -> Result {
    let member = asked_about(&app, &inside, &user).await?;
    let sessions = sessions_of(&app, &inside, &member).await?;
    let organization = &inside.organization.name;
    let facts = vec![
        format!("{} loses everything in {organization} at once{sessions}.", member.name),
        format!(
            "They stay in the list as {} and get it all back when you reactivate them.",
            member.role.with_article()
        ),
    ];
    let title = format!("Suspend {}?", member.name);
    Ok(ask(inside, &context, &begun, &member, "suspension", title, "Suspend", facts))
}

pub async fn suspend(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Query(begun): Query<Begun>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let member = users::suspend(&app, &inside.actor, user_id(&user)?).await?;
    let title = format!("{} is suspended", member.name);
    done(&app, &inside, &context, &begun, member, &title, "They can't open anything here any more.").await
}

pub async fn reactivate(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Query(begun): Query<Begun>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let member = users::reactivate(&app, &inside.actor, user_id(&user)?).await?;
    let title = format!("{} is active again", member.name);
    let text = format!("They are {}, as before.", member.role.with_article());
    done(&app, &inside, &context, &begun, member, &title, &text).await
}

pub async fn confirm_sign_out(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Query(begun): Query<Begun>,
) -> Result {
    let member = asked_about(&app, &inside, &user).await?;
    let sessions = sessions_of(&app, &inside, &member).await?;
    let organization = &inside.organization.name;
    let facts = vec![
        format!("{} has to sign in again before {organization} opens{sessions}.", member.name),
        "Their role stays, and so do their other organizations.".to_owned(),
    ];
    let title = format!("Sign {} out everywhere?", member.name);
    Ok(ask(inside, &context, &begun, &member, "sign-out", title, "Sign out", facts))
}

pub async fn sign_out(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Query(begun): Query<Begun>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let member = users::sign_out_everywhere(&app, &inside.actor, user_id(&user)?).await?;
    let title = format!("{} is signed out of {}", member.name, inside.organization.name);
    done(&app, &inside, &context, &begun, member, &title, "Each of their browsers asks for a new sign-in.")
        .await
}

/// M7: a lost phone, and no recovery code. Whom it is not for is said here, before anything is asked.
pub async fn confirm_factors_reset(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Query(begun): Query<Begun>,
) -> Result {
    let member = asked_about(&app, &inside, &user).await?;
    factors::may_reset(&app, &inside.actor, member.user_id).await.map_err(not_reset)?;
    let facts = vec![
        format!(
            "{} loses all authenticator apps, passkeys, recovery codes and remembered devices, and is signed out \
             everywhere.",
            member.name
        ),
        "Their password stays. They get a mail, and set up new factors at their next sign-in if that is required. \
         Make sure that it is them who asks: call them, or meet them."
            .to_owned(),
    ];
    let title = format!("Reset the factors of {}?", member.name);
    Ok(ask(inside, &context, &begun, &member, "factors-reset", title, "Reset factors", facts))
}

pub async fn reset_factors(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, user)): Path<(String, String)>,
    Query(begun): Query<Begun>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let user = user_id(&user)?;
    match factors::reset(&app, &inside.actor, user).await {
        Ok(member) => {
            let title = format!("The factors of {} are reset", member.name);
            let text = "They are signed out everywhere, and a mail tells them.";
            done(&app, &inside, &context, &begun, member, &title, text).await
        }
        Err(ResetError::Member(MemberError::StepUp(_))) => {
            let path = begun.path(&inside, user, "factors-reset");
            let member = users::member(&app.db, &inside.actor, user).await?;
            let act = Act { what: &format!("Reset the factors of {}", member.name), verb: "Reset factors" };
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &[]).await
        }
        Err(error) => Err(not_reset(error)),
    }
}

fn not_reset(error: ResetError) -> Error {
    match error {
        ResetError::Member(error) => error.into(),
        ResetError::Owner => Error::Forbidden(Some(error.to_string())),
        error @ (ResetError::Yourself | ResetError::Elsewhere(_) | ResetError::None(_)) => {
            Error::Conflict(error.to_string())
        }
    }
}
