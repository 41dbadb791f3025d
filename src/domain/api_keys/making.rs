//! Making keys, by people. The id of a new key comes with its form, so that a form which is sent again makes no second
//! one.

use ipnet::IpNet;

use super::listing::{self, Listed};
use super::{ActError, Kind, Secret, addresses, lifetime, sql};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Operator};
use crate::domain::agents;
use crate::domain::audit::{self, Entry};
use crate::domain::environments::{self, DEVELOPMENT, PRODUCTION};
use crate::domain::permissions::{self, Permission};
use crate::domain::users;
use crate::domain::values::{ShortName, folded};
use crate::ids::{AgentId, ApiKeyId, OrganizationId, PermissionId, UserId};
use crate::storage::Change;

/// Whom a live key is for.
#[derive(Clone, Debug)]
pub enum For {
    /// A shared agent that is there.
    Agent(AgentId),
    /// One of this name; it is made, if there is none.
    Named(ShortName),
}

/// A live key as a form says it.
#[derive(Clone, Debug)]
pub struct NewLive {
    pub id: ApiKeyId,
    pub name: ShortName,
    pub agent: For,
    pub environment: String,
    /// What it may; without one it opens no scope, and only asks about resources.
    pub permission: Option<PermissionId>,
    /// Milliseconds.
    pub lifetime: Option<i64>,
    /// From where it works; empty, where from anywhere.
    pub addresses: Vec<IpNet>,
}

#[derive(Clone, Debug)]
pub struct NewAdmin {
    pub id: ApiKeyId,
    pub name: ShortName,
    pub lifetime: Option<i64>,
    pub addresses: Vec<IpNet>,
}

/// A key that was just made: the one time that it is there.
#[derive(Debug)]
pub struct Made {
    pub key: Listed,
    pub secret: Secret,
    pub permission: Option<Permission>,
}

/// What a key is made of, once all of it is known to be right.
pub(super) struct Ready<'a> {
    pub id: ApiKeyId,
    pub kind: Kind,
    pub family: ApiKeyId,
    pub name: &'a str,
    pub agent: Option<(AgentId, String)>,
    pub owner: Option<UserId>,
    pub environment: &'a str,
    pub permission: Option<Permission>,
    pub addresses: &'a str,
    pub expires_at: Option<Timestamp>,
}

impl Ready<'_> {
    /// Writes it, and what a new key's audit row says of it.
    pub async fn insert(
        self,
        change: &mut Change,
        organization: OrganizationId,
        operator: &Operator,
        mut entry: Entry,
    ) -> Result<Made, ActError> {
        let now = change.now();
        let secret = Secret::generate(self.kind);
        let shown = secret.shown();
        let row = sql::New {
            id: self.id,
            organization,
            kind: self.kind,
            family: self.family,
            name: self.name,
            name_key: &folded(self.name),
            agent: self.agent.as_ref().map(|(id, _)| *id),
            owner: self.owner,
            environment: self.environment,
            permission: self.permission.as_ref().map(|permission| permission.id),
            parent: None,
            addresses: self.addresses,
            scopes: None,
            most_uses: None,
            shown: &shown,
            created_by: operator.user,
            expires_at: self.expires_at,
        };
        sql::insert(change, &row, &secret.hash(), now).await?;
        entry =
            entry.with("kind", self.kind.code()).with("environment", self.environment).with("key", &shown);
        if let Some((_, name)) = &self.agent {
            entry = entry.with("agent", name);
        }
        if let Some(permission) = &self.permission {
            entry = entry.with("permission", &permission.name);
        }
        if let Some(at) = self.expires_at {
            entry = entry.with("expires", at.rfc3339());
        }
        if self.addresses != "[]" {
            entry = entry.with("addresses", addresses::in_words(&addresses::read(self.addresses)).join(", "));
        }
        audit::record(change, organization, operator, entry).await?;
        let key = listing::find(change, organization, self.id, now).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(Made { key, secret, permission: self.permission })
    }
}

/// The id that a form brought: another, where a key of another organization has it.
pub(super) async fn own_id(
    change: &mut Change,
    organization: OrganizationId,
    id: ApiKeyId,
) -> Result<ApiKeyId, ActError> {
    match sql::organization_of(change, id).await? {
        None => Ok(id),
        Some(of) if of == organization => Err(ActError::Made(id)),
        Some(_) => Ok(ApiKeyId::generate()),
    }
}

pub(super) async fn permission_of(
    change: &mut Change,
    organization: OrganizationId,
    id: Option<PermissionId>,
) -> Result<Option<Permission>, ActError> {
    let Some(id) = id else { return Ok(None) };
    permissions::find(change, organization, id).await?.map(Some).ok_or(ActError::NoPermission)
}

/// When a key ends that begins now: within the organization's rule.
async fn end_of(
    change: &mut Change,
    organization: OrganizationId,
    lifetime: Option<i64>,
) -> Result<Option<Timestamp>, ActError> {
    let now = change.now();
    match (lifetime::longest(change, organization).await?, lifetime) {
        (Some(longest), None) => Err(lifetime::too_long(longest)),
        (Some(longest), Some(asked)) if asked > longest => Err(lifetime::too_long(longest)),
        (_, Some(asked)) if asked <= 0 => Err(ActError::Expired),
        (_, asked) => Ok(asked.map(|asked| now.plus(asked))),
    }
}

/// Makes a live key, and with it its agent, if that is new. The secret is in the answer and nowhere else.
pub async fn create(app: &App, actor: &Actor, new: &NewLive) -> Result<Made, ActError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageLiveKeys)?;
    let (organization, operator) = (actor.organization, actor.operator());
    let id = own_id(&mut change, organization, new.id).await?;
    let environment = environments::find(&mut change, organization, &new.environment).await?;
    let environment = environment.ok_or_else(|| ActError::NoEnvironment(new.environment.clone()))?;
    if environment.is_development() {
        return Err(ActError::Development);
    }
    let expires_at = end_of(&mut change, organization, new.lifetime).await?;
    let permission = permission_of(&mut change, organization, new.permission).await?;
    let agent = match &new.agent {
        For::Named(name) => {
            (agents::named(&mut change, organization, name, &operator).await?, name.to_string())
        }
        For::Agent(agent) => {
            let found = agents::shared(&mut change, organization, *agent).await?.ok_or(ActError::NoAgent)?;
            (*agent, found.name)
        }
    };
    let name = new.name.as_str();
    let ready = Ready {
        id,
        kind: Kind::Live,
        family: id,
        name,
        agent: Some(agent),
        owner: None,
        environment: &environment.slug,
        permission,
        addresses: &addresses::stored(&new.addresses),
        expires_at,
    };
    let entry = Entry::new(audit::Kind::KeyCreated, id, name);
    let made = ready.insert(&mut change, organization, &operator, entry).await?;
    change.commit().await?;
    Ok(made)
}

/// Makes a person's own development key, and their agent with the first. Whoever has one rotates it.
pub async fn create_development(
    app: &App,
    actor: &Actor,
    id: ApiKeyId,
    permission: Option<PermissionId>,
) -> Result<Made, ActError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::OwnDevelopmentKey)?;
    let (organization, operator, now) = (actor.organization, actor.operator(), change.now());
    let id = own_id(&mut change, organization, id).await?;
    let user = actor.person.user;
    if let Some(other) = sql::working_of(&mut change, organization, Kind::Development, user, now).await? {
        return Err(ActError::HasOne(other));
    }
    // It lasts until it is revoked, or as long as the organization lets it.
    let expires_at = lifetime::longest(&mut change, organization).await?.map(|longest| now.plus(longest));
    let permission = permission_of(&mut change, organization, permission).await?;
    let person = &actor.person;
    let agent = agents::default_of(&mut change, organization, person.user, &person.name, &operator).await?;
    let ready = Ready {
        id,
        kind: Kind::Development,
        family: id,
        name: "Development key",
        agent: Some(agent),
        owner: Some(user),
        environment: DEVELOPMENT,
        permission,
        addresses: "[]",
        expires_at,
    };
    let entry = Entry::new(audit::Kind::KeyCreated, id, "Development key").with("acts for", &person.name);
    let made = ready.insert(&mut change, organization, &operator, entry).await?;
    change.commit().await?;
    Ok(made)
}

/// Makes an admin API key, which acts for its maker (K3, S12).
pub async fn create_admin(app: &App, actor: &Actor, new: &NewAdmin) -> Result<Made, ActError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageLiveKeys)?;
    let (organization, operator) = (actor.organization, actor.operator());
    let id = own_id(&mut change, organization, new.id).await?;
    let expires_at = end_of(&mut change, organization, new.lifetime).await?;
    // Last, so that nobody proves who they are for a form that is refused.
    actor.stepped_up(change.now())?;
    let name = new.name.as_str();
    let ready = Ready {
        id,
        kind: Kind::Admin,
        family: id,
        name,
        agent: None,
        owner: Some(actor.person.user),
        environment: PRODUCTION,
        permission: None,
        addresses: &addresses::stored(&new.addresses),
        expires_at,
    };
    let entry = Entry::new(audit::Kind::KeyCreated, id, name).with("acts for", &actor.person.name);
    let made = ready.insert(&mut change, organization, &operator, entry).await?;
    change.commit().await?;
    Ok(made)
}
