//! The OpenAPI document and the page that is made of it.

use std::collections::BTreeSet;

use axum::http::Method;
use interlock::domain::api_keys::Kind;
use interlock::web::routes::{self, Access};
use serde_json::Value;

use super::{call, json_of, send};
use crate::support::{TestApp, on_both};

async fn document(app: &TestApp) -> Value {
    json_of(&call(app, "", "GET", "/v1/openapi.json", None).await.is(200))
}

/// Whatever a `$ref` names in the document.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(to) if name == "$ref" => drop(found.insert(to.clone())),
                    field => references(field, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|one| references(one, found)),
        _ => {}
    }
}

on_both! {
    /// Each route of /v1 has one operation, and each operation a route: with its id, its words, its refusals, and the keys
    /// that open it as the gate has them.
    async fn the_document_has_every_route(app: TestApp) {
        let document = document(&app).await;
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["servers"][0]["url"], "http://localhost:3000");
        assert_eq!(document["components"]["securitySchemes"]["key"]["scheme"], "bearer");
        let mut ids = BTreeSet::new();
        let mut told: BTreeSet<(String, String)> = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            told.extend(methods.as_object().expect("methods").keys().map(|method| (method.to_uppercase(), path.clone())));
        }
        let mut there = BTreeSet::new();
        for route in routes::table().iter().filter(|route| route.path.starts_with("/v1/")) {
            there.insert((route.method.to_string(), route.path.to_owned()));
            let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
            let what = format!("{} {}", route.method, route.path);
            assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 5), "{what} has no summary");
            assert!(ids.insert(operation["operationId"].as_str().expect("an id").to_owned()), "{what}");
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            let tags = document["tags"].as_array().expect("tags");
            assert!(tags.iter().any(|one| one["name"] == tag && one["description"].is_string()), "{what}: {tag}");
            let kinds: Vec<&str> = match route.access {
                Access::Key(scope) => Kind::ALL.into_iter().filter(|kind| kind.opens(scope).is_ok()).map(Kind::code).collect(),
                _ => Vec::new(),
            };
            let opened_by: Vec<&str> = operation["x-opened-by"].as_array().expect("kinds").iter().filter_map(Value::as_str).collect();
            assert_eq!(opened_by, kinds, "{what}");
            assert_eq!(operation["security"].as_array().map(Vec::is_empty), Some(kinds.is_empty()), "{what}");
            assert!(kinds.is_empty() || operation["responses"]["401"].is_object() && operation["responses"]["403"].is_object());
            let parameters: Vec<&str> = operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "path").filter_map(|one| one["name"].as_str()).collect();
            let in_path: Vec<&str> = route.path.split(['{', '}']).skip(1).step_by(2).collect();
            assert_eq!(parameters, in_path, "{what}");
            for (status, answer) in operation["responses"].as_object().expect("answers") {
                assert!(answer["description"].as_str().is_some_and(|text| !text.is_empty()), "{what} {status}");
                assert!(answer["headers"]["X-Request-Id"].is_object(), "{what} {status}");
                if status.starts_with(['4', '5']) {
                    assert!(answer["content"]["application/problem+json"].is_object(), "{what} {status}");
                }
            }
        }
        assert_eq!(told, there);
        let mut named = BTreeSet::new();
        references(&document, &mut named);
        for name in named {
            assert!(document.pointer(name.trim_start_matches('#')).is_some(), "{name} is not there");
        }
        // ASVS 14.2: no schema has a field for a secret.
        for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
            for field in schema["properties"].as_object().into_iter().flat_map(|fields| fields.keys()) {
                assert!(!field.contains("hash") || (name == "AuditRow" && field == "hash"), "{name}.{field}");
            }
        }
    }

    /// The source's own endpoints, as it writes them, for an admin key alone (K2).
    async fn the_sources_paths_are_there(app: TestApp) {
        let document = document(&app).await;
        for line in include_str!("source.txt").lines() {
            let (method, path) = line.split_once(' ').expect("a method and a path");
            let operation = &document["paths"][path][method.to_lowercase()];
            assert_eq!(operation["x-opened-by"], serde_json::json!(["admin"]), "{line}");
        }
    }

    /// It needs no key and is kept by whoever asks for it; the page needs no key either, and names every operation.
    async fn the_document_is_public(app: TestApp) {
        let answer = call(&app, "", "GET", "/v1/openapi.json", None).await.is(200);
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), ("application/json", "public, max-age=300"));
        let tag = answer.header("etag").to_owned();
        let known = send(&app, Method::GET, "/v1/openapi.json", &[("if-none-match", &tag)], "").await.is(304);
        assert!(known.body.is_empty());
        let page = app.visitor().get("/docs/api").await.ok();
        let text = page.text();
        let says = |words: &str| assert!(text.contains(words), "the page does not say {words}");
        let document = json_of(&answer);
        let mut operations = 0;
        for (path, methods) in document["paths"].as_object().expect("paths") {
            says(path);
            for operation in methods.as_object().expect("methods").values() {
                let id = operation["operationId"].as_str().expect("an id");
                assert!(page.body.contains(&format!("id=\"{id}\"")), "{id} is not on the page");
                says(operation["summary"].as_str().expect("a summary"));
                operations += 1;
            }
        }
        assert!(operations > 25);
        says("An admin API key, while whoever made it may invite people, change roles, suspend and remove.");
        says("curl -X POST http://localhost:3000/v1/users/invite");
    }
}
