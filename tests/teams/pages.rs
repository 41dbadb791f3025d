//! The list, one team, making, renaming and deleting.

use interlock::domain::access::Role;

use super::{added, audited, counts_are_true, made, maintaining, memberships, resource};
use crate::support::database::texts;
use crate::support::{everything, on_both, refuses_bad_forms};

on_both! {
    /// A team is made under the slug that its name suggests, found, renamed under the same slug, and listed as CSV.
    async fn a_team_is_made_and_renamed(app: TestApp) {
        let mut owner = app.owner().await;
        let teams = format!("{}/teams", owner.org);
        owner.get(&teams).await.ok().says("Make the first team");
        let piece = owner.get_fragment(&format!("{teams}/new?name=Night+Desk&slug="), "slug-field").await.ok();
        assert!(piece.body.contains("value=\"night-desk\"") && !piece.body.contains("<html"), "{}", piece.body);
        let team = made(&mut owner, "Night Desk").await;
        assert_eq!(team, format!("{teams}/night-desk"));
        owner.get(&team).await.ok().says("Night Desk is there").says("What it opens").says("Nobody is in this team").says("night-desk");
        // The next of the same name gets another slug by itself; one that is typed is refused if it is taken.
        assert_eq!(made(&mut owner, "Night desk").await, format!("{teams}/night-desk-2"));
        let taken = owner.post(&teams, &[("name", "Another"), ("slug", "night-desk")]).await.is(422);
        let taken = taken.says("Another team is called night-desk already");
        assert!(taken.body.contains("value=\"Another\""), "{}", taken.body);
        for (name, slug, why) in [
            ("", "", "Enter a name."),
            ("Fine", "Not A Slug", "Use up to 40 letters"),
            ("Fine", "new", "another meaning"),
        ] {
            owner.post(&teams, &[("name", name), ("slug", slug)]).await.is(422).says(why);
        }
        // A name without a letter that a slug could have.
        let other = made(&mut owner, "夜間").await;
        assert!(other.starts_with(&format!("{teams}/team-")), "{other}");

        owner.post(&format!("{team}/settings"), &[("name", "Nightshift")]).await.leads_to(&team);
        owner.get(&team).await.ok().says("Nightshift").says("night-desk");
        owner.post(&format!("{team}/settings"), &[("name", "Nightshift"), ("slug", "nights")]).await
            .leads_to(&format!("{teams}/nights"));
        owner.get(&team).await.is(404);
        owner.get(&format!("{teams}?q=nightsh")).await.ok().says("Nightshift").says_not("夜間");
        owner.get(&format!("{teams}?q=zzz")).await.ok().says("No team matches “zzz”");
        owner.get(&format!("{teams}?at=zzz")).await.is(400);
        let csv = owner.get(&format!("{teams}.csv?q=nightsh")).await.ok();
        assert_eq!(csv.body.lines().count(), 2, "{}", csv.body);
        assert!(csv.body.starts_with("id,slug,name,people,maintainers,made") && csv.body.contains(",nights,Nightshift,0,"));
        let audited = audited(&app, "team.").await;
        assert!(audited[3].starts_with("team.changed Nightshift") && audited[3].contains("Night Desk"), "{audited:?}");
        assert!(audited[4].contains("night-desk") && audited[4].contains("nights"), "{audited:?}");
        refuses_bad_forms(&app, &mut owner, &teams, &[("name", "X")]).await;
    }

    /// The slug is what definitions name a team by: it stays as soon as something is granted by it.
    async fn a_slug_in_use_stays(app: TestApp) {
        let mut owner = app.owner().await;
        let team = made(&mut owner, "Support").await;
        resource(&app, "refunds", "amara@halden.example", "production", "teams", Some("support")).await;
        owner.get(&format!("{team}/settings")).await.ok().says("so that it stays as it is");
        owner.post(&format!("{team}/settings"), &[("name", "Support"), ("slug", "help")]).await.is(422)
            .says("Resources are granted to this team by its slug");
        owner.post(&format!("{team}/settings"), &[("name", "Help desk"), ("slug", "support")]).await.leads_to(&team);
    }

    /// Several people are found, ticked over several searches, and added at once; whoever was in it stays.
    async fn people_are_added_by_search(app: TestApp) {
        let mut owner = app.owner().await;
        for (name, email, role) in [
            ("Ana Silva", "ana@halden.example", Role::Member),
            ("Bo Berg", "bo@halden.example", Role::Reviewer),
            ("Cy Gone", "cy@halden.example", Role::Member),
        ] {
            app.member(&mut owner, name, email, role).await;
        }
        let team = made(&mut owner, "Support").await;
        let (ana, bo) = (app.id_of(&mut owner, "Ana Silva").await, app.id_of(&mut owner, "Bo Berg").await);
        let cy = app.id_of(&mut owner, "Cy Gone").await;
        owner.post(&format!("{}/users/{cy}/suspension", owner.org), &[]).await.is(303);
        let new = format!("{team}/members/new");
        owner.get(&format!("{new}?q=ana")).await.ok().says("Ana Silva").says_not("Bo Berg");
        let page = owner.get(&format!("{new}?q=bo%40&people={ana}")).await.ok().says("Ana Silva").says("Bo Berg");
        assert!(page.body.contains(&format!("value=\"{ana}\" checked")), "{}", page.body);
        let piece = owner.get_fragment(&format!("{new}?q=bo"), "candidates").await.ok();
        assert!(piece.body.contains("Bo Berg") && !piece.body.contains("<html"), "{}", piece.body);
        // Whoever is suspended is not offered, and not added; all or none.
        owner.get(&format!("{new}?q=cy")).await.ok().says("Nobody active here matches “cy”");
        let members = format!("{team}/members");
        owner.post(&members, &[("people", &ana), ("people", &cy)]).await.is(404);
        owner.post(&members, &[("people", &ana), ("people", "01a20000-0000-7000-8000-000000000000")]).await.is(404);
        owner.post(&members, &[("people", "x")]).await.is(404);
        owner.post(&members, &[("q", "bo")]).await.is(422).says("Choose at least one person.").says("Bo Berg");
        assert!(memberships(&app).await.is_empty());
        owner.post(&members, &[("q", "bo"), ("people", &ana), ("people", &bo)]).await.leads_to(&team);
        owner.get(&team).await.ok().says("2 people are in Support now").says("ana@halden.example").says("Reviewer");
        owner.post(&members, &[("people", &ana)]).await.leads_to(&team);
        owner.get(&format!("{new}?q=ana")).await.ok().says("In the team");
        assert_eq!(memberships(&app).await, ["support Ana Silva", "support Bo Berg"]);
        counts_are_true(&app).await;
        let csv = owner.get(&format!("{team}/members.csv")).await.ok();
        assert!(csv.body.contains(",Ana Silva,ana@halden.example,member,active,,"), "{}", csv.body);
        assert_eq!(audited(&app, "team.member_added").await.len(), 2);

        // The Users page shows and filters by it, as does its file; the person's page names it.
        let users = format!("{}/users", owner.org);
        owner.get(&format!("{users}?team=support")).await.ok().says("Ana Silva").says("Bo Berg").says_not("Cy Gone");
        owner.get(&format!("{users}?team=support&q=bo&sort=-joined")).await.ok().says("Bo Berg").says_not("Ana Silva");
        owner.get(&format!("{users}?team=none")).await.is(400);
        let csv = owner.get(&format!("{users}.csv?team=support")).await.ok();
        assert_eq!(csv.body.lines().count(), 3, "{}", csv.body);
        assert!(csv.body.lines().nth(1).is_some_and(|line| line.ends_with(",support")), "{}", csv.body);
        owner.get(&format!("{users}/{ana}")).await.ok().says("Teams").says("Support");
        refuses_bad_forms(&app, &mut owner, &members, &[("q", "ana")]).await;
    }

    /// V4, A12: the preview names what ends. Deleting ends it all, and a team made anew under the slug has none of it.
    async fn a_deleted_team_leaves_nothing(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana Silva", "ana@halden.example", Role::Member).await;
        let team = made(&mut owner, "Support").await;
        let ana = maintaining(&app, &mut owner, &team, "Ana Silva").await;
        resource(&app, "refunds", "amara@halden.example", "production", "teams", Some("support")).await;
        resource(&app, "tickets", "amara@halden.example", "production", "InviteRestricted", Some("support")).await;
        let link = format!("{}/invitations", owner.org);
        owner.post(&link, &[("email", "new@halden.example"), ("role", "member"), ("teams", "support")]).await.is(303);
        let before = everything(&app).await;
        let removal = format!("{team}/members/{ana}/removal");
        owner.get(&removal).await.ok().says("Remove Ana Silva from Support?").says("on 2 resources");
        let page = owner.get(&format!("{team}/deletion")).await.ok().says("1 person is in it");
        page.says("on 2 resources ends with it").says("The refunds").says("The tickets").says("1 pending invite");
        assert_eq!(everything(&app).await, before);
        owner.post(&format!("{team}/deletion"), &[]).await.leads_to(&format!("{}/teams", owner.org));
        owner.get(&format!("{}/teams", owner.org)).await.ok().says("Support is deleted, and what it gave on 2 resources");
        owner.get(&team).await.is(404);
        owner.post(&format!("{team}/deletion"), &[]).await.is(404);
        assert!(texts(&app, "select team from resource_teams").await.is_empty());
        let audited = audited(&app, "team.").await;
        let last = audited.last().expect("it is audited");
        assert!(last.starts_with("team.deleted Support") && last.contains("refunds (production), tickets"), "{last}");
        assert!(audited[audited.len() - 2].starts_with("team.member_removed Ana Silva"), "{audited:?}");

        made(&mut owner, "Support").await;
        assert!(memberships(&app).await.is_empty());
        let mail = app.mail_to("new@halden.example").await.path("/invite/");
        app.visitor().get(&mail).await.ok().says_not("Support");
        let fields = [("name", "New Comer"), ("password", crate::support::PASSWORD)];
        app.visitor().post(&mail, &fields).await.leads_to(&owner.org);
        assert!(memberships(&app).await.is_empty());
    }

    /// TEN-01, TEN-05: another organization's teams and people are not there.
    async fn other_organizations_are_not_there(app: TestApp) {
        let mut owner = app.owner().await;
        let mut other = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let theirs = made(&mut other, "Secret desk").await;
        let stranger = app.id_of(&mut other, "Bo Bright").await;
        let slug = theirs.rsplit('/').next().expect("it has a slug");
        let team = format!("{}/teams/{slug}", owner.org);
        for path in [team.clone(), format!("{team}/settings"), format!("{team}/deletion"), format!("{team}/members/new")] {
            owner.get(&path).await.is(404).says_not("Secret");
        }
        let before = everything(&app).await;
        owner.post(&format!("{team}/deletion"), &[]).await.is(404);
        owner.post(&format!("{team}/members"), &[("people", &stranger)]).await.is(404);
        assert_eq!(everything(&app).await, before);
        owner.get(&format!("{}/teams?q=secret", owner.org)).await.ok().says_not("Secret desk");
        // The same slug is free here, and nobody of there can be added or found.
        let mine = made(&mut owner, "Secret desk").await;
        owner.post(&format!("{mine}/members"), &[("people", &stranger)]).await.is(404);
        owner.get(&format!("{mine}/members/new?q=bright")).await.ok().says_not("bo@brightwater");
        owner.get(&format!("{mine}/members/new?people={stranger}")).await.ok().says_not("bo@brightwater");
        let users = format!("{}/users?team={slug}", owner.org);
        owner.get(&users).await.ok().says_not("Bo Bright");
        counts_are_true(&app).await;
        added(&app, &mut other, &theirs, "Bo Bright").await;
        owner.get(&mine).await.ok().says("Nobody is in this team");
    }
}
