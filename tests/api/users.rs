//! Users and invitations over the API (K2, K3).

use interlock::domain::access::Role;
use serde_json::{Value, json};

use super::{CHECK, admin, call, json_of, newest_row, pointers, post, problem};
use crate::support::access::{Thing, resource, team, user};
use crate::support::database::{count, execute, only, texts};
use crate::support::keys::{self, Row};
use crate::support::{TestApp, on_both};
use interlock::domain::resources::Audience;

const AMARA: &str = "amara@halden.example";
const ANA: &str = "ana@halden.example";
const BO: &str = "bo@brightwater.example";
const UNKNOWN: &str = "01a20000-0000-7000-8000-000000000000";

/// All of a list, page by page.
async fn all(app: &TestApp, key: &str, path: &str) -> Vec<Value> {
    let (mut found, mut at) = (Vec::new(), path.to_owned());
    loop {
        let answer = call(app, key, "GET", &at, None).await.is(200);
        let page = json_of(&answer);
        found.extend(page["data"].as_array().expect("data").clone());
        let Some(next) = page["next_cursor"].as_str() else {
            assert!(answer.headers.get("link").is_none());
            return found;
        };
        let link = answer.header("link").to_owned();
        let to =
            link.strip_prefix('<').and_then(|link| link.split_once(">; rel=\"next\"")).expect("a link").0;
        assert!(to.contains(next));
        at = to.to_owned();
    }
}

fn emails(users: &[Value]) -> Vec<&str> {
    users.iter().filter_map(|user| user["email"].as_str()).collect()
}

on_both! {
    /// K2, TEN-01, TEN-05: users by name, page by page and filtered; nobody of another organization, and no secret.
    async fn users_are_listed(app: TestApp) {
        let mut owner = app.owner().await;
        for name in ["Ana", "Bea", "Cem", "Dov"] {
            let email = format!("{}@halden.example", name.to_lowercase());
            app.member(&mut owner, name, &email, Role::Member).await;
        }
        let bo = app.sign_up("Brightwater Labs", "Bo Bright", BO).await;
        team(&app, &owner.org, "support", &[ANA]).await;
        execute(&app, "update memberships set state = 'suspended' where name = 'Bea'").await;
        execute(&app, "update memberships set state = 'removed' where name = 'Cem'").await;
        let key = admin(&app, &owner.org, AMARA).await;
        let listed = all(&app, &key, "/v1/users?limit=2").await;
        assert_eq!(emails(&listed), [AMARA, ANA, "bea@halden.example", "dov@halden.example"]);
        assert_eq!((&listed[1]["teams"], &listed[1]["role"], &listed[2]["state"]), (&json!(["support"]), &json!("member"), &json!("suspended")));
        assert!(!listed[0].to_string().contains("hash") && listed[0]["ends_at"].is_null());
        for (filter, found) in [
            ("state=removed", vec!["cem@halden.example"]),
            ("state=suspended", vec!["bea@halden.example"]),
            ("role=owner", vec![AMARA]),
            ("q=DOV", vec!["dov@halden.example"]),
            ("q=bright", vec![]),
            ("q=%25", vec![]),
            ("q=';--", vec![]),
            ("role=member&q=ana", vec![ANA]),
        ] {
            assert_eq!(emails(&all(&app, &key, &format!("/v1/users?limit=1&{filter}")).await), found, "{filter}");
        }
        for (query, at) in [
            ("limit=0", "?limit"), ("limit=101", "?limit"), ("limit=x", "?limit"), ("cursor=x", "?cursor"), ("limit=1&limit=2", "?limit"),
            ("role=Owner", "?role"), ("state=gone", "?state"), ("sort=id", "?sort"), ("org=brightwater-labs", "?org"), ("q=a&q=b", "?q"),
        ] {
            let wrong = problem(&call(&app, &key, "GET", &format!("/v1/users?{query}"), None).await, 422, "invalid");
            assert_eq!((pointers(&wrong), wrong["title"].as_str()), (vec![at], Some("The address's query can't be taken")));
        }
        let wrong = problem(&call(&app, &key, "POST", "/v1/users/invite", Some(&json!({}))).await, 422, "invalid");
        assert_eq!(wrong["title"], "The body can't be taken");
        let ana = user(&app, ANA).await;
        let one = json_of(&call(&app, &key, "GET", &format!("/v1/users/{ana}"), None).await.is(200));
        assert_eq!(one, listed[1]);
        // Of another organization, of nobody, and nothing that is an id.
        let theirs = admin(&app, &bo.org, BO).await;
        let random = call(&app, &theirs, "GET", &format!("/v1/users/{UNKNOWN}"), None).await;
        problem(&random, 404, "not-found");
        for id in [ana.as_str(), "x", "%2e%2e", &ana.to_uppercase()] {
            let answer = call(&app, &theirs, "GET", &format!("/v1/users/{id}"), None).await;
            problem(&answer, 404, "not-found");
            assert_eq!(answer.body, random.body);
        }
        problem(&call(&app, &key, "GET", "/v1/users/%00", None).await, 400, "malformed");
        problem(&call(&app, &key, "GET", "/v1/users/%ff", None).await, 400, "malformed");
    }

    /// I1, U1, K3, ROL-12: a script invites as a person does: one mail, one row that names the key; and neither Owners
    /// nor Admins.
    async fn a_key_invites(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana Sousa", ANA, Role::Member).await;
        team(&app, &owner.org, "support", &[]).await;
        let key = admin(&app, &owner.org, AMARA).await;
        let invite = json!({"email": "Rui@halden.example", "role": "developer", "teams": ["support"], "note": "Hello", "ends_at": "2027-03-31T22:00:00+02:00"});
        let answer = call(&app, &key, "POST", "/v1/users/invite", Some(&invite)).await.is(201);
        let made = json_of(&answer);
        assert_eq!((&made["email"], &made["teams"], &made["ends_at"]), (&json!("Rui@halden.example"), &json!(["support"]), &json!("2027-03-31T20:00:00Z")));
        assert_eq!((&made["inviter"]["name"], &made["valid"], &made["delivery"]), (&json!("Amara Okafor"), &json!(true), &json!("queued")));
        assert_eq!(answer.header("location"), format!("/v1/invitations/{}", made["id"].as_str().expect("an id")));
        let (kind, by) = newest_row(&app).await;
        assert!(kind == "invitation.sent" && by.contains("il_admin_"), "{kind} {by}");
        let link = app.mail_to("Rui@halden.example").await.path("/invite/");
        assert!(!answer.body.contains(link.rsplit('/').next().expect("a token")));
        let read = json_of(&call(&app, &key, "GET", answer.header("location"), None).await.is(200));
        assert_eq!(read["delivery"], "sent");
        let rows = count(&app, "audit_events").await;
        for (role, status, kind) in [("owner", 403, "beyond-key"), ("admin", 403, "beyond-key")] {
            let body = json!({"email": "new@halden.example", "role": role});
            let said = problem(&call(&app, &key, "POST", "/v1/users/invite", Some(&body)).await, status, kind);
            assert!(said["detail"].as_str().is_some_and(|text| text.contains("neither invite")));
        }
        for (email, kind) in [(ANA, "already-member"), ("rui@halden.example", "already-invited")] {
            let body = json!({"email": email, "role": "member"});
            problem(&call(&app, &key, "POST", "/v1/users/invite", Some(&body)).await, 409, kind);
        }
        for (body, at) in [
            (json!({}), vec!["/email", "/role"]),
            (json!({"email": "no", "role": " OWNER", "teams": "support", "note": "\u{0}"}), vec!["/email", "/role", "/teams", "/note"]),
            (json!({"email": "a@b.example", "role": ["owner"]}), vec!["/role"]),
            (json!({"email": "a@b.example", "role": null}), vec!["/role"]),
            (json!({"email": "a@b.example\r\nBcc: x@y.example", "role": "member"}), vec!["/email"]),
            (json!({"email": "a@b.example", "role": "member", "teams": ["support", "none"], "ends_at": "2020-01-01T00:00:00Z"}), vec!["/ends_at", "/teams/1"]),
            (json!({"email": "a@b.example", "role": "member", "ends_at": "2027-13-01"}), vec!["/ends_at"]),
            (json!({"email": "a@b.example", "role": "member", "notice": true}), vec!["/notice"]),
            (json!({"email": "a@b.example", "role": "member", "org_id": 1, "is_admin": true}), vec!["/is_admin", "/org_id"]),
            (json!({"email": "a@b.example", "role": "member", "note": "a".repeat(501)}), vec!["/note"]),
        ] {
            let said = problem(&call(&app, &key, "POST", "/v1/users/invite", Some(&body)).await, 422, "invalid");
            assert_eq!(pointers(&said), at, "{body}");
        }
        assert_eq!((count(&app, "audit_events").await, count(&app, "invitations").await), (rows, 2));
    }

    /// I7: pending invitations are listed, sent again and revoked; others' and random ones are not there.
    async fn invitations_are_managed(app: TestApp) {
        let mut owner = app.owner().await;
        for number in 0..3 {
            app.invited(&mut owner, &format!("p{number}@halden.example"), Role::Member).await;
        }
        let old = app.invited(&mut owner, "new@halden.example", Role::Member).await;
        app.invited(&mut owner, "boss@halden.example", Role::Admin).await;
        let bo = app.sign_up("Brightwater Labs", "Bo Bright", BO).await;
        let (key, theirs) = (admin(&app, &owner.org, AMARA).await, admin(&app, &bo.org, BO).await);
        let listed = all(&app, &key, "/v1/invitations?limit=2").await;
        assert_eq!(emails(&listed)[..2], ["boss@halden.example", "new@halden.example"]);
        assert_eq!(listed.len(), 5);
        assert!(all(&app, &theirs, "/v1/invitations").await.is_empty());
        let path = |index: usize| format!("/v1/invitations/{}", listed[index]["id"].as_str().expect("an id"));
        for (method, rest) in [("GET", ""), ("DELETE", ""), ("POST", "/resend")] {
            let foreign = call(&app, &theirs, method, &format!("{}{rest}", path(1)), None).await;
            let random = call(&app, &theirs, method, &format!("/v1/invitations/{UNKNOWN}{rest}"), None).await;
            problem(&foreign, 404, "not-found");
            assert_eq!(foreign.body, random.body);
        }
        let sent = json_of(&call(&app, &key, "POST", &format!("{}/resend", path(1)), None).await.is(200));
        assert_eq!(sent["id"], listed[1]["id"]);
        assert_eq!(newest_row(&app).await.0, "invitation.resent");
        let newer = app.mail_to("new@halden.example").await.path("/invite/");
        app.visitor().get(&old).await.says("There is a newer link");
        call(&app, &key, "DELETE", &path(1), None).await.is(204);
        let (kind, by) = newest_row(&app).await;
        assert!(kind == "invitation.revoked" && by.contains("il_admin_"));
        app.visitor().get(&newer).await.says("taken back");
        problem(&call(&app, &key, "DELETE", &path(1), None).await, 404, "not-found");
        problem(&call(&app, &key, "DELETE", &path(0), None).await, 403, "beyond-key");
        problem(&call(&app, &key, "POST", &format!("{}/resend", path(0)), None).await, 403, "beyond-key");
        assert_eq!(all(&app, &key, "/v1/invitations").await.len(), 4);
    }

    /// R2, R5, K3, ROL-05: roles change by key, to none and of none that is an Owner or Admin, and hold at once.
    async fn a_key_changes_roles(app: TestApp) {
        let mut owner = app.owner().await;
        let mut ana = app.member(&mut owner, "Ana Sousa", ANA, Role::Developer).await;
        app.member(&mut owner, "Jonas", "jonas@halden.example", Role::Admin).await;
        let (id, jonas, amara) = (user(&app, ANA).await, user(&app, "jonas@halden.example").await, user(&app, AMARA).await);
        for minter in [AMARA, "jonas@halden.example"] {
            let key = admin(&app, &owner.org, minter).await;
            let path = |id: &str| format!("/v1/users/{id}/role");
            let role = |role: &str| json!({ "role": role });
            let rows = count(&app, "audit_events").await;
            for (id, to) in [(&id, "owner"), (&id, "admin"), (&jonas, "member"), (&amara, "member"), (&amara, "owner")] {
                problem(&call(&app, &key, "PATCH", &path(id), Some(&role(to))).await, 403, "beyond-key");
            }
            for wrong in [json!({}), json!({"role": "root"}), json!({"role": ["owner"]}), json!({"role": null}), json!({"role": " OWNER"})] {
                assert_eq!(pointers(&problem(&call(&app, &key, "PATCH", &path(&id), Some(&wrong)).await, 422, "invalid")), ["/role"]);
            }
            for (method, path) in [("DELETE", format!("/v1/users/{jonas}")), ("PUT", format!("/v1/users/{amara}/suspension")), ("DELETE", format!("/v1/users/{amara}"))] {
                problem(&call(&app, &key, method, &path, None).await, 403, "beyond-key");
            }
            assert_eq!(count(&app, "audit_events").await, rows);
            let changed = json_of(&call(&app, &key, "PATCH", &path(&id), Some(&role("reviewer"))).await.is(200));
            assert_eq!(changed["role"], "reviewer");
            let (kind, by) = newest_row(&app).await;
            assert!(kind == "member.role_changed" && by.contains("il_admin_"));
            ana.get(&format!("{}/resources", ana.org)).await.is(403);
            // The same again changes nothing, and no row says that it did.
            call(&app, &key, "PATCH", &path(&id), Some(&role("reviewer"))).await.is(200);
            assert_eq!(count(&app, "audit_events").await, rows + 1);
            call(&app, &key, "PATCH", &path(&id), Some(&role("developer"))).await.is(200);
        }
    }

    /// R8: removal and suspension by key are those of the page: what was made has an heir, and nothing opens any more.
    async fn a_key_removes(app: TestApp) {
        let mut owner = app.owner().await;
        let mut ana = app.member(&mut owner, "Ana Sousa", ANA, Role::Developer).await;
        resource(&app, &owner.org, ANA, &Thing::tool("wiki", "https://wiki.example/", Audience::EntireOrganization)).await;
        let (id, amara) = (user(&app, ANA).await, user(&app, AMARA).await);
        let (_, development) = keys::insert(&app, &Row::development(&owner.org, ANA)).await;
        let key = admin(&app, &owner.org, AMARA).await;
        let suspended = json_of(&call(&app, &key, "PUT", &format!("/v1/users/{id}/suspension"), None).await.is(200));
        assert_eq!(suspended["state"], "suspended");
        ana.get(&ana.org.clone()).await.is(404);
        problem(&post(&app, &development, CHECK, &json!({})).await, 401, "key-owner-gone");
        let active = json_of(&call(&app, &key, "DELETE", &format!("/v1/users/{id}/suspension"), None).await.is(200));
        assert_eq!(active["state"], "active");
        ana.get(&ana.org.clone()).await.ok();
        let path = format!("/v1/users/{id}");
        assert_eq!(pointers(&problem(&call(&app, &key, "DELETE", &format!("{path}?invitations=burn"), None).await, 422, "invalid")), ["?invitations"]);
        call(&app, &key, "DELETE", &format!("{path}?invitations=keep"), None).await.is(204);
        assert_eq!(only(texts(&app, "select creator from resources").await), amara);
        assert_eq!(count(&app, "audit_events where kind = 'member.removed' and changes like '%by_key%'").await, 1);
        ana.get(&ana.org.clone()).await.is(404);
        problem(&call(&app, &key, "DELETE", &path, None).await, 404, "not-found");
        let gone = json_of(&call(&app, &key, "GET", &path, None).await.is(200));
        assert_eq!(gone["state"], "removed");
    }

    /// K2, K5, KEY-08, ROL-06: an admin key is worth what its minter is, on the next request.
    async fn a_key_falls_with_its_minter(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Jonas", "jonas@halden.example", Role::Admin).await;
        let key = admin(&app, &owner.org, "jonas@halden.example").await;
        call(&app, &key, "GET", "/v1/users", None).await.is(200);
        let id = user(&app, "jonas@halden.example").await;
        for (change, status, kind) in [
            ("role = 'developer'", 403, "key-owner-role"),
            ("role = 'auditor'", 403, "key-owner-role"),
            ("role = 'admin', state = 'suspended'", 401, "key-owner-gone"),
            ("state = 'removed'", 401, "key-owner-gone"),
        ] {
            execute(&app, &format!("update memberships set {change} where user_id = '{id}'")).await;
            problem(&call(&app, &key, "GET", "/v1/users", None).await, status, kind);
            problem(&call(&app, &key, "POST", "/v1/teams", Some(&json!({"name": "X"}))).await, status, kind);
        }
        assert_eq!(count(&app, "teams").await, 0);
    }

    /// U1, ROL-12: if the row can't be written, nothing is done.
    async fn no_row_no_change(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana Sousa", ANA, Role::Member).await;
        let (id, key) = (user(&app, ANA).await, admin(&app, &owner.org, AMARA).await);
        execute(&app, "alter table audit_events rename to hidden_events").await;
        problem(&call(&app, &key, "PATCH", &format!("/v1/users/{id}/role"), Some(&json!({"role": "reviewer"}))).await, 500, "failed");
        execute(&app, "alter table hidden_events rename to audit_events").await;
        let user = json_of(&call(&app, &key, "GET", &format!("/v1/users/{id}"), None).await.is(200));
        assert_eq!(user["role"], "member");
    }
}
