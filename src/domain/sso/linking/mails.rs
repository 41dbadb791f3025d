//! What is mailed about a person's identities: each change of them, so that nobody else's goes unnoticed.

use crate::app::App;
use crate::mail::Message;

fn about(app: &App, kind: &'static str, to: &str, subject: String, happened: String) -> Message {
    Message {
        kind,
        to: to.to_owned(),
        heading: subject.clone(),
        subject,
        paragraphs: vec![
            happened,
            "If that was you, there is nothing to do. If it was not, set a new password at once, with “Forgot \
             password?” on the sign-in page: that ends every session. Then look at your sign-in methods."
                .to_owned(),
        ],
        quote: None,
        action: Some(("See your sign-in methods".to_owned(), app.url("/account/sign-in-methods"))),
        code: None,
        footer: "You get this mail whenever a way to sign in is linked to your account or unlinked.".to_owned(),
    }
}

pub(super) fn linked(app: &App, to: &str, provider: &str, there: &str) -> Message {
    let subject = format!("{provider} was linked to your account");
    let happened = format!("{there} at {provider} now signs in as {to}.");
    about(app, "sign_in_method_linked", to, subject, happened)
}

pub(super) fn unlinked(app: &App, to: &str, provider: &str, there: &str) -> Message {
    let subject = format!("{provider} was unlinked from your account");
    let happened = format!("{there} at {provider} does not sign in as {to} any more.");
    about(app, "sign_in_method_unlinked", to, subject, happened)
}

/// One of each, for the previews.
pub(in crate::domain::sso) fn samples(app: &App) -> Vec<Message> {
    let to = "dana.kovac@halden.example";
    vec![
        linked(app, to, "Google", "dana.kovac@gmail.com"),
        unlinked(app, to, "Microsoft Entra ID", "dana.kovac@halden.example"),
    ]
}
