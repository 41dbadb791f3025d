//! Handing over: whom to, what then happens in words, and only then the act.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::app::Shared;
use crate::domain::access::{Role, StepUpNeeded};
use crate::domain::settings::{self, HandOverError};
use crate::domain::users::{self, Member};
use crate::domain::values::Email;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::pages::step_up::{self, Act};
use crate::web::session;

#[derive(Template)]
#[template(path = "settings/owner.html")]
struct Page {
    chrome: Chrome,
    organization: String,
    path: String,
    back: String,
    email: Field,
    stays: bool,
}

#[derive(Template)]
#[template(path = "settings/owner_confirm.html")]
struct Confirm {
    chrome: Chrome,
    title: String,
    path: String,
    facts: Vec<String>,
    email: String,
    role: Role,
}

fn page(inside: Inside, email: Field, stays: bool) -> Page {
    Page {
        organization: inside.organization.name.clone(),
        path: inside.path("settings/owner"),
        back: inside.path("settings"),
        chrome: inside.chrome,
        email,
        stays,
    }
}

pub async fn owner(inside: Inside) -> Response {
    html::page(&page(inside, Field::default(), false))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    email: String,
    /// What the Owner is afterwards: an Admin, or an Owner still.
    role: String,
    confirmed: String,
}

/// The first post asks; the second, from the page that says what will happen, does it.
pub async fn hand_over(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    let stays = match typed.role.as_str() {
        "admin" => false,
        "owner" => true,
        _ => return Err(Error::Unfit("Choose what you are afterwards: an Admin or an Owner.")),
    };
    let mut field = Field::new(typed.email.trim());
    let Some(email) = field.parse::<Email>() else {
        return Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page(inside, field, stays)));
    };
    let confirmed = typed.confirmed == "yes";
    let done = match confirmed {
        true => settings::hand_over(&app, &inside.actor, &email, stays).await,
        false => settings::successor(&app.db, &inside.actor, &email, stays).await,
    };
    match done {
        Ok(member) if !confirmed => confirm(&app, inside, member, email, stays).await,
        Ok(member) => {
            let text = format!("{} is now an Owner of {}", member.name, inside.organization.name);
            let to = inside.path("users");
            Ok(session::with_flash(&app, html::go(context.fragment, &to), &text))
        }
        Err(HandOverError::StepUp(StepUpNeeded)) => {
            let fields = [("email", email.as_str()), ("role", &typed.role), ("confirmed", "yes")];
            let path = inside.path("settings/owner");
            let member = settings::successor(&app.db, &inside.actor, &email, stays).await;
            let name = member.map_or_else(|_| email.to_string(), |member| member.name);
            let after = if stays { "stay an Owner" } else { "become an Admin" };
            let what = format!("Hand {} over to {name} and {after}", inside.organization.name);
            let act = Act { what: &what, verb: "Hand over" };
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &fields).await
        }
        Err(HandOverError::Denied(denied)) => Err(denied.into()),
        Err(HandOverError::Database(error)) => Err(error.into()),
        Err(error) => {
            field.note::<()>(Err(error));
            Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page(inside, field, stays)))
        }
    }
}

async fn confirm(app: &Shared, inside: Inside, member: Member, email: Email, stays: bool) -> Result {
    let (organization, name) = (&inside.organization.name, &member.name);
    let owners = users::owners(&mut app.db.read().await?, inside.organization.id).await?;
    let told = owners.iter().filter(|(id, _)| *id != member.user_id && *id != inside.actor.person.user);
    let told = i64::try_from(told.count()).unwrap_or(i64::MAX);
    let mut facts = vec![match member.role {
        Role::Owner => format!("{name} ({}) is an Owner already, and stays one.", member.email),
        role => format!(
            "{name} ({}), {} until now, becomes an Owner: they can do everything here, removing you and \
             deleting {organization} included.",
            member.email,
            role.with_article()
        ),
    }];
    if let Some(end) = member.ends_at {
        let end = inside.times(app).day(end);
        facts.push(format!("Their membership would end on {end}. An Owner's has no end, so that date goes."));
    }
    facts.push(match stays {
        true => "You stay an Owner beside them.".to_owned(),
        false => {
            "You become an Admin: you can't delete or hand over the organization any more, nor change an \
                  Owner. Only an Owner can make you one again."
                .to_owned()
        }
    });
    facts.push(match told {
        0 => "You and they get a mail about it.".to_owned(),
        told => format!("You, they and {} get a mail about it.", html::count(told, "other Owner")),
    });
    let page = Confirm {
        title: format!("Hand over {organization} to {name}?"),
        path: inside.path("settings/owner"),
        email: email.to_string(),
        role: if stays { Role::Owner } else { Role::Admin },
        facts,
        chrome: inside.chrome,
    };
    Ok(html::page(&page))
}
