//! R9, ROL-14: who may do what with a team.

use interlock::domain::access::Role;

use super::{added, audited, counts_are_true, made, maintaining, memberships};
use crate::support::database::texts;
use crate::support::{everything, on_both};

on_both! {
    /// R9: a maintainer adds and removes members, sees the names to add, invites plain Members, and nothing more.
    async fn a_maintainer_does_what_is_theirs(app: TestApp) {
        let mut owner = app.owner().await;
        let mut ana = app.member(&mut owner, "Ana Silva", "ana@halden.example", Role::Member).await;
        app.member(&mut owner, "Bo Berg", "bo@halden.example", Role::Admin).await;
        app.member(&mut owner, "Cy Chen", "cy@halden.example", Role::Developer).await;
        let (support, ops) = (made(&mut owner, "Support").await, made(&mut owner, "Ops").await);
        let own = maintaining(&app, &mut owner, &support, "Ana Silva").await;
        let bo = maintaining(&app, &mut owner, &support, "Bo Berg").await;
        let cy = app.id_of(&mut owner, "Cy Chen").await;

        ana.get(&support).await.ok().says("Add people").says("bo@halden.example").says_not("Delete team");
        ana.get(&format!("{support}/members/new?q=cy")).await.ok().says("Cy Chen").says("cy@halden.example");
        ana.post(&format!("{support}/members"), &[("people", &cy)]).await.leads_to(&support);
        ana.get(&format!("{support}/members/{cy}/removal")).await.ok().says("Remove Cy Chen from Support?");
        ana.post(&format!("{support}/members/{cy}/removal"), &[]).await.leads_to(&support);
        ana.get(&format!("{support}/invite")).await.ok().says("as a Member");
        ana.post(&format!("{support}/invite"), &[("email", "new@halden.example"), ("note", "Hello")]).await.leads_to(&support);
        assert_eq!(texts(&app, "select role from invitations where email = 'new@halden.example'").await, ["member"]);

        let before = everything(&app).await;
        // No other role, no other team; no rename, no deletion, no maintainer; not another maintainer; no other page.
        let role = [("email", "x@halden.example"), ("role", "admin")];
        ana.post(&format!("{support}/invite"), &role).await.is(422);
        ana.post(&format!("{ops}/invite"), &[("email", "x@halden.example")]).await.is(403);
        ana.post(&format!("{ops}/members"), &[("people", &own)]).await.is(403);
        ana.get(&format!("{ops}/members/new")).await.is(403);
        ana.post(&format!("{support}/settings"), &[("name", "Mine")]).await.is(403);
        ana.get(&format!("{support}/deletion")).await.is(403);
        ana.post(&format!("{support}/deletion"), &[]).await.is(403);
        ana.post(&format!("{support}/members/{cy}/maintainer"), &[("maintainer", "yes")]).await.is(403);
        ana.post(&format!("{support}/members/{bo}/removal"), &[]).await.is(403).says("Only an Owner or Admin");
        ana.post(&format!("{}/teams", owner.org), &[("name", "Mine")]).await.is(403);
        ana.get(&format!("{}/users", owner.org)).await.is(403);
        ana.post(&format!("{}/invitations", owner.org), &[("email", "x@halden.example"), ("role", "member")]).await.is(403);
        assert_eq!(everything(&app).await, before);

        // What they were is over on their next request.
        owner.post(&format!("{support}/members/{own}/maintainer"), &[("maintainer", "no")]).await.leads_to(&support);
        ana.post(&format!("{support}/members"), &[("people", &cy)]).await.is(403);
        ana.get(&support).await.ok().says("Ana Silva").says_not("bo@halden.example").says_not("Add people");
        counts_are_true(&app).await;
        assert_eq!(audited(&app, "team.maintainer_changed").await.len(), 3);
    }

    /// ROL-14: nobody adds themselves to a team that they do not maintain. Everybody but an Auditor sees teams.
    async fn nobody_adds_themselves(app: TestApp) {
        let mut owner = app.owner().await;
        let team = made(&mut owner, "Support").await;
        for role in [Role::Developer, Role::Member, Role::Reviewer, Role::Auditor] {
            let (name, email) = (format!("The {role}"), format!("{}@halden.example", role.code()));
            let mut visitor = app.member(&mut owner, &name, &email, role).await;
            let id = app.id_of(&mut owner, &name).await;
            let before = everything(&app).await;
            visitor.post(&format!("{team}/members"), &[("people", &id)]).await.is(403);
            visitor.post(&format!("{team}/invite"), &[("email", "x@halden.example")]).await.is(403);
            visitor.get(&format!("{team}/members/new?q=a")).await.is(403);
            assert_eq!(everything(&app).await, before);
            let seen = if role == Role::Auditor { 403 } else { 200 };
            visitor.get(&format!("{}/teams", owner.org)).await.is(seen);
            visitor.get(&team).await.is(seen);
        }
        assert!(memberships(&app).await.is_empty());
    }

    /// R9: an Auditor cannot be a maintainer, and whoever becomes one is none any more, also afterwards.
    async fn an_auditor_maintains_nothing(app: TestApp) {
        let mut owner = app.owner().await;
        let mut ana = app.member(&mut owner, "Ana Silva", "ana@halden.example", Role::Member).await;
        app.member(&mut owner, "Tess Audit", "tess@audit.example", Role::Auditor).await;
        let team = made(&mut owner, "Support").await;
        let tess = added(&app, &mut owner, &team, "Tess Audit").await;
        let maintainer = format!("{team}/members/{tess}/maintainer");
        owner.post(&maintainer, &[("maintainer", "yes")]).await.is(409).says("An Auditor can't be a maintainer");
        owner.post(&maintainer, &[("maintainer", "perhaps")]).await.is(422);
        let id = maintaining(&app, &mut owner, &team, "Ana Silva").await;
        let role = format!("{}/users/{id}/role", owner.org);
        owner.post(&role, &[("role", "auditor")]).await.is(303);
        assert!(audited(&app, "member.role_changed").await[0].contains("maintainer of"));
        ana.post(&format!("{team}/members"), &[("people", &id)]).await.is(403);
        owner.post(&role, &[("role", "member")]).await.is(303);
        ana.post(&format!("{team}/members"), &[("people", &id)]).await.is(403);
        assert_eq!(memberships(&app).await, ["support Ana Silva", "support Tess Audit"]);
    }
}
