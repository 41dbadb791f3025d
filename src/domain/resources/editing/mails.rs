use crate::app::App;
use crate::domain::access::Actor;
use crate::domain::organizations::{self, Organization};
use crate::domain::resources::Resource;
use crate::domain::users::{self, MemberState};
use crate::mail::{self, Message};
use crate::storage::Change;

/// Whoever made a Private or Unlisted resource learns that somebody else wrote it (A11), as long as they are a
/// member.
pub(in crate::domain::resources) async fn tell_creator(
    app: &App,
    change: &mut Change,
    actor: &Actor,
    resource: &Resource,
    was_hidden: bool,
) -> sqlx::Result<()> {
    if resource.creator == actor.person.user || !(was_hidden || resource.is_hidden()) {
        return Ok(());
    }
    let creator = users::member_of(change, resource.organization, resource.creator).await?;
    let Some(creator) = creator.filter(|member| member.state == MemberState::Active) else { return Ok(()) };
    let organization = organizations::by_id(change, resource.organization).await?;
    let message = written(app, &creator.email, &organization, &actor.person.name, resource);
    mail::queue(change, app, Some(resource.organization), &message).await?;
    Ok(())
}

fn written(app: &App, to: &str, organization: &Organization, by: &str, resource: &Resource) -> Message {
    let Resource { name, key, environment, .. } = resource;
    let subject = format!("{by} changed {name}, which you made");
    let paragraphs = vec![
        format!(
            "{by} changed how {name} ({key}, in {environment}) is configured at {}, as an Owner or Admin may.",
            organization.name
        ),
        "You still have all access to it, unless they made it another's. The audit log says what changed."
            .to_owned(),
    ];
    let path = match environment.as_str() {
        "production" => format!("/o/{}/resources/{}/access", organization.slug, key.replace('/', "%2F")),
        other => format!("/o/{}/e/{other}/resources/{}/access", organization.slug, key.replace('/', "%2F")),
    };
    Message {
        kind: "resource_changed",
        to: to.to_owned(),
        heading: subject.clone(),
        subject,
        paragraphs,
        quote: None,
        action: Some(("See who may open it".to_owned(), app.url(&path))),
        code: None,
        footer: "You get this mail because you made the resource, and it is Private or Unlisted.".to_owned(),
    }
}

pub(in crate::domain) fn samples(app: &App) -> Vec<Message> {
    let resource = Resource::sample(app.db.now());
    vec![written(app, "dana.kovac@halden.example", &organizations::sample(), "Amara Okafor", &resource)]
}
