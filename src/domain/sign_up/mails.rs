//! What is mailed about a sign-up.

use crate::app::App;
use crate::domain::values::{Email, OrganizationName};
use crate::mail::{Message, sample};
use crate::secrets::Token;

pub(super) fn confirm(
    app: &App,
    organization: Option<&OrganizationName>,
    email: &Email,
    token: &Token,
) -> Message {
    let what = organization.map_or("your account".to_owned(), OrganizationName::to_string);
    Message {
        kind: "sign_up_confirm",
        to: email.to_string(),
        subject: "Confirm your address".to_owned(),
        heading: format!("Confirm your address to create {what}"),
        paragraphs: vec![
            format!("You are signing up with {email}."),
            "Open the link and confirm. It works for 24 hours, once.".to_owned(),
        ],
        quote: None,
        action: Some(("Confirm your address".to_owned(), app.url(&format!("/verify/{}", token.expose())))),
        code: None,
        footer: "If you did not sign up, ignore this mail: nothing is created without your confirmation."
            .to_owned(),
    }
}

pub(super) fn known(app: &App, email: &str) -> Message {
    Message {
        kind: "sign_up_known",
        to: email.to_owned(),
        subject: "You already have an account".to_owned(),
        heading: "You already have an account".to_owned(),
        paragraphs: vec![
            format!("Someone, probably you, signed up with {email}, which has an account already."),
            "Sign in with it. If you don't remember the password, set a new one from the sign-in page."
                .to_owned(),
        ],
        quote: None,
        action: Some(("Sign in".to_owned(), app.url("/sign-in"))),
        code: None,
        footer: "If that was not you, there is nothing to do: nothing has changed.".to_owned(),
    }
}

pub(super) fn closed(app: &App, email: &Email) -> Message {
    Message {
        kind: "sign_up_closed",
        to: email.to_string(),
        subject: "Sign-up is closed here".to_owned(),
        heading: "Sign-up is closed here".to_owned(),
        paragraphs: vec![
            format!("Someone, probably you, signed up with {email}. This server takes no new sign-ups."),
            "To join an organization, ask one of its Owners for an invite.".to_owned(),
        ],
        quote: None,
        action: Some(("Go to the sign-in page".to_owned(), app.url("/sign-in"))),
        code: None,
        footer: "If that was not you, ignore this mail.".to_owned(),
    }
}

/// One of each, for the previews.
pub(crate) fn samples(app: &App) -> Vec<Message> {
    let email: Email = sample("dana.kovac@halden.example");
    vec![
        confirm(app, Some(&sample("Halden Freight")), &email, &Token::generate()),
        known(app, email.as_str()),
        closed(app, &email),
    ]
}
