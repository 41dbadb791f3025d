//! Step-up (S12): a fresh proof, and then back to what was being done, with its form intact.

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;
use tower_sessions::Session;

use super::challenge::{refused, wait_of};
use super::passkeys;
use super::prompt::{self, Prompt};
use super::sign_in::said;
use crate::app::Shared;
use crate::domain::access::Person;
use crate::domain::account;
use crate::domain::factors::{self, Answered};
use crate::domain::organizations::{self, Policy};
use crate::domain::sessions::{self, KeptForm};
use crate::domain::sso::{self, CodeError, Rounds};
use crate::domain::values::Theme;
use crate::ids::PendingFormId;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form};
use crate::web::gate::SignedIn;
use crate::web::html;
use crate::web::session::NewCookie;

/// What a person is about to do, as the last page before it says it: whom and what it is about, and the verb
/// of its button. "Make Ingrid Solberg an Owner of Halden Freight", "Make Owner".
pub struct Act<'a> {
    pub what: &'a str,
    pub verb: &'a str,
}

/// Under which names an act is kept among its form's fields. No form has a field with a space in its name.
const WHAT: &str = "act what";
const VERB: &str = "act verb";

/// Sends a person to the step-up page and keeps their form meanwhile.
pub async fn ask(
    app: &Shared,
    context: &Context,
    person: &Person,
    act: &Act<'_>,
    path: &str,
    fields: &[(&str, &str)],
) -> Result {
    let id = keep(app, person, act, path, fields).await?;
    Ok(html::go(context.fragment, &format!("/step-up?form={id}")))
}

/// Where a page is that is only shown after a step-up: it comes back to the page.
pub fn first(page: &str) -> String {
    format!("/step-up?next={}", html::query_value(page))
}

/// The address of the step-up page that begins with one kind of factor, with a form kept meanwhile.
pub async fn way(
    app: &Shared,
    person: &Person,
    act: &Act<'_>,
    path: &str,
    fields: &[(&str, &str)],
    with: &str,
) -> Result<String> {
    let id = keep(app, person, act, path, fields).await?;
    Ok(format!("/step-up?form={id}&with={with}"))
}

async fn keep(
    app: &Shared,
    person: &Person,
    act: &Act<'_>,
    path: &str,
    fields: &[(&str, &str)],
) -> Result<PendingFormId> {
    let act = [(WHAT, act.what), (VERB, act.verb)];
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let fields: Vec<(String, String)> = act.iter().chain(fields).map(owned).collect();
    Ok(sessions::keep_form(app, person.session, path, &fields).await?)
}

#[derive(Template)]
#[template(path = "step_up/form.html")]
struct Page {
    theme: Theme,
    email: String,
    form: String,
    /// Where to go on, if no form is kept.
    next: String,
    password: Field,
    /// Of a person with factors, in place of the password.
    prompt: Option<Prompt>,
    /// Of a person with neither.
    rounds: Option<Rounds>,
    /// What follows the address of a provider's way: the form, and where to go on.
    query: String,
    code: Field,
    /// Whether a code was mailed just now.
    mailed: bool,
}

#[derive(Template)]
#[template(path = "step_up/done.html")]
struct Done {
    theme: Theme,
    what: String,
    verb: String,
    kept: KeptForm,
    /// What was typed beside that, as its form called it.
    shown: Vec<(&'static str, String)>,
}

/// The length of a session in a form, in words.
fn length(value: &str) -> Option<String> {
    value.parse().ok().map(Policy::length_in_words)
}

impl Done {
    fn new(theme: Theme, mut kept: KeptForm) -> Done {
        let mut take = |name: &str| {
            let at = kept.fields.iter().position(|(kept, _)| kept == name)?;
            Some(kept.fields.remove(at).1)
        };
        // A form that was kept by the version before says neither.
        let what = take(WHAT).unwrap_or_else(|| "Go on".to_owned());
        let verb = take(VERB).unwrap_or_else(|| "Go on".to_owned());
        let typed = |name: &str| {
            kept.fields.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value.as_str())
        };
        let shown = |(name, value): &(String, String)| match name.as_str() {
            "emails" => Some(("Email addresses", value.clone())),
            "ends" if !value.is_empty() => Some(("Last day", value.clone())),
            "required" if value.is_empty() => Some(("Required", "No factor".to_owned())),
            "factors" if typed("required") == "yes" => Some((
                "Required",
                match value.as_str() {
                    "passkey" => "Passkeys".to_owned(),
                    _ => "Any factor".to_owned(),
                },
            )),
            "when" if value == "now" && typed("required") == "yes" => Some(("From", "Now".to_owned())),
            "day" if typed("when") == "date" && typed("required") == "yes" => Some(("From", value.clone())),
            "idle" => Some(("Session without a click", length(value)?)),
            "absolute" => Some(("Session in all", length(value)?)),
            "remembers" => Some((
                "Remembered devices",
                if value.is_empty() { "Not allowed".to_owned() } else { "Allowed".to_owned() },
            )),
            "shortest" => Some(("Shortest password", format!("{value} characters"))),
            "invitations" => Some((
                "Pending invites",
                match value.as_str() {
                    "keep" => "Hand over to me".to_owned(),
                    _ => "Revoke".to_owned(),
                },
            )),
            "note" if !value.is_empty() => Some(("Note", value.clone())),
            _ => None,
        };
        let shown = kept.fields.iter().filter_map(shown).collect();
        Done { theme, what, verb, shown, kept }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    form: String,
    next: String,
    with: String,
}

/// The page, with the ways that this person has to prove themselves for what they are about to do.
async fn page(app: &Shared, person: &Person, with: &str, form: &str, next: &str) -> Result<Page> {
    let next = html::own_path(next).unwrap_or_default();
    let query = format!("form={}&next={}", html::query_value(form), html::query_value(next));
    let here = format!("/step-up?{query}");
    let rounds = match person.has_password || person.factors.any() {
        true => None,
        false => Some(rounds(app, person, form, next).await?),
    };
    Ok(Page {
        theme: person.theme,
        email: person.email.clone(),
        form: form.to_owned(),
        next: next.to_owned(),
        password: Field::default(),
        prompt: person.factors.any().then(|| Prompt::new(person.factors, with, here, passkeys::SIGNED_IN)),
        rounds,
        query,
        code: Field::default(),
        mailed: with == "mailed",
    })
}

/// For what is an organization's its providers do; for what is one's own, nothing of an organization's (S8). The path
/// is anybody's word: of an organization that the session may not know of nothing is said.
pub(super) async fn rounds(app: &Shared, person: &Person, form: &str, next: &str) -> Result<Rounds> {
    let kept = kept(app, person, form).await?;
    let path = kept.as_ref().map_or(next, |kept| kept.path.as_str());
    let slug = path.strip_prefix("/o/").and_then(|rest| rest.split(['/', '?']).next());
    let mut reader = app.db.read().await?;
    let organization = match slug {
        Some(slug) => organizations::by_slug(&mut reader, slug).await?.map(|organization| organization.id),
        None => None,
    };
    let organization = organization.filter(|id| person.may_know_of(*id));
    Ok(sso::rounds(app, &mut reader, person, organization).await?)
}

async fn kept(app: &Shared, person: &Person, form: &str) -> Result<Option<KeptForm>> {
    match form.parse::<PendingFormId>() {
        Ok(id) => Ok(sessions::kept_form(app, person.session, id).await?),
        Err(_) => Ok(None),
    }
}

pub async fn form(State(app): State<Shared>, signed_in: SignedIn, Query(asked): Query<Asked>) -> Result {
    Ok(html::page(&page(&app, &signed_in.person, &asked.with, &asked.form, &asked.next).await?))
}

/// Back from a provider, with the form that was kept meanwhile. Whoever does what it asks for checks the proof.
pub async fn proven(State(app): State<Shared>, signed_in: SignedIn, Query(asked): Query<Asked>) -> Result {
    go_on(&app, &signed_in.person, &asked.form, &asked.next).await
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CodeAsked {
    form: String,
    next: String,
}

/// Mails a code to whoever has nothing else.
pub async fn mail_code(
    State(app): State<Shared>,
    signed_in: SignedIn,
    Form(typed): Form<CodeAsked>,
) -> Result {
    let person = &signed_in.person;
    let page = page(&app, person, "mailed", &typed.form, &typed.next).await?;
    match sso::mail_code(&app, person).await {
        Ok(()) => Ok(html::redirect(&format!("/step-up?{}&with=mailed", page.query))),
        Err(error) => Ok(refused(&Page { code: Field::wrong(code_said(error)?), ..page }, None)),
    }
}

fn code_said(error: CodeError) -> Result<String> {
    match error {
        CodeError::Wrong | CodeError::NotAsked => Ok(error.to_string()),
        CodeError::Throttled(throttled) => Err(throttled.into()),
        CodeError::SignedOut => Err(Error::Elsewhere("/sign-in".to_owned())),
        CodeError::Database(error) => Err(error.into()),
    }
}

/// On to the form that was kept, as one press, or to the page that asked.
async fn go_on(app: &Shared, person: &Person, form: &str, next: &str) -> Result {
    match kept(app, person, form).await? {
        Some(kept) if html::own_path(&kept.path).is_some() => Ok(html::page(&Done::new(person.theme, kept))),
        Some(_) => Err(Error::NotFound),
        None => Ok(html::redirect(html::own_path(next).unwrap_or("/"))),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    password: String,
    code: String,
    challenge: String,
    credential: String,
    with: String,
    form: String,
    next: String,
}

/// Of a person with factors only one of these counts; of others the password, and without one a mailed code (S12).
pub async fn confirm(
    State(app): State<Shared>,
    signed_in: SignedIn,
    cookie: Session,
    Form(typed): Form<Typed>,
) -> Result {
    let person = &signed_in.person;
    let new = NewCookie::generate();
    let page = page(&app, person, &typed.with, &typed.form, &typed.next).await?;
    match page.prompt {
        None if page.rounds.is_some() => {
            if let Err(error) = sso::confirm_code(&app, person, &typed.code, &new.hash()).await {
                let page = Page { code: Field::wrong(code_said(error)?), mailed: true, prompt: None, ..page };
                return Ok(refused(&page, None));
            }
        }
        Some(prompt) => {
            let passkey = Answered { challenge: &typed.challenge, credential: &typed.credential };
            let proof = prompt.typed(&typed.code, passkey);
            let proven = factors::prove(&app, person, proof, &new.hash()).await;
            if let Err(error) = proven {
                let wait = wait_of(&error);
                let prompt = Some(prompt.wrong(prompt::said(error)?));
                return Ok(refused(&Page { prompt, ..page }, wait));
            }
        }
        None => {
            let confirmed = account::confirm_password(&app, person, &typed.password, &new.hash()).await;
            if let Err(error) = confirmed {
                let page = Page { password: Field::wrong(said(error)?), prompt: None, ..page };
                return Ok(refused(&page, None));
            }
        }
    }
    new.give(&cookie).await?;
    go_on(&app, person, &typed.form, &typed.next).await
}
