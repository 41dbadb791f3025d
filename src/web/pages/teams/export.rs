//! The lists as CSV.

use axum::extract::{Path, Query, State};

use super::Asked;
use crate::app::Shared;
use crate::csv;
use crate::domain::access::Actor;
use crate::domain::teams::{self, Listed, TeamMember};
use crate::domain::values::Place;
use crate::web::error::{Error, Result};
use crate::web::export::{self, BATCH, Batches, Format};
use crate::web::gate::Inside;

struct Teams {
    search: String,
    place: Option<Place>,
    begun: bool,
    ended: bool,
}

impl Batches for Teams {
    async fn next(&mut self, app: &Shared, reader: &Actor) -> std::result::Result<Option<Vec<u8>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let page = teams::list(&app.db, reader, &self.search, self.place.as_ref(), BATCH).await?;
        self.ended = page.next.is_none();
        self.place = page.next;
        let head = (!std::mem::replace(&mut self.begun, true))
            .then(|| ["id", "slug", "name", "people", "maintainers", "made"].map(str::to_owned));
        let cells = |Listed { team, maintainers }: &Listed| {
            [
                team.id.to_string(),
                team.slug.clone(),
                team.name.clone(),
                team.people.to_string(),
                maintainers.join("; "),
                team.created_at.rfc3339(),
            ]
        };
        Ok(Some(csv::rows(head.into_iter().chain(page.rows.iter().map(cells)))))
    }
}

/// All teams that match, from the list's beginning.
pub async fn export(State(app): State<Shared>, inside: Inside, Query(asked): Query<Asked>) -> Result {
    let search = asked.search()?.to_owned();
    let rows = Teams { search, place: None, begun: false, ended: false };
    export::stream(&app, &inside, "teams", Format::Csv, rows).await
}

struct Members {
    slug: String,
    place: Option<Place>,
    begun: bool,
    ended: bool,
}

impl Batches for Members {
    async fn next(&mut self, app: &Shared, reader: &Actor) -> std::result::Result<Option<Vec<u8>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let found = teams::members(&app.db, reader, &self.slug, self.place.as_ref(), BATCH).await?;
        self.ended = found.page.next.is_none();
        self.place = found.page.next;
        let head = (!std::mem::replace(&mut self.begun, true))
            .then(|| ["id", "name", "email", "role", "state", "maintainer", "added"].map(str::to_owned));
        let manages = found.manages;
        let cells = |member: &TeamMember| {
            let seen = |text: &str| if manages { text.to_owned() } else { String::new() };
            [
                member.user_id.to_string(),
                member.name.clone(),
                seen(&member.email),
                seen(member.role.code()),
                seen(member.state.code()),
                if member.maintainer { "yes" } else { "" }.to_owned(),
                member.added_at.rfc3339(),
            ]
        };
        Ok(Some(csv::rows(head.into_iter().chain(found.page.rows.iter().map(cells)))))
    }
}

/// Everyone in a team. What the page does not show to the reader is not in the file.
pub async fn export_members(
    State(app): State<Shared>,
    inside: Inside,
    Path((_, slug)): Path<(String, String)>,
) -> Result {
    let what = format!("team-{}", teams::find(&app.db, &inside.actor, &slug).await?.slug);
    let rows = Members { slug, place: None, begun: false, ended: false };
    export::stream(&app, &inside, &what, Format::Csv, rows).await
}
