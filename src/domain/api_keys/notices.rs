//! Mails before a key ends: a live one's to the Owners, a personal one's to whom it acts for. Once for each key.

use super::{Kind, SOON, sql};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::organizations::{self, Organization};
use crate::domain::users;
use crate::domain::values::TimeZone;
use crate::ids::{ApiKeyId, OrganizationId};
use crate::mail::{self, Message};

const AT_ONCE: i64 = 100;

/// A key that ends soon, by its date or by the organization's rule.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Ending {
    pub id: ApiKeyId,
    pub organization: OrganizationId,
    pub kind: Kind,
    pub name: String,
    pub shown: String,
    pub agent: Option<String>,
    pub environment: String,
    pub ends_at: Timestamp,
    /// Of whom it acts for.
    pub email: Option<String>,
}

/// Tells of keys that end within a week. Killed at any moment it goes on where it was, and several replicas do each
/// once.
pub async fn tell_due(app: &App) -> sqlx::Result<()> {
    loop {
        let now = app.db.now();
        let due = sql::ending(&mut app.db.read().await?, now, now.plus(SOON), AT_ONCE).await?;
        for ending in &due {
            tell(app, ending).await?;
        }
        if due.is_empty() {
            return Ok(());
        }
    }
}

async fn tell(app: &App, ending: &Ending) -> sqlx::Result<()> {
    let mut tx = app.db.write().await?;
    if !sql::note_told(&mut tx, ending.id).await? {
        return Ok(());
    }
    let organization = organizations::by_id(&mut tx, ending.organization).await?;
    let to = match (ending.kind, &ending.email) {
        (Kind::Live, _) => users::mail_of_owners(&mut tx, ending.organization).await?,
        (_, Some(owner)) => vec![owner.clone()],
        (_, None) => Vec::new(),
    };
    for to in to {
        mail::queue(&mut tx, app, Some(ending.organization), &message(app, &to, &organization, ending))
            .await?;
    }
    tx.commit().await
}

fn message(app: &App, to: &str, organization: &Organization, ending: &Ending) -> Message {
    let Ending { name, shown, environment, .. } = ending;
    let (day, minute) = (TimeZone::utc().day(ending.ends_at), TimeZone::utc().minute(ending.ends_at));
    let place = &organization.name;
    let what = match (&ending.kind, &ending.agent) {
        (Kind::Live, Some(agent)) => {
            format!(
                "{name} ({shown}), which {agent} holds for {environment}, stops working on {minute} (UTC)."
            )
        }
        (Kind::Admin, _) => format!("Your admin API key {name} ({shown}) stops working on {minute} (UTC)."),
        _ => format!("{name} ({shown}) stops working on {minute} (UTC)."),
    };
    let footer = match ending.kind {
        Kind::Live => format!("You get this mail because you are an Owner of {place}."),
        _ => "You get this mail because the key acts for you.".to_owned(),
    };
    Message {
        kind: "key_ending",
        to: to.to_owned(),
        subject: format!("The API key {name} of {place} ends on {day}"),
        heading: format!("An API key of {place} ends soon"),
        paragraphs: vec![
            what,
            "Rotate it before then: you get a new key, and the old one can go on for up to a day while you put the \
             new one in its place. If nothing needs it any more, there is nothing to do."
                .to_owned(),
        ],
        quote: None,
        action: Some((
            "See the key".to_owned(),
            app.url(&format!("/o/{}/keys/{}", organization.slug, ending.id)),
        )),
        code: None,
        footer,
    }
}

/// One of each, for the previews.
pub(crate) fn samples(app: &App) -> Vec<Message> {
    let ending = Ending {
        id: ApiKeyId::nobody(),
        organization: OrganizationId::nobody(),
        kind: Kind::Live,
        name: "Gateway".to_owned(),
        shown: "il_live_…7k2m".to_owned(),
        agent: Some("Gateway".to_owned()),
        environment: "production".to_owned(),
        ends_at: app.db.now().plus(SOON),
        email: None,
    };
    vec![message(app, "amara@halden.example", &organizations::sample(), &ending)]
}
