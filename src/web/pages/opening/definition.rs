//! What a definition says of an interface, for its page: fields as a table, requests to those who may do them (A10).

use serde_json::Value;

use crate::domain::resources::{Permission, Permissions};

/// A field: its name, its type, and what else is said of it.
pub struct FieldRow {
    pub name: String,
    pub kind: String,
    pub about: String,
}

/// A request, and the permission that it takes.
pub struct RequestRow {
    pub name: String,
    pub takes: Permissions,
    pub about: String,
}

/// Nothing is longer on the page than this.
const LONGEST: usize = 300;

fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn text(value: &Value) -> String {
    shortened(match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    })
}

/// The members of an object or a list, each with its name.
fn named(value: Option<&Value>) -> Vec<(String, Value)> {
    match value {
        Some(Value::Object(members)) => {
            members.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        Some(Value::Array(members)) => {
            members.iter().map(|member| (name_within(member), member.clone())).collect()
        }
        _ => Vec::new(),
    }
}

fn name_within(member: &Value) -> String {
    let names = ["name", "key", "id", "label", "type"];
    let name = names.iter().find_map(|name| member.get(name).and_then(Value::as_str));
    shortened(name.map_or_else(|| text(member), str::to_owned))
}

/// What an object says beside what is shown of it already.
fn rest(value: &Value, shown: &[&str]) -> String {
    match value {
        Value::Object(members) => {
            let others = members.iter().filter(|(key, _)| !shown.contains(&key.as_str()));
            shortened(
                others.map(|(key, value)| format!("{key}: {}", text(value))).collect::<Vec<_>>().join(", "),
            )
        }
        _ => String::new(),
    }
}

fn parsed(definition: Option<&str>) -> Value {
    definition.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

pub fn fields(definition: Option<&str>) -> Vec<FieldRow> {
    let row = |(name, value): (String, Value)| FieldRow {
        kind: match &value {
            Value::String(kind) if *kind != name => kind.clone(),
            other => other.get("type").map(text).unwrap_or_default(),
        },
        about: rest(&value, &["name", "key", "id", "type"]),
        name,
    };
    named(parsed(definition).get("fields")).into_iter().map(row).collect()
}

/// Those that somebody with these permissions may do. One whose permission can't be told takes all.
pub fn requests(definition: Option<&str>, may: Permissions) -> Vec<RequestRow> {
    let row = |(name, value): (String, Value)| RequestRow {
        takes: taken_by(&name, &value),
        about: rest(&value, &["name", "key", "id", "permission"]),
        name,
    };
    let rows = named(parsed(definition).get("requests")).into_iter().map(row);
    rows.filter(|row| may.cover(row.takes)).collect()
}

/// By what it says of its permission, else its method, else its name.
fn taken_by(name: &str, value: &Value) -> Permissions {
    let said = value.get("permission").and_then(Value::as_str);
    if let Some(said) = said {
        return said.parse().unwrap_or(Permissions::ALL);
    }
    let method = value.get("method").or_else(|| value.get("type")).and_then(Value::as_str);
    let word = [method, Some(name)].into_iter().flatten().find_map(permission_of);
    word.map_or(Permissions::ALL, Permissions::from)
}

fn permission_of(word: &str) -> Option<Permission> {
    Some(match word.to_ascii_lowercase().as_str() {
        "create" | "post" | "add" | "insert" | "new" => Permission::Create,
        "read" | "get" | "list" | "fetch" | "index" | "show" => Permission::Read,
        "update" | "put" | "patch" | "edit" => Permission::Update,
        "delete" | "remove" | "destroy" => Permission::Delete,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A10: a request is offered only to those with its permission; an unknown one to those with all.
    #[test]
    fn requests_are_offered_to_those_with_their_permission() {
        let definition = r#"{"fields": {"amount": "number", "note": {"type": "text", "label": "Note"}},
            "requests": {"get": {"url": "/refunds"}, "create": {}, "pay": {"method": "PATCH"}, "launch": {},
            "drop": {"permission": "Delete"}}}"#;
        let names = |may: Permissions| -> String {
            requests(Some(definition), may).into_iter().map(|row| row.name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(Permissions::READ), "get");
        assert_eq!(names(Permissions::of([Permission::Create, Permission::Update])), "create pay");
        assert_eq!(names(Permission::Delete.into()), "drop");
        assert_eq!(names(Permissions::NONE), "");
        assert_eq!(requests(Some(definition), Permissions::ALL).len(), 5);
        let rows = fields(Some(definition));
        assert_eq!((rows[0].name.as_str(), rows[0].kind.as_str()), ("amount", "number"));
        assert_eq!((rows[1].kind.as_str(), rows[1].about.as_str()), ("text", "label: Note"));
        for broken in [None, Some("nonsense"), Some("[]"), Some(r#"{"fields": 7, "requests": null}"#)] {
            assert!(fields(broken).is_empty() && requests(broken, Permissions::ALL).is_empty());
        }
    }
}
