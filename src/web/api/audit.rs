//! `GET /v1/audit`: who changed what about access.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::codes::AuditKind;
use super::problem::Result;
use super::query::Asked;
use super::reply::{Page, Paged, Paging};
use crate::app::Shared;
use crate::domain::audit::{self, Filter, Kind};
use crate::web::gate::Acting;

/// A row of the audit log.
#[derive(Serialize, ToSchema)]
pub struct AuditRow {
    /// Its place in the organization's chain, which has no gaps.
    #[schema(example = 1207)]
    seq: i64,
    #[schema(format = DateTime)]
    at: String,
    #[schema(value_type = AuditKind)]
    kind: String,
    /// What the kind means.
    #[schema(example = "Role changed")]
    what: &'static str,
    operator: Party,
    target: Party,
    /// Field by field, from what to what. `by_key` names the API key that did it.
    changes: BTreeMap<String, OldAndNew>,
    /// Where the operator was on the network, if it is known.
    #[schema(required = true, example = "192.0.2.7")]
    address: Option<String>,
    /// The `X-Request-Id` that the operator's request was answered with.
    #[schema(required = true)]
    request: Option<String>,
    /// The row's hash, over the one before it.
    hash: String,
}

/// Somebody or something, as it was called then.
#[derive(Serialize, ToSchema)]
pub struct Party {
    /// Null where nobody did it, or nothing has an id.
    #[schema(required = true)]
    id: Option<String>,
    #[schema(example = "Amara Okafor")]
    name: String,
}

/// A field before and after; null is no value.
#[derive(Serialize, ToSchema)]
pub struct OldAndNew {
    #[schema(required = true, example = "member")]
    old: Option<String>,
    #[schema(required = true, example = "developer")]
    new: Option<String>,
}

impl From<audit::Row> for AuditRow {
    fn from(row: audit::Row) -> AuditRow {
        let changes = row.changes().into_iter().map(|(field, old, new)| (field, OldAndNew { old, new }));
        AuditRow {
            changes: changes.collect(),
            what: row.what(),
            seq: row.seq,
            at: row.at.rfc3339(),
            kind: row.kind,
            operator: Party { id: row.operator_id, name: row.operator_name },
            target: Party { id: row.target_id, name: row.target_name },
            address: row.address,
            request: row.request,
            hash: row.hash,
        }
    }
}

/// Which of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "these are the document's words for what `Asked` takes")]
pub struct AuditFilter {
    #[param(value_type = Option<AuditKind>)]
    kind: Option<String>,
    /// A user's id: what they did, and what was done to them.
    #[param(format = "uuid")]
    user: Option<String>,
    /// From this moment on.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Before this moment.
    #[param(format = DateTime)]
    until: Option<String>,
}

/// Read the audit log
///
/// The newest row first.
#[utoipa::path(get, path = "/v1/audit", operation_id = "listAudit", tag = "Audit", params(Paged, AuditFilter),
    responses((status = 200, description = "A page of rows", body = Page<AuditRow>)))]
pub async fn list(
    State(app): State<Shared>,
    Acting { actor, .. }: Acting,
    paging: Paging,
    mut asked: Asked,
) -> Result {
    let kind = asked.text("kind").and_then(|code| {
        let kind = Kind::from_code(&code);
        if kind.is_none() {
            asked.fault("kind", "There is no such kind of change.");
        }
        kind
    });
    let filter = Filter {
        kind,
        person: asked.take("user"),
        since: asked.take("since"),
        until: asked.take("until"),
        before: paging.cursor(|text| text.parse().ok())?,
        after: None,
    };
    asked.done()?;
    let page = audit::list(&app.db, &actor, &filter, paging.limit()).await?;
    let next = page.rows.last().filter(|_| page.older).map(|row| row.seq.to_string());
    let rows: Vec<AuditRow> = page.rows.into_iter().map(AuditRow::from).collect();
    Ok(paging.page(rows, next))
}
