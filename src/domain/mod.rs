//! The rules: no HTTP, no HTML. A feature imports only those listed before it; its SQL is its own.

pub mod access;
pub mod account;
pub mod audit;
pub mod housekeeping;
pub mod invitations;
pub mod organizations;
pub mod passwords;
pub mod recovery;
pub mod sessions;
pub mod sign_in;
pub mod sign_up;
pub mod throttle;
pub mod users;
pub mod values;
