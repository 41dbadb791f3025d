//! What is mailed about an invitation.

use super::Invitation;
use crate::app::App;
use crate::clock::{DAY, MINUTE};
use crate::domain::access::Role;
use crate::domain::organizations::Organization;
use crate::domain::values::TimeZone;
use crate::ids::{InvitationId, UserId};
use crate::mail::Message;
use crate::secrets::Token;

pub(super) fn invitation(
    app: &App,
    invitation: &Invitation,
    organization: &Organization,
    inviter: &str,
    token: &Token,
) -> Message {
    let mut paragraphs = vec![
        format!("{inviter} invites you to {} as {}.", organization.name, invitation.role.with_article()),
        format!("The link works once, until {}.", TimeZone::utc().minute(invitation.expires_at)),
    ];
    paragraphs.extend(lasts(invitation));
    Message {
        kind: "invitation",
        to: invitation.email.clone(),
        subject: format!("{inviter} invites you to {}", organization.name),
        heading: format!("Join {}", organization.name),
        paragraphs,
        quote: Some((inviter.to_owned(), invitation.note.clone())).filter(|(_, note)| !note.is_empty()),
        action: Some(("Accept the invite".to_owned(), app.url(&format!("/invite/{}", token.expose())))),
        code: None,
        footer: format!("This invite is for {} only. If you did not expect it, ignore it.", invitation.email),
    }
}

/// What an Auditor gets beside the invite (I1). It holds no link that lets anyone in.
pub(super) fn notice(
    app: &App,
    invitation: &Invitation,
    organization: &Organization,
    inviter: &str,
    token: &Token,
) -> Message {
    let mut paragraphs = vec![
        format!("{inviter} appoints you {} of {}.", invitation.role.name(), organization.name),
        "The invite itself comes in another mail, with a link of its own. This one only asks whether you expect it."
            .to_owned(),
    ];
    paragraphs.extend(lasts(invitation));
    Message {
        kind: "invitation_notice",
        to: invitation.email.clone(),
        subject: format!("{inviter} appoints you {} of {}", invitation.role.name(), organization.name),
        heading: format!("You are to be {} of {}", invitation.role.name(), organization.name),
        paragraphs,
        quote: None,
        action: Some(("I expected this".to_owned(), app.url(&format!("/notice/{}", token.expose())))),
        code: None,
        footer: format!("If you did not expect it, ignore both mails, or tell {}.", organization.name),
    }
}

/// Until when the membership would last, if it ends by itself.
fn lasts(invitation: &Invitation) -> Option<String> {
    let last = invitation.membership_ends_at?.plus(-MINUTE);
    Some(format!("The membership ends by itself: it lasts until {}.", TimeZone::utc().minute(last)))
}

pub(super) fn code(invitation: &Invitation, organization: &Organization, code: &str) -> Message {
    Message {
        kind: "invitation_code",
        to: invitation.email.clone(),
        subject: format!("Your code to join {}", organization.name),
        heading: format!("Your code to join {}", organization.name),
        paragraphs: vec![
            "Type this code on the page that you came from. It works for 15 minutes.".to_owned(),
        ],
        quote: None,
        action: None,
        code: Some(code.to_owned()),
        footer: "If you did not ask for a code, ignore this mail and give the code to nobody.".to_owned(),
    }
}

pub(super) fn asked_again(
    app: &App,
    to: &str,
    invitation: &Invitation,
    organization: &Organization,
) -> Message {
    Message {
        kind: "invitation_asked",
        to: to.to_owned(),
        subject: format!("{} asks for a new invite", invitation.email),
        heading: format!("{} asks for a new invite", invitation.email),
        paragraphs: vec![format!(
            "Their invite to {} as {} has expired. Resend it if they should still join.",
            organization.name,
            invitation.role.with_article()
        )],
        quote: None,
        action: Some((
            "See pending invites".to_owned(),
            app.url(&format!("/o/{}/invitations", organization.slug)),
        )),
        code: None,
        footer: "You get this mail because you sent the invite, or are an Owner.".to_owned(),
    }
}

pub(super) fn became_void(
    app: &App,
    to: &str,
    invitation: &Invitation,
    organization: &Organization,
) -> Message {
    Message {
        kind: "invitation_void",
        to: to.to_owned(),
        subject: format!("An invite to {} was refused", organization.name),
        heading: "An invite was refused".to_owned(),
        paragraphs: vec![
            format!(
                "{} tried to join {} as {}. Whoever invited them may not give that role any more, so the invite is \
                 void.",
                invitation.email,
                organization.name,
                invitation.role.with_article()
            ),
            "If they should join, invite them again.".to_owned(),
        ],
        quote: None,
        action: Some((
            "Invite people".to_owned(),
            app.url(&format!("/o/{}/invitations/new", organization.slug)),
        )),
        code: None,
        footer: "You get this mail because you are an Owner.".to_owned(),
    }
}

/// One of each, for the previews.
pub(crate) fn samples(app: &App) -> Vec<Message> {
    let now = app.db.now();
    let organization = crate::domain::organizations::sample();
    let sent = Invitation {
        id: InvitationId::nobody(),
        organization: organization.id,
        email: "dana.kovac@halden.example".to_owned(),
        name: "Dana Kovač".to_owned(),
        email_canonical: "dana.kovac@halden.example".to_owned(),
        role: Role::Reviewer,
        note: "Good to have you on the night desk, Dana.\nThe rota is in the usual place.".to_owned(),
        membership_ends_at: None,
        teams: "[]".to_owned(),
        inviter: UserId::nobody(),
        state: super::State::Pending,
        sent_at: now,
        expires_at: now.plus(7 * DAY),
    };
    let auditor = Invitation { role: Role::Auditor, ..sent.clone() };
    vec![
        invitation(app, &sent, &organization, "Amara Okafor", &Token::generate()),
        notice(app, &auditor, &organization, "Amara Okafor", &Token::generate()),
        code(&sent, &organization, "40718526"),
        asked_again(app, "amara@halden.example", &sent, &organization),
        became_void(app, "amara@halden.example", &sent, &organization),
    ]
}
