//! The application under test, and the people who use it.

pub mod access;
mod app;
pub mod browser;
pub mod database;
pub mod dns;
pub mod factors;
pub mod forger;
mod forms;
pub mod keys;
pub mod page;
pub mod passkey;
mod postgres;
pub mod program;
pub mod provider;
pub mod resources;
pub mod smtp;
mod snapshot;
pub mod sso;
mod visitor;

pub use self::app::{PASSWORD, TestApp};
pub use self::forms::refuses_bad_forms;
pub use self::postgres::fresh_schema;
pub use self::snapshot::everything;
pub use self::visitor::{Answer, Visitor};

/// A test that runs on SQLite and on PostgreSQL, perhaps with settings of its own:
///
/// ```ignore
/// on_both! {
///     /// I3, INV-01: an invite works once.
///     async fn an_invite_works_once(app: TestApp) { … }
/// }
/// on_both! {
///     with &[("INTERLOCK_SIGN_UP", "closed")];
///     …
/// }
/// ```
macro_rules! on_both {
    (@on $sqlite:expr, $postgres:expr;
     $($(#[$meta:meta])* async fn $name:ident($app:ident: TestApp) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn run($app: $crate::support::TestApp) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run($sqlite.await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run($postgres.await).await;
            }
        }
    )+};
    (with $settings:expr; $($tests:tt)+) => {
        $crate::support::on_both! {
            @on $crate::support::TestApp::with(None, $settings),
            $crate::support::TestApp::with(Some($crate::support::fresh_schema().await), $settings);
            $($tests)+
        }
    };
    ($($tests:tt)+) => {
        $crate::support::on_both! {
            @on $crate::support::TestApp::sqlite(), $crate::support::TestApp::postgres();
            $($tests)+
        }
    };
}

pub(crate) use on_both;
