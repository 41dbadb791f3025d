use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use tower_sessions::Session;

use crate::app::Shared;
use crate::domain::account::{self, PasswordChangeError};
use crate::domain::email_change::{self, RequestError};
use crate::domain::values::{Email, PersonName, Theme};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form};
use crate::web::gate::SignedIn;
use crate::web::html;
use crate::web::pages::sign_in::said;
use crate::web::pages::step_up::{self, Act};
use crate::web::pages::{asking, mailbox};
use crate::web::session::{self, NewCookie};

#[derive(Template)]
#[template(path = "account/index.html")]
struct Index {
    chrome: Chrome,
    name: Field,
    /// Whether the session holds a proof of the person's own: else how they sign in is not said (S8).
    own: bool,
    email: Field,
    waiting: Option<Waiting>,
    time_zone: String,
    theme: Theme,
    current_password: Field,
    password: Field,
    has_password: bool,
    /// Whether the password is changed on a page of its own.
    has_factors: bool,
}

/// A change of address that is not confirmed yet.
struct Waiting {
    email: String,
    /// In their time zone: "23 November 2026, 09:00".
    until: String,
    /// Whether its mail lies on this machine.
    mailbox: bool,
}

impl Index {
    fn any_error(&self) -> bool {
        [&self.name, &self.email, &self.current_password, &self.password]
            .iter()
            .any(|field| field.error.is_some())
    }
}

/// The page as it stands, before what was typed comes into it.
fn index(app: &Shared, context: &Context, headers: &HeaderMap, signed_in: SignedIn) -> Index {
    let person = &signed_in.person;
    Index {
        name: Field::new(&person.name),
        own: person.has_own_proof,
        email: Field::default(),
        waiting: signed_in.new_email.as_ref().filter(|_| person.has_own_proof).map(|waiting| Waiting {
            email: waiting.address.clone(),
            until: signed_in.times(app).minute(waiting.expires_at),
            mailbox: mailbox::is_shown(app, context, headers),
        }),
        time_zone: person.time_zone.as_str().to_owned(),
        theme: person.theme,
        current_password: Field::default(),
        password: Field::default(),
        has_password: person.has_own_proof && person.has_password,
        has_factors: person.has_own_proof && person.factors.any(),
        chrome: signed_in.chrome,
    }
}

fn wrong(page: &Index) -> Result {
    Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, page))
}

pub async fn show(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    signed_in: SignedIn,
) -> Result {
    Ok(html::page(&index(&app, &context, &headers, signed_in)))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NameTyped {
    name: String,
}

pub async fn rename(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    signed_in: SignedIn,
    Form(typed): Form<NameTyped>,
) -> Result {
    let mut field = Field::new(&typed.name);
    let Some(name) = field.parse::<PersonName>() else {
        return wrong(&Index { name: field, ..index(&app, &context, &headers, signed_in) });
    };
    account::rename(&app, &signed_in.person, &name).await?;
    Ok(saved(&app, "Your name is saved"))
}

pub(super) fn saved(app: &Shared, text: &str) -> Response {
    session::with_flash(app, html::redirect("/account"), text)
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailTyped {
    email: String,
}

/// The answer is the same whether the address is free or not (EML-02).
pub async fn change_email(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    signed_in: SignedIn,
    Form(typed): Form<EmailTyped>,
) -> Result {
    let mut field = Field::new(&typed.email);
    let Some(email) = field.parse::<Email>() else {
        return wrong(&Index { email: field, ..index(&app, &context, &headers, signed_in) });
    };
    let person = &signed_in.person;
    match email_change::request(&app, person, &email, &context.origin.network()).await {
        Ok(()) => Ok(saved(&app, "Check the new mailbox: the link in it makes the change")),
        Err(RequestError::StepUp(_)) => {
            let fields = [("email", typed.email.as_str())];
            let what = format!("Change your email address to {email}");
            let act = Act { what: &what, verb: "Change email address" };
            step_up::ask(&app, &context, person, &act, "/account/email", &fields).await
        }
        Err(error @ RequestError::Same) => {
            field.error = Some(error.to_string());
            field.focus = true;
            wrong(&Index { email: field, ..index(&app, &context, &headers, signed_in) })
        }
        Err(RequestError::Throttled(throttled)) => Err(throttled.into()),
        Err(RequestError::Database(error)) => Err(Error::from(error)),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordTyped {
    /// For password managers, which save it with the new password. Nothing reads it.
    #[serde(rename = "username")]
    _username: String,
    current_password: String,
    password: String,
    organization: String,
    next: String,
}

/// A page of its own for whoever an organization asks for a longer password (S6), or has factors: they
/// prove one before it.
#[derive(Template)]
#[template(path = "account/password.html")]
struct PasswordPage {
    theme: Theme,
    email: String,
    /// The organization that asks, its slug, and how many characters it asks for.
    asking: Option<(String, String, i64)>,
    next: String,
    current_password: Field,
    password: Field,
}

impl PasswordPage {
    async fn new(app: &Shared, signed_in: &SignedIn, organization: &str, next: &str) -> Result<PasswordPage> {
        let asking = asking(app, signed_in, organization).await?;
        Ok(PasswordPage {
            theme: signed_in.person.theme,
            email: signed_in.person.email.clone(),
            asking: asking.map(|own| (own.name, own.slug, own.shortest_password)),
            next: html::own_path(next).unwrap_or("/account").to_owned(),
            current_password: Field::default(),
            password: Field::default(),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct PasswordAsked {
    organization: String,
    next: String,
}

pub async fn password_form(
    State(app): State<Shared>,
    signed_in: SignedIn,
    Query(asked): Query<PasswordAsked>,
) -> Result {
    if !signed_in.person.has_password {
        return Ok(html::redirect("/account/sign-in-methods"));
    }
    if account::may_change_password(&signed_in.person, app.db.now()).is_err() {
        let (organization, next) = (html::query_value(&asked.organization), html::query_value(&asked.next));
        let back = format!("/account/password?organization={organization}&next={next}");
        return Ok(html::redirect(&step_up::first(&back)));
    }
    Ok(html::page(&PasswordPage::new(&app, &signed_in, &asked.organization, &asked.next).await?))
}

pub async fn change_password(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    signed_in: SignedIn,
    cookie: Session,
    Form(typed): Form<PasswordTyped>,
) -> Result {
    let new = NewCookie::generate();
    let token = new.hash();
    let changed =
        account::change_password(&app, &signed_in.person, &typed.current_password, &typed.password, &token);
    let (current_password, password) = match changed.await {
        Ok(ended) => {
            new.give(&cookie).await?;
            let others = match ended {
                0 => String::new(),
                ended => {
                    format!(", and {} ended", html::count(ended.try_into().unwrap_or(0), "other session"))
                }
            };
            let to = html::own_path(&typed.next).unwrap_or("/account");
            let text = format!("Your password is changed{others}");
            return Ok(session::with_flash(&app, html::redirect(to), &text));
        }
        Err(PasswordChangeError::Unfit(error)) => (Field::default(), Field::wrong(error)),
        // There is no form that this came from: the page says how to have one.
        Err(PasswordChangeError::None) => return Ok(html::redirect("/account/sign-in-methods")),
        Err(error) => (Field::wrong(said(error)?), Field::default()),
    };
    if !typed.next.is_empty() || signed_in.person.factors.any() {
        let page = PasswordPage::new(&app, &signed_in, &typed.organization, &typed.next).await?;
        let page = PasswordPage { current_password, password, ..page };
        return Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    wrong(&Index { current_password, password, ..index(&app, &context, &headers, signed_in) })
}
