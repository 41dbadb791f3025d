//! Who may, and which tool an address belongs to.

use axum::http::Method;
use interlock::domain::access::Role;
use interlock::domain::resources::{Audience, Permissions};

use super::{AMARA, ANA, TOOL, agree, ask, at_tool, come_in, onward, path_at, to_interlock, tool};
use crate::support::access::{Thing, grant, grant_team, resource, team};
use crate::support::database::{count, execute};
use crate::support::sso::Connection;
use crate::support::{PASSWORD, on_both};

on_both! {
    /// R5, A12: whoever loses access has lost it at the next request, on every replica.
    async fn losing_access_bites_at_once(app: TestApp) {
        let mut owner = app.owner().await;
        let mut ana = app.member(&mut owner, "Zoë Łuk, 100%", ANA, Role::Member).await;
        let crm = resource(&app, &owner.org, AMARA, &Thing::tool("crm", "http://tool.localhost/", Audience::Teams)).await;
        let support = team(&app, &owner.org, "support", &[ANA]).await;
        team(&app, &owner.org, "berlin", &[ANA]).await;
        grant_team(&app, crm, support, Some(Permissions::ALL)).await;
        let mut tool = at_tool(&app);
        come_in(&mut ana, &mut tool, "/").await;
        let mut elsewhere = tool.clone().at(&app.replica().await);
        let open = ask(&mut elsewhere, "/").await.ok();
        for (name, value) in [
            ("x-interlock-email", ANA),
            ("x-interlock-name", "Zo%C3%AB %C5%81uk, 100%25"),
            ("x-interlock-role", "member"),
            ("x-interlock-teams", "berlin,support"),
            ("x-interlock-permissions", "Create,Read,Update,Delete"),
        ] {
            assert_eq!(open.header(name), value);
        }
        assert_eq!(open.header("x-interlock-user").len(), 36);
        for (ends, back) in [
            ("update memberships set role = 'reviewer' where email = 'ana@halden.example'", "update memberships set role = 'member' where email = 'ana@halden.example'"),
            ("update memberships set state = 'suspended' where email = 'ana@halden.example'", "update memberships set state = 'active' where email = 'ana@halden.example'"),
            ("update memberships set ends_at = 1 where email = 'ana@halden.example'", "update memberships set ends_at = null where email = 'ana@halden.example'"),
            ("update resources set archived_at = 1", "update resources set archived_at = null"),
            ("update organizations set closed_at = 1", "update organizations set closed_at = null"),
        ] {
            execute(&app, ends).await;
            ask(&mut elsewhere, "/").await.is(403);
            execute(&app, back).await;
            ask(&mut elsewhere, "/").await.ok();
        }
        execute(&app, "delete from team_members").await;
        // A browser gets a page, that says who it is and whom to ask; a script a line of text.
        let page = ask(&mut elsewhere, "/").await.is(403).says("You can’t open this").says("You are signed in as ana@halden.example");
        assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
        assert!(page.body.contains("href=\"http://localhost:3000/forward-auth/sign-in?to=") && page.body.contains("Ask for access"), "{}", page.body);
        let style = page.body.split("href=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
        let sheet = elsewhere.get(&style).await.ok();
        assert!(sheet.header("content-type").starts_with("text/css") && !sheet.body.contains("url(\"/static/"), "{style}");
        let font = sheet.body.split("url(\"/.interlock").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        elsewhere.get(&format!("/.interlock{font}")).await.ok();
        elsewhere.get("/.interlock/static/nothing.css").await.is(404);
        let host = elsewhere.host.clone();
        let asked = [("x-forwarded-proto", "http"), ("x-forwarded-host", host.as_str()), ("x-forwarded-uri", "/")];
        let line = elsewhere.send(axum::http::Method::GET, "/forward-auth", &asked, None).await.is(403);
        assert!(line.body.starts_with("You may not open this. Whom to ask: ") && line.header("content-type").starts_with("text/plain"), "{line:?}");
        // One that they may not know of is not asked for.
        execute(&app, "update resources set audience = 'Private'").await;
        ask(&mut elsewhere, "/").await.is(403).says("Ask whoever sent you here").says_not("Ask for access");
    }

    /// S9, M3: what the organization asks for at its gate it asks for here.
    async fn the_gate_holds_here_too(app: TestApp) {
        let mut owner = app.owner().await;
        let mut ana = app.member(&mut owner, "Ana Sousa", ANA, Role::Member).await;
        tool(&app, &owner.org).await;
        let mut tool = at_tool(&app);
        come_in(&mut ana, &mut tool, "/").await;
        execute(&app, "update organizations set mfa = 'any'").await;
        let sign_in = to_interlock(&mut tool, "/").await;
        let enrol = ana.get(&sign_in).await.leads_to("/account/mfa/enrol").location();
        assert!(enrol.contains("next=%2Fforward-auth%2Fsign-in"), "{enrol}");
        execute(&app, "update organizations set mfa = 'optional'; update memberships set proofs_after = 9999999999999 where email = 'ana@halden.example'").await;
        ask(&mut tool, "/").await.is(302);
        ana.get(&sign_in).await.leads_to("/o/halden-freight/sign-in");
    }

    /// A3, A7: guests by their own entry; nobody signed in where it is public, and then without a name.
    async fn guests_and_nobody(app: TestApp) {
        let owner = app.owner().await;
        let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let shared = resource(&app, &owner.org, AMARA, &Thing::tool("shared", "http://tool.localhost/", Audience::InviteRestricted)).await;
        resource(&app, &owner.org, AMARA, &Thing::tool("open", "http://open.localhost/", Audience::Public)).await;
        let mut guest = at_tool(&app);
        let sign_in = to_interlock(&mut guest, "/").await;
        bo.get(&sign_in).await.is(403).says("not open to you");
        grant(&app, shared, "bo@brightwater.example", None).await;
        come_in(&mut bo, &mut guest, "/").await;
        let open = ask(&mut guest, "/").await.ok();
        assert_eq!((open.header("x-interlock-role"), open.header("x-interlock-teams"), open.header("x-interlock-permissions")), ("guest", "", "Read"));
        execute(&app, "delete from resource_people").await;
        ask(&mut guest, "/").await.is(403);

        let mut nobody = at_tool(&app);
        nobody.host = "open.localhost".to_owned();
        let open = ask(&mut nobody, "/").await.ok();
        for name in ["user", "email", "name", "role", "teams"] {
            let value = open.headers.get(format!("x-interlock-{name}")).expect("it is there, and empty");
            assert!(value.is_empty(), "{name}");
        }
        assert_eq!(open.header("x-interlock-permissions"), "Read");
        // Another tool's cookie is nothing here.
        nobody.cookies = guest.cookies.clone();
        assert_eq!(ask(&mut nobody, "/").await.ok().header("x-interlock-user"), "");
        let page = bo.get("/forward-auth/sign-in?to=http://open.localhost/").await.ok();
        assert_eq!(onward(&page.says("It does not learn who you are")), "http://open.localhost/");
    }

    /// A7: a public tool knows those of its organization who sign in there, by a link of its own.
    async fn who_signs_in_at_a_public_tool_is_known(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana Sousa", ANA, Role::Member).await;
        resource(&app, &owner.org, AMARA, &Thing::tool("open", "http://tool.localhost/", Audience::Public)).await;
        let (mut home, mut tool) = (app.visitor(), at_tool(&app));
        ask(&mut tool, "/").await.ok();
        let sign_in = path_at(&tool.get("/.interlock/sign-in?to=/x").await.is(303).location(), "http://localhost:3000");
        home.get(&sign_in).await.leads_to("/sign-in");
        home.sign_in(ANA, PASSWORD).await.is(303);
        let callback = path_at(&onward(&home.get(&sign_in).await.ok().says("You are signed in.")), "http://tool.localhost");
        assert_eq!(tool.get(&callback).await.is(303).location(), "/x");
        assert_eq!(ask(&mut tool, "/").await.ok().header("x-interlock-email"), ANA);
    }

    /// A host whose tool went from http to https is a host of https: the archived tool decides nothing.
    async fn a_host_has_the_scheme_of_the_tool_in_use(app: TestApp) {
        let owner = app.owner().await;
        let old = Thing { archived: true, ..Thing::tool("old", "http://tool.localhost/", Audience::Teams) };
        resource(&app, &owner.org, AMARA, &old).await;
        resource(&app, &owner.org, AMARA, &Thing::tool("new", "https://tool.localhost/", Audience::EntireOrganization)).await;
        let begun = at_tool(&app).get("/.interlock/sign-in?to=/x").await.is(303);
        assert!(begun.location().contains("to=https%3A%2F%2Ftool.localhost%2Fx&"), "{}", begun.location());
        let mark = begun.headers.get("set-cookie").and_then(|value| value.to_str().ok()).expect("a mark");
        assert!(mark.starts_with("__Host-interlock-state=") && mark.contains("; Secure"), "{mark}");
    }

    /// A websocket belongs to the page that opens it; what is neither of the web is refused.
    async fn a_websocket_is_asked_about_as_its_page(app: TestApp) {
        let owner = app.owner().await;
        resource(&app, &owner.org, AMARA, &Thing::tool("open", "https://open.localhost/", Audience::Public)).await;
        for (scheme, status) in [("wss", 200), ("HTTPS", 200), ("ws", 403), ("ftp", 403)] {
            let headers = [("x-forwarded-proto", scheme), ("x-forwarded-host", "open.localhost"), ("x-forwarded-uri", "/socket")];
            app.visitor().send(Method::GET, "/forward-auth", &headers, None).await.is(status);
        }
    }

    /// S4, A3: an organization learns who follows a link to its tool from members, and else from whoever says so.
    async fn strangers_are_asked_before_they_are_known(app: TestApp) {
        let mut owner = app.owner().await;
        let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let of_domain = Thing { domain: Some("brightwater.example"), ..Thing::tool("shared", "http://tool.localhost/", Audience::DomainRestricted) };
        resource(&app, &owner.org, AMARA, &of_domain).await;
        resource(&app, &owner.org, AMARA, &Thing::tool("open", "http://open.localhost/", Audience::Public)).await;
        let mut tool = at_tool(&app);
        let sign_in = to_interlock(&mut tool, "/a?b=c").await;
        for _ in 0..2 {
            let page = bo.get(&sign_in).await.ok().says("Go on to tool.localhost of Halden Freight as bo@brightwater.example?");
            assert_eq!(page.header("refresh"), "");
        }
        let own = bo.origin.clone();
        for origin in [Some("http://tool.localhost".to_owned()), Some("http://evil.example".to_owned()), None] {
            bo.origin = origin;
            agree(&mut bo, &sign_in).await.is(403);
        }
        bo.origin = own;
        for to in ["", "http://evil.example/", "http://tool.localhost@evil.example/"] {
            bo.post("/forward-auth/sign-in", &[("to", to), ("state", &"0".repeat(64))]).await.is(404);
        }
        assert_eq!(count(&app, "tool_tickets").await, 0);
        // To what is public they go on without a name, whatever they say.
        let mut open = at_tool(&app);
        open.host = "open.localhost".to_owned();
        let at_open = path_at(&open.get("/.interlock/sign-in?to=/x").await.is(303).location(), "http://localhost:3000");
        assert_eq!(onward(&bo.get(&at_open).await.ok()), "http://open.localhost/x");
        assert_eq!(onward(&agree(&mut bo, &at_open).await.ok()), "http://open.localhost/x");
        assert_eq!(count(&app, "tool_tickets").await, 0);
        assert_eq!(ask(&mut open, "/x").await.ok().header("x-interlock-user"), "");

        let callback = path_at(&onward(&agree(&mut bo, &sign_in).await.ok()), "http://tool.localhost");
        assert_eq!(tool.get(&callback).await.is(303).location(), "/a?b=c");
        assert_eq!(ask(&mut tool, "/").await.ok().header("x-interlock-role"), "guest");
        // Members are known already.
        onward(&owner.get(&sign_in).await.ok());
    }

    /// Through the pages: a port is part of a tool's address, as it is of what the proxy asks for.
    async fn a_port_is_part_of_the_address(app: TestApp) {
        let mut owner = app.owner().await;
        for (key, url) in [("with", "https://x.example:8443/"), ("usual", "https://y.example:443/")] {
            let fields = [("kind", "tool"), ("name", "Tool"), ("key", key), ("description", ""), ("url", url)];
            owner.post(&format!("{}/resources", owner.org), &fields).await.is(303);
        }
        let mut tool = at_tool(&app);
        for (url, status) in [
            ("https://x.example:8443/", 401), ("https://X.example:8443/a", 401), ("https://x.example/", 403), ("https://x.example:9443/", 403),
            ("https://y.example/", 401), ("https://y.example:443/", 401), ("https://y.example:8443/", 403), ("http://y.example/", 403),
        ] {
            let answer = tool.send(Method::GET, "/forward-auth", &[("x-original-url", url)], None).await;
            assert_eq!(answer.status.as_u16(), status, "{url}");
        }
    }

    /// Sessions at a host end when it becomes another organization's: they were told to the one before.
    async fn a_host_changes_hands(app: TestApp) {
        let mut owner = app.owner().await;
        let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        tool(&app, &owner.org).await;
        let mut browser = at_tool(&app);
        come_in(&mut owner, &mut browser, "/").await;
        let mut other = at_tool(&app);
        let sign_in = to_interlock(&mut other, "/").await;
        let late = path_at(&onward(&owner.get(&sign_in).await.ok()), "http://tool.localhost");
        app.clock.advance(1_000);
        Connection::new(&app, &bo.org, "oidc", "http://127.0.0.1:1").await.domain(&app, "tool.localhost", true).await;
        let fields = [("kind", "tool"), ("name", "Tool"), ("key", "theirs"), ("description", ""), ("url", "http://tool.localhost/")];
        bo.post(&format!("{}/resources", bo.org), &fields).await.is(303);
        execute(&app, "update resources set audience = 'Public' where key = 'theirs'").await;
        assert_eq!(ask(&mut browser, "/").await.ok().header("x-interlock-user"), "");
        other.get(&late).await.is(400);
    }

    /// The longest path, in whole parts; what is archived does not fall to a wider one; closed by default.
    async fn which_tool_an_address_belongs_to(app: TestApp) {
        let owner = app.owner().await;
        let of = |key, url, audience| Thing::tool(key, url, audience);
        resource(&app, &owner.org, AMARA, &of("all", "http://tool.localhost/", Audience::Public)).await;
        resource(&app, &owner.org, AMARA, &of("admin", "http://tool.localhost/admin", Audience::Private)).await;
        resource(&app, &owner.org, AMARA, &of("docs", "http://tool.localhost/admin/docs/", Audience::Public)).await;
        resource(&app, &owner.org, AMARA, &Thing { archived: true, ..of("old", "http://tool.localhost/old", Audience::Public) }).await;
        let mut tool = at_tool(&app);
        for (path, status) in [
            ("/", 200), ("/administrator", 200), ("/x?to=/admin", 200), ("/admin", 302), ("/admin?x", 302), ("/admin/", 302), ("/ADMIN/x", 302),
            ("/%61dmin", 302), ("/admin/docs", 200), ("/admin/docs/x", 200), ("/admin/documents", 302), ("/old/x", 302),
            ("/x/../admin", 403), ("/x/%2e%2e/admin", 403), ("//admin", 403), ("/x%2F..%2Fadmin", 403), ("/%2561dmin", 403), ("/admin;x", 403),
            ("/%", 403), ("x", 403), ("/\\admin", 403),
        ] {
            assert_eq!(ask(&mut tool, path).await.status.as_u16(), status, "{path}");
        }
        for host in ["evil.localhost", "tool.localhost.evil.example", "tool.localhost:81", "", "a b"] {
            tool.host = host.to_owned();
            ask(&mut tool, "/").await.is(403);
        }
        tool.host = "TOOL.localhost:80".to_owned();
        ask(&mut tool, "/").await.ok();
    }

    /// What a browser says of itself never stands for what the proxy says.
    async fn headers_have_to_agree(app: TestApp) {
        let owner = app.owner().await;
        resource(&app, &owner.org, AMARA, &Thing::tool("all", "http://tool.localhost/", Audience::Public)).await;
        resource(&app, &owner.org, AMARA, &Thing::tool("admin", "http://tool.localhost/admin", Audience::Private)).await;
        let mut tool = at_tool(&app);
        let forwarded = [("x-forwarded-proto", "http"), ("x-forwarded-host", TOOL), ("x-forwarded-uri", "/admin")];
        let (open, admin) = (("x-original-url", "http://tool.localhost/"), ("x-original-url", "http://tool.localhost/admin"));
        let all = |more: &[(&'static str, &'static str)]| [&forwarded[..], more].concat();
        for (headers, status) in [
            (vec![], 400),
            (vec![("x-forwarded-host", TOOL)], 400),
            (vec![open], 200),
            (vec![admin], 401),
            (all(&[]), 401),
            (all(&[open]), 403),
            (all(&[admin]), 401),
            (vec![open, open], 403),
            (all(&[("x-forwarded-uri", "/")]), 403),
            (vec![("x-forwarded-uri", "/"), ("x-forwarded-host", TOOL)], 403),
            (vec![open, ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https")], 200),
        ] {
            let answer = tool.send(Method::GET, "/forward-auth", &headers, None).await;
            assert_eq!(answer.status.as_u16(), status, "{headers:?}");
            if status == 401 {
                assert_eq!(answer.header("x-interlock-sign-in"), "http://tool.localhost/.interlock/sign-in?to=%2Fadmin");
            }
        }
        // A browser that opens a page is led on; what runs in one is told.
        let page = all(&[("accept", "text/html"), ("sec-fetch-mode", "navigate")]);
        tool.send(Method::GET, "/forward-auth", &page, None).await.is(302);
        for headers in [all(&[("accept", "application/json")]), all(&[("accept", "text/html"), ("sec-fetch-mode", "cors")]), all(&[("accept", "text/html"), ("x-forwarded-method", "POST")])] {
            tool.send(Method::GET, "/forward-auth", &headers, None).await.is(401);
        }
    }
}
