//! A person's own pages: who they are, how they sign in, where, and what was mailed to them.

mod mail;
mod preferences;
mod profile;
mod sessions;

pub use self::mail::mail;
pub use self::preferences::{preferences, set_preferences};
pub use self::profile::{change_email, change_password, password_form, rename, show};
pub use self::sessions::{confirm_end_others, end_others, end_session, sessions};
