//! Connections: who answers for an organization's people.

use super::sql;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::Secret;
use crate::domain::access::Role;
use crate::ids::{ConnectionId, OrganizationId};
use crate::oidc::{Claims, Client, Flavor};
use crate::secrets::SealError;
use crate::storage::Lends;

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum ConnectionKind {
    Google,
    Entra,
    Oidc,
}

impl ConnectionKind {
    pub const ALL: [ConnectionKind; 3] =
        [ConnectionKind::Google, ConnectionKind::Entra, ConnectionKind::Oidc];

    /// As it stands in tables, addresses and forms.
    pub fn code(self) -> &'static str {
        match self {
            ConnectionKind::Google => "google",
            ConnectionKind::Entra => "entra",
            ConnectionKind::Oidc => "oidc",
        }
    }

    pub fn from_code(code: &str) -> Option<ConnectionKind> {
        ConnectionKind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    pub fn name(self) -> &'static str {
        match self {
            ConnectionKind::Google => "Google Workspace",
            ConnectionKind::Entra => "Microsoft Entra ID",
            ConnectionKind::Oidc => "OpenID Connect",
        }
    }
}

/// An organization's connection to its provider. Its secret stays in its row.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Connection {
    pub id: ConnectionId,
    pub organization: OrganizationId,
    pub kind: ConnectionKind,
    /// What its button says: "Continue with …".
    pub name: String,
    pub issuer: String,
    pub tenant: Option<String>,
    pub hosted_domain: Option<String>,
    pub client_id: String,
    /// Beside openid, email and profile, separated by spaces.
    pub scopes: String,
    pub enabled: bool,
    pub admits_newcomers: bool,
    pub newcomer_role: Role,
    /// Whether the provider's word that it asked for more than one factor is taken.
    pub enforces_mfa: bool,
    pub created_at: Timestamp,
    /// When what a test sign-in proves was last changed.
    pub changed_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// Why the last sign-in or check failed, in words for whoever manages it; gone once one succeeds.
    pub problem: Option<String>,
    pub problem_at: Option<Timestamp>,
}

impl Connection {
    /// What stands for a person at its provider: at Entra the object, since its subjects are of one client (O3).
    /// Without it nobody is anybody.
    pub fn subject<'a>(&self, claims: &'a Claims) -> Option<&'a str> {
        match self.kind {
            ConnectionKind::Entra => claims.object_id.as_deref(),
            ConnectionKind::Google | ConnectionKind::Oidc => Some(&claims.subject),
        }
    }

    /// Where its provider leads back to: each has an address of its own (SSO-04).
    pub fn redirect_uri(&self, app: &App) -> String {
        redirect_uri(app, self.id)
    }

    /// The client that the provider knows, with the secret from its row.
    pub(super) async fn client(&self, app: &App, on: &mut impl Lends) -> Result<Client, ClientError> {
        let sealed = sql::client_secret(on, self.id).await?;
        let secret = app.sealer.open(&secret_place(self.id), &sealed)?;
        let secret = String::from_utf8(secret).map_err(|_| SealError::Damaged)?;
        let flavor = match (self.kind, &self.tenant) {
            (ConnectionKind::Google, _) => Flavor::Google { hosted_domain: self.hosted_domain.clone() },
            (ConnectionKind::Entra, Some(tenant)) => Flavor::Entra { tenant: tenant.clone() },
            // A broken row denies.
            (ConnectionKind::Entra, None) => return Err(SealError::Damaged.into()),
            (ConnectionKind::Oidc, _) => Flavor::Generic,
        };
        Ok(Client {
            flavor,
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: Secret::new(secret),
            scopes: self.scopes.split_whitespace().map(str::to_owned).collect(),
            redirect_uri: self.redirect_uri(app),
        })
    }
}

/// The same of one that is not saved yet: its provider is told first.
pub fn redirect_uri(app: &App, id: ConnectionId) -> String {
    app.url(&format!("/sso/{id}/callback"))
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(transparent)]
    Sealed(#[from] SealError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// What a connection's secret is sealed for.
pub(super) fn secret_place(id: ConnectionId) -> String {
    format!("connections.client_secret:{id}")
}

/// The client of this installation at Google, if the sysadmin has set one up.
pub fn google_client(app: &App) -> Option<Client> {
    Some(Client {
        flavor: Flavor::Google { hosted_domain: None },
        issuer: app.config.google_issuer.clone(),
        client_id: app.config.google_client_id.clone()?,
        client_secret: app.config.google_client_secret.clone()?,
        scopes: Vec::new(),
        redirect_uri: app.url("/auth/google/callback"),
    })
}
