use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::organizations::{self, Organization};
use crate::domain::sso::mails::message;
use crate::domain::sso::{Domain, GRACE};
use crate::domain::values::TimeZone;
use crate::ids::{ConnectionId, DomainId, OrganizationId};
use crate::mail::Message;

/// Once, when the proof of a domain is not found any more.
pub(super) fn failing(
    app: &App,
    to: &str,
    organization: &Organization,
    domain: &Domain,
    now: Timestamp,
) -> Message {
    let until = TimeZone::utc().minute(domain.failing_since.unwrap_or(now).plus(GRACE));
    let paragraphs = vec![
        format!(
            "The TXT record by which {} proved that {} is its domain is not in the DNS any more. It is: {}",
            organization.name, domain.domain, domain.record
        ),
        format!(
            "Put it back. If it is still missing on {until}, nobody joins or is linked by an address at {} any more. \
             Whoever signs in through your provider already goes on doing so.",
            domain.domain
        ),
    ];
    let settings = ("See the domain", app.url(&format!("/o/{}/settings/sso", organization.slug)));
    let subject = format!("The proof of {} is missing", domain.domain);
    message(
        "domain_failing",
        to,
        subject,
        paragraphs,
        settings,
        "You get this mail because you are an Owner.",
    )
}

pub(in crate::domain::sso) fn samples(app: &App) -> Vec<Message> {
    let now = app.db.now();
    let domain = Domain {
        id: DomainId::nobody(),
        organization: OrganizationId::nobody(),
        connection: ConnectionId::nobody(),
        domain: "halden.example".to_owned(),
        record: "interlock-verify=4f1c9a07e2d84b614f1c9a07e2d84b61".to_owned(),
        created_at: now,
        verified_at: Some(now),
        checked_at: Some(now),
        failing_since: Some(now),
    };
    vec![failing(app, "sefa@halden.example", &organizations::sample(), &domain, now)]
}
