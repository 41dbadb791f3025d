//! What people are told of single sign-on.

use super::linking;
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
        "If you don't know why, ask them. If it was not them, suspend them and reset their factors."
            .to_owned(),
    ];
    let subject = format!("{name} used break-glass access to {organization_name}");
    let audit = ("See the audit log", app.url(&format!("/o/{}/audit", organization.slug)));
    message("break_glass_used", to, subject, paragraphs, audit, "You get this mail because you are an Owner.")
}

pub(super) fn other_subject(
    app: &App,
    to: &str,
    organization: &Organization,
    provider: &str,
    name: &str,
    email: &str,
) -> Message {
    let organization_name = &organization.name;
    let paragraphs = vec![
        format!(
            "Somebody came from {provider} to {organization_name} with the address {email}. {name} has that \
             address here, and is linked to another account at {provider}. Interlock let nobody in."
        ),
        format!(
            "If {name} has a new account at {provider}, they sign in here with a password, passkey or Google and \
             unlink the old one under Account → Sign-in methods. If not, find out at {provider} who was given \
             this address."
        ),
    ];
    let subject = format!("A sign-in as {name} was refused at {organization_name}");
    let audit = ("See the audit log", app.url(&format!("/o/{}/audit", organization.slug)));
    let footer = "You get this mail because you are an Owner or Admin, at most once a day for each person.";
    message("identity_refused", to, subject, paragraphs, audit, footer)
}

pub(super) fn linked(
    app: &App,
    to: &str,
    organization: &Organization,
    provider: &str,
    at: Timestamp,
) -> Message {
    let organization_name = &organization.name;
    let paragraphs = vec![
        format!(
            "Your account {to} was used through {provider}, the provider of {organization_name}, for the first \
             time on {}. From now on it opens {organization_name} for you, and nothing else of your account.",
            at.rfc3339().replace('T', " at ").trim_end_matches('Z').to_owned() + " UTC"
        ),
        format!("If that was not you, ask an Owner or Admin of {organization_name} who was."),
    ];
    let subject = format!("{provider} signs you in to {organization_name}");
    let action = ("See your account", app.url("/account"));
    message(
        "identity_linked",
        to,
        subject,
        paragraphs,
        action,
        "You get this mail because a way to sign in was added to your account.",
    )
}

pub(super) fn step_up_code(to: &str, code: &str) -> Message {
    Message {
        kind: "step_up_code",
        to: to.to_owned(),
        subject: "Your code to confirm that it is you".to_owned(),
        heading: "Your code to confirm that it is you".to_owned(),
        paragraphs: vec![
            "Type this code on the page that asks for it. It works for 10 minutes, in the browser that asked.".to_owned(),
            "If you did not ask for it, somebody is signed in as you: sign out your other sessions.".to_owned(),
        ],
        quote: None,
        action: None,
        code: Some(code.to_owned()),
        footer: "You get this mail because your account has no password.".to_owned(),
    }
}

pub(super) fn samples(app: &App) -> Vec<Message> {
    let (organization, person) = (organizations::sample(), access::sample_person());
    let mut samples = vec![
        break_glass_used(app, "sefa@halden.example", &organization, &person, app.db.now()),
        step_up_code("amara@halden.example", "48201975"),
        other_subject(app, "sefa@halden.example", &organization, "Okta", "Dana Kovač", "dana@halden.example"),
        linked(app, "dana@halden.example", &organization, "Okta", app.db.now()),
    ];
    samples.extend(linking::samples(app));
    samples
}
