//! Unlisted tools: whoever has the link is let in at the tool's host (A1, A7).

use axum::http::Method;
use interlock::clock::DAY;
use interlock::domain::access::Role;
use interlock::domain::resources::{Audience, Permissions};

use super::{AMARA, ANA, agree, ask, at_tool, onward, path_at, to_interlock};
use crate::support::access::{Thing, resource};
use crate::support::database::{count, dump, execute};
use crate::support::page::between;
use crate::support::{PASSWORD, TestApp, Visitor, on_both};

/// An Unlisted tool, whose holders may do all to it, and a link to it that ends after a day.
async fn with_link(app: &TestApp, owner: &mut Visitor) -> String {
    let tool = Thing {
        default: Some(Permissions::ALL),
        ..Thing::tool("press", "http://tool.localhost/", Audience::Unlisted)
    };
    resource(app, &owner.org, AMARA, &tool).await;
    make(owner, "press", "").await
}

async fn make(owner: &mut Visitor, key: &str, expires: &str) -> String {
    let page = owner
        .post(&format!("{}/resources/{key}/links", owner.org), &[("name", "One"), ("expires", expires)])
        .await
        .ok();
    let shown = between(&page.body, "http://localhost:3000/i/", "<");
    format!("/i/{}", shown.first().expect("the link is shown"))
}

/// From the tool to Interlock and back, without a question asked.
async fn straight_in(home: &mut Visitor, tool: &mut Visitor, path: &str) {
    let sign_in = to_interlock(tool, path).await;
    let callback = path_at(&onward(&home.get(&sign_in).await.ok()), &format!("http://{}", tool.host));
    assert_eq!(tool.get(&callback).await.is(303).location(), path);
}

on_both! {
    /// A7: whoever has opened the link goes on to the tool, signed in nowhere; nobody else does.
    async fn a_link_leads_into_its_tool(app: TestApp) {
        let mut owner = app.owner().await;
        let link = with_link(&app, &mut owner).await;
        let (mut home, mut tool) = (app.visitor(), at_tool(&app));
        let sign_in = to_interlock(&mut tool, "/a?b=c").await;
        home.get(&sign_in).await.leads_to("/sign-in");
        home.get(&link).await.ok().says("Open The press");
        straight_in(&mut home, &mut tool, "/a?b=c").await;
        let open = ask(&mut tool, "/a").await.ok();
        assert_eq!((open.header("x-interlock-user"), open.header("x-interlock-permissions")), ("", "Read"));
        // Neither the link nor what the tool's host was given is anybody's else, or is kept as it is.
        ask(&mut at_tool(&app), "/a").await.is(302);
        let all = dump(&app).await;
        assert!(tool.cookies.values().chain(home.cookies.values()).all(|cookie| !all.contains(cookie)));
        // Elsewhere the link counts for nothing.
        resource(&app, &owner.org, AMARA, &Thing::tool("other", "http://tool.localhost/other", Audience::Unlisted)).await;
        ask(&mut tool, "/other").await.is(302);
        home.get(&to_interlock(&mut tool, "/other").await).await.leads_to("/sign-in");
    }

    /// RES-03: what ends the link ends what it gave, at the next request.
    async fn it_ends_with_the_link(app: TestApp) {
        let mut owner = app.owner().await;
        let link = with_link(&app, &mut owner).await;
        let (mut home, mut tool) = (app.visitor(), at_tool(&app));
        home.get(&link).await.ok();
        straight_in(&mut home, &mut tool, "/").await;
        for (end, undo) in [
            ("update resource_links set revoked_at = 1", "update resource_links set revoked_at = null"),
            ("update resource_links set expires_at = 1", "update resource_links set expires_at = null"),
            ("update resources set audience = 'Private'", "update resources set audience = 'Unlisted'"),
            ("update resources set archived_at = 1", "update resources set archived_at = null"),
            ("update organizations set closed_at = 1", "update organizations set closed_at = null"),
        ] {
            ask(&mut tool, "/").await.ok();
            execute(&app, end).await;
            let refused = ask(&mut tool, "/").await;
            assert_ne!(refused.status, 200, "{end}");
            execute(&app, undo).await;
        }
        // A ticket that was not used yet ends with it too, and what has ended is cleared away.
        let mut late = at_tool(&app);
        let sign_in = to_interlock(&mut late, "/").await;
        let callback = path_at(&onward(&home.get(&sign_in).await.ok()), "http://tool.localhost");
        execute(&app, "update resource_links set revoked_at = 1").await;
        late.get(&callback).await;
        ask(&mut late, "/").await.is(302);
        app.clock.advance(2 * DAY);
        interlock::domain::housekeeping::sweep(&app.app).await.expect("it sweeps");
        assert_eq!((count(&app, "tool_sessions").await, count(&app, "tool_tickets").await), (0, 0));
    }

    /// A7, R5: members come as who they are, with what everyone may do; a guest is asked first. Signed out, the link is left.
    async fn whoever_is_signed_in_comes_as_themselves(app: TestApp) {
        let mut owner = app.owner().await;
        let mut ana = app.member(&mut owner, "Ana Sousa", ANA, Role::Member).await;
        let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let link = with_link(&app, &mut owner).await;
        let (mut tool, mut guest) = (at_tool(&app), at_tool(&app));
        ana.get(&to_interlock(&mut tool, "/").await).await.is(403);
        ana.get(&link).await.ok();
        straight_in(&mut ana, &mut tool, "/").await;
        let open = ask(&mut tool, "/").await.ok();
        assert_eq!((open.header("x-interlock-email"), open.header("x-interlock-permissions")), (ANA, "Create,Read,Update,Delete"));
        ana.post("/sign-out", &[]).await.is(303);
        let open = ask(&mut tool, "/").await.ok();
        assert_eq!((open.header("x-interlock-email"), open.header("x-interlock-permissions")), ("", "Read"));
        ana.sign_in(ANA, PASSWORD).await.is(303);

        bo.get(&link).await.ok();
        let sign_in = to_interlock(&mut guest, "/").await;
        bo.get(&sign_in).await.ok().says("Go on to tool.localhost of Halden Freight as bo@brightwater.example?");
        let nameless = format!("{sign_in}&name=nobody");
        let callback = path_at(&onward(&agree(&mut bo, &nameless).await.ok().says("It does not learn who you are")), "http://tool.localhost");
        guest.get(&callback).await.is(303);
        assert_eq!(ask(&mut guest, "/").await.ok().header("x-interlock-user"), "");
        let callback = path_at(&onward(&agree(&mut bo, &sign_in).await.ok()), "http://tool.localhost");
        guest.get(&callback).await.is(303);
        assert_eq!(count(&app, "tool_sessions").await, 2);
        assert_eq!(ask(&mut guest, "/").await.ok().header("x-interlock-role"), "guest");
        execute(&app, "update resource_links set revoked_at = 1").await;
        // At home it is seen that there is no link any more.
        bo.get(&to_interlock(&mut guest, "/").await).await.is(403);
        ana.get(&to_interlock(&mut tool, "/").await).await.is(403);
        // Another one opens it again, for whoever has a session there.
        let anew = make(&mut owner, "press", "").await;
        ana.get(&anew).await.ok();
        straight_in(&mut ana, &mut tool, "/").await;
        assert_eq!(ask(&mut tool, "/").await.ok().header("x-interlock-email"), ANA);
    }

    /// S10: it lasts no longer than a session does, and signing out at Interlock forgets it.
    async fn a_link_counts_for_a_time(app: TestApp) {
        let mut owner = app.owner().await;
        let link = with_link(&app, &mut owner).await;
        let (mut home, mut tool) = (app.visitor(), at_tool(&app));
        // Only opening it does: what looks for a page in advance has not.
        home.send(Method::HEAD, &link, &[], None).await.is(200);
        assert!(home.cookies.is_empty(), "{:?}", home.cookies);
        home.get(&link).await.ok();
        straight_in(&mut home, &mut tool, "/").await;
        app.clock.advance(29 * DAY);
        ask(&mut tool, "/").await.ok();
        app.clock.advance(DAY);
        ask(&mut tool, "/").await.is(302);
        interlock::domain::housekeeping::sweep(&app.app).await.expect("it sweeps");
        assert_eq!(count(&app, "tool_sessions").await, 0);
        owner.sign_in(AMARA, PASSWORD).await.is(303);
        owner.get(&link).await.ok();
        assert!(owner.cookies.contains_key("interlock-opened-links"));
        owner.post("/sign-out", &[]).await.is(303);
        assert!(!owner.cookies.contains_key("interlock-opened-links"), "{:?}", owner.cookies);
    }

    /// Several links are held at once; of very many the latest, and what else stands in the cookie is nothing.
    async fn several_links_are_held(app: TestApp) {
        let mut owner = app.owner().await;
        let first = with_link(&app, &mut owner).await;
        let mut home = app.visitor();
        home.get(&first).await.ok();
        for number in 0..8 {
            let (key, url) = (format!("t{number}"), format!("http://t{number}.localhost/"));
            resource(&app, &owner.org, AMARA, &Thing::tool(&key, &url, Audience::Unlisted)).await;
            if number < 7 {
                let link = make(&mut owner, &key, "").await;
                home.get(&link).await.ok();
                home.get(&link).await.ok();
            }
        }
        straight_in(&mut home, &mut at_tool(&app), "/").await;
        let last = make(&mut owner, "t7", "").await;
        home.get(&last).await.ok();
        home.get(&to_interlock(&mut at_tool(&app), "/").await).await.leads_to("/sign-in");
        home.cookies.insert("interlock-opened-links".to_owned(), format!("..x.{}", first.trim_start_matches("/i/")));
        straight_in(&mut home, &mut at_tool(&app), "/").await;
    }
}
