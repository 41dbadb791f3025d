//! What people are told of single sign-on.

use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{self, Person};
use crate::domain::organizations::{self, Organization};
use crate::mail::Message;

pub(super) fn message(
    kind: &'static str,
    to: &str,
    subject: String,
    paragraphs: Vec<String>,
    action: (&str, String),
    footer: &str,
) -> Message {
    Message {
        kind,
        to: to.to_owned(),
        heading: subject.clone(),
        subject,
        paragraphs,
        quote: None,
        action: Some((action.0.to_owned(), action.1)),
        code: None,
        footer: footer.to_owned(),
    }
}

pub(super) fn break_glass_used(
    app: &App,
    to: &str,
    organization: &Organization,
    person: &Person,
    at: Timestamp,
) -> Message {
    let (name, organization_name) = (&person.name, &organization.name);
    let from = person.origin.address.map(|address| format!(" from {address}")).unwrap_or_default();
    let paragraphs = vec![
        format!(
            "{name} ({}) opened {organization_name} on {}{from} with a password or passkey and a factor, though \
             it requires single sign-on. {name} is named for break-glass access.",
            person.email,
            at.rfc3339().replace('T', " at ").trim_end_matches('Z').to_owned() + " UTC"
        ),
        "If you don't know why, ask them. If it was not them, suspend them and reset their factors.".to_owned(),
    ];
    let subject = format!("{name} used break-glass access to {organization_name}");
    let audit = ("See the audit log", app.url(&format!("/o/{}/audit", organization.slug)));
    message("break_glass_used", to, subject, paragraphs, audit, "You get this mail because you are an Owner.")
}

pub(super) fn samples(app: &App) -> Vec<Message> {
    let (organization, person) = (organizations::sample(), access::sample_person());
    vec![break_glass_used(app, "sefa@halden.example", &organization, &person, app.db.now())]
}
