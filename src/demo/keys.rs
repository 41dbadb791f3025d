//! Who holds API keys at Halden Freight: services in production and staging, developers, and a script of Ingrid's. Some
//! of the keys are used; one ends soon, and one was revoked.

use super::people::FREIGHT;
use super::stage::{Result, Stage, day};
use crate::clock::{DAY, Timestamp};
use crate::domain::api_keys::{self, For, NewAdmin, NewLive, Secret};
use crate::domain::permissions;
use crate::domain::spending::{self, Question};
use crate::ids::ApiKeyId;

pub enum Act {
    Live(&'static Live),
    Development(&'static str),
    Admin,
    /// A key by its name.
    Rotate(&'static str),
    Revoke(&'static str),
    /// Used so often, today.
    Call(&'static str, u32),
    /// Checked so often by a key, of a scope, for one of its users.
    Spend(&'static str, &'static str, &'static str, u32),
}

pub struct Live {
    by: &'static str,
    name: &'static str,
    agent: &'static str,
    environment: &'static str,
    permission: Option<&'static str>,
    days: Option<i64>,
    addresses: &'static str,
}

const fn live(by: &'static str, name: &'static str, agent: &'static str, environment: &'static str) -> Live {
    Live { by, name, agent, environment, permission: None, days: None, addresses: "" }
}

const MADE: [Live; 7] = [
    Live { days: Some(90), ..live("amara.okafor", "Dispatch console", "Dispatch", "production") },
    Live {
        permission: Some("Tracking page"),
        ..live("ingrid.solberg", "Warehouse scanners", "Scanners", "production")
    },
    Live {
        permission: Some("Nightly export"),
        addresses: "198.51.100.0/24\n203.0.113.7",
        ..live("ingrid.solberg", "Nightly export", "Export", "production")
    },
    live("ingrid.solberg", "Old carrier bridge", "Carrier bridge", "production"),
    Live {
        permission: Some("Tracking page"),
        ..live("ingrid.solberg", "Dispatch, staging", "Dispatch", "staging")
    },
    Live {
        permission: Some("Customs documents"),
        days: Some(365),
        ..live("amara.okafor", "Label printer", "Scanners", "production")
    },
    Live {
        permission: Some("Carrier mailboxes"),
        ..live("ingrid.solberg", "Mail import", "Mail import", "production")
    },
];

pub fn script(end: Timestamp) -> Vec<(Timestamp, Act)> {
    // The first one ends within a week.
    let days = [86, 26, 20, 58, 8, 7, 18];
    let mut acts: Vec<(Timestamp, Act)> =
        MADE.iter().zip(days).map(|(live, ago)| (day(end, ago, 10, 5), Act::Live(live))).collect();
    acts.extend([
        (day(end, 40, 9, 30), Act::Development("lukasz.brandt")),
        (day(end, 33, 15, 10), Act::Development("zoe.vandermeer")),
        (day(end, 30, 11, 45), Act::Admin),
        (day(end, 12, 14, 20), Act::Rotate("Warehouse scanners")),
        (day(end, 10, 16, 0), Act::Revoke("Old carrier bridge")),
        (end.plus(-DAY / 24), Act::Call("Dispatch console", 1_284)),
        (end.plus(-DAY / 48), Act::Call("Warehouse scanners", 311)),
        (end.plus(-DAY / 96), Act::Call("Development key", 17)),
        (
            end.plus(-DAY / 100),
            Act::Spend("Warehouse scanners", "data_type:shipments.status", "scanner 7", 74),
        ),
        (end.plus(-DAY / 110), Act::Spend("Label printer", "file_type:customs.label", "gate 2", 41)),
        (end.plus(-DAY / 120), Act::Spend("Mail import", "source_type:mailbox.account", "north desk", 3)),
        (end.plus(-DAY / 130), Act::Spend("Mail import", "source_type:mailbox.account", "south desk", 2)),
    ]);
    acts
}

pub async fn play(stage: &mut Stage, act: Act) -> Result {
    let freight = stage.organization(FREIGHT)?;
    match act {
        Act::Live(live) => {
            let actor = stage.actor(live.by, freight).await?;
            let permission = match live.permission {
                Some(name) => {
                    let mut reader = stage.app.db.read().await?;
                    permissions::named(&mut reader, freight, name).await?
                }
                None => None,
            };
            let new = NewLive {
                id: ApiKeyId::generate(),
                name: live.name.parse()?,
                agent: For::Named(live.agent.parse()?),
                environment: live.environment.to_owned(),
                permission,
                lifetime: live.days.map(|days| days * DAY),
                addresses: api_keys::parse_addresses(live.addresses)?,
            };
            let made = api_keys::create(&stage.app, &actor, &new).await?;
            stage.secrets.insert(live.name.to_owned(), made.secret);
        }
        Act::Development(who) => {
            let actor = stage.actor(who, freight).await?;
            let made = api_keys::create_development(&stage.app, &actor, ApiKeyId::generate(), None).await?;
            stage.secrets.insert(made.key.name, made.secret);
        }
        Act::Admin => {
            let actor = stage.actor("ingrid.solberg", freight).await?;
            let name = "Provisioning".parse()?;
            let new =
                NewAdmin { id: ApiKeyId::generate(), name, lifetime: Some(90 * DAY), addresses: Vec::new() };
            api_keys::create_admin(&stage.app, &actor, &new).await?;
        }
        Act::Rotate(name) => {
            let actor = stage.actor("ingrid.solberg", freight).await?;
            let caller = called(stage, name).await?;
            let made = api_keys::rotate(&stage.app, &actor, caller.key, ApiKeyId::generate(), 24).await?;
            stage.secrets.insert(name.to_owned(), made.secret);
        }
        Act::Revoke(name) => {
            let actor = stage.actor("ingrid.solberg", freight).await?;
            let caller = called(stage, name).await?;
            api_keys::revoke_by(&stage.app, &actor, caller.key).await?;
        }
        Act::Call(name, times) => {
            let caller = called(stage, name).await?;
            for _ in 0..times {
                stage.app.calls.count(&caller, stage.now());
            }
            stage.app.calls.write(&stage.app).await?;
        }
        Act::Spend(name, scope, user, times) => {
            let caller = called(stage, name).await?;
            let question = Question {
                scope: scope.parse()?,
                user: Some(user.to_owned()),
                object: None,
                cost: 1,
                idempotency_key: None,
                dry_run: false,
                ttl: spending::USUAL_LEASE,
            };
            let questions = vec![question; times as usize];
            for answer in spending::check(&stage.app, &caller, &questions).await? {
                answer?;
            }
        }
    }
    Ok(())
}

/// A key as it is used.
async fn called(stage: &mut Stage, name: &str) -> Result<api_keys::Caller> {
    let secret: Secret = stage.secrets.get(name).cloned().ok_or_else(|| format!("there is no key {name}"))?;
    let origin = stage.origin(name);
    Ok(api_keys::authenticate(&stage.app, &secret, &origin).await?)
}
