//! Guests, and whoever has no place in an organization: how they come, and what they are told.

use super::*;

on_both! {
    /// S2: whoever signs up from a resource's page lands on it. A link's token is kept nowhere (A7).
    async fn a_guest_lands_where_they_came_from(app: TestApp) {
        app.owner().await;
        execute(&app, "insert into environments (organization, slug, name, color, created_at) \
                       select id, 'staging', 'Staging', 'blue', 0 from organizations").await;
        resource(&app, New { key: "here", environment: "staging", audience: "Public", ..New::default() }).await;
        let staging = format!("{ORG}/e/staging/resources/here");
        let link = "/i/c2VjcmV0LXRva2VuLW9mLTEyOC1iaXRz";
        for (number, next, lands) in [(0, staging.as_str(), staging.as_str()), (1, link, "/"), (2, "//evil.example/o/x/resources/y", "")] {
            let mut gus = app.visitor();
            let email = format!("gus{number}@elsewhere.example");
            let fields = [("name", "Gus Guest"), ("email", email.as_str()), ("password", crate::support::PASSWORD), ("next", next)];
            let answer = gus.post("/sign-up", &fields).await;
            if lands.is_empty() {
                // It is no page of ours: an organization is asked for.
                answer.is(422);
                continue;
            }
            answer.leads_to("/sign-up/sent");
            assert!(!database::dump(&app).await.contains("c2VjcmV0"));
            gus.post(&app.mail_to(&email).await.path("/verify/"), &[]).await.leads_to(lands);
            gus.get(lands).await.ok().says("Your account is ready");
        }
    }

    /// A7, S2: an Unlisted link survives signing in and signing up: the browser keeps it, and nothing else does.
    async fn a_link_is_come_back_to(app: TestApp) {
        let mut owner = app.owner().await;
        resource(&app, New { audience: "Unlisted", ..New::default() }).await;
        let page = owner.post(&format!("{}/links", at("refunds")), &[("name", "Press"), ("expires", "")]).await.ok();
        let shown = crate::support::page::between(&page.body, "http://localhost:3000/i/", "<");
        let token = (*shown.first().expect("the link is shown")).to_owned();
        let link = format!("/i/{token}");
        let next = format!("next=%2Fi%2F{token}");

        let mut gus = app.visitor();
        let page = gus.get(&link).await.ok();
        assert!(page.body.contains(&format!("/sign-in?{next}")), "{}", page.body);
        assert!(gus.get(&format!("/sign-in?{next}")).await.ok().body.contains(&format!("/sign-up?{next}")));
        assert!(gus.get(&format!("/sign-up?{next}")).await.ok().body.contains(&format!("/sign-in?{next}")));
        let fields = [("name", "Gus Guest"), ("email", "gus@elsewhere.example"), ("password", crate::support::PASSWORD), ("next", &link)];
        gus.post("/sign-up", &fields).await.leads_to("/sign-up/sent");
        assert!(!database::dump(&app).await.contains(&token), "the token is stored nowhere");
        let confirm = app.mail_to("gus@elsewhere.example").await.path("/verify/");
        gus.post(&confirm, &[]).await.leads_to(&link);
        gus.get(&link).await.ok().says("Refunds");
        assert!(!gus.cookies.contains_key("interlock-link"), "the browser has given it back");

        // Confirmed in another browser they land at home; signing in leads back as well.
        let mut ann = app.visitor();
        let fields = [("name", "Ann Guest"), ("email", "ann@elsewhere.example"), ("password", crate::support::PASSWORD), ("next", &link)];
        ann.post("/sign-up", &fields).await.leads_to("/sign-up/sent");
        let confirm = app.mail_to("ann@elsewhere.example").await.path("/verify/");
        app.visitor().post(&confirm, &[("password", crate::support::PASSWORD)]).await.leads_to("/");
        let fields = [("email", "ann@elsewhere.example"), ("password", crate::support::PASSWORD), ("next", &link)];
        ann.post("/sign-in", &fields).await.leads_to(&link);
    }

    /// S5: an entry elsewhere awaits whoever signs in by their organization's provider alone: they may set a password.
    async fn an_entry_elsewhere_lets_set_a_password(app: TestApp) {
        const NOOR: &str = "noor@halden.example";
        let mut owner = app.owner().await;
        app.member(&mut owner, "Noor Rahman", NOOR, Role::Member).await;
        app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        execute(&app, "update users set password_hash = null where email = 'noor@halden.example'").await;
        execute(&app, "update organizations set sso_required = true where slug = 'halden-freight'").await;
        let ask = async || {
            app.visitor().post("/forgot-password", &[("email", NOOR)]).await.leads_to("/forgot-password/sent");
            app.mail_to(NOOR).await.text.contains("/reset/")
        };
        resource(&app, New { key: "own", audience: "InviteRestricted", ..New::default() }).await;
        entry(&app, "own", NOOR, None).await;
        assert!(!ask().await, "an entry where they are a member opens nothing without the provider");
        let theirs = New { org: "brightwater-labs", creator: "bo@brightwater.example", audience: "InviteRestricted", ..New::default() };
        resource(&app, theirs).await;
        entry(&app, "refunds", NOOR, None).await;
        assert!(ask().await);
        execute(&app, "update organizations set closed_at = 1 where slug = 'brightwater-labs'").await;
        assert!(!ask().await);
    }

    /// A3, A4: a guest's home shows what they may open and nothing that is not there for them: neither what lists them
    /// without any permission, nor what their address is for and gives nothing.
    async fn a_guests_home_leads_to_no_dead_end(app: TestApp) {
        const GUS: &str = "gus@elsewhere.example";
        let mut owner = app.owner().await;
        let mut gus = guest(&app, GUS).await;
        let domain = "elsewhere.example";
        for (key, audience, defaults, listed, opens) in [
            ("listed-default", "InviteRestricted", None, Some(None), true),
            ("listed-nothing", "InviteRestricted", Some(0), Some(None), false),
            ("listed-empty", "InviteRestricted", Some(0), Some(Some(0)), false),
            ("listed-delete", "InviteRestricted", Some(0), Some(Some(8)), true),
            ("domain-default", "DomainRestricted", None, None, true),
            ("domain-nothing", "DomainRestricted", Some(0), None, false),
            ("domain-listed", "DomainRestricted", Some(0), Some(Some(2)), true),
        ] {
            resource(&app, New { key, audience, defaults, domain, ..New::default() }).await;
            if let Some(permissions) = listed {
                entry(&app, key, GUS, permissions).await;
            }
            let home = gus.get("/").await.ok();
            assert_eq!(home.body.contains(&format!("\"{}\"", at(key))), opens, "{key}: {}", home.text());
            match opens {
                true => drop(gus.get(&at(key)).await.ok()),
                false => is_not_there(&mut gus, key).await,
            }
        }
        // The same of whoever was removed, who has only what lists them since.
        app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        let id = app.id_of(&mut owner, "Noor Rahman").await;
        owner.post(&format!("{ORG}/users/{id}/removal"), &[]).await.is(303);
        for key in ["listed-default", "listed-nothing"] {
            entry(&app, key, "noor@halden.example", None).await;
        }
        let mut noor = app.visitor();
        noor.sign_in("noor@halden.example", crate::support::PASSWORD).await.is(303);
        noor.get("/").await.ok().says("Listed-default").says_not("Listed-nothing");
        noor.get(&at("listed-default")).await.ok();
        is_not_there(&mut noor, "listed-nothing").await;
    }

    /// R11: an old slug leads members on from a resource's page too, and is not there for others.
    async fn an_old_slug_leads_members_on(app: TestApp) {
        let mut owner = app.owner().await;
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        resource(&app, New { audience: "Public", ..New::default() }).await;
        let mut gus = guest(&app, "gus@elsewhere.example").await;
        owner.post(&format!("{ORG}/settings"), &[("name", "Halden Freight"), ("slug", "hf")]).await.leads_to("/o/hf/settings");
        for member in [&mut owner, &mut noor] {
            assert_eq!(member.get(&format!("{}?a=b", at("refunds"))).await.location(), "/o/hf/resources/refunds?a=b");
        }
        gus.get("/o/hf/resources/refunds").await.ok();
        gus.get(&at("refunds")).await.is(404);
        app.visitor().get(&at("refunds")).await.leads_to("/sign-in");
    }

    /// Production has one address: by its name it is not there, for members and for others.
    async fn production_has_one_address(app: TestApp) {
        let mut owner = app.owner().await;
        resource(&app, New { audience: "Public", ..New::default() }).await;
        let mut gus = guest(&app, "gus@elsewhere.example").await;
        let named = format!("{ORG}/e/production/resources/refunds");
        gus.get(&at("refunds")).await.ok();
        gus.get(&named).await.is(404);
        owner.get(&named).await.is(404);
        app.visitor().get(&at("refunds")).await.ok();
        app.visitor().get(&named).await.leads_to("/sign-in");
    }
}
