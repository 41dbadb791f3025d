use crate::app::App;
use crate::domain::access::{self, Person};
use crate::domain::environments::PRODUCTION;
use crate::domain::organizations::{self, Organization};
use crate::domain::resources::Resource;
use crate::mail::Message;

pub(super) fn asked(
    app: &App,
    to: &str,
    organization: &Organization,
    resource: &Resource,
    person: &Person,
    note: &str,
) -> Message {
    let subject = format!("{} asks for access to {}", person.name, resource.name);
    let key = url::form_urlencoded::byte_serialize(resource.key.as_bytes()).collect::<String>();
    let environment = match resource.environment.as_str() {
        PRODUCTION => String::new(),
        other => format!("/e/{other}"),
    };
    let why = app.url(&format!("/o/{}{environment}/resources/{key}/why", organization.slug));
    Message {
        kind: "access_asked",
        to: to.to_owned(),
        heading: subject.clone(),
        subject,
        paragraphs: vec![
            format!(
                "{} ({}) can see that {} is there, in {}, and may not open it.",
                person.name, person.email, resource.name, organization.name
            ),
            "If they should, add them or one of their teams to its access. If not, dismiss the request."
                .to_owned(),
        ],
        quote: (!note.is_empty()).then(|| (person.name.clone(), note.to_owned())),
        action: Some(("See who asks".to_owned(), why)),
        code: None,
        footer: "You get this mail because you manage the resource.".to_owned(),
    }
}

/// One of each, for the previews.
pub(crate) fn samples(app: &App) -> Vec<Message> {
    let resource = Resource::sample(app.db.now());
    let note = "I take over the refunds desk on Monday.";
    let person = access::sample_person();
    vec![asked(app, "sefa@halden.example", &organizations::sample(), &resource, &person, note)]
}
