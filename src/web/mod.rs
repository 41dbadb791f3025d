//! HTTP and HTML: no SQL, no rules.

mod api;
pub mod assets;
mod chrome;
mod context;
mod error;
mod export;
mod forms;
mod gate;
mod html;
mod lists;
mod metrics;
mod pages;
pub mod routes;
mod same_origin;
mod server;
mod session;

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

pub use self::server::{serve, serve_metrics};
use crate::app::Shared;

/// The largest body that any form needs, with room to spare.
const LARGEST_BODY: usize = 64 * 1024;
/// How long a request may take, its body included.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// The whole application as one service.
pub fn router(app: Shared) -> Router {
    let mut router = Router::new();
    for route in routes::table() {
        let check = gate::Check { app: app.clone(), access: route.access };
        router = router.route(route.path, route.handler.layer(from_fn_with_state(check, gate::check)));
    }
    router
        .fallback(error::no_such_page)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        // The first is the outermost. One stack is one layer: each costs a box and a copy for each request.
        .layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(app.clone(), context::frame))
                .layer(CatchPanicLayer::custom(error::panicked))
                .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, LONGEST_REQUEST))
                .layer(session::layer(&app)),
        )
        .with_state(app)
}
