//! What is mailed about factors: each change of them, so that nobody else's goes unnoticed.

use crate::app::App;
use crate::mail::Message;

fn about(
    app: &App,
    kind: &'static str,
    email: &str,
    subject: String,
    happened: String,
    otherwise: &str,
) -> Message {
    Message {
        kind,
        to: email.to_owned(),
        heading: subject.clone(),
        subject,
        paragraphs: vec![happened, otherwise.to_owned()],
        quote: None,
        action: Some(("Look at your account".to_owned(), app.url("/account/mfa"))),
        code: None,
        footer:
            "You get this mail whenever your multi-factor authentication changes or a recovery code is used."
                .to_owned(),
    }
}

const IF_NOT_YOU: &str = "If that was you, there is nothing to do. If it was not, set a new password at once, with \
                          “Forgot password?” on the sign-in page: that ends every session. Then look at your factors.";

pub(super) fn added(app: &App, email: &str, word: &str, name: &str) -> Message {
    let article = if word == "passkey" { "A" } else { "An" };
    let subject = format!("{article} {word} was added to your account");
    let happened = format!("The {word} “{name}” now proves that it is you when you sign in as {email}.");
    about(app, "factor_added", email, subject, happened, IF_NOT_YOU)
}

pub(super) fn removed(app: &App, email: &str, word: &str, name: &str, others: bool) -> Message {
    let article = if word == "passkey" { "A" } else { "An" };
    let subject = format!("{article} {word} was removed from your account");
    let rest = if others {
        "Your other factors stay."
    } else {
        "It was the last one: multi-factor authentication is off, and your recovery codes are void."
    };
    let happened = format!("The {word} “{name}” does not open {email} any more. {rest}");
    about(app, "factor_removed", email, subject, happened, IF_NOT_YOU)
}

pub(super) fn codes_replaced(app: &App, email: &str) -> Message {
    let subject = "You have new recovery codes".to_owned();
    let happened = format!("New recovery codes were made for {email}. The old ones are void.");
    about(app, "recovery_codes_replaced", email, subject, happened, IF_NOT_YOU)
}

pub(super) fn code_used(app: &App, email: &str, left: i64) -> Message {
    let subject = "A recovery code was used".to_owned();
    let rest = match left {
        0 => "It was the last one. Make new ones now: without them a lost phone locks you out.".to_owned(),
        1 => "One is left. Make new ones soon: without them a lost phone locks you out.".to_owned(),
        left if left <= 3 => {
            format!("{left} are left. Make new ones soon: without them a lost phone locks you out.")
        }
        left => format!("{left} are left."),
    };
    let happened = format!("A recovery code was used in place of a factor of {email}. {rest}");
    about(app, "recovery_code_used", email, subject, happened, IF_NOT_YOU)
}

pub(super) fn reset(app: &App, email: &str) -> Message {
    Message {
        kind: "factors_reset",
        to: email.to_owned(),
        subject: "Your multi-factor authentication was reset".to_owned(),
        heading: "Your multi-factor authentication was reset".to_owned(),
        paragraphs: vec![
            format!(
                "An administrator took all authenticator apps, passkeys and recovery codes off {email}, and \
                 ended your sessions. Your password stays as it is."
            ),
            "If you asked for that, sign in and set it up again. If you did not, tell your administrator at \
             once, and set a new password."
                .to_owned(),
        ],
        quote: None,
        action: Some(("Sign in".to_owned(), app.url("/sign-in"))),
        code: None,
        footer: "You get this mail whenever your multi-factor authentication is reset.".to_owned(),
    }
}

/// One of each, for the previews.
pub(crate) fn samples(app: &App) -> Vec<Message> {
    let email = "dana.kovac@halden.example";
    vec![
        added(app, email, "authenticator app", "Pixel 9"),
        removed(app, email, "passkey", "MacBook", true),
        codes_replaced(app, email),
        code_used(app, email, 2),
        reset(app, email),
    ]
}
