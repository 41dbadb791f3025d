//! An organization's audit log as a file: row by row, so that a million rows take no memory.

use std::io::Write;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::Result;
use crate::app::App;
use crate::domain::audit::{self, Kind, Row};
use crate::ids::OrganizationId;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    Csv,
    Json,
}

const BATCH: i64 = 1_000;

const COLUMNS: [&str; 12] = [
    "seq",
    "at",
    "kind",
    "what",
    "operator_id",
    "operator",
    "target_id",
    "target",
    "changes",
    "address",
    "request",
    "hash",
];

/// Writes every row of the chain, oldest first, and says how many those were.
pub async fn write(
    app: &App,
    organization: OrganizationId,
    format: Format,
    out: &mut impl Write,
) -> Result<u64> {
    let (mut after, mut count) = (0, 0);
    match format {
        Format::Csv => write_line(out, COLUMNS.map(str::to_owned))?,
        Format::Json => out.write_all(b"[")?,
    }
    loop {
        let rows = audit::batch(&app.db, organization, after, BATCH).await?;
        let Some(last) = rows.last() else { break };
        after = last.seq;
        for row in &rows {
            match format {
                Format::Csv => write_line(out, cells(row))?,
                Format::Json => {
                    out.write_all(if count == 0 { b"\n" } else { b",\n" })?;
                    serde_json::to_writer(&mut *out, &object(row))?;
                }
            }
            count += 1;
        }
    }
    if matches!(format, Format::Json) {
        out.write_all(if count == 0 { b"]\n" } else { b"\n]\n" })?;
    }
    out.flush()?;
    Ok(count)
}

fn what(row: &Row) -> &'static str {
    Kind::from_code(&row.kind).map_or("Unknown change", Kind::title)
}

fn cells(row: &Row) -> [String; 12] {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        row.seq.to_string(),
        row.at.rfc3339(),
        row.kind.clone(),
        what(row).to_owned(),
        or_empty(&row.operator_id),
        row.operator_name.clone(),
        or_empty(&row.target_id),
        row.target_name.clone(),
        row.changes_json().to_owned(),
        or_empty(&row.address),
        or_empty(&row.request),
        row.hash.clone(),
    ]
}

/// All that the hash covers, so that whoever has the file can compute it again: `at_ms` is the time that
/// is hashed, and `changes` is hashed as the text it is.
fn object(row: &Row) -> Value {
    json!({
        "seq": row.seq,
        "at": row.at.rfc3339(),
        "at_ms": row.at.0,
        "kind": row.kind,
        "what": what(row),
        "operator_id": row.operator_id,
        "operator": row.operator_name,
        "target_id": row.target_id,
        "target": row.target_name,
        "changes": row.changes_json(),
        "address": row.address,
        "request": row.request,
        "hash": row.hash,
    })
}

/// RFC 4180.
fn write_line(out: &mut impl Write, cells: [String; 12]) -> Result {
    let line: Vec<String> = cells.iter().map(|cell| quoted(&disarmed(cell))).collect();
    out.write_all(line.join(",").as_bytes())?;
    out.write_all(b"\r\n")?;
    Ok(())
}

/// A spreadsheet takes what begins so for a formula; behind a quote it is text (OWASP, U5).
fn disarmed(cell: &str) -> String {
    match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\0') => format!("'{cell}"),
        _ => cell.to_owned(),
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AUD-08
    #[test]
    fn no_cell_is_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\0=1"] {
            assert_eq!(disarmed(cell), format!("'{cell}"));
        }
        assert_eq!(disarmed("Ann = Bob"), "Ann = Bob");
        assert_eq!(quoted(&disarmed("=\"x\",y")), "\"'=\"\"x\"\",y\"");
        assert_eq!(quoted("a\r\nb"), "\"a\r\nb\"");
    }
}
