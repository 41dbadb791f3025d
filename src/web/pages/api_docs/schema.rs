//! Schemas of the document, in words and as examples.

use serde_json::{Map, Value, json};

use crate::web::api::document;

/// A field, or a parameter.
pub struct Row {
    pub name: String,
    pub kind: String,
    /// Where it stands, if it is a parameter.
    pub place: &'static str,
    pub required: bool,
    pub about: String,
}

/// A schema that others name.
pub struct Named {
    pub name: String,
    pub about: String,
    pub rows: Vec<Row>,
    /// The words that it is one of, or what else it is.
    pub words: String,
}

/// What a schema names, itself if it names nothing.
fn resolved(schema: &Value) -> &Value {
    let name = schema["$ref"].as_str().and_then(|at| at.strip_prefix("#/components/schemas/"));
    name.map_or(schema, |name| &document::value()["components"]["schemas"][name])
}

/// A schema in a few words: "string", "list of User, or null".
pub fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let mut kinds: Vec<String> = choices.iter().map(kind).collect();
            // Null last.
            kinds.sort_by_key(|kind| kind == "null");
            return kinds.join(" or ");
        }
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one],
        _ => return "anything".to_owned(),
    };
    let words = types.iter().map(|word| match (*word, schema["format"].as_str()) {
        ("array", _) => format!("list of {}", kind(&schema["items"])),
        ("string", Some("date-time")) => "time".to_owned(),
        ("string", Some("uuid")) => "id".to_owned(),
        ("string", Some("email")) => "address".to_owned(),
        ("string", Some("uri")) => "URL".to_owned(),
        ("integer" | "number", _) => "number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        (word, _) => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" or ")
}

pub fn row(name: &str, schema: &Value, required: bool) -> Row {
    let about = schema["description"].as_str();
    // What it names says it, where it says nothing itself.
    let about = about.or_else(|| resolved(schema)["description"].as_str()).unwrap_or_default();
    Row { name: name.to_owned(), kind: kind(schema), place: "", required, about: about.to_owned() }
}

/// The fields of an object.
pub fn rows(schema: &Value) -> Vec<Row> {
    let schema = resolved(schema);
    let required =
        |name: &str| schema["required"].as_array().is_some_and(|list| list.iter().any(|one| one == name));
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields.map(|(name, field)| row(name, field, required(name))).collect()
}

/// All schemas that have a name, in their order.
pub fn named(document: &Value) -> Vec<Named> {
    let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
    schemas
        .map(|(name, schema)| {
            let words = schema["enum"]
                .as_array()
                .map(|words| words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "));
            let rows = rows(schema);
            let is_other = words.is_none() && rows.is_empty();
            Named {
                name: name.clone(),
                about: schema["description"].as_str().unwrap_or_default().to_owned(),
                words: words.unwrap_or_else(|| if is_other { kind(schema) } else { String::new() }),
                rows,
            }
        })
        .collect()
}

/// A value of this schema.
pub fn example(schema: &Value, depth: usize) -> Value {
    for given in [&schema["example"], &schema["examples"][0], &schema["default"]] {
        if !given.is_null() {
            return given.clone();
        }
    }
    if schema.get("$ref").is_some() {
        return if depth > 8 { Value::Null } else { example(resolved(schema), depth + 1) };
    }
    if let Some(word) = schema["enum"].as_array().and_then(|words| words.first()) {
        return word.clone();
    }
    for choice in ["oneOf", "anyOf"] {
        let choices = schema[choice].as_array().into_iter().flatten();
        if let Some(first) = choices.clone().find(|one| one["type"] != "null") {
            return example(first, depth + 1);
        }
    }
    let types = match &schema["type"] {
        // What may be null is shown where there is something.
        Value::Array(types) => {
            types.iter().filter_map(Value::as_str).find(|one| *one != "null").unwrap_or_default()
        }
        one => one.as_str().unwrap_or_default(),
    };
    match (types, schema["format"].as_str()) {
        ("object", _) => object(schema, depth),
        ("array", _) => json!([example(&schema["items"], depth + 1)]),
        ("boolean", _) => json!(false),
        ("integer" | "number", _) => json!(1),
        ("string", Some("date-time")) => json!("2026-11-26T15:41:07Z"),
        ("string", Some("uuid")) => json!("019a9d1e-7d06-7c3a-9a5b-6f1f2f6c1c11"),
        ("string", Some("uri")) => json!("https://refunds.halden.example/"),
        ("string", Some("email")) => json!("dana.kovac@halden.example"),
        ("string", _) => json!("…"),
        _ => json!({}),
    }
}

fn object(schema: &Value, depth: usize) -> Value {
    let mut fields = Map::new();
    if depth <= 8 {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            fields.insert(name.clone(), example(field, depth + 1));
        }
        if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
            fields.insert("role".to_owned(), example(values, depth + 1));
        }
    }
    Value::Object(fields)
}
