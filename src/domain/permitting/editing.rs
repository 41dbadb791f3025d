//! Making, changing and deleting permissions. A change is shown first, and saved only as it was shown.

use std::sync::Arc;

use super::difference::{Difference, listed};
use super::{KeyUsing, MOST_PERMISSIONS, PermitError, Uses, beyond, keys_of, may_change, sql};
use crate::app::App;
use crate::domain::access::{Actor, Capability};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::permissions::{self, Permission, Scopes};
use crate::domain::users;
use crate::domain::values::{PermissionName, folded};
use crate::ids::{OrganizationId, PermissionId};
use crate::secrets::sha256_hex;
use crate::storage::{Change, Db, Lends};

/// What a permission is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub name: PermissionName,
    pub scopes: Scopes,
}

impl Said {
    fn text(&self) -> String {
        self.scopes.to_json().to_string()
    }

    fn search(&self) -> String {
        let patterns = self.scopes.iter().map(|(pattern, _)| pattern.to_string().to_lowercase());
        std::iter::once(folded(self.name.as_str())).chain(patterns).collect::<Vec<_>>().join(" ")
    }

    /// The name is free and nothing is beyond the base: what can be said so.
    async fn fits(
        &self,
        on: &mut impl Lends,
        organization: OrganizationId,
        own: Option<PermissionId>,
    ) -> Result<(), PermitError> {
        let named = permissions::named(on, organization, self.name.as_str()).await?;
        if named.is_some() && named != own {
            return Err(PermitError::NameTaken);
        }
        let over = beyond(&self.scopes, &*permissions::base(on, organization).await?);
        if over.is_empty() { Ok(()) } else { Err(PermitError::Beyond(over)) }
    }
}

pub async fn create(app: &App, actor: &Actor, said: &Said) -> Result<Permission, PermitError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::WritePermissions)?;
    said.fits(&mut change, actor.organization, None).await?;
    if sql::count(&mut change, actor.organization).await? >= MOST_PERMISSIONS {
        return Err(PermitError::TooMany);
    }
    let permission = Permission {
        id: PermissionId::generate(),
        organization: actor.organization,
        name: said.name.to_string(),
        scopes: Arc::new(said.scopes.clone()),
        created_at: now,
        created_by: Some(actor.person.user),
        changed_at: now,
    };
    let name_key = folded(&permission.name);
    sql::insert(&mut change, &permission, &name_key, &said.text(), &said.search()).await?;
    let entry = Entry::new(Kind::PermissionCreated, permission.id, &permission.name)
        .with("scopes", listed(said.scopes.iter()));
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(permission)
}

/// What would be saved, what it gives and takes, and which keys it touches.
#[derive(Debug)]
pub struct Preview {
    pub before: Permission,
    pub difference: Difference,
    pub renamed: bool,
    pub uses: Uses,
    /// The first of the keys, for whoever may see keys.
    pub keys: Option<Vec<KeyUsing>>,
    pub digest: String,
}

impl Preview {
    pub fn is_nothing(&self) -> bool {
        self.difference.is_none() && !self.renamed
    }
}

/// A permission that the actor may change, and what uses it.
async fn changeable(
    on: &mut impl Lends,
    actor: &Actor,
    id: PermissionId,
) -> Result<(Permission, Uses), PermitError> {
    actor.may(Capability::WritePermissions)?;
    let found = permissions::find(on, actor.organization, id).await?;
    let permission = found.ok_or(PermitError::NotFound)?;
    let uses = Uses::of(on, actor.organization, id).await?;
    may_change(actor, uses)?;
    Ok((permission, uses))
}

/// What is shown and what is saved are the same if this is: what it said, what it is to say, and how many use it.
fn digest(before: &Permission, said: &Said, uses: Uses) -> String {
    let before = format!("{} {} {}", before.id, before.name, before.scopes.to_json());
    sha256_hex(format!("{before}\n{} {}\n{uses:?}", said.name, said.text()).as_bytes())
}

/// A permission that the actor may change, for its editors.
pub async fn to_change(db: &Db, actor: &Actor, id: PermissionId) -> Result<Permission, PermitError> {
    Ok(changeable(&mut db.read().await?, actor, id).await?.0)
}

/// What saving would do. Changes nothing.
pub async fn preview(
    app: &App,
    actor: &Actor,
    id: PermissionId,
    said: &Said,
) -> Result<Preview, PermitError> {
    let mut reader = app.db.read().await?;
    let (before, uses) = changeable(&mut reader, actor, id).await?;
    said.fits(&mut reader, actor.organization, Some(id)).await?;
    Ok(Preview {
        difference: Difference::between(&before.scopes, &said.scopes),
        renamed: before.name != said.name.as_str(),
        keys: keys_of(&mut reader, actor, id).await?,
        digest: digest(&before, said, uses),
        before,
        uses,
    })
}

/// Saves what was shown: if it is not what would be saved now, nothing is.
pub async fn save(
    app: &App,
    actor: &Actor,
    id: PermissionId,
    said: &Said,
    shown: &str,
) -> Result<Permission, PermitError> {
    write(app, actor, id, |_| said.clone(), Some(shown)).await
}

/// Changes a permission without showing it first: for programs. What is not said stays.
pub async fn change(
    app: &App,
    actor: &Actor,
    id: PermissionId,
    name: Option<&PermissionName>,
    scopes: Option<&Scopes>,
) -> Result<Permission, PermitError> {
    let said = |before: Said| Said {
        name: name.unwrap_or(&before.name).clone(),
        scopes: scopes.unwrap_or(&before.scopes).clone(),
    };
    write(app, actor, id, said, None).await
}

async fn write(
    app: &App,
    actor: &Actor,
    id: PermissionId,
    said: impl FnOnce(Said) -> Said + Send,
    shown: Option<&str>,
) -> Result<Permission, PermitError> {
    let mut change = app.db.change(actor.organization).await?;
    let now = change.now();
    let actor = &users::current_actor(&mut change, actor).await?;
    let (before, uses) = changeable(&mut change, actor, id).await?;
    let old = Said {
        // It was one when it was kept.
        name: before.name.parse().map_err(|_| sqlx::Error::RowNotFound)?,
        scopes: Scopes::clone(&before.scopes),
    };
    let said = &said(old.clone());
    said.fits(&mut change, actor.organization, Some(id)).await?;
    if shown.is_some_and(|shown| shown != digest(&before, said, uses)) {
        return Err(PermitError::Changed);
    }
    if *said == old {
        return Ok(before);
    }
    let after = sql::Changed {
        name: said.name.as_str(),
        name_key: &folded(said.name.as_str()),
        scopes: &said.text(),
        search: &said.search(),
        at: now,
        by: Some(actor.person.user),
    };
    sql::update(&mut change, actor.organization, id, &after).await?;
    record(&mut change, actor, &before, said).await?;
    change.commit().await?;
    let scopes = Arc::new(said.scopes.clone());
    Ok(Permission { name: said.name.to_string(), scopes, changed_at: now, ..before })
}

/// One row, with the scopes that changed as they were and as they are.
async fn record(
    change: &mut Change,
    actor: &Actor,
    before: &Permission,
    said: &Said,
) -> Result<(), PermitError> {
    let mut entry = Entry::new(Kind::PermissionChanged, before.id, &said.name);
    if before.name != said.name.as_str() {
        entry = entry.changed("name", &before.name, &said.name);
    }
    if let Some((old, new)) = moved(&before.scopes, &said.scopes) {
        entry = entry.changed("scopes", old, new);
    }
    Ok(audit::record(change, actor.organization, &actor.operator(), entry).await?)
}

/// The scopes that are not the same in both, as they were and as they are.
pub(super) fn moved(before: &Scopes, after: &Scopes) -> Option<(String, String)> {
    let unlike = |one: &Scopes, other: &Scopes| {
        listed(one.iter().filter(|(pattern, limits)| other.get(pattern) != Some(*limits)))
    };
    (before != after).then(|| (unlike(before, after), unlike(after, before)))
}

/// What deleting a permission touches (V4).
#[derive(Debug)]
pub struct Deletion {
    pub permission: Permission,
    pub uses: Uses,
    /// The first of the keys that use it, for whoever may see keys.
    pub keys: Option<Vec<KeyUsing>>,
}

pub async fn deletion(app: &App, actor: &Actor, id: PermissionId) -> Result<Deletion, PermitError> {
    actor.may(Capability::WritePermissions)?;
    let mut reader = app.db.read().await?;
    let found = permissions::find(&mut reader, actor.organization, id).await?;
    Ok(Deletion {
        permission: found.ok_or(PermitError::NotFound)?,
        uses: Uses::of(&mut reader, actor.organization, id).await?,
        keys: keys_of(&mut reader, actor, id).await?,
    })
}

/// Deletes a permission that no key uses. Revoked keys keep its id, and grant nothing.
pub async fn delete(app: &App, actor: &Actor, id: PermissionId) -> Result<Permission, PermitError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::WritePermissions)?;
    let found = permissions::find(&mut change, actor.organization, id).await?;
    let permission = found.ok_or(PermitError::NotFound)?;
    let uses = Uses::of(&mut change, actor.organization, id).await?;
    if uses.all() > 0 {
        return Err(PermitError::InUse(uses.all()));
    }
    sql::delete(&mut change, actor.organization, id).await?;
    let entry = Entry::new(Kind::PermissionDeleted, id, &permission.name)
        .without("scopes", listed(permission.scopes.iter()));
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(permission)
}
