//! From a tool's host to ours and back.

use axum::http::Method;
use interlock::clock::{HOUR, MINUTE};
use interlock::domain::access::Role;
use interlock::domain::resources::Audience;

use super::{AMARA, ANA, TOOL, ask, at_tool, come_in, onward, path_at, to_interlock, tool};
use crate::support::access::{Thing, resource};
use crate::support::database::{count, dump, execute};
use crate::support::{PASSWORD, on_both};

on_both! {
    /// A browser that is signed out signs in and lands on the very page; the tool's host gets a cookie of its own, and ours
    /// stays at home.
    async fn from_a_tool_and_back(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana Sousa", ANA, Role::Member).await;
        tool(&app, &owner.org).await;
        let (mut home, mut tool) = (app.visitor(), at_tool(&app));
        let sign_in = to_interlock(&mut tool, "/page?a=1&b=%C3%A9").await;
        assert_eq!(tool.cookies.keys().collect::<Vec<_>>(), ["interlock-state"]);
        let form = home.get(&sign_in).await.leads_to("/sign-in").location();
        let next = url::Url::parse(&format!("http://x{form}")).expect("a URL");
        let next = next.query_pairs().find(|(name, _)| name == "next").expect("it comes back").1.into_owned();
        assert_eq!(next, sign_in);
        let answer = home.post("/sign-in", &[("email", ANA), ("password", PASSWORD), ("next", &next)]).await;
        let answer = home.get(&answer.location()).await.ok().says("On to tool.localhost");
        let callback = path_at(&onward(&answer), "http://tool.localhost");
        let back = tool.get(&callback).await.is(303);
        assert_eq!(back.location(), "/page?a=1&b=%C3%A9");
        let set = back.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).find(|cookie| cookie.starts_with("interlock-tool=")).expect("a cookie");
        assert!(set.ends_with("; HttpOnly; SameSite=Lax; Path=/"), "{set}");
        assert_eq!(tool.cookies.keys().collect::<Vec<_>>(), ["interlock-state", "interlock-tool"]);
        assert_ne!(tool.cookies.get("interlock-tool"), home.session_cookie());
        let open = ask(&mut tool, "/page").await.ok();
        assert_eq!((open.header("x-interlock-email"), open.header("x-interlock-role")), (ANA, "member"));
        // Neither cookie opens anything at the other host, and neither is in the database.
        let mut crossed = app.visitor();
        crossed.cookies = tool.cookies.clone();
        crossed.get("/account").await.leads_to("/sign-in");
        let all = dump(&app).await;
        assert!(tool.cookies.values().chain(home.cookies.values()).all(|cookie| !all.contains(cookie)));
    }

    /// The addresses of some tools hold the whole state of a page.
    async fn a_long_address_is_come_back_to(app: TestApp) {
        let mut owner = app.owner().await;
        tool(&app, &owner.org).await;
        let mut browser = at_tool(&app);
        let long = format!("/page?state={}", "(a:'b',c:!t)".repeat(200));
        let sign_in = to_interlock(&mut browser, &long).await;
        owner.post("/sign-out", &[]).await.is(303);
        let form = owner.get(&sign_in).await.leads_to("/sign-in").location();
        let next = url::Url::parse(&format!("http://x{form}")).expect("a URL");
        let next = next.query_pairs().find(|(name, _)| name == "next").expect("it comes back").1.into_owned();
        let answer = owner.post("/sign-in", &[("email", AMARA), ("password", PASSWORD), ("next", &next)]).await.is(303);
        let callback = path_at(&onward(&owner.get(&answer.location()).await.ok()), "http://tool.localhost");
        assert_eq!(browser.get(&callback).await.is(303).location(), long);
    }

    /// Two tabs of one browser sign in side by side, and both come back.
    async fn two_tabs_come_back(app: TestApp) {
        let mut owner = app.owner().await;
        tool(&app, &owner.org).await;
        let mut browser = at_tool(&app);
        let (one, two) = (to_interlock(&mut browser, "/one").await, to_interlock(&mut browser, "/two").await);
        let mut callbacks = Vec::new();
        for sign_in in [one, two] {
            callbacks.push(path_at(&onward(&owner.get(&sign_in).await.ok()), "http://tool.localhost"));
        }
        for (callback, back) in callbacks.iter().zip(["/one", "/two"]) {
            assert_eq!(browser.get(callback).await.is(303).location(), back);
            ask(&mut browser, back).await.ok();
            browser.get(callback).await.is(400);
        }
    }

    /// S10: what a page asks for by itself keeps no session awake; what a person opens does.
    async fn only_pages_count_as_clicks(app: TestApp) {
        let mut owner = app.owner().await;
        tool(&app, &owner.org).await;
        let forwarded = [("x-forwarded-proto", "http"), ("x-forwarded-host", TOOL), ("x-forwarded-uri", "/")];
        for (headers, counts) in [
            (vec![("sec-fetch-mode", "navigate"), ("accept", "*/*")], true),
            (vec![("accept", "text/html,*/*")], true),
            (vec![("sec-fetch-mode", "cors"), ("accept", "text/html")], false),
            (vec![("sec-fetch-mode", "no-cors"), ("accept", "image/avif")], false),
            (vec![("accept", "application/json")], false),
            (vec![], false),
        ] {
            owner.post("/sign-out", &[]).await.is(303);
            owner.sign_in(AMARA, PASSWORD).await.is(303);
            owner.get(&format!("{}/users", owner.org)).await.ok();
            let mut browser = at_tool(&app);
            come_in(&mut owner, &mut browser, "/").await;
            app.clock.advance(7 * HOUR);
            browser.send(Method::GET, "/forward-auth", &[&forwarded[..], &headers].concat(), None).await.ok();
            app.clock.advance(2 * HOUR);
            ask(&mut browser, "/").await.is(if counts { 200 } else { 302 });
        }
    }

    /// A ticket works once, within a minute, at its host, and in the browser that asked for it (login CSRF).
    async fn a_ticket_works_once(app: TestApp) {
        let mut owner = app.owner().await;
        tool(&app, &owner.org).await;
        resource(&app, &owner.org, AMARA, &Thing::tool("other", "http://other.localhost/", Audience::EntireOrganization)).await;
        let (mut browser, mut thief, mut other) = (at_tool(&app), at_tool(&app), at_tool(&app));
        let sign_in = to_interlock(&mut browser, "/").await;
        to_interlock(&mut thief, "/").await;
        let callback = path_at(&onward(&owner.get(&sign_in).await.ok()), "http://tool.localhost");
        // Sent to somebody else, stolen, or brought to another host it is nothing; nor without the mark.
        thief.get(&callback).await.is(400).says("began in another browser");
        other.get(&callback).await.is(400);
        other.cookies = browser.cookies.clone();
        other.host = "other.localhost".to_owned();
        other.get(&callback).await.is(400);
        other.host = "nowhere.localhost".to_owned();
        other.get(&callback).await.is(404);
        let mark = browser.cookies.clone();
        browser.get(&callback).await.is(303);
        browser.cookies.extend(mark);
        browser.get(&callback).await.is(400);
        assert_eq!(count(&app, "tool_sessions").await, 1);

        let late = path_at(&onward(&owner.get(&sign_in).await.ok()), "http://tool.localhost");
        app.clock.advance(MINUTE);
        browser.get(&late).await.is(400);
        for bad in ["/.interlock/callback", "/.interlock/callback?ticket=x", "/.interlock/callback?ticket="] {
            browser.get(bad).await.is(400);
        }
        // With its session a ticket ends.
        let orphan = path_at(&onward(&owner.get(&sign_in).await.ok()), "http://tool.localhost");
        owner.post("/sign-out", &[]).await.is(303);
        browser.get(&orphan).await.is(400);
    }

    /// Nobody is led to a host that is no tool's, nor given a ticket for what they may not open.
    async fn no_open_redirect(app: TestApp) {
        let mut owner = app.owner().await;
        let mut ana = app.member(&mut owner, "Ana Sousa", ANA, Role::Member).await;
        tool(&app, &owner.org).await;
        resource(&app, &owner.org, AMARA, &Thing::tool("a/b", "http://few.localhost/", Audience::Teams)).await;
        resource(&app, &owner.org, AMARA, &Thing::tool("own", "http://own.localhost/", Audience::Private)).await;
        for to in [
            "", "/", "//evil.example/", "https://evil.example/", "http://tool.localhost.evil.example/", "http://tool.localhost@evil.example/",
            "http://evil.example/http://tool.localhost/", "http://tool.localhost:81/", "https://tool.localhost/", "javascript://tool.localhost/%0aalert(1)",
            "http://tool.localhost\\@evil.example/", "http://evil.example#tool.localhost/", "tool.localhost",
        ] {
            let query: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
            let answer = owner.get(&format!("/forward-auth/sign-in?to={query}&state={}", "0".repeat(64))).await.is(404);
            assert_eq!(answer.header("refresh"), "", "{to}");
        }
        // Without a mark the browser gets one first.
        let answer = ana.get("/forward-auth/sign-in?to=http://tool.localhost/x").await.ok();
        assert_eq!(onward(&answer), "http://tool.localhost/.interlock/sign-in?to=%2Fx");
        ana.get("/forward-auth/sign-in?to=http://few.localhost/").await.leads_to("/o/halden-freight/resources/a%2Fb");
        ana.get("/forward-auth/sign-in?to=http://own.localhost/").await.is(403).says("not open to you").says_not("Halden");
        assert_eq!(count(&app, "tool_tickets").await, 0);
        let mut tool = at_tool(&app);
        for to in ["//evil.example", "https://evil.example/", "\\evil", ""] {
            let query: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
            let answer = tool.get(&format!("/.interlock/sign-in?to={query}")).await.is(303);
            assert!(answer.location().starts_with("http://localhost:3000/forward-auth/sign-in?to=http%3A%2F%2Ftool.localhost%2F&state="), "{to}");
        }
        tool.host = "evil.example".to_owned();
        tool.get("/.interlock/sign-in?to=/").await.is(404);
    }

    /// Signing out here ends it here; at home, everywhere; and so do the session's age and its end by somebody else.
    async fn it_ends_with_its_session(app: TestApp) {
        let mut owner = app.owner().await;
        tool(&app, &owner.org).await;
        let (mut one, mut two) = (at_tool(&app), at_tool(&app));
        come_in(&mut owner, &mut one, "/").await;
        come_in(&mut owner, &mut two, "/").await;
        one.get("/.interlock/sign-out").await.ok().says("Sign out of tool.localhost?");
        let kept = one.cookies.clone();
        for origin in [Some("http://localhost:3000".to_owned()), Some("http://evil.example".to_owned()), None] {
            one.origin = origin;
            one.post("/.interlock/sign-out", &[]).await.is(403);
        }
        one.origin = Some(format!("http://{TOOL}"));
        ask(&mut one, "/").await.ok();
        one.post("/.interlock/sign-out", &[]).await.ok().says("You are signed out of tool.localhost");
        assert!(one.cookies.is_empty());
        one.cookies = kept;
        ask(&mut one, "/").await.is(302);
        ask(&mut two, "/").await.ok();
        owner.get("/account").await.ok();
        owner.post("/sign-out", &[]).await.is(303);
        ask(&mut two, "/").await.is(302);

        // S10: idle, and clicks at the tool keep it awake.
        owner.sign_in(AMARA, PASSWORD).await.is(303);
        owner.get(&format!("{}/users", owner.org)).await.ok();
        come_in(&mut owner, &mut one, "/").await;
        for _ in 0..2 {
            app.clock.advance(7 * HOUR);
            ask(&mut one, "/").await.ok();
        }
        app.clock.advance(8 * HOUR);
        ask(&mut one, "/").await.is(302);
        // What has ended is dropped, with whatever hangs on it.
        execute(&app, "update sessions set ended_at = 1").await;
        interlock::domain::housekeeping::sweep(&app.app).await.expect("it sweeps");
        assert_eq!(count(&app, "tool_sessions").await, 0);
        execute(&app, "update sessions set last_seen_at = 0").await;
        interlock::domain::housekeeping::sweep(&app.app).await.expect("it sweeps");
        assert_eq!(count(&app, "sessions").await, 0);
    }
}
