//! What is mailed about a sign-in: one from a browser that was not seen lately (ASVS 6.3.5).

use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::sessions::{self, Device, agent};
use crate::domain::users;
use crate::ids::UserId;
use crate::mail::{self, Message, Queues};
use crate::storage::Lends;

/// Whether a person has signed in lately with a browser of this name and system. Whoever has no session to
/// compare with is told, unless their account is new: somebody wakes what slept.
pub(crate) async fn is_known(
    on: &mut impl Lends,
    user: UserId,
    device: &Device,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let seen = sessions::agents(on, user).await?;
    if seen.is_empty() {
        return users::is_new(on, user, now).await;
    }
    let own = agent::in_words(&device.agent);
    Ok(seen.iter().any(|other| agent::in_words(other) == own))
}

pub(crate) async fn queue_new_device(
    app: &App,
    on: &mut impl Queues,
    email: &str,
    device: &Device,
    now: Timestamp,
) -> sqlx::Result<()> {
    let address =
        device.address.map_or_else(|| "an unknown address".to_owned(), |address| address.to_string());
    mail::queue(on, app, None, &new_device(app, email, &agent::in_words(&device.agent), &address, now))
        .await?;
    Ok(())
}

fn new_device(app: &App, email: &str, browser: &str, address: &str, now: Timestamp) -> Message {
    Message {
        kind: "new_device",
        to: email.to_owned(),
        subject: "A new sign-in to your account".to_owned(),
        heading: "A new sign-in to your account".to_owned(),
        paragraphs: vec![
            format!(
                "{email} signed in with a browser that was not seen here lately: {browser}, from {address}, on {}.",
                now.rfc3339().replace('T', " at ").trim_end_matches('Z').to_owned() + " UTC"
            ),
            "If that was you, there is nothing to do. If it was not, set a new password now, with “Forgot \
             password?” on the sign-in page: that ends every session."
                .to_owned(),
        ],
        quote: None,
        action: Some(("See your sessions".to_owned(), app.url("/account/sessions"))),
        code: None,
        footer: "You get this mail when your account is used with a browser that you did not use lately."
            .to_owned(),
    }
}

/// One of each, for the previews.
pub(crate) fn samples(app: &App) -> Vec<Message> {
    vec![new_device(app, "dana.kovac@halden.example", "Firefox on macOS", "203.0.113.7", app.db.now())]
}
