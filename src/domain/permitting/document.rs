//! A permission in the source's form: pasted to make or change one, shown back to copy.

use serde::Serialize;
use serde_json::Value;

use crate::domain::permissions::{Permission, Scopes};
use crate::domain::values::{Fault, PermissionName, harmless, json5, pointer_part};
use crate::ids::{OrganizationId, PermissionId};

/// A document has at most so many bytes.
pub const LONGEST: usize = 64 * 1024;

const FIELDS: [&str; 5] = ["id", "resource", "organisation", "name", "scopes"];

/// What a document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub name: Option<PermissionName>,
    pub scopes: Scopes,
}

/// What a document must not contradict: whose it is, by id and slug, and which.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    pub organization: Option<(OrganizationId, &'a str)>,
    pub id: Option<PermissionId>,
}

/// Reads a document, JSON or JSON5, or says what is wrong with it, each with its pointer.
pub fn parse(text: &str, whose: Whose<'_>) -> Result<Document, Vec<Fault>> {
    if text.len() > LONGEST {
        return Err(vec![Fault::new("", "A permission has at most 64 KiB.")]);
    }
    if text.trim().is_empty() {
        return Err(vec![Fault::new("", "Paste a permission.")]);
    }
    let value = json5::parse(text).map_err(|why| {
        vec![Fault::new("", format!("This can’t be read as JSON or JSON5: {}.", harmless(&why, 200)))]
    })?;
    read(&value, whose)
}

/// Reads a document that is JSON already.
pub fn read(value: &Value, whose: Whose<'_>) -> Result<Document, Vec<Fault>> {
    let Some(fields) = value.as_object() else {
        return Err(vec![Fault::new(
            "",
            "A permission is an object: {\"resource\": \"permission\", \"scopes\": {…}}.",
        )]);
    };
    let mut faults: Vec<Fault> = fields
        .keys()
        .filter(|name| !FIELDS.contains(&name.as_str()))
        .map(|name| {
            let detail = format!("This field is not known. There are {}.", FIELDS.join(", "));
            Fault::new(format!("/{}", pointer_part(name)), detail)
        })
        .collect();
    let text = |name: &str| fields.get(name).filter(|value| !value.is_null());
    if text("resource").is_some_and(|value| value != "permission") {
        faults.push(Fault::new("/resource", "resource is always \"permission\"."));
    }
    if let Some(given) = text("id") {
        let detail = match whose.id {
            Some(id) => format!("This is the permission {id}. Leave the id out, or edit the other one."),
            None => "A new permission gets its id here. Leave it out.".to_owned(),
        };
        if whose.id.is_none_or(|id| *given != id.to_string()) {
            faults.push(Fault::new("/id", detail));
        }
    }
    if let (Some(given), Some((id, slug))) = (text("organisation"), whose.organization)
        && *given != id.to_string()
        && given != slug
    {
        let detail = format!("This organization is {id}, or {slug}. Leave organisation out.");
        faults.push(Fault::new("/organisation", detail));
    }
    let name = text("name").and_then(|value| {
        let name = value.as_str().map(str::parse::<PermissionName>);
        match name {
            Some(Ok(name)) => return Some(name),
            Some(Err(why)) => faults.push(Fault::new("/name", why.to_string())),
            None => faults.push(Fault::new("/name", "name has to be a string.")),
        }
        None
    });
    let scopes = match fields.get("scopes") {
        None => {
            faults.push(Fault::new("/scopes", "scopes is missing. {} grants nothing."));
            None
        }
        Some(value) => Scopes::from_json(value, "/scopes").map_err(|more| faults.extend(more)).ok(),
    };
    match scopes {
        Some(scopes) if faults.is_empty() => Ok(Document { name, scopes }),
        _ => Err(faults),
    }
}

/// In the source's order.
#[derive(Serialize)]
struct Written<'a> {
    id: String,
    resource: &'static str,
    organisation: String,
    name: &'a str,
    scopes: Value,
}

/// A permission as its document, to copy or to paste again.
pub fn written(permission: &Permission) -> String {
    let written = Written {
        id: permission.id.to_string(),
        resource: "permission",
        organisation: permission.organization.to_string(),
        name: &permission.name,
        scopes: permission.scopes.to_json(),
    };
    serde_json::to_string_pretty(&written).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Whose<'static> = Whose { organization: None, id: None };

    /// L2: the source's attributes as it has them, and its example of scopes.
    #[test]
    fn the_sources_document_is_taken() {
        let organization = OrganizationId::generate();
        let id = PermissionId::generate();
        let text = format!(
            r#"{{"id": "{id}", "resource": "permission", "organisation": "{organization}",
            "scopes": {{"source_type:icloud.account": [{{"level": "user", "type": "count", "value": 3}}]}}}}"#
        );
        let whose = Whose { organization: Some((organization, "halden")), id: Some(id) };
        let document = parse(&text, whose).expect("it is right");
        assert_eq!(document.scopes.len(), 1);
        assert!(document.name.is_none());
        let pointers = |whose| {
            let faults = parse(&text, whose).expect_err("it is another's");
            faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()
        };
        assert_eq!(pointers(Whose { id: None, ..whose }), ["/id"]);
        assert_eq!(pointers(Whose { id: Some(PermissionId::generate()), ..whose }), ["/id"]);
        let other = Some((OrganizationId::generate(), "other"));
        assert_eq!(pointers(Whose { organization: other, ..whose }), ["/organisation"]);
        let by_slug = text.replace(&organization.to_string(), "halden");
        assert!(parse(&by_slug, whose).is_ok());
    }

    /// LIM-07, INJ-04
    #[test]
    fn what_is_wrong_is_said_by_its_pointer() {
        for (text, pointer) in [
            ("", ""),
            ("[]", ""),
            ("{", ""),
            ("{}", "/scopes"),
            ("{scopes: {}, scopes: {}}", ""),
            ("{scopes: {}, created_at: 1}", "/created_at"),
            ("{scopes: {}, 'a/b': 1}", "/a~1b"),
            ("{scopes: {}, resource: 'key'}", "/resource"),
            ("{scopes: {}, name: 7}", "/name"),
            ("{scopes: {}, name: 'a\\u202eb'}", "/name"),
            ("{scopes: {'source_type:*.a': []}}", "/scopes/source_type:*.a"),
            (
                "{scopes: {'source_type:a': [{level: 'user', type: 'count', value: -1}]}}",
                "/scopes/source_type:a/0/value",
            ),
            (
                "{scopes: {'source_type:a': [{level: 'user', type: 'count', value: 1.5}]}}",
                "/scopes/source_type:a/0/value",
            ),
            (
                "{scopes: {'source_type:a': [{level: 'user', type: 'count', value: 1e30}]}}",
                "/scopes/source_type:a/0/value",
            ),
        ] {
            let faults = parse(text, NEW).expect_err(text);
            assert_eq!(faults.len(), 1, "{text}: {faults:?}");
            assert_eq!(faults[0].pointer, pointer, "{text}");
        }
        let lenient = parse("// mine\n{scopes: {'source_type:a': [],}, name: 'Mine', resource: null,}", NEW);
        assert_eq!(lenient.expect("it is right").name.map(|name| name.to_string()).as_deref(), Some("Mine"));
    }
}
