//! What stands around a page: the sidebar, the person's menu, the organizations to switch between.

use crate::app::App;
use crate::config::SignUp;
use crate::domain::access::{Capability, Person, Role};
use crate::domain::environments::Environment;
use crate::domain::organizations::{Organization, Own};
use crate::domain::values::Theme;

/// An organization that one is inside of, with one's role there.
#[derive(Clone, Debug)]
pub struct Here {
    pub organization: Organization,
    pub role: Role,
    /// Production, unless the address names another.
    pub environment: Environment,
    /// Where to switch to another, on pages of what belongs to one: the environment, its page, whether it is this one.
    pub environments: Vec<(Environment, String, bool)>,
}

impl Here {
    /// A path of what belongs to the environment: `/o/acme/resources`, `/o/acme/e/staging/resources`.
    pub fn path(&self, rest: &str) -> String {
        let slug = &self.organization.slug;
        match self.environment.is_production() {
            true => format!("/o/{slug}/{rest}"),
            false => format!("/o/{slug}/e/{}/{rest}", self.environment.slug),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Chrome {
    pub here: Option<Here>,
    pub name: String,
    pub email: String,
    pub theme: Theme,
    pub organizations: Vec<Own>,
    /// Whether people make organizations here (S2).
    pub sign_up_open: bool,
    pub groups: Vec<Group>,
    /// What the last form has done, said once.
    pub flash: Option<String>,
    /// A factor that the organization asks for soon, and this person does not have (M4).
    pub mfa_due: Option<MfaDue>,
    /// Whether the person is in by break-glass, though single sign-on is required (O4).
    pub breaks_glass: bool,
}

/// From when which factor is asked for, and where to set one up.
#[derive(Clone, Debug)]
pub struct MfaDue {
    pub what: &'static str,
    pub from: String,
    pub path: String,
}

/// A heading of the sidebar and what is under it.
#[derive(Clone, Debug)]
pub struct Group {
    pub title: &'static str,
    pub items: Vec<Item>,
}

#[derive(Clone, Debug)]
pub struct Item {
    pub title: &'static str,
    pub icon: &'static str,
    pub path: String,
    pub current: bool,
}

/// The sidebar of an organization. An entry without a capability is everyone's.
const INSIDE: [(&str, &str, &str, &str, Option<Capability>); 10] = [
    ("Access", "Home", "", "house", None),
    ("Access", "Resources", "resources", "box", Some(Capability::ReadResources)),
    ("Access", "Permissions", "permissions", "gauge", Some(Capability::ReadPermissions)),
    ("People", "Users", "users", "users", Some(Capability::ReadUsers)),
    ("People", "Teams", "teams", "boxes", Some(Capability::ReadTeams)),
    ("People", "Roles", "roles", "id-card", None),
    ("Machines", "API keys", "keys", "key-round", Some(Capability::OwnDevelopmentKey)),
    ("Machines", "Agents", "agents", "monitor", Some(Capability::ReadAgents)),
    ("Records", "Audit log", "audit", "scroll-text", Some(Capability::ReadAudit)),
    ("Organization", "Settings", "settings", "settings", Some(Capability::ManageSettings)),
];

const ACCOUNT: [(&str, &str, &str); 6] = [
    ("Profile", "/account", "user"),
    ("Sign-in methods", "/account/sign-in-methods", "key-round"),
    ("Multi-factor authentication", "/account/mfa", "shield-check"),
    ("Sessions", "/account/sessions", "monitor"),
    ("Organizations", "/account/organizations", "building-2"),
    ("Mail", "/account/mail", "mail"),
];

impl Chrome {
    pub fn new(
        app: &App,
        person: &Person,
        mut here: Option<Here>,
        organizations: Vec<Own>,
        path: &str,
        flash: Option<String>,
    ) -> Chrome {
        // Whoever does not read the list of resources switches to the environment's home.
        if let Some(here) = here.as_mut().filter(|here| !here.role.may(Capability::ReadResources)) {
            for (_, path, _) in &mut here.environments {
                *path = path.trim_end_matches("/resources").to_owned();
            }
        }
        let groups = match &here {
            Some(here) => inside(here, path),
            None => vec![Group {
                title: "Account",
                items: ACCOUNT
                    .into_iter()
                    .map(|(title, to, icon)| Item {
                        title,
                        icon,
                        path: to.to_owned(),
                        current: path == to || (to != "/account" && path.starts_with(to)),
                    })
                    .collect(),
            }],
        };
        Chrome {
            here,
            name: person.name.clone(),
            email: person.email.clone(),
            theme: person.theme,
            organizations,
            sign_up_open: app.config.sign_up == SignUp::Open,
            groups,
            flash,
            mfa_due: None,
            breaks_glass: false,
        }
    }

    /// A path inside the organization that one is in.
    pub fn path(&self, rest: &str) -> String {
        self.here.as_ref().map_or_else(String::new, |here| format!("/o/{}/{rest}", here.organization.slug))
    }

    pub fn is_in(&self, organization: &Own) -> bool {
        self.here.as_ref().is_some_and(|here| here.organization.id == organization.id)
    }

    /// What the browser's tab and the menu's button call the place.
    pub fn place(&self) -> &str {
        self.here.as_ref().map_or("Interlock", |here| here.organization.name.as_str())
    }

    pub fn under(&self) -> &str {
        self.here.as_ref().map_or("Your account", |here| here.role.name())
    }
}

fn inside(here: &Here, path: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (group, title, segment, icon, capability) in INSIDE {
        if !capability.is_none_or(|capability| here.role.may(capability)) {
            continue;
        }
        let to = match segment {
            // What belongs to the environment stays in it.
            "" => here.path("").trim_end_matches('/').to_owned(),
            "resources" => here.path(segment),
            segment => format!("/o/{}/{segment}", here.organization.slug),
        };
        let invitations = format!("/o/{}/invitations", here.organization.slug);
        let current = match segment {
            "" => path == to,
            _ => path.starts_with(&to),
        } || (segment == "users" && path.starts_with(&invitations));
        let item = Item { title, icon, path: to, current };
        match groups.iter_mut().find(|existing| existing.title == group) {
            Some(existing) => existing.items.push(item),
            None => groups.push(Group { title: group, items: vec![item] }),
        }
    }
    groups
}
