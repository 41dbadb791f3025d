//! Whether single sign-on is required (O4).

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::Confirm;
use super::page::Page;
use crate::app::Shared;
use crate::domain::access::StepUpNeeded;
use crate::domain::sso::{self, Interrupted, RequirementError};
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::Form;
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::pages::step_up::{self, Act};
use crate::web::session;

/// How many of those who could not come in are named.
const NAMED: i64 = 50;

pub(super) struct RequirementPanel {
    pub path: String,
    pub required: bool,
    /// What the actor misses to require it, and the way to have it.
    pub missing: Option<Missing>,
}

pub(super) struct Missing {
    pub text: String,
    pub test: Option<String>,
    /// Whether somebody has just tried.
    pub tried: bool,
}

impl RequirementPanel {
    pub async fn new(app: &Shared, inside: &Inside) -> Result<RequirementPanel> {
        let required = inside.organization.policy.sso_required;
        let missing = match required {
            true => None,
            false => match sso::may_require(app, &inside.actor).await {
                Ok(()) => None,
                Err(error) => Some(missing(inside, error)?),
            },
        };
        Ok(RequirementPanel { path: inside.path("settings/sso/requirement"), required, missing })
    }
}

fn missing(inside: &Inside, error: RequirementError) -> Result<Missing> {
    let text = error.to_string();
    let test = match error {
        RequirementError::Untested(_, id) => Some(inside.path(&format!("settings/sso/{id}/test"))),
        RequirementError::NotOwner | RequirementError::NoConnection | RequirementError::NoBreakGlass => None,
        error => return Err(error.into()),
    };
    Ok(Missing { text, test, tried: false })
}

impl From<RequirementError> for Error {
    fn from(error: RequirementError) -> Error {
        match error {
            RequirementError::Denied(denied) => denied.into(),
            RequirementError::Database(error) => error.into(),
            error => Error::Conflict(error.to_string()),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    sso: String,
    confirmed: String,
}

impl Typed {
    fn required(&self) -> Result<bool> {
        match self.sso.as_str() {
            "required" => Ok(true),
            "optional" => Ok(false),
            _ => Err(Error::Unfit("Single sign-on is required, or it is optional.")),
        }
    }
}

/// The page with what keeps it from being required.
async fn refused(app: &Shared, inside: Inside, error: RequirementError) -> Result {
    let missing = missing(&inside, error)?;
    let mut page = Page::new(app, inside).await?;
    page.requirement.missing = Some(Missing { tried: true, ..missing });
    Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

/// The first post leads to the page that says whom it interrupts; the second, from there, does it.
pub async fn require_sso(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    let required = typed.required()?;
    let path = inside.path("settings/sso/requirement");
    if required && typed.confirmed != "yes" && !inside.organization.policy.sso_required {
        return match sso::may_require(&app, &inside.actor).await {
            Ok(()) => Ok(html::go(context.fragment, &format!("{path}?sso=required"))),
            Err(error) => refused(&app, inside, error).await,
        };
    }
    match sso::require(&app, &inside.actor, required).await {
        Ok(changed) => {
            let text = match (changed, required) {
                (false, _) => "Nothing was changed",
                (true, true) => "Single sign-on is required from now on",
                (true, false) => "Single sign-on is optional now",
            };
            let to = html::go(context.fragment, &inside.path("settings/sso"));
            Ok(session::with_flash(&app, to, text))
        }
        Err(RequirementError::StepUp(StepUpNeeded)) => {
            let organization = &inside.organization.name;
            let (what, verb) = match required {
                true => (format!("Require single sign-on in {organization}"), "Require it"),
                false => (format!("Stop requiring single sign-on in {organization}"), "Stop requiring it"),
            };
            let fields = [("sso", typed.sso.as_str()), ("confirmed", "yes")];
            let act = Act { what: &what, verb };
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &fields).await
        }
        Err(error) => refused(&app, inside, error).await,
    }
}

/// Whom requiring it interrupts, before it is required (V4).
pub async fn confirm_sso(State(app): State<Shared>, inside: Inside) -> Result {
    let page = inside.path("settings/sso");
    if inside.organization.policy.sso_required {
        return Ok(html::redirect(&page));
    }
    if let Err(error) = sso::may_require(&app, &inside.actor).await {
        // The page says what is missing.
        return missing(&inside, error).map(|_| html::redirect(&page));
    }
    let interrupted = sso::interrupted(&app, &inside.actor, NAMED).await?;
    Ok(html::page(&confirmation(inside, interrupted)))
}

fn confirmation(inside: Inside, interrupted: Interrupted) -> Confirm {
    let organization = &inside.organization.name;
    let Interrupted { all, unlinked, stranded, members } = interrupted;
    let facts = vec![
        format!(
            "From their next click on, {organization} opens to its {} only by your provider. Passwords, passkeys and \
             personal Google accounts still open their other organizations.",
            html::people(all)
        ),
        format!(
            "{} not linked to the provider yet. Whoever of them has an address on a proven domain is linked by \
             signing in there.",
            html::are(unlinked)
        ),
        match stranded {
            0 => "Everyone else has an address on a proven domain: nobody is locked out.".to_owned(),
            1 => "1 person has an address on no proven domain and can’t come in any more.".to_owned(),
            more => format!(
                "{} have an address on no proven domain and can’t come in any more.",
                html::people(more)
            ),
        },
        "The people with break-glass access come in by password and factor. Each time, the Owners get a mail."
            .to_owned(),
    ];
    let named = i64::try_from(members.len()).unwrap_or(i64::MAX);
    Confirm {
        title: format!("Require single sign-on in {organization}?"),
        facts,
        action: inside.path("settings/sso/requirement"),
        verb: "Require it",
        back: inside.path("settings/sso"),
        fields: vec![("sso", "required".to_owned()), ("confirmed", "yes".to_owned())],
        heading: format!("{} can’t come in any more", html::people(stranded)),
        members: {
            let member = |(id, name)| (inside.path(&format!("users/{id}")), name);
            members.into_iter().map(member).collect()
        },
        more: (stranded > named).then(|| html::number(stranded - named)),
        chrome: inside.chrome,
    }
}
