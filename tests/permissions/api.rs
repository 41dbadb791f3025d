//! `/v1/permissions`, with an admin key.

use axum::http::Method;
use interlock::domain::access::Role;
use serde_json::{Value, json};

use super::*;
use crate::api::{problem, send};
use crate::support::keys::{self, Row, set_base};
use crate::support::{everything, on_both};

const API: &str = "/v1/permissions";

async fn ask(app: &TestApp, key: &str, method: Method, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {key}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(app, method, path, &[("authorization", &bearer)], &body).await
}

fn value(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body))
}

/// The pointers of what is wrong.
#[track_caller]
fn pointers(answer: &Answer) -> Vec<String> {
    let problem = problem(answer, 422, "invalid");
    let errors = problem["errors"].as_array().expect("it has errors");
    errors.iter().map(|error| error["pointer"].as_str().unwrap_or_default().to_owned()).collect()
}

on_both! {
    /// L, K2, K3: an admin key makes, reads, changes and deletes permissions in the source's form; each change names it.
    async fn an_admin_key_writes_permissions(app: TestApp) {
        app.owner().await;
        let (_, key) = keys::insert(&app, &Row::admin("halden-freight", "amara@halden.example")).await;
        let organization = only(texts(&app, "select id from organizations").await);
        let scopes = json!({"source_type:icloud.account": [{"level": "user", "type": "count", "value": 3}]});
        let new = json!({"resource": "permission", "organisation": organization, "name": "Import", "scopes": scopes});
        let made = ask(&app, &key, Method::POST, API, &new).await.is(201);
        let location = made.header("location").to_owned();
        let made = value(&made);
        assert_eq!(location, format!("{API}/{}", made["id"].as_str().expect("an id")));
        let whole = json!({"id": made["id"], "resource": "permission", "organisation": organization, "name": "Import", "scopes": scopes});
        assert_eq!(made, whole);
        assert_eq!(value(&ask(&app, &key, Method::GET, &location, &Value::Null).await.is(200)), whole);
        // What was read can be sent back as it is.
        assert_eq!(value(&ask(&app, &key, Method::PATCH, &location, &whole).await.is(200)), whole);
        assert!(last_audited(&app, "permission.changed").await.is_empty());
        let changed = value(&ask(&app, &key, Method::PATCH, &location, &json!({"name": "Imports"})).await.is(200));
        assert_eq!((&changed["name"], &changed["scopes"]), (&json!("Imports"), &scopes));
        let changed = value(&ask(&app, &key, Method::PATCH, &location, &json!({"scopes": {}})).await.is(200));
        assert_eq!((&changed["name"], &changed["scopes"]), (&json!("Imports"), &json!({})));
        for kind in ["permission.created", "permission.changed"] {
            let audited = last_audited(&app, kind).await;
            assert!(audited.contains("by_key"), "{audited}");
        }
        assert_eq!(ask(&app, &key, Method::DELETE, &location, &Value::Null).await.is(204).body, "");
        assert!(last_audited(&app, "permission.deleted").await.contains("by_key"));
        problem(&ask(&app, &key, Method::GET, &location, &Value::Null).await, 404, "not-found");
        problem(&ask(&app, &key, Method::DELETE, &location, &Value::Null).await, 404, "not-found");
    }

    /// LIM-07, CAP-01, INJ-04: what is wrong is said by its pointer, and nothing is saved.
    async fn what_is_wrong_is_said_by_its_pointer(app: TestApp) {
        app.owner().await;
        let (_, key) = keys::insert(&app, &Row::admin("halden-freight", "amara@halden.example")).await;
        let id = keys::permission(&app, "halden-freight", "Taken", "{}").await;
        set_base(&app, "halden-freight", r#"{"source_type:a.*":[{"level":"user","type":"count","value":3}]}"#).await;
        let limit = |value: Value| json!({"source_type:a.b": [{"level": "user", "type": "count", "value": value}]});
        // The key is used: its row says so from now on.
        ask(&app, &key, Method::GET, API, &Value::Null).await.is(200);
        let before = everything(&app).await;
        for (body, wrong) in [
            (json!({}), vec!["/name", "/scopes"]),
            (json!({"name": "A", "scopes": []}), vec!["/scopes"]),
            (json!({"name": 7, "scopes": {}}), vec!["/name"]),
            (json!({"name": "A\u{0}b", "scopes": {}}), vec!["/name"]),
            (json!({"name": "A", "scopes": {}, "created_at": 1}), vec!["/created_at"]),
            (json!({"name": "A", "scopes": {}, "id": id.to_string()}), vec!["/id"]),
            (json!({"name": "A", "scopes": {}, "resource": "key"}), vec!["/resource"]),
            (json!({"name": "A", "scopes": {}, "organisation": "other"}), vec!["/organisation"]),
            (json!({"name": "A", "scopes": limit(json!(-1))}), vec!["/scopes/source_type:a.b/0/value"]),
            (json!({"name": "A", "scopes": limit(json!(1.5))}), vec!["/scopes/source_type:a.b/0/value"]),
            (json!({"name": "A", "scopes": limit(json!(1e30))}), vec!["/scopes/source_type:a.b/0/value"]),
            (json!({"name": "A", "scopes": limit(json!("3"))}), vec!["/scopes/source_type:a.b/0/value"]),
            (json!({"name": "A", "scopes": limit(json!(4))}), vec!["/scopes/source_type:a.b/0/value"]),
            (json!({"name": "A", "scopes": {"source_type:a": [], "task_type:x": []}}), vec!["/scopes/source_type:a", "/scopes/task_type:x"]),
            (json!({"name": "A", "scopes": {"source_type:*.a": []}}), vec!["/scopes/source_type:*.a"]),
        ] {
            assert_eq!(pointers(&ask(&app, &key, Method::POST, API, &body).await), wrong, "{body}");
        }
        let taken = ask(&app, &key, Method::POST, API, &json!({"name": "tAKEN", "scopes": {}})).await;
        assert_eq!(problem(&taken, 409, "name-taken")["errors"][0]["pointer"], "/name");
        let path = format!("{API}/{id}");
        assert_eq!(pointers(&ask(&app, &key, Method::PATCH, &path, &json!({"scopes": limit(json!(4))})).await), ["/scopes/source_type:a.b/0/value"]);
        let other = "01a20000-0000-7000-8000-000000000000";
        assert_eq!(pointers(&ask(&app, &key, Method::PATCH, &path, &json!({"id": other})).await), ["/id"]);
        assert_eq!(everything(&app).await, before);
        ask(&app, &key, Method::POST, API, &json!({"name": "None", "scopes": limit(json!(0))})).await.is(201);
    }

    /// What keys use is not deleted (409); what a live key uses, an admin key does not change (403), as it manages none.
    async fn what_keys_use_is_left_alone(app: TestApp) {
        app.owner().await;
        let (_, key) = keys::insert(&app, &Row::admin("halden-freight", "amara@halden.example")).await;
        let id = keys::permission(&app, "halden-freight", "Import", "{}").await;
        let path = format!("{API}/{id}");
        let development = Row { permission: Some(id), ..Row::development("halden-freight", "amara@halden.example") };
        keys::insert(&app, &development).await;
        problem(&ask(&app, &key, Method::DELETE, &path, &Value::Null).await, 409, "in-use");
        ask(&app, &key, Method::PATCH, &path, &json!({"name": "Imports"})).await.is(200);
        keys::insert(&app, &Row::live("halden-freight", Some(id))).await;
        problem(&ask(&app, &key, Method::PATCH, &path, &json!({"name": "Mine"})).await, 403, "live-key-uses-it");
        problem(&ask(&app, &key, Method::DELETE, &path, &Value::Null).await, 409, "in-use");
        assert_eq!(stored(&app, "Imports").await, "{}");
    }

    /// K3, TEN-01, ROL-01: other kinds of keys open none of it; another organization's ids are unknown; the minter's
    /// role decides.
    async fn others_reach_nothing(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ad Min", "admin@halden.example", Role::Admin).await;
        app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let id = keys::permission(&app, "halden-freight", "Import", "{}").await;
        let path = format!("{API}/{id}");
        let (_, stranger) = keys::insert(&app, &Row::admin("brightwater-labs", "bo@brightwater.example")).await;
        let new = json!({"name": "A", "scopes": {}});
        for (method, body) in [(Method::GET, Value::Null), (Method::PATCH, new.clone()), (Method::DELETE, Value::Null)] {
            let there = problem(&ask(&app, &stranger, method.clone(), &path, &body).await, 404, "not-found");
            let random = format!("{API}/01a20000-0000-7000-8000-000000000000");
            assert_eq!(problem(&ask(&app, &stranger, method.clone(), &random, &body).await, 404, "not-found"), there);
            problem(&ask(&app, &stranger, method, &format!("{API}/nonsense"), &body).await, 404, "not-found");
        }
        assert_eq!(value(&ask(&app, &stranger, Method::GET, API, &Value::Null).await)["data"], json!([]));
        for row in [Row::live("halden-freight", None), Row::development("halden-freight", "amara@halden.example")] {
            let (_, key) = keys::insert(&app, &row).await;
            for (method, path) in [(Method::GET, API), (Method::POST, API), (Method::PATCH, path.as_str()), (Method::DELETE, path.as_str())] {
                problem(&ask(&app, &key, method, path, &new).await, 403, "wrong-key");
            }
        }
        let (_, admin) = keys::insert(&app, &Row::admin("halden-freight", "admin@halden.example")).await;
        ask(&app, &admin, Method::GET, &path, &Value::Null).await.is(200);
        let user = app.id_of(&mut owner, "Ad Min").await;
        owner.post(&format!("{}/users/{user}/role", owner.org), &[("role", "developer")]).await.is(303);
        ask(&app, &admin, Method::GET, &path, &Value::Null).await.is(403);
    }

    /// Lists by cursor, with a Link to the next page; a cursor that is none is said.
    async fn the_list_is_paged(app: TestApp) {
        app.owner().await;
        let (_, key) = keys::insert(&app, &Row::admin("halden-freight", "amara@halden.example")).await;
        for name in ["C", "A", "B"] {
            keys::permission(&app, "halden-freight", name, "{}").await;
        }
        let names = |page: &Value| -> Vec<String> {
            let data = page["data"].as_array().expect("a list");
            data.iter().map(|one| one["name"].as_str().unwrap_or_default().to_owned()).collect()
        };
        let first = ask(&app, &key, Method::GET, &format!("{API}?limit=2"), &Value::Null).await.is(200);
        assert_eq!(names(&value(&first)), ["A", "B"]);
        let link = first.header("link").to_owned();
        let next = link.split(['<', '>']).nth(1).expect("it has an address").to_owned();
        let last = ask(&app, &key, Method::GET, &next, &Value::Null).await.is(200);
        assert_eq!((names(&value(&last)), &value(&last)["next_cursor"]), (vec!["C".to_owned()], &Value::Null));
        assert!(last.header("link").is_empty());
        for wrong in ["?cursor=nonsense", "?limit=0", "?limit=101", "?limit=x"] {
            problem(&ask(&app, &key, Method::GET, &format!("{API}{wrong}"), &Value::Null).await, 422, "invalid");
        }
    }
}
