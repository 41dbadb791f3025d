//! The list of teams.

use super::{Team, TeamError, sql};
use crate::domain::access::{Actor, Capability};
use crate::domain::users;
use crate::domain::values::{Page, Place, folded};
use crate::storage::Db;

/// A team in the list, with the names of its maintainers.
#[derive(Debug)]
pub struct Listed {
    pub team: Team,
    pub maintainers: Vec<String>,
}

/// A page of the organization's teams by name, of those whose name or slug holds what is searched.
pub async fn list(
    db: &Db,
    actor: &Actor,
    search: &str,
    place: Option<&Place>,
    limit: usize,
) -> Result<Page<Listed>, TeamError> {
    actor.may(Capability::ReadTeams)?;
    let mut reader = db.read().await?;
    let pattern = users::containing(&folded(search.trim()));
    let rows = sql::list(&mut reader, actor.organization, &pattern, place, limit + 1).await?;
    let page = Page::of(rows, place, limit, |team, backwards| Place::at(&team.name, team.id, backwards));
    let ids: Vec<_> = page.rows.iter().map(|team| team.id).collect();
    let maintainers = match ids.is_empty() {
        true => Vec::new(),
        false => sql::maintainers(&mut reader, actor.organization, &ids).await?,
    };
    let listed = |team: Team| {
        let of_it = maintainers.iter().filter(|(of, _)| *of == team.id);
        Listed { maintainers: of_it.map(|(_, name)| name.clone()).collect(), team }
    };
    Ok(Page { rows: page.rows.into_iter().map(listed).collect(), previous: page.previous, next: page.next })
}
