use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::unknown_link;
use crate::app::Shared;
use crate::config;
use crate::domain::passwords::check_length;
use crate::domain::sign_in::Cookies;
use crate::domain::sign_up::{self, ConfirmError, Confirmed, Lacks, NewSignUp, SetupError, StartError};
use crate::domain::sso;
use crate::domain::values::{OrganizationName, TimeZone};
use crate::secrets::{Token, TokenHash};
use crate::web::context::Context;
use crate::web::error::Error;
use crate::web::forms::{Field, Form};
use crate::web::gate::Visitor;
use crate::web::html;
use crate::web::session::{self, NewCookie};

/// What both sign-up and setup ask for.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    organization: String,
    name: String,
    email: String,
    password: String,
    time_zone: String,
    /// The resource's page that somebody comes from: they found no organization (S2).
    next: String,
}

impl Typed {
    fn founds(&self) -> bool {
        !is_of_resource(&self.next)
    }
}

/// Whether a path of ours is a resource's page, or a link to one.
pub fn is_of_resource(path: &str) -> bool {
    let Some(path) = html::own_path(path) else { return false };
    let parts: Vec<&str> = path.split(['?', '#']).next().unwrap_or_default().split('/').collect();
    matches!(
        parts.as_slice(),
        ["", "o", _, "resources", _] | ["", "o", _, "e", _, "resources", _] | ["", "i", _]
    )
}

/// Where somebody signs up who comes from a resource's page, or from anywhere.
pub fn address(next: &str) -> String {
    match is_of_resource(next) {
        true => format!("/sign-up?next={}", html::query_value(next)),
        false => "/sign-up".to_owned(),
    }
}

/// Has the browser keep the link to a resource that somebody comes from while their sign-up waits: here its token is
/// stored nowhere (A7).
pub fn keep_link(app: &Shared, headers: &mut HeaderMap, next: &str) {
    let link = next.strip_prefix("/i/").and_then(Token::parse);
    if let Some(link) = link {
        session::append_cookie(app, headers, session::LINK, link.expose(), 86_400);
    }
}

/// The link that the browser has kept, given back.
fn kept_link(app: &Shared, headers: &HeaderMap) -> Option<String> {
    let link = Token::parse(&session::own_cookie(app, headers, session::LINK)?)?;
    Some(format!("/i/{}", link.expose()))
}

#[derive(Default)]
struct Fields {
    organization: Field,
    name: Field,
    email: Field,
    password: Field,
}

impl Fields {
    /// Parses everything, so that every mistake is shown at once. A password is weighed against the
    /// names and the address, once these are right.
    async fn parse(
        app: &Shared,
        context: &Context,
        typed: &Typed,
    ) -> Result<Result<NewSignUp, Box<Fields>>, Error> {
        let mut fields = Fields {
            organization: Field::new(&typed.organization),
            name: Field::new(&typed.name),
            email: Field::new(&typed.email),
            password: Field::default(),
        };
        let organization = match typed.founds() {
            true => fields.organization.parse::<OrganizationName>().map(Some),
            false => Some(None),
        };
        let (name, email) = (fields.name.parse(), fields.email.parse());
        let (Some(organization), Some(name), Some(email)) = (organization, name, email) else {
            fields.password.note(check_length(&typed.password));
            let Fields { organization, name, email, password } = &mut fields;
            Field::focus_first([organization, name, email, password]);
            return Ok(Err(Box::new(fields)));
        };
        let address = context.origin.network();
        let weighed =
            sign_up::check_password(app, &address, &typed.password, organization.as_ref(), &name, &email)
                .await;
        match fields.password.note(weighed.map_err(refused)?) {
            Some(password) => {
                let time_zone = TimeZone::guessed(&typed.time_zone);
                let next = (!typed.founds()).then(|| typed.next.clone());
                Ok(Ok(NewSignUp { organization, name, email, password, time_zone, next }))
            }
            None => Ok(Err(Box::new(fields))),
        }
    }

    fn any_error(&self) -> bool {
        [&self.organization, &self.name, &self.email, &self.password]
            .iter()
            .any(|field| field.error.is_some())
    }
}

#[derive(Template)]
#[template(path = "sign_up/form.html")]
struct Page {
    fields: Fields,
    open: bool,
    /// Where the form goes: sign-up, or a setup link.
    action: String,
    setup: bool,
    google: bool,
    /// The resource's page that somebody comes from; else nothing.
    next: String,
}

impl Page {
    fn sign_up(app: &Shared, fields: Fields, open: bool, next: String) -> Page {
        let next = if is_of_resource(&next) { next } else { String::new() };
        let google = sso::google_works(app);
        // Whether a resource awaits somebody is seen only by whoever has their mail (S4).
        let open = open || !next.is_empty();
        Page { fields, open, action: "/sign-up".to_owned(), setup: false, google, next }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct From {
    pub next: String,
}

pub async fn form(State(app): State<Shared>, visitor: Visitor, Query(from): Query<From>) -> Response {
    if visitor.person.is_some() {
        return html::redirect("/");
    }
    let open = app.config.sign_up == config::SignUp::Open;
    html::page(&Page::sign_up(&app, Fields::default(), open, from.next))
}

fn refused(error: StartError) -> Error {
    match error {
        StartError::Throttled(throttled) => throttled.into(),
        StartError::Busy(busy) => busy.into(),
        StartError::Database(error) => error.into(),
    }
}

/// The answer is always "check your mail" (S4).
pub async fn start(
    State(app): State<Shared>,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result<Response, Error> {
    let asked = match Fields::parse(&app, &context, &typed).await? {
        Ok(asked) => asked,
        Err(fields) => {
            let page = Page::sign_up(&app, *fields, true, typed.next.clone());
            return Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    let browser = Token::generate();
    sign_up::start(&app, &asked, &browser.hash(), &context.origin.network()).await.map_err(refused)?;
    let mut response = html::redirect("/sign-up/sent");
    session::append_cookie(&app, response.headers_mut(), session::SIGN_UP, browser.expose(), 86_400);
    keep_link(&app, response.headers_mut(), &typed.next);
    Ok(response)
}

#[derive(Template)]
#[template(path = "sign_up/sent.html")]
struct Sent {
    mailbox: bool,
}

pub async fn sent(State(app): State<Shared>, context: Context, headers: HeaderMap) -> Response {
    html::page(&Sent { mailbox: super::mailbox::is_shown(&app, &context, &headers) })
}

#[derive(Template)]
#[template(path = "sign_up/verify.html")]
struct Verify {
    email: String,
    /// None, of a guest's account.
    organization: Option<String>,
    asks_password: bool,
    /// Whether another browser must confirm: that which came from Google.
    other_browser: bool,
    password: Field,
}

#[derive(Template)]
#[template(path = "sign_up/spent.html")]
struct Spent;

fn browser_of(app: &Shared, headers: &HeaderMap) -> Option<TokenHash> {
    Some(Token::parse(&session::own_cookie(app, headers, session::SIGN_UP)?)?.hash())
}

/// Shows what the link would confirm. A mail scanner that opens it changes nothing.
pub async fn verify(
    State(app): State<Shared>,
    context: Context,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    show_verify(&app, &context, &headers, &token, Field::default()).await
}

async fn show_verify(
    app: &Shared,
    context: &Context,
    headers: &HeaderMap,
    token: &str,
    password: Field,
) -> Result<Response, Error> {
    let status = if password.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    match sign_up::look(app, token, browser_of(app, headers).as_ref()).await {
        Ok(pending) => Ok(html::page_with(
            status,
            &Verify {
                email: pending.email,
                organization: pending.organization,
                asks_password: pending.lacks == Lacks::Password,
                other_browser: pending.lacks == Lacks::Browser,
                password,
            },
        )),
        Err(error) => dead(app, context, error).await,
    }
}

async fn dead(app: &Shared, context: &Context, error: ConfirmError) -> Result<Response, Error> {
    match error {
        ConfirmError::Unknown => Err(unknown_link(app, &context.origin).await),
        ConfirmError::Spent => Ok((StatusCode::GONE, html::page(&Spent)).into_response()),
        ConfirmError::WrongPassword | ConfirmError::OtherBrowser => {
            Err(Error::Forbidden(Some(error.to_string())))
        }
        ConfirmError::Throttled(throttled) => Err(throttled.into()),
        ConfirmError::Busy(busy) => Err(busy.into()),
        ConfirmError::Database(error) => Err(error.into()),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Confirmation {
    password: String,
}

pub async fn confirm(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    cookie: Session,
    headers: HeaderMap,
    Path(token): Path<String>,
    Form(typed): Form<Confirmation>,
) -> Result<Response, Error> {
    let new = NewCookie::generate();
    let (token_hash, device) = (new.hash(), context.device());
    let cookies = Cookies { new: &token_hash, old: visitor.token.as_ref(), device: None };
    let browser = browser_of(&app, &headers);
    let confirmed =
        sign_up::confirm(&app, &token, browser.as_ref(), &typed.password, &device, &context.origin, cookies);
    match confirmed.await {
        Ok(Confirmed { organization: None, next }) => {
            new.give(&cookie).await?;
            let next = next.filter(|next| is_of_resource(next));
            let next = next.or_else(|| kept_link(&app, &headers)).unwrap_or_else(|| "/".to_owned());
            let mut response = session::with_flash(&app, html::redirect(&next), "Your account is ready");
            session::append_cookie(&app, response.headers_mut(), session::LINK, "", 0);
            Ok(response)
        }
        Ok(Confirmed { organization: Some(organization), .. }) => {
            new.give(&cookie).await?;
            let to = format!("/o/{}/users", organization.slug);
            let text = format!("{} is ready, and you are its Owner", organization.name);
            Ok(session::with_flash(&app, html::redirect(&to), &text))
        }
        Err(ConfirmError::WrongPassword) => {
            let field = Field::wrong(ConfirmError::WrongPassword);
            show_verify(&app, &context, &headers, &token, field).await
        }
        Err(ConfirmError::OtherBrowser) => {
            let mut answer = show_verify(&app, &context, &headers, &token, Field::default()).await?;
            *answer.status_mut() = StatusCode::FORBIDDEN;
            Ok(answer)
        }
        Err(error) => dead(&app, &context, error).await,
    }
}

pub async fn setup_form(
    State(app): State<Shared>,
    context: Context,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    if !sign_up::is_open(&app, &token).await? {
        return Err(unknown_link(&app, &context.origin).await);
    }
    Ok(html::page(&setup_page(&token, Fields::default())))
}

fn setup_page(token: &str, fields: Fields) -> Page {
    Page {
        fields,
        open: true,
        action: format!("/setup/{token}"),
        setup: true,
        google: false,
        next: String::new(),
    }
}

pub async fn setup(
    State(app): State<Shared>,
    context: Context,
    visitor: Visitor,
    cookie: Session,
    Path(token): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, Error> {
    if !sign_up::is_open(&app, &token).await? {
        return Err(unknown_link(&app, &context.origin).await);
    }
    let typed = Typed { next: String::new(), ..typed };
    let asked = match Fields::parse(&app, &context, &typed).await? {
        Ok(asked) => asked,
        Err(fields) => {
            return Ok(html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &setup_page(&token, *fields)));
        }
    };
    let new = NewCookie::generate();
    let (token_hash, device) = (new.hash(), context.device());
    let cookies = Cookies { new: &token_hash, old: visitor.token.as_ref(), device: None };
    match sign_up::setup(&app, &token, &asked, &device, &context.origin, cookies).await {
        Ok(organization) => {
            new.give(&cookie).await?;
            Ok(html::redirect(&format!("/o/{}/users", organization.slug)))
        }
        Err(SetupError::Unknown) => Err(unknown_link(&app, &context.origin).await),
        Err(SetupError::Busy(busy)) => Err(busy.into()),
        Err(SetupError::Database(error)) => Err(error.into()),
    }
}
