//! `/docs/api`: the API's document as a page.

mod schema;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use self::schema::{Named, Row, example, row, rows};
use crate::app::Shared;
use crate::domain::values::Theme;
use crate::web::api::document;
use crate::web::gate::Visitor;
use crate::web::html;

#[derive(Template)]
#[template(path = "api_docs/index.html")]
struct Page {
    theme: Theme,
    about: Vec<String>,
    tags: Vec<Tag>,
    named: Vec<Named>,
}

/// What belongs together.
struct Tag {
    name: String,
    about: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    about: Vec<String>,
    who_may: String,
    parameters: Vec<Row>,
    body: Vec<Row>,
    answers: Vec<Answer>,
    curl: String,
    /// What a successful answer looks like.
    example: Option<String>,
}

struct Answer {
    status: String,
    about: String,
    /// What it holds, by name.
    holds: Option<String>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The document's words in pieces; those between backticks are code.
pub fn spans(text: &str) -> impl Iterator<Item = (bool, &str)> {
    text.split('`').enumerate().map(|(number, part)| (number % 2 == 1, part))
}

fn paragraphs(value: &Value) -> Vec<String> {
    text(value).split("\n\n").filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The schema of what an answer or a body holds, whatever its type is called.
fn content(of: &Value) -> Option<&Value> {
    of["content"].as_object().and_then(|types| types.values().next()).map(|content| &content["schema"])
}

fn operation(base: &str, path: &str, method: &str, of: &Value) -> Operation {
    let body = content(&of["requestBody"]);
    let parameters = of["parameters"].as_array().into_iter().flatten();
    let answers: Vec<Answer> = of["responses"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(status, answer)| Answer {
            status: status.clone(),
            about: text(&answer["description"]),
            holds: content(answer).map(schema::kind),
        })
        .collect();
    let good = of["responses"].as_object().into_iter().flatten().find(|(status, _)| status.starts_with('2'));
    Operation {
        id: text(&of["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&of["summary"]),
        about: paragraphs(&of["description"]),
        who_may: text(&of["x-who-may"]),
        parameters: parameters.clone().map(parameter).collect(),
        body: body.map(rows).unwrap_or_default(),
        answers,
        curl: curl(base, path, method, of, body),
        example: good
            .and_then(|(_, answer)| content(answer))
            .filter(|_| path != "/v1/openapi.json")
            .map(pretty),
    }
}

fn parameter(of: &Value) -> Row {
    let name = text(&of["name"]);
    let about = text(&of["description"]);
    let place = match of["in"].as_str() {
        Some("query") => "in the query",
        Some("header") => "a header",
        _ => "in the path",
    };
    let row = row(&name, &of["schema"], of["required"] == true);
    let about = if about.is_empty() { row.about.clone() } else { about };
    Row { place, about, ..row }
}

fn pretty(schema: &Value) -> String {
    serde_json::to_string_pretty(&example(schema, 0)).unwrap_or_default()
}

/// A call of it, to be pasted into a shell.
fn curl(base: &str, path: &str, method: &str, of: &Value, body: Option<&Value>) -> String {
    let mut address = path.to_owned();
    for parameter in of["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "path") {
        let name = text(&parameter["name"]);
        let value = match &parameter["example"] {
            Value::String(value) => value.clone(),
            _ => text(&example(&parameter["schema"], 0)),
        };
        address = address.replace(&format!("{{{name}}}"), &value);
    }
    let mut parts = vec!["curl".to_owned()];
    if method != "get" {
        parts.push(format!("-X {}", method.to_uppercase()));
    }
    parts.push(format!("{base}{address}"));
    if of["security"].as_array().is_some_and(|needs| !needs.is_empty()) {
        parts.push("\\\n  -H \"Authorization: Bearer $INTERLOCK_KEY\"".to_owned());
    }
    if let Some(schema) = body {
        let body = example(schema, 0).to_string().replace('\'', "'\\''");
        parts.push(format!("\\\n  -H \"Content-Type: application/json\" \\\n  -d '{body}'"));
    }
    parts.join(" ")
}

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn tag(base: &str, document: &Value, of: &Value) -> Tag {
    let name = text(&of["name"]);
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let found = &methods[method];
            if found["tags"][0] == name.as_str() {
                operations.push(operation(base, path, method, found));
            }
        }
    }
    Tag { about: text(&of["description"]), name, operations }
}

pub async fn show(State(app): State<Shared>, visitor: Visitor) -> Response {
    let document = document::value();
    let base = app.config.base_url.as_str().trim_end_matches('/');
    let tags = document["tags"].as_array().into_iter().flatten();
    html::page(&Page {
        theme: visitor.person.map_or(Theme::default(), |person| person.theme),
        about: paragraphs(&document["info"]["description"]),
        tags: tags.map(|of| tag(base, document, of)).filter(|tag| !tag.operations.is_empty()).collect(),
        named: schema::named(document),
    })
}
