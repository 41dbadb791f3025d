//! A person's own pages: who they are, how they sign in, where, and what was mailed to them.

mod mail;
mod preferences;
mod profile;
mod sessions;
mod sign_in_methods;

pub use self::mail::mail;
pub use self::preferences::{preferences, set_preferences};
pub use self::profile::{change_email, change_password, password_form, rename, show};
pub use self::sessions::{confirm_end_others, end_others, end_session, sessions};
pub use self::sign_in_methods::{confirm_unlink, mail_password_link, sign_in_methods, unlink};
