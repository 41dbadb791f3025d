//! The list as CSV, with the filters that it has.

use std::collections::HashMap;

use axum::extract::{Query, State};

use super::{Asked, view};
use crate::app::Shared;
use crate::clock::Timestamp;
use crate::csv;
use crate::domain::access::Actor;
use crate::domain::teams;
use crate::domain::users::{self, ListQuery, Listed, MemberState};
use crate::ids::{OrganizationId, UserId};
use crate::web::error::{Error, Result};
use crate::web::export::{self, BATCH, Batches, Format};
use crate::web::gate::Inside;

const COLUMNS: [&str; 11] = [
    "id",
    "name",
    "email",
    "role",
    "state",
    "joined",
    "last_active",
    "ends",
    "factors",
    "remembered_until",
    "teams",
];

struct Rows {
    /// What is left to read; nothing after the last batch.
    query: Option<ListQuery>,
    begun: bool,
}

impl Batches for Rows {
    async fn next(&mut self, app: &Shared, reader: &Actor) -> std::result::Result<Option<Vec<u8>>, Error> {
        let Some(query) = self.query.take() else { return Ok(None) };
        let page = users::list(&app.db, reader, &query, BATCH).await?;
        self.query = page.next.map(|cursor| ListQuery { cursor: Some(cursor), ..query });
        let head = (!std::mem::replace(&mut self.begun, true)).then(|| COLUMNS.map(str::to_owned));
        let mut teams = slugs(app, reader.organization, &page.members).await?;
        let cells = |member: &Listed| cells(member, teams.remove(&member.user_id).unwrap_or_default());
        Ok(Some(csv::rows(head.into_iter().chain(page.members.iter().map(cells)))))
    }
}

/// The slugs of the teams of a batch of people.
async fn slugs(
    app: &Shared,
    organization: OrganizationId,
    members: &[Listed],
) -> std::result::Result<HashMap<UserId, String>, Error> {
    let people: Vec<UserId> = members.iter().map(|member| member.user_id).collect();
    let found = teams::of_people(&mut app.db.read().await?, organization, &people).await?;
    let mut slugs: HashMap<UserId, String> = HashMap::new();
    for team in found {
        let of = slugs.entry(team.user_id).or_default();
        if !of.is_empty() {
            of.push(' ');
        }
        of.push_str(&team.slug);
    }
    Ok(slugs)
}

fn cells(member: &Listed, teams: String) -> [String; 11] {
    let state = match member.state {
        MemberState::Active => "active",
        MemberState::Suspended => "suspended",
        MemberState::Removed => "removed",
    };
    [
        member.user_id.to_string(),
        member.name.clone(),
        member.email.clone(),
        member.role.code().to_owned(),
        state.to_owned(),
        member.joined_at.rfc3339(),
        member.last_active_at.rfc3339(),
        member.ends_at.map(|end| end.rfc3339()).unwrap_or_default(),
        match (member.factors.authenticator, member.factors.passkey) {
            (true, true) => "authenticator passkey",
            (true, false) => "authenticator",
            (false, true) => "passkey",
            (false, false) => "none",
        }
        .to_owned(),
        match member.remembered_until {
            Timestamp::ZERO => String::new(),
            until => until.rfc3339(),
        },
        teams,
    ]
}

/// Everyone who matches, from the list's beginning, wherever in it the reader stands.
pub async fn export(State(app): State<Shared>, inside: Inside, Query(asked): Query<Asked>) -> Result {
    let query = ListQuery { cursor: None, ..view(&app, &inside, &asked).await? };
    let rows = Rows { query: Some(query), begun: false };
    export::stream(&app, &inside, "users", Format::Csv, rows).await
}
