//! Resources over the API, in the written form of definitions (A10).

use interlock::domain::access::Role;
use serde_json::{Value, json};

use super::{admin, call, json_of, newest_row, pointers, problem};
use crate::support::access::team;
use crate::support::database::{count, execute};
use crate::support::on_both;

const AMARA: &str = "amara@halden.example";
const ANA: &str = "ana@halden.example";
const BO: &str = "bo@brightwater.example";

on_both! {
    /// A10, A4, A6: what a definition says is made, shown back the same, and changed; each change has a row that names the key.
    async fn a_resource_is_made_of_its_definition(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana Sousa", ANA, Role::Member).await;
        team(&app, &owner.org, "support", &[ANA]).await;
        let key = admin(&app, &owner.org, AMARA).await;
        let access = json!({"privacy": "InviteRestricted", "default_permissions": ["Read"], "users": [{"email": ANA, "permissions": ["Read", "Update"]}]});
        let definition = json!({"key": "tools/refunds", "name": "Refunds", "fields": {"amount": "number"}, "requests": [{"name": "refund"}], "access": access});
        let answer = call(&app, &key, "POST", "/v1/resources", Some(&definition)).await.is(201);
        assert_eq!(answer.header("location"), "/v1/resources/tools%2Frefunds");
        let made = json_of(&answer);
        for name in ["key", "name", "fields", "requests", "access"] {
            assert_eq!(made[name], definition[name], "{name}");
        }
        assert_eq!((&made["kind"], &made["audience"], &made["environment"]), (&json!("interface"), &json!("InviteRestricted"), &json!("production")));
        assert_eq!(count(&app, "audit_events where kind = 'resource.created' and changes like '%il_admin_%'").await, 1);
        assert_eq!(json_of(&call(&app, &key, "GET", answer.header("location"), None).await.is(200)), made);
        problem(&call(&app, &key, "POST", "/v1/resources", Some(&definition)).await, 409, "key-taken");

        let path = "/v1/resources/tools%2Frefunds";
        let changed = json_of(&call(&app, &key, "PATCH", path, Some(&json!({"description": "Money back"}))).await.is(200));
        assert_eq!((&changed["description"], &changed["fields"], &changed["name"]), (&json!("Money back"), &definition["fields"], &json!("Refunds")));
        let wrong = json!({"key": "x", "kind": "tool", "access": "entire-organization"});
        assert_eq!(pointers(&problem(&call(&app, &key, "PATCH", path, Some(&wrong)).await, 422, "invalid")), ["/key", "/kind", "/access"]);
        assert_eq!(pointers(&problem(&call(&app, &key, "PATCH", path, Some(&json!({"url": "https://x.example/"}))).await, 422, "invalid")), ["/url"]);

        call(&app, &key, "DELETE", path, None).await.is(204);
        assert_eq!(newest_row(&app).await.0, "resource.archived");
        let archived = json_of(&call(&app, &key, "GET", path, None).await.is(200));
        assert!(archived["archived_at"].is_string());
        assert_eq!(json_of(&call(&app, &key, "GET", "/v1/resources", None).await.is(200))["data"], json!([]));
        assert_eq!(json_of(&call(&app, &key, "GET", "/v1/resources?archived=true", None).await.is(200))["data"][0]["key"], "tools/refunds");
        let back = json_of(&call(&app, &key, "POST", &format!("{path}/unarchive"), None).await.is(200));
        assert!(back["archived_at"].is_null());
    }

    /// A10: of two who change different parts of one resource at once neither undoes the other: over the API, and with
    /// the page of its settings.
    async fn changed_at_once_both_changes_stay(app: TestApp) {
        let mut owner = app.owner().await;
        let key = admin(&app, &owner.org, AMARA).await;
        call(&app, &key, "POST", "/v1/resources", Some(&json!({"key": "refunds", "requests": [{"name": "refund"}]}))).await.is(201);
        let (path, page) = ("/v1/resources/refunds", format!("{}/resources/refunds/settings", owner.org));
        for round in 0..12 {
            let (name, about) = (format!("Name {round}"), format!("About {round}"));
            let (renamed, described) = (json!({ "name": name }), json!({ "description": about }));
            let both = tokio::join!(call(&app, &key, "PATCH", path, Some(&renamed)), call(&app, &key, "PATCH", path, Some(&described)));
            both.0.is(200);
            both.1.is(200);
            let typed = [("name", name.as_str()), ("description", about.as_str()), ("url", "")];
            let fields = json!({"fields": {"round": round}});
            let both = tokio::join!(owner.post(&page, &typed), call(&app, &key, "PATCH", path, Some(&fields)));
            both.0.is(303);
            both.1.is(200);
            let now = json_of(&call(&app, &key, "GET", path, None).await.is(200));
            assert_eq!((&now["name"], &now["description"], &now["fields"]), (&json!(name), &json!(about), &fields["fields"]));
            assert_eq!(now["requests"], json!([{"name": "refund"}]));
        }
    }

    /// What stays is what is there, of each kind, and what is not there is not found, whatever is said of it.
    async fn what_is_not_said_stays(app: TestApp) {
        let owner = app.owner().await;
        let key = admin(&app, &owner.org, AMARA).await;
        let tool = json!({"key": "wiki", "kind": "tool", "name": "Wiki", "url": "https://wiki.example/a", "fields": {"a": 1}, "requests": [1]});
        call(&app, &key, "POST", "/v1/resources", Some(&tool)).await.is(201);
        let rows = count(&app, "audit_events where kind = 'resource.changed'").await;
        for said in [json!({}), json!({"name": "Wiki"}), json!({"fields": {"a": 1}}), json!({"url": "https://wiki.example/a"})] {
            let same = json_of(&call(&app, &key, "PATCH", "/v1/resources/wiki", Some(&said)).await.is(200));
            for name in ["name", "url", "fields", "requests"] {
                assert_eq!(same[name], tool[name], "{said}");
            }
        }
        assert_eq!(count(&app, "audit_events where kind = 'resource.changed'").await, rows, "nothing changed, and no row says that it did");
        let moved = json_of(&call(&app, &key, "PATCH", "/v1/resources/wiki", Some(&json!({"url": "https://wiki.example/b", "fields": {"b": 2}}))).await.is(200));
        assert_eq!((&moved["name"], &moved["url"], &moved["fields"], &moved["requests"]), (&tool["name"], &json!("https://wiki.example/b"), &json!({"b": 2}), &tool["requests"]));
        assert_eq!(count(&app, "resources where host = 'wiki.example' and path = '/b'").await, 1);
        call(&app, &key, "PATCH", "/v1/resources/wiki", Some(&json!({"description": "Of all"}))).await.is(200);
        assert_eq!(count(&app, "resources where host = 'wiki.example' and path = '/b'").await, 1);
        problem(&call(&app, &key, "PATCH", "/v1/resources/no-such", Some(&json!({"key": "x"}))).await, 404, "not-found");
    }

    /// A1, A2, A14: access is said in each form of the sources, takes the place of what was said, and warns of unknown teams.
    async fn access_is_said(app: TestApp) {
        let owner = app.owner().await;
        team(&app, &owner.org, "support", &[]).await;
        let key = admin(&app, &owner.org, AMARA).await;
        for (resource, kind) in [("ops", "page"), ("ops/run", "action"), ("wiki", "interface")] {
            call(&app, &key, "POST", "/v1/resources", Some(&json!({"key": resource, "kind": kind}))).await.is(201);
        }
        let put = async |resource: &str, access: Value| {
            call(&app, &key, "PUT", &format!("/v1/resources/{}/access", resource.replace('/', "%2F")), Some(&json!({ "access": access }))).await
        };
        for (access, audience) in [
            (json!("entire-organization"), "entire-organization"),
            (json!({"teams": ["support"]}), "teams"),
            (json!({"privacy": "Public", "default_permissions": ["Create", "Read"]}), "Public"),
            (Value::Null, "Private"),
        ] {
            let said = json_of(&put("wiki", access.clone()).await.is(200));
            assert_eq!((&said["access"], &said["audience"], &said["warnings"]), (&access, &json!(audience), &json!([])), "{access}");
            assert_eq!(json_of(&call(&app, &key, "GET", "/v1/resources/wiki/access", None).await.is(200)), said);
        }
        assert_eq!(newest_row(&app).await.0, "resource.access_changed");
        let rows = count(&app, "audit_events").await;
        put("wiki", Value::Null).await.is(200);
        assert_eq!(count(&app, "audit_events").await, rows, "nothing changed, and no row says that it did");
        let warned = json_of(&put("wiki", json!({"teams": ["nobody"]})).await.is(200));
        assert!(warned["warnings"].as_array().is_some_and(|list| list.len() == 2), "{warned}");
        put("ops", json!({"teams": ["support"]})).await.is(200);
        let inherited = json_of(&call(&app, &key, "GET", "/v1/resources/ops%2Frun", None).await.is(200));
        assert_eq!((&inherited["access"], &inherited["audience"], &inherited["inherited_from"]), (&Value::Null, &json!("teams"), &json!("ops")));
        for (resource, access, at) in [
            ("wiki", json!("everybody"), vec!["/access"]),
            ("wiki", json!({"privacy": "Secret", "users": [{"email": "no"}, {"mail": ANA}]}), vec!["/access/privacy", "/access/users/0/email", "/access/users/1/mail", "/access/users/1/email"]),
            ("wiki", json!({"privacy": "Public", "users": [{"email": ANA}, {"email": ANA}]}), vec!["/access"]),
            ("ops", json!({"privacy": "Public"}), vec!["/access/privacy"]),
            ("ops", json!({"teams": ["support"], "users": [{"email": ANA}]}), vec!["/access/users"]),
        ] {
            assert_eq!(pointers(&problem(&put(resource, access.clone()).await, 422, "invalid")), at, "{access}");
        }
        let none = call(&app, &key, "PUT", "/v1/resources/wiki/access", Some(&json!({}))).await;
        assert_eq!(pointers(&problem(&none, 422, "invalid")), ["/access"]);
    }

    /// TEN-01, A11: by environment, and nothing of another organization's.
    async fn each_environment_apart(app: TestApp) {
        let owner = app.owner().await;
        let bo = app.sign_up("Brightwater Labs", "Bo Bright", BO).await;
        execute(&app, "insert into environments (organization, slug, name, color, created_at) select id, 'staging', 'Staging', 'blue', 0 from organizations where slug = 'halden-freight'").await;
        let (key, theirs) = (admin(&app, &owner.org, AMARA).await, admin(&app, &bo.org, BO).await);
        for environment in ["production", "staging", "development"] {
            let path = format!("/v1/resources?environment={environment}");
            call(&app, &key, "POST", &path, Some(&json!({"key": format!("only-{environment}")}))).await.is(201);
            let listed = json_of(&call(&app, &key, "GET", &path, None).await.is(200));
            assert_eq!((listed["data"].as_array().map(Vec::len), &listed["data"][0]["key"]), (Some(1), &json!(format!("only-{environment}"))));
        }
        problem(&call(&app, &key, "GET", "/v1/resources/only-staging", None).await, 404, "not-found");
        call(&app, &key, "GET", "/v1/resources/only-staging?environment=staging", None).await.is(200);
        let unknown = problem(&call(&app, &theirs, "GET", "/v1/resources?environment=staging", None).await, 422, "invalid");
        assert_eq!((pointers(&unknown), unknown["title"].as_str()), (vec!["?environment"], Some("The address's query can't be taken")));
        let foreign = call(&app, &theirs, "GET", "/v1/resources/only-production", None).await;
        let random = call(&app, &theirs, "GET", "/v1/resources/no-such", None).await;
        problem(&foreign, 404, "not-found");
        assert_eq!(foreign.body, random.body);
        let deep = (0..100).fold(json!("x"), |inside, _| json!([inside]));
        for (body, at) in [
            (json!({}), vec!["/key"]),
            (json!([]), vec![""]),
            (json!({"key": "..", "kind": "thing", "color": 1}), vec!["/color", "/key", "/kind"]),
            (json!({"key": "x", "kind": "tool"}), vec!["/url"]),
            (json!({"key": "x", "url": "https://x.example/"}), vec!["/url"]),
            (json!({"key": "x", "name": "a\u{0}b"}), vec!["/name"]),
            (json!({"key": "x", "access": {"privacy": "Public", "owner": "me"}}), vec!["/access/owner"]),
            (json!({"key": "x", "fields": {"a": "\u{0}"}}), vec![""]),
            (json!({"key": "x", "fields": deep}), vec![""]),
        ] {
            assert_eq!(pointers(&problem(&call(&app, &key, "POST", "/v1/resources", Some(&body)).await, 422, "invalid")), at, "{body}");
        }
    }
}
