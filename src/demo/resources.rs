//! What people open at Halden Freight: made from definitions, as code would say them. Teams are named by slug; one that
//! is not there gives nobody anything.

use super::people::FREIGHT;
use super::stage::{Result, Stage, day};
use crate::clock::Timestamp;
use crate::domain::environments::{Color, Place};
use crate::domain::resources::Kind;
use crate::domain::resources::definition;
use crate::domain::resources::editing::{self, About, New};
use crate::domain::settings;

pub enum Act {
    Environment,
    Make { by: &'static str, environment: &'static str, text: &'static str },
}

const MADE: [(&str, &str, &str); 16] = [
    (
        "ingrid.solberg",
        "production",
        r#"{ key: "finance", kind: 'page', name: "Finance", access: { teams: ["finance"] } }"#,
    ),
    ("ingrid.solberg", "production", r#"{ key: "finance/refund", kind: 'action', name: "Refund an order" }"#),
    (
        "lukasz.brandt",
        "production",
        r#"{ key: "shipments", kind: 'tool', name: "Shipments", description: "Where each consignment is", url: "https://shipments.halden.example/", access: "entire-organization" }"#,
    ),
    (
        "lukasz.brandt",
        "production",
        r#"{ key: "tariffs", kind: 'interface', name: "Tariffs", fields: [{ name: "lane" }, { name: "price" }], access: { privacy: "InviteRestricted", default_permissions: ["Read"], users: [{ email: "olafur.jonsson@halden.example" }, { email: "rates@partner.example", permissions: ["Read", "Update"] }] } }"#,
    ),
    (
        "zoe.vandermeer",
        "production",
        r#"{ key: "customs-desk", kind: 'tool', name: "Customs desk", url: "https://customs.halden.example/desk", access: { teams: ["operations", { slug: "support", permissions: ["Read"] }] } }"#,
    ),
    (
        "zoe.vandermeer",
        "production",
        r#"{ key: "customs-archive", kind: 'tool', name: "Customs archive", url: "https://customs.halden.example/archive", access: { privacy: "DomainRestricted" } }"#,
    ),
    (
        "jose.munoz",
        "production",
        r#"{ key: "support/resend-label", kind: 'action', name: "Resend a label", access: { teams: ["support"] } }"#,
    ),
    (
        "jose.munoz",
        "production",
        r#"{ key: "support/merge-accounts", kind: 'action', name: "Merge two accounts", access: { teams: ["support"] } }"#,
    ),
    (
        "huong.nguyen",
        "production",
        r#"{ key: "track", kind: 'interface', name: "Track a parcel", description: "For everybody who waits for one", access: { privacy: "Public" } }"#,
    ),
    (
        "huong.nguyen",
        "production",
        r#"{ key: "claims", kind: 'interface', name: "Damage claims", access: { privacy: "Unlisted", default_permissions: ["Create", "Read"] } }"#,
    ),
    (
        "chinonso.eze",
        "production",
        r#"{ key: "fleet", kind: 'tool', name: "Fleet map", url: "https://fleet.halden.example/", access: "entire-organization" }"#,
    ),
    (
        "seoyeon.kim",
        "production",
        r#"{ key: "rota", kind: 'interface', name: "Rota", access: { privacy: "entire-organization", default_permissions: ["Read"], teams: [{ slug: "operations", permissions: ["All"] }] } }"#,
    ),
    ("ingrid.solberg", "production", r#"{ key: "payroll", kind: 'interface', name: "Payroll" }"#),
    (
        "amara.okafor",
        "production",
        r#"{ key: "board", kind: 'interface', name: "Board papers", access: { privacy: "InviteRestricted", users: [{ email: "ingrid.solberg@halden.example" }, { email: "chair@nordlicht.example" }] } }"#,
    ),
    (
        "lukasz.brandt",
        "staging",
        r#"{ key: "shipments", kind: 'tool', name: "Shipments", url: "https://shipments.staging.halden.example/", access: { teams: ["operations"] } }"#,
    ),
    (
        "lukasz.brandt",
        "production",
        r#"{ key: "old-labels", kind: 'interface', name: "Old labels", access: "entire-organization" }"#,
    ),
];

pub fn script(end: Timestamp) -> Vec<(Timestamp, Act)> {
    let environment = (day(end, 9, 10, 0), Act::Environment);
    let made = MADE.iter().zip(0..).map(|((by, environment, text), minutes)| {
        (day(end, 8, 9, minutes), Act::Make { by, environment, text })
    });
    std::iter::once(environment).chain(made).collect()
}

pub async fn play(stage: &mut Stage, act: Act) -> Result {
    let freight = stage.organization(FREIGHT)?;
    match act {
        Act::Environment => {
            let actor = stage.actor("ingrid.solberg", freight).await?;
            let (slug, name) = ("staging".parse()?, "Staging".parse()?);
            settings::add_environment(&stage.app, &actor, &slug, &name, Color::Violet).await?;
        }
        Act::Make { by, environment, text } => {
            let actor = stage.actor(by, freight).await?;
            let said = definition::parse(text).map_err(|problems| problems.join("; "))?;
            let key = said.key.clone().ok_or("it has a key")?;
            let is_old = key.as_str() == "old-labels";
            let new = New {
                kind: said.kind.unwrap_or(Kind::Interface),
                about: About {
                    name: said.name.clone().ok_or("it has a name")?,
                    description: said.description.clone().map_or_else(|| "".parse(), Ok)?,
                    url: said.url.clone(),
                    definition: said.kept(),
                },
                access: said.access.clone(),
                key,
            };
            let place = Place { environment: environment.to_owned(), ..Place::production(freight) };
            let made = editing::create(&stage.app, &actor, &place, &new).await?;
            if is_old {
                editing::set_archived(&stage.app, &actor, &place, &made.key, true).await?;
            }
        }
    }
    Ok(())
}
