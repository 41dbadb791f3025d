//! Permissions: what the tools of Halden Freight may do, within what the sysadmin allows.

use super::people::FREIGHT;
use super::stage::{Result, Stage, day};
use crate::clock::Timestamp;
use crate::domain::access::Operator;
use crate::domain::permissions::Scopes;
use crate::domain::permitting::document::{self, Whose};
use crate::domain::permitting::{self, Said};

pub enum Act {
    Base,
    Make {
        by: &'static str,
        text: &'static str,
    },
    /// Raises what was made before.
    Change {
        by: &'static str,
        name: &'static str,
        text: &'static str,
    },
}

const ANYWHERE: Whose<'static> = Whose { organization: None, id: None };

const BASE: &str = r#"{ scopes: {
    "source_type:*": [{ level: "organisation", type: "count", value: 5000 }],
    "task_type:*": [{ level: "organisation", type: "interval", period: "1 day", value: 100000 }, { level: "key", type: "inflight", value: 20 }],
    "data_type:shipments.*": [], "data_type:customers.*": [{ level: "user", type: "interval", period: "1 hour", value: 500 }],
    "file_type:*": [{ level: "organisation", type: "interval", period: "1 month", value: 20000 }],
} }"#;

const CUSTOMS: &str = r#"{ name: "Customs documents", scopes: {
    "file_type:customs.*": [{ level: "key", type: "interval", period: "1 minute", value: 60 }, { level: "organisation", type: "interval", period: "1 month", value: 15000 }],
    "data_type:shipments.consignment": [],
} }"#;

const MADE: [(&str, &str); 3] = [
    (
        "lukasz.brandt",
        r#"{ name: "Tracking page", scopes: {
            "data_type:shipments.position": [{ level: "user", type: "interval", period: "1 minute", value: 120 }],
            "data_type:shipments.status": [{ level: "user", type: "interval", period: "1 minute", value: 120 }, { level: "organisation", type: "interval", period: "1 day", value: 50000 }],
        } }"#,
    ),
    (
        "zoe.vandermeer",
        r#"{ name: "Nightly export", scopes: {
            "task_type:export.run": [{ level: "key", type: "inflight", value: 2 }, { level: "key", type: "interval", period: "1 day", value: 4 }],
            "data_type:customers.*": [{ level: "user", type: "interval", period: "1 hour", value: 300 }],
            "data_type:shipments.*": [],
        } }"#,
    ),
    (
        "ingrid.solberg",
        r#"{ name: "Carrier mailboxes", scopes: {
            "source_type:mailbox.account": [{ level: "user", type: "count", value: 3 }, { level: "organisation", type: "count", value: 200 }],
            "task_type:mailbox.poll": [{ level: "user", type: "inflight", value: 1 }],
        } }"#,
    ),
];

pub fn script(end: Timestamp) -> Vec<(Timestamp, Act)> {
    let mut script = vec![
        (day(end, 33, 8, 0), Act::Base),
        (day(end, 31, 13, 20), Act::Make { by: "ingrid.solberg", text: CUSTOMS }),
    ];
    script.extend(
        MADE.iter()
            .zip(0..)
            .map(|((by, text), number)| (day(end, 30 - number, 10, 5 + number * 9), Act::Make { by, text })),
    );
    let text = r#"{ scopes: {
        "file_type:customs.*": [{ level: "key", type: "interval", period: "1 minute", value: 90 }, { level: "organisation", type: "interval", period: "1 month", value: 15000 }],
        "data_type:shipments.consignment": [], "data_type:shipments.status": [],
    } }"#;
    script.push((day(end, 6, 15, 41), Act::Change { by: "ingrid.solberg", name: "Customs documents", text }));
    script
}

fn scopes(text: &str) -> Result<(Option<Said>, Scopes)> {
    let read = document::parse(text, ANYWHERE).map_err(|faults| format!("{faults:?}"))?;
    let said = read.name.map(|name| Said { name, scopes: read.scopes.clone() });
    Ok((said, read.scopes))
}

pub async fn play(stage: &mut Stage, act: Act) -> Result {
    let freight = stage.organization(FREIGHT)?;
    match act {
        Act::Base => {
            let (_, base) = scopes(BASE)?;
            permitting::set_base(&stage.app, Some(freight), &base, &Operator::sysadmin()).await?;
        }
        Act::Make { by, text } => {
            let actor = stage.actor(by, freight).await?;
            let said = scopes(text)?.0.ok_or("it has a name")?;
            permitting::create(&stage.app, &actor, &said).await?;
        }
        Act::Change { by, name, text } => {
            let actor = stage.actor(by, freight).await?;
            let page = permitting::list(&stage.app.db, &actor, name, None, 1).await?;
            let id = page.rows.first().ok_or("it is there")?.id;
            let (_, scopes) = scopes(text)?;
            permitting::change(&stage.app, &actor, id, None, Some(&scopes)).await?;
        }
    }
    Ok(())
}
