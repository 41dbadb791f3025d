//! Making live and admin keys: their forms.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::made::answer;
use crate::app::Shared;
use crate::clock::DAY;
use crate::domain::agents;
use crate::domain::api_keys::{
    self, ActError, AddressesError, For, Kind, NewAdmin, NewLive, parse_addresses,
};
use crate::domain::environments::{self, Environment};
use crate::domain::values::ShortName;
use crate::ids::{AgentId, ApiKeyId, PermissionId};
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{self, Field};
use crate::web::gate::Inside;
use crate::web::html;
use crate::web::pages::step_up::{self, Act};
use crate::web::session;

/// For how long keys are made, in days.
const LIVES: [i64; 6] = [7, 30, 60, 90, 180, 365];
/// What a form begins with.
const USUAL: i64 = 90;
const SHARED: usize = 500;

#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    form: String,
    name: String,
    agent: String,
    agent_name: String,
    environment: String,
    permission: String,
    days: String,
    addresses: String,
}

/// The form of a key, live or admin: what was typed, what is wrong, and what there is to choose from.
pub struct Form {
    form: String,
    name: Field,
    agent: Field,
    agent_name: Field,
    environment: Field,
    permission: Field,
    days: Field,
    addresses: Field,
    agents: Vec<(AgentId, String)>,
    environments: Vec<Environment>,
    permissions: Vec<(PermissionId, String)>,
    lives: Vec<(String, String)>,
}

impl Form {
    /// The id that a form's key will have: what makes it one key however often the form is sent.
    pub(super) fn new_id() -> String {
        ApiKeyId::generate().to_string()
    }

    pub(super) fn id(text: &str) -> Result<ApiKeyId> {
        text.parse().map_err(|_| Error::Malformed("The form is not whole. Reload its page and try again."))
    }

    async fn of(app: &Shared, inside: &Inside, typed: Typed) -> Result<Form> {
        let actor = &inside.actor;
        let longest = api_keys::longest_days(app, actor).await?;
        let within = |days: &i64| longest.is_none_or(|longest| *days <= longest);
        let mut lives: Vec<(String, String)> = LIVES
            .into_iter()
            .filter(within)
            .map(|days| (days.to_string(), html::count(days, "day")))
            .collect();
        if longest.is_none() {
            lives.push(("never".to_owned(), "Never".to_owned()));
        }
        let usual = longest.map_or(USUAL, |longest| longest.min(USUAL)).to_string();
        let or = |text: String, usual: &str| if text.is_empty() { usual.to_owned() } else { text };
        let all = environments::all(&mut app.db.read().await?, inside.organization.id).await?;
        Ok(Form {
            form: if typed.form.is_empty() { Form::new_id() } else { typed.form },
            name: Field::new(typed.name.trim()),
            agent: Field::new(typed.agent),
            agent_name: Field::new(typed.agent_name.trim()),
            environment: Field::new(or(typed.environment, "production")),
            permission: Field::new(typed.permission),
            days: Field::new(or(typed.days, &usual)),
            addresses: Field::new(typed.addresses),
            agents: agents::choices(&app.db, actor, SHARED).await?,
            environments: all.into_iter().filter(|environment| !environment.is_development()).collect(),
            permissions: api_keys::permissions(app, actor).await?,
            lives,
        })
    }

    fn is_wrong(&self) -> bool {
        let fields = [&self.name, &self.agent, &self.agent_name, &self.environment];
        let more = [&self.permission, &self.days, &self.addresses];
        fields.into_iter().chain(more).any(|field| field.error.is_some())
    }

    fn focus_first(&mut self) {
        Field::focus_first([
            &mut self.name,
            &mut self.agent,
            &mut self.agent_name,
            &mut self.environment,
            &mut self.permission,
            &mut self.days,
            &mut self.addresses,
        ]);
    }

    fn lifetime(&mut self) -> Option<Option<i64>> {
        let read = match self.days.value.as_str() {
            "never" => Ok(None),
            days => match days.parse::<i64>() {
                Ok(days) if (1..=3_650).contains(&days) => Ok(Some(days * DAY)),
                _ => Err("Choose for how long the key works."),
            },
        };
        self.days.note(read)
    }

    fn networks(&mut self) -> Option<Vec<ipnet::IpNet>> {
        let read: std::result::Result<_, AddressesError> = parse_addresses(&self.addresses.value);
        self.addresses.note(read)
    }

    fn permission(&mut self) -> Option<Option<PermissionId>> {
        let read = match self.permission.value.as_str() {
            "" => Ok(None),
            id => id.parse().map(Some).map_err(|_| ActError::NoPermission),
        };
        self.permission.note(read)
    }

    fn whom(&mut self) -> Option<For> {
        match self.agent.value.as_str() {
            "" => self.agent_name.parse::<ShortName>().map(For::Named),
            id => {
                let id = id.parse().map(For::Agent).map_err(|_| ActError::NoAgent);
                self.agent.note(id)
            }
        }
    }

    fn live(&mut self) -> Result<Option<NewLive>> {
        let id = Form::id(&self.form)?;
        let (name, agent) = (self.name.parse::<ShortName>(), self.whom());
        let (permission, lifetime, addresses) = (self.permission(), self.lifetime(), self.networks());
        let read = name.zip(agent).zip(permission).zip(lifetime).zip(addresses);
        Ok(read.map(|((((name, agent), permission), lifetime), addresses)| NewLive {
            id,
            name,
            agent,
            environment: self.environment.value.clone(),
            permission,
            lifetime,
            addresses,
        }))
    }

    fn admin(&mut self) -> Result<Option<NewAdmin>> {
        let id = Form::id(&self.form)?;
        let (name, lifetime, addresses) = (self.name.parse::<ShortName>(), self.lifetime(), self.networks());
        let read = name.zip(lifetime).zip(addresses);
        Ok(read.map(|((name, lifetime), addresses)| NewAdmin { id, name, lifetime, addresses }))
    }

    /// Puts what the rules refuse beside its field; what belongs to none comes back.
    fn refuse(&mut self, error: ActError) -> std::result::Result<(), ActError> {
        let field = match &error {
            ActError::NoAgent => &mut self.agent,
            ActError::NoEnvironment(_) | ActError::Development => &mut self.environment,
            ActError::NoPermission => &mut self.permission,
            ActError::TooLong(_) | ActError::Expired => &mut self.days,
            _ => return Err(error),
        };
        field.note::<()>(Err(error));
        Ok(())
    }
}

#[derive(Template)]
#[template(path = "keys/new.html")]
struct New {
    chrome: Chrome,
    path: String,
    form: Form,
}

#[derive(Template)]
#[template(path = "keys/admin.html")]
struct Admin {
    chrome: Chrome,
    path: String,
    form: Form,
    name: String,
}

fn page(inside: Inside, kind: Kind, mut form: Form) -> Response {
    form.focus_first();
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (path, name) = (inside.path("keys"), inside.actor.person.name.clone());
    match kind {
        Kind::Admin => html::page_with(status, &Admin { chrome: inside.chrome, path, form, name }),
        _ => html::page_with(status, &New { chrome: inside.chrome, path, form }),
    }
}

pub async fn form(State(app): State<Shared>, inside: Inside) -> Result {
    let form = Form::of(&app, &inside, Typed::default()).await?;
    Ok(page(inside, Kind::Live, form))
}

pub async fn admin_form(State(app): State<Shared>, inside: Inside) -> Result {
    let form = Form::of(&app, &inside, Typed::default()).await?;
    Ok(page(inside, Kind::Admin, form))
}

/// What is no field's matter: a form that was sent before leads to the key that it made.
pub(super) fn refused(app: &Shared, inside: &Inside, context: &Context, error: ActError) -> Result {
    match error {
        ActError::Made(id) | ActError::HasOne(id) => {
            let response = html::go(context.fragment, &inside.path(&format!("keys/{id}")));
            Ok(session::with_flash(app, response, &error.to_string()))
        }
        error => Err(error.into()),
    }
}

pub async fn create(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    forms::Form(typed): forms::Form<Typed>,
) -> Result {
    Form::id(&typed.form)?;
    let mut form = Form::of(&app, &inside, typed).await?;
    let Some(new) = form.live()? else { return Ok(page(inside, Kind::Live, form)) };
    match api_keys::create(&app, &inside.actor, &new).await {
        Ok(made) => Ok(answer(&app, inside, made)),
        Err(error) => match form.refuse(error) {
            Ok(()) => Ok(page(inside, Kind::Live, form)),
            Err(error) => refused(&app, &inside, &context, error),
        },
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TypedAdmin {
    form: String,
    name: String,
    days: String,
    addresses: String,
}

pub async fn create_admin(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    forms::Form(typed): forms::Form<TypedAdmin>,
) -> Result {
    let TypedAdmin { form, name, days, addresses } = typed;
    Form::id(&form)?;
    let typed = Typed { form, name, days, addresses, ..Typed::default() };
    let mut form = Form::of(&app, &inside, typed.clone()).await?;
    let Some(new) = form.admin()? else { return Ok(page(inside, Kind::Admin, form)) };
    match api_keys::create_admin(&app, &inside.actor, &new).await {
        Ok(made) => Ok(answer(&app, inside, made)),
        Err(ActError::StepUp(_)) => {
            let what = format!("Make the admin API key {} of {}", new.name, inside.organization.name);
            let act = Act { what: &what, verb: "Make the key" };
            let fields = [
                ("form", form.form.as_str()),
                ("name", &typed.name),
                ("days", &form.days.value),
                ("addresses", &typed.addresses),
            ];
            let path = inside.path("keys/admin");
            step_up::ask(&app, &context, &inside.actor.person, &act, &path, &fields).await
        }
        Err(error) => match form.refuse(error) {
            Ok(()) => Ok(page(inside, Kind::Admin, form)),
            Err(error) => refused(&app, &inside, &context, error),
        },
    }
}
