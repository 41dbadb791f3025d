//! Mail: written into the outbox by the transaction that causes it, sent by a worker, retried with
//! backoff, and kept sealed until then (I9).

mod lately;
mod mailbox;
mod outbox;
mod sql;
mod transport;
mod worker;

use askama::Template;
use serde::{Deserialize, Serialize};

pub use self::lately::{Arrived, Page, Place, lately};
pub use self::mailbox::{Mailbox, StoredMail, StoredSummary, View};
pub use self::outbox::{MailState, OutboxMail, RetryError, count_queued, list, retry, retry_failed};
pub use self::transport::{SendError, Transport, TransportError, destination};
pub(crate) use self::worker::sweep;
pub use self::worker::{deliver_due, outbox, release_leases, run};
use crate::app::App;
use crate::ids::{MailId, OrganizationId};
use crate::storage::{Lends, Tx};

/// One mail, before it has a form: html and text are made from the same parts.
#[derive(Clone)]
pub struct Message {
    pub kind: &'static str,
    pub to: String,
    pub subject: String,
    pub heading: String,
    pub paragraphs: Vec<String>,
    /// Another person's words, and whose: shown apart from ours.
    pub quote: Option<(String, String)>,
    /// A button's label and its address.
    pub action: Option<(String, String)>,
    /// A code to type.
    pub code: Option<String>,
    pub footer: String,
}

#[derive(Template)]
#[template(path = "mail/message.html")]
struct Html<'a> {
    message: &'a Message,
    server: &'a str,
}

#[derive(Template)]
#[template(path = "mail/message.txt")]
struct Text<'a> {
    message: &'a Message,
    server: &'a str,
}

/// Both forms of a mail's body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    pub text: String,
    pub html: String,
}

impl Message {
    pub fn render(&self, server: &str) -> Body {
        let html = Html { message: self, server }.render().expect("a mail's template renders");
        let text = Text { message: self, server }.render().expect("a mail's template renders");
        Body { text, html }
    }
}

/// A value of a sample, which is known to be right.
pub(crate) fn sample<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a sample's values are right")
}

/// Where a mail's body is sealed to.
fn place(id: MailId) -> String {
    format!("mail_outbox.body:{id}")
}

/// Puts a mail into the outbox. It goes out only if the transaction is committed.
pub async fn queue(
    tx: &mut impl Queues,
    app: &App,
    organization: Option<OrganizationId>,
    message: &Message,
) -> sqlx::Result<MailId> {
    let id = MailId::generate();
    let body = message.render(app.config.base_url.as_str());
    let body = serde_json::to_vec(&body).expect("a mail's body is JSON");
    let sealed = app.sealer.seal(&place(id), &body);
    sql::insert(tx, id, organization, message, &sealed, app.db.now()).await?;
    Ok(id)
}

/// The transactions that mail may be queued in. A plain reader is none of them.
pub trait Queues: Lends {}

impl Queues for Tx {}
impl Queues for crate::storage::Change {}

/// Drops an organization's mails, sent or not: it is erased (R12). Nothing may refer to them any more.
pub async fn erase(tx: &mut impl Queues, organization: OrganizationId) -> sqlx::Result<()> {
    sql::erase(tx, organization).await
}

/// How a mail is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    Queued,
    /// Not yet delivered, and why not.
    Retrying(String),
    Sent,
    Failed(String),
}

impl Delivery {
    pub fn from_columns(state: &str, failure: Option<String>) -> Delivery {
        match (state, failure) {
            ("sent", _) => Delivery::Sent,
            ("failed", why) => Delivery::Failed(why.unwrap_or_default()),
            (_, Some(why)) => Delivery::Retrying(why),
            (_, None) => Delivery::Queued,
        }
    }
}
