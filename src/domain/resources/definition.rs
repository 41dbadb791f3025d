//! Definitions: a resource as its code says it, in either written form of the sources (A10).

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::editing::{About, Amendment, New};
use super::granting::{Said, Stated};
use super::{Audience, Kind, Permissions, Resource};
use crate::domain::values::{Email, Note, ResourceKey, ResourceName, ToolUrl, harmless, json5};
use crate::secrets::sha256_hex;

/// A definition has at most so many bytes.
pub const LONGEST: usize = 64 * 1024;
/// So many things that are wrong are said at once.
const MOST_PROBLEMS: usize = 10;

const FIELDS: [&str; 8] = ["key", "kind", "name", "description", "url", "fields", "requests", "access"];
const OF_ACCESS: [&str; 4] = ["privacy", "default_permissions", "users", "teams"];
const PERMISSION_WORDS: &str = "Create, Read, Update, Delete or All";
const ORGANIZATION: &str = "entire-organization";

/// What a definition says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definition {
    pub key: Option<ResourceKey>,
    pub kind: Option<Kind>,
    pub name: Option<ResourceName>,
    pub description: Option<Note>,
    pub url: Option<ToolUrl>,
    pub fields: Option<Value>,
    pub requests: Option<Value>,
    pub access: Option<Said>,
}

impl Definition {
    /// What it makes: an interface, unless it says another kind, called by its key, unless it has a name.
    pub fn to_make(&self) -> Result<New, Vec<Problem>> {
        let wrong = |at: &str, why: String| vec![Problem { at: at.to_owned(), why }];
        let key = self.key.clone().ok_or_else(|| wrong("key", "A definition has a key.".to_owned()))?;
        let named = self.name.clone().map_or_else(|| key.as_str().parse::<ResourceName>(), Ok);
        let name = named.map_err(|why| wrong("name", why.to_string()))?;
        let description = self.description.clone().map_or_else(|| "".parse::<Note>(), Ok);
        let description = description.map_err(|why| wrong("description", why.to_string()))?;
        Ok(New {
            key,
            kind: self.kind.unwrap_or(Kind::Interface),
            about: About { name, description, url: self.url.clone(), definition: self.kept() },
            access: self.access.clone(),
        })
    }

    /// What it says anew of a resource that is there: neither its key nor its kind, and who may open it elsewhere.
    pub fn to_amend(self) -> Result<Amendment, Vec<Problem>> {
        let stays = [
            (self.key.is_some(), "key", "The key stays: definitions and links name it. Leave it out."),
            (self.kind.is_some(), "kind", "The kind stays. Leave it out."),
            (self.access.is_some(), "access", "PUT /v1/resources/{key}/access changes who may open it."),
        ];
        let wrong: Vec<Problem> = stays
            .into_iter()
            .filter(|(is_said, ..)| *is_said)
            .map(|(_, at, why)| Problem { at: at.to_owned(), why: why.to_owned() })
            .collect();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(self.amendment())
    }

    /// What it says of a resource that is there, who may open it aside: what it leaves out stays.
    pub fn amendment(self) -> Amendment {
        let Definition { name, description, url, fields, requests, .. } = self;
        Amendment { name, description, url, fields, requests }
    }

    /// What is kept beside the columns: its fields and requests, as JSON.
    pub fn kept(&self) -> Option<String> {
        let mut kept = Map::new();
        for (name, value) in [("fields", &self.fields), ("requests", &self.requests)] {
            if let Some(value) = value {
                kept.insert(name.to_owned(), value.clone());
            }
        }
        (!kept.is_empty()).then(|| Value::Object(kept).to_string())
    }
}

/// Reads a definition, or says what is wrong with it, each with the place where it is.
pub fn parse(text: &str) -> Result<Definition, Vec<String>> {
    if text.len() > LONGEST {
        return Err(vec!["A definition has at most 64 KiB.".to_owned()]);
    }
    if text.trim().is_empty() {
        return Err(vec!["Paste a definition.".to_owned()]);
    }
    let value = json5::parse(text)
        .map_err(|why| vec![format!("This can’t be read as JSON or JSON5: {}.", harmless(&why, 200))])?;
    read(&value).map_err(|problems| problems.iter().map(Problem::to_string).collect())
}

/// What is wrong with a part of a definition: where, as `access.users[0].email`, and why.
#[derive(Clone, Debug)]
pub struct Problem {
    pub at: String,
    pub why: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_str() {
            "" => f.write_str(&self.why),
            at => write!(f, "{at}: {}", self.why),
        }
    }
}

/// The same of what was read as JSON already.
pub fn read(value: &Value) -> Result<Definition, Vec<Problem>> {
    let Value::Object(fields) = value else {
        let why = "A definition is an object: { key: …, access: … }.".to_owned();
        return Err(vec![Problem { at: String::new(), why }]);
    };
    let mut reading = Reading::default();
    let definition = reading.definition(fields);
    // Last, since a field's own refusal says more.
    if reading.problems.is_empty() && !json5::is_plain(value) {
        let why = "It holds a character that no text here has, or is nested too deeply.".to_owned();
        reading.problems.push(Problem { at: String::new(), why });
    }
    if reading.problems.is_empty() { Ok(definition) } else { Err(reading.problems) }
}

/// What a definition's access says, apart from the rest.
pub fn read_access(value: &Value) -> Result<Said, Vec<Problem>> {
    let mut reading = Reading::default();
    let said = reading.access(value).unwrap_or_default();
    if reading.problems.is_empty() { Ok(said) } else { Err(reading.problems) }
}

#[derive(Default)]
struct Reading {
    problems: Vec<Problem>,
}

impl Reading {
    fn wrong(&mut self, at: &str, why: impl fmt::Display) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem { at: harmless(at, 120), why: why.to_string() });
        }
    }

    fn unknown(&mut self, fields: &Map<String, Value>, known: &[&str], at: &str) {
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let name = harmless(name, 60);
            let place = if at.is_empty() { name } else { format!("{at}.{name}") };
            self.wrong(&place, format_args!("There is no such field. Fields here are {}.", known.join(", ")));
        }
    }

    fn text<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        fields: &Map<String, Value>,
        name: &str,
    ) -> Option<T> {
        match fields.get(name)? {
            Value::Null => None,
            Value::String(text) => match text.parse() {
                Ok(value) => Some(value),
                Err(why) => {
                    self.wrong(name, why);
                    None
                }
            },
            _ => {
                self.wrong(name, "This is a text in quotes.");
                None
            }
        }
    }

    fn definition(&mut self, fields: &Map<String, Value>) -> Definition {
        self.unknown(fields, &FIELDS, "");
        let kept = |name: &str| fields.get(name).filter(|value| !value.is_null()).cloned();
        Definition {
            key: self.text(fields, "key"),
            kind: self.text(fields, "kind"),
            name: self.text(fields, "name"),
            description: self.text(fields, "description"),
            url: self.text(fields, "url"),
            fields: kept("fields"),
            requests: kept("requests"),
            access: fields.get("access").and_then(|access| self.access(access)),
        }
    }

    fn access(&mut self, access: &Value) -> Option<Said> {
        match access {
            Value::Null => None,
            Value::String(word) if word == ORGANIZATION => {
                Some(Said { audience: Some(Audience::EntireOrganization), ..Said::default() })
            }
            Value::Object(fields) => Some(self.access_fields(fields)),
            _ => {
                self.wrong(
                    "access",
                    "This is \"entire-organization\", { teams: […] } or { privacy: …, default_permissions: […], users: […] }.",
                );
                None
            }
        }
    }

    fn access_fields(&mut self, fields: &Map<String, Value>) -> Said {
        self.unknown(fields, &OF_ACCESS, "access");
        let audience = match fields.get("privacy") {
            None | Some(Value::Null) => {
                // The first written form says teams and no more; in the second, Private is what holds.
                let teams = fields.get("teams").is_some_and(|teams| !teams.is_null());
                Some(if teams { Audience::Teams } else { Audience::Private })
            }
            Some(word) => self.privacy(word),
        };
        Said {
            audience,
            default: self.permissions(fields.get("default_permissions"), "access.default_permissions"),
            people: self.users(fields.get("users")),
            teams: self.teams(fields.get("teams")),
        }
    }

    fn privacy(&mut self, word: &Value) -> Option<Audience> {
        let audience = word.as_str().and_then(|word| word.parse::<Audience>().ok());
        if audience.is_none() {
            let words: Vec<&str> = Audience::ALL.into_iter().map(Audience::code).collect();
            self.wrong(
                "access.privacy",
                format_args!("There is no such word. It is one of {}.", words.join(", ")),
            );
        }
        audience
    }

    /// Nothing, where it is absent or null.
    fn permissions(&mut self, list: Option<&Value>, at: &str) -> Option<Permissions> {
        let list = match list? {
            Value::Null => return None,
            Value::Array(list) => list,
            _ => {
                self.wrong(at, format_args!("This is a list of {PERMISSION_WORDS}."));
                return None;
            }
        };
        let mut all = Permissions::NONE;
        for (index, word) in list.iter().enumerate() {
            match word.as_str().and_then(|word| word.parse::<Permissions>().ok()) {
                Some(permissions) => all = all.and(permissions),
                None => self.wrong(
                    &format!("{at}[{index}]"),
                    format_args!("There is no such permission. It is {PERMISSION_WORDS}."),
                ),
            }
        }
        Some(all)
    }

    /// In an entry, an empty list is the default too (A4).
    fn of_entry(&mut self, list: Option<&Value>, at: &str) -> Option<Permissions> {
        self.permissions(list, at).filter(|permissions| !permissions.is_empty())
    }

    fn users(&mut self, users: Option<&Value>) -> Vec<(Email, Option<Permissions>)> {
        let list = match users {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => {
                self.wrong("access.users", "This is a list of { email, permissions }.");
                return Vec::new();
            }
        };
        let mut people = Vec::new();
        for (index, user) in list.iter().enumerate() {
            let at = format!("access.users[{index}]");
            let Value::Object(fields) = user else {
                self.wrong(&at, "This is { email: …, permissions: […] }.");
                continue;
            };
            self.unknown(fields, &["email", "permissions"], &at);
            let permissions = self.of_entry(fields.get("permissions"), &format!("{at}.permissions"));
            match fields.get("email").and_then(Value::as_str).map(str::parse::<Email>) {
                Some(Ok(email)) => people.push((email, permissions)),
                Some(Err(why)) => self.wrong(&format!("{at}.email"), why),
                None => self.wrong(&format!("{at}.email"), "An email address is missing."),
            }
        }
        people
    }

    fn teams(&mut self, teams: Option<&Value>) -> Vec<(String, Option<Permissions>)> {
        let list = match teams {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => {
                self.wrong("access.teams", "This is a list of slugs: [\"support\"].");
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for (index, team) in list.iter().enumerate() {
            let at = format!("access.teams[{index}]");
            match team {
                Value::String(slug) => found.push((slug.clone(), None)),
                Value::Object(fields) => {
                    self.unknown(fields, &["slug", "permissions"], &at);
                    let permissions = self.of_entry(fields.get("permissions"), &format!("{at}.permissions"));
                    match fields.get("slug").and_then(Value::as_str) {
                        Some(slug) => found.push((slug.to_owned(), permissions)),
                        None => self.wrong(&format!("{at}.slug"), "A team’s slug is missing."),
                    }
                }
                _ => self.wrong(&at, "This is a slug, or { slug: …, permissions: […] }."),
            }
        }
        found
    }
}

/// A definition as it is shown back: one spelling for whatever was pasted or clicked.
#[derive(Serialize)]
struct Written<'a> {
    key: &'a str,
    kind: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<Value>,
}

/// What a resource keeps of its definition beside the columns, as [`Definition::kept`] wrote it.
pub fn kept(resource: &Resource) -> Map<String, Value> {
    let kept = resource.definition.as_deref().and_then(|text| serde_json::from_str(text).ok());
    kept.unwrap_or_default()
}

/// The whole resource as a definition that says the same if it is pasted.
pub fn written(resource: &Resource, stated: &Stated) -> String {
    let mut kept = kept(resource);
    let written = Written {
        key: &resource.key,
        kind: resource.kind.code(),
        name: &resource.name,
        description: &resource.description,
        url: resource.url.as_deref(),
        fields: kept.remove("fields"),
        requests: kept.remove("requests"),
        access: access(stated),
    };
    serde_json::to_string_pretty(&written).unwrap_or_default()
}

/// What it says of its access, in the shortest form that a definition has for it; nothing, if it says nothing.
pub fn access(stated: &Stated) -> Option<Value> {
    let audience = stated.audience?;
    let words = |permissions: Permissions| match permissions {
        Permissions::ALL => vec!["All"],
        some => some.iter().map(super::Permission::word).collect(),
    };
    let is_bare = stated.default.is_none() && stated.people.is_empty();
    if audience == Audience::EntireOrganization && is_bare && stated.teams.is_empty() {
        return Some(ORGANIZATION.into());
    }
    let entry = |name: &str, value: &str, permissions: Option<Permissions>| match permissions {
        Some(permissions) => json!({ name: value, "permissions": words(permissions) }),
        None => json!({ name: value }),
    };
    let teams: Vec<Value> = stated
        .teams
        .iter()
        .map(|team| match team.permissions {
            None => Value::String(team.slug.clone()),
            some => entry("slug", &team.slug, some),
        })
        .collect();
    let mut access = Map::new();
    if audience != Audience::Teams || !is_bare {
        access.insert("privacy".to_owned(), audience.code().into());
    }
    if let Some(default) = stated.default {
        access.insert("default_permissions".to_owned(), words(default).into());
    }
    if !stated.people.is_empty() {
        let people = stated.people.iter().map(|person| entry("email", &person.email, person.permissions));
        access.insert("users".to_owned(), people.collect());
    }
    if audience == Audience::Teams || !teams.is_empty() {
        access.insert("teams".to_owned(), teams.into());
    }
    Some(Value::Object(access))
}

/// What tells two definitions apart in the audit log, which need not hold them whole.
pub(super) fn digest(text: &str) -> String {
    match text {
        "" => "none".to_owned(),
        text => format!("{} bytes, sha256 {}", text.len(), &sha256_hex(text.as_bytes())[..16]),
    }
}
