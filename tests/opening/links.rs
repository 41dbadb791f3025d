//! Unlisted links (A7).

use super::*;
use crate::support::page::between;

/// Makes a link through the page, and gives its path.
async fn make(visitor: &mut Visitor, name: &str, expires: &str) -> String {
    let page =
        visitor.post(&format!("{}/links", at("refunds")), &[("name", name), ("expires", expires)]).await.ok();
    let shown = between(&page.body, "http://localhost:3000/i/", "<");
    format!("/i/{}", shown.first().expect("the link is shown"))
}

on_both! {
    /// RES-02, A7: whoever has the link opens it, and nobody else knows of it. Nothing is to list it or to pass it on.
    async fn a_link_opens_what_is_unlisted(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let mut noor = app.member(&mut owner, "Noor Rahman", "noor@halden.example", Role::Member).await;
        resource(&app, New { audience: "Unlisted", defaults: Some(15), ..New::default() }).await;
        for other in [&mut dev, &mut noor] {
            is_not_there(other, "refunds").await;
            other.get(&format!("{ORG}?q=refunds")).await.ok().says_not("Refunds");
        }
        dev.get(&format!("{}/links", at("refunds"))).await.is(404);
        noor.get(&format!("{}/links", at("refunds"))).await.is(403);
        let link = make(&mut owner, "For the press", "").await;
        assert!(link.len() > 40, "{link}");
        let page = app.visitor().get(&link).await.ok().says("Refunds").says("You have Read").says_not("Amara");
        assert!(page.header("x-robots-tag").contains("noindex") && page.header("referrer-policy") == "no-referrer");
        assert!(page.header("cache-control") == "no-store" && page.body.contains("name=\"robots\""));
        noor.get(&link).await.ok().says("You have All");
        // It lists it to nobody, and the page itself stays closed.
        is_not_there(&mut noor, "refunds").await;
        let listed = owner.get(&format!("{}/links", at("refunds"))).await.ok().says("For the press").says("Used 2 times");
        listed.says("Noor Rahman").says("Nobody signed in").says_not(&link);
        assert!(!database::dump(&app).await.contains(link.trim_start_matches("/i/")), "it is stored hashed");
        let wrong = format!("/i/{}", "A".repeat(43));
        let unknown = app.visitor().get(&wrong).await.is(404);
        execute(&app, "update memberships set state = 'suspended' where role = 'member'").await;
        noor.get(&link).await.ok();
        execute(&app, "update organizations set closed_at = 1").await;
        assert_eq!(without_request(&app.visitor().get(&link).await.is(404)), without_request(&unknown));
    }

    /// RES-03: a link ends when it is revoked, at its end, and for good when the resource is Unlisted no longer.
    async fn a_link_ends_for_good(app: TestApp) {
        let mut owner = app.owner().await;
        resource(&app, New { audience: "Unlisted", ..New::default() }).await;
        let links = format!("{}/links", at("refunds"));
        let (one, dated) = (make(&mut owner, "One", "").await, make(&mut owner, "Dated", "2026-11-23").await);
        app.visitor().get(&dated).await.ok();
        app.clock.advance(2 * interlock::clock::DAY);
        app.visitor().get(&dated).await.is(404);
        owner.sign_in("amara@halden.example", crate::support::PASSWORD).await.is(303);
        let page = owner.get(&links).await.ok().says("Expired");
        let revocation = between(&page.body, &format!("{links}/"), "\"").first().map(|rest| format!("{links}/{rest}"));
        let revocation = revocation.expect("the other can be revoked");
        owner.get(&revocation).await.ok().says("Revoke the link One?").says("It was never used");
        app.visitor().get(&one).await.ok();
        owner.post(&revocation, &[]).await.leads_to(&links);
        app.visitor().get(&one).await.is(404);
        owner.get(&links).await.ok().says("Revoked");
        let kinds = database::texts(&app, "select kind from audit_events where kind like 'resource.link%' order by seq").await;
        assert_eq!(kinds, ["resource.link_created", "resource.link_created", "resource.link_revoked"]);
        let third = make(&mut owner, "Third", "").await;
        set_audience(&app, "refunds", "Private").await;
        app.visitor().get(&third).await.is(404);
        owner.post(&links, &[("name", "No"), ("expires", "")]).await.is(409).says("Only an Unlisted resource has links");
    }

    /// What can't be a link, by its field.
    async fn what_is_no_link(app: TestApp) {
        let mut owner = app.owner().await;
        resource(&app, New { audience: "Unlisted", ..New::default() }).await;
        let links = format!("{}/links", at("refunds"));
        owner.post(&links, &[("name", ""), ("expires", "")]).await.is(422);
        owner.post(&links, &[("name", "Late"), ("expires", "2026-11-01")]).await.is(422).says("Choose today or a later day");
        owner.post(&links, &[("name", "Never"), ("expires", "31.12.")]).await.is(422).says("Enter a day as");
        assert_eq!(database::count(&app, "resource_links").await, 0);
        owner.get(&links).await.ok().says("There is no link yet");
        // One more than work is not made, and what was typed is kept.
        execute(
            &app,
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 50) \
             insert into resource_links (id, organization, resource, token_hash, name, created_at) \
             select '01a20000-0000-7000-8000-' || (100000000000 + n.i), r.organization, r.id, 'x' || n.i, 'Link', 0 from n, resources r",
        )
        .await;
        let answer = owner.post(&links, &[("name", "For the press"), ("expires", "2027-01-31")]).await.is(409).says("50 links that work");
        assert!(answer.body.contains("value=\"For the press\"") && answer.body.contains("value=\"2027-01-31\""));
        assert_eq!(database::count(&app, "resource_links").await, 50);
    }

    /// A7: the last thousand uses are kept, and the number of all.
    async fn uses_are_bounded(app: TestApp) {
        let mut owner = app.owner().await;
        resource(&app, New { audience: "Unlisted", ..New::default() }).await;
        let link = make(&mut owner, "Busy", "").await;
        app.visitor().get(&link).await.ok();
        execute(&app, "update resource_links set uses = 1500; update resource_link_uses set number = 501").await;
        app.visitor().get(&link).await.ok();
        assert_eq!(database::count(&app, "resource_link_uses").await, 1);
        owner.get(&format!("{}/links", at("refunds"))).await.ok().says("Used 1501 times");
    }

    /// A7: nobody signed in has Read at most. Where a link gives something else it asks to sign in, and is come back to.
    async fn a_link_without_read_asks_to_sign_in(app: TestApp) {
        let mut owner = app.owner().await;
        resource(&app, New { audience: "Unlisted", defaults: Some(1), ..New::default() }).await;
        owner.get(&format!("{}/links", at("refunds"))).await.ok().says("asks people to sign in first");
        let link = make(&mut owner, "For whoever reports damage", "").await;
        let asked = format!("/sign-in?next={}", link.replace('/', "%2F"));
        assert_eq!(app.visitor().get(&link).await.is(303).location(), asked);
        let mut gus = guest(&app, "gus@elsewhere.example").await;
        gus.get(&link).await.ok().says("You have Create");
        assert_eq!(database::texts(&app, "select cast(count(*) as text) from resource_link_uses").await, ["1"]);
        // With no permission at all it gives nobody anything, and revoked it is not there.
        execute(&app, "update resources set default_permissions = 0").await;
        app.visitor().get(&link).await.is(404);
        gus.get(&link).await.is(404);
        execute(&app, "update resources set default_permissions = 1").await;
        execute(&app, "update resource_links set revoked_at = 1").await;
        app.visitor().get(&link).await.is(404);
        app.visitor().get("/i/c2VjcmV0LXRva2VuLW9mLTEyOC1iaXRz").await.is(404);
    }
}
