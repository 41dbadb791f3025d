//! What is mailed to whoever has forgotten their password.

use crate::app::App;
use crate::domain::values::Email;
use crate::mail::{Message, sample};
use crate::secrets::Token;

pub(super) fn reset(app: &App, email: &str, token: &Token) -> Message {
    Message {
        kind: "password_reset",
        to: email.to_owned(),
        subject: "Set a new password".to_owned(),
        heading: "Set a new password".to_owned(),
        paragraphs: vec![
            format!("Someone, probably you, asked to set a new password for {email}."),
            "The link works once, within an hour. Setting a password signs you out everywhere.".to_owned(),
        ],
        quote: None,
        action: Some(("Set a new password".to_owned(), app.url(&format!("/reset/{}", token.expose())))),
        code: None,
        footer: "If you did not ask for this, ignore this mail: your password stays as it is.".to_owned(),
    }
}

pub(super) fn no_account(app: &App, email: &Email) -> Message {
    Message {
        kind: "password_reset_unknown",
        to: email.to_string(),
        subject: "There is no account for this address".to_owned(),
        heading: "There is no account for this address".to_owned(),
        paragraphs: vec![
            format!("Someone, probably you, asked to set a new password for {email}, but no account uses this address."),
            "If you have an account, it is under another address: try that one. If you were invited, use the link \
             in the invitation."
                .to_owned(),
        ],
        quote: None,
        action: Some(("Go to the sign-in page".to_owned(), app.url("/sign-in"))),
        code: None,
        footer: "If you did not ask for this, ignore this mail.".to_owned(),
    }
}

/// To somebody whom their organizations' own providers sign in (S5).
pub(super) fn by_provider(app: &App, email: &str) -> Message {
    Message {
        kind: "password_reset_by_provider",
        to: email.to_owned(),
        subject: "You sign in without a password".to_owned(),
        heading: "You sign in without a password".to_owned(),
        paragraphs: vec![
            format!("Someone, probably you, asked to set a password for {email}."),
            "Your organization signs you in by its own provider, so there is no password to set. Type your address \
             on the sign-in page and continue with the provider that it offers."
                .to_owned(),
        ],
        quote: None,
        action: Some(("Go to the sign-in page".to_owned(), app.url("/sign-in"))),
        code: None,
        footer: "If you did not ask for this, ignore this mail.".to_owned(),
    }
}

/// One of each, for the previews.
pub(crate) fn samples(app: &App) -> Vec<Message> {
    let email: Email = sample("dana.kovac@halden.example");
    vec![
        reset(app, email.as_str(), &Token::generate()),
        by_provider(app, email.as_str()),
        no_account(app, &email),
    ]
}
