//! The rules: no HTTP, no HTML. A feature's SQL is its own. A feature imports only those before it:
//!
//! values, access, audit, throttle, passwords, permissions, organizations, environments, users, teams, resources,
//! agents, api_keys, spending, permitting, idempotency, identities, sessions, factors, account, sign_in, recovery,
//! sign_up, email_change, invitations,
//! leaving, sso, forward_auth, settings, housekeeping, backup, previews, rotation

pub mod access;
pub mod account;
pub mod agents;
pub mod api_keys;
pub mod audit;
pub mod backup;
pub mod email_change;
pub mod environments;
pub mod factors;
pub mod forward_auth;
pub mod housekeeping;
pub mod idempotency;
pub mod identities;
pub mod invitations;
pub mod leaving;
pub mod organizations;
pub mod passwords;
pub mod permissions;
pub mod permitting;
pub mod previews;
pub mod recovery;
pub mod resources;
pub mod rotation;
pub mod sessions;
pub mod settings;
pub mod sign_in;
pub mod sign_up;
pub mod spending;
pub mod sso;
pub mod teams;
pub mod throttle;
pub mod users;
pub mod values;
