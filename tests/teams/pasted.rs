//! Adding the members whose addresses are pasted, each line on its own.

use interlock::domain::access::Role;

use super::{added, audited, counts_are_true, made, maintaining, memberships};
use crate::support::{everything, on_both, refuses_bad_forms};

on_both! {
    /// Members of the organization only; what is nobody's stops nobody else, and is there to be mended.
    async fn addresses_are_pasted(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana Silva", "ana@halden.example", Role::Member).await;
        app.member(&mut owner, "Bo Berg", "bo@halden.example", Role::Member).await;
        app.member(&mut owner, "Cy Chen", "cy@halden.example", Role::Member).await;
        app.sign_up("Brightwater Labs", "Eve Bright", "eve@brightwater.example").await;
        let team = made(&mut owner, "Support").await;
        added(&app, &mut owner, &team, "Ana Silva").await;
        crate::support::database::execute(&app, "update memberships set state = 'suspended' where email = 'cy@halden.example'").await;
        let pasted = format!("{team}/members/pasted");
        owner.get(&format!("{team}/members/new")).await.ok().says("Or paste addresses");

        let text = "ana@halden.example, Bo Berg <BO@Halden.example>\nbo@halden.example\ncy@halden.example\n\
                    eve@brightwater.example\nnobody@halden.example\nnot an address";
        let page = owner.post(&pasted, &[("emails", text)]).await.ok().says("1 person is in Support now");
        for line in [
            "ana@halden.example Ana Silva In it already", "Bo Berg <BO@Halden.example> Bo Berg Added", "stands here twice",
            "cy@halden.example No active member has this address. Not added",
            "eve@brightwater.example No active member has this address. Not added",
            "nobody@halden.example No active member has this address. Not added",
        ] {
            assert!(page.text().contains(line), "{line}: {}", page.text());
        }
        let box_of = page.body.split("name=\"emails\"").nth(1).and_then(|rest| rest.split("</textarea>").next()).unwrap_or_default();
        assert!(box_of.contains("nobody@halden.example\nnot an address") && !box_of.contains("ana@"), "{box_of}");
        assert_eq!(memberships(&app).await, ["support Ana Silva", "support Bo Berg"]);
        assert_eq!(audited(&app, "team.member_added").await.len(), 2);
        counts_are_true(&app).await;

        let before = everything(&app).await;
        owner.post(&pasted, &[("emails", "")]).await.is(422).says("Paste at least one address.");
        owner.post(&pasted, &[("emails", "nobody@halden.example")]).await.is(422).says("Nobody is new in Support");
        owner.post(&pasted, &[("emails", &"x".repeat(60_001))]).await.is(422).says("Paste fewer");
        owner.post(&format!("{}/teams/no-such/members/pasted", owner.org), &[("emails", "bo@halden.example")]).await.is(404);
        assert_eq!(everything(&app).await, before);
        refuses_bad_forms(&app, &mut owner, &pasted, &[("emails", "bo@halden.example")]).await;
    }

    /// R9: a maintainer pastes into their own team, and nobody else into any.
    async fn who_may_paste(app: TestApp) {
        let mut owner = app.owner().await;
        let mut ana = app.member(&mut owner, "Ana Silva", "ana@halden.example", Role::Member).await;
        let mut bo = app.member(&mut owner, "Bo Berg", "bo@halden.example", Role::Developer).await;
        let (support, ops) = (made(&mut owner, "Support").await, made(&mut owner, "Ops").await);
        maintaining(&app, &mut owner, &support, "Ana Silva").await;
        let fields = [("emails", "bo@halden.example")];
        bo.post(&format!("{support}/members/pasted"), &fields).await.is(403);
        ana.post(&format!("{ops}/members/pasted"), &fields).await.is(403);
        assert_eq!(memberships(&app).await, ["support Ana Silva (maintainer)"]);
        ana.post(&format!("{support}/members/pasted"), &fields).await.ok().says("1 person is in Support now");
        assert_eq!(memberships(&app).await.len(), 2);
    }
}
