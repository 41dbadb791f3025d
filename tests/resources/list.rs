//! The list, its search and its file.

use interlock::domain::access::Role;

use super::*;
use crate::support::on_both;

on_both! {
    /// A11, RES-01, RES-02: Private and Unlisted resources of others are not there for a Developer: in the list, by
    /// search, by filter, in the file and by key. Owners, Admins and Auditors read how they are configured.
    async fn what_is_hidden_is_not_there(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let mut other = app.member(&mut owner, "Ot Her", "other@halden.example", Role::Developer).await;
        let mut auditor = app.member(&mut owner, "Au Ditor", "auditor@halden.example", Role::Auditor).await;
        let mut member = app.member(&mut owner, "Mem Ber", "member@halden.example", Role::Member).await;
        let secret = make(&mut dev, "interface", "Secret ledger", "secret").await;
        let unlisted = make(&mut dev, "interface", "Unlisted form", "unlisted").await;
        say(&mut dev, &unlisted, &[("audience", "Unlisted"), ("default", "Read")]).await;
        make(&mut dev, "action", "Open refund", "refund").await;

        for (visitor, sees) in [(&mut dev, true), (&mut owner, true), (&mut auditor, true), (&mut other, false)] {
            for path in ["", "?q=ledger", "?kind=interface", "?audience=Private", "?audience=Unlisted"] {
                let page = visitor.get(&format!("{RESOURCES}{path}")).await.ok();
                let there = page.text().contains("Secret ledger") || page.text().contains("Unlisted form");
                assert_eq!(there, sees, "{path}: {}", page.text());
            }
            let file = visitor.get(&format!("{RESOURCES}.csv")).await.ok();
            assert_eq!(file.body.contains("Secret ledger"), sees);
            assert!(file.body.contains("Open refund,action,production"), "{}", file.body);
            for path in [&secret, &unlisted] {
                for page in ["access", "settings", "definition"] {
                    let answer = visitor.get(&format!("{path}/{page}")).await;
                    assert_eq!(answer.status.as_u16(), if sees { 200 } else { 404 }, "{path}/{page}");
                }
            }
        }
        let there = other.get(&format!("{secret}/access")).await.is(404).text();
        let random = other.get(&format!("{RESOURCES}/nothing-here/access")).await.is(404).text();
        let without_id = |text: &str| text.split("request").next().map(str::to_owned);
        assert_eq!(without_id(&there), without_id(&random));
        other.post(&format!("{secret}/settings"), &[("name", "Mine now"), ("description", "")]).await.is(404);
        other.post(&format!("{secret}/access"), &[("audience", "Public")]).await.is(404);
        other.post(&format!("{secret}/archive"), &[]).await.is(404);
        auditor.post(&format!("{secret}/access"), &[("audience", "Public")]).await.is(403);
        member.get(RESOURCES).await.is(403);
    }

    /// Sorted by name, page by page, both ways; the phrase says who may open it; archived ones are apart.
    async fn the_list_is_paged_and_says_who(app: TestApp) {
        let mut owner = app.owner().await;
        owner.get(RESOURCES).await.ok().says("Add the first resource");
        execute(
            &app,
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 120) \
             insert into resources (id, organization, environment, key, kind, name, name_key, description, creator, \
             audience, created_at, changed_at) select '01a20000-0000-7000-8000-' || substr('000000000000' || i, -12, 12), \
             o.id, 'production', 'k' || i, 'interface', 'Row ' || substr('000' || i, -3, 3), \
             'row ' || substr('000' || i, -3, 3), '', u.id, 'entire-organization', 0, 0 from n, organizations o, users u"
                .replace("substr('000000000000' || i, -12, 12)", "substr('' || (100000000000 + i), 1, 12)")
                .replace("substr('000' || i, -3, 3)", "substr('' || (1000 + i), 2, 3)")
                .as_str(),
        )
        .await;
        let first = owner.get(RESOURCES).await.ok().says("Row 001").says("Row 050").says_not("Row 051");
        first.says("50 resources on this page").says("Everyone in the organization");
        let first = owner.get(RESOURCES).await.ok();
        let next = crate::support::page::link(&first, "Next").expect("there is more");
        let second = owner.get(&next).await.ok().says("Row 051").says("Row 100").says_not("Row 050");
        let third = crate::support::page::link(&second, "Next").expect("there is more");
        let third = owner.get(&third).await.ok().says("Row 120").says_not("Row 100");
        assert!(crate::support::page::link(&third, "Next").is_none());
        let back = crate::support::page::link(&third, "Previous").expect("there is a way back");
        owner.get(&back).await.ok().says("Row 051").says("Row 100").says_not("Row 101");
        owner.get(&format!("{RESOURCES}?at=nonsense")).await.is(400);
        owner.get(&format!("{RESOURCES}?kind=nonsense")).await.is(400);
        owner.get(&format!("{RESOURCES}?q=ow+07")).await.ok().says("Row 070").says("Row 079").says_not("Row 080");
        owner.get(&format!("{RESOURCES}?q=%25")).await.ok().says("Nothing matches");
        let fragment = owner.get_fragment(RESOURCES, "resources-table").await.ok();
        assert!(fragment.body.contains("id=\"resources-table\"") && !fragment.body.contains("<html"));

        team(&app, "support", &[]).await;
        let path = make(&mut owner, "tool", "Aaa tool", "aaa").await;
        let fields = [
            ("audience", "InviteRestricted"), ("default", "Read"), ("name-0", "ann@else.example"),
            ("name-1", "bo@else.example"), ("team-name-0", "support"),
        ];
        say(&mut owner, &path, &fields).await;
        owner.get(RESOURCES).await.ok().says("support and 2 people").says("https://aaa.tools.example/");
        owner.get(&format!("{path}/archive")).await.ok().says("3 people may open it now");
        owner.post(&format!("{path}/archive"), &[]).await.leads_to(&format!("{path}/settings"));
        owner.get(&format!("{path}/settings")).await.ok();
        owner.get(RESOURCES).await.ok().says_not("Aaa tool");
        owner
            .get(&format!("{RESOURCES}?archived=1"))
            .await
            .ok()
            .says("Aaa tool")
            .says("Nobody. Taken back: support and 2 people")
            .says_not("Row 001");
        owner.post(&format!("{path}/unarchive"), &[]).await.leads_to(&format!("{path}/settings"));
        owner.get(&format!("{path}/settings")).await.ok();
        owner.get(RESOURCES).await.ok().says("Aaa tool");
    }

    /// TEN-01, TEN-05: another organization's resources are nowhere, by key, search or file; the same key is free.
    async fn another_organization_sees_nothing(app: TestApp) {
        let mut owner = app.owner().await;
        let mut stranger = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let path = make(&mut owner, "interface", "Ledger", "ledger").await;
        stranger.get(&format!("{path}/access")).await.is(404);
        let theirs = format!("{}/resources", stranger.org);
        stranger.get(&theirs).await.ok().says("Add the first resource");
        stranger.get(&format!("{theirs}?q=ledger")).await.ok().says("Nothing matches");
        stranger.get(&format!("{theirs}/ledger/access")).await.is(404);
        let file = stranger.get(&format!("{theirs}.csv")).await.ok();
        assert!(!file.body.contains("Ledger"));
        make(&mut stranger, "interface", "Ledger", "ledger").await;
    }
}
