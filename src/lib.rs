//! Interlock: an organization access dashboard.
//!
//! Three rooms, one direction: `web` (HTTP and HTML: no SQL, no rules) → `domain` (the rules: no HTTP,
//! no HTML) → `storage`, `mail`, `oidc` and `outbound` (how to talk to a database, a mail server, an identity
//! provider, other people's servers; they know no feature).
//! Beside `web` stands `cli`, the sysadmin's command line, and `demo`, which plays an organization's past.
//! A request flows: route table → gate → page → one domain function → one transaction → template.

pub mod app;
pub mod aside;
pub mod cli;
pub mod clock;
pub mod config;
pub mod csv;
pub mod demo;
pub mod domain;
pub mod ids;
pub mod mail;
pub mod metrics;
pub mod oidc;
pub mod outbound;
pub mod secrets;
pub mod storage;
pub mod web;
