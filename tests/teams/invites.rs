//! I1, I4: invitations carry teams.

use interlock::domain::access::Role;
use interlock::domain::invitations;

use super::{audited, counts_are_true, made, maintaining, memberships};
use crate::support::database::texts;
use crate::support::{PASSWORD, everything, on_both};

on_both! {
    /// I1, I4: what the page shows is what acceptance gives: the teams that are still there, in one change.
    async fn teams_are_given_on_acceptance(app: TestApp) {
        let mut owner = app.owner().await;
        for name in ["Support", "Ops", "Gone"] {
            made(&mut owner, name).await;
        }
        let invitations = format!("{}/invitations", owner.org);
        owner.get(&format!("{invitations}/new")).await.ok().says("Teams").says("Support");
        let fields = [("email", "ana@halden.example"), ("role", "member")];
        let with = |teams: &[&'static str]| {
            fields.into_iter().chain(teams.iter().map(|team| ("teams", *team))).collect::<Vec<_>>()
        };
        let wrong = owner.post(&invitations, &with(&["support", "nothing"])).await.is(422);
        wrong.says("One of these teams is not there any more");
        owner.post(&invitations, &with(&["support", "ops", "gone"])).await.leads_to(&invitations);
        owner.get(&invitations).await.ok().says("Gone, Ops +1");
        owner.get(&format!("{invitations}.csv")).await.ok().says("Gone; Ops; Support");
        assert!(audited(&app, "invitation.sent").await[0].contains("Gone, Ops, Support"));
        owner.post(&format!("{}/teams/gone/deletion", owner.org), &[]).await.is(303);
        let link = app.mail_to("ana@halden.example").await.path("/invite/");
        app.visitor().get(&link).await.ok().says("In Ops, Support").says_not("Gone");
        app.visitor().post(&link, &[("name", "Ana Silva"), ("password", PASSWORD)]).await.leads_to(&owner.org);
        assert_eq!(memberships(&app).await, ["ops Ana Silva", "support Ana Silva"]);
        counts_are_true(&app).await;
        assert!(audited(&app, "invitation.accepted").await[0].contains("Ops, Support"));
        assert_eq!(audited(&app, "team.member_added").await.len(), 2);
    }

    /// I8: a list of invites carries its teams to each of them.
    async fn a_list_carries_teams(app: TestApp) {
        let mut owner = app.owner().await;
        made(&mut owner, "Support").await;
        let many = "a@halden.example, b@halden.example";
        let fields = [("emails", many), ("role", "member"), ("teams", "support")];
        let invitations_path = format!("{}/invitations", owner.org);
        let preview = owner.post(&invitations_path, &fields).await.ok().says("Support");
        assert!(preview.body.contains("name=\"teams\" value=\"support\""), "{}", preview.body);
        owner.post(&format!("{invitations_path}/batches"), &fields).await.is(303);
        invitations::work_off(&app.app).await.expect("the list can be sent");
        for who in ["a", "b"] {
            let link = app.mail_to(&format!("{who}@halden.example")).await.path("/invite/");
            app.visitor().post(&link, &[("name", who), ("password", PASSWORD)]).await.leads_to(&owner.org);
        }
        assert_eq!(memberships(&app).await, ["support a", "support b"]);
        counts_are_true(&app).await;
    }

    /// I4, R9: a maintainer's invite is void once they maintain its team no longer, however that came.
    async fn a_maintainers_invite_stands_on_their_maintaining(app: TestApp) {
        let mut owner = app.owner().await;
        let mut ana = app.member(&mut owner, "Ana Silva", "ana@halden.example", Role::Developer).await;
        let team = made(&mut owner, "Support").await;
        let id = maintaining(&app, &mut owner, &team, "Ana Silva").await;
        for email in ["one@halden.example", "two@halden.example"] {
            ana.post(&format!("{team}/invite"), &[("email", email)]).await.leads_to(&team);
        }
        ana.post(&format!("{team}/invite"), &[("email", "one@halden.example")]).await.is(422).says("has a pending invite");
        ana.post(&format!("{team}/invite"), &[("email", "ana@halden.example")]).await.is(422).says("already in");
        ana.post(&format!("{team}/invite"), &[("email", "no address")]).await.is(422);
        owner.get(&format!("{}/invitations", owner.org)).await.ok().says("Ana Silva").says_not("Void");
        owner.get(&format!("{}/users/{id}", owner.org)).await.ok().says("Pending").says_not("Void");
        let link = app.mail_to("one@halden.example").await.path("/invite/");
        let accept = [("name", "One"), ("password", PASSWORD)];
        app.visitor().post(&link, &accept).await.leads_to(&owner.org);
        assert_eq!(memberships(&app).await, ["support Ana Silva (maintainer)", "support One"]);

        owner.post(&format!("{team}/members/{id}/maintainer"), &[("maintainer", "no")]).await.is(303);
        owner.get(&format!("{}/invitations", owner.org)).await.ok().says("Void");
        let link = app.mail_to("two@halden.example").await.path("/invite/");
        app.visitor().get(&link).await.is(410).says("This invite is void");
        app.visitor().post(&link, &[("name", "Two"), ("password", PASSWORD)]).await.is(410);
        assert_eq!(texts(&app, "select state from invitations where email like 'two%'").await, ["void"]);
        let before = everything(&app).await;
        app.visitor().post(&link, &[("name", "Two"), ("password", PASSWORD)]).await.is(410);
        assert_eq!(everything(&app).await, before);
    }
}
