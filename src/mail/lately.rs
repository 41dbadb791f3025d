//! What was mailed to one address lately: for its owner, who looks for a mail that did not come.

use std::fmt;
use std::str::FromStr;

use super::{Delivery, sql};
use crate::clock::{DAY, Timestamp};
use crate::ids::MailId;
use crate::storage::Db;

const LATELY: i64 = 30 * DAY;

/// A mail without its text.
#[derive(Debug)]
pub struct Arrived {
    pub kind: String,
    pub subject: String,
    pub created_at: Timestamp,
    pub delivery: Delivery,
}

/// A page of mails, newest first, and the place where older ones begin.
#[derive(Debug)]
pub struct Page {
    pub mails: Vec<Arrived>,
    pub older: Option<Place>,
}

/// Just after one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Timestamp, MailId);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.0, self.1)
    }
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("This is no place in a list of mails.")]
pub struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Place, NoPlace> {
        let (at, id) = text.split_once('-').ok_or(NoPlace)?;
        Ok(Place(Timestamp(at.parse().map_err(|_| NoPlace)?), id.parse().map_err(|_| NoPlace)?))
    }
}

pub async fn lately(db: &Db, canonical: &str, before: Option<&Place>, limit: usize) -> sqlx::Result<Page> {
    let since = db.now().plus(-LATELY);
    let before = match before {
        Some(Place(at, id)) => (*at, id.to_string()),
        None => (Timestamp(i64::MAX), String::new()),
    };
    let mut reader = db.read().await?;
    let mut rows = sql::to_recipient(&mut reader, canonical, since, (before.0, &before.1), limit + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok(Page {
        older: rows.last().filter(|_| more).map(|row| Place(row.created_at, row.id)),
        mails: rows
            .into_iter()
            .map(|row| Arrived {
                kind: row.kind,
                subject: row.subject,
                created_at: row.created_at,
                delivery: Delivery::from_columns(&row.state, row.failure),
            })
            .collect(),
    })
}
