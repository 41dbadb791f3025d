//! The organization's rule for how long a key lives (K4). An older one is blocked, not deleted, and can be rotated.

use super::{ActError, sql};
use crate::app::App;
use crate::clock::DAY;
use crate::domain::access::{Actor, Capability};
use crate::domain::audit::{self, Entry};
use crate::domain::organizations;
use crate::domain::users;
use crate::ids::OrganizationId;
use crate::storage::Lends;

/// What can be chosen, in days.
pub const LONGEST: [i64; 5] = [30, 60, 90, 180, 365];

/// The rule, and what each choice would block at once of what works now (V4).
#[derive(Debug)]
pub struct Rule {
    /// Days; none, where keys live as long as they are made for.
    pub longest: Option<i64>,
    /// For each of [`LONGEST`].
    pub blocks: [i64; 5],
}

pub(super) async fn longest(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<Option<i64>> {
    sql::longest(on, organization).await
}

pub(super) fn too_long(longest: i64) -> ActError {
    ActError::TooLong(longest / DAY)
}

/// The rule alone, in days: any key's maker needs to know it.
pub async fn longest_days(app: &App, actor: &Actor) -> Result<Option<i64>, ActError> {
    actor.may(Capability::OwnDevelopmentKey)?;
    let longest = longest(&mut app.db.read().await?, actor.organization).await?;
    Ok(longest.map(|longest| longest / DAY))
}

/// With what each choice would block, for whoever sets it.
pub async fn rule(app: &App, actor: &Actor) -> Result<Rule, ActError> {
    actor.may(Capability::OwnDevelopmentKey)?;
    let mut reader = app.db.read().await?;
    let longest = longest(&mut reader, actor.organization).await?.map(|longest| longest / DAY);
    let blocks = match actor.may(Capability::ManageSettings) {
        Ok(()) => sql::blocked_by(&mut reader, actor.organization, app.db.now()).await?,
        Err(_) => [0; 5],
    };
    Ok(Rule { longest, blocks })
}

/// Sets the rule: from the next request on it holds for every key that there is.
pub async fn set_rule(app: &App, actor: &Actor, days: Option<i64>) -> Result<(), ActError> {
    let mut change = app.db.change(actor.organization).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    actor.may(Capability::ManageSettings)?;
    let before = longest(&mut change, actor.organization).await?.map(|longest| longest / DAY);
    if before == days {
        return Ok(());
    }
    sql::set_longest(&mut change, actor.organization, days.map(|days| days * DAY)).await?;
    let organization = organizations::by_id(&mut change, actor.organization).await?;
    let words = |days: Option<i64>| days.map_or_else(|| "no limit".to_owned(), |days| format!("{days} days"));
    let entry = Entry::new(audit::Kind::SecurityChanged, organization.id, &organization.name).changed(
        "longest life of a key",
        words(before),
        words(days),
    );
    audit::record(&mut change, actor.organization, &actor.operator(), entry).await?;
    change.commit().await?;
    Ok(())
}
