//! `interlock org hosts` and `interlock org release-host`

use serde::Serialize;

use super::output::{self, count, minute, print, table};
use super::{Failure, Json, Result, confirm};
use crate::app::App;
use crate::domain::access::Operator;
use crate::domain::resources::editing::{self, Host};

#[derive(Serialize)]
struct Listed<'a> {
    host: &'a str,
    organization: &'a str,
    tools: i64,
    claimed_at: String,
}

impl Listed<'_> {
    fn new(host: &Host) -> Listed<'_> {
        let Host { host, organization_slug, claimed_at, tools, .. } = host;
        Listed { host, organization: organization_slug, tools: *tools, claimed_at: claimed_at.rfc3339() }
    }
}

const BATCH: i64 = 1_000;

pub async fn list(app: &App, json: Json) -> Result {
    let mut hosts: Vec<Host> = Vec::new();
    loop {
        let after = hosts.last().map_or("", |last| last.host.as_str());
        let more = editing::hosts(&app.db, after, BATCH).await?;
        if more.is_empty() {
            break;
        }
        hosts.extend(more);
    }
    if json.json {
        return output::json(&hosts.iter().map(Listed::new).collect::<Vec<_>>());
    }
    let row = |host: &Host| {
        [host.host.clone(), host.organization_slug.clone(), host.tools.to_string(), minute(host.claimed_at)]
    };
    let rows: Vec<_> = hosts.iter().map(row).collect();
    table(
        ["host", "organization", "tools", "since (utc)"],
        &rows,
        "No organization has a tool at a host yet.",
    )
}

pub async fn release(app: &App, host: &str, yes: Option<&str>, json: Json) -> Result {
    let unknown =
        || Failure::new(format!("No organization has the host {host}. `interlock org hosts` has them all."));
    let found = editing::host(&app.db, &host.to_ascii_lowercase()).await?.ok_or_else(unknown)?;
    let tools = count(found.tools.unsigned_abs(), "tool");
    let (name, slug) = (&found.host, &found.organization_slug);
    let warning = format!("{slug} loses {name}: proxies find none of its {tools} there any more.");
    confirm::ask(&warning, name, yes, &format!("--yes {name}"))?;
    if !editing::release(app, &found, &Operator::sysadmin()).await? {
        return Err(unknown());
    }
    if json.json {
        return output::json(&Listed::new(&found));
    }
    print(&format!("{name} is free: whichever organization puts a tool there next has it.\n"))
}
