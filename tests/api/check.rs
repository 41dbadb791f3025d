//! `POST /v1/access/check`, one by one and many at once.

use interlock::domain::access::Role;
use interlock::domain::resources::{Audience, Kind, Permission, Permissions};
use serde_json::{Value, json};

use super::{BATCH, CHECK, key, post, problem};
use crate::support::access::{Thing, grant, grant_team, resource, team, user};
use crate::support::database::execute;
use crate::support::{TestApp, on_both};

const AMARA: &str = "amara@halden.example";
const ANA: &str = "ana@halden.example";

async fn ask(app: &TestApp, key: &str, resource: &str, permission: &str, user: Value) -> Value {
    let question = json!({"resource": resource, "permission": permission, "user": user});
    let one = post(app, key, CHECK, &question).await.is(200);
    assert_eq!(one.header("content-type"), "application/json");
    let one: Value = serde_json::from_str(&one.body).expect("it is JSON");
    // Beside another question it is answered alike.
    let other = json!({"resource": "no-such", "permission": "All", "user": null});
    let many = post(app, key, BATCH, &json!({"checks": [other, question]})).await.is(200);
    let many: Value = serde_json::from_str(&many.body).expect("it is JSON");
    assert_eq!(many["results"][0]["reason"], "unknown_resource");
    assert_eq!(many["results"][1], one);
    one
}

on_both! {
    /// A4, A5, A13, S4: by address and by id, for members, guests, strangers and nobody; reasons have codes and sentences.
    async fn what_machines_are_told(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana Sousa", ANA, Role::Member).await;
        app.member(&mut owner, "Rev Iewer", "rev@halden.example", Role::Reviewer).await;
        app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let (key, _) = key(&app, &owner.org, "production", None).await;
        let crm = resource(&app, &owner.org, AMARA, &Thing::tool("tools/crm", "https://crm.example/", Audience::Teams)).await;
        let support = team(&app, &owner.org, "support", &[ANA, "rev@halden.example"]).await;
        grant_team(&app, crm, support, Some(Permissions::of([Permission::Read, Permission::Update]))).await;

        let ana = user(&app, ANA).await;
        for who in [json!(ANA), json!("ANA@halden.example"), json!(ana)] {
            let told = ask(&app, &key, "tools/crm", "Update", who).await;
            assert_eq!(told, json!({"allowed": true, "reason": "team", "permissions": ["Read", "Update"],
                "via": "They are in the team support, which gives Read and Update."}));
        }
        let told = ask(&app, &key, "tools/crm", "All", json!(ANA)).await;
        assert_eq!((&told["allowed"], &told["reason"]), (&json!(false), &json!("not_permitted")));
        let told = ask(&app, &key, "tools/crm", "Read", json!("rev@halden.example")).await;
        assert_eq!((&told["allowed"], &told["reason"], &told["permissions"]), (&json!(false), &json!("role"), &json!([])));
        assert_eq!(ask(&app, &key, "tools/crm", "All", json!(AMARA)).await["reason"], "creator");
        // Somebody without an account, of another organization, or named by nonsense: strangers all.
        let stranger = ask(&app, &key, "tools/crm", "Read", json!("bo@brightwater.example")).await;
        let unknown = "01a20000-0000-7000-8000-000000000000";
        for who in ["nobody@brightwater.example", unknown, "nonsense", "", "a@b@c", "x\u{0}"] {
            assert_eq!(ask(&app, &key, "tools/crm", "Read", json!(who)).await, stranger, "{who}");
        }
        assert_eq!(stranger["allowed"], false);
        assert_eq!(ask(&app, &key, "tools/crm", "Read", Value::Null).await["reason"], "signed_out");
        grant(&app, crm, "bo@brightwater.example", None).await;
        assert_eq!(ask(&app, &key, "tools/crm", "Read", json!("bo@brightwater.example")).await["reason"], "entry");

        // R8: the next question knows.
        execute(&app, "delete from team_members").await;
        assert_eq!(ask(&app, &key, "tools/crm", "Read", json!(ANA)).await["allowed"], false);
        execute(&app, &format!("update memberships set state = 'suspended' where user_id = '{ana}'")).await;
        assert_eq!(ask(&app, &key, "tools/crm", "Read", json!(ANA)).await["reason"], "suspended");
        execute(&app, "update resources set archived_at = 1").await;
        assert_eq!(ask(&app, &key, "tools/crm", "Read", json!(AMARA)).await["reason"], "archived");
    }

    /// S4, A8, A12: an address is answered alike whether it has an account or not, and as "why" answers.
    async fn no_oracle_for_accounts(app: TestApp) {
        let mut owner = app.owner().await;
        app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let (key, _) = key(&app, &owner.org, "production", None).await;
        let labs = Thing { domain: Some("brightwater.example"), ..Thing::tool("labs", "https://labs.example/", Audience::DomainRestricted) };
        resource(&app, &owner.org, AMARA, &labs).await;
        let few = resource(&app, &owner.org, AMARA, &Thing::tool("few", "https://few.example/", Audience::InviteRestricted)).await;
        resource(&app, &owner.org, AMARA, &Thing::tool("own", "https://own.example/", Audience::Private)).await;
        resource(&app, &owner.org, AMARA, &Thing::tool("all", "https://all.example/", Audience::EntireOrganization)).await;
        resource(&app, &owner.org, AMARA, &Thing::tool("any", "https://any.example/", Audience::Public)).await;
        let mut asked = 0;
        for listed in [false, true] {
            for resource in ["labs", "few", "own", "all", "any"] {
                let mut answers = Vec::new();
                for who in ["bo@brightwater.example", "nobody@brightwater.example"] {
                    let told = ask(&app, &key, resource, "Read", json!(who)).await;
                    let why = owner.get(&format!("{}/resources/{resource}/why?email={who}", owner.org)).await.ok();
                    let word = if told["allowed"] == true { "may open" } else { "may not open" };
                    why.says(&format!("{who} {word}"));
                    answers.push(told);
                    asked += 1;
                }
                assert_eq!(answers[0], answers[1], "{resource}");
                let open = match resource {
                    "labs" | "any" => true,
                    "few" => listed,
                    _ => false,
                };
                assert_eq!(answers[0]["allowed"], open, "{resource}");
            }
            if !listed {
                grant(&app, few, "bo@brightwater.example", None).await;
                grant(&app, few, "nobody@brightwater.example", None).await;
            }
        }
        assert_eq!(asked, 20);
    }

    /// A2, TEN-01, K3: pages above give their access; other environments, Dev mode and other organizations are not there.
    async fn a_key_sees_its_own_environment(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana Sousa", ANA, Role::Member).await;
        let bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        execute(&app, "insert into environments (organization, slug, name, color, created_at) select id, 'staging', 'Staging', 'blue', 0 from organizations").await;
        let amara = user(&app, AMARA).await;
        let page = resource(&app, &owner.org, AMARA, &Thing::new("a", Kind::Page, Some(Audience::Teams))).await;
        resource(&app, &owner.org, AMARA, &Thing::new("a/b", Kind::Page, None)).await;
        resource(&app, &owner.org, AMARA, &Thing::new("a/b/c", Kind::Action, None)).await;
        resource(&app, &owner.org, AMARA, &Thing::new("x/c", Kind::Action, None)).await;
        resource(&app, &owner.org, AMARA, &Thing { environment: "staging", ..Thing::tool("only-staging", "https://s.example/", Audience::Public) }).await;
        resource(&app, &owner.org, AMARA, &Thing { environment: "development", developer: &amara, ..Thing::tool("only-dev", "https://d.example/", Audience::Public) }).await;
        resource(&app, &bo.org, "bo@brightwater.example", &Thing::tool("only-bo", "https://b.example/", Audience::Public)).await;
        let (live, _) = key(&app, &owner.org, "production", None).await;
        let (staging, _) = key(&app, &owner.org, "staging", None).await;

        assert_eq!(ask(&app, &live, "a/b/c", "Read", json!(ANA)).await["reason"], "not_in_audience");
        assert_eq!(ask(&app, &live, "x/c", "Read", json!(ANA)).await["reason"], "organization");
        let support = team(&app, &owner.org, "support", &[ANA]).await;
        grant_team(&app, page, support, None).await;
        assert_eq!(ask(&app, &live, "a/b/c", "Read", json!(ANA)).await["reason"], "team");
        for hidden in ["only-staging", "only-dev", "only-bo", "a/b/c/d", "a/"] {
            let question = json!({"resource": hidden, "permission": "Read", "user": ANA});
            problem(&post(&app, &live, CHECK, &question).await, 404, "unknown-resource");
        }
        assert_eq!(ask(&app, &staging, "only-staging", "Read", Value::Null).await["reason"], "public");
        let question = json!({"resource": "a", "permission": "Read", "user": ANA});
        problem(&post(&app, &staging, CHECK, &question).await, 404, "unknown-resource");
    }
}
