use super::{Chain, Head, sql};
use crate::storage::Db;

/// What reading a chain from its first row to its head has shown (U4).
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every row matches its hash and follows the one before it.
    Whole { rows: i64 },
    /// The first row that was changed, is missing, or was added by whoever owns the database.
    Broken { seq: i64, why: &'static str },
}

const BATCH: i64 = 1_000;
const ADDED: &str = "it was added: the head does not count it";

/// Reads a chain row by row, in batches: a chain of any length takes no memory.
pub async fn verify(db: &Db, chain: Chain) -> sqlx::Result<Verdict> {
    // The head first: rows that are added meanwhile are not missed, only left for the next time.
    let head = sql::head(&mut db.read().await?, &chain.key()).await?;
    verify_to(db, chain, &head).await
}

/// The same up to a head that was read before.
pub async fn verify_to(db: &Db, chain: Chain, head: &Head) -> sqlx::Result<Verdict> {
    let mut reader = db.read().await?;
    let added = sql::outside(&mut reader, &chain.key()).await?;
    if let Some(seq) = added.filter(|seq| *seq < 1) {
        return Ok(Verdict::Broken { seq, why: ADDED });
    }
    let (mut seq, mut previous) = (0, String::new());
    'reading: loop {
        let rows = sql::following(&mut reader, &chain.key(), seq, BATCH).await?;
        for row in &rows {
            if row.seq > head.seq {
                break 'reading;
            }
            if row.seq != seq + 1 {
                return Ok(Verdict::Broken { seq: seq + 1, why: "it is missing" });
            }
            if row.computed_hash(chain, &previous) != row.hash {
                return Ok(Verdict::Broken { seq: row.seq, why: "it was changed" });
            }
            (seq, previous) = (row.seq, row.hash.clone());
        }
        if rows.is_empty() {
            break;
        }
    }
    if seq < head.seq {
        return Ok(Verdict::Broken { seq: seq + 1, why: "it is missing" });
    }
    if previous != head.hash {
        return Ok(Verdict::Broken { seq, why: "its hash is not the one that the head names" });
    }
    match added {
        Some(seq) => Ok(Verdict::Broken { seq, why: ADDED }),
        None => Ok(Verdict::Whole { rows: seq }),
    }
}
