//! An organization's audit log as a file: row by row, so that a million rows take no memory.

use std::io::Write;

use super::Result;
use crate::app::App;
use crate::csv;
use crate::domain::audit::{self, Row};
use crate::ids::OrganizationId;
use clap::ValueEnum;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    Csv,
    Json,
}

const BATCH: i64 = 1_000;

/// Writes every row of the chain, oldest first, and says how many those were.
pub async fn write(
    app: &App,
    organization: OrganizationId,
    format: Format,
    out: &mut impl Write,
) -> Result<u64> {
    let (mut after, mut count) = (0, 0);
    match format {
        Format::Csv => out.write_all(&csv::rows([audit::COLUMNS]))?,
        Format::Json => out.write_all(b"[")?,
    }
    loop {
        let rows = audit::batch(&app.db, organization, after, BATCH).await?;
        let Some(last) = rows.last() else { break };
        after = last.seq;
        match format {
            Format::Csv => out.write_all(&csv::rows(rows.iter().map(Row::cells)))?,
            Format::Json => {
                for (number, row) in rows.iter().enumerate() {
                    out.write_all(if count == 0 && number == 0 { b"\n" } else { b",\n" })?;
                    serde_json::to_writer(&mut *out, &row.object())?;
                }
            }
        }
        count += u64::try_from(rows.len()).unwrap_or(0);
    }
    if matches!(format, Format::Json) {
        out.write_all(if count == 0 { b"]\n" } else { b"\n]\n" })?;
    }
    out.flush()?;
    Ok(count)
}
