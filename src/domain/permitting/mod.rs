//! Writing permissions: what there is and what uses it, changes that are looked at before they are saved, and the base
//! permission that nothing goes beyond (L7).

mod covers;
pub mod difference;
pub mod document;
mod editing;
mod plan;
mod sql;

use std::sync::Arc;

pub use self::covers::Known;
pub use self::difference::Difference;
pub use self::editing::{
    Deletion, Preview, Said, change, create, delete, deletion, preview, save, to_change,
};
pub use self::plan::{BaseChange, OverBase, Plan, base_of, default_base, plan, preview_base, set_base};
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Denied};
use crate::domain::api_keys::Kind;
use crate::domain::audit::{self, ReadError};
use crate::domain::permissions::{self, Limit, Pattern, Permission, Scopes};
use crate::domain::spending::{self, Usage};
use crate::domain::users::{self, MemberError};
use crate::domain::values::{Fault, Page, Place, folded};
use crate::ids::{ApiKeyId, OrganizationId, PermissionId};
use crate::storage::{Db, Lends};

/// An organization has at most so many permissions.
pub const MOST_PERMISSIONS: i64 = 1_000;
/// So many keys are named; all are counted.
const NAMED: i64 = 20;

#[derive(Debug, thiserror::Error)]
pub enum PermitError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("There is no such permission.")]
    NotFound,
    #[error(
        "A live key uses this permission. Whoever manages live keys changes it: an Owner or an Admin, signed in."
    )]
    LiveKey,
    #[error("Another permission of this organization has this name. Choose another.")]
    NameTaken,
    #[error("An organization has at most {MOST_PERMISSIONS} permissions. Delete one that nothing uses.")]
    TooMany,
    #[error("This goes beyond the organization’s base permission.")]
    Beyond(Vec<Over>),
    #[error("Keys use this permission. Give them another one, or revoke them, first.")]
    InUse(i64),
    #[error("Somebody changed it in the meantime. Look at the difference again.")]
    Changed,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<MemberError> for PermitError {
    fn from(error: MemberError) -> PermitError {
        match error {
            MemberError::Database(error) => error.into(),
            // The only other answer of `current_actor`.
            _ => Denied.into(),
        }
    }
}

impl From<ReadError> for PermitError {
    fn from(error: ReadError) -> PermitError {
        match error {
            ReadError::Denied(denied) => denied.into(),
            ReadError::Database(error) => error.into(),
        }
    }
}

/// A place where a permission goes beyond the base, with what that allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    pub pattern: Pattern,
    /// Which of the pattern's limits is too high; none, where it is not covered at all.
    pub limit: Option<usize>,
    /// In a document.
    pub fault: Fault,
}

/// Where scopes go beyond a base permission, each place with what the base allows (CAP-01).
pub fn beyond(scopes: &Scopes, base: &Scopes) -> Vec<Over> {
    let allowed = |pattern: &Pattern| {
        let of_kind: Vec<String> = base
            .iter()
            .filter(|(other, _)| other.kind() == pattern.kind())
            .map(|(other, _)| other.to_string())
            .collect();
        match of_kind.as_slice() {
            [] => format!("The base permission of this organization grants no {}.", pattern.kind().code()),
            some => format!("The base permission of this organization covers only {} here.", some.join(", ")),
        }
    };
    let over = scopes.beyond(base).map(|beyond| Over {
        pattern: beyond.pattern.clone(),
        limit: beyond.above.map(|(at, _)| at),
        fault: Fault::new(
            beyond.pointer("/scopes"),
            match beyond.above {
                None => allowed(beyond.pattern),
                Some((_, lower)) => format!("The base permission of this organization allows {lower}."),
            },
        ),
    });
    over.collect()
}

/// How many keys use a permission: all that are not revoked, expired ones too, which nobody has put away yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    pub live: i64,
    pub development: i64,
    pub other: i64,
}

impl Uses {
    pub fn all(self) -> i64 {
        self.live + self.development + self.other
    }

    async fn of(on: &mut impl Lends, organization: OrganizationId, id: PermissionId) -> sqlx::Result<Uses> {
        let mut uses = Uses::default();
        for (kind, count) in sql::uses(on, organization, id).await? {
            match kind {
                Kind::Live => uses.live = count,
                Kind::Development => uses.development = count,
                Kind::Ephemeral | Kind::Admin => uses.other += count,
            }
        }
        Ok(uses)
    }
}

/// A key that uses a permission.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct KeyUsing {
    pub id: ApiKeyId,
    pub name: String,
    pub kind: Kind,
    pub shown: String,
    pub environment: String,
    pub agent: Option<String>,
}

/// A permission in the list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Listed {
    pub id: PermissionId,
    pub name: String,
    text: String,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    /// Who changed it last, by name.
    pub changed_by: Option<String>,
    /// How many keys use it.
    pub keys: i64,
}

impl Listed {
    pub fn scopes(&self) -> Arc<Scopes> {
        permissions::stored(&self.text)
    }
}

/// A page of the organization's permissions by name, of those whose name or patterns hold what is searched.
pub async fn list(
    db: &Db,
    actor: &Actor,
    search: &str,
    place: Option<&Place>,
    limit: usize,
) -> Result<Page<Listed>, PermitError> {
    actor.may(Capability::ReadPermissions)?;
    let pattern = users::containing(&folded(search.trim()));
    let rows = sql::list(&mut db.read().await?, actor.organization, &pattern, place, limit + 1).await?;
    Ok(Page::of(rows, place, limit, |row, backwards| Place::at(&row.name, row.id, backwards)))
}

/// One permission, whole, for whoever reads permissions.
pub async fn find(db: &Db, actor: &Actor, id: PermissionId) -> Result<Permission, PermitError> {
    actor.may(Capability::ReadPermissions)?;
    let found = permissions::find(&mut db.read().await?, actor.organization, id).await?;
    found.ok_or(PermitError::NotFound)
}

/// What a permission's page shows.
#[derive(Debug)]
pub struct Shown {
    pub permission: Permission,
    pub about: Listed,
    pub uses: Uses,
    /// The first of the keys that use it, for whoever may see keys.
    pub keys: Option<Vec<KeyUsing>>,
    /// What is used of each limit, in the order of the scopes and of their limits.
    pub usage: Vec<Usage>,
    pub base: Arc<Scopes>,
    pub known: Known,
    /// The newest changes of it, for whoever reads the audit log.
    pub changes: Option<Vec<audit::Row>>,
}

impl Shown {
    /// Why the actor may not change it, if they may not.
    pub fn is_kept_from(&self, actor: &Actor) -> Option<PermitError> {
        may_change(actor, self.uses).err()
    }
}

/// Whoever writes permissions changes one; one that a live key uses, only with "live keys".
fn may_change(actor: &Actor, uses: Uses) -> Result<(), PermitError> {
    actor.may(Capability::WritePermissions)?;
    if uses.live > 0 {
        actor.may(Capability::ManageLiveKeys).map_err(|Denied| PermitError::LiveKey)?;
    }
    Ok(())
}

/// Keys are seen by whoever manages them, and by whoever reads what happened (U6).
fn may_see_keys(actor: &Actor) -> bool {
    actor.may(Capability::ManageLiveKeys).is_ok() || actor.may(Capability::ReadAudit).is_ok()
}

async fn keys_of(
    on: &mut impl Lends,
    actor: &Actor,
    id: PermissionId,
) -> sqlx::Result<Option<Vec<KeyUsing>>> {
    if !may_see_keys(actor) {
        return Ok(None);
    }
    sql::keys(on, actor.organization, id, NAMED).await.map(Some)
}

/// What is used of each limit of these scopes, in their order.
pub async fn usage(
    on: &mut impl Lends,
    organization: OrganizationId,
    scopes: &Scopes,
    now: Timestamp,
) -> sqlx::Result<Vec<Usage>> {
    let limits: Vec<(Pattern, Limit)> = scopes
        .iter()
        .flat_map(|(pattern, limits)| limits.iter().map(move |limit| (pattern.clone(), *limit)))
        .collect();
    if limits.is_empty() {
        return Ok(Vec::new());
    }
    spending::usage(on, organization, &limits, now).await
}

pub async fn show(db: &Db, actor: &Actor, id: PermissionId) -> Result<Shown, PermitError> {
    actor.may(Capability::ReadPermissions)?;
    let (now, organization) = (db.now(), actor.organization);
    let mut reader = db.read().await?;
    let found = permissions::find(&mut reader, organization, id).await?;
    let permission = found.ok_or(PermitError::NotFound)?;
    let about = sql::one(&mut reader, organization, id).await?.ok_or(PermitError::NotFound)?;
    let changes = match actor.may(Capability::ReadAudit) {
        Ok(()) => Some(audit::about(&mut reader, actor, &id.to_string(), 10).await?),
        Err(Denied) => None,
    };
    Ok(Shown {
        uses: Uses::of(&mut reader, organization, id).await?,
        keys: keys_of(&mut reader, actor, id).await?,
        usage: usage(&mut reader, organization, &permission.scopes, now).await?,
        base: permissions::base(&mut reader, organization).await?,
        known: Known::load(&mut reader, organization).await?,
        permission,
        about,
        changes,
    })
}
