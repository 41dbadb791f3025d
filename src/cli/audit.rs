//! `interlock audit …`

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::output::{count, print, table};
use super::{Failure, Json, Result, org, output};
use crate::app::App;
use crate::domain::audit::{self, Chain, Known, Verdict};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read the chains from the first row to the head, and name the first row that was changed, is missing or was added.
    #[command(after_help = "Examples:\n  interlock audit verify\n  \
        interlock audit verify --org halden-freight --json\n  \
        interlock audit verify --against heads-of-last-week.json\n\n\
        Ends with 1 if a chain is broken.")]
    Verify {
        /// Only this organization's
        #[arg(long, value_name = "SLUG")]
        org: Option<String>,
        /// Heads that `audit heads --json` printed before: their rows must still be in the chains
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
        #[command(flatten)]
        json: Json,
    },
    /// Print the newest row and hash of each chain, to keep where the database's owner can't change them.
    #[command(
        after_help = "Example:\n  interlock audit heads --json > /mnt/elsewhere/heads-$(date +%F).json"
    )]
    Heads {
        #[command(flatten)]
        json: Json,
    },
}

pub async fn run(command: Command, app: &App) -> Result {
    match command {
        Command::Verify { org, against, json } => verify(app, org, against, json).await,
        Command::Heads { json } => heads(app, json).await,
    }
}

/// The name of a chain for people.
fn name(known: &Known) -> String {
    known.slug.clone().unwrap_or_else(|| "(instance)".to_owned())
}

/// A head as it is printed, and read again.
#[derive(Debug, Serialize, Deserialize)]
struct KeptHead {
    chain: String,
    organization: Option<String>,
    seq: i64,
    hash: String,
}

async fn heads(app: &App, json: Json) -> Result {
    let mut kept = Vec::new();
    for known in audit::chains(&app.db).await? {
        let head = known.head.clone();
        let head = head.ok_or_else(|| Failure::new(format!("The head of {} is missing.", name(&known))))?;
        let chain = known.chain.key();
        kept.push(KeptHead { chain, organization: known.slug, seq: head.seq, hash: head.hash });
    }
    if json.json {
        return output::json(&kept);
    }
    let row = |one: KeptHead| {
        [one.organization.unwrap_or_else(|| "(instance)".to_owned()), one.seq.to_string(), one.hash]
    };
    let rows: Vec<_> = kept.into_iter().map(row).collect();
    table(["chain", "rows", "hash"], &rows, "There are no chains.")
}

#[derive(Serialize)]
struct Verified {
    chain: String,
    organization: Option<String>,
    whole: bool,
    rows: Option<i64>,
    hash: Option<String>,
    broken_at: Option<i64>,
    why: Option<&'static str>,
}

async fn verify(app: &App, org: Option<String>, against: Option<PathBuf>, json: Json) -> Result {
    let mut chains = audit::chains(&app.db).await?;
    if let Some(slug) = &org {
        let chain = Chain::Organization(org::find(app, slug).await?.id);
        chains.retain(|known| known.chain == chain);
    }
    let kept = match &against {
        Some(file) => read_heads(file)?,
        None => Vec::new(),
    };
    if org.is_none()
        && let Some(lost) =
            kept.iter().find(|kept| !chains.iter().any(|known| known.chain.key() == kept.chain))
    {
        let name = lost.organization.as_ref().unwrap_or(&lost.chain);
        return Err(Failure::new(format!(
            "The chain of {name}, whose head was kept, is not there any more."
        )));
    }
    let mut verified = Vec::new();
    for known in &chains {
        let verdict = judge(app, known, &kept).await?;
        let (whole, rows, broken_at, why) = match verdict {
            Verdict::Whole { rows } => (true, Some(rows), None, None),
            Verdict::Broken { seq, why } => (false, None, Some(seq), Some(why)),
        };
        let hash = known.head.as_ref().filter(|_| whole).map(|head| head.hash.clone());
        let (chain, organization) = (known.chain.key(), known.slug.clone());
        verified.push(Verified { chain, organization, whole, rows, hash, broken_at, why });
    }
    if json.json {
        output::json(&verified)?;
    } else {
        print_verified(&verified)?;
    }
    match verified.iter().filter(|one| !one.whole).count() {
        0 => Ok(()),
        broken => Err(Failure::new(format!("{broken} of {} broken.", count(verified.len() as u64, "chain")))),
    }
}

fn print_verified(verified: &[Verified]) -> Result {
    let row = |one: &Verified| {
        let chain = one.organization.clone().unwrap_or_else(|| "(instance)".to_owned());
        let verdict = match (one.broken_at, one.why) {
            (Some(seq), Some(why)) => format!("broken at row {seq}: {why}"),
            _ => "whole".to_owned(),
        };
        let rows = one.rows.map_or_else(String::new, |rows| rows.to_string());
        [chain, rows, verdict, one.hash.clone().unwrap_or_default()]
    };
    let rows: Vec<_> = verified.iter().map(row).collect();
    table(["chain", "rows", "verdict", "head"], &rows, "There are no chains.")?;
    if verified.iter().all(|one| one.whole) {
        print(
            "Whoever owns the database could have written a whole chain anew: compare with heads kept elsewhere (--against).\n",
        )?;
    }
    Ok(())
}

/// A chain by itself, and then by the heads that were kept of it.
async fn judge(app: &App, known: &Known, kept: &[KeptHead]) -> Result<Verdict> {
    let Some(head) = &known.head else {
        return Ok(Verdict::Broken { seq: 1, why: "its head is missing" });
    };
    let verdict = audit::verify_to(&app.db, known.chain, head).await?;
    if matches!(verdict, Verdict::Whole { .. }) {
        // An empty chain's head names no row.
        for kept in kept.iter().filter(|kept| kept.chain == known.chain.key() && kept.seq > 0) {
            match audit::hash_at(&app.db, known.chain, kept.seq).await? {
                Some(hash) if hash == kept.hash => {}
                Some(_) => {
                    return Ok(Verdict::Broken {
                        seq: kept.seq,
                        why: "it is not the row whose hash was kept",
                    });
                }
                None => return Ok(Verdict::Broken { seq: kept.seq, why: "it is missing" }),
            }
        }
    }
    Ok(verdict)
}

fn read_heads(file: &Path) -> Result<Vec<KeptHead>> {
    let named = |why: String| Failure::new(format!("{} can't be read: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| named(error.to_string()))?;
    serde_json::from_str(&text)
        .map_err(|_| named("this is not what `interlock audit heads --json` prints.".to_owned()))
}
