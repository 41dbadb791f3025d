//! The application under test, and the people who use it.

mod app;
pub mod browser;
pub mod database;
pub mod page;
mod postgres;
pub mod smtp;
mod snapshot;
mod visitor;

pub use self::app::{Mail, PASSWORD, TestApp};
pub use self::postgres::fresh_schema;
pub use self::snapshot::everything;
pub use self::visitor::{Answer, Visitor};

/// A test that runs on SQLite and on PostgreSQL:
///
/// ```ignore
/// on_both! {
///     /// I3, INV-01: an invite works once.
///     async fn an_invite_works_once(app: TestApp) { … }
/// }
/// ```
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: TestApp) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn run($app: $crate::support::TestApp) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run($crate::support::TestApp::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run($crate::support::TestApp::postgres().await).await;
            }
        }
    )+};
}

pub(crate) use on_both;
