//! What Owners are told of their organization.

use crate::app::App;
use crate::clock::{DAY, Timestamp};
use crate::domain::access::Person;
use crate::domain::organizations::{MfaRule, Organization};
use crate::domain::users::Member;
use crate::domain::values::TimeZone;
use crate::mail::Message;

fn message(
    kind: &'static str,
    to: String,
    subject: String,
    paragraphs: Vec<String>,
    action: (&str, String),
) -> Message {
    Message {
        kind,
        to,
        heading: subject.clone(),
        subject,
        paragraphs,
        quote: None,
        action: Some((action.0.to_owned(), action.1)),
        code: None,
        footer: "You get this mail because you are or were an Owner.".to_owned(),
    }
}

/// What happened when an Owner handed over.
pub(super) struct HandedOver<'a> {
    pub organization: &'a Organization,
    pub from: &'a Person,
    pub to: &'a Member,
    pub stays: bool,
}

impl HandedOver<'_> {
    fn users(&self, app: &App) -> (&'static str, String) {
        ("See users", app.url(&format!("/o/{}/users", self.organization.slug)))
    }

    pub fn to_successor(&self, app: &App) -> Message {
        let (from, organization) = (&self.from.name, &self.organization.name);
        let paragraphs = vec![
            format!("{from} handed {organization} over to you."),
            "As an Owner you answer for it: its people, its settings and its existence.".to_owned(),
        ];
        let subject = format!("You are now an Owner of {organization}");
        message("organization_handed_over", self.to.email.clone(), subject, paragraphs, self.users(app))
    }

    pub fn to_predecessor(&self, app: &App) -> Message {
        let (to, organization) = (&self.to.name, &self.organization.name);
        let own = if self.stays { "You are still an Owner." } else { "You are an Admin from now on." };
        let paragraphs = vec![
            format!("{to} ({}) is now an Owner of {organization}. {own}", self.to.email),
            "If that was not you, tell another Owner or whoever runs this server, and set a new password."
                .to_owned(),
        ];
        let subject = format!("You handed {organization} over");
        message("organization_handed_over", self.from.email.clone(), subject, paragraphs, self.users(app))
    }

    pub fn to_another_owner(&self, app: &App, email: String) -> Message {
        let (from, to) = (&self.from.name, &self.to.name);
        let role = if self.stays { "is still an Owner too" } else { "is an Admin from now on" };
        let organization = &self.organization.name;
        let paragraphs = vec![format!(
            "{from} handed {organization} over to {to} ({}). {to} is now an Owner; {from} {role}.",
            self.to.email
        )];
        let subject = format!("{from} handed {organization} over");
        message("organization_handed_over", email, subject, paragraphs, self.users(app))
    }
}

pub(super) fn closed(
    app: &App,
    to: String,
    organization: &Organization,
    by: &str,
    until: Timestamp,
) -> Message {
    let name = &organization.name;
    let paragraphs = vec![
        format!("{by} deleted {name}. Nobody can open it any more, and its invites don't work."),
        format!(
            "Until {} each of its Owners can undo this: everything is then as it was. After that its data \
             is erased for good.",
            TimeZone::utc().minute(until)
        ),
    ];
    let action = ("Undo the deletion", app.url(&format!("/o/{}/closed", organization.slug)));
    message("organization_closed", to, format!("{name} was deleted"), paragraphs, action)
}

pub(super) fn reopened(app: &App, to: String, organization: &Organization, by: &str) -> Message {
    let name = &organization.name;
    let paragraphs =
        vec![format!("{by} undid the deletion of {name}. Everyone gets in as before, and its invites work.")];
    let action = ("Open it", app.url(&format!("/o/{}", organization.slug)));
    message("organization_reopened", to, format!("{name} is back"), paragraphs, action)
}

/// The sysadmin has opened it to whoever has no factor.
pub(super) fn mfa_lifted(app: &App, to: String, organization: &Organization, by: &str) -> Message {
    let name = &organization.name;
    let paragraphs = vec![
        format!("{by} stopped requiring multi-factor authentication in {name}."),
        "Require it again as soon as everyone is in. If you don’t know why, ask whoever runs this server."
            .to_owned(),
    ];
    let action = ("See the settings", app.url(&format!("/o/{}/settings/security", organization.slug)));
    message("mfa_lifted", to, format!("{name} no longer requires MFA"), paragraphs, action)
}

/// What a member reads who has no factor of the kind that their organization asks for, or is to ask for.
pub(super) fn factor_asked(
    app: &App,
    to: String,
    organization: &Organization,
    rule: MfaRule,
    zone: &TimeZone,
    now: Timestamp,
) -> Message {
    let (name, policy) = (&organization.name, &organization.policy);
    let what = match rule {
        MfaRule::Passkey => "a passkey",
        MfaRule::Optional | MfaRule::Any => "multi-factor authentication",
    };
    // Asked for already or by its date; else it is what somebody is about to require.
    let decided = policy.mfa >= rule;
    let (kind, subject, then) = match policy.grace_until(now).filter(|_| decided) {
        Some(from) => (
            "mfa_required_from",
            format!("{name} requires {what} from {}", zone.day(from)),
            format!(
                "From {} on {name} opens only to whoever has it. Until then it opens as it does now.",
                zone.minute(from)
            ),
        ),
        None if decided => (
            "mfa_required",
            format!("{name} now requires {what}"),
            format!(
                "{name} opens again as soon as you have set it up. Your other organizations are open as before."
            ),
        ),
        None => (
            "mfa_planned",
            format!("{name} is about to require {what}"),
            format!("Then {name} opens only to whoever has it. Set it up now, and nothing interrupts you."),
        ),
    };
    let how = match rule {
        MfaRule::Passkey => {
            "A passkey is kept by your phone, your computer or a security key, and replaces nothing that you have."
        }
        MfaRule::Optional | MfaRule::Any => {
            "You need an authenticator app on your phone, or a passkey, and about a minute."
        }
    };
    Message {
        kind,
        to,
        heading: subject.clone(),
        subject,
        paragraphs: vec![format!("Your account has no such factor yet. {then}"), how.to_owned()],
        quote: None,
        action: Some((
            "Set it up".to_owned(),
            app.url(&format!("/account/mfa/enrol?organization={}", organization.slug)),
        )),
        code: None,
        footer: format!("You get this mail because you are a member of {name}."),
    }
}

/// One of each, for the previews.
pub(crate) fn samples(app: &App) -> Vec<Message> {
    let organization = crate::domain::organizations::sample();
    let to = || "amara@halden.example".to_owned();
    let (_, member) = crate::domain::users::sample(app.db.now());
    let until = app.db.now().plus(crate::domain::organizations::UNDO);
    let asking = |mfa, days: Option<i64>| {
        let mut asking = organization.clone();
        asking.policy.mfa = mfa;
        asking.policy.mfa_from = days.map(|days| app.db.now().plus(days * DAY));
        factor_asked(app, to(), &asking, MfaRule::Any.max(mfa), &TimeZone::utc(), app.db.now())
    };
    vec![
        asking(MfaRule::Any, Some(14)),
        asking(MfaRule::Passkey, None),
        asking(MfaRule::Optional, None),
        handed_over(app, &organization, &member),
        closed(app, to(), &organization, "Jonas Lindqvist", until),
        reopened(app, to(), &organization, "Jonas Lindqvist"),
        mfa_lifted(app, to(), &organization, "Sysadmin"),
    ]
}

/// What the new Owner reads.
fn handed_over(app: &App, organization: &Organization, to: &Member) -> Message {
    let from = crate::domain::access::sample_person();
    HandedOver { organization, from: &from, to, stays: false }.to_successor(app)
}
