//! Adding people to a team, removing them, and saying who maintains it (R9).

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::pasted::Results;
use super::{Question, ask};
use crate::app::Shared;
use crate::domain::resources::joining;
use crate::domain::teams::{self, Candidates, Removal, TeamError};
use crate::ids::UserId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form, ListForm, Lists, Nothing, join};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::lists;
use crate::web::pages::users::user_id;
use crate::web::session;

/// Whom to add: a search, and who was chosen before it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    q: String,
    people: String,
}

impl Lists for Typed {
    const LISTS: &'static [&'static str] = &["people"];
}

impl Typed {
    /// From an address, where a name may stand several times too.
    fn of(pairs: &[(String, String)]) -> Typed {
        let q = pairs.iter().find(|(name, _)| name == "q").map(|(_, value)| value.clone());
        Typed { q: q.unwrap_or_default(), people: join(pairs, "people") }
    }

    fn ids(&self) -> Result<Vec<UserId>> {
        let ids = self.people.split(',').filter(|id| !id.is_empty()).map(|id| user_id(id.trim()));
        let mut ids = ids.collect::<Result<Vec<UserId>>>()?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}

pub(super) struct Choice {
    path: String,
    back: String,
    q: String,
    candidates: Candidates,
    error: Option<String>,
    /// Addresses that are pasted instead.
    emails: Field,
    results: Option<Results>,
}

#[derive(Template)]
#[template(path = "teams/add.html")]
struct Add {
    chrome: Chrome,
    teams_path: String,
    choice: Choice,
}

#[derive(Template)]
#[template(path = "teams/_candidates.html")]
struct CandidatesFragment {
    choice: Choice,
}

/// The page again, with what came of addresses that were pasted into it.
pub(super) async fn after_pasting(
    app: &Shared,
    inside: Inside,
    slug: &str,
    emails: Field,
    results: Option<Results>,
) -> Result<Response> {
    let is_wrong = emails.error.is_some() || results.as_ref().is_some_and(|results| results.added == 0);
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut choice = choice(app, &inside, slug, &Typed::default(), None).await?;
    (choice.emails, choice.results) = (emails, results);
    let teams_path = inside.path("teams");
    Ok(html::page_with(status, &Add { chrome: inside.chrome, teams_path, choice }))
}

async fn choice(
    app: &Shared,
    inside: &Inside,
    slug: &str,
    typed: &Typed,
    wrong: Option<TeamError>,
) -> Result<Choice> {
    let candidates = teams::candidates(&app.db, &inside.actor, slug, &typed.q, &typed.ids()?).await?;
    let back = inside.path(&format!("teams/{}", candidates.team.slug));
    let path = format!("{back}/members");
    let error = wrong.map(|error| error.to_string());
    Ok(Choice { path, back, q: typed.q.clone(), candidates, error, emails: Field::default(), results: None })
}

async fn choose(
    app: &Shared,
    inside: Inside,
    context: &Context,
    slug: &str,
    typed: &Typed,
    wrong: Option<TeamError>,
) -> Result<Response> {
    lists::searched(&typed.q)?;
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let choice = choice(app, &inside, slug, typed, wrong).await?;
    if context.fragment && context.target == "candidates" {
        return Ok(html::page_with(status, &CandidatesFragment { choice }));
    }
    let teams_path = inside.path("teams");
    Ok(html::page_with(status, &Add { chrome: inside.chrome, teams_path, choice }))
}

/// A search among the active members. Whoever was chosen stays chosen, whatever is searched next.
pub async fn add_form(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, slug)): Path<(String, String)>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result {
    choose(&app, inside, &context, &slug, &Typed::of(&pairs), None).await
}

pub async fn add(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, slug)): Path<(String, String)>,
    ListForm(typed): ListForm<Typed>,
) -> Result {
    match joining::add_to_team(&app, &inside.actor, &slug, &typed.ids()?).await {
        Ok((team, added)) => {
            let response = html::go(context.fragment, &inside.path(&format!("teams/{}", team.slug)));
            let text = match added.as_slice() {
                [] => format!("They were in {} already", team.name),
                [one] => format!("{one} is in {} now", team.name),
                more => format!("{} people are in {} now", more.len(), team.name),
            };
            Ok(session::with_flash(&app, response, &text))
        }
        Err(error @ (TeamError::Nobody | TeamError::TooMany)) => {
            choose(&app, inside, &context, &slug, &typed, Some(error)).await
        }
        Err(error) => Err(error.into()),
    }
}

pub async fn confirm_removal(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, slug, user)): Path<(String, String, String)>,
) -> Result {
    let Removal { team, member, resources } =
        teams::removal(&app.db, &inside.actor, &slug, user_id(&user)?).await?;
    let path = inside.path(&format!("teams/{}", team.slug));
    let mut facts = vec![match resources {
        0 => format!("Nothing is granted to {}, so that no access ends.", team.name),
        count => format!(
            "{} loses what {} gives on {}, at once, unless they have it in another way.",
            member.name,
            team.name,
            html::count(count, "resource")
        ),
    }];
    if member.maintainer {
        facts.push("They maintain it, and don’t any more.".to_owned());
    }
    facts.push("They stay in the organization and in their other teams.".to_owned());
    let question = Question {
        title: format!("Remove {} from {}?", member.name, team.name),
        facts,
        names: Vec::new(),
        verb: "Remove from team",
        action: format!("{path}/members/{}/removal", member.user_id),
        back: path,
    };
    ask(inside, &context, question)
}

pub async fn remove(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, slug, user)): Path<(String, String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    let Removal { team, member, .. } = teams::remove(&app, &inside.actor, &slug, user_id(&user)?).await?;
    let response = html::go(context.fragment, &inside.path(&format!("teams/{}", team.slug)));
    let text = format!("{} is not in {} any more", member.name, team.name);
    Ok(session::with_flash(&app, response, &text))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaintainerTyped {
    maintainer: String,
}

pub async fn set_maintainer(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, slug, user)): Path<(String, String, String)>,
    Form(typed): Form<MaintainerTyped>,
) -> Result {
    let maintainer = match typed.maintainer.as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err(Error::Unfit("Say whether they maintain the team: yes or no.")),
    };
    let user = user_id(&user)?;
    let (team, member) = teams::set_maintainer(&app, &inside.actor, &slug, user, maintainer).await?;
    let response = html::go(context.fragment, &inside.path(&format!("teams/{}", team.slug)));
    let text = match maintainer {
        true => format!("{} maintains {} now", member.name, team.name),
        false => format!("{} maintains {} no longer", member.name, team.name),
    };
    Ok(session::with_flash(&app, response, &text))
}
