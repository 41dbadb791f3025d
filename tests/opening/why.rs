//! Why somebody may open a resource, or not, and through what (A14).

use super::*;

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
