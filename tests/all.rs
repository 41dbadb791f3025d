//! Every test that needs the whole application, in one binary. Files are laid out like the URLs.
//! Run by `tests/run`, which brings the real parts: PostgreSQL, a browser and its driver.

mod support;

mod account;
mod architecture;
mod audit;
mod cli;
mod email_change;
mod end_dates;
mod every_route;
mod exports;
mod google;
mod invitations;
mod invite;
mod invite_covered;
mod invite_many;
mod journey;
mod killed;
mod leaving;
mod load;
mod mail;
mod metrics;
mod mfa;
mod oidc;
mod organizations;
mod passkeys;
mod person;
mod races;
mod reset;
mod search;
mod security_enforced;
mod security_mails;
mod security_settings;
mod settings;
mod sign_in;
mod sign_up;
mod sso;
mod sso_settings;
mod start;
mod step_up;
mod users;
mod users_factors;
