//! What is mailed to whoever has left.

use crate::app::App;
use crate::domain::organizations::Organization;
use crate::domain::users::Member;
use crate::mail::Message;

pub(super) fn removed(app: &App, member: &Member, organization: &Organization, by: &str) -> Message {
    let heading = format!("Your membership of {} has ended", organization.name);
    Message {
        kind: "membership_ended",
        to: member.email.clone(),
        subject: heading.clone(),
        heading,
        paragraphs: vec![
            format!("{by} removed you from {}. Nothing of it opens for you any more.", organization.name),
            "Your account stays as it is, and so do your other organizations. A new invite can bring you back."
                .to_owned(),
        ],
        quote: None,
        action: Some(("See your account".to_owned(), app.url("/account"))),
        code: None,
        footer: format!("You get this mail because you were {} there.", member.role.with_article()),
    }
}

/// One of each, for the previews.
pub(crate) fn samples(app: &App) -> Vec<Message> {
    let (_, member) = crate::domain::users::sample(app.db.now());
    vec![removed(app, &member, &crate::domain::organizations::sample(), "Amara Okafor")]
}
