use std::sync::LazyLock;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use tower_sessions::Session;

use crate::app::Shared;
use crate::domain::account::{self, PasswordChangeError};
use crate::domain::email_change::{self, RequestError};
use crate::domain::sign_in::address_key;
use crate::domain::values::{Email, PersonName, Theme, TimeZone};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form};
use crate::web::gate::SignedIn;
use crate::web::html::{self, Rendered};
use crate::web::pages::mailbox;
use crate::web::pages::sign_in::said;
use crate::web::pages::step_up::{self, Act};
use crate::web::session::{self, NewCookie};

#[derive(Template)]
#[template(path = "account/index.html")]
struct Index {
    chrome: Chrome,
    name: Field,
    email: Field,
    waiting: Option<Waiting>,
    time_zone: Field,
    zones: &'static Rendered,
    theme: Field,
    current_password: Field,
    password: Field,
}

/// A change of address that is not confirmed yet.
struct Waiting {
    email: String,
    /// In their time zone: "23 November 2026, 09:00".
    until: String,
    /// Whether its mail lies on this machine.
    mailbox: bool,
}

/// The time zones of one part of the world: `("Europe/Berlin", "Berlin")`.
struct Zones {
    region: String,
    zones: Vec<(String, String)>,
}

impl Index {
    fn any_error(&self) -> bool {
        [&self.name, &self.email, &self.time_zone, &self.theme, &self.current_password, &self.password]
            .iter()
            .any(|field| field.error.is_some())
    }
}

/// The page as it stands, before what was typed comes into it.
async fn index(app: &Shared, context: &Context, headers: &HeaderMap, signed_in: SignedIn) -> Result<Index> {
    let person = &signed_in.person;
    let waiting = email_change::waiting(&app.db, person.user).await?;
    let times = signed_in.times(app);
    Ok(Index {
        name: Field::new(&person.name),
        email: Field::default(),
        waiting: waiting.map(|waiting| Waiting {
            email: waiting.new_email,
            until: times.minute(waiting.expires_at),
            mailbox: mailbox::is_shown(app, context, headers),
        }),
        time_zone: Field::new(person.time_zone.as_str()),
        zones: &ZONES,
        theme: Field::new(person.theme.code()),
        current_password: Field::default(),
        password: Field::default(),
        chrome: signed_in.chrome,
    })
}

/// The choice of every time zone, rendered once: there are some 400.
static ZONES: LazyLock<Rendered> = LazyLock::new(|| {
    let mut groups: Vec<Zones> = Vec::new();
    for name in TimeZone::names() {
        let (region, place) = name.split_once('/').unwrap_or(("Everywhere", &name));
        let zone = (name.clone(), place.replace('_', " ").replace('/', ", "));
        match groups.iter_mut().find(|group| group.region == region) {
            Some(group) => group.zones.push(zone),
            None => groups.push(Zones { region: region.to_owned(), zones: vec![zone] }),
        }
    }
    html::piece(&ZoneOptions { groups })
});

#[derive(Template)]
#[template(path = "account/_zones.html")]
struct ZoneOptions {
    groups: Vec<Zones>,
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
    Ok(html::page(&index(&app, &context, &headers, signed_in).await?))
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
        return wrong(&Index { name: field, ..index(&app, &context, &headers, signed_in).await? });
    };
    account::rename(&app, &signed_in.person, &name).await?;
    Ok(saved(&app, "Your name is saved"))
}

fn saved(app: &Shared, text: &str) -> Response {
    session::with_flash(app, html::redirect("/account"), text)
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PreferencesTyped {
    time_zone: String,
    theme: String,
}

pub async fn set_preferences(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    signed_in: SignedIn,
    Form(typed): Form<PreferencesTyped>,
) -> Result {
    let (mut time_zone, mut theme) = (Field::new(&typed.time_zone), Field::new(&typed.theme));
    let parsed = (time_zone.parse::<TimeZone>(), theme.parse::<Theme>());
    let (Some(zone), Some(chosen)) = parsed else {
        return wrong(&Index { time_zone, theme, ..index(&app, &context, &headers, signed_in).await? });
    };
    account::set_preferences(&app, &signed_in.person, &zone, chosen).await?;
    Ok(saved(&app, "Your time zone and theme are saved"))
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
        return wrong(&Index { email: field, ..index(&app, &context, &headers, signed_in).await? });
    };
    let person = &signed_in.person;
    match email_change::request(&app, person, &email, &address_key(&context.origin)).await {
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
            wrong(&Index { email: field, ..index(&app, &context, &headers, signed_in).await? })
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
            return Ok(saved(&app, &format!("Your password is changed{others}")));
        }
        Err(PasswordChangeError::Unfit(error)) => (Field::default(), Field::wrong(error)),
        Err(error) => (Field::wrong(said(error)?), Field::default()),
    };
    wrong(&Index { current_password, password, ..index(&app, &context, &headers, signed_in).await? })
}
