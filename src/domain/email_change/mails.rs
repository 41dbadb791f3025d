//! What is mailed about a change of address, to the new one and to the old.

use crate::app::App;
use crate::domain::users::User;
use crate::domain::values::Email;
use crate::mail::Message;
use crate::secrets::Token;

pub(super) fn confirm(app: &App, user: &User, email: &Email, token: &Token) -> Message {
    Message {
        kind: "email_change_confirm",
        to: email.to_string(),
        subject: "Confirm your new address".to_owned(),
        heading: "Confirm your new address".to_owned(),
        paragraphs: vec![
            format!("{} asked to use {email} instead of {} with Interlock.", user.name, user.email),
            "Open the link where you are signed in, and confirm. It works for 24 hours, once. Until then the old \
             address counts."
                .to_owned(),
        ],
        quote: None,
        action: Some(("Confirm the new address".to_owned(), app.url(&format!("/email/{}", token.expose())))),
        code: None,
        footer: "If this means nothing to you, ignore this mail: nothing changes without the confirmation, which \
                 only that account can give."
            .to_owned(),
    }
}

pub(super) fn taken(app: &App, owner: &str) -> Message {
    Message {
        kind: "email_change_taken",
        to: owner.to_owned(),
        subject: "Someone tried to use your address".to_owned(),
        heading: "Someone tried to use your address".to_owned(),
        paragraphs: vec![
            format!(
                "Someone, perhaps you, tried to use {owner} for another account. It has an account already."
            ),
            "If it was you, sign in with this address instead. An address belongs to one account.".to_owned(),
        ],
        quote: None,
        action: Some(("Go to the sign-in page".to_owned(), app.url("/sign-in"))),
        code: None,
        footer: "If that was not you, there is nothing to do: nothing has changed.".to_owned(),
    }
}

pub(super) fn asked(app: &App, user: &User, email: &Email) -> Message {
    Message {
        kind: "email_change_asked",
        to: user.email.clone(),
        subject: "Your address is about to change".to_owned(),
        heading: "Your address is about to change".to_owned(),
        paragraphs: vec![
            format!("Someone, probably you, asked to use {email} instead of {} for your account.", user.email),
            "Nothing changes until that is confirmed from the new mailbox. If it was not you, set a new password \
             now: that ends every session that is signed in."
                .to_owned(),
        ],
        quote: None,
        action: Some(("Set a new password".to_owned(), app.url("/forgot-password"))),
        code: None,
        footer: "You get this mail because this is the address of your account.".to_owned(),
    }
}

/// To the address that was, with the way back where there is one.
pub(super) fn changed_from(app: &App, user: &User, email: &Email, undo: Option<&Token>) -> Message {
    let mut paragraphs =
        vec![format!("Your account uses {email} now. {} signs nobody in any more.", user.email)];
    if undo.is_some() {
        paragraphs.push(
            "If it was not you, undo the change: that takes this address back and ends every session. The link \
             works for three days, once."
                .to_owned(),
        );
    }
    let undo = undo.map(|undo| app.url(&format!("/email/undo/{}", undo.expose())));
    Message {
        kind: "email_changed_from",
        to: user.email.clone(),
        subject: "Your address was changed".to_owned(),
        heading: "Your address was changed".to_owned(),
        paragraphs,
        quote: None,
        action: undo.map(|undo| ("Undo the change".to_owned(), undo)),
        code: None,
        footer: "You get this mail because this was the address of your account.".to_owned(),
    }
}

pub(super) fn changed_to(app: &App, user: &User, email: &Email) -> Message {
    Message {
        kind: "email_changed_to",
        to: email.to_string(),
        subject: "This is the address of your account now".to_owned(),
        heading: "This is the address of your account now".to_owned(),
        paragraphs: vec![
            format!("You sign in with {email} from now on, and no more with {}.", user.email),
            "For three days the old address can undo the change.".to_owned(),
        ],
        quote: None,
        action: Some(("See your account".to_owned(), app.url("/account"))),
        code: None,
        footer: "You get this mail because the address of your account was changed.".to_owned(),
    }
}

/// To both: the address that is back, and the one that has gone.
pub(super) fn undone(app: &App, user: &User, email: &Email) -> [Message; 2] {
    let message = |to: &str, paragraphs: Vec<String>, action| Message {
        kind: "email_change_undone",
        to: to.to_owned(),
        subject: "The change of your address was undone".to_owned(),
        heading: "The change of your address was undone".to_owned(),
        paragraphs,
        quote: None,
        action,
        code: None,
        footer: "You get this mail because the address of your account was changed.".to_owned(),
    };
    let back = vec![
        format!("Your account uses {email} again, and every session has ended."),
        "If somebody else changed it, they may know your password: set a new one now.".to_owned(),
    ];
    let set = ("Set a new password".to_owned(), app.url("/forgot-password"));
    let gone = vec![format!("The account uses {email} again. {} signs nobody in any more.", user.email)];
    [message(email.as_str(), back, Some(set)), message(&user.email, gone, None)]
}

/// One of each, for the previews.
pub(crate) fn samples(app: &App) -> Vec<Message> {
    let (user, _) = crate::domain::users::sample(app.db.now());
    let email: Email = crate::mail::sample("dana@kovac.example");
    let mut messages = vec![
        confirm(app, &user, &email, &Token::generate()),
        taken(app, &user.email),
        asked(app, &user, &email),
        changed_from(app, &user, &email, Some(&Token::generate())),
        changed_to(app, &user, &email),
    ];
    messages.extend(undone(app, &user, &email).into_iter().take(1));
    messages
}
