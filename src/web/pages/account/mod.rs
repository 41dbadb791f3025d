//! A person's own pages: who they are, how they sign in, where, and what was mailed to them.

mod mail;
mod profile;
mod sessions;

pub use self::mail::mail;
pub use self::profile::{change_email, change_password, password_form, rename, set_preferences, show};
pub use self::sessions::{confirm_end_others, end_others, end_session, sessions};
