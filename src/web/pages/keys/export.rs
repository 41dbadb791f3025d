//! The list as CSV.

use axum::extract::{Query, State};

use super::Asked;
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::csv;
use crate::domain::access::Actor;
use crate::domain::api_keys::{self, Filter, Listed, Place};
use crate::web::error::{Error, Result};
use crate::web::export::{self, BATCH, Batches, Format};
use crate::web::gate::Inside;

struct Keys {
    filter: Filter,
    place: Option<Place>,
    begun: bool,
    ended: bool,
}

const HEAD: [&str; 17] = [
    "id",
    "kind",
    "name",
    "key",
    "agent",
    "acts for",
    "environment",
    "permission",
    "addresses",
    "made by",
    "made",
    "last used",
    "last used from",
    "ends",
    "revoked",
    "calls today",
    "state",
];

fn cells(key: &Listed, now: Timestamp) -> [String; 17] {
    let time = |at: Option<Timestamp>| at.map(Timestamp::rfc3339).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        key.id.to_string(),
        key.kind.code().to_owned(),
        key.name.clone(),
        key.shown.clone(),
        text(&key.agent_name),
        text(&key.owner_name),
        key.environment.clone(),
        text(&key.permission_name),
        key.addresses().join("; "),
        text(&key.created_by_name),
        key.created_at.rfc3339(),
        time(key.last_used_at),
        text(&key.last_used_from),
        time(key.ends_at()),
        time(key.revoked_at),
        key.calls.to_string(),
        key.state(now).code().to_owned(),
    ]
}

impl Batches for Keys {
    async fn next(&mut self, app: &Shared, reader: &Actor) -> std::result::Result<Option<Vec<u8>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let page = api_keys::page(app, reader, &self.filter, self.place.as_ref(), BATCH).await?;
        self.ended = page.next.is_none();
        self.place = page.next;
        let head = (!std::mem::replace(&mut self.begun, true)).then(|| HEAD.map(str::to_owned));
        let now = app.db.now();
        Ok(Some(csv::rows(head.into_iter().chain(page.keys.iter().map(|key| cells(key, now))))))
    }
}

/// All keys that match and that the reader sees, from the list's beginning.
pub async fn export(State(app): State<Shared>, inside: Inside, Query(asked): Query<Asked>) -> Result {
    let rows = Keys { filter: asked.filter()?, place: None, begun: false, ended: false };
    export::stream(&app, &inside, "keys", Format::Csv, rows).await
}
