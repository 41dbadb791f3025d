//! Who may open a resource: the editor, what a change does, and the change.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::typed::{INHERIT, Typed};
use super::{Head, Tab, audience_name, path_of};
use crate::app::Shared;
use crate::domain::resources::granting::{self, Names, Preview, Said, SaveError, Stated, Tally, sentence};
use crate::domain::resources::{self, Audience, Kind, Permission, Resource, editing};
use crate::domain::teams::Team;
use crate::domain::throttle::Throttled;
use crate::domain::{teams, users};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{self, Error, Result};
use crate::web::forms::Form;
use crate::web::gate::Inside;
use crate::web::{html, session};

struct Choice {
    code: &'static str,
    title: &'static str,
    sentence: String,
    chosen: bool,
}

/// "23 people may open this; 4 may change it", or why that can't be counted now.
#[derive(Template)]
#[template(path = "resources/_line.html")]
struct Line {
    line: String,
}

#[derive(Template)]
#[template(path = "resources/access.html")]
struct Editor {
    chrome: Chrome,
    head: Head,
    path: String,
    choices: Vec<Choice>,
    typed: Typed,
    teams: Vec<Team>,
    permissions: [Permission; 4],
    has_people: bool,
    /// What holds in Dev mode, whatever is chosen.
    in_dev_mode: Option<&'static str>,
    may_change: bool,
    line: String,
    problem: Option<String>,
    definition: String,
    /// The page that it takes its access from now.
    page: Option<String>,
}

/// What somebody may do before and after, in words.
struct Moved {
    title: &'static str,
    tone: &'static str,
    count: String,
    rows: Vec<(String, String)>,
    more: Option<String>,
}

#[derive(Template)]
#[template(path = "resources/difference.html")]
struct Shown {
    chrome: Chrome,
    head: Head,
    path: String,
    before: String,
    after: String,
    moved: Vec<Moved>,
    notes: Vec<String>,
    warnings: Vec<String>,
    fields: Vec<(String, String)>,
    digest: String,
    changed_meanwhile: bool,
    nothing: bool,
}

fn in_words(audience: Audience, domain: &str, tally: Tally) -> String {
    let (open, change) = (html::people(tally.open), html::number(tally.change));
    match audience {
        Audience::Public => format!("Anyone may open this, signed in or not; {change} may change it"),
        Audience::Unlisted => {
            format!("Anyone with a link may open this, and {open} without one; {change} may change it")
        }
        Audience::DomainRestricted => format!(
            "{open} may open this, and whoever else has a verified address at {domain}; {change} may change it"
        ),
        _ => format!("{open} may open this; {change} may change it"),
    }
}

/// The same as it is true of this resource: in Dev mode and archived, whatever is said of its audience.
fn line_of(resource: &Resource, stated: &Stated, tally: Tally) -> String {
    let words = match resource.developer() {
        Some(_) => {
            let (open, change) = (html::people(tally.open), html::number(tally.change));
            format!("{open} may open this; {change} may change it")
        }
        None => {
            let domain = stated.domain.as_deref().unwrap_or_default();
            in_words(stated.effective(resource.kind), domain, tally)
        }
    };
    match resource.archived_at {
        Some(_) => format!("Nobody may open this while it is archived. Taken back: {words}"),
        None => words,
    }
}

async fn editor(
    app: &Shared,
    inside: Inside,
    resource: Resource,
    typed: Option<Typed>,
    line: Option<String>,
    problem: Option<String>,
) -> Result<Editor> {
    let stated = granting::stated(app, &inside.actor, &resource).await?;
    let line = match line {
        Some(text) => text,
        None => {
            let tally = granting::tally(app, &inside.actor, &resource, &stated).await?;
            line_of(&resource, &stated, tally)
        }
    };
    let typed = typed.unwrap_or_else(|| Typed::of(&stated, resource.kind));
    let mut reader = app.db.read().await?;
    let teams = teams::all(&mut reader, inside.organization.id).await?;
    let creator = users::member_of(&mut reader, inside.organization.id, resource.creator).await?;
    let page = resources::inherited_from(&mut reader, &resource).await?.map(|(_, key)| key);
    drop(reader);
    let (name, email) = creator.map(|member| (member.name, member.email)).unwrap_or_default();
    let domain = email.rsplit_once('@').map_or("their domain", |(_, domain)| domain).to_ascii_lowercase();
    let mut choices: Vec<Choice> = resource
        .kind
        .audiences()
        .iter()
        .map(|audience| Choice {
            code: audience.code(),
            title: audience_name(*audience),
            sentence: sentence(*audience, &name, &domain),
            chosen: typed.audience == audience.code(),
        })
        .collect();
    if resource.kind.is_for_members() {
        let sentence = match &page {
            Some(page) => format!("The page {page} says who may open it."),
            None => "No page above it says anything: it is open to everyone in the organization.".to_owned(),
        };
        let chosen = typed.audience == INHERIT;
        choices.insert(0, Choice { code: INHERIT, title: "As the page above it", sentence, chosen });
    }
    let path = path_of(&inside, &resource.key);
    Ok(Editor {
        head: Head::new(&inside, &resource, Tab::Access),
        definition: format!("{path}/definition"),
        path: format!("{path}/access"),
        choices,
        typed,
        teams,
        permissions: Permission::ALL,
        has_people: !resource.kind.is_for_members(),
        in_dev_mode: resource.developer().map(|_| DEV_MODE),
        may_change: resources::may_change_access(&inside.actor, &resource),
        line,
        problem,
        page,
        chrome: inside.chrome,
    })
}

pub async fn access(State(app): State<Shared>, inside: Inside, key: Key) -> Result {
    let resource = editing::configured(&app, &inside.actor, &inside.place(), key.last()).await?;
    Ok(html::page(&editor(&app, inside, resource, None, None, None).await?))
}

/// The path's parameters: the key is the last, under an environment's address too.
pub struct Key(Vec<String>);

impl Key {
    pub fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Key {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Key> {
        let Path(params) = Path::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|_| Error::NotFound)?;
        Ok(Key(params.into_iter().map(|(_, value)| value).collect()))
    }
}

fn names(title: &'static str, tone: &'static str, names: &Names) -> Option<Moved> {
    if names.count == 0 {
        return None;
    }
    let rows: Vec<(String, String)> = names
        .named
        .iter()
        .map(|named| (named.name.clone(), format!("{} → {}", named.before, named.after)))
        .collect();
    let more = names.count - i64::try_from(rows.len()).unwrap_or(0);
    Some(Moved {
        title,
        tone,
        count: html::people(names.count),
        rows,
        more: (more > 0).then(|| html::people(more)),
    })
}

const DEV_MODE: &str =
    "In Dev mode its developer alone opens it, whatever is chosen. What is chosen stands in its definition.";

/// What is true of the change beside who gains and who loses.
fn notes(preview: &Preview) -> Vec<String> {
    let (kind, after) = (preview.resource.kind, &preview.after);
    let mut notes = Vec::new();
    let (was, is) = (preview.before.effective(kind), after.effective(kind));
    let in_dev_mode = preview.resource.developer().is_some();
    let open_to_others = |audience| {
        !in_dev_mode && matches!(audience, Audience::Public | Audience::Unlisted | Audience::DomainRestricted)
    };
    if in_dev_mode {
        notes.push(DEV_MODE.to_owned());
    }
    if was != is && open_to_others(was) {
        notes.push("Whoever came in without being a member, or listed, does not any more: they are in no count here.".to_owned());
    }
    if let (true, Audience::DomainRestricted, Some(domain)) =
        (was != is && open_to_others(is), is, &after.domain)
    {
        notes
            .push(format!("Whoever else has a verified address at {domain} may open it too, member or not."));
    }
    if was != is && is == Audience::Public && open_to_others(is) {
        notes.push("Everyone else may open it too, without signing in, and read what it shows.".to_owned());
    }
    if preview.links > 0 {
        let end = if preview.links == 1 { "ends" } else { "end" };
        notes.push(format!(
            "{} {end} for good. Being Unlisted again does not bring them back.",
            html::count(preview.links, "link")
        ));
    }
    if kind == Kind::Page && preview.inheriting > 0 {
        notes.push(format!(
            "{} under this page, of those that say nothing themselves, take the same access.",
            html::count(preview.inheriting, "resource")
        ));
    }
    if preview.resource.archived_at.is_some() {
        notes.push("It is archived: all of this holds once it is taken back into use.".to_owned());
    }
    if !preview.creator_manages {
        notes
            .push("Whoever made it can’t change its access any more: only Owners and Admins can.".to_owned());
    }
    if preview.difference.after.open == 0 && !open_to_others(is) {
        notes.push("Nobody may open it then. Owners and Admins can still change its access.".to_owned());
    }
    notes
}

fn shown(inside: Inside, preview: &Preview, typed: &Typed, changed_meanwhile: bool) -> Shown {
    let line = |stated: &Stated, tally| line_of(&preview.resource, stated, tally);
    let difference = &preview.difference;
    Shown {
        head: Head::new(&inside, &preview.resource, Tab::Access),
        path: format!("{}/access", path_of(&inside, &preview.resource.key)),
        before: line(&preview.before, difference.before),
        after: line(&preview.after, difference.after),
        moved: [
            names("Gain access", "ok", &difference.gain),
            names("Lose access", "bad", &difference.lose),
            names("May do other things than before", "warn", &difference.change),
        ]
        .into_iter()
        .flatten()
        .collect(),
        notes: notes(preview),
        warnings: preview.warnings.clone(),
        fields: typed.pairs(),
        digest: preview.digest.clone(),
        changed_meanwhile,
        nothing: preview.before.says_as(&preview.after),
        chrome: inside.chrome,
    }
}

/// What can be said of what was typed, or the editor with what is wrong.
async fn said(
    app: &Shared,
    inside: &Inside,
    resource: &Resource,
    typed: &mut Typed,
) -> std::result::Result<(Said, Preview), Refused> {
    let Some(said) = typed.said(resource.kind)? else { return Err(Refused::Typed(None)) };
    let preview = granting::preview(app, &inside.actor, &inside.place(), &resource.key, &said).await?;
    Ok((said, preview))
}

enum Refused {
    Error(Error),
    /// By what was typed.
    Typed(Option<String>),
    /// Not now.
    Throttled(Throttled),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        Refused::Error(error)
    }
}

impl From<SaveError> for Refused {
    fn from(error: SaveError) -> Refused {
        match error {
            SaveError::Denied(_) | SaveError::NotFound | SaveError::Database(_) => {
                Refused::Error(error.into())
            }
            SaveError::Throttled(throttled) => Refused::Throttled(throttled),
            why => Refused::Typed(Some(why.to_string())),
        }
    }
}

/// Shows what a change does; and makes it, if it is posted as it was shown.
pub async fn change_access(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    key: Key,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result {
    let mut typed = Typed::read(&pairs)?;
    let resource = editing::configured(&app, &inside.actor, &inside.place(), key.last()).await?;
    if !resources::may_change_access(&inside.actor, &resource) {
        return Err(Error::Forbidden(None));
    }
    if matches!(typed.act.as_str(), "more" | "edit") {
        if typed.act == "more" {
            typed.more_rows();
        }
        typed.add_rows();
        return Ok(html::page(&editor(&app, inside, resource, Some(typed), None, None).await?));
    }
    let (said, preview) = match said(&app, &inside, &resource, &mut typed).await {
        Ok(said) => said,
        Err(why) => return refused(&app, inside, resource, typed, why).await,
    };
    if typed.act != "save" {
        return Ok(html::page(&shown(inside, &preview, &typed, false)));
    }
    match granting::save(&app, &inside.actor, &inside.place(), &resource.key, &said, &typed.digest).await {
        Ok(saved) => {
            let to = format!("{}/access", path_of(&inside, &saved.key));
            Ok(session::with_flash(&app, html::go(context.fragment, &to), "Saved"))
        }
        Err(SaveError::Changed) => {
            let place = inside.place();
            match granting::preview(&app, &inside.actor, &place, &resource.key, &said).await {
                Ok(now) => Ok(html::page_with(StatusCode::CONFLICT, &shown(inside, &now, &typed, true))),
                Err(why) => refused(&app, inside, resource, typed, why.into()).await,
            }
        }
        Err(why) => refused(&app, inside, resource, typed, why.into()).await,
    }
}

async fn refused(
    app: &Shared,
    inside: Inside,
    resource: Resource,
    mut typed: Typed,
    why: Refused,
) -> Result<Response> {
    let (problem, throttled) = match why {
        Refused::Error(error) => return Err(error),
        Refused::Typed(Some(problem)) => (problem, None),
        Refused::Typed(None) => ("Something in the lists below can’t be taken.".to_owned(), None),
        Refused::Throttled(throttled) => {
            let wait = error::too_many_in_words(throttled);
            (format!("You have looked at many differences, so nothing was saved. {wait}"), Some(throttled))
        }
    };
    typed.add_rows();
    let page = editor(app, inside, resource, Some(typed), None, Some(problem)).await?;
    let page = html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    Ok(match throttled {
        Some(throttled) => error::too_many_on(page, throttled),
        None => page,
    })
}

/// The line for what is chosen now, before it is saved.
pub async fn count(
    State(app): State<Shared>,
    inside: Inside,
    key: Key,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result {
    let mut typed = Typed::read(&pairs)?;
    let resource = editing::configured(&app, &inside.actor, &inside.place(), key.last()).await?;
    let text = match counted(&app, &inside, &resource, &mut typed).await {
        Ok(line) => line,
        Err(Refused::Error(error)) => return Err(error),
        // What is typed stays in the browser.
        Err(Refused::Throttled(throttled)) => return Err(throttled.into()),
        Err(Refused::Typed(why)) => {
            why.unwrap_or_else(|| "An address is not whole yet, so nothing is counted".to_owned())
        }
    };
    Ok(html::page(&Line { line: text }))
}

async fn counted(
    app: &Shared,
    inside: &Inside,
    resource: &Resource,
    typed: &mut Typed,
) -> std::result::Result<String, Refused> {
    let Some(said) = typed.said(resource.kind)? else { return Err(Refused::Typed(None)) };
    let (stated, tally) =
        granting::tally_of_said(app, &inside.actor, &inside.place(), &resource.key, &said).await?;
    Ok(line_of(resource, &stated, tally))
}
