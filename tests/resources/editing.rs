//! Made, described, archived and taken back.

use interlock::domain::access::Role;

use super::*;
use crate::support::sso::Connection;
use crate::support::{everything, on_both, refuses_bad_forms};

fn tool<'a>(key: &'a str, url: &'a str) -> [(&'a str, &'a str); 5] {
    [("kind", "tool"), ("name", "Tool"), ("key", key), ("description", ""), ("url", url)]
}

on_both! {
    /// The form makes a resource under a key that is made from the name, Private to whoever made it (A2).
    async fn a_resource_is_made(app: TestApp) {
        let mut owner = app.owner().await;
        let form = owner.get(&format!("{RESOURCES}/new")).await.ok().says("New resource").says("begins Private");
        // What the field shows as an example is an address that it takes.
        let example = crate::support::page::between(&form.body, " placeholder=\"https://", "\"")[0].to_owned();
        owner.post(RESOURCES, &tool("example", &format!("https://{example}"))).await.leads_to(&format!("{RESOURCES}/example/access"));
        execute(&app, "delete from resources").await;
        let fields = [("kind", "tool"), ("name", "Stock Counts"), ("key", ""), ("description", "All of it"), ("url", "HTTPS://Stock.Example/a/../b")];
        owner.post(RESOURCES, &fields).await.leads_to(&format!("{RESOURCES}/stock-counts/access"));
        let path = format!("{RESOURCES}/stock-counts");
        owner.get(&format!("{path}/access")).await.ok().says("Stock Counts is made").says("1 person may open this; 1 may change it");
        owner.get(&format!("{path}/settings")).await.ok();
        assert_eq!(
            texts(&app, "select url || ' ' || host || ' ' || path from resources").await,
            ["https://stock.example/b stock.example /b"]
        );
        let audited = last_audited(&app, "resource.created").await;
        assert!(audited.contains("\"key\":{\"new\":\"stock-counts\"") && audited.contains("tool"), "{audited}");

        let before = everything(&app).await;
        for (field, value, why) in [
            ("name", "", "Enter a name"),
            ("key", "stock-counts", "a resource with this key already"),
            ("key", "a//b", "Use letters, digits"),
            ("key", "new", "another meaning"),
            ("url", "", "Enter the tool’s address"),
            ("url", "javascript:alert(1)", "Begin with https"),
            ("url", "https://ann:pw@stock.example/", "Leave out the user name"),
            // Forward-auth would match nothing with it.
            ("url", "https://stock.example/a%2Fb", "Servers read this path in more than one way"),
        ] {
            let mut fields = vec![("kind", "tool"), ("name", "Another"), ("key", "another"), ("description", ""), ("url", "https://another.example")];
            for pair in &mut fields {
                if pair.0 == field {
                    pair.1 = value;
                }
            }
            let answer = owner.post(RESOURCES, &fields).await.is(422).says(why);
            assert!(answer.body.contains(&format!("id=\"{field}-error\"")) && answer.body.contains("<title>Error: "), "{field}");
        }
        owner.post(RESOURCES, &[("kind", "robot"), ("name", "X")]).await.is(422);
        owner.post(RESOURCES, &[("kind", "interface"), ("name", "X"), ("url", "https://x.example")]).await.is(422).says("Only tools have an address");
        assert_eq!(everything(&app).await, before);
        refuses_bad_forms(&app, &mut owner, RESOURCES, &[("kind", "interface"), ("name", "Ledger"), ("key", "led"), ("description", ""), ("url", "")]).await;
    }

    /// A key may hold slashes, which an address holds encoded; what is edited is audited, old and new; the key stays.
    async fn a_resource_is_described_anew(app: TestApp) {
        let mut owner = app.owner().await;
        let path = make(&mut owner, "action", "Refund", "finance/refunds/new-one").await;
        let fields = [("name", "Refund an order"), ("description", "With care"), ("url", "")];
        owner.post(&format!("{path}/settings"), &fields).await.leads_to(&format!("{path}/settings"));
        owner.get(&format!("{path}/settings")).await.ok().says("Refund an order").says("finance/refunds/new-one");
        let audited = last_audited(&app, "resource.changed").await;
        assert!(audited.contains(r#""name":{"new":"Refund an order","old":"Refund"}"#), "{audited}");
        owner.post(&format!("{path}/settings"), &[("name", ""), ("description", "")]).await.is(422).says("Enter a name");
        owner.post(&format!("{path}/settings"), &[("name", "X"), ("key", "other")]).await.is(422);
        owner.post(&format!("{RESOURCES}/nope/settings"), &[("name", "X")]).await.is(404);
    }

    /// A host is the organization's that first put a tool there; inside it, others' tools are not got around by a path.
    async fn a_host_has_one_organization(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let mut other = app.member(&mut owner, "Ot Her", "other@halden.example", Role::Developer).await;
        let mut stranger = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        dev.post(RESOURCES, &tool("one", "https://tools.example/")).await.is(303);
        dev.post(RESOURCES, &tool("two", "https://tools.example/two")).await.is(303);
        other.post(RESOURCES, &tool("three", "https://TOOLS.example:8443/two/three")).await.is(422).says("Other people’s tools are on this host");
        owner.post(RESOURCES, &tool("four", "https://tools.example/four")).await.is(303);
        dev.post(RESOURCES, &tool("five", "https://tools.example/five")).await.is(422).says("Other people’s tools");
        let theirs = format!("{}/resources", stranger.org);
        stranger.post(&theirs, &tool("one", "https://tools.example/x")).await.is(422).says("This host can’t be used here. Ask whoever runs this server.");
        assert_eq!(texts(&app, "select host from tool_hosts").await, ["tools.example"]);
        // By another address of a tool of one's own neither.
        other.post(RESOURCES, &tool("mine", "https://mine.example")).await.is(303);
        let settings = format!("{RESOURCES}/mine/settings");
        let fields = [("name", "Mine"), ("description", ""), ("url", "https://tools.example/two/x")];
        other.post(&settings, &fields).await.is(422).says("Other people’s tools");
        other.post(&settings, &[("name", "Mine"), ("description", ""), ("url", "https://new.example/")]).await.is(303);
        assert_eq!(texts(&app, "select host from tool_hosts order by host").await, ["new.example", "tools.example"]);
    }

    /// R7: what an Admin has archived is not opened again by another tool at its path, or under it.
    async fn an_archived_tool_keeps_its_path(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        owner.post(RESOURCES, &tool("admin", "https://x.example/admin")).await.is(303);
        owner.post(&format!("{RESOURCES}/admin/archive"), &[]).await.is(303);
        for url in ["https://x.example/admin", "https://x.example/admin/users", "https://x.example/", "https://x.example:8443/admin"] {
            dev.post(RESOURCES, &tool("mine", url)).await.is(422).says("Other people’s tools are on this host");
        }
        // By the way of one that is archived itself neither.
        dev.post(RESOURCES, &tool("mine", "https://mine.example/")).await.is(303);
        dev.post(&format!("{RESOURCES}/mine/archive"), &[]).await.is(303);
        let moved = [("name", "Mine"), ("description", ""), ("url", "https://x.example/admin/users")];
        dev.post(&format!("{RESOURCES}/mine/settings"), &moved).await.is(422).says("Other people’s tools");
        owner.post(RESOURCES, &tool("again", "https://x.example/admin")).await.is(303);
        // One whose address was taken once and is not any more comes back by another address alone.
        execute(&app, "update resources set archived_at = 1, url = 'https://x.example/a;b' where key = 'again'").await;
        owner.post(&format!("{RESOURCES}/again/unarchive"), &[]).await.is(409).says("Give it another under Settings");
        owner.post(&format!("{RESOURCES}/again/settings"), &[("name", "Again"), ("description", ""), ("url", "https://x.example/a")]).await.is(303);
        owner.post(&format!("{RESOURCES}/again/unarchive"), &[]).await.is(303);
    }

    /// Dev mode takes no host, Interlock's own is nobody's, and a domain that is proven decides (O2).
    async fn whose_a_host_is(app: TestApp) {
        let mut owner = app.owner().await;
        let mut stranger = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let theirs = format!("{}/resources", stranger.org);
        const REFUSED: &str = "This host can’t be used here. Ask whoever runs this server.";
        owner.post("/o/halden-freight/e/development/resources", &tool("dev", "https://wiki.example/")).await.is(303);
        assert_eq!(texts(&app, "select coalesce(host, 'none') || coalesce(path, 'none') from resources").await, ["nonenone"]);
        let in_dev = [("name", "Dev"), ("description", ""), ("url", "https://wiki.example/x")];
        owner.post("/o/halden-freight/e/development/resources/dev/settings", &in_dev).await.is(303);
        assert_eq!(texts(&app, "select host from tool_hosts").await, [""; 0]);
        for own in ["http://localhost:3000/", "https://localhost/", "http://localhost:9/x"] {
            owner.post(RESOURCES, &tool("own", own)).await.is(422).says(REFUSED);
        }

        // All ports of a host are one organization's, until its last tool goes elsewhere.
        owner.post(RESOURCES, &tool("wiki", "https://wiki.example:8443/")).await.is(303);
        for url in ["https://wiki.example/", "https://wiki.example:8443/", "https://wiki.example:9443/"] {
            stranger.post(&theirs, &tool("wiki", url)).await.is(422).says(REFUSED);
        }
        stranger.post(&theirs, &tool("other", "https://other-wiki.example/")).await.is(303);
        owner.post(&format!("{RESOURCES}/wiki/archive"), &[]).await.is(303);
        stranger.post(&theirs, &tool("wiki", "https://wiki.example/")).await.is(422);

        // Whoever proves the domain takes it over; on whole labels, and the longest domain decides.
        let provider = Connection::new(&app, &stranger.org, "oidc", "http://127.0.0.1:1").await;
        provider.domain(&app, "iki.example", true).await;
        provider.domain(&app, "wiki.example", false).await;
        stranger.post(&theirs, &tool("wiki", "https://wiki.example/")).await.is(422).says(REFUSED);
        execute(&app, "update domains set verified_at = 1 where domain = 'wiki.example'").await;
        stranger.post(&theirs, &tool("wiki", "https://wiki.example/")).await.is(303);
        assert_eq!(texts(&app, "select host from tool_hosts where organization = (select id from organizations where slug = 'brightwater-labs') order by host").await, ["other-wiki.example", "wiki.example"]);
        for (kind, slug) in [("resource.host_lost", "halden-freight"), ("resource.host_taken", "brightwater-labs")] {
            let said = texts(&app, &format!("select e.target_name || ' ' || e.operator_name from audit_events e join organizations o on o.id = e.chain where e.kind = '{kind}' and o.slug = '{slug}'")).await;
            assert_eq!(said.len(), 1, "{kind}");
            assert!(said[0].starts_with("wiki.example:8443 ") && (slug == "brightwater-labs" || said[0].ends_with(" Interlock")), "{said:?}");
        }
        owner.post(&format!("{RESOURCES}/wiki/unarchive"), &[]).await.is(409).says(REFUSED);
        for url in ["https://wiki.example/x", "https://a.wiki.example/", "https://a.b.wiki.example/"] {
            owner.post(RESOURCES, &tool("again", url)).await.is(422).says(REFUSED);
        }
        owner.post(RESOURCES, &tool("again", "https://notwiki.example/")).await.is(303);
        let own = Connection::new(&app, &owner.org, "oidc", "http://127.0.0.1:2").await;
        own.domain(&app, "a.wiki.example", true).await;
        owner.post(RESOURCES, &tool("deeper", "https://b.a.wiki.example/")).await.is(303);
        stranger.post(&theirs, &tool("deeper", "https://b.a.wiki.example/")).await.is(422).says(REFUSED);
    }

    /// A11: whoever made a Private resource is mailed when an Owner or Admin writes it; another Developer may neither
    /// archive what is not theirs, nor change who opens it.
    async fn the_creator_is_told(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let mut other = app.member(&mut owner, "Ot Her", "other@halden.example", Role::Developer).await;
        let path = make(&mut dev, "interface", "Ledger", "ledger").await;
        let before = app.count_mails_to("dev@halden.example").await;
        owner.post(&format!("{path}/settings"), &[("name", "Big ledger"), ("description", "")]).await.is(303);
        assert_eq!(app.count_mails_to("dev@halden.example").await, before + 1);
        let mail = app.mail_to("dev@halden.example").await;
        assert_eq!(mail.subject, "Amara Okafor changed Big ledger, which you made");
        say(&mut owner, &path, &[("audience", "entire-organization"), ("default", "Read")]).await;
        assert_eq!(app.count_mails_to("dev@halden.example").await, before + 2);
        // It is everybody's now: a write by another is no news of its own.
        owner.post(&format!("{path}/settings"), &[("name", "Ledger"), ("description", "")]).await.is(303);
        dev.post(&format!("{path}/settings"), &[("name", "Ledger 2"), ("description", "")]).await.is(303);
        assert_eq!(app.count_mails_to("dev@halden.example").await, before + 2);
        other.post(&format!("{path}/settings"), &[("name", "Ledger 3"), ("description", "")]).await.is(303);
        other.post(&format!("{path}/access"), &[("audience", "Public")]).await.is(403);
        other.post(&format!("{path}/archive"), &[]).await.is(403);
        other.get(&format!("{path}/access")).await.ok().says("You can read this");
    }

    /// Where others may open it, another address opens something else for them: who may say who opens it changes that. What
    /// was typed is kept.
    async fn anothers_address_is_theirs(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        owner.post(RESOURCES, &tool("wiki", "https://wiki.example/")).await.is(303);
        execute(&app, "update resources set audience = 'entire-organization'").await;
        let before = everything(&app).await;
        let settings = format!("{RESOURCES}/wiki/settings");
        let fields = [("name", "Better name"), ("description", "Typed at length"), ("url", "https://mine.example/wiki")];
        let answer = dev.post(&settings, &fields).await.is(422).says("Owners and Admins change its address");
        assert!(answer.body.contains("id=\"url-error\"") && answer.body.contains("value=\"https://mine.example/wiki\""));
        assert!(answer.body.contains("value=\"Better name\"") && answer.body.contains("Typed at length"));
        let pasted = "{ key: 'wiki', url: 'https://mine.example/wiki' }";
        let answer = dev.post(&format!("{RESOURCES}/wiki/definition"), &[("definition", pasted)]).await.is(422);
        assert!(answer.says("url: Whoever may open it would open something else").body.contains("https://mine.example/wiki"));
        assert_eq!(everything(&app).await, before);
        dev.post(&settings, &[("name", "Better name"), ("description", ""), ("url", "https://wiki.example/")]).await.is(303);
        owner.post(&settings, &fields).await.is(303);
    }

    /// One more than an environment has is not made, and what was typed is kept.
    async fn an_environment_is_full(app: TestApp) {
        let mut owner = app.owner().await;
        execute(
            &app,
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) \
             insert into resources (id, organization, environment, key, kind, name, name_key, description, creator, \
             audience, created_at, changed_at) select '01a20000-0000-7000-8000-' || substr('' || (100000000000 + i), 1, 12), \
             o.id, 'production', 'k' || i, 'interface', 'Row', 'row', '', u.id, 'Private', 0, 0 from n, organizations o, users u",
        )
        .await;
        let answer = owner.post(RESOURCES, &tool("orders", "https://orders.example/")).await.is(422);
        let answer = answer.says("at most 5000 resources, archived ones too");
        assert!(answer.body.contains("id=\"key-error\"") && answer.body.contains("value=\"https://orders.example/\""));
        let pasted = "{ key: 'orders', name: 'All orders' }";
        let answer = owner.post(&format!("{RESOURCES}/new/definition"), &[("definition", pasted)]).await.is(422);
        assert!(answer.says("at most 5000 resources").body.contains("All orders"));
        assert_eq!(texts(&app, "select count(*) || '' from resources").await, ["5000"]);
    }

    /// All ports of a host are one organization's, of two that come at one moment too.
    async fn two_at_one_host_at_once(app: TestApp) {
        let mut owner = app.owner().await;
        let mut other = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let theirs = format!("{}/resources", other.org);
        for round in 0..12 {
            let (key, one, two) = (format!("t{round}"), format!("https://h{round}.example/"), format!("https://h{round}.example:8443/"));
            let (one, two) = (tool(&key, &one), tool(&key, &two));
            let answers = tokio::join!(owner.post(RESOURCES, &one), other.post(&theirs, &two));
            let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [303, 422], "round {round}");
        }
        assert_eq!(texts(&app, "select host from tool_hosts").await.len(), 12);
    }
}
