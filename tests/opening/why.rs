//! Why somebody may open a resource, or not, and through what (A14).

use super::*;
use crate::support::keys;

on_both! {
    /// A14: the decision and the rule that made it, in sentences; somebody unknown is answered as a stranger.
    async fn the_rule_is_said(app: TestApp) {
        let mut owner = app.owner().await;
        let mut ana = app.member(&mut owner, "Ana", "ana@halden.example", Role::Member).await;
        resource(&app, New { audience: "teams", ..New::default() }).await;
        team(&app, "halden-freight", "support", "Support", &["ana@halden.example"]).await;
        team_entry(&app, "refunds", "support", Some(2)).await;
        let why = |email: &str| format!("{}/why?email={email}", at("refunds"));
        owner.get(&why("ana@halden.example")).await.ok().says("Ana may open Refunds: Read.").says("Ana is in Support, which is granted Read");
        entry(&app, "refunds", "ana@halden.example", Some(8)).await;
        let page = owner.get(&why("ANA@halden.example")).await.ok().says("Ana may not open Refunds, which takes Read. They have Delete.");
        page.says("Ana is in Support, which is granted Read").says("Their own entry gives Delete and replaces it");
        owner.get(&why("amara@halden.example")).await.ok().says("Amara Okafor made it");
        let stranger = owner.get(&why("nobody@nowhere.example")).await.ok().says("nobody@nowhere.example may not open Refunds");
        guest(&app, "gus@nowhere.example").await;
        let known = owner.get(&why("gus@nowhere.example")).await.ok();
        assert_eq!(
            known.text().replace("gus@nowhere", "nobody@nowhere"), stranger.text(),
            "an account elsewhere is nobody's to know (S4)"
        );
        owner.get(&why("no-address")).await.is(422);
        ana.get(&why("ana@halden.example")).await.is(403);
        // An entry that waits is answered as what it will be (A12).
        entry(&app, "refunds", "soon@nowhere.example", None).await;
        owner.get(&why("soon@nowhere.example")).await.ok().says("soon@nowhere.example may open Refunds: Read.");
    }

    /// A14, A5: the question is of the permission that is chosen; Read, where none is.
    async fn any_permission_is_asked_about(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana", "ana@halden.example", Role::Member).await;
        resource(&app, New { audience: "InviteRestricted", ..New::default() }).await;
        entry(&app, "refunds", "ana@halden.example", Some(10)).await;
        let why = |email: &str, permission: &str| format!("{}/why?email={email}&permission={permission}", at("refunds"));
        for (permission, verdict) in [
            ("", "Ana may open Refunds: Read and Delete."),
            ("Read", "Ana may open Refunds: Read and Delete."),
            ("Delete", "Ana may delete in Refunds: Read and Delete."),
            ("Create", "Ana may not create in Refunds, which takes Create. They have Read and Delete."),
            ("Update", "Ana may not update in Refunds, which takes Update. They have Read and Delete."),
        ] {
            let page = owner.get(&why("ana@halden.example", permission)).await.ok().says(verdict).says("Their own entry gives Read and Delete");
            let chosen = format!("<option value=\"{}\" selected>", if permission.is_empty() { "Read" } else { permission });
            assert!(page.body.contains(&chosen), "{permission}");
        }
        owner.get(&why("gus@elsewhere.example", "Update")).await.ok().says("gus@elsewhere.example may not update in Refunds.");
        for wrong in ["All", "read", "Write"] {
            owner.get(&why("ana@halden.example", wrong)).await.is(400);
        }
    }

    /// A14, K3, K5: a key is let in nowhere by itself, and it is said what it does instead; one in its owner's Dev mode
    /// stands for them. Each person chooses among the keys that they see.
    async fn a_key_is_asked_about(app: TestApp) {
        const DEV: &str = "dev@halden.example";
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", DEV, Role::Developer).await;
        let mut auditor = app.member(&mut owner, "Aud", "aud@halden.example", Role::Auditor).await;
        let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        resource(&app, New { audience: "entire-organization", creator: DEV, ..New::default() }).await;
        let (live, _) = keys::insert(&app, &keys::Row::live("halden-freight", None)).await;
        let staging = keys::Row { environment: "staging", ..keys::Row::live("halden-freight", None) };
        let (staging, _) = keys::insert(&app, &staging).await;
        let (own, _) = keys::insert(&app, &keys::Row::development("halden-freight", DEV)).await;
        let (admin, _) = keys::insert(&app, &keys::Row::admin("halden-freight", "amara@halden.example")).await;
        let (theirs, _) = keys::insert(&app, &keys::Row::live("brightwater-labs", None)).await;
        let path = format!("{}/why", at("refunds"));
        let why = |key: &dyn std::fmt::Display, permission: &str| format!("{path}?email=&key={key}&permission={permission}");

        let page = owner.get(&why(&live, "Update")).await.ok().says("The key A live key may not update in Refunds.");
        let page = page.says("a live key of the agent A live agent, for Production").says("by itself it opens nothing");
        assert!(page.says("POST /v1/access/check").body.contains(&format!("<option value=\"{live}\" selected>")));
        owner.get(&why(&staging, "Read")).await.ok().says("for staging").says("it finds no such resource");
        let page = owner.get(&why(&own, "Read")).await.ok().says("The key A development key may not open Refunds.");
        page.says("acts for Dev Eloper in their Dev mode").says("Refunds is not in it").says("Signed in, Dev Eloper may open Refunds: All.");
        let page = owner.get(&why(&admin, "Read")).await.ok().says("The key A admin key may not open Refunds.");
        page.says("None of that opens it").says("Signed in, Amara Okafor may open Refunds: Read.");

        // In Dev mode a developer's own key stands for them.
        let trials = format!("{ORG}/e/development/resources");
        dev.post(&trials, &[("kind", "interface"), ("name", "Trial"), ("key", "trial"), ("description", ""), ("url", "")]).await.is(303);
        let page = dev.get(&format!("{trials}/trial/why?key={own}")).await.ok().says("Dev Eloper may open Trial: All.");
        page.says("Trial is in that Dev mode, and what Dev Eloper may holds for the key").says("It is Dev Eloper’s own");

        // Whoever sees a key under Keys chooses it here.
        for (visitor, offered) in [(&mut owner, [true, true, true]), (&mut dev, [false, true, false]), (&mut auditor, [false; 3])] {
            let page = visitor.get(&path).await.ok();
            for (key, is_offered) in [&live, &own, &admin].into_iter().zip(offered) {
                assert_eq!(page.body.contains(&format!("<option value=\"{key}\">")), is_offered);
                assert_eq!(visitor.get(&why(key, "Read")).await.status.as_u16() == 200, is_offered);
            }
            assert!(!page.body.contains(&theirs.to_string()));
        }
        owner.get(&why(&theirs, "Read")).await.is(404);
        owner.get(&why(&"nonsense", "Read")).await.is(404);
        bo.get(&why(&theirs, "Read")).await.is(404);
        let both = owner.get(&format!("{path}?email=ana@halden.example&key={live}")).await.is(422).says("not both");
        assert!(both.body.contains("value=\"ana@halden.example\"") && both.body.contains(&format!("{live}\" selected")));
        // One that has ended is not offered, and says so.
        execute(&app, "update api_keys set revoked_at = 1").await;
        owner.get(&path).await.ok().says_not("Or API key");
        owner.get(&why(&live, "Read")).await.ok().says("The key A live key may not open Refunds").says("It does not work now");
    }

    /// A14, V3: who may open it and through what, as a page and as a file; the same of a person and of a team.
    async fn who_may_open_it_and_through_what(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana", "ana@halden.example", Role::Member).await;
        app.member(&mut owner, "Rev", "rev@halden.example", Role::Reviewer).await;
        let mut auditor = app.member(&mut owner, "Aud", "aud@halden.example", Role::Auditor).await;
        resource(&app, New { audience: "teams", ..New::default() }).await;
        resource(&app, New { key: "payroll", audience: "Private", ..New::default() }).await;
        team(&app, "halden-freight", "support", "Support", &["ana@halden.example", "rev@halden.example"]).await;
        team_entry(&app, "refunds", "support", None).await;
        entry(&app, "refunds", "gus@elsewhere.example", Some(8)).await;
        let why = format!("{}/why", at("refunds"));
        for reader in [&mut owner, &mut auditor] {
            let page = reader.get(&why).await.ok().says("Ana").says("Team Support").says("Amara Okafor").says("Made it");
            page.says("gus@elsewhere.example").says("Own entry").says_not("rev@halden.example").says("Export as CSV");
        }
        let file = owner.get(&format!("{why}.csv")).await.ok();
        assert!(file.header("content-disposition").contains("access-refunds"));
        assert_eq!(
            file.body.lines().collect::<Vec<_>>(),
            [
                "name,email,role,permissions,through",
                ",gus@elsewhere.example,guest,Delete,Own entry",
                "Amara Okafor,amara@halden.example,owner,All,Made it",
                "Ana,ana@halden.example,member,Read,Team Support",
            ]
        );
        auditor.get(&format!("{}/why", at("payroll"))).await.ok();

        let id = app.id_of(&mut owner, "Ana").await;
        let access = format!("{ORG}/users/{id}/access");
        owner.get(&access).await.ok().says("What Ana may open").says("Refunds").says("Team Support").says_not("Payroll");
        let file = owner.get(&format!("{access}.csv")).await.ok();
        assert!(file.body.ends_with("production,refunds,tool,Refunds,Read,Team Support\r\n"), "{}", file.body);
        auditor.get(&access).await.is(403);
        owner.get(&format!("{ORG}/users/01a20000-0000-7000-8000-000000000000/access")).await.is(404);
        let access = format!("{ORG}/teams/support/access");
        owner.get(&access).await.ok().says("What Support opens").says("Refunds").says("Listed");
        owner.get(&format!("{access}.csv")).await.ok().says("production,refunds,tool,Refunds,Read,Listed");
        owner.get(&format!("{ORG}/teams/nobodys/access")).await.is(404);
    }

    /// A14, V3: a page that holds everybody leads to no other, and one more person is on a page of their own.
    async fn the_list_ends_where_it_ends(app: TestApp) {
        let mut owner = app.owner().await;
        resource(&app, New { audience: "Public", ..New::default() }).await;
        crate::users::crowd(&app, 50).await;
        let why = format!("{}/why", at("refunds"));
        let first = owner.get(&why).await.ok().says("50 people on this page");
        let next = crate::support::page::between(&first.body, &format!("{why}?after="), "\"")[0].to_owned();
        let second = owner.get(&format!("{why}?after={next}")).await.ok().says("1 person on this page");
        assert!(!second.body.contains("?after="), "{}", second.body);
        // Fifty are one page, also where somebody after them is looked at and refused.
        for (audience, role) in [("Public", "removed"), ("entire-organization", "active")] {
            let last = "(select max(user_id) from memberships where role <> 'owner')";
            execute(&app, &format!("update memberships set state = '{role}', role = 'auditor' where user_id = {last}")).await;
            execute(&app, "update memberships set role = 'member' where role not in ('owner', 'auditor')").await;
            set_audience(&app, "refunds", audience).await;
            let page = owner.get(&why).await.ok().says("50 people").says_not("on this page");
            assert!(!page.body.contains("?after="), "{audience}");
        }
        let file = owner.get(&format!("{why}.csv")).await.ok();
        assert_eq!(file.body.lines().count(), 51);
    }

    /// A12, A14: of what is archived each page says that nobody opens it, and no more what its access would say.
    async fn what_is_archived_nobody_opens(app: TestApp) {
        let mut owner = app.owner().await;
        let (why, access) = (format!("{}/why", at("refunds")), format!("{}/access", at("refunds")));
        for (audience, words) in [("Public", "Anyone may open this"), ("DomainRestricted", "1 person may open this"), ("Unlisted", "Anyone with a link")] {
            execute(&app, "delete from resources").await;
            resource(&app, New { audience, domain: "halden.example", ..New::default() }).await;
            owner.get(&why).await.ok().says_not("archived");
            execute(&app, "update resources set archived_at = 1").await;
            let page = owner.get(&format!("{why}?email=amara@halden.example")).await.ok().says("It is archived: nobody opens it until");
            page.says("Nobody opens it now").says("Refunds is archived: nobody opens it").says_not("Anyone").says_not("Change its access to let");
            owner.get(&access).await.ok().says("Nobody may open this while it is archived. Taken back: ").says(words);
        }
        owner.get(&format!("{}/links", at("refunds"))).await.ok().says("links that were not revoked work again then").says_not("have ended");
    }

    /// A11, TEN-01: of a Private one other Developers know nothing, and of another organization's nobody.
    async fn what_is_secret_stays_so(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        resource(&app, New { key: "secret", ..New::default() }).await;
        resource(&app, New { audience: "entire-organization", ..New::default() }).await;
        let why = |key: &str| format!("{}/why", at(key));
        let refused = dev.get(&why("secret")).await.is(404);
        assert_eq!(without_request(&refused), without_request(&dev.get(&why("no-such-key")).await.is(404)));
        dev.get(&why("refunds")).await.is(403);
        owner.get(&why("secret")).await.ok();
        bo.get(&why("secret")).await.is(404);
        bo.get("/o/brightwater-labs/resources/secret/why").await.is(404);
        bo.get("/o/brightwater-labs/resources/secret/why.csv").await.is(404);
    }
}
