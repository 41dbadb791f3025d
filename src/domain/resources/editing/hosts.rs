//! Whose the hosts of tools are, by which a reverse proxy asks: the organization's that first put a tool there, unless
//! another has proven the domain (O2). All ports of a host are one organization's, for browsers keep one set of cookies
//! for them.

use super::{EditError, sql};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Extent, Operator};
use crate::domain::audit::{self, Entry, Kind as Event};
use crate::domain::resources::Resource;
use crate::domain::values::ToolUrl;
use crate::ids::OrganizationId;
use crate::storage::{Change, Db};

/// A host, as the sysadmin lists it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Host {
    pub host: String,
    pub organization: OrganizationId,
    pub organization_slug: String,
    pub claimed_at: Timestamp,
    /// How many tools the organization has there, archived ones too.
    pub tools: i64,
}

/// A change that may put a tool at this address. It holds the installation's head: of two organizations that come at
/// one moment, one for `host` and the other for `host:8443`, neither would see the other's row. Where the host is
/// another organization's now, its audit log is held too: it may lose it.
pub(super) async fn change(
    app: &App,
    organization: OrganizationId,
    url: Option<&ToolUrl>,
) -> sqlx::Result<Change> {
    let Some(url) = url else { return app.db.change(organization).await };
    let others = sql::others_with(&mut app.db.read().await?, organization, url.name()).await?;
    let held: Vec<_> = others.into_iter().map(|(other, _)| other).chain([organization]).collect();
    app.db.account(None, &held).await
}

/// Puts a tool at a host. Inside its organization, a path beside another tool's could open a part of that one, or one
/// that is archived to whoever it was never for: whoever adds it must be allowed to say who opens each tool there.
pub(super) async fn claim(
    app: &App,
    change: &mut Change,
    actor: &Actor,
    resource: &Resource,
    url: &ToolUrl,
) -> Result<(), EditError> {
    // No proxy asks for what is in Dev mode, so that it needs no host and takes none away.
    if resource.developer().is_some() {
        return Ok(());
    }
    // A tool there would be given Interlock's own cookie.
    if url.name() == app.config.base_url.host() {
        return Err(EditError::HostElsewhere);
    }
    let (organization, now) = (resource.organization, change.now());
    let proven_by = sql::proven_by(change, url.name()).await?;
    if proven_by.is_some_and(|by| by != organization) {
        return Err(EditError::HostElsewhere);
    }
    let others = sql::others_with(change, organization, url.name()).await?;
    if !others.is_empty() {
        let may_take = proven_by == Some(organization)
            && others.iter().all(|(other, _)| change.organizations().contains(other));
        if !may_take {
            return Err(EditError::HostElsewhere);
        }
        take(change, actor, &others).await?;
    }
    if !sql::claim_host(change, organization, url.host(), now).await? {
        return Err(EditError::HostElsewhere);
    }
    let may_all = actor.role.extent(Capability::ChangeAccess) == Extent::Full;
    let of_others = sql::tools_of_others(change, resource, url.name(), actor.person.user).await?;
    if of_others && !may_all { Err(EditError::HostOfOthers) } else { Ok(()) }
}

/// Takes hosts from organizations that have not proven the domain. Their tools stay listed, and no proxy finds them.
async fn take(change: &mut Change, actor: &Actor, hosts: &[(OrganizationId, String)]) -> sqlx::Result<()> {
    for (other, host) in hosts {
        sql::release_host(change, *other, host).await?;
        // Who took it is no business of theirs.
        let lost = Entry::new(Event::HostLost, host, host);
        audit::record(change, *other, &Operator::interlock(), lost).await?;
        let taken = Entry::new(Event::HostTaken, host, host);
        audit::record(change, actor.organization, &actor.operator(), taken).await?;
    }
    Ok(())
}

/// All hosts by name, from after one on.
pub async fn hosts(db: &Db, after: &str, limit: i64) -> sqlx::Result<Vec<Host>> {
    sql::hosts(&mut db.read().await?, after, limit).await
}

pub async fn host(db: &Db, host: &str) -> sqlx::Result<Option<Host>> {
    sql::host(&mut db.read().await?, host).await
}

/// Gives a host free: no proxy finds the tools there any more, and any organization may put one there. Says whether it
/// was there to be given.
pub async fn release(app: &App, host: &Host, operator: &Operator) -> sqlx::Result<bool> {
    let mut change = app.db.change(host.organization).await?;
    if !sql::release_host(&mut change, host.organization, &host.host).await? {
        return Ok(false);
    }
    let entry = Entry::new(Event::HostReleased, &host.host, &host.host);
    audit::record(&mut change, host.organization, operator, entry).await?;
    change.commit().await?;
    Ok(true)
}
