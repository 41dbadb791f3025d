//! A connection's own page: its client at the provider, newcomers, what was found, and its test.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::page::title;
use crate::app::Shared;
use crate::domain::access::{Role, StepUpNeeded};
use crate::domain::sso::{
    self, ClientId, ClientSecret, Connection, ConnectionKind, Found, Issuer, Landing, NewSecret, Provider,
    Purpose, Scopes, Setup, SetupError,
};
use crate::domain::values::{DomainName, ProviderName};
use crate::ids::ConnectionId;
use crate::web::chrome::Chrome;
use crate::web::context::Context;
use crate::web::error::{Error, Result};
use crate::web::forms::{Field, Form};
use crate::web::gate::Inside;
use crate::web::html::{self, Moment};
use crate::web::pages::sso::{connection_id, try_provider};
use crate::web::pages::step_up::{self, Act};
use crate::web::session;

#[derive(Template)]
#[template(path = "settings/sso/connection.html")]
struct Page {
    chrome: Chrome,
    title: String,
    kind: ConnectionKind,
    action: String,
    back: String,
    redirect_uri: String,
    /// The id of a new one, as only we can have written it.
    draft: Option<String>,
    form: Fields,
    /// What is wrong that stands by no field.
    problem: Option<String>,
    /// Of one that is there.
    kept: Option<Kept>,
}

impl Page {
    fn issuer_hint(&self) -> &'static str {
        "Letter by letter as the provider calls itself, such as https://id.example.com/realms/staff."
    }
}

/// What there is of a connection beside its form.
struct Kept {
    path: String,
    enabled: bool,
    problem: Option<String>,
    found: Option<(Found, Moment)>,
}

/// The form as it is shown.
#[derive(Default)]
struct Fields {
    name: Field,
    issuer: Field,
    tenant: Field,
    domain: Field,
    client_id: Field,
    client_secret: Field,
    scopes: Field,
    newcomers: bool,
    role: String,
    enforces_mfa: bool,
    enabled: bool,
}

impl Fields {
    fn roles(&self) -> Vec<(&'static str, &'static str, bool)> {
        sso::NEWCOMER_ROLES
            .into_iter()
            .map(|role| (role.code(), role.name(), role.code() == self.role))
            .collect()
    }

    fn of(connection: &Connection) -> Fields {
        let text = |text: &Option<String>| Field::new(text.clone().unwrap_or_default());
        Fields {
            name: Field::new(&connection.name),
            issuer: Field::new(&connection.issuer),
            tenant: text(&connection.tenant),
            domain: text(&connection.hosted_domain),
            client_id: Field::new(&connection.client_id),
            client_secret: Field::default(),
            scopes: Field::new(&connection.scopes),
            newcomers: connection.admits_newcomers,
            role: connection.newcomer_role.code().to_owned(),
            enforces_mfa: connection.enforces_mfa,
            enabled: connection.enabled,
        }
    }

    fn all(&mut self) -> [&mut Field; 7] {
        let Fields { name, issuer, tenant, domain, client_id, client_secret, scopes, .. } = self;
        [name, issuer, tenant, domain, client_id, client_secret, scopes]
    }

    fn is_wrong(&self) -> bool {
        let Fields { name, issuer, tenant, domain, client_id, client_secret, scopes, .. } = self;
        let all = [name, issuer, tenant, domain, client_id, client_secret, scopes];
        all.into_iter().any(|field| field.error.is_some())
    }
}

/// As it is typed, and as it waits for a step-up: then with its secret sealed.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    draft: String,
    kind: String,
    name: String,
    issuer: String,
    tenant: String,
    domain: String,
    client_id: String,
    client_secret: String,
    kept_secret: String,
    scopes: String,
    newcomers: String,
    newcomer_role: String,
    enforces_mfa: String,
    enabled: String,
}

fn is_on(value: &str) -> Result<bool> {
    match value {
        "yes" => Ok(true),
        "" => Ok(false),
        _ => Err(Error::Unfit("A box is ticked, or it is not.")),
    }
}

impl Typed {
    fn kind(&self) -> Result<ConnectionKind> {
        kind_of(&self.kind)
    }

    fn role(&self) -> Result<Role> {
        let role = sso::NEWCOMER_ROLES.into_iter().find(|role| role.code() == self.newcomer_role);
        role.ok_or(Error::Unfit("Choose the role of newcomers from the list."))
    }

    /// The form as it is shown again: without its secret.
    fn fields(&self) -> Result<Fields> {
        let field = |text: &str| Field::new(text.trim());
        Ok(Fields {
            name: field(&self.name),
            issuer: field(&self.issuer),
            tenant: field(&self.tenant),
            domain: field(&self.domain),
            client_id: field(&self.client_id),
            client_secret: Field::default(),
            scopes: field(&self.scopes),
            newcomers: is_on(&self.newcomers)?,
            role: self.role()?.code().to_owned(),
            enforces_mfa: is_on(&self.enforces_mfa)?,
            enabled: is_on(&self.enabled)?,
        })
    }

    /// What it says, or what is wrong with it beside each field.
    fn setup(&self, fields: &mut Fields) -> Result<Option<Setup>> {
        let provider = match self.kind()? {
            ConnectionKind::Google => {
                let hosted_domain = fields.domain.parse::<DomainName>();
                hosted_domain.map(|hosted_domain| Provider::Google { hosted_domain })
            }
            ConnectionKind::Entra => Some(Provider::Entra { tenant: fields.tenant.value.clone() }),
            ConnectionKind::Oidc => {
                let (name, issuer) = (fields.name.parse::<ProviderName>(), fields.issuer.parse::<Issuer>());
                let parts = (name, issuer, fields.scopes.parse::<Scopes>());
                match parts {
                    (Some(name), Some(issuer), Some(scopes)) => Some(Provider::Oidc { name, issuer, scopes }),
                    _ => None,
                }
            }
        };
        let client_id = fields.client_id.parse::<ClientId>();
        let secret = match (self.client_secret.trim(), self.kept_secret.as_str()) {
            ("", "") => Some(NewSecret::Kept),
            ("", sealed) => Some(NewSecret::Sealed(sealed.to_owned())),
            (typed, _) => fields.client_secret.note(typed.parse::<ClientSecret>()).map(NewSecret::Typed),
        };
        let (Some(provider), Some(client_id), Some(secret)) = (provider, client_id, secret) else {
            return Ok(None);
        };
        Ok(Some(Setup {
            provider,
            client_id,
            secret,
            enabled: fields.enabled,
            admits_newcomers: fields.newcomers,
            newcomer_role: self.role()?,
            enforces_mfa: fields.enforces_mfa,
        }))
    }

    fn has_secret(&self) -> bool {
        !self.client_secret.trim().is_empty() || !self.kept_secret.is_empty()
    }
}

fn kind_of(code: &str) -> Result<ConnectionKind> {
    ConnectionKind::from_code(code).ok_or(Error::NotFound)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    kind: String,
}

fn new_page(app: &Shared, inside: Inside, kind: ConnectionKind, id: ConnectionId, draft: String) -> Page {
    Page {
        title: match kind {
            ConnectionKind::Oidc => "Connect an OpenID provider".to_owned(),
            kind => format!("Connect {}", kind.name()),
        },
        kind,
        action: inside.path("settings/sso/new"),
        back: inside.path("settings/sso"),
        redirect_uri: sso::redirect_uri(app, id),
        draft: Some(draft),
        form: Fields { enabled: true, role: Role::Member.code().to_owned(), ..Fields::default() },
        problem: None,
        kept: None,
        chrome: inside.chrome,
    }
}

pub async fn new_connection(State(app): State<Shared>, inside: Inside, Query(asked): Query<Asked>) -> Result {
    // Without a kind it is the one that fits every provider.
    let kind = if asked.kind.is_empty() { ConnectionKind::Oidc } else { kind_of(&asked.kind)? };
    let (id, draft) = sso::draft(&app, &inside.actor).await?;
    Ok(html::page(&new_page(&app, inside, kind, id, draft)))
}

async fn kept_page(app: &Shared, inside: Inside, connection: &Connection) -> Result<Page> {
    let found = sso::found(&mut app.db.read().await?, connection.id).await?;
    let times = inside.times(app);
    let path = inside.path(&format!("settings/sso/{}", connection.id));
    Ok(Page {
        title: title(connection),
        kind: connection.kind,
        action: path.clone(),
        back: inside.path("settings/sso"),
        redirect_uri: connection.redirect_uri(app),
        draft: None,
        form: Fields::of(connection),
        problem: None,
        kept: Some(Kept {
            path,
            enabled: connection.enabled,
            problem: connection.problem.clone(),
            found: found.map(|(found, at)| (found, times.moment(at))),
        }),
        chrome: inside.chrome,
    })
}

pub async fn connection(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let connection = sso::connection(&app, &inside.actor, connection_id(&id)?).await?;
    Ok(html::page(&kept_page(&app, inside, &connection).await?))
}

pub async fn connect(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Form(typed): Form<Typed>,
) -> Result {
    const NOT_OURS: Error =
        Error::Unfit("This form is not one of ours, or is older than a day. Open it again.");
    let kind = typed.kind()?;
    let id = sso::drafted(&app, &inside.actor, &typed.draft).ok_or(NOT_OURS)?;
    let page = new_page(&app, inside.clone(), kind, id, typed.draft.clone());
    save(&app, inside, &context, &typed, id, page).await
}

pub async fn change_connection(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    Path((_, id)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result {
    let connection = sso::connection(&app, &inside.actor, connection_id(&id)?).await?;
    let page = kept_page(&app, inside.clone(), &connection).await?;
    save(&app, inside, &context, &typed, connection.id, page).await
}

async fn save(
    app: &Shared,
    inside: Inside,
    context: &Context,
    typed: &Typed,
    id: ConnectionId,
    page: Page,
) -> Result {
    let mut fields = typed.fields()?;
    let is_new = page.draft.is_some();
    let Some(setup) = typed.setup(&mut fields)? else { return Ok(again(page, typed, fields, None)) };
    let error = match sso::save(app, &inside.actor, id, is_new, &setup).await {
        Ok(_) => {
            let to = inside.path(&format!("settings/sso/{id}"));
            return Ok(session::with_flash(app, html::go(context.fragment, &to), "Saved"));
        }
        Err(SetupError::StepUp(StepUpNeeded)) => {
            return ask(app, &inside, context, typed, id, &setup, &page).await;
        }
        Err(error @ (SetupError::Secret | SetupError::Field(_))) => {
            fields.client_secret.note::<()>(Err(error));
            None
        }
        Err(error @ (SetupError::Provider(_) | SetupError::OtherProvider)) => match page.kind {
            ConnectionKind::Google => Some(error.to_string()),
            ConnectionKind::Entra => fields.tenant.note::<()>(Err(error)).map(|()| String::new()),
            ConnectionKind::Oidc => fields.issuer.note::<()>(Err(error)).map(|()| String::new()),
        },
        Err(error @ (SetupError::LastOne | SetupError::TooMany)) => Some(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    Ok(again(page, typed, fields, error))
}

/// The form with what was typed, but for the secret, and what is wrong with it. Nothing was changed.
fn again(page: Page, typed: &Typed, mut fields: Fields, problem: Option<String>) -> axum::response::Response {
    if typed.has_secret() && fields.client_secret.error.is_none() {
        fields.client_secret.error = Some("Type it again: a secret is never sent back to a page.".to_owned());
    }
    Field::focus_first(fields.all());
    html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &Page { form: fields, problem, ..page })
}

/// The form waits for a step-up, with its secret sealed: the last page before the act holds none.
async fn ask(
    app: &Shared,
    inside: &Inside,
    context: &Context,
    typed: &Typed,
    id: ConnectionId,
    setup: &Setup,
    page: &Page,
) -> Result {
    let sealed = match &setup.secret {
        NewSecret::Kept => String::new(),
        NewSecret::Typed(secret) => sso::seal_secret(app, id, secret),
        NewSecret::Sealed(sealed) => sealed.clone(),
    };
    let Typed { draft, kind, name, issuer, tenant, domain, client_id, scopes, .. } = typed;
    let Typed { newcomers, newcomer_role, enforces_mfa, enabled, .. } = typed;
    let fields = [
        ("draft", draft.as_str()),
        ("kind", kind),
        ("name", name),
        ("issuer", issuer),
        ("tenant", tenant),
        ("domain", domain),
        ("client_id", client_id),
        ("kept_secret", &sealed),
        ("scopes", scopes),
        ("newcomers", newcomers),
        ("newcomer_role", newcomer_role),
        ("enforces_mfa", enforces_mfa),
        ("enabled", enabled),
    ];
    let organization = &inside.organization.name;
    let of = match page.kind {
        ConnectionKind::Google => domain,
        ConnectionKind::Entra => tenant,
        ConnectionKind::Oidc => issuer,
    };
    let verb = if page.draft.is_some() { "Connect" } else { "Change" };
    let what = format!(
        "{verb} {} ({}) in {organization}, with the client ID {}",
        page.kind.name(),
        of.trim(),
        client_id.trim()
    );
    let act = Act { what: &what, verb: "Save provider" };
    step_up::ask(app, context, &inside.actor.person, &act, &page.action, &fields).await
}

/// Begins a test sign-in, in a tab of its own. It signs nobody in.
pub async fn test_connection(
    State(app): State<Shared>,
    inside: Inside,
    context: Context,
    headers: HeaderMap,
    Path((_, id)): Path<(String, String)>,
) -> Result {
    let connection = sso::connection(&app, &inside.actor, connection_id(&id)?).await?;
    let back = inside.path(&format!("settings/sso/{}", connection.id));
    let landing = Landing {
        purpose: Purpose::Test,
        session: Some(inside.actor.person.session),
        next: &back,
        invite: None,
        login_hint: Some(&inside.actor.person.email),
    };
    try_provider(&app, &context, &headers, connection.id, landing, inside.actor.person.theme).await
}
