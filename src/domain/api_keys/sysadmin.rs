//! Keys at the command line: of any organization, without a role.

use super::making::{Ready, permission_of};
use super::state::{Facts, Owner, State};
use super::{ActError, Kind, Secret, sql};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::Operator;
use crate::domain::audit::{self, Entry};
use crate::domain::environments;
use crate::domain::values::ShortName;
use crate::domain::{agents, organizations};
use crate::ids::{ApiKeyId, OrganizationId, PermissionId};
use crate::storage::Lends;

/// What a key is made of.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub agent: ShortName,
    /// The agent's name, where it has none of its own.
    pub name: Option<ShortName>,
    pub environment: String,
    /// What it may; without one it opens no scope, and only asks about resources.
    pub permission: Option<PermissionId>,
    pub expires_at: Option<Timestamp>,
}

/// Makes a live key, by the sysadmin, and with it its agent, if there is none of that name. The secret is in the
/// answer and nowhere else.
pub async fn create_live(
    app: &App,
    organization: OrganizationId,
    new: &NewKey,
    operator: &Operator,
) -> Result<(Key, Secret), ActError> {
    let mut change = app.db.change(organization).await?;
    let now = change.now();
    if !organizations::by_id(&mut change, organization).await?.is_open() {
        return Err(ActError::Closed);
    }
    let environment = environments::find(&mut change, organization, &new.environment).await?;
    let environment = environment.ok_or_else(|| ActError::NoEnvironment(new.environment.clone()))?;
    if environment.is_development() {
        return Err(ActError::Development);
    }
    if new.expires_at.is_some_and(|at| at <= now) {
        return Err(ActError::Expired);
    }
    let permission = permission_of(&mut change, organization, new.permission).await?;
    let agent = agents::named(&mut change, organization, &new.agent, operator).await?;
    let id = ApiKeyId::generate();
    let name = new.name.as_ref().unwrap_or(&new.agent).as_str();
    let ready = Ready {
        id,
        kind: Kind::Live,
        family: id,
        name,
        agent: Some((agent, new.agent.to_string())),
        owner: None,
        environment: &environment.slug,
        permission,
        addresses: "[]",
        expires_at: new.expires_at,
    };
    let entry = Entry::new(audit::Kind::KeyCreated, id, name);
    let made = ready.insert(&mut change, organization, operator, entry).await?;
    let key = sql::anywhere(&mut change, id).await?.ok_or(sqlx::Error::RowNotFound)?;
    change.commit().await?;
    Ok((key, made.secret))
}

/// A key in a list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Key {
    pub id: ApiKeyId,
    pub organization: OrganizationId,
    pub organization_slug: String,
    pub kind: Kind,
    pub name: String,
    pub agent: Option<String>,
    /// The address of whom it acts for.
    pub owner: Option<String>,
    #[sqlx(flatten)]
    pub owner_stands: Owner,
    pub permission: Option<String>,
    pub environment: String,
    pub shown: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub replaced_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub last_used_from: Option<String>,
    pub longest_key: Option<i64>,
}

impl Key {
    pub fn state(&self, now: Timestamp) -> State {
        let facts = Facts {
            kind: self.kind,
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
            replaced_at: self.replaced_at,
            longest: self.longest_key,
            owner: self.owner.as_ref().map(|_| self.owner_stands),
        };
        facts.state(now)
    }
}

/// The keys of one organization, or of all, newest first. Ephemeral ones are not among them.
pub async fn list(
    on: &mut impl Lends,
    organization: Option<OrganizationId>,
    limit: i64,
) -> sqlx::Result<Vec<Key>> {
    sql::list(on, organization, limit).await
}

/// A key wherever it is.
pub async fn anywhere(on: &mut impl Lends, id: ApiKeyId) -> sqlx::Result<Option<Key>> {
    sql::anywhere(on, id).await
}

/// Ends a key: from the next request on it opens nothing. Says whether it was there to be ended.
pub async fn revoke(
    app: &App,
    organization: OrganizationId,
    id: ApiKeyId,
    operator: &Operator,
) -> sqlx::Result<bool> {
    let mut change = app.db.change(organization).await?;
    let now = change.now();
    let key = sql::anywhere(&mut change, id).await?.filter(|key| key.organization == organization);
    let Some(key) = key else { return Ok(false) };
    if !sql::revoke(&mut change, organization, id, now, operator.user).await? {
        return Ok(false);
    }
    let entry = Entry::new(audit::Kind::KeyRevoked, id, &key.name).without("key", &key.shown);
    audit::record(&mut change, organization, operator, entry).await?;
    change.commit().await?;
    Ok(true)
}
