//! The plan: what the organization may at most, what is used of it, and what goes beyond it since it was lowered.
//! Only the sysadmin sets it (L7). It is read on each request: a change bites on the next one.

use std::sync::Arc;

use super::difference::Difference;
use super::editing::moved;
use super::{Known, Over, PermitError, beyond, sql, usage};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Operator};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::organizations;
use crate::domain::permissions::{self, Scopes};
use crate::domain::spending::Usage;
use crate::ids::{OrganizationId, PermissionId};
use crate::storage::{Db, Lends};

const BATCH: i64 = 200;

/// A permission that goes beyond the base, and where.
#[derive(Clone, Debug)]
pub struct OverBase {
    pub id: PermissionId,
    pub name: String,
    pub over: Vec<Over>,
}

/// All of an organization's permissions that go beyond these scopes.
async fn over_base(
    on: &mut impl Lends,
    organization: OrganizationId,
    base: &Scopes,
) -> sqlx::Result<Vec<OverBase>> {
    let mut found = Vec::new();
    let mut last = PermissionId::nobody();
    loop {
        let rows = sql::after(on, organization, last, BATCH).await?;
        let Some((end, _, _)) = rows.last() else { break };
        last = *end;
        found.extend(rows.into_iter().filter_map(|(id, name, text)| {
            let over = beyond(&permissions::stored(&text), base);
            (!over.is_empty()).then_some(OverBase { id, name, over })
        }));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

#[derive(Debug)]
pub struct Plan {
    pub base: Arc<Scopes>,
    /// When the sysadmin set it; nothing, where they never did.
    pub set_at: Option<Timestamp>,
    /// Of each limit, in the order of the scopes and of their limits.
    pub usage: Vec<Usage>,
    pub over: Vec<OverBase>,
    pub known: Known,
}

pub async fn plan(db: &Db, actor: &Actor) -> Result<Plan, PermitError> {
    actor.may(Capability::ReadPlan)?;
    let (now, organization) = (db.now(), actor.organization);
    let mut reader = db.read().await?;
    let row = permissions::base_row(&mut reader, Some(organization)).await?;
    let set_at = row.as_ref().map(|(_, at)| *at);
    let base = row.map_or_else(permissions::everything, |(scopes, _)| scopes);
    Ok(Plan {
        set_at,
        usage: usage(&mut reader, organization, &base, now).await?,
        over: over_base(&mut reader, organization, &base).await?,
        known: Known::load(&mut reader, organization).await?,
        base,
    })
}

/// The base permission of an organization, for the sysadmin.
pub async fn base_of(db: &Db, organization: OrganizationId) -> sqlx::Result<Arc<Scopes>> {
    permissions::base(&mut db.read().await?, organization).await
}

/// What new organizations begin with.
pub async fn default_base(db: &Db) -> sqlx::Result<Arc<Scopes>> {
    default_of(&mut db.read().await?).await
}

async fn default_of(on: &mut impl Lends) -> sqlx::Result<Arc<Scopes>> {
    let row = permissions::base_row(on, None).await?;
    Ok(row.map_or_else(permissions::everything, |(scopes, _)| scopes))
}

/// The row of no organization.
const NEW: &str = "";

/// What setting a base permission changes, and which permissions go beyond it then.
#[derive(Debug)]
pub struct BaseChange {
    pub before: Arc<Scopes>,
    pub difference: Difference,
    pub over: Vec<OverBase>,
}

/// What setting it would change: for one organization, or for new ones.
pub async fn preview_base(
    db: &Db,
    organization: Option<OrganizationId>,
    after: &Scopes,
) -> sqlx::Result<BaseChange> {
    let before = match organization {
        Some(organization) => base_of(db, organization).await?,
        None => default_base(db).await?,
    };
    let over = match organization {
        Some(organization) => over_base(&mut db.read().await?, organization, after).await?,
        None => Vec::new(),
    };
    Ok(BaseChange { difference: Difference::between(&before, after), before, over })
}

/// Sets it. Permissions that go beyond it stay as they are, and grant no more than it from the next request on.
pub async fn set_base(
    app: &App,
    organization: Option<OrganizationId>,
    after: &Scopes,
    operator: &Operator,
) -> sqlx::Result<BaseChange> {
    match organization {
        Some(organization) => set_for(app, organization, after, operator).await,
        None => set_default(app, after, operator).await,
    }
}

async fn set_for(
    app: &App,
    organization: OrganizationId,
    after: &Scopes,
    operator: &Operator,
) -> sqlx::Result<BaseChange> {
    let mut change = app.db.change(organization).await?;
    let now = change.now();
    let before = permissions::base(&mut change, organization).await?;
    let over = over_base(&mut change, organization, after).await?;
    sql::set_base(&mut change, &organization.to_string(), &after.to_json().to_string(), now).await?;
    if let Some((old, new)) = moved(&before, after) {
        let name = organizations::by_id(&mut change, organization).await?.name;
        let entry = Entry::new(Kind::BasePermissionChanged, organization, name).changed("scopes", old, new);
        audit::record(&mut change, organization, operator, entry).await?;
    }
    change.commit().await?;
    Ok(BaseChange { difference: Difference::between(&before, after), before, over })
}

/// In the instance's chain: no organization has it yet.
async fn set_default(app: &App, after: &Scopes, operator: &Operator) -> sqlx::Result<BaseChange> {
    let mut change = app.db.account(None, &[]).await?;
    let now = change.now();
    let before = default_of(&mut change).await?;
    sql::set_base(&mut change, NEW, &after.to_json().to_string(), now).await?;
    if let Some((old, new)) = moved(&before, after) {
        let mut entry =
            Entry::new(Kind::BasePermissionChanged, NEW, "New organizations").changed("scopes", old, new);
        entry.target_id = None;
        audit::record_account(&mut change, operator, entry).await?;
    }
    change.commit().await?;
    Ok(BaseChange { difference: Difference::between(&before, after), before, over: Vec::new() })
}
