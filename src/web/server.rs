//! Serving: connections, their time limits, and an end that finishes what is in flight.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt;

use super::{assets, metrics, router};
use crate::app::Shared;

/// A client that is slower with its headers is not served (DOS-03).
const HEADERS: Duration = Duration::from_secs(10);

/// Serves until `stopping` turns true, and then until the requests in flight are answered, for at
/// most the configured time.
pub async fn serve(app: Shared, listener: TcpListener, stopping: watch::Receiver<bool>) {
    assets::prepare();
    let patience = Duration::from_secs(app.config.shutdown_seconds);
    answer(router(app), listener, patience, stopping).await;
}

/// The same for what is on the listener of the metrics.
pub async fn serve_metrics(app: Shared, listener: TcpListener, stopping: watch::Receiver<bool>) {
    answer(metrics::router(app), listener, Duration::from_secs(1), stopping).await;
}

async fn answer(
    router: Router,
    listener: TcpListener,
    patience: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Too many open files, most likely: a moment later there are fewer.
                    tracing::error!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            _ = stopping.changed() => break,
        };
        let service = router.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            request.map(axum::body::Body::new)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(patience, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were still running when the time to stop was over");
    }
}
