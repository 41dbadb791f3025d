//! The invited person's side: the page behind a link.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tower_sessions::Session;

use super::{step_up, unknown_link};
use crate::app::Shared;
use crate::clock::MINUTE;
use crate::domain::access::Role;
use crate::domain::invitations::{self, AcceptError, Found, LinkKind, NewAccount, Standing};
use crate::domain::sign_in::Cookies;
use crate::domain::sso;
use crate::domain::values::{PersonName, Theme, TimeZone};
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form, Nothing};
use crate::web::gate::Visitor;
use crate::web::html::{self, Times};
use crate::web::session::{self, NewCookie};

/// What the page is about, whatever it then offers.
struct About {
    token: String,
    organization: String,
    inviter: String,
    role: Role,
    email: String,
    note: String,
    /// The teams that they join, by name.
    teams: String,
    expires: String,
    /// Until when the membership lasts, if it ends by itself.
    lasts: Option<String>,
    /// Whether a Google account of the invited address accepts it.
    google: bool,
    /// The organization's provider for the invited address: its name.
    provider: Option<String>,
    /// Whether nothing but a provider is offered to whoever has no account: it would not let them in (I2). None may
    /// cover the address.
    only_provider: bool,
}

impl About {
    async fn new(app: &Shared, token: &str, found: &Found) -> Result<About> {
        let last = found.invitation.membership_ends_at.map(|end| end.plus(-MINUTE));
        let provider = sso::vouching(&app.db, &found.organization, &found.invitation.email_canonical).await?;
        Ok(About {
            only_provider: found.organization.policy.sso_required,
            provider: provider.map(|connection| connection.name),
            token: token.to_owned(),
            organization: found.organization.name.clone(),
            inviter: found.inviter.clone(),
            role: found.invitation.role,
            email: found.invitation.email.clone(),
            note: found.invitation.note.clone(),
            teams: found.teams.join(", "),
            // Where single sign-on is required only that is offered (I2).
            google: sso::google_works(app) && !found.organization.policy.sso_required,
            lasts: last.map(|last| TimeZone::utc().minute(last)),
            expires: Times::utc(found.invitation.sent_at).day(found.invitation.expires_at),
        })
    }
}

#[derive(Template)]
#[template(path = "invite/join.html")]
struct Join {
    about: About,
    name: Field,
    password: Field,
}

#[derive(Template)]
#[template(path = "invite/accept.html")]
struct Accept {
    theme: Theme,
    about: About,
    name: String,
}

#[derive(Template)]
#[template(path = "invite/sign_in.html")]
struct SignIn {
    about: About,
}

#[derive(Template)]
#[template(path = "invite/copied.html")]
struct Copied {
    about: About,
    code: Field,
    sent: bool,
}

#[derive(Template)]
#[template(path = "invite/wrong_account.html")]
struct WrongAccount {
    theme: Theme,
    about: About,
    signed_in_as: String,
}

/// A link that leads nowhere: why, and what to do next (I5).
#[derive(Template)]
#[template(path = "invite/dead.html")]
struct Dead {
    title: String,
    text: String,
    next: Option<(&'static str, String)>,
    /// Where to ask for a new link, for an expired one.
    ask: Option<String>,
    asked: bool,
}

/// Looks at a link. GET changes nothing, however often a mail scanner comes.
pub async fn show(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    Path(token): Path<String>,
) -> Result {
    let found = match invitations::look(&app, &token).await {
        Ok(found) => found,
        Err(error) => return refused(&app, &context, &token, None, error).await,
    };
    offer(&app, &visitor, &token, &found).await
}

/// What the page offers, by the link, the address and who is signed in.
async fn offer(app: &Shared, visitor: &Visitor, token: &str, found: &Found) -> Result {
    let mut about = About::new(app, token, found).await?;
    if let Some(person) = &visitor.person {
        about.expires =
            Times::new(found.invitation.sent_at, &person.time_zone).day(found.invitation.expires_at);
    }
    if found.standing != Standing::Open {
        return Ok(dead(found.standing, token, &about.organization, false));
    }
    let canonical = &found.invitation.email_canonical;
    Ok(match &visitor.person {
        Some(person) if person.email.eq_ignore_ascii_case(canonical) => {
            html::page(&Accept { theme: person.theme, name: person.name.clone(), about })
        }
        Some(person) => {
            let page = WrongAccount { theme: person.theme, about, signed_in_as: person.email.clone() };
            html::page_with(StatusCode::FORBIDDEN, &page)
        }
        None if found.kind == LinkKind::Copied => {
            html::page(&Copied { about, code: Field::default(), sent: false })
        }
        None if found.account.is_some() => html::page(&SignIn { about }),
        None => {
            let name = Field::new(&found.invitation.name);
            html::page(&Join { about, name, password: Field::default() })
        }
    })
}

fn dead(standing: Standing, token: &str, organization: &str, asked: bool) -> Response {
    let ask_inviter = "Ask whoever invited you to send a new one.";
    let (title, text, next) = match standing {
        Standing::Open | Standing::Used => (
            "This invite has been used",
            "An invite works once. If it was you, sign in; if not, tell whoever invited you.",
            Some(("Sign in", "/sign-in".to_owned())),
        ),
        Standing::Revoked => ("This invite was taken back", ask_inviter, None),
        Standing::Void => (
            "This invite is void",
            "Whoever sent it may not give this role any more. Ask an Owner of the organization for a new one.",
            None,
        ),
        Standing::Replaced => (
            "There is a newer link",
            "This one stopped working when another was sent. Look for the newest mail, or ask for a new invite.",
            None,
        ),
        Standing::Closed => (
            "This organization was deleted",
            "Nobody can join it now. Should its Owners undo that, this invite works again until it ends.",
            None,
        ),
        Standing::Expired => (
            "This invite has expired",
            "An invite works for 7 days. You can ask for a new link: whoever invited you gets a mail.",
            None,
        ),
    };
    let page = Dead {
        title: format!(
            "{title}{}",
            if organization.is_empty() { String::new() } else { format!(": {organization}") }
        ),
        text: text.to_owned(),
        next,
        ask: (standing == Standing::Expired).then(|| format!("/invite/{token}/again")),
        asked,
    };
    html::page_with(StatusCode::GONE, &page)
}

/// The page of each way in which accepting can fail.
async fn refused(
    app: &Shared,
    context: &Context,
    token: &str,
    found: Option<&Found>,
    error: AcceptError,
) -> Result {
    let organization = found.map_or("", |found| found.organization.name.as_str());
    match error {
        AcceptError::Unknown => Err(unknown_link(app, &context.origin).await),
        AcceptError::Dead(standing) => Ok(dead(standing, token, organization, false)),
        AcceptError::AlreadyMember => {
            let slug = found.map_or("", |found| found.organization.slug.as_str());
            let page = Dead {
                title: format!("You are already in {organization}"),
                text: "There is nothing to accept: your role stays as it is.".to_owned(),
                next: Some(("Open the organization", format!("/o/{slug}"))),
                ask: None,
                asked: false,
            };
            Ok(html::page_with(StatusCode::CONFLICT, &page))
        }
        AcceptError::Suspended => {
            let page = Dead {
                title: format!("Your membership of {organization} is suspended"),
                text: "An invite does not lift that. Ask an Owner or Admin to reactivate you.".to_owned(),
                next: None,
                ask: None,
                asked: false,
            };
            Ok(html::page_with(StatusCode::FORBIDDEN, &page))
        }
        AcceptError::Throttled(throttled) => Err(throttled.into()),
        AcceptError::Busy(busy) => Err(busy.into()),
        AcceptError::Database(error) => Err(error.into()),
        error @ (AcceptError::WrongAccount
        | AcceptError::AccountExists
        | AcceptError::Unproven
        | AcceptError::SsoRequired
        | AcceptError::WrongCode
        | AcceptError::Unfit(_)) => Err(Error::Forbidden(Some(error.to_string()))),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    name: String,
    password: String,
    time_zone: String,
    /// Shown read-only for password managers. The stored row decides (INV-06).
    #[serde(rename = "email")]
    _email: String,
}

/// Uses the link up: as the signed-in person, or with a new account.
pub async fn accept(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    cookie: Session,
    Path(token): Path<String>,
    Form(typed): Form<Typed>,
) -> Result {
    let found = match invitations::look(&app, &token).await {
        Ok(found) => found,
        Err(error) => return refused(&app, &context, &token, None, error).await,
    };
    if let Some(person) = &visitor.person {
        // A provider alone brings nobody into another organization (S8).
        if found.standing == Standing::Open && !person.may_know_of(found.organization.id) {
            return Err(Error::Elsewhere(step_up::first(&format!("/invite/{token}"))));
        }
        return match invitations::accept_as(&app, &token, person).await {
            Ok(organization) => Ok(joined(&app, &organization.slug, &organization.name)),
            Err(AcceptError::WrongAccount) => offer(&app, &visitor, &token, &found).await,
            Err(error) => refused(&app, &context, &token, Some(&found), error).await,
        };
    }
    // Where single sign-on is required, only that lets them in (I2).
    let about = About::new(&app, &token, &found).await?;
    if found.standing == Standing::Open && about.only_provider {
        return offer_instead(&app, &visitor, &token, &found).await;
    }
    // A password is asked for only where there is no account, and only by a link that proves the address.
    if found.standing == Standing::Open && (found.kind == LinkKind::Copied || found.account.is_some()) {
        return offer_instead(&app, &visitor, &token, &found).await;
    }
    let mut name = Field::new(&typed.name);
    let parsed = name.parse::<PersonName>();
    let Some(parsed) =
        parsed.filter(|_| found.standing == Standing::Open || found.standing == Standing::Void)
    else {
        return join_again(&app, &token, &found, name, Field::default()).await;
    };
    let new = NewCookie::generate();
    let (token_hash, device) = (new.hash(), context.device());
    let cookies = Cookies { new: &token_hash, old: visitor.token.as_ref(), device: None };
    let account = NewAccount {
        name: &parsed,
        password: &typed.password,
        time_zone: TimeZone::guessed(&typed.time_zone),
    };
    let accepted = invitations::accept_new(&app, &token, account, &device, &context.origin, cookies);
    match accepted.await {
        Ok(organization) => {
            new.give(&cookie).await?;
            Ok(joined(&app, &organization.slug, &organization.name))
        }
        Err(AcceptError::Unfit(error)) => {
            let password = Field::wrong(error);
            join_again(&app, &token, &found, name, password).await
        }
        Err(AcceptError::AccountExists | AcceptError::Unproven | AcceptError::SsoRequired) => {
            offer_instead(&app, &visitor, &token, &found).await
        }
        Err(error) => refused(&app, &context, &token, Some(&found), error).await,
    }
}

/// The page that says how else to accept: by signing in, or by a code.
async fn offer_instead(app: &Shared, visitor: &Visitor, token: &str, found: &Found) -> Result {
    let mut answer = offer(app, visitor, token, found).await?;
    *answer.status_mut() = StatusCode::FORBIDDEN;
    Ok(answer)
}

async fn join_again(app: &Shared, token: &str, found: &Found, name: Field, password: Field) -> Result {
    if found.standing != Standing::Open {
        return Ok(dead(found.standing, token, &found.organization.name, false));
    }
    let page = Join { about: About::new(app, token, found).await?, name, password };
    Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

fn joined(app: &Shared, slug: &str, organization: &str) -> Response {
    session::with_flash(app, html::redirect(&format!("/o/{slug}")), &format!("Welcome to {organization}"))
}

pub async fn ask_again(
    State(app): State<Shared>,
    context: Context,
    Path(token): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    match invitations::ask_again(&app, &token).await {
        Ok(()) => Ok(dead(Standing::Expired, &token, "", true)),
        Err(error) => refused(&app, &context, &token, None, error).await,
    }
}

pub async fn mail_code(
    State(app): State<Shared>,
    context: Context,
    Path(token): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result {
    match invitations::mail_code(&app, &token).await {
        Ok(()) => show_copied(&app, &context, &token, Field::default(), StatusCode::OK).await,
        Err(error) => refused(&app, &context, &token, None, error).await,
    }
}

async fn show_copied(
    app: &Shared,
    context: &Context,
    token: &str,
    code: Field,
    status: StatusCode,
) -> Result {
    match invitations::look(app, token).await {
        Ok(found) => {
            let about = About::new(app, token, &found).await?;
            Ok(html::page_with(status, &Copied { about, code, sent: true }))
        }
        Err(error) => refused(app, context, token, None, error).await,
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CodeTyped {
    code: String,
}

/// The right code leads to a link that proves the address.
pub async fn redeem_code(
    State(app): State<Shared>,
    context: Context,
    Path(token): Path<String>,
    Form(typed): Form<CodeTyped>,
) -> Result {
    match invitations::redeem_code(&app, &token, &typed.code).await {
        Ok(proven) => Ok(html::redirect(&format!("/invite/{}", proven.expose()))),
        Err(error @ AcceptError::WrongCode) => {
            let field = Field::wrong(error);
            show_copied(&app, &context, &token, field, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error) => refused(&app, &context, &token, None, error).await,
    }
}
