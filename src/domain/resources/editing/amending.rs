//! A part of what a resource is called is said anew, and the rest stays.

use serde_json::Value;

use super::{EditError, hosts, save, written};
use crate::app::App;
use crate::domain::access::Actor;
use crate::domain::environments::Place;
use crate::domain::resources::{Resource, definition};
use crate::domain::users;
use crate::domain::values::{Note, ResourceName, ToolUrl};

/// What is said anew of a resource; what is not stays.
#[derive(Clone, Debug, Default)]
pub struct Amendment {
    pub name: Option<ResourceName>,
    pub description: Option<Note>,
    pub url: Option<ToolUrl>,
    /// Of its definition, each apart.
    pub fields: Option<Value>,
    pub requests: Option<Value>,
}

impl Amendment {
    fn of(&self, before: &Resource) -> Resource {
        let mut after = before.clone();
        if let Some(name) = &self.name {
            after.name = name.to_string();
        }
        if let Some(description) = &self.description {
            after.description = description.to_string();
        }
        if let Some(url) = &self.url {
            after.url = Some(url.to_string());
        }
        let said = [("fields", &self.fields), ("requests", &self.requests)];
        if said.iter().any(|(_, value)| value.is_some()) {
            let mut kept = definition::kept(before);
            for (name, value) in said {
                kept.extend(value.clone().map(|value| (name.to_owned(), value)));
            }
            after.definition = Some(Value::Object(kept).to_string());
        }
        after
    }
}

/// Says a part anew. What stays is what is there as the change holds its lock, and not what the page showed: of two
/// who say different parts at once neither undoes the other.
pub async fn amend(
    app: &App,
    actor: &Actor,
    place: &Place,
    key: &str,
    said: &Amendment,
) -> Result<Resource, EditError> {
    let mut change = hosts::change(app, actor.organization, said.url.as_ref()).await?;
    let actor = &users::current_actor(&mut change, actor).await?;
    let before = written(&mut change, actor, place, key).await?;
    let after = said.of(&before);
    save(app, change, actor, before, after, said.url.as_ref()).await
}
