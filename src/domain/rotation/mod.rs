//! Another sealing key: everything that is sealed is opened with the old one and sealed with the new, all
//! of it or nothing. Nobody else may use the database meanwhile: they would go on with the old key.

mod sql;

use crate::app;
use crate::secrets::{SealError, Sealer};
use crate::storage::Db;

/// A column of sealed texts: its table, itself, and the column whose value names its rows. Each text is
/// sealed to its place, "table.column:row".
struct Column {
    table: &'static str,
    column: &'static str,
    row: &'static str,
}

const fn column(table: &'static str, column: &'static str, row: &'static str) -> Column {
    Column { table, column, row }
}

/// Every column that anything is sealed into. `tests/architecture.rs` compares it with the places in the code.
const SEALED: [Column; 10] = [
    column("arrivals", "sealed", "token_hash"),
    column("authenticators", "secret", "id"),
    column("connections", "client_secret", "id"),
    column("invitation_codes", "code", "invitation"),
    column("mail_outbox", "body", "id"),
    column("mailed_codes", "code", "session"),
    column("passkey_challenges", "state", "id"),
    column("passkeys", "credential", "id"),
    column("pending_forms", "fields", "id"),
    column("sso_attempts", "sealed", "state_hash"),
];

/// So many rows are held at once.
const AT_ONCE: i64 = 500;

#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    #[error("{place} can't be opened: {error}. Nothing was changed.")]
    Sealed { place: String, error: SealError },
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Seals everything anew, and says how many texts that were. After it the database opens with `new` alone.
pub async fn rotate(db: &Db, old: &Sealer, new: &Sealer) -> Result<u64, RotationError> {
    let mut tx = db.write().await?;
    let mut count = 0;
    for column in &SEALED {
        let mut after = String::new();
        loop {
            let rows = sql::sealed(&mut tx, column, &after, AT_ONCE).await?;
            let Some((last, _)) = rows.last() else { break };
            after = last.clone();
            for (row, sealed) in rows {
                let place = format!("{}.{}:{row}", column.table, column.column);
                let plain = match old.open(&place, &sealed) {
                    Ok(plain) => plain,
                    Err(error) => return Err(RotationError::Sealed { place, error }),
                };
                sql::reseal(&mut tx, column, &row, &new.seal(&place, &plain)).await?;
                count += 1;
            }
        }
    }
    app::reseal_check(&mut tx, new).await?;
    tx.commit().await?;
    Ok(count)
}

/// The columns as "table.column", for the test that compares them with the code.
pub fn columns() -> Vec<String> {
    SEALED.iter().map(|column| format!("{}.{}", column.table, column.column)).collect()
}
