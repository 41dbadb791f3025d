//! The heading of a resource and the tabs under it, on each of its pages.

use super::{kind_name, path_of};
use crate::domain::resources::{self, Audience, Resource};
use crate::web::gate::Inside;

/// The pages of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    Open,
    Access,
    Links,
    Why,
    Settings,
}

/// What `resources/_head.html` shows.
pub struct Head {
    pub name: String,
    pub key: String,
    pub kind: &'static str,
    pub description: String,
    pub is_archived: bool,
    /// Where the list is, for whoever may read it.
    pub list: Option<String>,
    pub tabs: Vec<TabLink>,
}

pub struct TabLink {
    pub title: &'static str,
    pub path: String,
    pub current: bool,
}

impl Head {
    /// With the tabs that this person may open: whoever does not read how it is configured has but the resource.
    pub fn new(inside: &Inside, resource: &Resource, current: Tab) -> Head {
        let configures = resources::may_read(&inside.actor, resource);
        let path = path_of(inside, &resource.key);
        let tab = |tab: Tab, title, rest: &str| TabLink {
            title,
            path: format!("{path}{rest}"),
            current: tab == current,
        };
        // A Private or Unlisted one of somebody else's is not there for its readers to open (A7, A11), and nobody opens
        // what is archived.
        let is_hidden = resource.is_hidden() && resource.creator != inside.actor.person.user;
        let opens = current == Tab::Open || (!is_hidden && resource.archived_at.is_none());
        let mut tabs = Vec::new();
        if opens {
            tabs.push(tab(Tab::Open, "Open", ""));
        }
        if configures {
            tabs.push(tab(Tab::Access, "Access", "/access"));
            let is_unlisted = resource.audience == Some(Audience::Unlisted) && resource.developer().is_none();
            let has_links = is_unlisted || current == Tab::Links;
            if has_links && resources::may_change_access(&inside.actor, resource) {
                tabs.push(tab(Tab::Links, "Links", "/links"));
            }
            if resources::may_explain(&inside.actor, resource) {
                tabs.push(tab(Tab::Why, "Why", "/why"));
            }
            tabs.push(tab(Tab::Settings, "Settings", "/settings"));
        }
        Head {
            name: resource.name.clone(),
            key: resource.key.clone(),
            kind: kind_name(resource.kind),
            // The page that opens it says it.
            description: if current == Tab::Open { String::new() } else { resource.description.clone() },
            is_archived: resource.archived_at.is_some(),
            list: configures.then(|| inside.path_here("resources")),
            tabs,
        }
    }
}
