//! What a body may not be, wherever one is taken, and what answers under `/v1` that is no route.

use axum::http::Method;
use serde_json::json;

use super::{admin, call, problem, send};
use crate::support::database::count;
use crate::support::{TestApp, on_both};

const AMARA: &str = "amara@halden.example";

on_both! {
    /// INJ-03, INJ-04, DOS-04: what two readers would read differently, what is nested without end, what no text of ours
    /// holds: refused, and never an error of ours.
    async fn odd_bodies_are_refused(app: TestApp) {
        let owner = app.owner().await;
        let key = admin(&app, &owner.org, AMARA).await;
        let bearer = format!("Bearer {key}");
        let with_key = [("authorization", bearer.as_str())];
        let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        for path in ["/v1/teams", "/v1/users/invite", "/v1/resources"] {
            for (body, status, kind) in [
                (r#"{"name":"A","name":"B"}"#.to_owned(), 400, "malformed-json"),
                (r#"{"name":"A","a":{"b":1,"b":2}}"#.to_owned(), 400, "malformed-json"),
                (deep("[", "]"), 400, "malformed-json"),
                (deep("{\"a\":", "}"), 400, "malformed-json"),
                (r#"{"name":"\ud800"}"#.to_owned(), 400, "malformed-json"),
                ("{\"name\":\"A\"} x".to_owned(), 400, "malformed-json"),
                (String::new(), 400, "malformed-json"),
                ("null".to_owned(), 422, "invalid"),
                ("\"name\"".to_owned(), 422, "invalid"),
                (format!("{{\"name\":\"{}\"}}", "a".repeat(70_000)), 413, "too-large"),
            ] {
                problem(&send(&app, Method::POST, path, &with_key, &body).await, status, kind);
            }
            let form = [with_key[0], ("content-type", "application/x-www-form-urlencoded")];
            problem(&send(&app, Method::POST, path, &form, "name=A").await, 415, "not-json");
        }
        for name in ["a\u{0}b", "a\u{202E}b", "\u{200B}", "\u{FEFF}", &format!("a{}", "\u{301}".repeat(10_000)), "\u{E000}"] {
            problem(&call(&app, &key, "POST", "/v1/teams", Some(&json!({ "name": name }))).await, 422, "invalid");
        }
        for field in ["id", "organization", "created_at", "people", "__proto__"] {
            problem(&call(&app, &key, "POST", "/v1/teams", Some(&json!({"name": "A", field: "1"}))).await, 422, "invalid");
        }
        assert_eq!(count(&app, "teams").await, 0);
    }

    /// Every answer under /v1 is a problem or JSON, of routes and of none.
    async fn everything_is_json(app: TestApp) {
        let owner = app.owner().await;
        let key = admin(&app, &owner.org, AMARA).await;
        for path in ["/v1", "/v1/", "/v1/none", "/v1/users/x/y/z", "/v1/teams/"] {
            problem(&call(&app, &key, "GET", path, None).await, 404, "not-found");
        }
        for (path, method, allowed) in [
            ("/v1/users", "DELETE", vec!["GET"]),
            ("/v1/teams", "PATCH", vec!["GET", "POST"]),
            ("/v1/users/x", "POST", vec!["DELETE", "GET"]),
            ("/v1/openapi.json", "POST", vec!["GET"]),
        ] {
            let answer = call(&app, &key, method, path, None).await;
            problem(&answer, 405, "method-not-allowed");
            for method in allowed {
                assert!(answer.header("allow").contains(method), "{path}: {}", answer.header("allow"));
            }
            let options = call(&app, "", "OPTIONS", path, None).await.is(204);
            assert!(options.header("allow").contains("GET") && options.body.is_empty());
            assert!(options.headers.get("access-control-allow-origin").is_none());
        }
        let head = call(&app, &key, "HEAD", "/v1/users", None).await.is(200);
        assert!(head.body.is_empty() && head.header("content-type") == "application/json");
        problem(&call(&app, &key, "GET", "/v1/users?q=%00", None).await, 400, "malformed");
    }
}

/// ASVS 4.1.2: behind https, a key that came by http is refused, and told to be made anew.
#[tokio::test]
async fn a_key_in_clear_is_refused() {
    let app = TestApp::with(None, &[("INTERLOCK_BASE_URL", "https://interlock.example")]).await;
    let by = |proto: &'static str| {
        let app = &app;
        let headers = [("authorization", "Bearer il_admin_x"), ("x-forwarded-proto", proto)];
        async move { send(app, Method::GET, "/v1/users", &headers, "").await }
    };
    problem(&by("http").await, 403, "plain-http");
    problem(&by("https").await, 401, "unknown-key");
}
