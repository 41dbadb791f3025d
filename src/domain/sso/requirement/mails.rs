use crate::app::App;
use crate::domain::organizations::{self, Organization};
use crate::domain::sso::mails::message;
use crate::mail::Message;

const WHY: &str = "You get this mail because you are an Owner.";

fn settings(app: &App, organization: &Organization) -> (&'static str, String) {
    ("See the settings", app.url(&format!("/o/{}/settings/sso", organization.slug)))
}

pub(super) fn requirement(
    app: &App,
    to: &str,
    organization: &Organization,
    required: bool,
    by: &str,
) -> Message {
    let name = &organization.name;
    let (kind, subject, text) = match required {
        true => (
            "sso_required",
            format!("{name} now requires single sign-on"),
            format!(
                "{by} requires single sign-on in {name}. Passwords, passkeys and personal Google accounts no longer \
                 open it, but for the people with break-glass access."
            ),
        ),
        false => (
            "sso_lifted",
            format!("{name} no longer requires single sign-on"),
            format!(
                "{by} stopped requiring single sign-on in {name}. It opens again by password, passkey and Google too."
            ),
        ),
    };
    let paragraphs = vec![text, "If you don’t know why, ask them, and look at the audit log.".to_owned()];
    message(kind, to, subject, paragraphs, settings(app, organization), WHY)
}

pub(in crate::domain::sso) fn samples(app: &App) -> Vec<Message> {
    let organization = organizations::sample();
    let (to, by) = ("sefa@halden.example", "Amara Okafor");
    vec![requirement(app, to, &organization, true, by), requirement(app, to, &organization, false, by)]
}
