//! The list as CSV.

use axum::extract::{Query, State};

use super::{Asked, whose};
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::csv;
use crate::domain::access::Actor;
use crate::domain::agents::{self, Listed};
use crate::domain::values::Place;
use crate::web::error::{Error, Result};
use crate::web::export::{self, BATCH, Batches, Format};
use crate::web::gate::Inside;

struct Agents {
    search: String,
    archived: bool,
    place: Option<Place>,
    begun: bool,
    ended: bool,
}

impl Batches for Agents {
    async fn next(&mut self, app: &Shared, reader: &Actor) -> std::result::Result<Option<Vec<u8>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let place = self.place.as_ref();
        let page = agents::list(&app.db, reader, &self.search, self.archived, place, BATCH).await?;
        self.ended = page.next.is_none();
        self.place = page.next;
        let head = (!std::mem::replace(&mut self.begun, true)).then(|| {
            ["id", "name", "whose", "answers for it", "working keys", "last used", "made", "archived"]
                .map(str::to_owned)
        });
        let cells = |listed: &Listed| {
            let (whose, answers) = whose(listed);
            let time = |at: Option<Timestamp>| at.map(Timestamp::rfc3339).unwrap_or_default();
            [
                listed.agent.id.to_string(),
                listed.agent.name.clone(),
                whose,
                answers,
                listed.keys.to_string(),
                time(listed.last_used_at),
                listed.agent.created_at.rfc3339(),
                time(listed.agent.archived_at),
            ]
        };
        Ok(Some(csv::rows(head.into_iter().chain(page.rows.iter().map(cells)))))
    }
}

/// All agents that match, from the list's beginning.
pub async fn export(State(app): State<Shared>, inside: Inside, Query(asked): Query<Asked>) -> Result {
    let rows = Agents {
        search: asked.search()?.to_owned(),
        archived: asked.is_archived(),
        place: None,
        begun: false,
        ended: false,
    };
    export::stream(&app, &inside, "agents", Format::Csv, rows).await
}
