//! Teams over the API.

use interlock::domain::access::Role;
use serde_json::json;

use super::{admin, call, json_of, newest_row, pointers, problem};
use crate::support::access::user;
use crate::support::database::count;
use crate::support::on_both;

const AMARA: &str = "amara@halden.example";
const ANA: &str = "ana@halden.example";
const BO: &str = "bo@brightwater.example";

on_both! {
    /// R9, A12, U1: a team from its making to its end, each change with its row; nothing of it for another organization.
    async fn a_team_lives(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana Sousa", ANA, Role::Member).await;
        app.member(&mut owner, "Tess Audit", "tess@halden.example", Role::Auditor).await;
        let bo = app.sign_up("Brightwater Labs", "Bo Bright", BO).await;
        let (key, theirs) = (admin(&app, &owner.org, AMARA).await, admin(&app, &bo.org, BO).await);
        let (ana, tess, stranger) = (user(&app, ANA).await, user(&app, "tess@halden.example").await, user(&app, BO).await);

        let made = call(&app, &key, "POST", "/v1/teams", Some(&json!({"name": "Night shift"}))).await.is(201);
        assert_eq!(made.header("location"), "/v1/teams/night-shift");
        assert_eq!((&json_of(&made)["slug"], &json_of(&made)["people"]), (&json!("night-shift"), &json!(0)));
        let (kind, by) = newest_row(&app).await;
        assert!(kind == "team.created" && by.contains("il_admin_"));
        problem(&call(&app, &key, "POST", "/v1/teams", Some(&json!({"name": "X", "slug": "night-shift"}))).await, 409, "slug-taken");
        for (body, at) in [
            (json!({}), vec!["/name"]),
            (json!({"name": "", "slug": ".."}), vec!["/name", "/slug"]),
            (json!({"name": "a\u{202E}b", "slug": "new"}), vec!["/name", "/slug"]),
            (json!({"name": "a".repeat(61), "slug": "nіght"}), vec!["/name", "/slug"]),
            (json!({"name": "X", "id": "1"}), vec!["/id"]),
        ] {
            assert_eq!(pointers(&problem(&call(&app, &key, "POST", "/v1/teams", Some(&body)).await, 422, "invalid")), at, "{body}");
        }
        let team = "/v1/teams/night-shift";
        let renamed = json_of(&call(&app, &key, "PATCH", team, Some(&json!({"name": "Nights"}))).await.is(200));
        assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("Nights"), &json!("night-shift")));
        let moved = json_of(&call(&app, &key, "PATCH", team, Some(&json!({"slug": "nights"}))).await.is(200));
        assert_eq!((&moved["name"], &moved["slug"]), (&json!("Nights"), &json!("nights")));
        problem(&call(&app, &key, "GET", team, None).await, 404, "not-found");

        let members = "/v1/teams/nights/members";
        let put = |user: &str| format!("{members}/{user}");
        call(&app, &key, "PUT", &put(&ana), Some(&json!({"maintainer": true}))).await.is(201);
        let rows = count(&app, "audit_events").await;
        let same = json_of(&call(&app, &key, "PUT", &put(&ana), Some(&json!({}))).await.is(200));
        assert_eq!((&same["maintainer"], count(&app, "audit_events").await), (&json!(true), rows));
        problem(&call(&app, &key, "PUT", &put(&tess), Some(&json!({"maintainer": true}))).await, 409, "auditor");
        let listed = json_of(&call(&app, &key, "GET", members, None).await.is(200));
        assert_eq!((listed["data"].as_array().map(Vec::len), &listed["data"][0]["email"]), (Some(1), &json!(ANA)));
        let random = call(&app, &key, "PUT", &put("01a20000-0000-7000-8000-000000000000"), Some(&json!({}))).await;
        let foreign = call(&app, &key, "PUT", &put(&stranger), Some(&json!({}))).await;
        problem(&foreign, 404, "not-found");
        assert_eq!(foreign.body, random.body);
        for (method, path) in [("GET", "/v1/teams/nights".to_owned()), ("DELETE", "/v1/teams/nights".to_owned()), ("GET", members.to_owned()), ("DELETE", put(&ana))] {
            problem(&call(&app, &theirs, method, &path, None).await, 404, "not-found");
        }
        assert_eq!(json_of(&call(&app, &theirs, "GET", "/v1/teams?q=night", None).await.is(200))["data"], json!([]));
        assert_eq!(json_of(&call(&app, &key, "GET", "/v1/teams?q=night", None).await.is(200))["data"][0]["people"], 1);
        call(&app, &key, "DELETE", &put(&ana), None).await.is(204);
        problem(&call(&app, &key, "DELETE", &put(&ana), None).await, 404, "not-found");
        call(&app, &key, "DELETE", "/v1/teams/nights", None).await.is(204);
        let (kind, by) = newest_row(&app).await;
        assert!(kind == "team.deleted" && by.contains("il_admin_"));
        problem(&call(&app, &key, "GET", "/v1/teams/nights", None).await, 404, "not-found");
    }
}
