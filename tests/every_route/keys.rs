//! Every route of `/v1` × each kind of key (ROL-01, K3, TEN-01).

use axum::http::Method;
use interlock::domain::api_keys::Kind;
use interlock::web::routes::{self, Access, Route};

use super::people;
use crate::support::database::{count, execute};
use crate::support::keys::{self, Row};
use crate::support::{Answer, TestApp, Visitor, on_both};

const AMARA: &str = "amara@halden.example";
const UNKNOWN: &str = "01a20000-0000-7000-8000-000000000000";

/// One key of each kind, the ephemeral one made from the live one.
async fn of_each_kind(app: &TestApp, org: &str, owner: &str) -> Vec<(Kind, String)> {
    let permission = keys::permission(app, org, "Everything", r#"{"data_type:*": []}"#).await;
    let (live_id, live) = keys::insert(app, &Row::live(org, Some(permission))).await;
    let (_, development) = keys::insert(app, &Row::development(org, owner)).await;
    let ephemeral = Row { kind: Kind::Ephemeral, ..Row::live(org, None) };
    let (id, ephemeral) = keys::insert(app, &ephemeral).await;
    execute(app, &format!("update api_keys set parent = '{live_id}' where id = '{id}'")).await;
    let (_, admin) = keys::insert(app, &Row::admin(org, owner)).await;
    vec![
        (Kind::Live, live),
        (Kind::Development, development),
        (Kind::Ephemeral, ephemeral),
        (Kind::Admin, admin),
    ]
}

/// A call that changes nothing even where it is let in: it has a field that no body has, and what it names is not there.
async fn knock(program: &mut Visitor, route: &Route, key: &str, path: &str) -> Answer {
    let bearer = format!("Bearer {key}");
    let body = if route.method == Method::GET { "" } else { "{\"no_such_field\": 1}" };
    program.send_raw(route.method.clone(), path, &[("authorization", &bearer)], body.to_owned()).await
}

/// A path that names nothing that is there.
fn nowhere(route: &Route) -> String {
    let path = route.path.replace("{id}", UNKNOWN).replace("{slug}", "no-such").replace("{key}", "no-such");
    assert!(!path.contains('{'), "{path}: this test does not know how to fill it");
    path
}

on_both! {
    /// ROL-01, K3, KEY-06: a kind of key opens what is for it, and is told of the rest which kind does.
    async fn each_kind_of_key_opens_what_is_for_it(app: TestApp) {
        let people = people(&app).await;
        let kinds = of_each_kind(&app, &people.org, AMARA).await;
        let mut program = app.visitor();
        program.origin = None;
        let rows = count(&app, "audit_events").await;
        let mut opened = 0;
        for route in routes::table() {
            let Access::Key(scope) = route.access else { continue };
            let path = nowhere(&route);
            for (kind, key) in &kinds {
                let answer = knock(&mut program, &route, key, &path).await;
                let what = format!("{kind:?}: {} {path} answers {}: {}", route.method, answer.status, answer.body);
                if kind.opens(scope).is_ok() {
                    assert!(matches!(answer.status.as_u16(), 200 | 404 | 422), "{what}");
                    opened += 1;
                } else {
                    assert!(answer.status == 403 && answer.body.contains("urn:interlock:problem:wrong-key"), "{what}");
                }
                assert!(answer.header("content-type").starts_with("application/"), "{what}");
            }
            // Half a key, and the session of whoever made it, are nobody's.
            let answer = knock(&mut program, &route, &kinds[0].1[..40], &path).await;
            assert_eq!(answer.status, 401, "{path}");
        }
        assert!(opened > 20);
        assert_eq!(count(&app, "audit_events").await, rows, "a knock changed something");
    }

    /// TEN-01: to a key of another organization nothing of this one is there, whatever the route, and nothing changes.
    async fn to_another_organizations_key_nothing_is_there(app: TestApp) {
        let people = people(&app).await;
        let theirs = of_each_kind(&app, &people.stranger.org, "bo@brightwater.example").await;
        let mut program = app.visitor();
        program.origin = None;
        let rows = count(&app, "audit_events").await;
        let mut knocked = 0;
        for route in routes::table() {
            let Access::Key(scope) = route.access else { continue };
            let path = people.path(&route);
            for (_, key) in theirs.iter().filter(|(kind, _)| kind.opens(scope).is_ok()) {
                let bearer = format!("Bearer {key}");
                // What could be taken, where it is known.
                for body in ["{}", "{\"role\": \"reviewer\"}", "{\"access\": null}"] {
                    let there = program.send_raw(route.method.clone(), &path, &[("authorization", &bearer)], body.to_owned()).await;
                    assert!(!there.body.contains("Tar Get") && !there.body.contains("target@"), "{path}: {}", there.body);
                    if path == route.path {
                        continue;
                    }
                    let random = program.send_raw(route.method.clone(), &nowhere(&route), &[("authorization", &bearer)], body.to_owned()).await;
                    assert!(matches!(there.status.as_u16(), 404 | 422), "{} {path} answers {}", route.method, there.status);
                    assert_eq!((there.status, &there.body), (random.status, &random.body), "{} {path}", route.method);
                    knocked += 1;
                }
            }
        }
        assert!(knocked > 20);
        assert_eq!(count(&app, "audit_events").await, rows, "something changed");
    }
}
