//! A resource's page and the launcher.

use super::*;

on_both! {
    /// RES-01, R7: a Private one is its creator's. Nobody else is told of it, whatever their role.
    async fn private_is_its_creators(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let mut admin = app.member(&mut owner, "Ad Min", "admin@halden.example", Role::Admin).await;
        resource(&app, New { creator: "dev@halden.example", ..New::default() }).await;
        dev.get(&at("refunds")).await.ok().says("Refunds").says("Open Refunds").says("Made by Dev Eloper").says("You have All");
        dev.get(ORG).await.ok().says("Refunds");
        for other in [&mut owner, &mut admin] {
            is_not_there(other, "refunds").await;
            other.get(ORG).await.ok().says_not("Refunds");
        }
        app.visitor().get(&at("refunds")).await.leads_to("/sign-in");
        app.visitor().get(&at("no-such-key")).await.leads_to("/sign-in");
        // Whoever loses the role that opened it loses what came with it, by the next request.
        execute(&app, "update memberships set state = 'suspended' where role = 'developer'").await;
        is_not_there(&mut dev, "refunds").await;
    }

    /// RES-04, RES-06: the domain is matched exactly, of verified addresses, members' or not.
    async fn a_domain_is_matched_exactly(app: TestApp) {
        let mut owner = app.owner().await;
        resource(&app, New { audience: "DomainRestricted", domain: "example.com", ..New::default() }).await;
        for email in ["eve@evil-example.com", "eve@example.com.evil.org", "eve@sub.example.com", "eve@xample.com"] {
            let mut eve = guest(&app, email).await;
            is_not_there(&mut eve, "refunds").await;
            eve.get("/").await.ok().says_not("Refunds");
        }
        let mut ann = guest(&app, "Ann@Example.com").await;
        ann.get(&at("refunds")).await.ok().says("Refunds").says("Shared by Halden Freight").says_not("Amara").says("You have Read");
        ann.get("/").await.ok().says("Shared with you").says("Refunds");
        // A guest reaches that alone.
        resource(&app, New { key: "payroll", audience: "entire-organization", ..New::default() }).await;
        is_not_there(&mut ann, "payroll").await;
        ann.get(ORG).await.is(404);
        ann.get(&format!("{ORG}/users")).await.is(404);
        // A member of another domain sees that it is there.
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        noor.get(&at("refunds")).await.is(403).says("You can’t open Refunds").says("Ask for access").says_not("example.com");
    }

    /// RES-07, A12, S2: an entry waits for its address, and binds once that is proven; taken away, the next request knows.
    async fn an_entry_waits_for_its_address(app: TestApp) {
        app.owner().await;
        resource(&app, New { kind: "interface", audience: "InviteRestricted", ..New::default() }).await;
        entry(&app, "refunds", "gus@elsewhere.example", None).await;
        let mut visitor = app.visitor();
        visitor.get(&at("refunds")).await.leads_to("/sign-in");
        let mut gus = guest(&app, "gus@elsewhere.example").await;
        gus.get(&at("refunds")).await.ok().says("Refunds");
        gus.get("/").await.ok().says("Shared with you").says("Refunds").says("Halden Freight");
        let mut other = guest(&app, "other@elsewhere.example").await;
        is_not_there(&mut other, "refunds").await;
        execute(&app, "delete from resource_people").await;
        is_not_there(&mut gus, "refunds").await;
        gus.get("/").await.ok().says_not("Refunds");
    }

    /// RES-08, A5: the nearest entry replaces the default; without Read no data is shown, and it is said what was given.
    async fn without_read_no_data_is_shown(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        let definition = r#"{"fields": {"amount": "number"}, "requests": {"read": {}, "delete": {}, "update": {}}}"#;
        resource(&app, New { kind: "interface", audience: "teams", definition, ..New::default() }).await;
        team(&app, "halden-freight", "support", "Support", &["noor@halden.example"]).await;
        team_entry(&app, "refunds", "support", None).await;
        noor.get(&at("refunds")).await.ok().says("amount").says("number").says("You have Read").says_not("delete");
        entry(&app, "refunds", "noor@halden.example", Some(8)).await;
        let page = noor.get(&at("refunds")).await.ok().says("You may not read this").says("Delete");
        let page = page.says_not("amount").says_not("update");
        assert!(page.body.contains("<b>delete</b>"), "the request that they may make is offered");
        noor.get(ORG).await.ok().says("Refunds").says("without Read: Delete");
        owner.get(&at("refunds")).await.ok().says("You have All").says("update");
    }

    /// RES-09, A12, A13: the team lets in as long as one is in it. A team made anew under its slug gives nothing, and
    /// neither does another organization's of the same slug.
    async fn a_team_lets_in_its_members(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        let mut rev = app.member(&mut owner, "Re Viewer", "rev@halden.example", Role::Reviewer).await;
        resource(&app, New { audience: "teams", ..New::default() }).await;
        team(&app, "halden-freight", "support", "Support", &["noor@halden.example", "rev@halden.example"]).await;
        team_entry(&app, "refunds", "support", None).await;
        noor.get(&at("refunds")).await.ok();
        noor.get(ORG).await.ok().says("Tools").says("Refunds").says_not("Not open to you");
        // Being in the team is not enough where the role opens nothing (A3).
        rev.get(&at("refunds")).await.is(403).says("Your role, Reviewer, does not open resources").says_not("Ask for access");
        execute(&app, "delete from team_members where user_id = (select id from users where email = 'noor@halden.example')").await;
        noor.get(&at("refunds")).await.is(403).says("It is for teams that you are not in").says_not("Support");
        noor.get(ORG).await.ok().says("Not open to you").says("Refunds").says("Ask for access");
        let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        team(&app, "brightwater-labs", "support", "Support", &["bo@brightwater.example"]).await;
        is_not_there(&mut bo, "refunds").await;
        execute(&app, "delete from resource_teams; delete from team_members; delete from teams").await;
        team(&app, "halden-freight", "support", "Support", &["noor@halden.example"]).await;
        noor.get(&at("refunds")).await.is(403);
    }

    /// A4: what comes to one by several teams and by an entry of one's own stands there once, with what the nearest says.
    async fn what_comes_by_several_ways_stands_there_once(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        for key in ["alpha", "beta", "gamma"] {
            resource(&app, New { key, audience: "teams", ..New::default() }).await;
        }
        for slug in ["one", "two"] {
            team(&app, "halden-freight", slug, slug, &["noor@halden.example"]).await;
            team_entry(&app, "alpha", slug, Some(2)).await;
            team_entry(&app, "beta", slug, Some(4)).await;
            team_entry(&app, "gamma", slug, Some(4)).await;
        }
        entry(&app, "gamma", "noor@halden.example", Some(2)).await;
        let home = noor.get(ORG).await.ok().says("3 resources to open").says_not("Not open to you");
        let names = crate::support::page::between(&home.body, "<b>", "</b>");
        let names: Vec<&str> = names.into_iter().filter(|name| ["Alpha", "Beta", "Gamma"].contains(name)).collect();
        assert_eq!(names, ["Alpha", "Beta", "Gamma"]);
        assert_eq!(home.body.matches("without Read: Update").count(), 1, "Beta alone");
    }

    /// RES-10, A7: anyone sees a Public one, and nobody signed in does more than that. Nothing of the organization but its
    /// name stands around it.
    async fn public_is_for_anyone(app: TestApp) {
        let mut owner = app.owner().await;
        let definition = r#"{"fields": ["amount"], "requests": {"get": {}, "create": {}}}"#;
        let all = New { kind: "interface", audience: "Public", defaults: Some(15), definition, ..New::default() };
        resource(&app, all).await;
        let mut nobody = app.visitor();
        let page = nobody.get(&at("refunds")).await.ok().says("Refunds").says("amount").says("You have Read");
        page.says("Shared by Halden Freight").says_not("create").says_not("Amara");
        nobody.post(&at("refunds"), &[("amount", "7")]).await.is(405);
        nobody.post(&format!("{}/ask", at("refunds")), &[]).await.leads_to("/sign-in");
        let mut gus = guest(&app, "gus@elsewhere.example").await;
        gus.get(&at("refunds")).await.ok().says("You have All").says("create").says("Shared by Halden Freight");
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Auditor).await;
        noor.get(&at("refunds")).await.ok().says("You have Read").says_not("create");
        noor.get(ORG).await.ok().says("Refunds");
    }

    /// A3: suspended people have what is Public and nothing else of the organization; removed ones also entries made since.
    async fn a_membership_in_any_state_is_no_guest(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        resource(&app, New { key: "open", audience: "Public", ..New::default() }).await;
        resource(&app, New { key: "given", audience: "InviteRestricted", ..New::default() }).await;
        resource(&app, New { key: "by-domain", audience: "DomainRestricted", domain: "halden.example", ..New::default() }).await;
        entry(&app, "given", "noor@halden.example", None).await;
        for key in ["open", "given", "by-domain"] {
            noor.get(&at(key)).await.ok();
        }
        let state = |state: &str| {
            format!("update memberships set state = '{state}' where user_id = (select id from users where email = 'noor@halden.example')")
        };
        execute(&app, &state("suspended")).await;
        noor.get(&at("open")).await.ok();
        is_not_there(&mut noor, "given").await;
        is_not_there(&mut noor, "by-domain").await;
        noor.get("/").await.ok().says_not("Given");
        execute(&app, &state("removed")).await;
        noor.get(&at("given")).await.ok().says("Shared by Halden Freight");
        is_not_there(&mut noor, "by-domain").await;
        noor.get("/").await.ok().says("Given").says_not("By-domain");
    }

    /// A2, A9: an action without access takes its nearest page's, and without any it is everybody's whose role opens.
    async fn actions_inherit_their_pages_access(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        resource(&app, New { key: "ops", kind: "page", audience: "teams", ..New::default() }).await;
        resource(&app, New { key: "ops/deep/run", kind: "action", audience: "", ..New::default() }).await;
        resource(&app, New { key: "free", kind: "action", audience: "", ..New::default() }).await;
        noor.get(&at("free")).await.ok().says("as soon as a host that offers it is connected");
        noor.get(&at("ops/deep/run")).await.is(403);
        team(&app, "halden-freight", "support", "Support", &["noor@halden.example"]).await;
        team_entry(&app, "ops", "support", None).await;
        noor.get(&at("ops/deep/run")).await.ok();
        noor.get(ORG).await.ok().says("Actions").says("Ops deep run").says("Free");
        // Found by its own name, it still takes the access of the page that is not found.
        noor.get(&format!("{ORG}?q=deep%20run")).await.ok().says("Ops deep run").says("1 resource to open").says_not("Not open to you");
        let mut gus = guest(&app, "gus@elsewhere.example").await;
        is_not_there(&mut gus, "free").await;
    }

    /// A7, A11: whoever reads how a resource is configured that they can't open is not led to what is not there for them.
    async fn a_reader_is_led_to_no_dead_end(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        for (key, audience, creator, opens) in [
            ("their", "Private", "dev@halden.example", false), ("linked", "Unlisted", "dev@halden.example", false),
            ("own", "Private", "amara@halden.example", true), ("asked", "teams", "dev@halden.example", true),
        ] {
            resource(&app, New { key, audience, creator, ..New::default() }).await;
            let page = owner.get(&format!("{}/access", at(key))).await.ok();
            let tab = format!("<a href=\"{}\"", at(key));
            assert_eq!(page.body.contains(&tab), opens, "{key}: {tab} in {}", page.body);
            assert_eq!(owner.get(&at(key)).await.status.as_u16() != 404, opens, "{key}");
        }
        execute(&app, "update resources set archived_at = 1").await;
        let page = owner.get(&format!("{}/access", at("own"))).await.ok();
        assert!(!page.body.contains(&format!("<a href=\"{}\"", at("own"))));
    }

    /// TEN-01, TEN-05: another organization's resources are in no list, search or address of this one's.
    async fn nothing_of_another_organization(app: TestApp) {
        let mut owner = app.owner().await;
        let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        resource(&app, New { audience: "entire-organization", ..New::default() }).await;
        owner.get(&format!("{ORG}?q=refu")).await.ok().says("Refunds");
        owner.get(&format!("{ORG}?q=zzz")).await.ok().says("Nothing that you may open matches").says_not("Refunds");
        bo.get("/o/brightwater-labs?q=refu").await.ok().says_not("Refunds");
        bo.get("/o/brightwater-labs/resources/refunds").await.is(404);
        is_not_there(&mut bo, "refunds").await;
        let piece = owner.get_fragment(&format!("{ORG}?q=refu"), "launcher").await.ok().says("Refunds");
        assert!(!piece.body.contains("<html"));
        execute(&app, "update resources set archived_at = 1").await;
        is_not_there(&mut owner, "refunds").await;
        owner.get(ORG).await.ok().says_not("Refunds").says("There is nothing for you to open yet").says("Invite people").says("New resource");
        // An organization that is deleted opens nothing (TEN-06).
        execute(&app, "update resources set archived_at = null, audience = 'Public'").await;
        app.visitor().get(&at("refunds")).await.ok();
        execute(&app, "update organizations set closed_at = 1 where slug = 'halden-freight'").await;
        app.visitor().get(&at("refunds")).await.leads_to("/sign-in");
    }

    /// Environments are apart: the same key is another resource there.
    async fn environments_are_apart(app: TestApp) {
        let mut owner = app.owner().await;
        execute(&app, "insert into environments (organization, slug, name, color, created_at) \
                       select id, 'staging', 'Staging', 'blue', 0 from organizations").await;
        resource(&app, New { key: "here", environment: "staging", audience: "entire-organization", ..New::default() }).await;
        is_not_there(&mut owner, "here").await;
        owner.get(ORG).await.ok().says_not("What Here is for");
        owner.get(&format!("{ORG}/e/staging")).await.ok().says("What Here is for").says("Staging");
        owner.get(&format!("{ORG}/e/staging/resources/here")).await.ok().says("Open Here");
        owner.get(&format!("{ORG}/e/nowhere")).await.is(404);
        // Whoever does not read the list of resources switches from home to home; nobody but those who develop has Dev mode.
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        for (path, other) in [(ORG.to_owned(), "/o/halden-freight/e/staging"), (format!("{ORG}/e/staging"), ORG), (format!("{ORG}/e/staging/resources/here"), ORG)] {
            let page = noor.get(&path).await.ok();
            assert!(page.body.contains(&format!("<li><a href=\"{other}\"")), "{path}");
            assert!(!page.body.contains("e/development") && !page.body.contains("/resources\""), "{path}");
            noor.get(other).await.ok();
        }
        assert!(owner.get(ORG).await.ok().body.contains("<li><a href=\"/o/halden-freight/e/development\""));
        // Where there is production alone there is nothing to choose.
        execute(&app, "delete from resources").await;
        execute(&app, "delete from environments where slug = 'staging'").await;
        noor.get(ORG).await.ok().says_not("Environment:");
    }
}

on_both! {
    with &[("INTERLOCK_SIGN_UP", "closed")];

    /// S2: closed, sign-up still takes the address that a resource awaits; the answer to any other is the same page.
    async fn closed_sign_up_takes_whom_a_resource_awaits(app: TestApp) {
        let token = interlock::domain::sign_up::prepare_setup(&app.app).await.expect("it answers").expect("nobody is there");
        let fields = [
            ("organization", "Halden Freight"), ("name", "Amara Okafor"), ("email", "amara@halden.example"),
            ("password", crate::support::PASSWORD),
        ];
        app.visitor().post(&format!("/setup/{}", token.expose()), &fields).await.is(303);
        resource(&app, New { audience: "InviteRestricted", ..New::default() }).await;
        entry(&app, "refunds", "gus@elsewhere.example", None).await;
        let next = at("refunds");
        app.visitor().get(&format!("/sign-up?next={next}")).await.ok().says("Create an account").says_not("Organization name");
        app.visitor().get("/sign-up").await.ok().says("Sign-up is closed here");
        let mut gus = guest(&app, "gus@elsewhere.example").await;
        gus.get(&at("refunds")).await.ok();
        let fields = [("name", "Eve"), ("email", "eve@elsewhere.example"), ("password", crate::support::PASSWORD), ("next", &next)];
        app.visitor().post("/sign-up", &fields).await.leads_to("/sign-up/sent");
        assert!(app.mail_to("eve@elsewhere.example").await.subject.contains("closed"));
        // A4: an entry whose default is no permission, and a domain with none, await nobody.
        for (key, audience, domain) in [("vault", "InviteRestricted", ""), ("depot", "DomainRestricted", "else.example")] {
            resource(&app, New { key, audience, domain, defaults: Some(0), ..New::default() }).await;
        }
        entry(&app, "vault", "ivo@elsewhere.example", None).await;
        for email in ["ivo@elsewhere.example", "una@else.example"] {
            let fields = [("name", "Ivo"), ("email", email), ("password", crate::support::PASSWORD), ("next", &next)];
            app.visitor().post("/sign-up", &fields).await.leads_to("/sign-up/sent");
            assert!(app.mail_to(email).await.subject.contains("closed"), "{email}");
        }
        database::execute(&app, "update resources set default_permissions = 2 where key = 'depot'").await;
        guest(&app, "una@else.example").await;
        assert_eq!(database::count(&app, "users").await, 3);
    }
}
