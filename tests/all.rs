//! Every test that needs the whole application, in one binary. Files are laid out like the URLs.
//! Run by `tests/run`, which brings the real parts: PostgreSQL, a browser and its driver.

mod support;

mod account;
mod architecture;
mod audit;
mod end_dates;
mod every_route;
mod invitations;
mod invite;
mod invite_many;
mod journey;
mod killed;
mod mail;
mod races;
mod reset;
mod sign_in;
mod sign_up;
mod start;
mod users;
