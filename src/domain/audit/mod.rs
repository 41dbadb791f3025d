//! The audit log: one row for each change of access, in the transaction of the change, chained by
//! hashes per organization (U1, U2).

mod chains;
mod kind;
mod sql;
mod verify;
mod written;

use std::collections::BTreeMap;

use serde_json::json;

pub use self::chains::{Head, Known, batch, chains, hash_at};
pub use self::kind::Kind;
pub use self::verify::{Verdict, verify, verify_to};
pub use self::written::COLUMNS;
use crate::clock::Timestamp;
use crate::domain::access::{Actor, Capability, Denied, Operator};
use crate::ids::{OrganizationId, UserId};
use crate::secrets::sha256_hex;
use crate::storage::{Change, Db, Lends};

/// The version of the hashed form. A change of the form is a new version: old rows must verify for ever.
const VERSION: u8 = 1;

/// Whose chain a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    Instance,
    Organization(OrganizationId),
}

impl Chain {
    /// As it stands in the tables.
    pub fn key(self) -> String {
        match self {
            Chain::Instance => "instance".to_owned(),
            Chain::Organization(id) => id.to_string(),
        }
    }
}

/// What happened, to whom, and what it changed.
#[derive(Clone, Debug)]
pub struct Entry {
    pub kind: Kind,
    pub target_id: Option<String>,
    /// What a person calls the target: it stays readable when the target is gone.
    pub target_name: String,
    /// Field → (old, new).
    pub changes: BTreeMap<&'static str, (Option<String>, Option<String>)>,
}

impl Entry {
    pub fn new(kind: Kind, target_id: impl ToString, target_name: impl ToString) -> Entry {
        Entry {
            kind,
            target_id: Some(target_id.to_string()),
            target_name: target_name.to_string(),
            changes: BTreeMap::new(),
        }
    }

    pub fn changed(mut self, field: &'static str, old: impl ToString, new: impl ToString) -> Entry {
        self.changes.insert(field, (Some(old.to_string()), Some(new.to_string())));
        self
    }

    /// A field that had no value before.
    pub fn with(mut self, field: &'static str, new: impl ToString) -> Entry {
        self.changes.insert(field, (None, Some(new.to_string())));
        self
    }

    /// A field that has no value afterwards.
    pub fn without(mut self, field: &'static str, old: impl ToString) -> Entry {
        self.changes.insert(field, (Some(old.to_string()), None));
        self
    }

    /// With the API key that it was done by, if it was.
    fn changes_json(&self, by_key: Option<&str>) -> String {
        let changes =
            self.changes.iter().map(|(field, (old, new))| (*field, json!({ "old": old, "new": new })));
        let by_key = by_key.map(|key| ("by_key", json!({ "old": null, "new": key })));
        let fields = changes.chain(by_key).map(|(field, change)| (field.to_owned(), change));
        serde_json::Value::Object(fields.collect()).to_string()
    }
}

/// A stored row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Row {
    pub seq: i64,
    pub at: Timestamp,
    pub kind: String,
    pub operator_id: Option<String>,
    pub operator_name: String,
    pub target_id: Option<String>,
    pub target_name: String,
    changes: String,
    pub address: Option<String>,
    pub request: Option<String>,
    pub hash: String,
}

/// One field of a row: its name, its old and its new value.
pub type FieldChange = (String, Option<String>, Option<String>);

impl Row {
    /// The row that follows the head of a chain.
    fn after(
        (seq, hash): (i64, &str),
        at: Timestamp,
        chain: Chain,
        operator: &Operator,
        entry: &Entry,
        address: Option<String>,
    ) -> Row {
        let mut row = Row {
            seq: seq + 1,
            at,
            kind: entry.kind.code().to_owned(),
            operator_id: operator.user.map(|user| user.to_string()),
            operator_name: operator.name.clone(),
            target_id: entry.target_id.clone(),
            target_name: entry.target_name.clone(),
            changes: entry.changes_json(operator.origin.by_key.as_deref()),
            address,
            request: Some(operator.origin.request.clone()).filter(|id| !id.is_empty()),
            hash: String::new(),
        };
        row.hash = row.computed_hash(chain, hash);
        row
    }

    /// The changes as they are stored and hashed: a JSON object.
    pub fn changes_json(&self) -> &str {
        &self.changes
    }

    pub fn changes(&self) -> Vec<FieldChange> {
        let fields: BTreeMap<String, BTreeMap<String, Option<String>>> =
            serde_json::from_str(&self.changes).unwrap_or_default();
        fields
            .into_iter()
            .map(|(field, mut values)| {
                (field, values.remove("old").flatten(), values.remove("new").flatten())
            })
            .collect()
    }

    /// The row's hash over its canonical JSON (RFC 8785) and the hash before it.
    ///
    /// `serde_json` sorts keys by their bytes and writes integers and escapes as RFC 8785 asks; for
    /// our ASCII keys and whole numbers its text is the canonical one.
    fn computed_hash(&self, chain: Chain, previous: &str) -> String {
        let canonical = json!({
            "address": self.address,
            "at": self.at.0,
            "chain": chain.key(),
            "changes": self.changes,
            "kind": self.kind,
            "operator": { "id": self.operator_id, "name": self.operator_name },
            "previous": previous,
            "request": self.request,
            "seq": self.seq,
            "target": { "id": self.target_id, "name": self.target_name },
            "v": VERSION,
        });
        sha256_hex(canonical.to_string().as_bytes())
    }
}

/// Writes a row to an organization's chain, which `change` must hold.
pub async fn record(
    change: &mut Change,
    organization: OrganizationId,
    operator: &Operator,
    entry: Entry,
) -> sqlx::Result<()> {
    assert!(
        change.organizations().contains(&organization),
        "a change writes only to the chains that it holds"
    );
    let address = operator.origin.address.map(|address| address.to_string());
    append(change, Chain::Organization(organization), operator, &entry, address).await
}

/// Writes the rows of a change that touches many at once, in their order: in few statements, for whoever leaves with
/// thousands of resources holds up nobody else's change.
pub async fn record_all(
    change: &mut Change,
    organization: OrganizationId,
    operator: &Operator,
    entries: impl IntoIterator<Item = Entry>,
) -> sqlx::Result<()> {
    assert!(
        change.organizations().contains(&organization),
        "a change writes only to the chains that it holds"
    );
    let address = operator.origin.address.map(|address| address.to_string());
    let chain = Chain::Organization(organization);
    let at = change.now();
    let mut head = change.head(&chain.key())?.clone();
    let mut rows = Vec::new();
    for entry in entries {
        let row = Row::after((head.seq, &head.hash), at, chain, operator, &entry, address.clone());
        (head.seq, head.hash) = (row.seq, row.hash.clone());
        rows.push(row);
    }
    sql::append_all(change, &chain.key(), &rows).await?;
    *change.head(&chain.key())? = head;
    Ok(())
}

/// Writes an account's event to the instance's chain and, without the address, to the chain of each
/// of the person's organizations (U2). `change` is one of [`Db::account`].
pub async fn record_account(change: &mut Change, operator: &Operator, entry: Entry) -> sqlx::Result<()> {
    let address = operator.origin.address.map(|address| address.to_string());
    append(change, Chain::Instance, operator, &entry, address).await?;
    for organization in change.organizations().to_vec() {
        append(change, Chain::Organization(organization), operator, &entry, None).await?;
    }
    Ok(())
}

async fn append(
    change: &mut Change,
    chain: Chain,
    operator: &Operator,
    entry: &Entry,
    address: Option<String>,
) -> sqlx::Result<()> {
    let head = change.head(&chain.key())?.clone();
    let row = Row::after((head.seq, &head.hash), change.now(), chain, operator, entry, address);
    sql::append(change, &chain.key(), &row).await?;
    let head = change.head(&chain.key())?;
    (head.seq, head.hash) = (row.seq, row.hash);
    Ok(())
}

/// What the audit page shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A person, as operator or as target.
    pub person: Option<UserId>,
    pub kind: Option<Kind>,
    /// Only rows before this one: the page's keyset.
    pub before: Option<i64>,
    /// Only rows after this one, for the way back.
    pub after: Option<i64>,
    /// Only rows from this moment on, and before that one.
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// A page of rows, newest first, and whether there are older and newer ones.
#[derive(Debug)]
pub struct Page {
    pub rows: Vec<Row>,
    pub older: bool,
    pub newer: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// The organization's rows, newest first.
pub async fn list(db: &Db, actor: &Actor, filter: &Filter, limit: usize) -> Result<Page, ReadError> {
    actor.may(Capability::ReadAudit)?;
    let mut reader = db.read().await?;
    let mut rows = sql::list(&mut reader, &actor.organization.to_string(), filter, limit + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let backwards = filter.after.is_some();
    if backwards {
        rows.reverse();
    }
    let page = if backwards {
        Page { older: true, newer: more, rows }
    } else {
        Page { older: more, newer: filter.before.is_some(), rows }
    };
    Ok(page)
}

/// The first row of an organization's chain after a place that a request has written, if it has written any.
pub async fn of_request(
    on: &mut impl Lends,
    organization: OrganizationId,
    after: i64,
    request: &str,
) -> sqlx::Result<Option<i64>> {
    sql::of_request(on, &Chain::Organization(organization).key(), after, request).await
}

/// The newest rows about one target, whatever it is.
pub async fn about(
    on: &mut impl Lends,
    actor: &Actor,
    target: &str,
    limit: i64,
) -> Result<Vec<Row>, ReadError> {
    actor.may(Capability::ReadAudit)?;
    Ok(sql::about(on, &actor.organization.to_string(), target, limit).await?)
}

/// The people that the audit log can be filtered by.
#[derive(Debug)]
pub struct People {
    /// By name, as many as a select box holds, and always the one who is asked for.
    pub listed: Vec<(UserId, String)>,
    /// Whether there are others.
    pub more: bool,
}

/// As many people as one looks through in a select box.
const LISTED: usize = 200;

/// Those who ever had a membership, by name, and the person whose rows are asked for, whoever that is.
pub async fn people(db: &Db, actor: &Actor, chosen: Option<UserId>) -> Result<People, ReadError> {
    actor.may(Capability::ReadAudit)?;
    let mut reader = db.read().await?;
    let mut listed = sql::people(&mut reader, actor.organization, LISTED as i64 + 1).await?;
    let more = listed.len() > LISTED;
    listed.truncate(LISTED);
    if let Some(user) = chosen.filter(|chosen| !listed.iter().any(|(user, _)| user == chosen)) {
        let name = sql::name_of(&mut reader, actor.organization, user).await?;
        listed.push((user, name.unwrap_or_else(|| "Somebody who was never a member".to_owned())));
    }
    Ok(People { listed, more })
}

/// How many rows a chain has, and the newest hash.
pub async fn head(on: &mut impl Lends, organization: OrganizationId) -> sqlx::Result<(i64, String)> {
    let head = sql::head(on, &Chain::Organization(organization).key()).await?;
    Ok((head.seq, head.hash))
}
