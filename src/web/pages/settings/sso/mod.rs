//! Settings → Single sign-on: providers, their domains, whether they are required, and who comes in without them.

mod connection;
mod domains;
mod page;
mod people;
mod removal;
mod requirement;

use askama::Template;
use axum::extract::State;

pub use self::connection::{change_connection, connect, connection, new_connection, test_connection};
pub use self::domains::{add_domain, check_domain, confirm_domain_removal, remove_domain};
use self::page::Page;
pub use self::people::name_break_glass;
pub use self::removal::{confirm_connection_removal, remove_connection};
pub use self::requirement::{confirm_sso, require_sso};
use crate::app::Shared;
use crate::web::chrome::Chrome;
use crate::web::error::Result;
use crate::web::gate::Inside;
use crate::web::html;

/// The page that asks before something ends, with whom it touches in numbers (V4).
#[derive(Template)]
#[template(path = "settings/sso/confirm.html")]
pub(in crate::web::pages::settings) struct Confirm {
    pub(in crate::web::pages::settings) chrome: Chrome,
    pub(in crate::web::pages::settings) title: String,
    pub(in crate::web::pages::settings) facts: Vec<String>,
    pub(in crate::web::pages::settings) action: String,
    pub(in crate::web::pages::settings) verb: &'static str,
    pub(in crate::web::pages::settings) back: String,
    /// What goes with it.
    pub(in crate::web::pages::settings) fields: Vec<(&'static str, String)>,
    /// Those whom it touches, with their pages, and how many more there are.
    pub(in crate::web::pages::settings) heading: String,
    pub(in crate::web::pages::settings) members: Vec<(String, String)>,
    pub(in crate::web::pages::settings) more: Option<String>,
}

pub async fn sso(State(app): State<Shared>, inside: Inside) -> Result {
    Ok(html::page(&Page::new(&app, inside).await?))
}
