//! `/metrics`, on a listener of its own: what it tells is for whoever runs the server, not for its users.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::get;

use crate::app::Shared;
use crate::mail;
use crate::metrics::Now;

/// A scrape does not wait for a busy database.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn router(app: Shared) -> Router {
    let nothing_else = || async { (StatusCode::NOT_FOUND, "the metrics are at /metrics\n") };
    Router::new().route("/metrics", get(show)).fallback(nothing_else).with_state(app)
}

async fn show(State(app): State<Shared>) -> ([(HeaderName, &'static str); 1], String) {
    let outbox = match tokio::time::timeout(PATIENCE, mail::outbox(&app)).await {
        Ok(Ok(outbox)) => Some(outbox),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the outbox can't be counted");
            None
        }
        Err(_) => None,
    };
    let (hashing_waiting, hashing_running) = app.passwords.queue();
    let text = app.metrics.text(&Now { hashing_waiting, hashing_running, outbox });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
