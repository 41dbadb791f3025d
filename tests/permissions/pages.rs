//! The list, one permission's page, and who sees what of them.

use interlock::domain::access::Role;

use super::*;
use crate::support::database::execute;
use crate::support::keys::{self, Row};
use crate::support::page::link;
use crate::support::{everything, on_both};

on_both! {
    /// R, L: who reads permissions, who writes them, and who sees which keys use them.
    async fn each_role_sees_what_is_theirs(app: TestApp) {
        let mut owner = app.owner().await;
        let id = keys::permission(&app, "halden-freight", "Import", r#"{"source_type:a":[]}"#).await;
        keys::insert(&app, &Row::live("halden-freight", Some(id))).await;
        let path = format!("{PERMISSIONS}/{id}");
        for role in Role::ALL {
            let mut visitor = match role {
                Role::Owner => owner.clone(),
                role => app.member(&mut owner, &format!("The {role}"), &format!("{}@halden.example", role.code()), role).await,
            };
            let reads = role != Role::Member;
            let list = visitor.get(PERMISSIONS).await.is(if reads { 200 } else { 403 });
            let page = visitor.get(&path).await.is(if reads { 200 } else { 403 });
            visitor.get(&format!("{PERMISSIONS}.csv")).await.is(if reads { 200 } else { 403 });
            let writes = matches!(role, Role::Owner | Role::Admin | Role::Developer);
            assert_eq!(list.body.contains("New permission"), writes, "{role}");
            visitor.get(&format!("{PERMISSIONS}/new")).await.is(if writes { 200 } else { 403 });
            if reads {
                let sees_keys = matches!(role, Role::Owner | Role::Admin | Role::Auditor);
                assert_eq!(page.text().contains("A live agent"), sees_keys, "{role}");
                assert_eq!(page.text().contains("Who changed what"), sees_keys, "{role}");
                assert!(page.text().contains("1 live key uses it"), "{role}");
                let changes = matches!(role, Role::Owner | Role::Admin);
                assert_eq!(page.body.contains(&format!("{path}/edit")), changes, "{role}");
            }
            let in_sidebar = visitor.get(&format!("{}/roles", visitor.org)).await.ok();
            assert_eq!(in_sidebar.body.contains("href=\"/o/halden-freight/permissions\""), reads, "{role}");
        }
    }

    /// TEN-01: another organization's permissions are nowhere: by id, search, file or change.
    async fn another_organization_sees_nothing(app: TestApp) {
        app.owner().await;
        let mut stranger = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let id = keys::permission(&app, "halden-freight", "Secret import", r#"{"source_type:a":[]}"#).await;
        let theirs = format!("{}/permissions", stranger.org);
        let before = everything(&app).await;
        for rest in ["", "/edit", "/json", "/deletion"] {
            let there = stranger.get(&format!("{theirs}/{id}{rest}")).await.is(404);
            let random = stranger.get(&format!("{theirs}/01a20000-0000-7000-8000-000000000000{rest}")).await.is(404);
            let without_id = |answer: &Answer| answer.text().split("request").next().map(str::to_owned);
            assert_eq!(without_id(&there), without_id(&random));
            stranger.get(&format!("{theirs}/nonsense{rest}")).await.is(404);
        }
        stranger.post(&format!("{theirs}/{id}/edit"), &form("Mine", "source_type", "a", "1")).await.is(404);
        stranger.post(&format!("{theirs}/{id}/json"), &[("document", "{scopes: {}}")]).await.is(404);
        stranger.post(&format!("{theirs}/{id}/deletion"), &[]).await.is(404);
        stranger.get(&theirs).await.ok().says("Make the first permission");
        stranger.get(&format!("{theirs}?q=secret")).await.ok().says("No permission matches");
        let file = stranger.get(&format!("{theirs}.csv")).await.ok();
        assert!(!file.body.contains("Secret"));
        // What a wildcard covers is said by one's own names alone.
        stranger.get(&format!("{theirs}/new/covers?type-0=source_type&scope-0=*")).await.ok().says("nothing that is known yet");
        assert_eq!(everything(&app).await, before);
        make(&mut stranger, &form("Secret import", "source_type", "a", "1")).await;
    }

    /// V3, INJ-06: by name, page by page; searched by name and scope; exported.
    async fn the_list_is_paged_and_searched(app: TestApp) {
        let mut owner = app.owner().await;
        execute(
            &app,
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 120) \
             insert into permissions (id, organization, name, name_key, scopes, created_at, changed_at) \
             select '01a20000-0000-7000-8000-' || (100000000000 + i), o.id, 'Row ' || (1000 + i), 'row ' || (1000 + i), \
             '{}', 0, 0 from n, organizations o",
        )
        .await;
        let first = owner.get(PERMISSIONS).await.ok().says("Row 1001").says("Row 1050").says_not("Row 1051");
        let first = first.says("50 permissions on this page").says("Grants nothing");
        let second = owner.get(&link(&first, "Next").expect("there is more")).await.ok().says("Row 1051").says_not("Row 1050");
        let third = owner.get(&link(&second, "Next").expect("there is more")).await.ok().says("Row 1120");
        assert!(link(&third, "Next").is_none());
        let back = owner.get(&link(&third, "Previous").expect("there is a way back")).await.ok();
        back.says("Row 1051").says("Row 1100").says_not("Row 1101");
        make(&mut owner, &form("Łukasz’ import", "source_type", "icloud.Backup", "1")).await;
        for query in ["lukasz", "ICLOUD.backup", "source_type:icloud"] {
            owner.get(&format!("{PERMISSIONS}?q={query}")).await.ok().says("Łukasz’ import").says("1 permission").says_not("Row 1001");
        }
        for query in ["%25", "_", "%27", "%5C", "level"] {
            owner.get(&format!("{PERMISSIONS}?q={query}")).await.ok().says_not("Row 1001");
        }
        owner.get(&format!("{PERMISSIONS}?at=nonsense")).await.is(400);
        let fragment = owner.get_fragment(PERMISSIONS, "permissions-table").await.ok();
        assert!(fragment.body.contains("id=\"permissions-table\"") && !fragment.body.contains("<html"));
        let file = owner.get(&format!("{PERMISSIONS}.csv?q=import")).await.ok();
        assert_eq!(file.body.lines().count(), 2, "{}", file.body);
        assert!(file.body.contains("Łukasz’ import,source_type:icloud.Backup (each user: 1 ever),0,"), "{}", file.body);
        assert_eq!(owner.get(&format!("{PERMISSIONS}.csv")).await.ok().body.lines().count(), 122);
    }

    /// The scope picker: a wildcard says what it covers, in the form, while it is typed, and on the page.
    async fn a_wildcard_says_what_it_covers(app: TestApp) {
        let mut owner = app.owner().await;
        let scopes = r#"{"source_type:icloud.account":[],"source_type:icloud.backup":[],"source_type:other":[]}"#;
        keys::permission(&app, "halden-freight", "Import", scopes).await;
        let covers = "covers: icloud.account, icloud.backup; and any later name below icloud";
        let asked = format!("{PERMISSIONS}/new/covers?type-3=source_type&scope-3=icloud.*");
        assert_eq!(owner.get(&asked).await.ok().body.trim(), covers);
        assert_eq!(owner.get(&format!("{PERMISSIONS}/new/covers?scope-3=%3Cb%3E*")).await.ok().body.trim(), "");
        let mut fields = form("All of it", "source_type", "icloud.*", "1");
        fields.pop();
        fields.push(("act", "add-scope"));
        owner.post(PERMISSIONS, &fields).await.ok().says(covers);
        fields.pop();
        let path = make(&mut owner, &fields).await;
        owner.get(&path).await.ok().says(covers);
    }

    /// INJ-01: names are text, wherever they stand.
    async fn names_are_text(app: TestApp) {
        let mut owner = app.owner().await;
        let name = "<img src=x onerror=alert(1)>\"'&";
        let path = make(&mut owner, &form(name, "source_type", "a", "1")).await;
        let edit = format!("{path}/edit");
        for page in [
            owner.get(&path).await.ok(),
            owner.get(&path).await.ok(),
            owner.get(PERMISSIONS).await.ok(),
            owner.get(&edit).await.ok(),
            owner.get(&format!("{path}/json")).await.ok(),
            owner.get(&format!("{path}/deletion")).await.ok(),
            owner.post(&edit, &form(name, "source_type", "b", "1")).await.ok(),
            owner.get(&format!("{}/audit", owner.org)).await.ok(),
        ] {
            assert!(!page.body.contains("<img"), "{}", page.body);
        }
        let script = "\"><script>alert(1)</script>";
        let page = owner.post(PERMISSIONS, &form("Import", "source_type", script, script)).await.is(422);
        assert!(!page.body.contains("<script>alert"));
        let page = owner.post(&format!("{PERMISSIONS}/new/json"), &[("document", &format!("{{\"{}\": 1}}", "<script>alert(1)"))]).await.is(422);
        assert!(!page.body.contains("<script>alert"));
    }
}
