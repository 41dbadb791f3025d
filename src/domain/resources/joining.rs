//! Adding people to a team. What they have asked for and have by it is closed in the same change (A13).

use super::asking;
use crate::app::App;
use crate::domain::access::Actor;
use crate::domain::teams::{self, Added, Team, TeamError, TeamMember};
use crate::ids::UserId;

/// Adds active members to a team, all or none, and gives the names of those who are new.
pub async fn add_to_team(
    app: &App,
    actor: &Actor,
    slug: &str,
    people: &[UserId],
) -> Result<(Team, Vec<String>), TeamError> {
    let mut change = app.db.change(actor.organization).await?;
    let (team, added) = teams::add(&mut change, actor, slug, people).await?;
    asking::close_of_team(&mut change, actor.organization, team.id).await?;
    change.commit().await?;
    Ok((team, added))
}

/// Adds the active members among pasted addresses, each line on its own.
pub async fn add_pasted_to_team(
    app: &App,
    actor: &Actor,
    slug: &str,
    text: &str,
) -> Result<Added, TeamError> {
    let mut change = app.db.change(actor.organization).await?;
    let added = teams::add_pasted(&mut change, actor, slug, text).await?;
    asking::close_of_team(&mut change, actor.organization, added.team.id).await?;
    change.commit().await?;
    Ok(added)
}

/// Puts an active member into a team, as its maintainer or not; who is in it already stays. Says whether they are new.
pub async fn put_in_team(
    app: &App,
    actor: &Actor,
    slug: &str,
    user: UserId,
    maintainer: Option<bool>,
) -> Result<(TeamMember, bool), TeamError> {
    let mut change = app.db.change(actor.organization).await?;
    let (team, member, is_new) = teams::put(&mut change, actor, slug, user, maintainer).await?;
    asking::close_of_team(&mut change, actor.organization, team.id).await?;
    change.commit().await?;
    Ok((member, is_new))
}
