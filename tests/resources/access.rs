//! The access editor: what is said, shown and saved.

use interlock::domain::access::Role;

use super::*;
use crate::support::{everything, on_both};

on_both! {
    /// A14: what is saved was shown before, with who gains and who loses; until then nothing is stored.
    async fn the_difference_comes_first(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ann Lee", "ann@halden.example", Role::Member).await;
        app.member(&mut owner, "Rev Iewer", "rev@halden.example", Role::Reviewer).await;
        team(&app, "support", &["ann@halden.example"]).await;
        let path = make(&mut owner, "interface", "Ledger", "ledger").await;
        let before = everything(&app).await;
        let everyone = [("audience", "entire-organization"), ("default", "Read"), ("default", "Update")];
        let shown = owner.post(&format!("{path}/access"), &everyone).await.ok();
        shown.says("Gain access").says("Ann Lee").says("nothing → Read and Update").says("2 people may open this; 2 may change it");
        assert_eq!(everything(&app).await, before);
        let shown = say(&mut owner, &path, &everyone).await;
        assert!(!shown.text().contains("Rev Iewer"), "a Reviewer opens nothing as a member");
        owner.get(&format!("{path}/access")).await.ok().says("2 people may open this; 2 may change it");
        assert!(last_audited(&app, "resource.access_changed").await.contains(r#""audience":{"new":"entire-organization","old":"not said"}"#));

        let people = [
            ("audience", "InviteRestricted"), ("default", "Read"), ("name-0", "Rev@Halden.example"), ("may-0", "Delete"),
            ("name-1", "guest@else.example"), ("team-name-0", "support"), ("team-may-0", "All"),
        ];
        let shown = say(&mut owner, &path, &people).await;
        let shown = shown.says("Gain access").says("Rev Iewer").says("guest@else.example").says("nothing → Delete");
        shown.says("May do other things than before").says("Read and Update → All");
        let row = last_audited(&app, "resource.access_changed").await;
        assert!(row.contains("Rev@Halden.example: Delete; guest@else.example: the default; team support: All"), "{row}");
        // The address of a member binds at once; one that nobody has waits.
        let bound = texts(&app, "select email_canonical || case when user_id is null then ' waits' else ' is bound' end from resource_people order by 1").await;
        assert_eq!(bound, ["guest@else.example waits", "rev@halden.example is bound"]);

        let fewer = [("audience", "InviteRestricted"), ("name-0", "rev@halden.example"), ("gone-0", "on"), ("name-1", "guest@else.example")];
        let shown = say(&mut owner, &path, &fewer).await;
        shown.says("Lose access").says("Rev Iewer").says("Delete → nothing").says("guest@else.example");
        assert!(last_audited(&app, "resource.access_changed").await.contains(r#""default permissions":{"new":"nothing","old":"Read"}"#));
    }

    /// Two saves at once: the second is of something else than was shown, so it is shown again.
    async fn what_changed_meanwhile_is_shown_again(app: TestApp) {
        let mut owner = app.owner().await;
        let mut admin = app.member(&mut owner, "Ad Min", "admin@halden.example", Role::Admin).await;
        let path = make(&mut owner, "interface", "Ledger", "ledger").await;
        let access = format!("{path}/access");
        let everyone = [("audience", "entire-organization"), ("default", "Read")];
        let first = digest(&owner.post(&access, &everyone).await.ok());
        say(&mut admin, &path, &[("audience", "Public"), ("default", "Read")]).await;
        let mut fields = everyone.to_vec();
        fields.extend([("act", "save"), ("digest", first.as_str())]);
        let again = owner.post(&access, &fields).await.is(409).says("Nothing was saved").says("signed in or not");
        assert_eq!(texts(&app, "select audience from resources").await, ["Public"]);
        let second = digest(&again);
        let mut fields = everyone.to_vec();
        fields.extend([("act", "save"), ("digest", second.as_str())]);
        let (one, two) = tokio::join!(
            async { owner.clone().post(&access, &fields).await.status.as_u16() },
            async { owner.clone().post(&access, &fields).await.status.as_u16() }
        );
        let mut both = [one, two];
        both.sort_unstable();
        assert_eq!(both, [303, 409]);
        fields[3] = ("digest", "");
        owner.post(&access, &fields).await.is(409);
    }

    /// A9: actions are for everyone in the organization or teams, and take nobody by email; they take the access of the
    /// page above (A2), whose change is only for whoever may change theirs.
    async fn actions_take_their_pages_access(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        team(&app, "support", &["dev@halden.example"]).await;
        let page = make(&mut owner, "page", "Finance", "finance").await;
        let action = make(&mut dev, "action", "Refund", "finance/refund").await;
        dev.get(&format!("{action}/access")).await.ok().says("As the page above it").says("2 people may open this");
        for audience in ["Private", "Public", "Unlisted", "DomainRestricted", "InviteRestricted", "nonsense"] {
            dev.post(&format!("{action}/access"), &[("audience", audience)]).await.is(422);
        }
        let by_email = [("audience", "teams"), ("default", "Read"), ("name-0", "ann@else.example")];
        dev.post(&format!("{action}/access"), &by_email).await.is(422).says("opened by members alone");
        let shown = say(&mut owner, &page, &[("audience", "teams"), ("default", "Read"), ("team-name-0", "support")]).await;
        shown.says("1 resource under this page");
        owner.get(&format!("{action}/access")).await.ok().says("The page finance says who may open it").says("1 person may open this");
        owner.get(RESOURCES).await.ok().says("Like the page finance");
        // A page of a Developer's that would say it for another's action.
        owner.post(RESOURCES, &[("kind", "action"), ("name", "Pay"), ("key", "hr/pay"), ("description", ""), ("url", "")]).await.is(303);
        let theirs = make(&mut dev, "page", "HR", "hr").await;
        dev.post(&format!("{theirs}/access"), &[("audience", "entire-organization"), ("default", "Read")]).await.is(422).says("Other people’s actions");
        dev.post(&format!("{RESOURCES}/new/definition"), &[("definition", "{key: 'hr2', kind: 'page', access: 'entire-organization'}")]).await.is(303);
    }

    /// A8, RES-06: the domain is the creator's own, copied when it is saved; one where anybody has an address is refused.
    async fn the_domain_is_the_creators(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@gmail.com", Role::Developer).await;
        let path = make(&mut owner, "interface", "Ledger", "ledger").await;
        let domain = [("audience", "DomainRestricted"), ("default", "Read")];
        let shown = say(&mut owner, &path, &domain).await;
        shown.says("whoever else has a verified address at halden.example");
        assert_eq!(texts(&app, "select domain from resources").await, ["halden.example"]);
        let path = make(&mut dev, "interface", "Mine", "mine").await;
        dev.post(&format!("{path}/access"), &domain).await.is(422).says("gmail.com, which is not one organization’s own");
        // Nor by an Owner, for it.
        owner.post(&format!("{path}/access"), &domain).await.is(422).says("gmail.com");
        assert_eq!(texts(&app, "select count(*) || '' from resources where audience is null").await, ["1"]);
    }

    /// RES-03: leaving Unlisted ends its links for good.
    async fn leaving_unlisted_ends_links(app: TestApp) {
        let mut owner = app.owner().await;
        let path = make(&mut owner, "interface", "Ledger", "ledger").await;
        say(&mut owner, &path, &[("audience", "Unlisted"), ("default", "Read")]).await;
        execute(
            &app,
            "insert into resource_links (id, organization, resource, token_hash, name, created_at) \
             select '01a20000-0000-7000-8000-0000000000aa', organization, id, 'x', 'Link', 0 from resources",
        )
        .await;
        let shown = say(&mut owner, &path, &[("audience", "Private"), ("default", "Read")]).await;
        shown.says("1 link ends for good");
        say(&mut owner, &path, &[("audience", "Unlisted"), ("default", "Read")]).await;
        assert_eq!(texts(&app, "select count(*) || '' from resource_links where revoked_at is null").await, ["0"]);
    }

    /// A11: whoever made it and may not change its access any more is named before anything is saved, and so is that nobody
    /// may open it then.
    async fn what_nobody_manages_or_opens_is_said_first(app: TestApp) {
        const MANAGED: &str = "only Owners and Admins can";
        const NOBODY: &str = "Nobody may open it then. Owners and Admins can still change its access.";
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let path = make(&mut dev, "interface", "Ledger", "ledger").await;
        let access = format!("{path}/access");
        let (everyone, private) = ([("audience", "entire-organization"), ("default", "Read")], [("audience", "Private"), ("default", "Read")]);
        owner.post(&access, &everyone).await.ok().says_not(MANAGED).says_not(NOBODY);
        owner.post(&access, &private).await.ok().says_not(MANAGED).says_not(NOBODY);
        for (role, state) in [("member", "active"), ("reviewer", "active"), ("auditor", "active"), ("developer", "suspended")] {
            execute(&app, &format!("update memberships set role = '{role}', state = '{state}' where email = 'dev@halden.example'")).await;
            owner.post(&access, &everyone).await.ok().says(MANAGED).says_not(NOBODY);
            // What one has made one opens as long as one is there, whatever the role (A3).
            let shown = owner.post(&access, &private).await.ok().says(MANAGED);
            assert_eq!(shown.text().contains(NOBODY), state == "suspended", "{role}: {}", shown.text());
        }
        let nobody = [("audience", "teams"), ("default", "Read")];
        owner.post(&access, &nobody).await.ok().says(NOBODY).says("No team is listed");
        say(&mut owner, &path, &nobody).await.says(NOBODY);
        owner.get(&access).await.ok().says("0 people may open this");
        say(&mut owner, &path, &everyone).await.says_not(NOBODY);
    }

    /// DOS: counting and showing who may open a resource read many people, so each has a budget for each person.
    async fn counting_has_a_budget(app: TestApp) {
        let mut owner = app.owner().await;
        let mut admin = app.member(&mut owner, "Ad Min", "admin@halden.example", Role::Admin).await;
        let path = make(&mut owner, "interface", "Ledger", "ledger").await;
        let access = format!("{path}/access");
        let fields = [("audience", "entire-organization"), ("default", "Read")];
        for (address, budget) in [(format!("{access}/count"), "access-count"), (access.clone(), "access-preview")] {
            owner.post(&address, &fields).await.ok();
            execute(&app, &format!("update throttles set used = 1000 where key like '{budget}:%'")).await;
            owner.post(&address, &fields).await.is(429);
            admin.post(&address, &fields).await.ok();
        }
        // The editor comes back with what was typed, before the difference and as it is saved.
        let typed = [("audience", "InviteRestricted"), ("name-0", "ann@else.example"), ("may-0", "Delete")];
        let digest = digest(&admin.post(&access, &typed).await.ok());
        let saved = [("act", "save"), ("digest", digest.as_str())];
        for act in [&[] as &[_], &saved] {
            let answer = owner.post(&access, &[&typed, act].concat()).await.is(429).says("nothing was saved. Wait");
            assert!(answer.body.contains("value=\"ann@else.example\"") && answer.body.contains("value=\"InviteRestricted\" checked"));
            assert!(!answer.header("retry-after").is_empty());
        }
        owner.get(&access).await.ok();
    }

    /// Bad input is refused by its row and keeps what was typed; no field is taken that the form has not.
    async fn what_can_not_be_taken(app: TestApp) {
        let mut owner = app.owner().await;
        let path = make(&mut owner, "interface", "Ledger", "ledger").await;
        let access = format!("{path}/access");
        let before = everything(&app).await;
        let answer = owner.post(&access, &[("audience", "InviteRestricted"), ("name-0", "not an address"), ("name-1", "ann@else.example")]).await.is(422);
        assert!(answer.body.contains("id=\"name-0-error\"") && answer.body.contains("value=\"ann@else.example\""));
        let twice = [("audience", "InviteRestricted"), ("name-0", "ann@else.example"), ("name-1", "ANN@else.example")];
        owner.post(&access, &twice).await.is(422).says("is here twice");
        for wrong in [("audience", "Nobody"), ("may-0", "Write"), ("x", "1"), ("name-x", "1"), ("gone-0", "1"), ("name-99999", "a@b.example")] {
            owner.post(&access, &[("audience", "InviteRestricted"), wrong]).await.is(if wrong.0 == "audience" { 400 } else { 422 });
        }
        let unknown = owner.post(&access, &[("audience", "teams"), ("team-name-0", "nope")]).await.ok();
        unknown.says("There is no team “nope”").says("No team is listed").says_not("Gain access");
        let more = owner.post(&access, &[("audience", "InviteRestricted"), ("name-0", "ann@else.example"), ("act", "more")]).await.ok();
        assert!(more.body.contains("name=\"name-5\"") && more.body.contains("value=\"ann@else.example\""));
        let line = owner.post_fragment(&format!("{access}/count"), &[("audience", "Public"), ("default", "Read")]).await.ok();
        assert!(line.body.starts_with("<p class=\"notice\" id=\"line\"") && line.text().contains("Anyone may open this"));
        assert_eq!(everything(&app).await, before);
    }
}
