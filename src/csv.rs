//! Tables as CSV (RFC 4180), safe to open in a spreadsheet.

use std::borrow::Cow;

/// A cell that a spreadsheet would take for a formula begins with an apostrophe instead (OWASP, CSV
/// injection; ASVS 1.2.10). The full-width signs count too: some programs fold them.
fn disarmed(cell: &str) -> Cow<'_, str> {
    let armed = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'];
    if cell.starts_with(armed) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// Rows as text, each cell disarmed, lines ended by CR LF.
pub fn rows<Row, Cell>(rows: impl IntoIterator<Item = Row>) -> Vec<u8>
where
    Row: IntoIterator<Item = Cell>,
    Cell: AsRef<str>,
{
    let mut writer = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .flexible(true)
        .from_writer(Vec::new());
    for row in rows {
        let cells: Vec<Cell> = row.into_iter().collect();
        let cells = cells.iter().map(|cell| disarmed(cell.as_ref()).into_owned());
        writer.write_record(cells).expect("a row fits in memory");
    }
    writer.into_inner().expect("rows fit in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AUD-08: hostile cells come out inert, and the file parses to the same rows.
    #[test]
    fn formulas_are_disarmed() {
        let hostile = [
            "=cmd|' /C calc'!A0",
            "+1+1",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "\0=1",
            "＝1",
            "a,b",
            "say \"hi\"",
            "two\r\nlines",
            " plain ",
            "",
        ];
        let bytes = rows([hostile]);
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(bytes.as_slice());
        let record = reader.records().next().expect("there is a row").expect("it parses");
        assert_eq!(record.len(), hostile.len());
        for (read, written) in record.iter().zip(hostile) {
            let plain = read.strip_prefix('\'').unwrap_or(read);
            assert_eq!(plain, written);
            assert!(!read.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝']), "{read:?}");
        }
        assert_eq!(rows([["a", "b"], ["c", "d"]]), b"a,b\r\nc,d\r\n");
    }
}
